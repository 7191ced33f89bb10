#!/usr/bin/python3
"""Every option that a command of dbt-core takes is one that weir takes: dbt-core is asked for its options, weir's command line is given each.

  flags.py --program build/dev/bin/weir [--oracle VENV/bin/dbt] [COMMAND...]

Without dbt-core (`./dev oracle`) it is skipped, exit status 77.
"""
import argparse
import json
import os
import subprocess
import sys

ASK = """
import json
import click
from dbt.cli.main import cli

def options(command, path):
    found = {}
    for name, below in getattr(command, 'commands', {}).items():
        found.update(options(below, path + [name]))
    if path and not hasattr(command, 'commands'):
        found[' '.join(path)] = [
            [name, not one.is_flag, list(getattr(one.type, 'choices', []))]
            for one in command.params if isinstance(one, click.Option) for name in one.opts + one.secondary_opts]
    return found

print(json.dumps(options(cli, [])))
"""

# Of dbt's own making: names for the variables of old versions, which its command line refuses.
REFUSED = ('--deprecated-',)
# In weir -v is --verbose. --version stands alone.
OTHERS = ('-v', '-V', '--version')
# An old name of `source freshness`.
MISSING = ('source snapshot-freshness',)


def takes(program, command, options):
    words = [word for option, has_value, choices in options for word in [option] + ([choices[0] if choices else '1'] if has_value else [])]
    done = subprocess.run([program, 'dbt', *command.split(), *words, '--help'], capture_output=True, text=True)
    return done.returncode == 0


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
    program = os.path.abspath(args.program)
    python = os.path.join(os.path.dirname(os.path.abspath(args.oracle)), 'python')
    asked = subprocess.run([python, '-c', ASK], stdout=subprocess.PIPE, text=True, check=True)
    commands = json.loads(asked.stdout.splitlines()[-1])
    unknown, counted = [], 0
    for command, options in sorted(commands.items()):
        if command in MISSING or (args.names and command not in args.names):
            continue
        options = [one for one in options if one[0].strip() and one[0] not in OTHERS and not one[0].startswith(REFUSED)]
        counted += len(options)
        if not takes(program, command, options):
            unknown += [f'{command} {one[0]}' for one in options if not takes(program, command, [one])]
    if takes(program, 'run', [['--no-such-option', False, []]]):
        unknown.append('everything is taken: this test can not fail')
    print('\n'.join(unknown + [f'{counted - len(unknown)} of {counted} options are known']))
    return 1 if unknown else 0


if __name__ == '__main__':
    sys.exit(main())
