"""terminal.py [--when TEXT --type TEXT]... COLUMNSxROWS COMMAND...: a command on a terminal, and what its screen shows.

Runs the command in a pseudo terminal of that size and prints the screen at its end, with what was scrolled away above it.
Each --when waits, after the one before it, until its text stands on the screen, and its --type types then (\\x03 is
Ctrl-C, \\r the enter key); with --show the screen is printed at each of these moments too. Colours are printed as <32>. A
control sequence that is not understood is an error: nothing else may reach a terminal. The exit code is the command's,
128 + signal where one ended it.
"""
import argparse
import codecs
import fcntl
import os
import pty
import re
import struct
import sys
import termios

SEQUENCE = re.compile(r'\x1b\[([0-9;?]*)([A-Za-z])')
BEGUN = re.compile(r'\x1b(\[[0-9;?]*)?$')


class Screen:
    """Lines of cells; the last `rows` of them can be reached. A cell is a character, with the colours set before it."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines, self.row, self.column = [[]], 0, 0
        self.left = ''  # the begin of a control sequence whose rest has not come yet
        self.colour = ''  # for the next character

    def feed(self, text):
        text, self.left = self.left + text, ''
        at = 0
        while at < len(text):
            found = SEQUENCE.match(text, at)
            if found:
                self.control(found.group(1), found.group(2))
                at = found.end()
            elif BEGUN.match(text, at):
                self.left = text[at:]
                return
            else:
                self.character(text[at])
                at += 1

    def character(self, char):
        if char == '\r':
            self.column = 0
        elif char == '\b':
            self.column = max(0, self.column - 1)
        elif char == '\n':
            self.down()
        elif char < ' ' or char == '\x7f':
            raise ValueError('control character %r' % char)
        else:
            if self.column == self.columns:  # as terminals do, only once another character comes
                self.down()
                self.column = 0
            self.put(char)
            self.column += 1

    def put(self, char):
        line = self.lines[self.row]
        line.extend(' ' * (self.column + 1 - len(line)))
        line[self.column] = self.colour + char
        self.colour = ''

    def down(self):
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])

    def control(self, number, letter):
        if letter == 'm' and self.column == 0:
            self.colour += '<%s>' % number
        elif letter == 'm':
            line = self.lines[self.row]
            line.extend(' ' * (self.column - len(line)))
            line[self.column - 1] += '<%s>' % number
        elif number == '?2004':
            pass  # a shell asks that pasted text be marked as such
        elif letter == 'A':
            top = max(0, len(self.lines) - self.rows)
            self.row = max(top, self.row - int(number or 1))
        elif letter == 'J' and number in ('', '0'):
            del self.lines[self.row + 1:]
            del self.lines[self.row][self.column:]
        elif letter == 'K' and number in ('', '0'):
            del self.lines[self.row][self.column:]
        else:
            raise ValueError('control sequence ESC[%s%s' % (number, letter))

    def text(self):
        return ''.join(''.join(line).rstrip() + '\n' for line in self.lines).rstrip('\n') + '\n'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--when', action='append', default=[])
    parser.add_argument('--type', action='append', default=[])
    parser.add_argument('--show', action='store_true')
    parser.add_argument('size')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    columns, rows = (int(n) for n in arguments.size.split('x'))

    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        os.environ.setdefault('TERM', 'xterm')
        os.execvp(arguments.command[0], arguments.command)

    screen, decoder = Screen(columns, rows), codecs.getincrementaldecoder('utf-8')()
    steps = list(zip(arguments.when, arguments.type, strict=True))
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # EIO: the command's end of the terminal is closed
            read = b''
        if not read:
            break
        screen.feed(decoder.decode(read))
        if steps and steps[0][0] in screen.text():
            if arguments.show:
                print(screen.text() + '--', flush=True)
            os.write(terminal, codecs.decode(steps.pop(0)[1], 'unicode_escape').encode())
    print(screen.text(), end='')
    if steps:
        sys.exit('the screen never showed "%s"' % steps[0][0])
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.exit(status if status >= 0 else 128 - status)


main()
