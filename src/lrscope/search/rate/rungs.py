"""The arithmetic of halving: how many runs go on, and to which step, for what is left of the budget."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves import Run

FINALISTS = 3
"""Where the budget is small, halving stops at so many runs: the leader and, as a rule, one on each side.

One run alone compares nothing. At one and two full runs of budget this names better rates on the published
scans than taking the leader to the horizon, for which all others would have to be judged earlier."""

TO_HORIZON_RUNS = 3.0
"""From this budget on, in full runs, the leader is taken to the horizon: what that costs is then a small
part, and the rates named are as good (`benchmarks/scan_replay`)."""


@dataclass(frozen=True, slots=True)
class ReportPace:
    """At which steps a run reports: ``offset + k * every``. A rung between two reports would only be paid
    for."""

    every: int = 1
    offset: int = 0
    silent: int = 0

    @property
    def first(self) -> int:
        """The smallest step, above zero, that is worth asking for: the first report after `silent`, up to which all
        rates train alike."""
        first = self.offset if self.offset > 0 else self.every
        return first + max(0, -((first - self.silent - 1) // self.every)) * self.every

    @property
    def telling(self) -> int:
        """The smallest step whose report can depend on the rate: what is reported at step 1 is as a rule the loss
        before the first update, the same for all."""
        return self.first if self.first > 1 else self.first + self.every

    def snap(self, step: int, horizon: int) -> int:
        """The last report at or before `step`: the first where there is none, and never past the horizon."""
        if step >= horizon:
            return horizon
        below = self.offset + (step - self.offset) // self.every * self.every
        return min(max(below, self.first), horizon)


@dataclass(frozen=True, slots=True)
class Rung:
    """`keep` runs go on to `to_step`."""

    keep: int
    to_step: int


def pace_of(run: Run | None, start: int) -> ReportPace | None:
    """How often a run reports, from its points up to the first of `start`, 2 `start`, 4 `start` … that
    shows it.

    None while it does not show. Looks no further than that step, so the answer stays what it was when the run
    goes on. A program that reports at steps 1, 101, 201 … shows its pace at the second report.
    """
    if run is None:
        return None
    look = max(1, start)
    while look <= run.step:
        seen = _last_reports(run, look)
        if seen.size and seen[-1] >= look / 2 and (seen.size > 1 or seen[0] > 1 or look == 1):
            every = int(np.median(np.diff(seen if seen.size > 1 else [0, *seen])))
            return ReportPace(every, int(seen[-1]) % every)
        look *= 2
    return None


def _last_reports(run: Run, step: int, count: int = 9) -> NDArray[np.int64]:
    """The last `count` steps, above zero and up to `step`, at which a run reported anything.

    Looks at the ends of the curves only: a planner is asked often, and curves can hold a million points.
    """
    ends = [np.empty(0, np.int64)]
    for curve in run.curves.values():
        n = int(np.searchsorted(curve.step, step, side="right"))
        ends.append(curve.step[max(0, n - count) : n])
    steps = np.unique(np.concatenate(ends))
    return steps[steps > 0][-count:]


def fewer(count: int, finish: bool) -> int:
    """How many of `count` runs go on: half, but not fewer than the finalists unless one is to finish."""
    return max(1, count // 2) if finish else min(count, max(FINALISTS, count // 2))


def halving_steps(count: int, start: int, step: int, horizon: int, finish: bool) -> int:
    """Steps to take `count` runs from `start` to `step`, and then on to the end of the halving.

    At each rung half of them go twice as far, until the finalists have had a rung of their own; or, where one
    is to finish, until one is left, which goes on to the horizon.
    """
    total = count * (step - start)
    while step < horizon and count > (1 if finish else FINALISTS):
        count = fewer(count, finish)
        further = horizon if count == 1 else min(2 * step, horizon)
        total += count * (further - step)
        step = further
    return total


def longest(count: int, start: int, left: int, horizon: int, finish: bool) -> int | None:
    """The furthest step for the next rung of `count` runs after which the rest can still be paid."""
    if count == 1:
        return min(start + left, horizon) if left > 0 else None
    low, high = start, horizon
    while low < high:
        middle = (low + high + 1) // 2
        if halving_steps(count, start, middle, horizon, finish) <= left:
            low = middle
        else:
            high = middle - 1
    return low if low > start else None


def first_rung(rates: int, left: int, horizon: int, pace: ReportPace, finish: bool) -> Rung | None:
    """How many of `rates` to start, and how far: all of them where that can be paid to a report that can tell them
    apart, else as many as can, at least three. None where not even one report of three runs can be paid."""
    if left >= rates * horizon:
        return Rung(rates, horizon)
    first = min(pace.telling, horizon)
    if halving_steps(min(rates, 3), 0, first, horizon, finish) > left:
        first = min(pace.first, horizon)
    step = longest(rates, 0, left, horizon, finish)
    if step is not None and step >= first:
        return Rung(rates, pace.snap(step, horizon))
    for count in range(rates - 1, 2, -1):
        if halving_steps(count, 0, first, horizon, finish) <= left:
            return Rung(count, first)
    return Rung(min(3, rates), first) if 3 * first <= left else None


def next_rung(alive: int, step: int, left: int, horizon: int, pace: ReportPace, finish: bool) -> Rung | None:
    """How many of `alive` runs at `step` go on, and how far. None where nothing can be paid.

    Half of them, unless what is left takes more of them to the horizon, or is not enough to take half of them
    a good way further.
    """
    if alive == 0 or step >= horizon:
        return None
    half = fewer(alive, finish)
    to_end = left // (horizon - step)
    if to_end >= half:
        return Rung(min(alive, to_end), horizon)
    for keep in range(half, 0, -1):
        reach = longest(keep, step, left, horizon, finish)
        if reach is not None:
            to_step = pace.snap(reach, horizon)
            if to_step >= min(horizon, math.ceil(1.5 * step)):
                return Rung(keep, to_step)
    to_step = pace.snap(step + left, horizon)
    return Rung(1, to_step) if to_step > step and to_step - step <= left else None
