"""What lrscope itself costs: the same fixed set of runs, bare and through `lrscope.scan`.

    python benchmarks/overhead.py [--pairs 5]

Bare and scanned runs alternate, and the fastest of each counts: what other programs take away is no cost of
lrscope. Processor time is counted beside the clock, because it is not disturbed by other programs.

Steps of 10 ms: a loop that is calibrated to take that long. Empty steps: a generator that does
nothing but yield; what is left after taking off the bare loop, divided by the steps. Both write every point
to the results on disk, as the command does.
"""

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from table import show

import lrscope
from lrscope.search.space import log_grid

RANGE = {"low": 1e-4, "high": 1e-2, "per_decade": 2}
RATES = log_grid(**RANGE)
UNIT = range(10_000)


def work() -> None:
    """One unit of work, on one core."""
    sum(UNIT)


def units_in(seconds: float) -> int:
    """How many units of work fit into this much processor time."""
    start, count = time.process_time(), 0
    while time.process_time() - start < 1.0:
        work()
        count += 1
    return max(1, round(count * seconds / (time.process_time() - start)))


def worker(steps: int, units: int) -> Callable[[float, int], Iterator[float]]:
    """A training function of `steps` steps, each of `units` units of work."""

    def train(lr: float, seed: int) -> Iterator[float]:
        for k in range(steps):
            for _ in range(units):
                work()
            yield 1.0 / (1.0 + lr * k)

    return train


def measured(action: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(
    train: Callable[[float, int], Iterator[float]], steps: int, pairs: int
) -> list[tuple[float, float]]:
    """[bare, scanned], each (seconds, processor seconds), the least of all pairs."""

    def bare() -> None:
        for lr in RATES:
            for _ in train(lr, 0):
                pass

    def scanned() -> None:
        with tempfile.TemporaryDirectory() as folder:
            result = lrscope.scan(
                train, **RANGE, planner="grid", steps=steps, budget=len(RATES), out=Path(folder) / "scan"
            )
            done = sum(run.step for run in result.outcome.scan.runs)
            assert done == steps * len(RATES), f"{done} steps were done, not {steps * len(RATES)}"

    least = [(math.inf, math.inf), (math.inf, math.inf)]
    for _ in range(pairs):
        for i, action in enumerate((bare, scanned)):
            wall, cpu = measured(action)
            least[i] = (min(least[i][0], wall), min(least[i][1], cpu))
    return least


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5)
    pairs = parser.parse_args().pairs

    warm = worker(20, 0)
    compare(warm, 20, 1)  # imports are not what is measured

    long_steps, many_steps = 150, 20_000
    slow = compare(worker(long_steps, units_in(0.010)), long_steps, max(1, pairs // 2))
    fast = compare(worker(many_steps, 0), many_steps, pairs)
    tiny = compare(worker(2, 0), 2, pairs)
    step_ms = 1000 * slow[0][0] / (len(RATES) * long_steps)
    percent = [100 * (slow[1][i] / slow[0][i] - 1) for i in (0, 1)]
    micro = [1e6 * (fast[1][i] - fast[0][i]) / (len(RATES) * many_steps) for i in (0, 1)]
    fixed = [1000 * (tiny[1][i] - tiny[0][i]) for i in (0, 1)]
    show(
        "overhead",
        ["", "bare s", "scanned s", "by the clock", "of processor time"],
        [
            [
                f"steps of {step_ms:.1f} ms",
                slow[0][0],
                slow[1][0],
                f"{percent[0]:+.2f} %",
                f"{percent[1]:+.2f} %",
            ],
            ["empty steps", fast[0][0], fast[1][0], f"{micro[0]:.1f} µs a step", f"{micro[1]:.1f} µs a step"],
            [
                "two empty steps",
                tiny[0][0],
                tiny[1][0],
                f"{fixed[0]:.0f} ms a scan",
                f"{fixed[1]:.0f} ms a scan",
            ],
        ],
        step_ms=step_ms,
        percent_clock=percent[0],
        percent_processor=percent[1],
        microseconds_clock=micro[0],
        microseconds_processor=micro[1],
        fixed_milliseconds_clock=fixed[0],
        fixed_milliseconds_processor=fixed[1],
    )


if __name__ == "__main__":
    main()
