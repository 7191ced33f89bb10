"""Readers during publishing: what 20 sessions and a long report notice while a table that they read is refreshed.

Per method: sessions read through three views stacked on the table, at a fixed pace, while weir refreshes it again and
again. Four kinds of time alternate, and every read belongs to the one in which it was due:
  quiet     nothing is refreshed
  copy      psql copies the same rows into a table that nobody reads: what any load costs readers on this machine
  twin      the same refresh of a copy that nobody reads: the load's work, without its publishing
  refresh   the table is refreshed
refresh - quiet is everything that readers notice, refresh - copy and refresh - twin what weir and its publishing add to the
work of loading. Each refresh
changes one row in a hundred and adds one; a read must see one whole generation, and one that was current while it ran.
"""
import bisect
import collections
import json
import os
import struct
import subprocess
import time

from harness import process
from harness.cluster import Cluster
from harness.project import Project, postgres_endpoint
from harness.report import Report

DATABASE = 'shop'
COLUMNS = '''id integer PRIMARY KEY, customer_id integer NOT NULL, amount numeric(12,2) NOT NULL, status text NOT NULL,
  name text NOT NULL, created_at timestamp NOT NULL, generation integer NOT NULL'''
BLOCKS = 5         # of quiet, copy, twin, refresh
SAMPLE = struct.Struct('=qqqiiqqq')
Sample = collections.namedtuple('Sample', 'due sent done kind rows first second third')
KINDS = ['point', 'count']
WINDOWS = ['quiet', 'copy', 'twin', 'refresh']


class Refresh:
    def __init__(self, generation, begin, end, report):
        self.generation, self.begin, self.end, self.report = generation, begin, end, report


def measure(options):
    rows = options.rows or (1_000_000 if not options.smoke else 2_000)
    refreshes = options.refreshes if not options.smoke else 2
    report = Report('readers', f'{options.readers} readers and a {options.report_seconds:g} s report during {refreshes} '
                    f'refreshes of {rows:,} rows, per method', options)
    methods = options.methods.split(',')
    with Cluster('source') as source, Cluster('warehouse') as warehouse:
        for cluster in (source, warehouse):
            cluster.sql(f'CREATE DATABASE {DATABASE}')
        source.sql(f'''CREATE TABLE public.items ({COLUMNS});
            INSERT INTO public.items SELECT i, i % 5000, i % 10000 / 7.0, 'open', 'item ' || md5(i::text),
              timestamp '2020-01-01' + i * interval '1 minute', 0 FROM generate_series(1, {rows}) i;
            VACUUM (ANALYZE, FREEZE) public.items;''', DATABASE)
        connections = {}
        for method in methods:
            for role in ('read', 'twin'):
                connections[f'{role}_{method}'] = {'from': 'shop', 'into': f'{role}_{method}',
                                                   'tables': {'public.items': {'method': method}}}
        with Project(options, postgres_endpoint(warehouse, DATABASE), {'shop': postgres_endpoint(source, DATABASE)},
                     connections) as project:
            outcomes = [Method(options, source, warehouse, project, rows, refreshes, method).run() for method in methods]
    _write(report, options, warehouse, outcomes)
    return report


