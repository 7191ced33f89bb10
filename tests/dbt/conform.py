#!/usr/bin/python3
"""Runs any dbt project with dbt-core and with weir, and says how much of what came of it is equal. For a developer, by hand.

  conform.py --program build/dev/bin/weir --oracle VENV/bin/dbt --project DIR [COMMAND...]

A COMMAND is a line as in check.py's `steps`, without its `dbt` (`build` where there is none): 'seed --full-refresh' 'X=1 run' 'sql create schema s'.
The project is copied, with its packages, which must be there (`dbt deps`); --copy names a folder above it that is copied with it.

Compared: exit codes; status, failures and message of every result; kind, columns and rows of every relation; compiled SQL by node; files below target/compiled. dbt-core runs twice, each time in a
database of its own, as weir does; whatever differs between its two runs is not compared (times of now, names made at random).

With `compile`, dbt-core is made to go on behind a model that it cannot compile; what it skips then is not compared. So projects for other databases can be compared, too.
"""
import argparse
import difflib
import json
import os
import subprocess
import sys
import tempfile

import check

PROFILE = """{name}:
  target: {target}
  outputs:
    {target}: {{{{type: postgres, host: "{{host}}", port: {{port}}, user: loader, password: "", dbname: dwh, schema: dbt, threads: 4}}}}
"""
GOES_ON = """#!{python}
from dbt.cli.main import cli
from dbt.task.compile import CompileTask
CompileTask.raise_on_first_error = lambda self: False
cli()
"""
DIGEST = "md5(string_agg(md5(({expression})::text), '' order by md5(({expression})::text)))"


def profile_of(project, target):
    with open(os.path.join(project, 'dbt_project.yml')) as file:
        lines = [line for line in file if line.startswith('profile:')]
    name = lines[0].split(':', 1)[1].split('#')[0].strip(' \n\'"') if lines else 'default'
    return PROFILE.format(name=name, target=target)


class Observed:
    """What one program made of the project; its database stays, under another name."""

    def __init__(self, options, cluster, engine, label):
        program = options.program if engine == 'weir' else options.oracle
        copied = os.path.abspath(options.copy or options.project)
        self.label, self.database = label, f'{check.DATABASE}_{label}'
        self.world = check.World(copied, cluster, engine, os.path.abspath(program), profile_of(options.project, options.target),
                                 os.path.relpath(os.path.abspath(options.project), copied))
        self.world.rows = False
        self.exits, self.results, self.codes = {}, {}, {}
        for number, line in enumerate(options.commands or ['build'], 1):
            if line.startswith('sql '):
                self.world.sql(line[4:])
                continue
            words = line.split(' ')
            place = next(place for place, word in enumerate(words) if '=' not in word)
            step = self.world.command(' '.join([*words[:place], 'dbt', *words[place:]]))
            self.exits[f'{number} {line}'] = step['exit']
            for id, result in step.get('results', {}).items():
                self.results[f'{number} {id}'] = result
            if 'results' in step:
                with open(os.path.join(self.world.project, 'target', 'run_results.json')) as file:
                    self.codes.update({f"{number} {one['unique_id']}": (one['compiled_code'] or '').splitlines(keepends=True)
                                       for one in json.load(file)['results']})
            with open(os.path.join(options.output, f'{label}.{number}.log'), 'w') as log:
                log.write(self.world.output)
        # Generic tests with long arguments may share a file: which of them is in it is chance.
        self.files = dict.fromkeys(self.world.compiled(), True)
        self.world.sql(f'drop database if exists {self.database}', 'postgres')
        self.world.sql(f'alter database {check.DATABASE} rename to {self.database}', 'postgres')
        self.shapes = {name: (kind, columns) for name, kind, columns in self.world.shapes(self.database)}

    def digests(self, relation, expressions):
        """Of each expression over a relation, whatever the order of rows."""
        columns = ', '.join(DIGEST.format(expression=expression) for expression in expressions)
        return self.world.sql(f"select count(*){', ' if columns else ''}{columns} from {quoted(relation)}", self.database).strip().split('|')

    def rows(self, relation, columns):
        pairs = ', '.join(f'{check.literal(column)}, {check.quote(column)}' for column in columns)
        return self.world.sql(f'select jsonb_build_object({pairs})::text from {quoted(relation)} order by 1', self.database).splitlines()


def leave_out_skipped(theirs, ours):
    """Behind what cannot be compiled dbt-core skips all, and weir nothing."""
    skipped = {id for id, result in theirs.results.items() if result[0] == 'skipped'}
    for observed in (theirs, ours):
        for kept in (observed.results, observed.codes):
            for id in skipped & set(kept):
                del kept[id]
    ours.files = {path: True for path in ours.files if path in theirs.files}


def quoted(relation):
    return '.'.join(map(check.quote, relation.split('.', 1)))


