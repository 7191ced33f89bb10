"""dbt-core carries out what weir has parsed: `on_weir.py ARGUMENTS...` in place of `dbt ARGUMENTS...`, run by the Python of dbt-core's virtual
environment, with WEIR naming the program. `weir dbt parse` writes the manifest; dbt-core is given it instead of parsing. Of the macros, those that
dbt ships stay dbt's own: weir's drop nothing that others depend on, and count on weir to keep it."""
import json
import os
import subprocess
import sys

from dbt.artifacts.resources import GenericTest
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import GenericTestNode

# Options that change how a project is parsed, each with a value.
PARSING = ('--vars', '--target', '-t', '--profile', '--project-dir', '--profiles-dir')


def main():
    arguments = sys.argv[1:]
    parsing = []
    for i, word in enumerate(arguments):
        if word in PARSING:
            parsing += arguments[i:i + 2]
    parsed = subprocess.run([os.environ['WEIR'], 'dbt', 'parse', *parsing], stdout=subprocess.DEVNULL, check=False)
    if parsed.returncode:
        sys.exit(parsed.returncode)
    with open('target/manifest.json') as file:
        written = json.load(file)
    manifest = Manifest.from_writable_manifest(WritableManifest.from_dict(written))
    # dbt-core reads generic tests back as singular ones, its own too.
    for id, node in written['nodes'].items():
        if node['resource_type'] == 'test' and 'test_metadata' in node:
            manifest.nodes[id] = GenericTestNode.from_resource(GenericTest.from_dict(node))
    shipped = {'dbt', 'dbt_postgres'}
    theirs = dbtRunner().invoke(['--quiet', 'parse', *parsing]).result
    manifest.macros = {id: macro for id, macro in manifest.macros.items() if macro.package_name not in shipped}
    manifest.macros.update({id: macro for id, macro in theirs.macros.items() if macro.package_name in shipped})
    manifest.build_flat_graph()  # what templates see as `graph`: dbt-core makes it where it parses itself
    done = dbtRunner(manifest=manifest).invoke(arguments)
    sys.exit(0 if done.success else 2 if done.exception else 1)


main()
