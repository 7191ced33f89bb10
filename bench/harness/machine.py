"""The machine that measures: what it is, without its name, and how busy others keep it."""
import datetime
import os
import re
import subprocess
import time

from harness import process


def describe(options):
    """One line for RESULTS.md."""
    with open('/proc/cpuinfo') as file:
        model = re.search(r'model name\s*: (.*)', file.read())
    with open('/proc/meminfo') as file:
        kib = int(re.search(r'MemTotal:\s*(\d+)', file.read())[1])
    from harness.cluster import server_bin
    server = subprocess.run([server_bin() + '/postgres', '--version'], stdout=subprocess.PIPE, text=True).stdout.split()[2]
    date = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC')
    note = f'; {options.note}' if options.note else ''
    return (f'{date}; {model[1] if model else "unknown CPU"}, {os.cpu_count()} cores, {kib / 2**20:.0f} GB; '
            f'PostgreSQL {server}; weir {commit()} ({build_type(options.bin)}){note}')


def commit():
    here = os.path.dirname(os.path.abspath(__file__))
    head = subprocess.run(['git', '-C', here, 'rev-parse', '--short=10', 'HEAD'], stdout=subprocess.PIPE, text=True)
    dirty = subprocess.run(['git', '-C', here, 'status', '--porcelain', '--', '../../src', '../../queries'],
                           stdout=subprocess.PIPE, text=True)
    return (head.stdout.strip() or 'not under git') + (' with local changes' if dirty.stdout.strip() else '')


def build_type(bin_folder):
    """The preset's name, as the folder of the build says it: release, dev, ..."""
    return os.path.basename(os.path.dirname(os.path.abspath(bin_folder)))


def busy_seconds():
    """CPU seconds that the whole machine has spent since its start."""
    with open('/proc/stat') as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / process.TICKS


def settle(limit, busy_share=0.1):
    """Waits, for at most `limit` seconds, until the machine was idle for one second. True if it was."""
    deadline = time.monotonic() + limit
    while True:
        busy, begin = busy_seconds(), time.monotonic()
        time.sleep(1)
        if (busy_seconds() - busy) / (time.monotonic() - begin) / os.cpu_count() < busy_share:
            return True
        if time.monotonic() > deadline:
            return False
