#!/usr/bin/python3
"""Runs the small dbt projects beside this file and compares what came of them with `expected.json` in each folder.

  check.py --engine weir --program build/dev/bin/weir [NAME...]       what `weir dbt` does
  check.py --engine dbt --program VENV/bin/dbt [NAME...]              what dbt-core does: the oracle
  check.py --engine dbt --program VENV/bin/dbt --accept [NAME...]     take the oracle's answers as the expectation

Only the oracle's answers are ever accepted. A project's file `steps` says what is done, a line each:

  dbt run --select a        a command, without its program
  NAME=value dbt run        ... with an environment variable
  sql create schema x       SQL, as superuser; until the line's end
  write models/a.sql TEXT   replaces a file (\\n in TEXT is a line's end)
  mask column, column       rows of relations are compared without these columns (times of now)
  only results              relations are not compared after the commands that follow (`only all` ends that)

Compared: exit codes; status, failures and message of every result; status and time of every source's freshness; kind, columns and
rows of every relation; compiled SQL.
"""
import argparse
import contextlib
import difflib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'bench'))
from harness import cluster as clusters  # noqa: E402

DATABASE = 'dwh'
PROFILE = """weir_test:
  target: dev
  outputs:
    dev: {{type: postgres, host: "{host}", port: {port}, user: loader, password: "", dbname: dwh, schema: dbt, threads: 2}}
    prod: {{type: postgres, host: "{host}", port: {port}, user: loader, password: "", dbname: dwh, schema: prod, threads: 1}}
"""
# What stands in the warehouse beside weir's own schemas; a partition is a part of its table.
RELATIONS = """select n.nspname || '.' || c.relname, case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end,
    (select jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) order by a.attnum)
     from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and n.nspname !~ '^(pg_|weir)' and n.nspname <> 'information_schema'
  order by 1"""


class World:
    """A copy of a project (the folder `inside` of what is copied) in a database of its own."""

    def __init__(self, source, cluster, engine, program, profile=PROFILE, inside='.'):
        self.cluster, self.engine, self.program = cluster, engine, program
        self.source = source
        name = os.path.basename(source)
        self.folder = tempfile.mkdtemp(prefix=f'weir-dbt-{name}-')
        self.project = os.path.normpath(os.path.join(self.folder, name, inside))
        shutil.copytree(self.source, os.path.join(self.folder, name), symlinks=True,
                        ignore=shutil.ignore_patterns('expected.json', 'target', 'logs', '.git'))
        with open(os.path.join(self.folder, 'profiles.yml'), 'w') as file:
            file.write(profile.format(host=cluster.folder, port=cluster.port))
        self.masked, self.rows = set(), True
        self.sql(f'drop database if exists {DATABASE}', 'postgres')
        self.sql(f'create database {DATABASE}', 'postgres')
        self.sql(f'grant create on database {DATABASE} to loader')

    def sql(self, text, database=DATABASE, *options):
        done = subprocess.run(['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-h', self.cluster.folder, '-p', self.cluster.port, '-U',
                               self.cluster.user, '-d', database, *options, '-c', text], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f'{text}: {done.stderr}')
        return done.stdout

    def command(self, line):
        words = shlex.split(line)
        environment = {**os.environ, 'DBT_PROFILES_DIR': self.folder, 'DBT_SEND_ANONYMOUS_USAGE_STATS': 'false', 'TZ': 'UTC',
                       'DBT_VERSION_CHECK': 'false', 'HOME': self.folder, 'NO_COLOR': '1'}
        while '=' in words[0]:
            key, value = words.pop(0).split('=', 1)
            environment[key] = value
        assert words[0] == 'dbt', line
        words = [self.program] + (['dbt'] if self.engine == 'weir' else []) + words[1:]
        results = os.path.join(self.project, 'target', 'run_results.json')
        sources = os.path.join(self.project, 'target', 'sources.json')
        before, before_sources = stamp(results), stamp(sources)
        done = subprocess.run(words, cwd=self.project, env=environment, capture_output=True, text=True, timeout=1800)
        self.output = done.stdout + done.stderr
        step = {'command': line, 'exit': done.returncode}
        if stamp(results) != before:
            with open(results) as file:
                step['results'] = {one['unique_id']: outcome(one) for one in sorted(json.load(file)['results'], key=lambda one: one['unique_id'])}
        if stamp(sources) != before_sources:
            with open(sources) as file:
                step['sources'] = {one['unique_id']: [one['status'], None if 'max_loaded_at' in self.masked else one.get('max_loaded_at')]
                                   for one in sorted(json.load(file)['results'], key=lambda one: one['unique_id'])
                                   if one['status'] != 'runtime error'}  # dbt leaves those out
        if self.rows:
            step['relations'] = self.relations()
        return step

    def shapes(self, database=DATABASE):
        """Kind and columns of every relation."""
        for line in self.sql(RELATIONS, database).splitlines():
            name, kind, columns = line.split('|', 2)
            # A column that is retyped keeps its place in weir, and moves to the end in dbt.
            yield name, kind, sorted(json.loads(columns or '[]'))

    def relations(self):
        found = {}
        for name, kind, columns in self.shapes():
            shown = [column for column, _ in columns if column not in self.masked]
            schema, table = name.split('.', 1)
            pairs = ', '.join(f"{literal(column)}, {quote(column)}" for column in shown)
            query = f'select jsonb_build_object({pairs})::text from {quote(schema)}.{quote(table)} order by 1'
            found[name] = [kind, ', '.join(f'{column} {kind}' for column, kind in columns), self.sql(query).splitlines()]
        return found

    def run(self):
        steps = []
        with open(os.path.join(self.source, 'steps')) as file:
            for line in file.read().splitlines():
                word, _, rest = line.partition(' ')
                if not line.strip() or line.startswith('#'):
                    continue
                elif word == 'sql':
                    self.sql(rest)
                elif word == 'mask':
                    self.masked = {name.strip() for name in rest.split(',')}
                elif word == 'only':
                    self.rows = rest == 'all'
                elif word == 'write':
                    path, _, text = rest.partition(' ')
                    with open(os.path.join(self.project, path), 'w') as out:
                        out.write(text.replace('\\n', '\n') + '\n')
                else:
                    steps.append(self.command(line))
        return {'steps': steps, 'compiled': self.compiled()}

    def compiled(self):
        found, root = {}, os.path.join(self.project, 'target', 'compiled')
        for folder, _, names in sorted(os.walk(root)):
            for name in sorted(names):
                path = os.path.join(folder, name)
                with open(path) as file:
                    found[os.path.relpath(path, root)] = file.read().splitlines(keepends=True)
        return found

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def stamp(path):
    return os.stat(path).st_mtime_ns if os.path.exists(path) else None


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def outcome(result):
    """What of a result both engines must say. Texts of errors are each engine's own."""
    failed = result['status'] in ('error', 'runtime error', 'skipped') or (result['unique_id'].startswith('unit_test') and result['status'] == 'fail')
    message = None if failed else result.get('message')
    # Of a materialized view dbt says its last statement, which is another one where weir publishes it.
    if message and message.startswith(('DROP', 'CREATE INDEX', 'REFRESH')) or 'matviews' in result['unique_id']:
        message = None
    return [result['status'], result.get('failures'), message]


