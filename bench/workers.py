"""Several weir serve on one state in PostgreSQL, at weir's defaults: from the death of a worker to its jobs running elsewhere, and from a slot
to the start of its job.
"""
import os
import signal
import subprocess
import time

from harness import process
from harness.cluster import Cluster
from harness.project import Project, postgres_endpoint
from harness.report import Report

JOBS = 4


def measure(options):
    report = Report('workers', 'several workers on one state', options)
    deaths, seconds = (1, 3) if options.smoke else (2, 60)
    if options.smoke:  # a program without test hooks keeps to its 30 s
        os.environ['WEIR_LEASE'] = '3s'
    with Cluster('workers', fsync='on', full_page_writes='on', synchronous_commit='on') as cluster:
        cluster.sql(''.join(f'CREATE SCHEMA s{n}; CREATE TABLE s{n}.t AS SELECT 1 AS id;' for n in range(JOBS)))
        late = _punctuality(options, cluster, seconds)
        lost = _deaths(options, cluster, deaths)
    report.text(f'{JOBS} jobs of one small table each, every two seconds, two weir serve, {seconds} s: {len(late)} slots. Then the weirs that run '
                f'{JOBS} jobs are killed while another looks on, {deaths} times; leases of 30 s, first pause 10 s.')
    report.table(['what', 'median', 'p99', 'most'], [
        ['from a slot to its job\'s start', *(f'{at(late, share) * 1000:.0f} ms' for share in (0.5, 0.99, 1))],
        ['from a worker\'s death to its job running elsewhere', *(f'{at(lost, share):.1f} s' for share in (0.5, 0.99, 1))],
    ])
    report.bar('worker death to job running elsewhere', at(lost, 1), 45, ' s')
    return report


def at(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Serving:
    """weir serve in a project, with a state folder of its own."""

    def __init__(self, project, name):
        self.log = open(os.path.join(project.folder, name + '.log'), 'wb')
        environment = dict(os.environ, WEIR_STATE_DIR=os.path.join(project.folder, name))
        self.process = process.start([project.weir, 'serve'], cwd=project.folder, env=environment, stdout=self.log, stderr=self.log)

    def __enter__(self):
        return self

    def text(self):
        with open(self.log.name) as log:
            return log.read()

    def __exit__(self, *_):
        if self.process.poll() is None:
            process.end(self.process, signal.SIGTERM, patience=60)
        self.log.close()


def _project(options, cluster, database, when):
    cluster.sql(f'CREATE DATABASE {database}')
    warehouse = postgres_endpoint(cluster)
    project = Project(options, {key: value for key, value in warehouse.items() if key != 'kind'},
                      {'shop': warehouse, 'weir_state': postgres_endpoint(cluster, database)},
                      {f'c{n}': {'from': 'shop', 'into': f'to{n}', 'tables': [f's{n}.t']} for n in range(JOBS)})
    project.files['weir.yml']['state'] = {'postgres': 'weir_state'}
    project.files['weir.yml']['jobs'] = {f'j{n}': {'steps': [{'sync': f'c{n}'}], **when} for n in range(JOBS)}
    return project


def _punctuality(options, cluster, seconds):
    with _project(options, cluster, 'punctual', {'when': {'every': '2s'}}) as project:
        with Serving(project, 'a'), Serving(project, 'b'):
            time.sleep(seconds)
    late = cluster.sql('SELECT (started_at - slot_at) / 1e6 FROM weir_state.job WHERE started_at IS NOT NULL', 'punctual')
    return [float(line) for line in late.split()]


def _deaths(options, cluster, deaths):
    lost = []
    for n in range(deaths):
        database = f'death{n}'
        with _project(options, cluster, database, {}) as project:
            holder = subprocess.Popen(cluster.psql(), stdin=subprocess.PIPE, text=True)
            holder.stdin.write('BEGIN; ' + ''.join(f'LOCK TABLE s{n}.t;' for n in range(JOBS)) + '\n')
            holder.stdin.flush()
            with Serving(project, 'a') as first:
                waiting = [process.start([project.weir, 'run', f'j{n}'], cwd=project.folder, stdout=first.log, stderr=first.log,
                                         env=dict(os.environ, WEIR_STATE_DIR=os.path.join(project.folder, f'r{n}'))) for n in range(JOBS)]
                _until(cluster, database, "SELECT count(*) = %d FROM weir_state.job WHERE state = 'running'" % JOBS)
                with Serving(project, 'b'):
                    died = float(cluster.sql('SELECT extract(epoch FROM clock_timestamp())'))
                    for one in [*waiting, first.process]:
                        one.send_signal(signal.SIGKILL)
                    _until(cluster, database, 'SELECT count(*) = %d FROM weir_state.attempt WHERE n = 2' % JOBS)
                    holder.stdin.close()
                    holder.wait()
                    began = cluster.sql('SELECT started_at / 1e6 FROM weir_state.attempt WHERE n = 2', database)
                    lost += [float(line) - died for line in began.split()]
                    _until(cluster, database, "SELECT count(*) = %d FROM weir_state.job WHERE state = 'succeeded'" % JOBS)
    return lost


def _until(cluster, database, question):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            if cluster.sql(question, database) == 't':
                return
        except process.Failed:
            pass  # the schema is not there yet
        time.sleep(0.1)
    raise process.Failed('weir serve', 'it did not come to: ' + question)
