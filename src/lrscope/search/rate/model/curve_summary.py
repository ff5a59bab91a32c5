"""What each run has shown at a few steps, spaced by a constant factor, with the scatter of each value.

Values are taken at fixed steps and read curves up to those steps only. So those of a run that goes on begin with those
it had before, and a decision made early in a scan is made alike when it is made again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves import Run, RunState
from lrscope.curves.readout import WINDOW_SHARE, readout, window_start
from lrscope.search.rate.cliff import START_POINTS
from lrscope.search.rate.ranking import Judge, points
from lrscope.search.rate.rungs import ReportPace
from lrscope.vocabulary import choose_metric, is_loss, is_return, is_validation, stand_ins

Array = NDArray[np.float64]

FEWEST_STEPS = 4
"""No value is taken before so many steps: they show the start of training and nothing of the rate."""

HORIZON_HALVINGS = 10
"""The first step that is looked at is the horizon halved so many times, a thousandth of it."""

EARLY_POINTS = 64
"""Raw values kept of the start."""


def levels(horizon: int, pace: ReportPace = ReportPace()) -> list[int]:  # noqa: B008 (a frozen value)
    """Steps at which runs are looked at and may be paused: the horizon, its half, its quarter … ascending.

    Each is moved back to the last report before it; what lies before the first report, or before four of
    them where a run reports at each step, is left out.
    """
    least = min(max(pace.first, FEWEST_STEPS if pace.every == 1 else 1), horizon)
    halves = (round(horizon / 2**k) for k in range(HORIZON_HALVINGS + 1))
    return sorted({pace.snap(step, horizon) for step in halves if step >= least} | {horizon})


@dataclass(frozen=True, slots=True)
class CurveSummary:
    """One metric of one run at those steps at which it had something new to show.

    Parameters
    ----------
    mark : array of int, shape (n,)
        Which of the steps at which runs are looked at.
    looked : array of int, shape (n,)
        Those steps: a value is there once the run has come so far, although it may rest on an earlier report.
    step : array of int, shape (n,)
        The last step that each value rests on; for the end of a run that ended by itself, that of a full run.
    value : array, shape (n,)
        Mean over the trailing window, signed so that less is better; infinite where it was not finite.
    error : array, shape (n,)
        Standard error of each; 0 where it rests on one value.
    before : float
        The value before training, where it was reported (step 0); NaN where not.
    first : float
        Mean of the first points of training, as far as they had been seen; NaN where there are none.
    early, early_step : arrays, shape (up to 64,)
        The first raw values of training, signed, to see whether runs share their noise.
    """

    mark: NDArray[np.int64]
    looked: NDArray[np.int64]
    step: NDArray[np.int64]
    value: Array
    error: Array
    before: float
    first: float
    early: Array
    early_step: NDArray[np.int64]

    def until(self, step: int) -> CurveSummary:
        """The values up to a step."""
        n = int(np.searchsorted(self.looked, step, side="right"))
        m = int(np.searchsorted(self.early_step, step, side="right"))
        return CurveSummary(
            self.mark[:n], self.looked[:n], self.step[:n], self.value[:n], self.error[:n], self.before,
            _first(self.early[:m]), self.early[:m], self.early_step[:m],
        )  # fmt: skip


def _first(values: Array) -> float:
    """Mean of the first finite points."""
    start = values[:START_POINTS]
    start = start[np.isfinite(start)]
    return float(start.mean()) if start.size else np.nan


def summarise(run: Run, by: Judge, marks: Sequence[int]) -> CurveSummary:
    """What `run` has shown of the metric of `by`."""
    steps, values = points(run, by.metric or "", run.step)
    values = by.sign * values
    trained = int(np.searchsorted(steps, 0, side="right"))
    before = float(values[0]) if trained and np.isfinite(values[0]) else np.nan
    steps, values = steps[trained:], values[trained:]
    at, found_step, found, errors = [], [], [], []
    ended: list[int] = []
    best = by.objective == "best"
    least = np.inf
    previous = 0
    for k, mark in enumerate(marks):
        if mark > run.step:
            break
        end = int(np.searchsorted(steps, mark, side="right"))
        begin = int(np.searchsorted(steps, (1 - WINDOW_SHARE) * mark, side="right"))
        begin = max(min(begin, end - START_POINTS), int(np.searchsorted(steps, mark / 2, side="right")), 0)
        if begin >= end or end <= previous:
            continue
        part = values[begin:end]
        good = part[np.isfinite(part)]
        if not good.size and not np.isposinf(part).any():
            continue  # a gap
        value = np.inf if np.isposinf(part).any() else float(good.mean())
        if best and np.isfinite(value):
            whole = values[previous:end]
            if part.size > 1:
                width = part.size
                sums = (
                    np.convolve(whole, np.ones(width) / width, mode="valid")
                    if whole.size >= width
                    else part.mean()
                )
                here = float(np.nanmin(sums)) if np.isfinite(sums).any() else np.inf
            else:
                here = float(np.nanmin(whole))
            least = min(least, here, value)
            value = least
        at.append(k)
        found_step.append(int(steps[end - 1]))
        found.append(value)
        around = part if part.size >= START_POINTS else values[max(0, end - START_POINTS) : end]
        errors.append(_scatter(around) / math.sqrt(good.size) if good.size > 1 else 0.0)
        previous = end
    if run.state is RunState.COMPLETE and run.step < marks[-1] and steps.size:
        # It ended by itself: where it stands now is where it stands at the end of a full run.
        tail = values[min(window_start(steps), steps.size - 1) :]
        good = tail[np.isfinite(tail)]
        at.append(len(marks) - 1)
        ended = [run.step]
        found_step.append(marks[-1])
        found.append(readout(steps, values, goal="min", objective=by.objective))
        errors.append(_scatter(tail) / math.sqrt(good.size) if good.size > 1 else 0.0)
    return CurveSummary(
        np.array(at, np.int64),
        np.array([marks[k] for k in at[: len(at) - len(ended)]] + ended, np.int64),
        np.array(found_step, np.int64),
        np.array(found),
        np.array(errors),
        before,
        _first(values),
        values[:EARLY_POINTS],
        steps[:EARLY_POINTS],
    )


def _scatter(values: Array) -> float:
    """Standard deviation of single values, from their second differences: a loss that falls fast does not scatter."""
    bends = np.diff(values[np.isfinite(values)], 2)
    return math.sqrt(float(bends @ bends) / (6 * bends.size)) if bends.size else 0.0


def stand_in(names: set[str], wanted: str) -> str | None:
    """The metric that tells of a run before the wanted one does: a training loss, or any other loss."""
    others = {n for n in stand_ins(names, wanted) if n != wanted and (is_loss(n) or is_return(n))}
    return choose_metric({n for n in others if not is_validation(n)} or others)