class Tally:
    """Counts what is equal, and shows what is not."""

    def __init__(self, limit):
        self.limit, self.lines, self.failed = limit, [], False

    def of(self, what, first, second, ours, show):
        """Three dictionaries: what dbt-core said, said again, and what weir said."""
        ids = {id for id in set(first) | set(ours) if id not in first or id not in second or first[id] == second[id]}
        ids |= {id for id in first if id in second and first[id] != second[id] and id not in ours}
        different = sorted(id for id in ids if id not in ours or first.get(id) != ours[id])
        undetermined = len(set(first) | set(ours)) - len(ids)
        self.lines.append(f'{what}: {len(ids) - len(different)} of {len(ids)} equal' + (f', {undetermined} not determined' if undetermined else ''))
        self.failed |= bool(different)
        for id in different[:self.limit]:
            print(f'{what}: {id}')
            if id not in first or id not in ours:
                print(f'  only {"dbt" if id in first else "weir"}')
            else:
                show(id)


def compare_rows(first, second, ours, tally):
    """The rows of relations that have the same shape, without the columns in which dbt-core's two runs differ."""
    answers, columns = ({}, {}, {}), {}
    for relation, shape in first.shapes.items():
        if second.shapes.get(relation) != shape or ours.shapes.get(relation) != shape:
            continue
        names = [name for name, _ in shape[1]]
        expressions = list(map(check.quote, names))
        one, two = first.digests(relation, expressions), second.digests(relation, expressions)
        stable = [name for name, a, b in zip(names, one[1:], two[1:]) if a == b]
        whole = [f"row({', '.join(map(check.quote, stable))})"] if stable else []
        columns[relation] = stable
        for observed, into in zip((first, second, ours), answers):
            into[relation] = observed.digests(relation, whole)

    def show(relation):
        lines = list(difflib.unified_diff(first.rows(relation, columns[relation]), ours.rows(relation, columns[relation]), 'dbt', 'weir', n=0, lineterm=''))
        print('\n'.join('  ' + line[:600] for line in lines[:12]))
    tally.of('rows of relations', *answers, show)
    left_out = sum(len(first.shapes[relation][1]) - len(stable) for relation, stable in columns.items())
    if left_out:
        tally.lines.append(f'columns of {len(columns)} relations: {left_out} left out, since dbt-core does not say the same twice')


def compare(first, second, ours, limit):
    tally = Tally(limit)

    def by(name):
        return [getattr(observed, name) for observed in (first, second, ours)]

    def pair(name):
        return lambda id: print(f'  dbt  {str(getattr(first, name)[id])[:1500]}\n  weir {str(getattr(ours, name)[id])[:1500]}')
    tally.of('exit codes', *by('exits'), pair('exits'))
    tally.of('results', *by('results'), pair('results'))
    tally.of('relations', *by('shapes'), pair('shapes'))
    compare_rows(first, second, ours, tally)
    tally.of('compiled texts', *by('codes'), lambda id: print('  ' + '  '.join(
        list(difflib.unified_diff(first.codes[id], ours.codes[id], 'dbt', 'weir', n=1))[:30])))
    tally.of('compiled files', *by('files'), None)
    print('\n'.join(tally.lines))
    return 1 if tally.failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', required=True)
    parser.add_argument('--oracle', required=True)
    parser.add_argument('--project', required=True)
    parser.add_argument('--copy', help='a folder above the project that is copied with it')
    parser.add_argument('--target', default='dev', help="the target's name in the profile")
    parser.add_argument('--limit', type=int, default=20, help='how many differences of a kind are shown')
    parser.add_argument('--output', help='where the logs of all commands go; else they are lost')
    parser.add_argument('--wait', action='store_true', help='when all is said, leave the server and folders until a line is read')
    parser.add_argument('commands', nargs='*')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='weir-conform-') as logs, \
            check.clusters.Cluster('dbt', fsync='off', full_page_writes='off', shared_buffers='128MB', max_wal_size='1GB') as cluster:
        options.output = options.output or logs
        os.makedirs(options.output, exist_ok=True)
        subprocess.run([*cluster.psql(), '-c', 'create role loader login'], check=True)
        compiles = any('compile' in line.split() for line in options.commands)
        if compiles:
            python, options.oracle = os.path.join(os.path.dirname(os.path.abspath(options.oracle)), 'python'), os.path.join(logs, 'dbt')
            with open(options.oracle, 'w') as script:
                script.write(GOES_ON.format(python=python))
            os.chmod(options.oracle, 0o755)
        worlds = [Observed(options, cluster, engine, label) for engine, label in (('dbt', 'dbt'), ('dbt', 'again'), ('weir', 'weir'))]
        if compiles:
            leave_out_skipped(worlds[0], worlds[2])
        result = compare(*worlds, options.limit)
        if options.wait:
            print('\n'.join(f'{one.label}: {cluster.conninfo(one.database)}, {one.world.project}' for one in worlds), flush=True)
            sys.stdin.readline()
        for one in worlds:
            one.world.remove()
    return result


if __name__ == '__main__':
    sys.exit(main())
