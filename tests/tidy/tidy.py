"""Checks of the source tree: tidy.py [--root DIR] CHECK. Prints `file:line: what is wrong` and exits 1, or nothing and 0.

A check is a function from a Tree to problems; tidy_test.py feeds each one a tree with the mistake in it. An exception to
a rule stands in ALLOWED below, with its reason.
"""
import argparse
import os
import re
import subprocess
import sys

# (check's rule, file) -> why the rule does not hold there.
ALLOWED = {
    ('std_mutex', 'src/base/clock.cc'): 'a local mutex that guards nothing: the wait with a stop token needs one',
    ('detach', 'src/pg/canceller.cc'): 'a server that does not answer must hold up neither the caller nor the end',
    ('std_thread', 'src/pg/canceller.cc'): 'the same',
    ('cascade', 'src/sql/statement.cc'): 'reads the word in statements of others; writes none',
    ('popen', 'src/pg/private_cluster.cc'): 'one fixed command line; no name or value is in it',
}


class Tree:
    """Text files of the project by path, as git knows them (tracked, or new and not ignored)."""

    def __init__(self, files):
        self.files = files

    @staticmethod
    def of_folder(root):
        names = subprocess.run(['git', '-C', root, 'ls-files', '-co', '--exclude-standard', '-z'], check=True,
                               stdout=subprocess.PIPE).stdout.decode().split('\0')
        files = {}
        for name in filter(None, names):
            path = os.path.join(root, name)
            if not os.path.isfile(path):
                continue
            with open(path, 'rb') as file:
                data = file.read()
            if b'\0' not in data:
                files[name] = data.decode('utf-8', errors='surrogateescape')
        return Tree(files)

    def matching(self, *patterns):
        for name in sorted(self.files):
            if any(re.search(pattern, name) for pattern in patterns):
                yield name, self.files[name]


CPP = r'\.(h|cc)$'


def line_of(text, position):
    return text.count('\n', 0, position) + 1


def blank(text):
    """Spaces for all but the line ends, so that positions stay."""
    return re.sub(r'[^\n]', ' ', text)


COMMENT_OR_STRING = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)


def without_comments(text):
    return COMMENT_OR_STRING.sub(lambda m: blank(m[0]) if m[0].startswith('/') else m[0], text)


def code_only(text):
    """Without comments and without what stands in strings."""
    return COMMENT_OR_STRING.sub(lambda m: blank(m[0]), text)


# ---------------------------------------------------------------------------------------------------------------- layers

def read_layers(text):
    """folder -> (level, [folders it may include], line)."""
    layers = {}
    for number, line in enumerate(text.splitlines(), 1):
        found = re.match(r'(\d+) (\w+):((?: \w+)*)$', line)
        if found:
            layers[found[2]] = (int(found[1]), found[3].split(), number)
        elif line.strip() and not line.startswith('#'):
            layers[line] = (-1, [], number)
    return layers


def check_layers(tree):
    where = 'src/layers.txt'
    layers = read_layers(tree.files[where])
    for folder, (level, may, line) in layers.items():
        if level < 0:
            yield where, line, 'is not `LEVEL NAME: folders`'
        for other in may:
            if other not in layers:
                yield where, line, f'names folder {other}, which has no line'
            elif layers[other][0] >= level:
                yield where, line, f'{folder} (level {level}) may not include {other} (level {layers[other][0]})'
    folders = {name.split('/')[1] for name, _ in tree.matching(r'^src/[^/]+/')}
    for folder in sorted(folders):
        if folder not in layers:
            yield f'src/{folder}', 1, 'has no line in src/layers.txt'
        if f'src/{folder}/README.md' not in tree.files:
            yield f'src/{folder}', 1, 'has no README.md (purpose, entry file, main type, what it must not know)'
    for name, text in tree.matching(r'^src/.*' + CPP):
        folder = name.split('/')[1]
        allowed = [folder] + layers.get(folder, (0, [], 0))[1]
        for include in re.finditer(r'^[ \t]*#\s*include\s+"([^"]+)"', text, re.M):
            line, header = line_of(text, include.start()), include[1]
            other = header.split('/')[0]
            if 'src/' + header not in tree.files:
                yield name, line, f'includes "{header}", which is not a file below src/'
            elif other not in allowed:
                yield name, line, f'{folder} may not include {other}: see src/layers.txt'
            elif other != folder and (header.count('/') > 1 or header.endswith('_internal.h')):
                yield name, line, f'"{header}" is private to {other}'


# ------------------------------------------------------------------------------------------------------------------ code

