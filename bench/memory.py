"""Memory: the peak of weir's resident set for a long table, and for one value of 1,000,000,000 bytes, from each source."""
from harness.cluster import Cluster
from harness.process import Failed
from harness.project import Project, postgres_endpoint
from harness.report import Report
from harness.tds import Tds

DATABASE = 'shop'


def measure(options):
    rows = options.rows or (50_000_000 if not options.smoke else 20_000)
    size = 1_000_000_000 if not options.smoke else 1_000_000
    report = Report('memory', f'{rows:,} rows; a value of {size:,} bytes', options)
    table = []
    tds = Tds(options, 'long.yml', 'Core', count=(50_000_000, rows), bytes=(1_000_000_000, size))
    with Cluster('source') as source, Cluster('warehouse') as warehouse, tds:
        for cluster in (source, warehouse):
            cluster.sql(f'CREATE DATABASE {DATABASE}')
        source.sql(f'''CREATE SCHEMA dbo;
            CREATE TABLE dbo."Long" ("Id" integer NOT NULL, "Amount" bigint NOT NULL, "Note" text);
            INSERT INTO dbo."Long" SELECT i, i * 7919, 'note ' || i % 1000 FROM generate_series(1::bigint, {rows}) i;
            ALTER TABLE dbo."Long" ADD PRIMARY KEY ("Id");
            CREATE TABLE dbo."Large" ("Id" integer PRIMARY KEY, "Value" bytea);
            ALTER TABLE dbo."Large" ALTER "Value" SET STORAGE EXTERNAL;
            INSERT INTO dbo."Large" SELECT 1, convert_to(repeat('0123456789', {size // 10}), 'UTF8');
            ANALYZE;''', DATABASE, timeout=1800)
        sources = {'postgres': postgres_endpoint(source, DATABASE), 'mssql': tds.endpoint()}
        connections = {f'{name}_{of}': {'from': of, 'into': f'from_{of}', 'tables': [f'dbo.{name}'], 'attempts': 1}
                       for of in sources for name in ('Long', 'Large')}
        with Project(options, postgres_endpoint(warehouse, DATABASE), sources, connections) as project:
            for of in sources:
                _one(report, project, warehouse, table, of, 'Long', 'count(*)', rows)
                _one(report, project, warehouse, table, of, 'Large', 'length("Value")', size)
                warehouse.sql(f'TRUNCATE from_{of}."Long"', DATABASE)
    report.table(['table', 'source', 'time', 'peak RSS'], table)
    return report


def _one(report, project, warehouse, table, of, name, what, expected):
    try:
        outcome = project.run('sync', f'{name}_{of}', timeout=3600)
    except Failed as failure:
        table.append([name, of, 'failed: ' + failure.line, ''])
        report.must_not_be(f'{name} from {of}: {failure.line}')
        return
    table.append([name, of, f'{outcome.wall:.1f} s', f'{outcome.peak / 1e6:.1f} MB'])
    found = warehouse.sql(f'SELECT {what} FROM from_{of}."{name}"', DATABASE)
    if found != str(expected):
        report.must_not_be(f'{name} from {of}: {found} arrived, not {expected}')
    if name == 'Long':
        report.bar(f'peak RSS, {name} from {of}', outcome.peak / 1e6, 150, ' MB')
