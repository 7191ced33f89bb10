"""Memory: the peak of weir's resident set for a long table, and for one value of 1,000,000,000 bytes."""
from harness.cluster import Cluster
from harness.process import Failed
from harness.project import Project, postgres_endpoint
from harness.report import Report

DATABASE = 'shop'


def measure(options):
    rows = options.rows or (50_000_000 if not options.smoke else 20_000)
    size = 1_000_000_000 if not options.smoke else 1_000_000
    report = Report('memory', f'{rows:,} rows; a value of {size:,} bytes', options)
    with Cluster('source') as source, Cluster('warehouse') as warehouse:
        for cluster in (source, warehouse):
            cluster.sql(f'CREATE DATABASE {DATABASE}')
        source.sql(f'''CREATE TABLE public.long (id integer NOT NULL, amount bigint NOT NULL, note text);
            INSERT INTO public.long SELECT i, i * 7919, 'note ' || i % 1000 FROM generate_series(1::bigint, {rows}) i;
            ALTER TABLE public.long ADD PRIMARY KEY (id);
            CREATE TABLE public.large (id integer PRIMARY KEY, value bytea);
            ALTER TABLE public.large ALTER value SET STORAGE EXTERNAL;
            INSERT INTO public.large SELECT 1, convert_to(repeat('0123456789', {size // 10}), 'UTF8');
            ANALYZE;''', DATABASE, timeout=1800)
        with Project(options, postgres_endpoint(warehouse, DATABASE), {'shop': postgres_endpoint(source, DATABASE)},
                     {name: {'from': 'shop', 'into': 'sync_shop', 'tables': [f'public.{name}']}
                      for name in ('long', 'large')}) as project:
            table = []
            for name, expected in (('long', f'{rows}'), ('large', f'{size}')):
                _one(report, project, warehouse, table, name, expected)
    report.table(['table, from PostgreSQL', 'time', 'peak RSS'], table)
    return report


def _one(report, project, warehouse, table, name, expected):
    try:
        outcome = project.run('sync', name, timeout=3600)
    except Failed as failure:
        table.append([name, 'failed: ' + failure.line, ''])
        report.must_not_be(f'{name}: {failure.line}')
        return
    table.append([name, f'{outcome.wall:.1f} s', f'{outcome.peak / 1e6:.1f} MB'])
    found = warehouse.sql({'long': 'SELECT count(*) FROM sync_shop.long',
                           'large': 'SELECT length(value) FROM sync_shop.large'}[name], DATABASE)
    if found != expected:
        report.must_not_be(f'{name}: {found} arrived, not {expected}')
    if name == 'long':
        report.bar('peak RSS, long table', outcome.peak / 1e6, 150, ' MB')
