"""Interleaved runs: A B C, A B C, ... after one warm-up round, so that whatever disturbs the machine disturbs all."""
import statistics
import sys
import time

from harness import machine
from harness.process import Failed


class Runner:
    """One competitor. `prepare` is not measured; `measure` returns a process.Outcome."""

    def __init__(self, name, measure, prepare=lambda: None, is_peer=False):
        self.name, self.measure, self.prepare, self.is_peer = name, measure, prepare, is_peer
        self.samples, self.error = [], None

    def median(self, what):
        return statistics.median(what(sample) for sample in self.samples)

    def walls(self):
        return [sample.wall for sample in self.samples]


class Rounds:
    def __init__(self, options, cpu_of_ours=lambda: 0.0):
        self.options, self.cpu_of_ours, self.runners = options, cpu_of_ours, []
        self.others = []  # cores that were busy with something else, per measured run

    def add(self, name, measure, prepare=lambda: None, is_peer=False):
        runner = Runner(name, measure, prepare, is_peer)
        self.runners.append(runner)
        return runner

    def run(self):
        """A peer that fails is out, with its error; a failure of weir or of a floor ends the measure."""
        for number in range(1 if self.options.smoke else 0, self.options.runs + 1):
            for runner in self.runners:
                if runner.error or (number > self.options.peer_runs and runner.is_peer):
                    continue
                try:
                    sample = self._measure(runner)
                except Failed as failure:
                    if not runner.is_peer:
                        raise
                    runner.error = failure.line
                    print(f'  {runner.name}: cannot run: {failure.line}', file=sys.stderr)
                    continue
                if number > 0:
                    runner.samples.append(sample)
                label = f'run {number}' if number else 'warm-up'
                print(f'  {runner.name}, {label}: {sample.wall:.2f} s', file=sys.stderr)

    def _measure(self, runner):
        runner.prepare()
        if self.options.settle:
            machine.settle(self.options.settle)
        busy, ours, begin = machine.busy_seconds(), self.cpu_of_ours(), time.monotonic()
        sample = runner.measure()
        wall = time.monotonic() - begin
        sample.server_cpu = self.cpu_of_ours() - ours
        self.others.append(max(0.0, (machine.busy_seconds() - busy - sample.cpu - sample.server_cpu) / wall))
        return sample

    def others_text(self):
        return f'others kept {statistics.median(self.others):.2f} (most: {max(self.others):.2f}) cores busy meanwhile'


def paired_ratio(runner, floor):
    """Median of the ratios of runs that stood side by side."""
    return statistics.median(a / b for a, b in zip(runner.walls(), floor.walls()))
