#!/usr/bin/python3
"""What weir writes of its runs is what dbt-core would read: run_results.json, sources.json, catalog.json and manifest.json of every command
in the `steps` of some projects beside this file are validated against dbt's JSON schemas, and read by dbt's own readers.

  artifacts.py --program build/dev/bin/weir [--oracle VENV/bin/dbt] [NAME...]

Without dbt-core (`./dev oracle`) it is skipped, exit status 77.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import check
import oracle as oracles

# Results of every kind: success, error, skipped, partial success, pass, warn, fail, hooks, operations, sources fresh and stale.
PROJECTS = ['batches', 'data_tests', 'failures', 'freshness', 'hooks', 'introspection', 'seeds', 'snapshots', 'unit_tests']
ARTIFACTS = ['run_results', 'sources', 'catalog', 'manifest']

VALIDATE = """
import json, os, sys
import jsonschema
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.freshness import FreshnessExecutionResultArtifact
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.artifacts.schemas.run import RunResultsArtifact
kinds = {'run_results': RunResultsArtifact, 'sources': FreshnessExecutionResultArtifact, 'catalog': CatalogArtifact, 'manifest': WritableManifest}
checks = {name: jsonschema.Draft202012Validator(kind.json_schema()) for name, kind in kinds.items()}
found = {}
for path in sys.argv[1:]:
    kind = os.path.basename(path)[:-len('.json')]
    with open(path) as file:
        artifact = json.load(file)
    faults = [f'{"/".join(map(str, e.absolute_path))}: {e.message[:200]}' for e in checks[kind].iter_errors(artifact)]
    try:
        kinds[kind].read_and_check_versions(path)
    except Exception as error:
        faults.append(f'dbt cannot read it: {str(error)[:200]}')
    found[path] = faults
print(json.dumps(found))
"""


class Recorder(check.World):
    """Keeps what each command wrote."""

    def __init__(self, folder, *arguments):
        super().__init__(*arguments)
        self.kept, self.stamps = folder, {}

    def command(self, line):
        step = super().command(line)
        for artifact in ARTIFACTS:
            path = os.path.join(self.project, 'target', f'{artifact}.json')
            now = check.stamp(path)
            if now is None or now == self.stamps.get(artifact):
                continue
            self.stamps[artifact] = now
            place = os.path.join(self.kept, f'{len(os.listdir(self.kept)):03} {line}'.replace('/', '_')[:100])
            os.makedirs(place, exist_ok=True)
            shutil.copy(path, place)
        return step


def main():
    args = oracles.arguments(__doc__)
    kept = tempfile.mkdtemp(prefix='weir-dbt-artifacts-')
    try:
        with check.started_cluster() as cluster:
            for name in args.names or PROJECTS:
                folder = os.path.join(kept, name)
                os.makedirs(folder)
                world = Recorder(folder, os.path.join(check.HERE, name), cluster, 'weir', args.program)
                world.run()
                world.command('dbt docs generate')
                world.remove()
        paths = sorted(os.path.join(at, name) for at, _, names in os.walk(kept) for name in names)
        python = oracles.python_of(args.oracle)
        checked = subprocess.run([python, '-c', VALIDATE, *paths], stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(checked.stdout.splitlines()[-1])
        for path, faults in found.items():
            for fault in faults[:20]:
                print(f'{os.path.relpath(path, kept)}: {fault}')
        kinds = {os.path.basename(path) for path in paths}
        missing = [f'{artifact}.json' for artifact in ARTIFACTS if f'{artifact}.json' not in kinds]
        wrong = sum(1 for faults in found.values() if faults)
        print(f'{len(paths) - wrong} of {len(paths)} artifacts are as dbt reads them' + (f'; none of {missing}' if missing else ''))
        return 1 if wrong or (missing and not args.names) else 0
    finally:
        shutil.rmtree(kept, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
