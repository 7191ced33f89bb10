"""A plugin of pytest by which dbt's own adapter tests call weir: `dbtRunner.invoke` runs the program that WEIR names, and what it answers is put together
from the exit code, the output and the artifacts below target/. For run.py; a developer's tool, no test of the repository.

What cannot be carried over: callbacks of events, and what a test patches inside Python. Of exceptions only that one was raised, and its text.
"""
import contextlib
import datetime
import json
import os
import subprocess
import tempfile
import time

import dbt.exceptions
import dbt.tests.util as util
import dbt_common.exceptions
from dbt.adapters.factory import FACTORY
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.freshness import FreshnessExecutionResultArtifact
from dbt.artifacts.schemas.results import NodeStatus
from dbt.artifacts.schemas.run import RunExecutionResult, RunResult
from dbt.cli.exceptions import DbtUsageException
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.manifest import WritableManifest

LAST = {'output': '', 'end_time': None}
FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'
OPTIONS_WITH_VALUE = {'--project-dir', '--profiles-dir', '--target-path', '--log-path', '--target', '--profile', '--threads', '--vars', '--log-format', '--log-level'}


class WeirError(DbtUsageException, dbt.exceptions.ParsingError, dbt_common.exceptions.CompilationError, dbt.exceptions.DbtProjectError, dbt_common.exceptions.DbtDatabaseError):
    """Whatever keeps a command from beginning: the tests ask for many types, weir has an exit code."""

    def __init__(self, message):
        Exception.__init__(self, message)
        self.msg, self.node, self.stack = message, None, []

    def __str__(self):
        return self.msg


def command_of(words):
    """The command's words and the value of --project-dir."""
    command, folder, at = [], os.getcwd(), 0
    while at < len(words):
        if words[at] in OPTIONS_WITH_VALUE:
            folder = words[at + 1] if words[at] == '--project-dir' else folder
            at += 2
            continue
        if not words[at].startswith('-') and (not command or (command[0] in ('docs', 'source') and len(command) == 1)):
            command.append(words[at])
        at += 1
    return ' '.join(command), folder


def target_of(words, folder):
    path = os.environ.get('DBT_TARGET_PATH', 'target')
    if '--target-path' in words:
        path = words[words.index('--target-path') + 1]
    return os.path.join(folder, path)


def manifest_at(target):
    path = os.path.join(target, 'manifest.json')
    return Manifest.from_writable_manifest(WritableManifest.read_and_check_versions(path)) if os.path.exists(path) else None


def node_of(manifest, one):
    id = one['unique_id']
    for section in ('nodes', 'sources', 'exposures', 'unit_tests', 'functions', 'saved_queries'):
        found = getattr(manifest, section, {}).get(id)
        if found is not None:
            if one.get('compiled_code') and hasattr(found, 'compiled_code'):
                found.compiled_code, found.compiled = one['compiled_code'], True
            return found
    return None


def results_at(target, began):
    path = os.path.join(target, 'run_results.json')
    if not os.path.exists(path) or os.stat(path).st_mtime_ns < began:
        return None
    with open(path) as file:
        said = json.load(file)
    manifest, results = manifest_at(target), []
    for one in said['results']:
        results.append(RunResult(status=NodeStatus(one['status']), timing=[], thread_id=one['thread_id'], execution_time=one['execution_time'],
                                 adapter_response=one['adapter_response'], message=one['message'], failures=one['failures'],
                                 node=node_of(manifest, one), batch_results=None))
        if one.get('batch_results'):
            from dbt.artifacts.schemas.batch_results import BatchResults
            results[-1].batch_results = BatchResults(**{key: one['batch_results'][key] for key in ('successful', 'failed')})
    return RunExecutionResult(results=results, elapsed_time=said['elapsed_time'], generated_at=said['metadata']['generated_at'], args=said['args'])


def answer(command, words, done, target, began):
    if command in ('ls', 'list'):
        return [line for line in done.stdout.splitlines() if line.strip()]
    if command == 'parse':
        return manifest_at(target)
    if command == 'docs generate':
        path = os.path.join(target, 'catalog.json')
        if os.path.exists(path):
            catalog = CatalogArtifact.read_and_check_versions(path)
            with contextlib.suppress(Exception):
                catalog._compile_results = results_at(target, began)
            return catalog
    if command == 'source freshness':
        path = os.path.join(target, 'sources.json')
        if os.path.exists(path):
            return FreshnessExecutionResultArtifact.read_and_check_versions(path)
    if command == 'debug':
        return done.returncode == 0
    return results_at(target, began)


def environment():
    """With the clock that the test has set: freezegun's, or the end of a microbatch model's batches."""
    out = dict(os.environ, NO_COLOR='1')
    now = LAST['end_time'] or datetime.datetime.now(datetime.timezone.utc)
    if abs(now.timestamp() - time.clock_gettime(time.CLOCK_REALTIME)) > 60:
        out.update(LD_PRELOAD=FAKETIME, FAKETIME=now.strftime('%Y-%m-%d %H:%M:%S'), FAKETIME_DONT_FAKE_MONOTONIC='1')
    return out


@contextlib.contextmanager
def patch_microbatch_end_time(text):
    LAST['end_time'] = datetime.datetime.strptime(text, '%Y-%m-%d %H:%M:%S').replace(tzinfo=datetime.timezone.utc)
    try:
        yield
    finally:
        LAST['end_time'] = None


def invoke(self, args, **kwargs):
    words = [str(word) for word in args]
    for key, value in kwargs.items():
        words += [f'--{key.replace("_", "-")}', str(value)]
    command, folder = command_of(words)
    target = target_of(words, folder)
    if os.path.isdir(folder):
        os.makedirs(target, exist_ok=True)
    began = _now(target)
    done = subprocess.run([os.environ['WEIR'], 'dbt', *words], capture_output=True, text=True, cwd=os.getcwd(), env=environment(),
                          timeout=300)
    LAST['output'] += done.stdout + done.stderr
    print('weir dbt', ' '.join(words), '->', done.returncode)
    print(done.stdout + done.stderr)
    for adapter in FACTORY.adapters.values():
        adapter.cache.clear()
        adapter.connections.set_connection_name('master')  # the one that dbt leaves behind
    result = answer(command, words, done, target, began)
    if done.returncode > 1 or (done.returncode == 1 and result is None):
        return dbtRunnerResult(success=False, exception=WeirError(done.stdout + done.stderr), result=result)
    return dbtRunnerResult(success=done.returncode == 0, result=result)


def _now(folder):
    path = os.path.join(folder if os.path.isdir(folder) else tempfile.gettempdir(), f'.began-{os.getpid()}')
    with open(path, 'w'):
        pass
    stamp = os.stat(path).st_mtime_ns
    os.remove(path)
    return stamp


def run_dbt_and_capture(args=None, expect_pass=True):
    LAST['output'] = ''
    result = util.run_dbt(args, expect_pass=expect_pass)
    return result, LAST['output']


def get_manifest(project_root):
    return manifest_at(os.path.join(project_root, 'target'))


if os.environ.get('WEIR'):
    dbtRunner.invoke = invoke
    util.run_dbt_and_capture = run_dbt_and_capture
    util.get_manifest = get_manifest
    util.patch_microbatch_end_time = patch_microbatch_end_time
