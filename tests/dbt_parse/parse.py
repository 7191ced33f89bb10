#!/usr/bin/python3
"""Parses the small dbt projects beside this file and compares manifest.json and `ls` with `expected.json` in each folder.

  parse.py --program build/dev/bin/weir [NAME...]                what `weir dbt` reads
  parse.py --oracle VENV/bin/dbt [NAME...]                       what dbt-core reads
  parse.py --oracle VENV/bin/dbt --accept [NAME...]              take the oracle's answers as the expectation
  parse.py --program WEIR --oracle DBT --project DIR [-- ARGS]   any project: both, node by node; says counts and times

Only the oracle's answers are ever accepted. A project's file `ls` holds arguments of `ls`, a line each. Nothing connects to a database.

A project with a folder `before` is parsed as it was, with those files over its own and without those of `before/REMOVED`, into ../state first; `artifacts/state` and
`artifacts/target` hold run_results.json and sources.json for there and for the target folder.
"""
import argparse
import difflib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROFILE = """{name}:
  target: dev
  outputs:
    dev: {{type: postgres, host: localhost, port: 5432, user: loader, password: not-used-here, dbname: dwh, schema: dbt, threads: 2}}
"""
# What differs between any two runs, or is dbt's own business.
DROPPED = {'created_at', 'root_path', 'compiled_path', 'build_path', 'defer_relation', 'supported_languages', 'metadata', 'config_call_dict',
           'unrendered_config_call_dict', 'macro_sql'}
SECTIONS = ['nodes', 'sources', 'exposures', 'groups', 'unit_tests', 'functions', 'metrics', 'semantic_models', 'saved_queries']
INTERNAL = ('dbt', 'dbt_postgres')


def cleaned(value, key=''):
    if isinstance(value, dict):
        return {k: cleaned(v, k) for k, v in sorted(value.items()) if k not in DROPPED}
    if isinstance(value, list):
        items = [cleaned(item) for item in value]
        # dbt makes these from sets: their order is nobody's.
        if key in ('tags', 'primary_key', 'macros', 'child_map', 'parent_map', 'sources'):
            return sorted(items, key=json.dumps)
        if key == 'nodes':  # of depends_on: of its ids only the sources come from a set
            return [id for id in items if not id.startswith('source.')] + sorted(id for id in items if id.startswith('source.'))
        return items
    return value


def reduced(manifest):
    """What is compared of a manifest."""
    out = {section: {id: cleaned(one) for id, one in manifest.get(section, {}).items()} for section in SECTIONS}
    out['macros'] = {id: cleaned({k: one[k] for k in ('name', 'path', 'depends_on', 'description', 'meta', 'patch_path', 'docs')})
                     for id, one in manifest['macros'].items() if one['package_name'] not in INTERNAL}
    out['docs'] = {id: cleaned(one) for id, one in manifest['docs'].items() if one['package_name'] not in INTERNAL}
    out['disabled'] = {id: len(list_) for id, list_ in manifest['disabled'].items()}
    out['selectors'] = manifest['selectors']
    for name in ('parent_map', 'child_map', 'group_map'):
        out[name] = {id: sorted(ids) for id, ids in manifest[name].items()}
    return out


