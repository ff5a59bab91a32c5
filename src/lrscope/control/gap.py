"""The balance controller: it lowers the rate when an average of the weights is better than the weights, and
raises it when the averages lag behind.

The gap is the loss at the weights minus the loss at their long running average (`average.CONTROL`), on one
batch. Positive: noise holds the loss up, and what averaging gains, a lower rate would gain too. Negative: the
weights are still on their way, faster is better. It asks the very question that a change of the rate answers,
and needs neither a horizon nor patience.

A run that comes down fast is far ahead of a long average even where its rate is too high already. So the
weights count as ahead only as far as they are ahead of the short average (`average.OUTPUT`) as well: see
`gap_of`. In `benchmarks/control` this ended the raises that went on until training diverged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from lrscope.control.base import Action, Controller, RateChange

_FEWEST = 4  # gaps to judge by
_MOST = 256  # then the sums are halved, so that old gaps fade
_FIRST = 16  # step of the first gap: before it the average is all start
_EARLY = 64  # until then gaps are measured four times as often
_LEAST = 0.5  # share of `t` that is enough for a drop once the question has long been open
_GROWN = 1024  # from then on half as often, and a quarter as often from four times as many steps on


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
        How many standard errors the mean gap has to lie off zero. For a drop fewer and fewer do, down to
        half, as the time since the last change grows to a quarter of the run: noise can hide a large gap.
    every : int
        Steps between measurements: a quarter of it in the first 64 steps, twice after 1024, four times after
        4096.
    memory : float
        Steps that the optimiser remembers, 1 / (1 - momentum): after a change it takes a few of these until
        the weights move as they will.
    wait_raise, wait_lower : float
        Least wait between changes, as a share of the steps so far.
    """

    lower: float = 0.75
    raise_by: float = 1.5
    t: float = 2.5
    every: int = 8
    memory: float = 1.0
    wait_raise: float = 0.015
    wait_lower: float = 0.03

    def init(self, lr: float) -> GapState:
        """The state before the first step."""
        return GapState(lr, 0, 0.0, 0.0, 0.0)

    def adopt(self, state: GapState, step: int, lr: float) -> GapState:
        """Another controller changed the rate: what was measured at the old one does not count."""
        return GapState(lr, step, 0.0, 0.0, 0.0)

    def wants_gap(self, state: GapState, step: int) -> bool:
        """Whether to measure the gap before this step."""
        if step < _FIRST:
            return False
        if step <= _EARLY:
            return step % max(self.every // 4, 1) == 0
        # as the run grows, so does the time between changes, and as few gaps do for each
        return (
            step
            % (self.every if step <= _GROWN else 2 * self.every if step <= 4 * _GROWN else 4 * self.every)
            == 0
        )

    def update(
        self,
        state: GapState,
        step: int,
        loss: float,
        *,
        gap: float | None = None,
        zigzag: float | None = None,
    ) -> tuple[GapState, RateChange | None]:
        """Take in a gap, where one was measured; see `Controller.update`."""
        if gap is None or not math.isfinite(gap):
            return state, None
        lr, since, count, mean, squares = state
        count += 1.0
        move = gap - mean
        mean += move / count
        squares += move * (gap - mean)
        if count >= _MOST:
            count, squares = count / 2, squares / 2
        state = GapState(lr, since, count, mean, squares)
        if count < _FEWEST:
            return state, None
        error = math.sqrt(squares / (count - 1.0) / count)
        t = mean / error if error > 0 else math.copysign(math.inf, mean) if mean else 0.0
        age, floor = step - since, max(16.0, 4.0 * self.memory)
        # The longer it stays open, the more it costs to wait, and a drop in error is soon taken back by a raise.
        enough = self.t * max(_LEAST, 1.0 - 2.0 * age / step)
        if t > enough and age >= max(floor, self.wait_lower * step):
            factor, action = self.lower, Action.LOWER
            reason = (
                f"The average of the weights is better than the weights, by {mean:.3g} ({t:.1f} standard errors): "
                "noise holds the loss up, a lower rate helps."
            )
        elif t < -self.t and age >= max(floor, self.wait_raise * step):
            factor, action = self.raise_by, Action.RAISE
            reason = (
                f"Even the better average of the weights lags behind them, by {-mean:.3g} ({-t:.1f} standard "
                "errors): they are on their way, a higher rate is faster."
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
