"""Child processes: bounded in time, with their CPU time and peak memory, and never left behind."""
import atexit
import os
import signal
import subprocess
import tempfile
import threading
import time

TICKS = os.sysconf('SC_CLK_TCK')
_alive = set()


class Failed(Exception):
    """A program ended with an error, or took too long. `line` is what it said, in one line."""

    def __init__(self, what, line):
        super().__init__(f'{what}: {line}')
        self.line = line


class Outcome:
    """One finished program: wall and CPU seconds, peak resident memory in bytes, and what it wrote."""

    def __init__(self, wall, cpu, peak, out, err):
        self.wall, self.cpu, self.peak, self.out, self.err = wall, cpu, peak, out, err


def ordinary_user():
    """The prefix of a command that must not run as root, and its user's id; nothing where we are not root."""
    if os.getuid() != 0:
        return [], os.getuid(), os.getgid()
    import pwd
    for name in ('postgres', 'nobody'):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        prefix = ['setpriv', f'--reuid={entry.pw_uid}', f'--regid={entry.pw_gid}', '--clear-groups']
        return prefix, entry.pw_uid, entry.pw_gid
    raise Failed('users', 'neither "postgres" nor "nobody" is a user here, and PostgreSQL does not run as root')


def start(command, **options):
    """A program in a session of its own: Ctrl-C reaches us alone, and we end it."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    _alive.add(process)
    return process


def end(process, first=signal.SIGTERM, patience=10):
    """Ends it and everything it started; asks first, then kills."""
    for number, wait in ((first, patience), (signal.SIGKILL, 10)):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, number)
            process.wait(wait)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
    _alive.discard(process)


def wait_until(ready, process, what, log, patience):
    """Until ready(). Failed, with the last line of log(), if the program ends before that or takes too long."""
    deadline = time.monotonic() + patience
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed(what, last_line(log()))
        time.sleep(0.02)


@atexit.register
def end_all():
    for process in list(_alive):
        end(process)


def peak_memory(pid):
    """Peak resident bytes so far of a running process; 0 when it is gone."""
    try:
        with open(f'/proc/{pid}/status') as status:
            for line in status:
                if line.startswith('VmHWM:'):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def cpu_seconds(pid, with_children=False):
    """User and system time of a running process; with the time of the children that it has waited for."""
    try:
        with open(f'/proc/{pid}/stat') as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15 if with_children else 13]) / TICKS


def children_of(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as children:
            return [int(child) for child in children.read().split()]
    except OSError:
        return []


def last_line(text):
    """The line of a program's output that says most: the last one that names an error, or the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if 'error' in line.lower() or 'fatal' in line.lower()]
    return (errors or lines or ['(it said nothing)'])[0 if errors else -1][:300]


def run(command, timeout, what=None, stdin=None, stdout=None, env=None, cwd=None, expect=(0,)):
    """Runs a program (a list), or a pipe of programs (a list of lists), to its end.

    The outcome's `peak` is that of the first program, `cpu` that of all of them. stdout: a file, else it is kept.
    """
    pipe = command if isinstance(command[0], list) else [command]
    what = what or os.path.basename(pipe[0][0])
    peaks = [0]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        cpu_before = os.times()
        begin = time.monotonic()
        processes = []
        upstream = stdin or subprocess.DEVNULL
        try:
            for number, argv in enumerate(pipe):
                last = number == len(pipe) - 1
                process = start(argv, stdin=upstream, stdout=(stdout or out) if last else subprocess.PIPE, stderr=err,
                                env=env, cwd=cwd)
                if number:
                    upstream.close()
                upstream = process.stdout
                processes.append(process)
            peaks[0] = peak_memory(processes[0].pid)
            watcher = threading.Thread(target=_watch_peak, args=(processes[0], peaks), daemon=True)
            watcher.start()
            for process in processes:
                process.wait(max(0.1, timeout - (time.monotonic() - begin)))
            wall = time.monotonic() - begin
            watcher.join()
        except subprocess.TimeoutExpired:
            raise Failed(what, f'not finished after {timeout} s') from None
        finally:
            for process in processes:
                end(process)
        cpu_after = os.times()
        cpu = cpu_after[2] + cpu_after[3] - cpu_before[2] - cpu_before[3]
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors='replace'))
    for process in processes:
        if process.returncode not in expect:
            raise Failed(what, f'exit status {process.returncode}: ' + last_line(texts[1] or texts[0]))
    return Outcome(wall, cpu, peaks[0], *texts)


def _watch_peak(process, peaks):
    while process.poll() is None:
        peaks[0] = max(peaks[0], peak_memory(process.pid))
        time.sleep(0.005)
