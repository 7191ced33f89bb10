"""Adds up what ctest logs say, and prints it as one line: N passed, N failed, N skipped.

A ctest case that is a program with cases of its own (GoogleTest, weir_cases) counts as many as it ran; any other counts one.
"""
import argparse
import re

TEST = re.compile(r'^\d+/\d+ Test: ', re.M)
CASES = re.compile(r'^cases: (\d+) passed, (\d+) failed, (\d+) skipped$', re.M)


def gtest_counts(text):
    numbers = [re.search(r'^\[  %s \] (\d+) test' % word, text, re.M) for word in ('PASSED ', 'FAILED ', 'SKIPPED')]
    return [int(found.group(1)) if found else 0 for found in numbers]


def counts(text):
    """passed, failed, skipped of one ctest case."""
    failed = re.search(r'^Test Failed\.$|\*\*\*', text, re.M) is not None or 'Test Passed.' not in text
    cases = CASES.search(text)
    inner = [int(n) for n in cases.groups()] if cases else gtest_counts(text)
    if sum(inner) == 0:
        inner = [0, 1, 0] if failed else [1, 0, 0]
    if failed and inner[1] == 0:
        inner[1] = 1  # it broke off: a crash, a leak, a time-out
    return inner


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--skipped', type=int, default=0, help='what was skipped without a log')
    parser.add_argument('log', nargs='*')
    arguments = parser.parse_args()
    total = [0, 0, arguments.skipped]
    for path in arguments.log:
        with open(path, encoding='utf-8', errors='replace') as log:
            for text in TEST.split(log.read())[1:]:
                total = [a + b for a, b in zip(total, counts(text))]
    print('%d passed, %d failed, %d skipped' % tuple(total))


main()
