"""weir-tds, the project's TDS server, as the source of a measure."""
import os
import re
import shutil
import subprocess
import tempfile

from harness import process
from harness.project import PASSWORD

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'tds')


class Tds:
    """`with Tds(options, 'mixed.yml', 'Core', count=(2000000, 2000)) as tds:` serves a description on a free loopback port,
    with `count: 2000` where it says `count: 2000000`."""

    user = 'bench'

    def __init__(self, options, description, database, **values):
        self.program = os.path.join(options.bin, 'weir-tds')
        self.path = os.path.join(FOLDER, description)
        self.database, self.values = database, values
        self.server, self.port = None, 0

    def __enter__(self):
        if not os.path.exists(self.program):
            raise process.Failed('weir-tds', 'it is not built: ./dev build')
        self.folder = tempfile.mkdtemp(prefix='weir-bench-tds-')
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        with open(self.path) as file:
            text = file.read()
        for key, (old, new) in self.values.items():
            assert f'{key}: {old}' in text
            text = re.sub(rf'\b{key}: {old}\b', f'{key}: {new}', text)
        # CSV files that a description names stand beside it.
        shutil.copytree(os.path.dirname(self.path), self.folder, dirs_exist_ok=True)
        description = os.path.join(self.folder, os.path.basename(self.path))
        with open(description, 'w') as file:
            file.write(text)
        self.log = open(os.path.join(self.folder, 'log'), 'w+')
        self.server = process.start(
            [self.program, '--database', description, '--tls', 'off', '--user', self.user, '--password-env',
             'WEIR_BENCH_PASSWORD', '--port-file', os.path.join(self.folder, 'port'), '--until-stdin-closes'],
            stdin=subprocess.PIPE, stdout=self.log, stderr=self.log, env={**os.environ, 'WEIR_BENCH_PASSWORD': PASSWORD})
        process.wait_until(self._listens, self.server, 'weir-tds', self._log_text, patience=30)

    def _listens(self):
        path = os.path.join(self.folder, 'port')
        if os.path.exists(path):
            with open(path) as file:
                self.port = int(file.read() or 0)
        return self.port != 0

    def _log_text(self):
        self.log.seek(0)
        return self.log.read()

    def __exit__(self, *_):
        if self.server:
            process.end(self.server)
            self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def endpoint(self):
        return {'kind': 'sqlserver', 'host': '127.0.0.1', 'port': self.port, 'database': self.database, 'user': self.user,
                'password': '${env:WEIR_BENCH_PASSWORD}', 'encrypt': 'off'}

    def cpu_seconds(self):
        return process.cpu_seconds(self.server.pid)
