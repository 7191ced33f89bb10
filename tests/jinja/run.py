"""Compares weir's Jinja with Jinja2 3.1 itself: run.py PROGRAM [--generate N] [--seed S] [NAME...].

Every case of cases/*.txt, and N generated ones, is rendered by both (Jinja2 in this process, in its sandbox, with the extensions do
and loopcontrols); texts must be equal, failures must be of one class. Without Jinja2 nothing is compared and the test counts as
skipped (exit 77).

A file of cases: blocks separated by a line of `====`. A block is a template; a line `@ {...}` in front gives context and options as
JSON: {"x": 1, "#options": {"trim_blocks": true}}. A file that begins with `%% one a line` holds one template a line.
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

try:
    import pytz
except ImportError:
    pytz = None

try:
    import jinja2
    import jinja2.sandbox
    import jinja2.nativetypes
except ImportError:
    jinja2 = None


def read_cases(path):
    with open(path, encoding='utf-8', newline='') as file:
        text = file.read()
    name = os.path.basename(path)[:-4]
    if text.startswith('%% one a line'):
        context = {}
        for number, line in enumerate(text.split('\n'), 1):
            if number == 1 or not line.strip():
                continue
            if line.startswith('@ '):
                context = json.loads(line[2:])
            else:
                yield f'{name}:{number}', line, context
        return
    number = 1
    for block in text.split('\n====\n'):
        context, template = {}, block
        if block.startswith('@ '):
            head, _, template = block.partition('\n')
            context = json.loads(head[2:])
        yield f'{name}:{number}', template, context
        number += block.count('\n') + 2


class Oracle:
    """Jinja2 itself."""

    def __init__(self):
        self.environments = {}

    def value(self, written):
        import datetime
        import decimal
        if isinstance(written, list):
            return [self.value(item) for item in written]
        if not isinstance(written, dict):
            return written
        kind = written.get('!')
        if kind is None:
            return {key: self.value(item) for key, item in written.items()}
        v = written.get('v')
        if kind == 'tuple':
            return tuple(self.value(item) for item in v)
        if kind == 'set':
            return {self.value(item) for item in v}
        if kind == 'dict':
            return {self.value(key): self.value(item) for key, item in v}
        if kind == 'float':
            return float(v)
        if kind == 'int':
            return int(v)
        if kind == 'decimal':
            return decimal.Decimal(v)
        if kind == 'date':
            return datetime.date(*v)
        if kind == 'datetime':
            return datetime.datetime(*v)
        if kind == 'timedelta':
            return datetime.timedelta(microseconds=v)
        if kind == 'modules':
            import itertools
            import re
            return {'datetime': Module(datetime, ['date', 'time', 'datetime', 'timedelta', 'timezone']),
                    're': re, 'itertools': itertools, 'pytz': pytz}
        raise ValueError(kind)

    def environment(self, options):
        key = json.dumps(options, sort_keys=True)
        if key not in self.environments:
            undefined = {'chainable': jinja2.ChainableUndefined, 'strict': jinja2.StrictUndefined}
            settings = {name: options[name] for name in ('trim_blocks', 'lstrip_blocks', 'keep_trailing_newline') if name in options}
            self.environments[key] = jinja2.sandbox.SandboxedEnvironment(
                extensions=['jinja2.ext.do', 'jinja2.ext.loopcontrols'],
                undefined=undefined.get(options.get('undefined'), jinja2.Undefined), **settings)
        return self.environments[key]

    def answer(self, template, context):
        context = dict(context)
        options = context.pop('#options', {})
        try:
            text = self.environment(options).from_string(template).render(
                {name: self.value(item) for name, item in context.items()})
            return {'ok': text}
        except RecursionError:
            return {'error': 'RecursionError', 'message': ''}
        except Exception as error:  # whatever a template raises is its answer
            return {'error': type(error).__name__, 'message': str(error)}


class Module:
    """Some names of a module."""

    def __init__(self, module, names):
        for name in names:
            setattr(self, name, getattr(module, name))


# Classes that weir does not tell apart, or that Python has for what weir refuses in its own words.
SAME = {
    'UnicodeEncodeError': 'UnicodeError', 'UnicodeDecodeError': 'UnicodeError', 'DivisionByZero': 'ZeroDivisionError',
    'DivisionUndefined': 'InvalidOperation', 'DivisionImpossible': 'InvalidOperation', 'Overflow': 'InvalidOperation',
    'UnknownTimeZoneError': 'pytz.exceptions', 'AmbiguousTimeError': 'pytz.exceptions', 'NonExistentTimeError': 'pytz.exceptions',
    'MemoryError': 'Limit', 'SyntaxError': 'TemplateSyntaxError',
}


def show(answer):
    return json.dumps(answer, ensure_ascii=False)


def agree(ours, theirs):
    if 'ok' in theirs:
        return ours.get('ok') == theirs['ok']
    mine, other = ours.get('error'), theirs['error']
    return SAME.get(mine, mine) == SAME.get(other, other)


def ask(program, cases):
    """The program's answers; where it ended early, the case at which it did is named."""
    questions = []
    for _, template, context in cases:
        context = dict(context)
        options = context.pop('#options', {})
        questions.append(json.dumps({'template': template, 'context': context, 'options': options}) + '\n')
    # A list that holds itself is never freed (src/jinja/README.md), and some cases make one.
    environment = {**os.environ, 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
    run = subprocess.run([program], input=''.join(questions), stdout=subprocess.PIPE, encoding='utf-8', check=False, env=environment)
    answers = [json.loads(line) for line in run.stdout.split('\n') if line]
    if len(answers) < len(cases) or run.returncode != 0:
        raise SystemExit(f'the program ended ({run.returncode}) at {cases[min(len(answers), len(cases) - 1)]}')
    return answers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('program')
    parser.add_argument('--generate', type=int, default=0)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--show', type=int, default=20)
    parser.add_argument('names', nargs='*')
    arguments = parser.parse_intermixed_args()
    if jinja2 is None:
        print('skipped: no python3-jinja2 here')
        sys.exit(77)
    cases = []
    folder = os.path.join(HERE, 'cases')
    for name in sorted(os.listdir(folder)):
        if name == 'pytz.txt' and pytz is None:
            print('without pytz: no python3-tz here')
        elif name.endswith('.txt') and (not arguments.names or name[:-4] in arguments.names):
            cases.extend(read_cases(os.path.join(folder, name)))
    if arguments.generate:
        sys.path.insert(0, HERE)
        import generate
        cases.extend(generate.cases(arguments.seed, arguments.generate))
        if pytz is not None:
            cases.extend(generate.times(arguments.seed, arguments.generate))
    oracle = Oracle()
    failed = 0
    for (name, template, context), ours in zip(cases, ask(arguments.program, cases)):
        theirs = oracle.answer(template, context)
        if not agree(ours, theirs):
            failed += 1
            if failed <= arguments.show:
                print(f'{name}: {template!r}\n   context {json.dumps(context)[:300]}\n   jinja2 {show(theirs)[:600]}\n   weir   {show(ours)[:600]}')
    print(f'{len(cases)} cases, {failed} differ (Jinja2 {jinja2.__version__})')
    sys.exit(1 if failed or not cases else 0)


if __name__ == '__main__':
    main()