class Method:
    """All that is done and learnt for one method."""

    def __init__(self, options, source, warehouse, project, rows, refreshes, name):
        self.options, self.source, self.warehouse, self.project = options, source, warehouse, project
        self.rows, self.count, self.name = rows, refreshes, name
        self.generation = int(source.sql('SELECT max(generation) FROM public.items', DATABASE))
        self.refreshes, self.windows, self.samples, self.long_report, self.said = [], [], [], None, ''

    def run(self):
        for role in ('read', 'twin'):
            self.project.run('sync', f'{role}_{self.name}')
        top = f'views_{self.name}.third'
        self.warehouse.sql(f'''CREATE SCHEMA views_{self.name};
            CREATE VIEW views_{self.name}.first AS SELECT * FROM read_{self.name}.items WHERE status <> 'deleted';
            CREATE VIEW views_{self.name}.second AS SELECT *, amount * 1.2 AS gross FROM views_{self.name}.first;
            CREATE VIEW {top} AS SELECT id, customer_id, gross, name, generation FROM views_{self.name}.second;''', DATABASE)
        self.first = Refresh(self.generation, 0, 0, None)
        seen = f'count(*), min(generation) FILTER (WHERE id % 100 = 0), max(generation) FILTER (WHERE id % 100 = 0) FROM {top}'
        counters = max(1, self.options.readers // 4)
        nap = self.options.report_seconds if not self.options.smoke else 1
        step = max(1, self.rows // 200)
        with Readers(self, 'pace', f'{self.options.readers - counters}:20:{self.rows}:SELECT id, generation, customer_id '
                     f'FROM {top} WHERE id = $1', f'{counters}:2000:0:SELECT {seen}') as readers:
            blocks = BLOCKS if not self.options.smoke else 2
            for block in range(blocks):
                time.sleep(3 if block and not self.options.smoke else 0)  # what a refresh held up is through
                self._window('quiet', lambda: time.sleep(10 if not self.options.smoke else 0.5))
                self._window('copy', self._copy)
                self._window('twin', lambda: self._sync('twin'))
                last = self.count * (block + 1) // blocks
                if block == 1:
                    # It holds the table's lock from its first row on, and naps as it reads.
                    with Readers(self, 'report', f'1:0:0:SELECT {seen} WHERE CASE WHEN id % {step} = 0 THEN '
                                 f'pg_sleep({nap / (self.rows // step):.6f})::text IS NOT NULL ELSE true END') as long_report:
                        self._refresh()
                    self.long_report = long_report.samples[0] if long_report.samples else None
                while len(self.refreshes) < last:
                    self._refresh()
        self.samples, self.said = readers.samples, readers.said
        return self

    def _refresh(self):
        self.generation += 1
        self.source.sql(f'''UPDATE public.items SET generation = {self.generation} WHERE id % 100 = 0;
            INSERT INTO public.items VALUES ({self.rows + self.generation}, 1, 1, 'open', 'new', '2024-01-01', {self.generation})
            ON CONFLICT DO NOTHING;''', DATABASE)
        self._window('refresh', lambda: self._sync('read'))

    def _copy(self):
        out = self.source.psql(DATABASE) + ['-c', 'COPY public.items TO STDOUT (FORMAT binary)']
        into = self.warehouse.psql(DATABASE) + [
            '-1', '-c', 'DROP TABLE IF EXISTS public.copy', '-c',
            f"CREATE TABLE public.copy ({COLUMNS.replace('PRIMARY KEY', 'NOT NULL')})",
            '-c', 'COPY public.copy FROM STDIN (FORMAT binary, FREEZE)',
            '-c', 'ALTER TABLE public.copy ADD PRIMARY KEY (id); ANALYZE public.copy']
        process.run([out, into], 1800, what='psql COPY')

    def _sync(self, role):
        begin = time.monotonic_ns()
        outcome = self.project.run('sync', f'{role}_{self.name}', '-o', 'json')
        if role == 'read':
            self.refreshes.append(Refresh(self.generation, begin, time.monotonic_ns(), outcome))

    def _window(self, kind, work):
        begin = time.monotonic_ns()
        work()
        self.windows.append((begin, time.monotonic_ns(), kind))

    def window_of(self, sample):
        at = bisect.bisect_right(self.windows, (sample.due, float('inf'))) - 1
        return self.windows[at][2] if at >= 0 and sample.due < self.windows[at][1] else None

    def latencies(self, window, kind):
        """Milliseconds, sorted: from when a read was due until its answer was there."""
        return sorted((s.done - s.due) / 1e6 for s in self.samples if KINDS[s.kind] == kind and self.window_of(s) == window)

    def errors(self):
        return sum(s.rows < 0 for s in self.samples + ([self.long_report] if self.long_report else []))

    def wrong(self):
        """Reads that saw no row, parts of two generations, or a generation that was not current while they ran."""
        counts = [s for s in self.samples if KINDS[s.kind] == 'count' and s.rows >= 0]
        if self.long_report and self.long_report.rows >= 0:
            counts.append(self.long_report)
        points = [s for s in self.samples if KINDS[s.kind] == 'point' and s.rows >= 0]
        return sum(not self._is_right(s) for s in counts) + sum(s.rows != 1 for s in points)

    def _is_right(self, sample):
        published = [self.first] + self.refreshes
        oldest = max(r.generation for r in published if r.end <= sample.sent)
        newest = max(r.generation for r in published if r.begin <= sample.done)
        generation = sample.second
        return sample.third == generation and sample.first == self.rows + generation and oldest <= generation <= newest

    def locked_ms(self):
        """What weir itself says of the time in which readers could have waited, per refresh."""
        found = []
        for refresh in self.refreshes:
            streams = json.loads(refresh.report.out)['reports'][0]['streams']
            found += [stream['locked_ms'] for stream in streams]
        return sorted(found)


class Readers:
    """weir-bench-readers for as long as the `with` lasts (once-only kinds: until they are done); then its samples."""

    def __init__(self, method, name, *kinds):
        self.path = os.path.join(method.project.folder, f'{method.name}-{name}.samples')
        self.once = any(kind.split(':')[1] == '0' for kind in kinds)
        self.command = [os.path.join(method.options.bin, 'weir-bench-readers'), method.warehouse.conninfo(DATABASE), self.path,
                        *kinds]
        self.samples, self.said = [], ''

    def __enter__(self):
        self.errors = open(self.path + '.errors', 'w+')
        self.process = process.start(self.command, stdin=subprocess.PIPE, stderr=self.errors)
        time.sleep(0.3)  # sessions connect; the first reads are in no window
        return self

    def __exit__(self, kind, *_):
        try:
            self.process.stdin.close()
            self.process.wait(300 if kind is None else 5)
        except subprocess.TimeoutExpired:
            pass
        process.end(self.process)
        self.errors.seek(0)
        self.said = self.errors.read()
        self.errors.close()
        if kind is None:
            if self.process.returncode != 0:
                raise process.Failed('weir-bench-readers', process.last_line(self.said))
            with open(self.path, 'rb') as file:
                self.samples = [Sample(*fields) for fields in SAMPLE.iter_unpack(file.read())]


def quantile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float('nan')


def _write(report, options, warehouse, outcomes):
    report.text('Private clusters, fsync on, ' + ', '.join(f'{k} {v}' for k, v in warehouse.settings.items()) + '. '
                f'Three quarters of the readers read one row every 20 ms, the others count all rows every two seconds, through '
                f'three stacked views. Latency in ms from the moment a read was due. quiet: no refresh; copy: psql copies the same '
                f'rows into a table that nobody reads, and makes its key and statistics; twin: the same refresh of a table that '
                f'nobody reads; refresh: of theirs.')
    rows = []
    for method in outcomes:
        for kind in KINDS:
            by_window = {window: method.latencies(window, kind) for window in WINDOWS}
            for window, values in by_window.items():
                rows.append([method.name, kind, window, len(values)] +
                            [f'{quantile(values, share):.1f}' for share in (0.5, 0.99, 1)])
    report.table(['method', 'read', 'time', 'reads', 'p50', 'p99', 'max'], rows)
    rows = []
    for method in outcomes:
        walls = sorted((r.end - r.begin) / 1e9 for r in method.refreshes)
        locked = method.locked_ms()
        one = method.long_report
        rows.append([method.name, len(walls), f'{quantile(walls, 0.5):.2f} s', f'{walls[-1]:.1f} s',
                     f'{quantile(locked, 0.5):.1f} / {locked[-1]:.1f} ms' if locked else 'not said',
                     f'{(one.done - one.due) / 1e9:.1f} s' if one else 'none',
                     method.errors(), method.wrong()])
    report.table(['method', 'refreshes', 'median', 'longest (behind the report)', 'locked, as weir says: median / max',
                  'the report took', 'errors', 'wrong reads'], rows)
    for method in outcomes:
        for kind in KINDS:
            values = {window: method.latencies(window, kind) for window in WINDOWS}
            for other in WINDOWS[:-1]:
                for share, name, limit in ((0.99, 'p99', 50), (1, 'max', 200)):
                    report.bar(f'{method.name}, {kind} reads: {name} added to {other}',
                               quantile(values['refresh'], share) - quantile(values[other], share), limit, ' ms')
        if method.errors():
            report.must_not_be(f'{method.name}: {method.errors()} reads ended with an error: {process.last_line(method.said)}')
        if method.wrong():
            report.must_not_be(f'{method.name}: {method.wrong()} reads saw what was never there')
        if not method.samples or not method.long_report:
            report.must_not_be(f'{method.name}: nothing was read')
