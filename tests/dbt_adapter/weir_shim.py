"""A plugin of pytest by which dbt's own adapter tests call weir: `dbtRunner.invoke` runs the program that WEIR names, and what it answers is put together
from the exit code, the output and the artifacts below target/. For run.py; a developer's tool, no test of the repository.

What cannot be carried over: callbacks of events, and what a test patches inside Python. Of exceptions only that one was raised, and its text.
"""
import contextlib
import io
import json
import os
import subprocess

import dbt.exceptions
import dbt.tests.util as util
import dbt_common.exceptions
from dbt.adapters.factory import FACTORY
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.freshness import FreshnessExecutionResultArtifact
from dbt.artifacts.schemas.results import NodeStatus
from dbt.artifacts.schemas.run import RunExecutionResult, RunResult
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.manifest import WritableManifest

LAST = {'output': ''}
OPTIONS_WITH_VALUE = {'--project-dir', '--profiles-dir', '--target-path', '--log-path', '--target', '--profile', '--threads', '--vars', '--log-format', '--log-level'}


class WeirError(dbt.exceptions.ParsingError, dbt_common.exceptions.CompilationError, dbt.exceptions.DbtProjectError, dbt_common.exceptions.DbtDatabaseError):
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


def invoke(self, args, **kwargs):
    words = [str(word) for word in args]
    for key, value in kwargs.items():
        words += [f'--{key.replace("_", "-")}', str(value)]
    command, folder = command_of(words)
    target = target_of(words, folder)
    os.makedirs(target, exist_ok=True)
    began = _now(target)
    done = subprocess.run([os.environ['WEIR'], 'dbt', *words], capture_output=True, text=True, cwd=os.getcwd(), env=dict(os.environ, NO_COLOR='1'), timeout=300)
    LAST['output'] += done.stdout + done.stderr
    print('weir dbt', ' '.join(words), '->', done.returncode)
    print(done.stdout + done.stderr)
    for adapter in FACTORY.adapters.values():
        adapter.cache.clear()
    result = answer(command, words, done, target, began)
    if done.returncode > 1 or (done.returncode == 1 and result is None):
        return dbtRunnerResult(success=False, exception=WeirError(done.stdout + done.stderr), result=result)
    return dbtRunnerResult(success=done.returncode == 0, result=result)


def _now(folder):
    path = os.path.join(folder, '.began')
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
