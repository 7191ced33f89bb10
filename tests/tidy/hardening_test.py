"""A program that is built as a release is has every protection; with one taken away, tools/dev/hardening.py names that one."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / 'tools' / 'dev'))
import hardening  # noqa: E402


class Hardening(unittest.TestCase):
    def test_each_protection(self):
        with tempfile.TemporaryDirectory() as folder:
            for words in (['-S', HERE / 'hardening', '-B', folder, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release',
                           '-DCMAKE_CXX_COMPILER=g++', '-DCMAKE_CXX_FLAGS_RELEASE=-O2'], ['--build', folder]):
                done = subprocess.run(['cmake', *words], capture_output=True, text=True)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            programs = sorted(os.listdir(f'{folder}/bin'))
            self.assertEqual(9, len(programs))
            for name in programs:
                with self.subTest(name):
                    found = list(hardening.missing(f'{folder}/bin/{name}'))
                    self.assertEqual(0 if name == 'whole' else 1, len(found), found)
                    self.assertIn('' if name == 'whole' else name, ''.join(found))


if __name__ == '__main__':
    unittest.main()