class World:
    """A copy of a project with a profile beside it."""

    def __init__(self, source, overlay=None):
        self.folder = tempfile.mkdtemp(prefix='weir-parse-')
        self.project = os.path.join(self.folder, 'project')
        shutil.copytree(source, self.project, symlinks=True,
                        ignore=shutil.ignore_patterns('expected.json', 'target', 'logs', '.git', 'before', 'artifacts'))
        if overlay:
            shutil.copytree(overlay, self.project, dirs_exist_ok=True)
            with open(os.path.join(self.project, 'REMOVED')) as file:
                for path in file.read().split():
                    os.remove(os.path.join(self.project, path))
        with open(os.path.join(self.project, 'dbt_project.yml')) as file:
            lines = [line for line in file if line.startswith('profile:')]
        name = lines[0].split(':', 1)[1].split('#')[0].strip(' \n\'"') if lines else 'default'
        with open(os.path.join(self.folder, 'profiles.yml'), 'w') as file:
            file.write(PROFILE.format(name=name))

    def run(self, command, arguments):
        target = os.path.join(self.folder, 'target')
        environment = dict(os.environ, DBT_SEND_ANONYMOUS_USAGE_STATS='false', DO_NOT_TRACK='1')
        began = time.time()
        done = subprocess.run([*command, *arguments, '--profiles-dir', self.folder, '--target-path', target], cwd=self.project,
                              env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return done, time.time() - began, target

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def command_of(engine, program):
    if engine == 'weir':
        return [program, 'dbt']
    return [program, '--quiet', '--no-use-colors', '--no-version-check']


def parsed(world, engine, program, extra=()):
    done, seconds, target = world.run(command_of(engine, program), ['parse', '--no-partial-parse', *extra])
    if done.returncode != 0:
        return {'exit': done.returncode, 'output': done.stdout + done.stderr}, seconds
    with open(os.path.join(target, 'manifest.json')) as file:
        return reduced(json.load(file)), seconds


# Parses and lists in one process: dbt takes seconds to start.
ORACLE = """
import contextlib, io, json, sys
from dbt.cli.main import dbtRunner
runner, answers = dbtRunner(), []
for arguments in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()):
        result = runner.invoke(arguments)
    code = 0 if result.success else 2 if result.exception else 1
    answers.append({'exit': code, 'lines': [str(one) for one in result.result] if isinstance(result.result, list) else [str(result.exception)]})
print(json.dumps(answers))
"""


def oracle_answers(world, program, lines):
    target = os.path.join(world.folder, 'target')
    common = ['--quiet', '--no-use-colors', '--no-version-check', '--profiles-dir', world.folder, '--target-path', target]
    commands = [['parse', '--no-partial-parse', *common], *(['ls', *shlex.split(line), *common] for line in lines)]
    environment = dict(os.environ, DBT_SEND_ANONYMOUS_USAGE_STATS='false', DO_NOT_TRACK='1')
    done = subprocess.run([os.path.join(os.path.dirname(program), 'python'), '-c', ORACLE], input=json.dumps(commands), cwd=world.project,
                          env=environment, stdout=subprocess.PIPE, text=True, check=True)
    parsed_it, *listed = json.loads(done.stdout.splitlines()[-1])
    if parsed_it['exit'] != 0:
        sys.exit(f'dbt could not parse it: {parsed_it["lines"]}')
    with open(os.path.join(target, 'manifest.json')) as file:
        return reduced(json.load(file)), listed


def weir_answers(world, program, lines):
    manifest, _ = parsed(world, 'weir', program)
    if 'exit' in manifest:
        sys.exit(f'weir could not parse it\n{manifest["output"]}')
    listed = []
    for line in lines:
        done, _, _ = world.run([program, 'dbt'], ['ls', *shlex.split(line)])
        listed.append({'exit': done.returncode, 'lines': done.stdout.splitlines()})
    return manifest, listed


def bring_state(world, source, engine, program):
    """Puts artifacts of an earlier run beside the project: the manifest of what it was before, by the same program."""
    if not os.path.isdir(os.path.join(source, 'before')):
        return
    shutil.copytree(os.path.join(source, 'artifacts'), world.folder, dirs_exist_ok=True)
    earlier = World(source, os.path.join(source, 'before'))
    try:
        done, _, target = earlier.run(command_of(engine, program), ['parse', '--no-partial-parse'])
        if done.returncode != 0:
            sys.exit(f'what it was before cannot be parsed\n{done.stdout}{done.stderr}')
        shutil.copy(os.path.join(target, 'manifest.json'), os.path.join(world.folder, 'state'))
    finally:
        earlier.close()


def answers(name, engine, program):
    """The manifest and the lists of a project beside this file."""
    world = World(os.path.join(HERE, name))
    try:
        bring_state(world, os.path.join(HERE, name), engine, program)
        lines = []
        wanted = os.path.join(HERE, name, 'ls')
        if os.path.exists(wanted):
            with open(wanted) as file:
                lines = list(filter(None, map(str.strip, file)))
        manifest, listed = (weir_answers if engine == 'weir' else oracle_answers)(world, program, lines)
        for one in listed:
            one['lines'] = [cleaned(json.loads(line)) if line.startswith('{') else line for line in one['lines'] if line.strip()]
        return {'manifest': manifest, 'ls': dict(zip(lines, listed))}
    finally:
        world.close()


def text_of(value):
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).splitlines()


