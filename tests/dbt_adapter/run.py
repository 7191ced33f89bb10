#!/usr/bin/python3
"""Runs dbt's own adapter tests against weir, as an audit. For a developer, by hand.

  run.py --python VENV/bin/python --suite DIR [--program build/dev/bin/weir] [ARGUMENTS OF PYTEST...]

VENV holds dbt-core, dbt-postgres, dbt-tests-adapter, pytest, pytest-mock and freezegun; DIR is the folder dbt-postgres of dbt's repository dbt-adapters. Without
--program, dbt-core itself is tested: what fails there cannot be asked of weir. Tests that stop the clock need Debian's package faketime, and one connects to
localhost:5432, where the cluster listens meanwhile. RESULTS.md says what came of it last.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'bench'))
from harness import cluster as clusters  # noqa: E402

USERS = ['dbt_test_user_1', 'dbt_test_user_2', 'dbt_test_user_3']


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--python', required=True)
    parser.add_argument('--suite', required=True)
    parser.add_argument('--program')
    options, arguments = parser.parse_known_args()
    with clusters.Cluster('dbt', fsync='off', full_page_writes='off', shared_buffers='128MB', max_wal_size='1GB', max_connections='200', listen_addresses='localhost') as cluster:
        roles = '; '.join(f'create role {user} login' for user in USERS)
        cluster.sql(f"create role root login superuser; {roles}")
        cluster.sql('create database dbt owner root')
        cluster.sql('create database "dbtMixedCase" owner root')
        environment = {**os.environ, 'POSTGRES_TEST_HOST': cluster.folder, 'POSTGRES_TEST_PORT': cluster.port, 'POSTGRES_TEST_USER': 'root',
                       'POSTGRES_TEST_DATABASE': 'dbt', 'PYTHONPATH': HERE, 'TZ': 'UTC', 'DBT_SEND_ANONYMOUS_USAGE_STATS': 'false',
                       **{f'DBT_TEST_USER_{number}': user for number, user in enumerate(USERS, 1)}}
        if options.program:
            environment['WEIR'] = os.path.abspath(options.program)
        command = [os.path.abspath(options.python), '-m', 'pytest', '-p', 'weir_shim', *(arguments or ['tests/functional/adapter'])]
        return subprocess.run(command, cwd=options.suite, env=environment).returncode


if __name__ == '__main__':
    sys.exit(main())
