#!/usr/bin/python3
"""Says what protection a program lacks that tools/cmake/WeirFlags.cmake asks for. Usage: hardening.py PROGRAM; exit 1 if one is
missing. A release is not built without it. (CET's note is not looked for: Debian 12's crt1.o has none, so no program gets it.)"""
import re
import subprocess
import sys


def readelf(program, *options):
    return subprocess.run(['readelf', '-W', *options, program], check=True, capture_output=True, text=True).stdout


def missing(program):
    """What is missing, one line each."""
    header, segments, dynamic = (readelf(program, option) for option in ('-h', '-l', '-d'))
    imports = set(re.findall(r' UND (\w+)', readelf(program, '--dyn-syms')))
    if 'DYN (' not in header or not re.search(r'FLAGS_1.*\bPIE\b', dynamic):
        yield 'it is no position-independent executable (-fPIE -pie)'
    if 'GNU_RELRO' not in segments:
        yield 'its relocations stay writable (-z relro)'
    if 'BIND_NOW' not in dynamic and not re.search(r'FLAGS_1.*\bNOW\b', dynamic):
        yield 'its symbols are bound late (-z now)'
    if not re.search(r'GNU_STACK.* RW ', segments):
        yield 'its stack is executable (-z noexecstack)'
    if '__stack_chk_fail' not in imports:
        yield 'its stack frames have no canary (-fstack-protector-strong)'
    if not any(name.endswith('_chk') and name.startswith('__') for name in imports):
        yield 'its calls of libc are not checked (-D_FORTIFY_SOURCE=2)'
    if 'X86-64' in header and not starts_with_endbr(program):
        yield 'its functions are no marked targets of jumps (-fcf-protection)'
    if re.search(r'\((RPATH|RUNPATH)\)', dynamic):
        yield 'it looks for libraries in a folder of its own (RPATH)'


def starts_with_endbr(program):
    """Whether main() begins with ENDBR64."""
    code = subprocess.run(['objdump', '-d', '--disassemble=main', program], check=True, capture_output=True, text=True).stdout
    found = re.search(r'<main>:\n.*', code)
    return bool(found) and 'endbr64' in found.group()


def main():
    lines = list(missing(sys.argv[1]))
    for line in lines:
        print(f'error: {sys.argv[1]} is not hardened: {line}', file=sys.stderr)
    return 1 if lines else 0


if __name__ == '__main__':
    sys.exit(main())
