"""A weir project (weir.yml, endpoints.yml) in a temporary folder, and weir run in it."""
import json
import os
import shutil
import tempfile

from harness import process


class Project:
    """`with Project(options, warehouse=..., sources=..., connections=...) as project:`; the dicts are the files' contents
    (JSON is YAML)."""

    def __init__(self, options, warehouse, sources, connections):
        self.weir = os.path.join(options.bin, 'weir')
        if not os.path.exists(self.weir):
            raise process.Failed('weir', 'it is not built: ./dev build')
        self.files = {
            'weir.yml': {'version': 1, 'warehouse': 'warehouse', 'connections': connections},
            'endpoints.yml': {'version': 1, 'warehouses': {'warehouse': warehouse}, 'sources': sources},
        }

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix='weir-bench-project-')
        for name, content in self.files.items():
            with open(os.path.join(self.folder, name), 'w') as file:
                json.dump(content, file, indent=1)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments, timeout=1800):
        """weir with these arguments. Failed when it does not end well."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith('WEIR_')}
        environment['WEIR_BENCH_PASSWORD'] = PASSWORD
        return process.run([self.weir, *arguments], timeout, what='weir ' + ' '.join(arguments), env=environment,
                           cwd=self.folder)


PASSWORD = 'Bench-1433'  # of the private servers of one run


def postgres_endpoint(cluster, database='postgres'):
    return {'kind': 'postgres', 'host': cluster.folder, 'port': int(cluster.port), 'database': database,
            'user': cluster.user}
