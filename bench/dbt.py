"""dbt projects: `weir dbt` beside dbt-core, and beside psql running the same DDL.

Two projects of trivial models in chains of three, one of views, one of tables: parse, ls, compile, a first run, a run again,
with one thread and with four. And a seed, beside psql's COPY of the same file. dbt-core is measured where `./dev oracle`
installed it.
"""
import os
import shutil
import tempfile

from harness.cluster import Cluster
from harness.process import Failed, run
from harness.report import Report
from harness.rounds import Rounds, paired_ratio

DATABASE = 'shop'
SCHEMA = 'dbt'
CHAIN = 3
PROFILE = '''bench:
  target: dev
  outputs:
    dev: {{type: postgres, host: "{host}", port: {port}, user: {user}, password: "", dbname: {database}, schema: {schema}, threads: 1}}
'''


def measure(options):
    models = 400 if not options.smoke else 6
    rows = options.rows or (100_000 if not options.smoke else 50)
    report = Report('dbt', f'{models} trivial models, and a seed of {rows:,} rows', options)
    report.text(f'{options.runs} runs after a warm-up, interleaved (dbt-core: {options.peer_runs}); ratio: median of pairs to the '
                'first row of its part. A private cluster, fsync on. dbt-core keeps its partial-parse cache where a row says "warm".')
    with Cluster('warehouse') as warehouse:
        warehouse.sql(f'CREATE DATABASE {DATABASE}')
        for kind in ('view', 'table'):
            with DbtProject(options, warehouse, kind, models) as project:
                if kind == 'view':
                    _reads(options, report, warehouse, project)
                for threads in (1, 4):
                    _runs(options, report, warehouse, project, threads)
        with DbtProject(options, warehouse, 'seed', 0, rows) as project:
            _seed(options, report, warehouse, project)
    return report


class DbtProject:
    """A project of `models` models, or of one seed, in a temporary folder; and the programs that run it."""

    def __init__(self, options, warehouse, kind, models, seed_rows=0):
        self.options, self.warehouse, self.kind, self.models, self.seed_rows = options, warehouse, kind, models, seed_rows
        self.weir = os.path.join(options.bin, 'weir')
        cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
        self.dbt = os.path.join(cache, 'weir', 'dbt-oracle', 'bin', 'dbt')

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix='weir-bench-dbt-')
        self._write('dbt_project.yml', f'name: bench\nversion: "1.0"\nprofile: bench\nmodels:\n  +materialized: {self.kind}\n'
                    if self.models else 'name: bench\nversion: "1.0"\nprofile: bench\n')
        self._write('profiles.yml', PROFILE.format(host=self.warehouse.folder, port=self.warehouse.port, user=self.warehouse.user,
                                                   database=DATABASE, schema=SCHEMA))
        for number in range(self.models):
            self._write(f'models/{name(number)}.sql', self._model(number, "{{ ref('%s') }}"))
        if self.seed_rows:
            lines = ['id,name,amount,created_at']
            lines += [f'{i},name {i},{i % 997}.25,2024-01-{i % 28 + 1:02} 10:00:00' for i in range(1, self.seed_rows + 1)]
            self._write('seeds/big.csv', '\n'.join(lines) + '\n')
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, path, text):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as file:
            file.write(text)

    @staticmethod
    def _model(number, reference):
        if number % CHAIN == 0:
            return f'select {number} as id, \'model\'::text as name\n'
        return f'select id, name from {reference % name(number - 1)}\n'

    def ddl(self, again):
        """The statements that dbt's own materializations come to, without Jinja, comments and catalog queries.

        Run again, a view's CASCADE takes the views on it, so that these are not there when their turn comes.
        """
        lines = []
        for number in range(self.models):
            target, query = f'{SCHEMA}.{name(number)}', self._model(number, f'{SCHEMA}.%s').strip()
            lines.append(f'BEGIN;\nCREATE {self.kind} {target}__dbt_tmp AS {query};')
            if again:
                lines.append(f'ALTER {self.kind} IF EXISTS {target} RENAME TO {name(number)}__dbt_backup;')
            lines.append(f'ALTER {self.kind} {target}__dbt_tmp RENAME TO {name(number)};\nCOMMIT;')
            if again:
                lines.append(f'DROP {self.kind} IF EXISTS {target}__dbt_backup CASCADE;')
        return '\n'.join(lines)

    def run_weir(self, *arguments):
        return self._run([self.weir, 'dbt', *arguments])

    def run_dbt(self, *arguments):
        if not os.path.exists(self.dbt):
            raise Failed('dbt-core', 'it is not installed: ./dev oracle')
        return self._run([self.dbt, *arguments])

    def _run(self, command):
        environment = {**os.environ, 'DBT_PROFILES_DIR': self.folder, 'DBT_SEND_ANONYMOUS_USAGE_STATS': 'false',
                       'DBT_VERSION_CHECK': 'false', 'HOME': self.folder, 'NO_COLOR': '1'}
        return run(command, 1800, what=' '.join(command[1:]), env=environment, cwd=self.folder)

    def forget(self):
        shutil.rmtree(os.path.join(self.folder, 'target'), ignore_errors=True)

    def empty(self):
        self.warehouse.sql(f'DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}; CHECKPOINT', DATABASE)

    def relations(self):
        return int(self.warehouse.sql(f"SELECT count(*) FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace "
                                      "AND relkind IN ('r', 'p', 'v') AND NOT relispartition", DATABASE))


