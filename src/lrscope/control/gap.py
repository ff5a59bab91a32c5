"""The gap controller: lowers the rate where averaged weights beat the current ones, raises it where they lag behind.

The gap is the loss at the weights minus the loss at their long running average (`average.LONG_POWER`), on one
batch. Positive: gradient noise dominates, and what averaging gains, a lower rate would gain too. Negative: the
weights are still on their way, and a higher rate is faster. No horizon and no patience is needed.

A run that comes down fast is far ahead of a long average even where its rate is too high already. So the
weights count as ahead only as far as they are ahead of the short average (`average.SHORT_POWER`) as well: see
`gap_of`. In `benchmarks/control` this ended the raises that went on until training diverged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from lrscope.control.base import Action, Controller, RateChange, require, require_rate

FEWEST_GAPS = 4  # to judge by
MOST_GAPS = 256  # then the sums are halved, so that old gaps fade
FIRST_STEP = 16  # of a measurement: before it the average is all start
EARLY_STEPS = 64  # until then gaps are measured four times as often
GROWN_STEPS = 1024  # from then on half as often, and a quarter as often from four times as many steps on
LEAST_T_SHARE = 0.5  # of `t`: enough for a drop once the question has long been open


class GapState(NamedTuple):
    """What was measured since the last change of the rate."""

    lr: float
    since: int  # step of the last change
    measured: float
    mean: float
    squares: float  # sum of squared deviations from the mean


@dataclass(frozen=True)
class Gap(Controller[GapState]):
    """Balances the rate by the gap; the recommended controller.

    Parameters
    ----------
    lower, raise_by : float
        What the rate is multiplied by.
    t : float
        How many standard errors the mean gap has to lie off zero. For a drop fewer are enough, down to half, as
        the time since the last change grows to a quarter of the run: noise can hide a large gap.
    every : int
        Steps between measurements: a quarter of it in the first 64 steps, twice after 1024, four times after
        4096.
    memory : float
        Steps that the optimiser remembers, 1 / (1 - momentum): after a change it takes a few of these until
        the weights move as they will.
    wait_raise, wait_lower : float
        Least wait between changes, as a share of the steps so far.

    Raises
    ------
    UsageError
        If an argument is out of its range.
    """

    lower: float = 0.75
    raise_by: float = 1.5
    t: float = 2.5
    every: int = 8
    memory: float = 1.0
    wait_raise: float = 0.015
    wait_lower: float = 0.03

    def __post_init__(self) -> None:
        require(0.0 < self.lower < 1.0, "lower", "between 0 and 1", self.lower)
        require(self.raise_by > 1.0, "raise_by", "above 1", self.raise_by)
        require(self.t > 0.0, "t", "above zero", self.t)
        require(self.every >= 1, "every", "1 or more", self.every)
        require(self.memory >= 1.0, "memory", "1 or more", self.memory)
        require(self.wait_raise >= 0.0, "wait_raise", "zero or more", self.wait_raise)
        require(self.wait_lower >= 0.0, "wait_lower", "zero or more", self.wait_lower)

    def init(self, lr: float) -> GapState:
        """The state before the first step."""
        require_rate(lr)
        return GapState(lr, 0, 0.0, 0.0, 0.0)

    def adopt(self, state: GapState, step: int, lr: float) -> GapState:
        """Another controller changed the rate: what was measured at the old one does not count."""
        return GapState(lr, step, 0.0, 0.0, 0.0)

    def wants_gap(self, state: GapState, step: int) -> bool:
        """Whether to measure the gap before this step."""
        if step < FIRST_STEP:
            return False
        if step <= EARLY_STEPS:
            return step % max(self.every // 4, 1) == 0
        # as the run grows, so does the time between changes, and as few gaps do for each
        growth = 1 if step <= GROWN_STEPS else 2 if step <= 4 * GROWN_STEPS else 4
        return step % (growth * self.every) == 0

    def update(
        self, state: GapState, step: int, loss: float, *, gap: float | None = None
    ) -> tuple[GapState, RateChange | None]:
        """Take in a gap, where one was measured; see `Controller.update`."""
        if gap is None or not math.isfinite(gap):
            return state, None
        lr, since, count, mean, squares = state
        count += 1.0
        move = gap - mean
        mean += move / count
        squares += move * (gap - mean)
        if count >= MOST_GAPS:
            count, squares = count / 2, squares / 2
        state = GapState(lr, since, count, mean, squares)
        if count < FEWEST_GAPS:
            return state, None
        error = math.sqrt(squares / (count - 1.0) / count)
        t = mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0
        age, floor = step - since, max(16.0, 4.0 * self.memory)
        # The longer it stays open, the more it costs to wait, and a drop in error is soon taken back by a raise.
        enough = self.t * max(LEAST_T_SHARE, 1.0 - 2.0 * age / step)
        if t > enough and age >= max(floor, self.wait_lower * step):
            factor, action = self.lower, Action.LOWER
            reason = (
                f"Averaged weights beat the current ones by {mean:.2g} ({t:.1f} standard errors): gradient noise "
                "dominates, so the rate is lowered."
            )
        elif t < -self.t and age >= max(floor, self.wait_raise * step):
            factor, action = self.raise_by, Action.RAISE
            reason = (
                f"The current weights beat their averages by {-mean:.2g} ({-t:.1f} standard errors): training "
                "makes steady progress, so the rate is raised."
            )
        else:
            return state, None
        new = lr * factor
        numbers = {
            "gap": mean,
            "t": t,
            "threshold": enough if t > 0 else self.t,
            "measured": count,
            "steps": float(age),
        }
        return self.adopt(state, step, new), RateChange(step, action, factor, new, reason, numbers, "gap")


def memory_of(momentum: float) -> float:
    """Steps that an optimiser of this momentum (Adam's beta_1) remembers, 1 / (1 - momentum); 100 at most."""
    return 1.0 / (1.0 - min(float(momentum), 0.99))


def gap_of(here: float, long: float, short: Callable[[], float]) -> float:
    """The gap on one batch.

    Parameters
    ----------
    here : float
        Loss at the weights.
    long : float
        Loss at the long average.
    short : function
        Gives the loss at the short average; called only where it matters.

    Returns
    -------
    gap : float
        ``here - long`` where that is positive. Else by how much the weights are ahead of the better of both
        averages, below zero; zero if the short average is ahead of them.
    """
    gap = here - long
    return gap if not gap < 0.0 else min(0.0, max(gap, here - short()))
