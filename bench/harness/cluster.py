"""A private PostgreSQL cluster in a temporary folder: made by initdb as an ordinary user, reached over a unix socket."""
import glob
import os
import shutil
import signal
import subprocess
import tempfile

from harness import process

# Stated with every result. fsync and full_page_writes stay on; checkpoints are kept out of the measured part.
SETTINGS = {
    'shared_buffers': '2GB',
    'max_wal_size': '32GB',
    'checkpoint_timeout': '1h',
    'maintenance_work_mem': '256MB',
    'max_parallel_workers_per_gather': '0',
    'autovacuum_naptime': '10min',
}


def server_bin():
    """Folder of the newest installed server's programs."""
    found = glob.glob('/usr/lib/postgresql/*/bin/initdb')
    if not found:
        path = shutil.which('initdb')
        if not path:
            raise process.Failed('initdb', 'no PostgreSQL server is installed')
        return os.path.dirname(os.path.realpath(path))
    return os.path.dirname(max(found, key=lambda path: int(path.split('/')[4])))


class Cluster:
    """`with Cluster('warehouse') as cluster:`; everything is gone afterwards. Authentication is `trust` inside a folder
    that only its user and root may enter."""

    def __init__(self, name, **settings):
        self.name = name
        self.settings = {**SETTINGS, **settings}
        self.bin = server_bin()
        self.port = '5432'  # part of the socket's name; nothing listens on a network
        self.user = 'postgres'
        self.folder = None
        self.server = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        prefix, uid, gid = process.ordinary_user()
        self.folder = tempfile.mkdtemp(prefix=f'weir-bench-{self.name}-')
        os.chown(self.folder, uid, gid)
        data = os.path.join(self.folder, 'data')
        process.run(prefix + [f'{self.bin}/initdb', '-D', data, '-U', self.user, '-A', 'trust', '-E', 'UTF8',
                              '--locale=C.UTF-8', '--no-sync'], timeout=120)
        options = {'unix_socket_directories': self.folder, 'listen_addresses': '', 'port': self.port,
                   'logging_collector': 'off', **self.settings}
        arguments = [part for key, value in options.items() for part in ('-c', f'{key}={value}')]
        if prefix:
            prefix = prefix + ['--pdeathsig', 'QUIT']
        else:
            prefix = ['setpriv', '--pdeathsig', 'QUIT']
        with open(os.path.join(self.folder, 'log'), 'wb') as log:
            self.server = process.start(prefix + [f'{self.bin}/postgres', '-D', data] + arguments,
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        asks = [f'{self.bin}/pg_isready', '-q', '-h', self.folder, '-p', self.port]
        process.wait_until(lambda: subprocess.run(asks).returncode == 0, self.server, 'postgres', self.log, patience=60)

    def __exit__(self, *_):
        if self.server:
            process.end(self.server, signal.SIGINT, patience=60)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        with open(os.path.join(self.folder, 'log'), errors='replace') as log:
            return log.read()

    def psql(self, database='postgres'):
        """The command line of a psql that stops at the first error."""
        return [f'{self.bin}/psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', self.conninfo(database)]

    def conninfo(self, database='postgres'):
        return f'host={self.folder} port={self.port} user={self.user} dbname={database}'

    def sql(self, text, database='postgres', timeout=600):
        """Runs statements, each in a transaction of its own unless they say BEGIN, and returns what they print."""
        return self.script(text, database, timeout).out.strip()

    def script(self, text, database='postgres', timeout=600):
        """The same, with psql's own commands in it, and returns the outcome: time, CPU, memory, text."""
        with tempfile.TemporaryFile() as file:
            file.write(text.encode())
            file.seek(0)
            return process.run(self.psql(database) + ['-f', '-'], timeout, what='psql', stdin=file)

    def cpu_seconds(self):
        """CPU of the server and of all its backends, past and present."""
        pids = process.children_of(self.server.pid)
        return process.cpu_seconds(self.server.pid, with_children=True) + sum(map(process.cpu_seconds, pids))
