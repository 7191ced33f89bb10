#!/usr/bin/python3
"""dbt-core reads what weir wrote: target/manifest.json of each project beside this file is validated against dbt's JSON schema of manifests, and
taken as --state, by which nothing may be new or modified but by macros.

  consume.py --program build/dev/bin/weir [--oracle VENV/bin/dbt] [NAME...]

Without dbt-core (`./dev oracle`) it is skipped, exit status 77.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

import parse

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
    python = os.path.join(os.path.dirname(oracle), 'python')
    checked = subprocess.run([python, '-c', VALIDATE, manifest], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(checked.stdout.splitlines()[-1])


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
        listed, _, _ = world.run([oracle, '--quiet', '--no-use-colors', '--no-version-check'],
                                 ['ls', '--no-partial-parse', '-s', *CRITERIA, '--state', state])
        lines = [line for line in listed.stdout.splitlines() if line.strip()]
        # Its own manifest does not always fit its own schema.
        theirs = invalid(oracle, manifest)
        return [one for one in found if one not in theirs] + [f'dbt takes it for modified: {line}' for line in lines]
    finally:
        world.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', required=True)
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    parser.add_argument('--oracle', default=os.path.join(cache, 'weir/dbt-oracle/bin/dbt'))
    parser.add_argument('names', nargs='*')
    args = parser.parse_args()
    if not os.path.exists(args.oracle):
        print(f'skipped: there is no dbt-core at {args.oracle} (./dev oracle installs it)')
        return 77
    names = args.names or sorted(n for n in os.listdir(parse.HERE) if os.path.exists(os.path.join(parse.HERE, n, 'dbt_project.yml')))
    failed = False
    for name in names:
        found = faults(name, os.path.abspath(args.program), os.path.abspath(args.oracle))
        print(f'{name}: {"dbt-core reads it" if not found else f"{len(found)} faults"}')
        for fault in found[:20]:
            print(f'  {fault}')
        failed = failed or bool(found)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