def differences(ours, theirs, path=''):
    """Paths at which two values differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(set(ours) | set(theirs)):
            if key not in ours:
                yield f'{path}/{key}', '(absent)', theirs[key]
            elif key not in theirs:
                yield f'{path}/{key}', ours[key], '(absent)'
            else:
                yield from differences(ours[key], theirs[key], f'{path}/{key}')
    elif ours != theirs:
        yield path, ours, theirs


def compare_project(folder, program, oracle, extra):
    world = World(folder)
    try:
        ours, our_time = parsed(world, 'weir', program, extra)
        theirs, their_time = parsed(world, 'dbt', oracle, extra)
        if 'exit' in ours or 'exit' in theirs:
            sys.exit(f'weir: {ours.get("output", "parsed it")}\ndbt: {theirs.get("output", "parsed it")[-3000:]}')
        total, equal = 0, 0
        for section in [*SECTIONS, 'macros', 'docs']:
            ids = set(ours[section]) | set(theirs[section])
            same = [id for id in ids if ours[section].get(id) == theirs[section].get(id)]
            total, equal = total + len(ids), equal + len(same)
            if ids:
                print(f'{section}: {len(same)} of {len(ids)} equal')
        by_path = {}
        for path, mine, other in differences(ours, theirs):
            parts = path.split('/')
            by_path.setdefault(parts[1] + '/*/' + '/'.join(parts[3:]), []).append((path, mine, other))
        for key, found in sorted(by_path.items(), key=lambda item: -len(item[1]))[:40]:
            path, mine, other = found[0]
            print(f'  {len(found)} x {key}   e.g. {path}\n      weir {json.dumps(mine)[:300]}\n      dbt  {json.dumps(other)[:300]}')
        print(f'{equal} of {total} equal; weir {our_time:.2f} s, dbt {their_time:.2f} s')
        return 0 if equal == total else 1
    finally:
        world.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program')
    parser.add_argument('--oracle')
    parser.add_argument('--accept', action='store_true')
    parser.add_argument('--project')
    parser.add_argument('--extra', default='')
    parser.add_argument('names', nargs='*')
    args = parser.parse_args()
    program = os.path.abspath(args.program) if args.program else None
    oracle = os.path.abspath(args.oracle) if args.oracle else None
    if args.project:
        return compare_project(args.project, program, oracle, shlex.split(args.extra))
    names = args.names or sorted(n for n in os.listdir(HERE) if os.path.exists(os.path.join(HERE, n, 'dbt_project.yml')))
    failed = []
    for name in names:
        expected = os.path.join(HERE, name, 'expected.json')
        found = answers(name, 'dbt' if oracle else 'weir', oracle or program)
        if args.accept:
            if not oracle:
                sys.exit('only the oracle\'s answers are accepted: --oracle VENV/bin/dbt')
            with open(expected, 'w') as file:
                file.write('\n'.join(text_of(found)) + '\n')
            continue
        with open(expected) as file:
            wanted = json.load(file)
        diff = list(difflib.unified_diff(text_of(wanted), text_of(found), 'dbt-core', 'weir', lineterm='', n=8))
        print(f'{name}: {"equal" if not diff else f"{len(diff)} lines of difference"}')
        if diff:
            failed.append(name)
            print('\n'.join(diff[:200]))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
