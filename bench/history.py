"""weir serve on a state in a file: its memory, idle and with many schedules, from a slot to its job's start; and what commands take to answer
when the log of events is long.
"""
import contextlib
import os
import sqlite3
import statistics
import time

from harness import process
from harness.cluster import Cluster
from harness.project import Project, postgres_endpoint
from harness.report import Report
from workers import JOBS, at, Serving

ASKED = (['status'], ['why', 'to0.t'], ['why', '1'], ['impact', 'to0.t'], ['job', 'ls'], ['events', '--job', '1'], ['incident', 'ls'])


def measure(options):
    report = Report('history', 'schedules and a long history, in a file', options)
    seconds, schedules, events = (3, 50, 1000) if options.smoke else (60, 10000, 1000000)
    with Cluster('history', fsync='on', full_page_writes='on', synchronous_commit='on') as cluster:
        cluster.sql(''.join(f'CREATE SCHEMA s{n}; CREATE TABLE s{n}.t AS SELECT 1 AS id;' for n in range(JOBS)))
        idle, _ = _memory(options, cluster, JOBS)
        many, ready = _memory(options, cluster, schedules)
        late = _punctuality(options, cluster, seconds)
        size, answers = _answers(options, cluster, events)
    report.text(f'One weir serve. Memory ten seconds after it was ready, with {JOBS} and with {schedules} daily schedules. {JOBS} jobs of one small '
                f'table each, every two seconds, {seconds} s: {len(late)} slots. A state with {events} events more than its jobs wrote '
                f'({size / 1e6:.0f} MB), {options.runs} runs of each command after a warm-up, nobody serving.')
    report.table(['what', 'median', 'p99', 'most'], [
        [f'memory with {JOBS} schedules', f'{idle / 1e6:.0f} MB', '', ''],
        [f'memory with {schedules} schedules', f'{many / 1e6:.0f} MB', '', ''],
        [f'from its start until {schedules} schedules are served', f'{ready:.2f} s', '', ''],
        ['from a slot to its job\'s start', *(f'{at(late, share) * 1000:.0f} ms' for share in (0.5, 0.99, 1))],
        *([f"weir {' '.join(words)}, {events} events", f'{statistics.median(times) * 1000:.0f} ms', '', f'{max(times) * 1000:.0f} ms']
          for words, times in answers),
    ])
    report.bar('memory of an idle weir serve', idle / 1e6, 50, ' MB')
    report.bar('from a slot to its job\'s start, p99', at(late, 0.99), 5, ' s')
    return report


def _project(options, cluster, jobs, when):
    warehouse = postgres_endpoint(cluster)
    project = Project(options, {key: value for key, value in warehouse.items() if key != 'kind'}, {'shop': warehouse},
                      {f'c{n}': {'from': 'shop', 'into': f'to{n}', 'tables': [f's{n}.t']} for n in range(JOBS)})
    project.files['weir.yml']['jobs'] = {f'j{n}': {'steps': [{'sync': f'c{n % JOBS}'}], **when} for n in range(jobs)}
    return project


def _state(project, name):
    return os.path.join(project.folder, name, 'state.db')


@contextlib.contextmanager
def _open(file):
    """The state itself, which nobody else may have meanwhile."""
    with contextlib.closing(sqlite3.connect(file)) as state, state:
        yield state


def _memory(options, cluster, schedules):
    """Resident bytes, and the seconds until every schedule stood in the state."""
    with _project(options, cluster, schedules, {'when': {'cron': '0 3 * * *', 'zone': 'Europe/Berlin'}}) as project:
        begin = time.monotonic()
        with Serving(project, 'a') as serving:
            process.wait_until(lambda: 'the next one runs' in serving.text(), serving.process, 'weir serve', serving.text, 120)
            ready = time.monotonic() - begin
            time.sleep(0 if options.smoke else 10)
            return _resident(serving.process.pid), ready


def _resident(pid):
    with open(f'/proc/{pid}/status') as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith('VmRSS:'))


def _punctuality(options, cluster, seconds):
    with _project(options, cluster, JOBS, {'when': {'every': '2s'}}) as project:
        with Serving(project, 'a'):
            time.sleep(seconds)
        with _open(_state(project, 'a')) as state:
            return [row[0] for row in state.execute('SELECT (started_at - slot_at) / 1e6 FROM job WHERE started_at IS NOT NULL')]


def _answers(options, cluster, events):
    with _project(options, cluster, JOBS, {}) as project:
        for n in range(JOBS):
            project.run('run', f'j{n}', '-q')
        file = _state(project, '.weir')
        with _open(file) as state:
            _write_events(state, events)
        answers = []
        for words in ASKED:
            runs = [project.run(*words).wall for _ in range(options.runs + 1)]
            answers.append((words, runs[1:]))
        return os.path.getsize(file), answers


def _write_events(state, count):
    """Events like those of tables that are loaded well, night after night. The chain of hashes is not theirs: nothing here verifies it."""
    seq, = state.execute('SELECT max(seq) FROM event').fetchone()
    at, data = state.execute("SELECT at, data FROM event WHERE kind IN ('weir.table.published', 'weir.table.unchanged') ORDER BY seq DESC LIMIT 1").fetchone()
    state.executemany("INSERT INTO event (seq, at, actor, kind, object, job, attempt, data, hash) VALUES (?, ?, 'worker', "
                      "'weir.table.published', ?, ?, 1, ?, ?)",
                      ((seq + n, at + n, f'other.t{n % 500}', -(n // 10), data, f'{n:064x}')
                       for n in range(1, count + 1)))
    state.execute("UPDATE counter SET value = ? WHERE name = 'event'", (seq + count,))
