"""How much of its rate a run has had by a step: what a warm-up or a decay leaves of rate times steps.

Flow time is the sum of the rates in use, which is rate times steps only while the rate is constant. A program that
reports its current rate tells the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.curves import Run

Array = NDArray[np.float64]

_NAME = re.compile(r"(?:^|.*[/.])(?:current[_ -]?)?(?:lr|learning[_ -]?rate)(?:[-_/ ]?0)?", re.IGNORECASE)

FEWEST = 3
"""Reports of a rate below which nothing is made of them."""

LEAST = 1e-6
"""Steps' worth of rate that a run has had at the least, so that a warm-up from zero has a logarithm."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The sum of the rates in use, over the rate of the run: how many steps at its full rate a run has had.

    Parameters
    ----------
    step : array of int, shape (n,)
        Where that is known, ascending; empty where the rate is not reported, and taken as constant.
    summed : array, shape (n,)
        Steps at the full rate up to there.
    """

    step: NDArray[np.int64]
    summed: Array

    def at(self, step: ArrayLike) -> Array:
        """Steps at the full rate after each of `step`; beyond what was reported, the last rate is kept."""
        steps = np.asarray(step, np.float64)
        if not self.step.size:
            return steps
        at, total = np.concatenate([[0.0], self.step]), np.concatenate([[0.0], self.summed])
        last = (total[-1] - total[-2]) / (at[-1] - at[-2])
        known = np.interp(steps, at, total)
        had: Array = np.maximum(np.where(steps > at[-1], total[-1] + last * (steps - at[-1]), known), LEAST)
        return had

    def until(self, step: int) -> Schedule:
        """The part that was reported up to a step."""
        n = int(np.searchsorted(self.step, step, side="right"))
        return Schedule(self.step[:n], self.summed[:n]) if n >= FEWEST else CONSTANT


CONSTANT = Schedule(np.empty(0, np.int64), np.empty(0))
"""Of a run whose rate is not reported."""


def schedule(run: Run) -> Schedule:
    """What the rates that `run` has reported come to: each holds from the report before it."""
    for name, curve in sorted(run.curves.items()):
        if not _NAME.fullmatch(name):
            continue
        used = curve.step > 0
        step, rate = curve.step[used], curve.loss[used]
        if step.size >= FEWEST and np.isfinite(rate).all() and (rate >= 0).all() and rate.any():
            return Schedule(step, np.cumsum(rate / run.lr * np.diff(step, prepend=0)))
    return CONSTANT
