"""What the tests that need dbt-core have in common."""
import argparse
import os
import sys


def arguments(doc):
    """--program, --oracle and NAME... of the command line. Without dbt-core the test is skipped, exit status 77."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', required=True)
    cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    parser.add_argument('--oracle', default=os.path.join(cache, 'weir/dbt-oracle/bin/dbt'))
    parser.add_argument('names', nargs='*')
    args = parser.parse_args()
    if not os.path.exists(args.oracle):
        print(f'skipped: there is no dbt-core at {args.oracle} (./dev oracle installs it)')
        sys.exit(77)
    args.program, args.oracle = os.path.abspath(args.program), os.path.abspath(args.oracle)
    return args


def python_of(oracle):
    """The Python of dbt-core's virtual environment."""
    return os.path.join(os.path.dirname(oracle), 'python')
