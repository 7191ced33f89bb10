#!/usr/bin/env python3
"""Measures weir: ./dev bench [MEASURE...] [options]. bench/README.md says what each measure is.

Standard library only. Each measure starts private servers in temporary folders and removes them, also on Ctrl-C.
"""
import argparse
import importlib
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
from harness import machine, process, report  # noqa: E402  (after the line above)

MEASURES = ['sync-mssql', 'sync-pg', 'readers', 'small', 'memory', 'dbt', 'jinja', 'jobs', 'history', 'workers']  # each is a file of its name


def options_of(arguments):
    parser = argparse.ArgumentParser(prog='./dev bench', description=__doc__.splitlines()[0])
    parser.add_argument('measure', nargs='*', default=['all'], help='all, or: ' + ', '.join(MEASURES))
    parser.add_argument('--bin', default='build/release/bin', help='folder of weir, weir-tds, weir-bench-readers')
    parser.add_argument('--rows', type=int, help='rows of the table (default: as the measure says)')
    parser.add_argument('--runs', type=int, default=5, help='measured runs, after one warm-up (default 5)')
    parser.add_argument('--peer-runs', type=int, default=3, help='of a peer (default 3)')
    parser.add_argument('--settle', type=int, default=20, metavar='S',
                        help='wait up to S seconds before each run for an idle machine (default 20, 0: do not)')
    parser.add_argument('--refreshes', type=int, default=50, help='readers: refreshes per method (default 50)')
    parser.add_argument('--methods', default='shell,merge,view,truncate', help='readers: which methods')
    parser.add_argument('--readers', type=int, default=20, help='readers: how many (default 20)')
    parser.add_argument('--report-seconds', type=float, default=60, help='readers: length of the report (default 60)')
    parser.add_argument('--smoke', action='store_true', help='tiny sizes: proves that the measures run, measures nothing')
    parser.add_argument('--no-record', action='store_true', help='do not append to bench/RESULTS.md')
    parser.add_argument('--note', help='a line about the circumstances, recorded with the results')
    options = parser.parse_args(arguments)
    if 'all' in options.measure:
        options.measure = MEASURES
    unknown = [name for name in options.measure if name not in MEASURES]
    if unknown:
        parser.error(f'there is no measure "{unknown[0]}"; there are: ' + ', '.join(MEASURES))
    options.bin = os.path.abspath(options.bin)
    if options.smoke:
        options.no_record = True
        options.runs, options.peer_runs, options.settle, options.readers = 1, 1, 0, 4
    return options


def main():
    options = options_of(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.update(LC_ALL='C.UTF-8', TZ='UTC')
    for name in [name for name in os.environ if name.startswith('PG')]:
        del os.environ[name]
    wrong = []
    for name in options.measure:
        print(f'== {name}', file=sys.stderr)
        begin = time.monotonic()
        try:
            result = importlib.import_module(name.replace('-', '_')).measure(options)
        except process.Failed as failure:
            print(f'error: {name} could not be measured: {failure}', file=sys.stderr)
            wrong.append(name)
            continue
        markdown = result.markdown(machine.describe(options))
        print('\n' + markdown, flush=True)
        print(f'== {name}: done after {time.monotonic() - begin:.0f} s', file=sys.stderr)
        if not options.no_record:
            report.append(markdown)
        wrong += [f'{name}: {what}' for what in result.wrong]
    for what in wrong:
        print(f'error: {what}', file=sys.stderr)
    return 1 if wrong else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