# rule, pattern in code (comments and strings blanked), what to write instead, files where it is at home
BANNED = [
    ('stoi', r'\bsto(i|l|ll|ul|ull|f|d|ld)\s*\(', 'parse_int (base/text.h) or std::from_chars', None),
    ('atoi', r'\bato(i|l|ll|f)\s*\(', 'parse_int (base/text.h) or std::from_chars', None),
    ('system', r'\b(std::)?system\s*\(', 'posix_spawn: no shell sees a name or a value', None),
    ('popen', r'\bpopen\s*\(', 'posix_spawn: no shell sees a name or a value', None),
    ('regex', r'\bstd::(w?regex|regex_\w+)\b', 'a few lines by hand, or matches_glob (base/text.h): std::regex recurses '
     'by length', None),
    ('sprintf', r'\b(v?s?n?printf|strcpy|strcat|gets|strtok)\s*\(', 'fmt::format, std::string', None),
    ('locale', r'\b(std::)?(setlocale|localtime|gmtime|ctime|asctime)\s*\(', 'base/clock.h and <chrono>', None),
    ('throw', r'\bthrow\b', 'return an Error (base/result.h)', None),
    ('libpq', r'\bPQ[a-z]\w*\s*\(', 'pg/session.h: only src/pg sees libpq', r'^src/pg/'),
    ('odbc', r'\bSQL(Alloc|Free|Exec|Connect|Driver|Get|Set|Fetch|Bind|Prepare|Cancel)\w*\s*\(',
     'odbc/: only src/odbc sees ODBC', r'^src/odbc/'),
    ('detach', r'\.detach\s*\(\)', 'a std::jthread that somebody owns', None),
    ('std_thread', r'\bstd::thread\b(?!::)', 'std::jthread', None),
    ('std_mutex', r'\bstd::(mutex|lock_guard|unique_lock|scoped_lock)\b', 'Mutex and MutexLock (base/mutex.h): clang checks '
     'them', r'^src/base/mutex\.h$'),
    ('endl', r'\bstd::endl\b', "'\\n'", None),
    ('using_std', r'\busing\s+namespace\s+std\b', 'the names', None),
]
INCLUDES_AT_HOME = [
    (r'<(libpq-fe|libpq/.*|postgres_ext)\.h>', r'^src/pg/', 'only src/pg includes libpq'),
    (r'<(sql|sqlext|sqlucode|sqltypes|odbcinst)\.h>', r'^src/odbc/', 'only src/odbc includes ODBC'),
    (r'<yaml\.h>', r'^src/yaml/', 'only src/yaml includes libyaml'),
    (r'<CLI/.*>', r'^src/app/', 'only src/app includes CLI11'),
    (r'<nlohmann/json\.hpp>', r'\.cc$', 'headers include <nlohmann/json_fwd.hpp>'),
]


def check_code(tree):
    for name, text in tree.matching(r'^(src|tests|fuzz|bench)/.*\.h$'):
        if not re.search(r'^#pragma once$', text, re.M):
            yield name, 1, 'has no #pragma once'
    for name, text in tree.matching(r'^src/.*' + CPP):
        code = code_only(text)
        for rule, pattern, instead, home in BANNED:
            if (rule, name) in ALLOWED or (home and re.search(home, name)):
                continue
            for found in re.finditer(pattern, code):
                yield name, line_of(code, found.start()), f'{found[0].strip()}: write {instead}'
        for include in re.finditer(r'^[ \t]*#\s*include\s+(<[^>]+>)', text, re.M):
            for pattern, home, message in INCLUDES_AT_HOME:
                if re.fullmatch(pattern, include[1]) and not re.search(home, name):
                    yield name, line_of(text, include.start()), message


# Headers that are precompiled for the tests (tools/cmake/WeirFolders.cmake) -> what of them needs the #include. There the
# compiler misses none; a release is made without.
PRECOMPILED = {
    'fmt/format.h': r'\bfmt::(format|join|to_string|format_to)\b',
    'algorithm': r'\bstd::(ranges::)?(sort|stable_sort|find|find_if|find_if_not|any_of|all_of|none_of|count_if|transform|'
                 r'remove_if|lower_bound|upper_bound|unique|reverse|clamp|max|min|max_element|min_element|is_sorted|'
                 r'binary_search|set_difference|rotate|partition|stable_partition|mismatch|for_each)\(',
    'chrono': r'\bstd::chrono\b',
    'cstdint': r'\bstd::u?int(8|16|32|64)_t\b',
    'functional': r'\bstd::function\b',
    'map': r'\bstd::(multi)?map\b',
    'memory': r'\bstd::(unique_ptr|shared_ptr|weak_ptr|make_unique|make_shared)\b',
    'optional': r'\bstd::(optional|nullopt)\b',
    'set': r'\bstd::(multi)?set\b',
    'span': r'\bstd::span\b',
    'string': r'\bstd::(string|to_string)\b',
    'string_view': r'\bstd::string_view\b',
    'vector': r'\bstd::vector\b',
}
SOURCE_ROOTS = ['src', 'tests', 'bench', 'fuzz']


def system_headers(tree, name, known):
    """What a file includes in <>, by itself and by the project's headers that it includes."""
    if name not in known:
        known[name] = set()  # a header that includes itself in a circle ends here
        text = tree.files[name]
        found = set(re.findall(r'^[ \t]*#\s*include\s+<([^>]+)>', text, re.M))
        for header in re.findall(r'^[ \t]*#\s*include\s+"([^"]+)"', text, re.M):
            paths = [os.path.normpath(os.path.join(root, header)) for root in [os.path.dirname(name)] + SOURCE_ROOTS]
            for path in [path for path in paths if path in tree.files][:1]:
                found |= system_headers(tree, path, known)
        known[name] = found
    return known[name]


