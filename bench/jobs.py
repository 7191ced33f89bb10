"""The state of jobs in SQLite: jobs a second, ticks of many schedules, events. The floor of the jobs is what three small writes, each
forced to the same disk, take: a job that is made, claimed and ended is three commits.
"""
import json
import os
import subprocess
import tempfile

from harness import process
from harness.report import Report


def measure(options):
    report = Report('jobs', 'the state of jobs in SQLite', options)
    jobs, schedules, events = (20, 50, 50) if options.smoke else (500, 10000, 2000)
    report.text(f'{options.runs} runs after a warm-up, each on a new file; medians. {jobs} jobs one after the other (made, claimed, ended), '
                f'{schedules} daily schedules in one zone, {events} events in transactions of their own.')
    runs = [_run(options, jobs, schedules, events) for _ in range(options.runs + 1)][1:]
    median = {key: sorted(run[key] for run in runs)[len(runs) // 2] for key in runs[0]}
    ratio = sorted(run['cycles'] / run['floor'] for run in runs)[len(runs) // 2]
    report.table(['what', 'median', 'each'], [
        ['a job, from made to ended', f"{jobs / median['cycles']:.0f}/s", f"{median['cycles'] / jobs * 1000:.2f} ms; {ratio:.2f}x of three forced writes"],
        ['the first tick, which meets the schedules', f"{median['tick_first']:.3f} s", f"{median['tick_first'] / schedules * 1e6:.0f} us"],
        ['a tick with nothing due', f"{median['tick_idle'] * 1000:.2f} ms", ''],
        ['a tick that reads what others did (every 10 s)', f"{median['tick_look'] * 1000:.1f} ms", ''],
        ['a tick with all of them due', f"{median['tick_all_due']:.2f} s", f"{median['tick_all_due'] / schedules * 1e6:.0f} us"],
        ['an event', f"{events / median['events']:.0f}/s", f"{median['events'] / events * 1000:.2f} ms"],
        ['to verify the chain of events', f"{median['verify']:.2f} s", ''],
    ])
    return report


def _run(options, jobs, schedules, events):
    with tempfile.TemporaryDirectory(prefix='weir-bench-jobs-') as folder:
        command = [os.path.join(options.bin, 'weir-bench-jobs'), folder, str(jobs), str(schedules), str(events)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise process.Failed(command[0], done.stderr.strip())
        return json.loads(done.stdout)