def text_of(observed):
    return json.dumps(observed, indent=1, ensure_ascii=False).splitlines(keepends=True)


@contextlib.contextmanager
def started_cluster():
    with clusters.Cluster('dbt', fsync='off', full_page_writes='off', shared_buffers='64MB', max_wal_size='1GB') as cluster:
        subprocess.run(['psql', '-Xq', '-h', cluster.folder, '-p', cluster.port, '-U', cluster.user, '-c',
                        'create role loader login; create role bi; create role ops; grant bi, ops to loader'], check=True)
        yield cluster


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--engine', choices=['weir', 'dbt'], required=True)
    parser.add_argument('--program', required=True)
    parser.add_argument('--accept', action='store_true')
    parser.add_argument('--keep', action='store_true', help='leave the folders, and say where they are')
    parser.add_argument('--show', action='store_true', help='print what the commands printed')
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    if options.accept and options.engine != 'dbt':
        parser.error('only the oracle is accepted')
    names = options.names or sorted(name for name in os.listdir(HERE) if os.path.exists(os.path.join(HERE, name, 'steps')))
    program = os.path.abspath(options.program)
    failed = []
    with started_cluster() as cluster:
        for name in names:
            world = World(os.path.join(HERE, name), cluster, options.engine, program)
            observed = world.run()
            if options.show:
                print(world.output)
            expected = os.path.join(HERE, name, 'expected.json')
            if options.accept:
                with open(expected, 'w') as file:
                    file.writelines(text_of(observed) + ['\n'])
                print(f'accepted {name}')
            else:
                with open(expected) as file:
                    wanted = json.load(file)
                difference = list(difflib.unified_diff(text_of(wanted), text_of(observed), 'expected', options.engine, n=2))
                print(f'{"FAILED" if difference else "passed"} {name}', flush=True)
                if difference:
                    failed.append(name)
                    sys.stdout.writelines(difference[:400])
                    print(re.sub(r'(?m)^', '  | ', world.output[-3000:]))
            if options.keep:
                print('kept', world.project)
            else:
                world.remove()
    print(f'{len(names) - len(failed)} of {len(names)} passed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
