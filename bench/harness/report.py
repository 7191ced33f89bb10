"""A measure's result as a Markdown section: printed, and appended to RESULTS.md. Only what was measured is in it."""
import json
import os
import statistics


class Report:
    def __init__(self, name, title, options):
        self.name, self.title, self.judges = name, title, not options.smoke
        self.parts = []
        self.wrong = []  # what must never be, whatever the speed: errors, wrong counts; makes the program fail

    def text(self, line):
        self.parts.append(line + '\n')

    def table(self, head, rows):
        rows = [[str(cell).replace('|', '\\|') for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in [head] + rows) for column in range(len(head))]

        def line(cells):
            return '| ' + ' | '.join(cell.ljust(width) for cell, width in zip(cells, widths)) + ' |'
        self.parts.append('\n'.join([line(head), '|' + '|'.join('-' * (width + 2) for width in widths) + '|'] +
                                    [line(row) for row in rows]) + '\n')

    def bar(self, what, measured, limit, unit=''):
        """One line of judgement; `measured` and `limit` are numbers, less is better."""
        if not self.judges:
            return
        verdict = 'met' if measured <= limit else 'MISSED'
        self.text(f'- {what}: {measured:.2f}{unit}, bar {limit:g}{unit}: **{verdict}**')

    def must_not_be(self, what):
        self.wrong.append(what)
        self.text(f'- WRONG: {what}')

    def markdown(self, machine):
        return f'## {self.name}: {self.title}\n\n{machine}\n\n' + '\n'.join(self.parts).replace(
            '**met**\n\n- ', '**met**\n- ').replace('**MISSED**\n\n- ', '**MISSED**\n- ')


def phases_text(runner):
    """Where a sync of one stream spent its time, as its own report says: medians."""
    times = [json.loads(sample.out)['reports'][0]['streams'][0]['times_ms'] for sample in runner.samples]
    phases = [f'{phase} {statistics.median(time.get(phase, 0) for time in times) / 1000:.2f} s' for phase in times[0]]
    return 'Of it, as weir reports: ' + ', '.join(phases) + '.'


def append(markdown):
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'RESULTS.md')
    with open(path, 'a') as file:
        file.write('\n' + markdown)


def runner_row(runner, floor_ratio, rows):
    """time, range, rate, CPU and memory of a runner's median run."""
    if not runner.samples:
        return [runner.name, 'cannot run: ' + (runner.error or 'no run'), '', '', '', '', '']
    walls = runner.walls()
    return [runner.name, f'{runner.median(lambda s: s.wall):.2f} s', f'{min(walls):.2f}-{max(walls):.2f}',
            f'{rows / runner.median(lambda s: s.wall) / 1000:.0f} k', floor_ratio,
            f'{runner.median(lambda s: s.cpu):.2f} + {runner.median(lambda s: s.server_cpu):.2f} s',
            f'{max(s.peak for s in runner.samples) / 1e6:.1f} MB']


RUNNER_HEAD = ['way', 'median', 'range', 'rows/s', 'ratio', 'CPU: program + servers', 'peak RSS']