def name(number):
    return f'model_{number}'


def _reads(options, report, warehouse, project):
    rounds = Rounds(options, warehouse.cpu_seconds)
    ways = []
    for command in ('parse', 'ls', 'compile'):
        first = rounds.add(f'weir dbt {command}', lambda command=command: project.run_weir(command), project.forget)
        cold = rounds.add(f'dbt {command}, cold', lambda command=command: project.run_dbt(command), project.forget, is_peer=True)
        warm = rounds.add(f'dbt {command}, warm', lambda command=command: project.run_dbt(command), is_peer=True)
        ways.append((first, [first, cold, warm]))
    rounds.run()
    report.text(f'Reading {project.models} models; {rounds.others_text()}.')
    _table(report, ways)


def _runs(options, report, warehouse, project, threads):
    rounds = Rounds(options, warehouse.cpu_seconds)
    ways = []
    for what, again in (('first run', False), ('run again', True)):
        def prepare(again=again):
            project.empty()
            if again:
                warehouse.sql(project.ddl(False), DATABASE)

        def weir_prepare(again=again):
            project.empty()
            if again:
                project.run_weir('run', '--threads', str(threads))

        arguments = ('run', '--threads', str(threads))
        psql = rounds.add(f'psql, the same DDL, {what}', lambda again=again: warehouse.script(project.ddl(again), DATABASE), prepare)
        weir = rounds.add(f'weir dbt {what}', lambda arguments=arguments: project.run_weir(*arguments), weir_prepare)
        dbt = rounds.add(f'dbt {what}', lambda arguments=arguments: project.run_dbt(*arguments), prepare, is_peer=True)
        ways.append((psql, [psql, weir, dbt]))
    rounds.run()
    if project.relations() != project.models:
        report.must_not_be(f'{project.relations()} relations of {project.models}')
    report.text(f'{project.models} {project.kind}s, {threads} thread{"s" if threads > 1 else ""}; {rounds.others_text()}.')
    _table(report, ways)
    if threads == 1:
        for floor, (_, weir, _) in ways:
            over = (weir.median(lambda s: s.wall) - floor.median(lambda s: s.wall)) * 1000 / project.models
            report.bar(f'{weir.name}, a {project.kind}, over psql', over, 2, ' ms')


def _seed(options, report, warehouse, project):
    path = os.path.join(project.folder, 'seeds', 'big.csv')

    def copy():
        return warehouse.script(f'''BEGIN; CREATE TABLE {SCHEMA}.big (id integer, name text, amount double precision,
                                      created_at timestamp);\n\\copy {SCHEMA}.big FROM '{path}' (FORMAT csv, HEADER)\nCOMMIT;''', DATABASE)

    rounds = Rounds(options, warehouse.cpu_seconds)
    floor = rounds.add('psql \\copy of the same file', copy, project.empty)
    weir = rounds.add('weir dbt seed', lambda: project.run_weir('seed'), project.empty)
    dbt = rounds.add('dbt seed', lambda: project.run_dbt('seed'), project.empty, is_peer=True)
    rounds.run()
    report.text(f'A seed; {rounds.others_text()}.')
    _table(report, [(floor, [floor, weir, dbt])])
    report.bar('weir dbt seed to COPY', paired_ratio(weir, floor), 2, 'x')


def _table(report, ways):
    rows = []
    for floor, runners in ways:
        for runner in runners:
            if not runner.samples:
                rows.append([runner.name, 'cannot run: ' + (runner.error or 'no run'), '', '', '', ''])
                continue
            walls = runner.walls()
            rows.append([runner.name, f'{runner.median(lambda s: s.wall):.2f} s', f'{min(walls):.2f}-{max(walls):.2f}',
                         f'{paired_ratio(runner, floor):.2f}',
                         f'{runner.median(lambda s: s.cpu):.2f} + {runner.median(lambda s: s.server_cpu):.2f} s',
                         f'{max(s.peak for s in runner.samples) / 1e6:.0f} MB'])
    report.table(['way', 'median', 'range', 'ratio', 'CPU: program + server', 'peak RSS'], rows)