def check_includes(tree):
    """A precompiled header hides no missing #include."""
    known = {}
    for name, text in tree.matching(r'^(src|tests|fuzz|bench)/.*' + CPP):
        code = code_only(text)
        for header, use in PRECOMPILED.items():
            found = re.search(use, code)
            if found and header not in system_headers(tree, name, known):
                yield name, line_of(code, found.start()), f'{found[0].strip("(")} without #include <{header}>'


def check_sql(tree):
    """No statement of weir's says CASCADE: what depends on a table is kept, or weir refuses."""
    for name, text in tree.matching(r'^(src/.*' + CPP[:-1] + r'|(queries|migrations)/.*\.sql)$'):
        if name.endswith('.sql'):
            text = re.sub(r'--[^\n]*|/\*.*?\*/', lambda m: blank(m[0]), text, flags=re.S)
        else:
            text = without_comments(text)
        for found in re.finditer(r'\bcascade\b', text, re.I):
            if ('cascade', name) not in ALLOWED:
                yield name, line_of(text, found.start()), 'says CASCADE: weir drops nothing that depends on something'


# ------------------------------------------------------------------------------------------------------------------ text

EXACT_TEXT = r'\.(case|patch|csv|supp|svg|golden)$|(^|/)(package-lock\.json|corpus/.*|expected/.*)$'
MACHINE_PATHS = re.compile(r'(?<![\w.])/(work|root|home/\w+)/')
REGISTRIES = re.compile(r'registry[.](npmjs|yarnpkg)|pypi[.](org|python)|pythonhosted[.]org|crates[.]io|'
                        r'proxy[.]golang|maven[.](org|apache)|deb[.]debian[.]org', re.I)


def check_text(tree):
    for name, text in tree.matching('.'):
        rules = [
            (r'[ \t]+$', 'blank at the end of the line', not re.search(EXACT_TEXT, name)),
            (r'\r', 'carriage return', not re.search(EXACT_TEXT, name)),
            (r'\t', 'tab', not re.search(EXACT_TEXT, name) and not name.endswith('Makefile')),
            (r'\b(TODO|FIXME|XXX)\b(?!\(#\d+\))', 'without the number of its issue: TODO(#12)',
             re.search(r'\.(h|cc|sql|sh|py|cmake)$', name) and not name.startswith('tests/tidy/')),
            (MACHINE_PATHS.pattern, 'a path of one machine', not name.startswith('tests/tidy/')),
            (REGISTRIES.pattern, 'names the host of a package registry', not name.startswith('tests/tidy/')),
        ]
        for pattern, message, applies in rules:
            if applies and (message, name) not in ALLOWED:
                for found in re.finditer(pattern, text, re.M):
                    yield name, line_of(text, found.start()), message
        if text and not text.endswith('\n') and not re.search(EXACT_TEXT, name):
            yield name, text.count('\n') + 1, 'no line end at the end of the file'


def long_files(tree, most=500):
    for name, text in tree.matching(r'^(src|tests|tools|bench)/.*\.(h|cc|py|sh)$'):
        if text.count('\n') > most:
            yield f'{name}: {text.count(chr(10))} lines'


# ------------------------------------------------------------------------------------------------------------------ docs

def check_docs(tree):
    """Files that a document names exist: `swap/plan.h` or [text](docs/x.md)."""
    endings = ['/' + name for name in tree.files]
    for name, text in tree.matching(r'\.md$'):
        if name == 'CHANGELOG.md' or name == 'STYLE.md':
            continue  # they speak of other times, and of files in general
        folder = os.path.dirname(name)
        for found in re.finditer(r'`([\w.-]+(?:/[\w.-]+)*\.(?:h|cc|sql|md|txt|sh|py|cmake))`', text):
            if not any(ending.endswith('/' + found[1]) for ending in endings):
                yield name, line_of(text, found.start()), f'names {found[1]}, which is no file of this project'
        for found in re.finditer(r'\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)', text):
            target = os.path.normpath(os.path.join(folder, found[1]))
            if target not in tree.files and not any(file.startswith(target + '/') for file in tree.files):
                yield name, line_of(text, found.start()), f'links to {found[1]}, which is not there'


CHECKS = {'layers': check_layers, 'code': check_code, 'includes': check_includes, 'sql': check_sql, 'text': check_text,
          'docs': check_docs}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--root', default='.')
    parser.add_argument('check', choices=sorted(CHECKS))
    arguments = parser.parse_args()
    tree = Tree.of_folder(arguments.root)
    problems = sorted(set(CHECKS[arguments.check](tree)))
    for name, line, message in problems:
        print(f'{name}:{line}: {message}')
    if arguments.check == 'text':
        for line in long_files(tree):
            print('long file (no failure):', line)
    print(f'tidy {arguments.check}: {len(problems)} problems in {len(tree.files)} files')
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
