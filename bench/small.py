"""Small things: the start of the program, and a whole `weir sync` of ten small tables that did not change.

The ten tables are those of examples/core, from weir-tds, and ten of about that size from PostgreSQL.
"""
import os
import statistics
import subprocess
import time

from harness.cluster import Cluster
from harness.project import Project, postgres_endpoint
from harness.report import Report
from harness.rounds import Rounds
from harness.tds import Tds

DATABASE = 'shop'
CORE = '../../examples/core/core.yml'
TABLES = {'country': 249, 'currency': 178, 'payment_status': 9, 'price_plan': 6, 'customer_status': 5,
          'document_status': 5, 'document_type': 7, 'integration': 40, 'integration_type': 12, 'customer': 900}


def measure(options):
    report = Report('small', 'ten small unchanged tables, and the start of the program', options)
    with Cluster('source') as source, Cluster('warehouse') as warehouse, Tds(options, CORE, 'Core') as tds:
        for cluster in (source, warehouse):
            cluster.sql(f'CREATE DATABASE {DATABASE}')
        for table, rows in TABLES.items():
            source.sql(f'''CREATE TABLE public.{table} (id integer PRIMARY KEY, code text NOT NULL, name text NOT NULL,
                             is_active boolean NOT NULL, modified_at timestamp NOT NULL);
                           INSERT INTO public.{table} SELECT i, 'C' || i, 'name of ' || i, true, '2024-01-01' FROM
                             generate_series(1, {rows}) i; VACUUM (ANALYZE) public.{table};''', DATABASE)
        with Project(options, postgres_endpoint(warehouse, DATABASE), {'shop': postgres_endpoint(source, DATABASE), 'core': tds.endpoint()},
                     {'shop': {'from': 'shop', 'into': 'sync_shop', 'tables': ['public.*']},
                      'core': {'from': 'core', 'into': 'sync_core', 'tables': ['*'], 'exclude': ['dbo.ActiveUser']}}) as project:
            rounds = Rounds(options, lambda: source.cpu_seconds() + warehouse.cpu_seconds() + tds.cpu_seconds())
            jobs = [rounds.add('weir sync, ten tables of Core from weir-tds', lambda: project.run('sync', 'core')),
                    rounds.add('weir sync, ten tables from PostgreSQL', lambda: project.run('sync', 'shop'))]
            rounds.run()
            found = warehouse.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'sync_core'::regnamespace AND relkind = 'p'",
                                  DATABASE)
            if found != '10':
                report.must_not_be(f'sync_core has {found} tables, not 10')
            for table, rows in TABLES.items():
                found = warehouse.sql(f'SELECT count(*) FROM sync_shop.{table}', DATABASE)
                if found != str(rows):
                    report.must_not_be(f'{table} has {found} rows, not {rows}')
            version = _starts(options, [project.weir, 'version'])
            nothing = _starts(options, ['/bin/true'])
            idle = project.run('version').peak
    report.text(f'{options.runs} runs of the job after a first one that fills the tables, {len(version)} starts; medians. '
                f'Private clusters, fsync on. {rounds.others_text()}.')
    report.table(['what', 'median', 'range', 'peak RSS'], [
        [job.name, f'{job.median(lambda s: s.wall):.3f} s', f'{min(job.walls()):.3f}-{max(job.walls()):.3f}',
         f'{max(s.peak for s in job.samples) / 1e6:.1f} MB'] for job in jobs] + [
        ['weir version', f'{statistics.median(version):.2f} ms', f'{min(version):.2f}-{max(version):.2f}', f'{idle / 1e6:.1f} MB'],
        ['/bin/true, started the same way', f'{statistics.median(nothing):.2f} ms', f'{min(nothing):.2f}-{max(nothing):.2f}', '']])
    for job in jobs:
        report.bar(job.name + ', whole job', job.median(lambda s: s.wall), 1, ' s')
        report.bar(job.name + ', peak RSS', max(s.peak for s in job.samples) / 1e6, 50, ' MB')
    report.bar('weir version', statistics.median(version), 10, ' ms')
    return report


def _starts(options, command):
    """Milliseconds from start to end, of fifty starts."""
    found = []
    environment = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8'}
    for _ in range(50 if not options.smoke else 3):
        begin = time.monotonic()
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment, close_fds=False,
                       check=True, timeout=60)
        found.append((time.monotonic() - begin) * 1000)
    return found
