"""PostgreSQL to PostgreSQL: one full refresh by weir against psql's binary COPY | COPY of the same table.

Two private clusters. The floor creates a like table in the transaction of its COPY, with FREEZE; a second one also builds
the table's primary key and statistics, which weir does too. Peers: pg_dump | psql, pgcopydb.
"""
import os
import shutil

from harness.cluster import Cluster
from harness.process import Failed, run
from harness.project import Project, postgres_endpoint
from harness.report import RUNNER_HEAD, Report, phases_text, runner_row
from harness.rounds import Rounds, paired_ratio
from harness.tables import MIXED_COLUMNS, contents, mixed_rows

DATABASE = 'shop'


def measure(options):
    rows = options.rows or (2_000_000 if not options.smoke else 2_000)
    report = Report('sync-pg', f'PostgreSQL to PostgreSQL, {rows:,} rows x 14 columns', options)
    with Cluster('source') as source, Cluster('warehouse') as warehouse:
        for cluster in (source, warehouse):
            cluster.sql(f'CREATE DATABASE {DATABASE}')
        source.sql(f'''CREATE TABLE public.mixed ({MIXED_COLUMNS});
                       INSERT INTO public.mixed {mixed_rows(rows)};
                       ALTER TABLE public.mixed ADD PRIMARY KEY (id);
                       VACUUM (ANALYZE, FREEZE) public.mixed;''', DATABASE)
        with Project(options, postgres_endpoint(warehouse, DATABASE), {'shop': postgres_endpoint(source, DATABASE)},
                     {'shop': {'from': 'shop', 'into': 'sync_shop', 'tables': ['public.mixed']}}) as project:
            _contest(options, report, source, warehouse, project, rows)
    return report


def _contest(options, report, source, warehouse, project, rows):
    def prepare():
        warehouse.sql('DROP TABLE IF EXISTS public.mixed', DATABASE)
        for cluster in (source, warehouse):
            cluster.sql('CHECKPOINT', DATABASE)

    def copy(before='', after=''):
        out = source.psql(DATABASE) + ['-c', 'COPY public.mixed TO STDOUT (FORMAT binary)']
        into = warehouse.psql(DATABASE) + [
            '-1', '-c', f'CREATE TABLE public.mixed ({MIXED_COLUMNS}{before})',
            '-c', 'COPY public.mixed FROM STDIN (FORMAT binary, FREEZE)'] + (['-c', after] if after else [])
        return run([out, into], 1800, what='psql COPY')

    def dump():
        dump = [os.path.join(source.bin, 'pg_dump'), '--table=public.mixed', source.conninfo(DATABASE)]
        return run([dump, warehouse.psql(DATABASE)], 1800, what='pg_dump | psql')

    def pgcopydb():
        work = os.path.join(project.folder, 'pgcopydb')
        shutil.rmtree(work, ignore_errors=True)
        return run(['pgcopydb', 'clone', '--source', source.conninfo(DATABASE), '--target', warehouse.conninfo(DATABASE),
                    '--dir', work, '--no-role-passwords', '--skip-extensions', '--table-jobs', '2', '--index-jobs', '2'],
                   1800, what='pgcopydb')

    rounds = Rounds(options, lambda: source.cpu_seconds() + warehouse.cpu_seconds())
    floor = rounds.add('psql COPY | COPY, binary, FREEZE', copy, prepare)
    weir = rounds.add('weir sync, full refresh', lambda: project.run('sync', 'shop', '-o', 'json'), prepare)
    full = rounds.add('the same COPY, then primary key and ANALYZE',
                      lambda: copy(after='ALTER TABLE public.mixed ADD PRIMARY KEY (id); ANALYZE public.mixed'), prepare)
    keyed = rounds.add('the same COPY into a table with its primary key', lambda: copy(before=', PRIMARY KEY (id)'), prepare)
    rounds.add('pg_dump | psql', dump, prepare, is_peer=True)
    if shutil.which('pgcopydb'):
        rounds.add('pgcopydb clone', pgcopydb, prepare, is_peer=True)
    rounds.run()

    report.text('One private cluster a side, fsync on, ' + ', '.join(f'{k} {v}' for k, v in warehouse.settings.items()) +
                f'. {options.runs} runs after a warm-up, interleaved; ratio: median of pairs to the first row. '
                f'{rounds.others_text()}.')
    if not shutil.which('pgcopydb'):
        report.text('pgcopydb cannot run: it is not installed.')
    table = [runner_row(runner, f'{paired_ratio(runner, floor):.2f}' if runner.samples else '', rows)
             for runner in rounds.runners]
    report.table(RUNNER_HEAD, table)
    report.text(phases_text(weir))
    report.bar('weir to COPY alone', paired_ratio(weir, floor), 1.1, 'x')
    report.bar('weir to COPY into a table with its primary key', paired_ratio(weir, keyed), 1.1, 'x')
    report.bar('weir to COPY, primary key and ANALYZE', paired_ratio(weir, full), 1.1, 'x')
    here, there = (cluster.sql(contents(table), DATABASE)
                   for cluster, table in ((source, 'public.mixed'), (warehouse, 'sync_shop.mixed')))
    if here != there:
        report.must_not_be(f'the warehouse\'s rows are not the source\'s (count and sum of hashes: {there}, not {here})')
