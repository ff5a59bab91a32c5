"""A curve made ready to be judged: finite, smaller is better, epochs known or guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve
from lrscope.vocabulary import Goal

FEWEST_POINTS = 8
FEWEST_EPOCHS = 8  # five at least: every loss alone stands on shelves in its first epochs


@dataclass(frozen=True)
class Series:
    """Finite values of a curve, turned so that smaller is better.

    `broken_tail` counts values at the end that are not finite, `broken` all of them. `sign` is -1 where the
    metric was turned over. `start` is where it began: the median of its first three points (of less than 200,
    the first), or of its first hundredth if that is higher.
    """

    step: NDArray[np.int64]
    value: NDArray[np.float64]
    broken: int
    broken_tail: int
    sign: float
    last_step: int

    @property
    def start(self) -> float:
        n = int(self.value.size)
        if not n:
            return math.nan
        # a quick first descent is over within a hundredth of a long run; three points see it
        first = float(self.value[0]) if n < 200 else float(np.median(self.value[:3]))
        return max(first, float(np.median(self.value[: min(max(n // 100, 1), 16)])))


def prepare(curve: LossCurve, goal: Goal = "min") -> Series:
    """Leave out what is not finite, and turn a metric that is to grow upside down."""
    finite = np.isfinite(curve.loss)
    sign = -1.0 if goal == "max" else 1.0
    good = np.flatnonzero(finite)
    tail = len(curve) - (int(good[-1]) + 1 if good.size else 0)
    return Series(
        step=np.asarray(curve.step[finite]),
        value=np.asarray(curve.loss[finite]) * sign,
        broken=int(len(curve) - good.size),
        broken_tail=tail,
        sign=sign,
        last_step=int(curve.step[-1]) if len(curve) else 0,
    )


def epoch_length(curves: Mapping[str, LossCurve]) -> float | None:
    """Steps in an epoch, from a column that counts epochs; None where there is none that grows."""
    for name, curve in curves.items():
        if name.lower().rsplit("/", 1)[-1] not in ("epoch", "epochs", "train_epoch"):
            continue
        finite = np.isfinite(curve.loss)
        if finite.sum() < 2:
            continue
        steps, epochs = curve.step[finite].astype(float), curve.loss[finite]
        grown = float(epochs[-1] - epochs[0])
        if grown > 0:
            return float(steps[-1] - steps[0]) / grown
    return None


def smallest_count(series: Series, epoch_steps: float | None) -> int:
    """Points from which on a plateau may be named: eight epochs; where epochs are unknown, 8 points or 15 %.

    Without epochs, a curve of at most 500 points is read as one of evaluations, for which 8 points are the
    least; a longer one as one of mini-batches, for which 150 are.
    """
    n = int(series.value.size)
    if epoch_steps is None or not epoch_steps > 0:
        return FEWEST_POINTS if n <= 500 else 150
    enough = np.searchsorted(series.step, float(series.step[0]) + FEWEST_EPOCHS * epoch_steps) if n else 0
    if n and series.step[-1] - series.step[0] < FEWEST_EPOCHS * epoch_steps:
        pace = max(float(series.step[-1] - series.step[0]), 1.0) / max(n - 1, 1)
        return max(FEWEST_POINTS, math.ceil(FEWEST_EPOCHS * epoch_steps / pace) + 1)
    return max(FEWEST_POINTS, int(enough) + 1)
