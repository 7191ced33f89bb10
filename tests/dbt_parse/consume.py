#!/usr/bin/python3
"""dbt-core reads what weir wrote: target/manifest.json of each project beside this file is validated against dbt's JSON schema of manifests, and
taken as --state, by which nothing may be new or modified but by macros.

  consume.py --program build/dev/bin/weir [--oracle VENV/bin/dbt] [NAME...]

Without dbt-core (`./dev oracle`) it is skipped, exit status 77.
"""
import json
import os
import shutil
import subprocess
import sys

import parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'dbt'))
import oracle as oracles  # noqa: E402

VALIDATE = """
import json, sys
import jsonschema
from dbt.artifacts.schemas.manifest import WritableManifest
schema = WritableManifest.json_schema()
with open(sys.argv[1]) as file:
    manifest = json.load(file)
found = [f'{"/".join(map(str, e.absolute_path))}: {e.message[:200]}' for e in jsonschema.Draft202012Validator(schema).iter_errors(manifest)]
print(json.dumps(sorted(found)))
"""

# modified.macros is left out: the macros that dbt ships are weir's own here, and what calls them differs by them.
CRITERIA = ['state:new', *(f'state:modified.{part}' for part in ('body', 'configs', 'relation', 'contract', 'persisted_descriptions'))]


def invalid(oracle, manifest):
    """Where a manifest does not fit dbt's schema."""
    python = oracles.python_of(oracle)
    checked = subprocess.run([python, '-c', VALIDATE, manifest], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(checked.stdout.splitlines()[-1])


def modified_since_dbt(world, weir, dbt):
    """What weir takes for modified when dbt's manifest of the same project is the state."""
    _, _, target = world.run(dbt, ['parse', '--no-partial-parse'])
    state = os.path.join(world.folder, 'state_of_dbt')
    os.makedirs(state)
    shutil.move(os.path.join(target, 'manifest.json'), state)
    listed, _, _ = world.run(weir, ['ls', '--quiet', '-s', 'state:modified', 'state:new', '--state', state])
    return [line for line in listed.stdout.splitlines() if line.strip()]


def faults(name, program, oracle):
    world = parse.World(os.path.join(parse.HERE, name))
    try:
        done, _, target = world.run([program, 'dbt'], ['parse'])
        if done.returncode != 0:
            return [f'weir could not parse it: {done.stderr}']
        manifest = os.path.join(target, 'manifest.json')
        found = invalid(oracle, manifest)
        state = os.path.join(world.folder, 'state')
        os.makedirs(state)
        shutil.move(manifest, state)
        dbt = [oracle, '--quiet', '--no-use-colors', '--no-version-check']
        listed, _, _ = world.run(dbt, ['ls', '--no-partial-parse', '-s', *CRITERIA, '--state', state])
        lines = [line for line in listed.stdout.splitlines() if line.strip()]
        # Its own manifest does not always fit its own schema.
        theirs = invalid(oracle, manifest)
        return ([one for one in found if one not in theirs] + [f'dbt takes it for modified: {line}' for line in lines]
                + [f'weir takes it for modified: {line}' for line in modified_since_dbt(world, [program, 'dbt'], dbt)])
    finally:
        world.close()


def main():
    args = oracles.arguments(__doc__)
    names = args.names or sorted(n for n in os.listdir(parse.HERE) if os.path.exists(os.path.join(parse.HERE, n, 'dbt_project.yml')))
    failed = False
    for name in names:
        found = faults(name, args.program, args.oracle)
        print(f'{name}: {"dbt-core reads it" if not found else f"{len(found)} faults"}')
        for fault in found[:20]:
            print(f'  {fault}')
        failed = failed or bool(found)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
