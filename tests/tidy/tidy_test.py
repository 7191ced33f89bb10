"""Each check of tidy.py finds the mistake that it is there for, and lets the right way pass."""
import unittest

import tidy

LAYERS = '# comment\n0 base:\n1 sql: base\n2 pg: base sql\n'
READMES = {f'src/{folder}/README.md': '# x\n' for folder in ('base', 'sql', 'pg')}
GOOD = {'src/layers.txt': LAYERS, **READMES, 'src/base/a.h': '#pragma once\n', 'src/sql/b.h': '#pragma once\n',
        'src/pg/inner/c.h': '#pragma once\n', 'src/pg/d_internal.h': '#pragma once\n'}


def problems(check, files):
    return [f'{name}:{line}: {message}' for name, line, message in tidy.CHECKS[check](tidy.Tree({**GOOD, **files}))]


class Layers(unittest.TestCase):
    def expect(self, part, files):
        found = problems('layers', files)
        self.assertEqual(1, len(found), found)
        self.assertIn(part, found[0])

    def test_what_is_right_passes(self):
        self.assertEqual([], problems('layers', {'src/pg/x.cc': '#include "base/a.h"\n#include "pg/inner/c.h"\n'}))

    def test_includes(self):
        self.expect('src/base/a.cc:2: base may not include sql', {'src/base/a.cc': '\n#include "sql/b.h"\n'})
        self.expect('which is not a file', {'src/base/a.cc': '#include "base/gone.h"\n'})

    def test_private_headers(self):
        files = {'src/layers.txt': LAYERS + '3 top: pg\n', 'src/top/README.md': '# x\n'}
        self.expect('private to pg', {**files, 'src/top/x.cc': '#include "pg/inner/c.h"\n'})
        self.expect('private to pg', {**files, 'src/top/x.cc': '#include "pg/d_internal.h"\n'})

    def test_layers_file(self):
        self.expect('may not include', {'src/layers.txt': LAYERS.replace('0 base:', '0 base: pg')})
        self.expect('may not include', {'src/layers.txt': LAYERS.replace('2 pg', '1 pg')})
        self.expect('which has no line', {'src/layers.txt': LAYERS + '3 top: gone\n'})
        self.expect('is not `LEVEL', {'src/layers.txt': LAYERS + 'nonsense\n'})

    def test_folders(self):
        self.expect('has no line in src/layers.txt', {'src/odd/README.md': ''})
        self.expect('has no README.md', {'src/layers.txt': LAYERS + '3 top: pg\n', 'src/top/x.cc': ''})


class Code(unittest.TestCase):
    WRONG = {
        'int i = std::stoi(s);': 'parse_int', 'atol(p);': 'parse_int', 'system("rm");': 'posix_spawn',
        'auto p = popen(c, "r");': 'posix_spawn', 'std::regex r("a");': 'std::regex', 'snprintf(b, n, "x");': 'fmt::format',
        'auto t = localtime(&now);': 'base/clock.h', 'throw 1;': 'return an Error', 'PQexec(c, s);': 'only src/pg',
        'SQLExecDirect(s, q, n);': 'only src/odbc', 'worker.detach();': 'owns', 'std::thread t(f);': 'jthread',
        'std::mutex m;': 'Mutex', 'out << std::endl;': "'\\n'", 'using namespace std;': 'the names',
        '#include <libpq-fe.h>': 'only src/pg', '#include <sqlext.h>': 'only src/odbc', '#include <yaml.h>': 'only src/yaml',
        '#include <CLI/CLI.hpp>': 'only src/app',
    }

    def test_wrong_code(self):
        for code, part in self.WRONG.items():
            found = problems('code', {'src/base/x.cc': f'// line\n  {code}\n'})
            self.assertEqual(1, len(found), (code, found))
            self.assertIn('src/base/x.cc:2: ', found[0])
            self.assertIn(part, found[0])

    def test_right_code(self):
        right = '// throw std::stoi(system("x"))\nauto s = "throw; PQexec(c)";\n/* std::regex */ char c = \'"\'; f(R"(throw)");\n'
        self.assertEqual([], problems('code', {'src/base/x.cc': right, 'src/pg/y.cc': 'PQexec(c, s);\n#include <libpq-fe.h>\n'}))

    def test_headers(self):
        self.assertIn('pragma once', problems('code', {'src/base/x.h': 'int f();\n'})[0])
        self.assertIn('json_fwd', problems('code', {'src/base/x.h': '#pragma once\n#include <nlohmann/json.hpp>\n'})[0])
        self.assertEqual([], problems('code', {'src/base/x.cc': '#include <nlohmann/json.hpp>\n'}))


class Includes(unittest.TestCase):
    def test_missing(self):
        self.assertEqual(['src/base/x.cc:2: std::sort without #include <algorithm>'],
                         problems('includes', {'src/base/x.cc': '#include <vector>\nvoid f() { std::sort(a, b); }\n'}))
        self.assertEqual(['src/base/x.h:2: fmt::format without #include <fmt/format.h>'],
                         problems('includes', {'src/base/x.h': '#pragma once\nauto s = fmt::format("{}", 1);\n'}))

    def test_by_a_header_of_ours(self):
        files = {'src/base/a.h': '#pragma once\n#include "base/more.h"\n', 'src/base/more.h': '#pragma once\n#include <optional>\n',
                 'src/pg/x.cc': '#include "base/a.h"\nstd::optional<int> n;\n// std::map\nauto s = "std::set";\n'}
        self.assertEqual([], problems('includes', files))


class Sql(unittest.TestCase):
    def test_cascade(self):
        self.assertEqual(1, len(problems('sql', {'src/pg/x.cc': 'run("DROP TABLE a CASCADE");\n'})))
        self.assertEqual(1, len(problems('sql', {'queries/x.sql': 'drop view v\n  cascade;\n'})))
        self.assertEqual(1, len(problems('sql', {'src/pg/x.h': 'auto s = R"(drop table t CaScade)";\n'})))

    def test_talking_about_it(self):
        self.assertEqual([], problems('sql', {'src/pg/x.cc': '// never CASCADE\n', 'queries/x.sql': '-- no cascade\nselect 1;\n',
                                             'docs/x.md': 'weir never says CASCADE\n'}))


class Text(unittest.TestCase):
    def test_wrong_text(self):
        for text, part in {'a \n': 'blank at the end', 'a\r\n': 'carriage', 'a\tb\n': 'tab', 'a': 'no line end',
                           '// TODO: later\n': 'number of its issue', 'in /root/x\n': 'path of one machine',
                           'https://registry' + '.npmjs.org/x\n': 'package registry'}.items():
            found = problems('text', {'src/base/x.cc': text})
            self.assertTrue(any(part in problem for problem in found), (text, found))

    def test_right_text(self):
        self.assertEqual([], problems('text', {'src/base/x.cc': '// TODO(#12): later, see docs/work/x and src/home/a\n',
                                               'tests/cases/a.case': 'kept as it is: \t\n'}))


class Docs(unittest.TestCase):
    def test_files_that_are_not_there(self):
        found = problems('docs', {'docs/a.md': 'see `pg/gone.h` and [this](gone.md)\n'})
        self.assertEqual(['docs/a.md:1: names pg/gone.h, which is no file of this project',
                          'docs/a.md:1: links to gone.md, which is not there'], found)

    def test_files_that_are(self):
        self.assertEqual([], problems('docs', {'docs/a.md': '`base/a.h`, `a.h`, [b](../src/sql/b.h#x), [w](https://x.y), '
                                                            '[folder](../src/pg/)\n'}))


unittest.main()
