"""How runs compare at a step: what each one's curve reads there, and in which order that puts them.

Everything here reads curves up to a given step only, so that a comparison made early in a scan comes out
the same when it is made again at the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves import Plan, Run, RunKey, RunState, Scan
from lrscope.curves.readout import WINDOW_SHARE, readout, window_start
from lrscope.vocabulary import Goal, choose_metric, stand_ins

FRESH_STEP_SHARE = 0.5
"""A metric whose last value is older than this share of the steps so far does not tell where a run stands (a
validation loss of step 0 is the same for every rate)."""

_BAD_STATES = (RunState.DIVERGED, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class Judge:
    """What a scan is judged by.

    Parameters
    ----------
    metric : str or None
        None while nothing that can be judged has been seen.
    goal : {"min", "max"}
    objective : {"last", "best"}
    """

    metric: str | None
    goal: Goal
    objective: str = "last"

    @property
    def sign(self) -> float:
        """Factor that makes less better."""
        return -1.0 if self.goal == "max" else 1.0


def judge(scan: Scan, step: int | None = None) -> Judge:
    """What `scan` is judged by, from the names seen in its runs (up to `step`, where one is given)."""
    plan = scan.plan
    metric = plan.metric or choose_metric(names_seen(scan.runs, step))
    return judge_by(plan, metric)


def judge_by(plan: Plan, metric: str | None) -> Judge:
    """The judge that reads `metric`."""
    return Judge(metric, plan.goal_of(metric or "loss"), plan.objective)


def names_seen(runs: Iterable[Run], step: int | None = None) -> set[str]:
    """Names of the metrics reported by `runs` up to the step that each has reached (or `step`, if sooner)."""
    names: set[str] = set()
    for run in runs:
        limit = run.step if step is None else min(step, run.step)
        names.update(n for n, c in run.curves.items() if len(c) and c.step[0] <= limit)
    return names


def bad(run: Run) -> bool:
    """Whether a run diverged or failed."""
    return run.state in _BAD_STATES


def gone(run: Run, step: int) -> bool:
    """Whether a run had diverged or failed by `step`."""
    return bad(run) and run.step <= step


def points(run: Run, metric: str, step: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Steps and values of a metric up to `step` (and to where the run stands): views, nothing is copied."""
    curve = run.curves.get(metric)
    if curve is None:
        return np.empty(0, np.int64), np.empty(0)
    n = int(np.searchsorted(curve.step, min(step, run.step), side="right"))
    return curve.step[:n], curve.loss[:n]


def fresh(run: Run, metric: str, step: int) -> bool:
    """Whether `metric` has a value that tells where the run stood at `step`."""
    steps, _ = points(run, metric, step)
    return (
        bool(steps.size) and bool(steps[-1] > 0) and bool(steps[-1] >= FRESH_STEP_SHARE * min(step, run.step))
    )


def reading(run: Run, by: Judge, step: int) -> float:
    """What a run's curve reads at `step` (`curves.readout`), signed so that less is better.

    Infinite where it is not finite, and NaN where nothing has been seen.
    """
    if by.metric is None:
        return math.nan
    steps, values = points(run, by.metric, step)
    return by.sign * readout(steps, values, goal=by.goal, objective=by.objective)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Runs in order, best first.

    Parameters
    ----------
    keys : tuple of RunKey
    values : tuple of float
        Their readings, signed so that less is better; infinite for a run that cannot be judged.
    by : Judge
        What they were compared by; its metric may stand in for one that not all of them have reported.
    step : int
        The step at which they were compared.
    """

    keys: tuple[RunKey, ...]
    values: tuple[float, ...]
    by: Judge
    step: int


def rank(runs: Sequence[Run], step: int, plan: Plan) -> Ranking:
    """Order runs by their readings at `step`.

    The metric is the plan's, or the one to be chosen among those seen; where it has not been seen freshly by
    (nearly) all of these runs, it is the best one that has. Runs that had diverged or failed by `step`, or
    that have no finite reading, come last. Ties go to the smaller rate.
    """
    by = judge_by(plan, common_metric(runs, step, plan))
    values: dict[RunKey, float] = {}
    for run in runs:
        value = math.inf if gone(run, step) else reading(run, by, step)
        values[run.key] = math.inf if math.isnan(value) else value
    keys = sorted(values, key=lambda key: (values[key], key))
    return Ranking(tuple(keys), tuple(values[k] for k in keys), by, step)


def common_metric(runs: Sequence[Run], step: int, plan: Plan) -> str | None:
    """The metric to compare `runs` by at `step`: one that three quarters of those alive have freshly."""
    alive = [run for run in runs if not gone(run, step)]
    names = names_seen(alive, step)
    need = 0.75 * len(alive)
    able = stand_ins(names, plan.metric or choose_metric(names))
    shared = {n for n in able if sum(fresh(run, n, step) for run in alive) >= need}
    if plan.metric in shared:
        return plan.metric
    return choose_metric(shared) or (plan.metric if plan.metric in names else choose_metric(names))


def paired(one: Run, other: Run, metric: str, step: int, window: float = WINDOW_SHARE) -> NDArray[np.float64]:
    """Differences ``one - other`` over the trailing window up to `step`, at the steps that both report.

    Runs of one seed see the same batches in the same order, so much of their noise is shared and
    cancels in the difference (common random numbers).
    """
    mine, my_values = points(one, metric, step)
    theirs, their_values = points(other, metric, step)
    if not mine.size or not theirs.size:
        return np.empty(0)
    # The last shared step is found near the ends, as a rule; the whole of long curves is not gone through.
    near = (1 - window) * 0.5 * float(min(mine[-1], theirs[-1]))
    for least in (near, -1.0):
        a = int(np.searchsorted(mine, least, side="right"))
        b = int(np.searchsorted(theirs, least, side="right"))
        shared, i, j = np.intersect1d(mine[a:], theirs[b:], assume_unique=True, return_indices=True)
        if shared.size and ((1 - window) * float(shared[-1]) >= least or least < 0):
            first = window_start(shared, window)
            with np.errstate(invalid="ignore"):
                difference: NDArray[np.float64] = my_values[a:][i[first:]] - their_values[b:][j[first:]]
            return difference
    return np.empty(0)
