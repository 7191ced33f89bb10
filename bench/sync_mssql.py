"""SQL Server to PostgreSQL: one full refresh by weir against psql's binary COPY of the same rows.

The source is weir-tds, the project's own TDS server, which makes the rows up as it sends them. The floor is psql's
\\copy from a file with the same rows, exported once, into a like table made in the same transaction: without the table's
primary key, with it from the beginning, and with key and statistics made afterwards, which is what weir leaves, too.
Peers on the same server: pgloader; freebcp and psql.
"""
import os
import shutil

from harness.cluster import Cluster
from harness.process import Failed, run
from harness.project import PASSWORD, Project, postgres_endpoint
from harness.report import RUNNER_HEAD, Report, phases_text, runner_row
from harness.rounds import Rounds, paired_ratio
from harness.tables import contents
from harness.tds import Tds

DATABASE = 'dwh'
LIKE = 'CREATE TABLE public.mixed (LIKE sync_bench."Mixed")'


def measure(options):
    rows = options.rows or (2_000_000 if not options.smoke else 2_000)
    report = Report('sync-mssql', f'SQL Server (weir-tds) to PostgreSQL, {rows:,} rows x 14 columns', options)
    with Cluster('warehouse') as warehouse, Tds(options, 'mixed.yml', 'Core', count=(2_000_000, rows)) as tds:
        warehouse.sql(f'CREATE DATABASE {DATABASE}')
        with Project(options, postgres_endpoint(warehouse, DATABASE), {'bench': tds.endpoint()},
                     {'bench': {'from': 'bench', 'into': 'sync_bench', 'tables': ['dbo.Mixed']}}) as project:
            _contest(options, report, warehouse, tds, project, rows)
    return report


def _contest(options, report, warehouse, tds, project, rows):
    exported = os.path.join(project.folder, 'mixed.copy')
    project.run('sync', 'bench')
    warehouse.script(f'\\copy (SELECT * FROM sync_bench."Mixed") TO \'{exported}\' (FORMAT binary)', DATABASE)
    key = warehouse.sql("""SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_index i JOIN pg_attribute a ON
        attrelid = indexrelid
        JOIN pg_inherits ON inhrelid = indrelid WHERE inhparent = 'sync_bench."Mixed"'::regclass AND indisprimary""", DATABASE)

    def prepare():
        warehouse.sql('DROP TABLE IF EXISTS public.mixed; DROP TABLE IF EXISTS public."Mixed"; CHECKPOINT', DATABASE)

    add_key = f'ALTER TABLE public.mixed ADD PRIMARY KEY ({key});\n'

    def copy(before='', after=''):
        return warehouse.script(f"BEGIN; {LIKE};\n{before}\\copy public.mixed FROM '{exported}' (FORMAT binary, FREEZE)\n{after}"
                                'COMMIT;', DATABASE)

    def arrived(outcome, table):
        found = warehouse.sql(f'SELECT count(*) FROM {table}', DATABASE)
        if found != str(rows):
            raise Failed('count', f'{found} rows arrived, not {rows}')
        return outcome

    def freebcp():
        """Its character format, tab between values, into the like table; it cuts datetime2(7) to milliseconds."""
        text = os.path.join(project.folder, 'mixed.bcp')
        bcp = run(['freebcp', f'{tds.database}.dbo.Mixed', 'out', text, '-c', '-S', f'127.0.0.1:{tds.port}', '-U', tds.user,
                   '-P', PASSWORD, '-b', '100000'], 1800, what='freebcp out', env={**os.environ, 'TDSVER': '7.4'})
        loaded = warehouse.script(f"BEGIN; {LIKE};\n\\copy public.mixed FROM '{text}' (FORMAT text, FREEZE, NULL '')\nCOMMIT;",
                                  DATABASE)
        os.unlink(text)
        bcp.wall, bcp.cpu = bcp.wall + loaded.wall, bcp.cpu + loaded.cpu
        return arrived(bcp, 'public.mixed')

    def pgloader():
        load = os.path.join(project.folder, 'mixed.load')
        with open(load, 'w') as file:
            file.write(f"LOAD DATABASE FROM mssql://{tds.user}:{PASSWORD}@127.0.0.1:{tds.port}/{tds.database} INTO "
                       f"postgresql://{warehouse.user}@unix:{warehouse.folder}:{warehouse.port}/{DATABASE} "
                       "WITH include drop, create tables, create indexes, no foreign keys, quote identifiers INCLUDING ONLY TABLE NAMES LIKE 'Mixed' IN SCHEMA 'dbo' "
                       "ALTER SCHEMA 'dbo' RENAME TO 'public';\n")
        loaded = run(['pgloader', '--on-error-stop', load], 300, what='pgloader', expect=(0, 1))
        _, error, problem = loaded.out.partition(' ERROR ')
        if error:
            raise Failed('pgloader', ' '.join(problem.split())[:120])
        return arrived(loaded, 'public."Mixed"')

    rounds = Rounds(options, lambda: warehouse.cpu_seconds() + tds.cpu_seconds())
    floor = rounds.add('psql binary COPY, FREEZE', copy, prepare)
    weir = rounds.add('weir sync, full refresh', lambda: project.run('sync', 'bench', '-o', 'json'), prepare)
    keyed = rounds.add('psql binary COPY, FREEZE, into a table with its primary key', lambda: copy(before=add_key), prepare)
    full = rounds.add('psql binary COPY, FREEZE, then primary key and ANALYZE',
                      lambda: copy(after=add_key + 'ANALYZE public.mixed;\n'), prepare)
    for name, program, way in (('freebcp out, then psql COPY', 'freebcp', freebcp), ('pgloader', 'pgloader', pgloader)):
        runner = rounds.add(name, way, prepare, is_peer=True)
        if not shutil.which(program):
            runner.error = 'it is not installed'
    rounds.run()

    report.text('A private cluster, fsync on, ' + ', '.join(f'{k} {v}' for k, v in warehouse.settings.items()) +
                f'; weir-tds on the same machine, no TLS. {os.path.getsize(exported) / 1e6:.0f} MB as binary COPY. '
                f'{options.runs} runs after a warm-up, interleaved; ratio: median of pairs to the first row. '
                f'{rounds.others_text()}.')
    report.table(RUNNER_HEAD, [runner_row(runner, f'{paired_ratio(runner, floor):.2f}' if runner.samples else '', rows)
                               for runner in rounds.runners])
    report.text(phases_text(weir))
    report.bar('weir to COPY alone', paired_ratio(weir, floor), 1.25, 'x')
    for like in (keyed, full):
        report.bar('weir to ' + like.name.replace('psql binary ', ''), paired_ratio(weir, like), 1.25, 'x')
    report.bar('peak RSS of weir', max(s.peak for s in weir.samples) / 1e6, 100, ' MB')
    prepare()
    copy()
    again, first = (warehouse.sql(contents(table), DATABASE) for table in ('sync_bench."Mixed"', 'public.mixed'))
    if again != first or not first.startswith(f'{rows} '):
        report.must_not_be(f'two refreshes of the same rows differ (count and sum of hashes: {first}, {again})')
