"""The state of jobs, in SQLite and in PostgreSQL: jobs a second, ticks of many schedules, events. The floor of the jobs is what three small
writes, each forced to the same disk, take: a job that is made, claimed and ended is three commits.
"""
import json
import os
import subprocess
import tempfile

from harness import process
from harness.cluster import Cluster
from harness.report import Report


def measure(options):
    report = Report('jobs', 'the state of jobs', options)
    sizes = (20, 50, 50) if options.smoke else (500, 10000, 2000)
    jobs, schedules, events = sizes
    report.text(f'{options.runs} runs after a warm-up, each on a new file or in a new database; medians. {jobs} jobs one after the other (made, '
                f'claimed, ended), {schedules} daily schedules in one zone, {events} events in transactions of their own. PostgreSQL on this machine, '
                'over a socket, every commit forced to the disk.')
    table = []
    with Cluster('state', fsync='on', full_page_writes='on', synchronous_commit='on') as cluster:
        for name in ['SQLite', 'PostgreSQL']:
            runs = []
            for n in range(options.runs + 1):
                database = f'{name}_{n}'.lower()
                cluster.sql(f'CREATE DATABASE {database}')
                server = [] if name == 'SQLite' else [cluster.folder, cluster.port, database]
                runs.append(_run(options, sizes, server))
            table += _rows(name, runs[1:], *sizes)
    report.table(['where', 'what', 'median', 'each'], table)
    return report


def _rows(name, runs, jobs, schedules, events):
    median = {key: sorted(run[key] for run in runs)[len(runs) // 2] for key in runs[0]}
    ratio = sorted(run['cycles'] / run['floor'] for run in runs)[len(runs) // 2]
    return [
        [name, 'a job, from made to ended', f"{jobs / median['cycles']:.0f}/s",
         f"{median['cycles'] / jobs * 1000:.2f} ms; {ratio:.2f}x of three forced writes"],
        [name, 'the first tick, which meets the schedules', f"{median['tick_first']:.3f} s", f"{median['tick_first'] / schedules * 1e6:.0f} us"],
        [name, 'a tick with nothing due', f"{median['tick_idle'] * 1000:.2f} ms", ''],
        [name, 'a tick that reads what others did (every 10 s)', f"{median['tick_look'] * 1000:.1f} ms", ''],
        [name, 'a tick with all of them due', f"{median['tick_all_due']:.2f} s", f"{median['tick_all_due'] / schedules * 1e6:.0f} us"],
        [name, 'an event', f"{events / median['events']:.0f}/s", f"{median['events'] / events * 1000:.2f} ms"],
        [name, 'to verify the chain of events', f"{median['verify']:.2f} s", ''],
    ]


def _run(options, sizes, server):
    with tempfile.TemporaryDirectory(prefix='weir-bench-jobs-') as folder:
        command = [os.path.join(options.bin, 'weir-bench-jobs'), folder, *map(str, sizes), *server]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise process.Failed(command[0], done.stderr.strip())
        return json.loads(done.stdout)
