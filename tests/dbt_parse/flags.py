#!/usr/bin/python3
"""Every option that a command of dbt-core takes is one that weir takes: dbt-core is asked for its options, weir's command line is given each.

  flags.py --program build/dev/bin/weir [--oracle VENV/bin/dbt] [COMMAND...]

Without dbt-core (`./dev oracle`) it is skipped, exit status 77.
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'dbt'))
import oracle as oracles  # noqa: E402

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
    args = oracles.arguments(__doc__)
    program = args.program
    python = oracles.python_of(args.oracle)
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
