"""Which run to advance, and how far: where a step tells most about whether another rate is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.search.rate.model.forecast import Forecast

Array = NDArray[np.float64]

EXPECTED_NOISE = 0.15
"""Standard deviation of y that is expected of a value not yet seen."""

NEAR_DECADES = 0.5
"""Decades within which a run is looked at for what it tells of its own neighbourhood."""

FAR_RUN_WORTH = 0.1
"""What a run is worth beyond the chance of its neighbourhood to hold the best rate. The model says how much
a far run tells of near ones; where it is wrong about that, a run that may itself be good is not wasted."""

PARALLEL_SPENT_SHARE = 0.05
"""Share of what has been spent that may be asked for at once beyond the first choice."""

LEVELS_AHEAD = 2
"""Levels that are weighed for each run: the next, and the one after, which a run may have to reach to show
anything."""


@dataclass(frozen=True, slots=True)
class Option:
    """Advance the run at candidate `index` to `step`, for `cost` steps; `worth` is per step."""

    index: int
    step: int
    cost: int
    worth: float


def choose_advances(
    f: Forecast, named: int, marks: Sequence[int], horizon: int, left: int, most: int
) -> list[Option]:
    """The advances that can be afforded and are worth most for their cost, up to `most` of them, one a run.

    With F the final y of each candidate and o what would be observed, ``b = cov(F, o) / sd(o)`` is what the
    observation explains of F. It is worth ``sum_c p_c (b_c - b_named)^2``, p_c being the chance that candidate
    c is the best: how much of the uncertainty about named against c it would remove; times the chance that the best is
    near the run itself, and a little. Variances do not depend on what will be observed, so the second choice is made
    as if the first had been carried out already. The first is taken whatever it costs; further ones only while all of
    them together cost no more than that, or than `PARALLEL_SPENT_SHARE` of what has been spent: they are chosen knowing
    less than they could.
    """
    reached = {(run.key.lr, run.key.seed): run for run in f.runs}
    asked: list[tuple[int, int, int]] = []
    for i, rate in enumerate(f.rates):
        run = reached.get((rate, f.seed))
        if run is not None and run.over:
            continue
        now = run.step if run else 0
        ahead = [m for m in marks if m > now][:LEVELS_AHEAD]
        asked += [(i, mark, mark - now) for mark in ahead if mark - now <= left]
    if not asked:
        return []
    which = np.array([i for i, _, _ in asked])
    cost = np.array([c for _, _, c in asked], float)
    cov, joint = f.told_by(which, np.array([step for _, step, _ in asked]), horizon)
    joint = joint + EXPECTED_NOISE**2 * np.eye(which.size)
    near = np.abs(f.final.x[:, None] - f.final.x[which]) <= NEAR_DECADES + 1e-9
    hope = FAR_RUN_WORTH + f.best @ near
    spent = sum(run.step for run in f.runs)
    found: list[Option] = []
    open_ = np.ones(len(asked), bool)
    while len(found) < most and open_.any():
        b = cov / np.sqrt(np.maximum(np.diag(joint), 1e-12))
        worth = hope * (f.best[:, None] * (b - b[named]) ** 2).sum(axis=0)
        per_step = np.where(open_, worth / cost, -1.0)
        at = int(per_step.argmax())
        i, step, price = asked[at]
        total = sum(o.cost for o in found) + price
        if found and total > max(found[0].cost, PARALLEL_SPENT_SHARE * spent):
            break
        if total > left:
            break
        found.append(Option(i, step, price, float(per_step[at])))
        open_ &= which != i
        cov, joint = _given(cov, joint, at)
    return found


def _given(cov: Array, joint: Array, at: int) -> tuple[Array, Array]:
    """`cov` and `joint` once observation `at` has been made."""
    share = joint[at] / max(float(joint[at, at]), 1e-12)
    left = joint - np.outer(joint[:, at], share)
    return cov - np.outer(cov[:, at], share), left + 1e-9 * np.eye(len(joint))
