"""Which run to advance, and how far: where a step tells most about whether another rate is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrscope.scanning.flow.kernel import SUPPOSITIONS, Places, covariance, parts
from lrscope.scanning.flow.model import Forecast

AHEAD = 2
"""Levels that are weighed for each run: the next, and the one after, which a run may have to reach to show
anything."""


@dataclass(frozen=True, slots=True)
class Option:
    """Advance the run at candidate `index` to `step`, for `cost` steps; `worth` is per step."""

    index: int
    step: int
    cost: int
    worth: float


def options(f: Forecast, named: int, marks: Sequence[int], horizon: int, left: int) -> list[Option]:
    """All that can be afforded, the most worthwhile first.

    With F the final y of each candidate and o what would be observed, ``b = cov(F, o) / sd(o)`` is what the
    observation explains of F. It is worth ``sum_c p_c (b_c - b_named)^2``, p_c being the chance that candidate
    c is the best: how much of the doubt about named against c it would remove.
    """
    reached = {run.key[0]: run for run in f.runs}
    asked: list[tuple[int, int, int]] = []
    for i, rate in enumerate(f.rates):
        run = reached.get(rate)
        if run is not None and run.over:
            continue
        now = run.step if run else 0
        asked += [(i, mark, mark - now) for mark in [m for m in marks if m > now][:AHEAD] if mark - now <= left]
    if not asked:
        return []
    which = np.array([i for i, _, _ in asked])
    tau = np.log10(np.array([step for _, step, _ in asked]) / horizon)
    there = Places(f.final.x[which], tau, f.final.run[which])
    to_data, to_final = parts(there, f.places, f.cliff, f.origin, f.begin), parts(f.final, there, f.cliff, f.origin, f.begin)
    itself = parts(there, there, f.cliff, f.origin, f.begin)
    noise = 0.08
    worth = np.zeros(len(asked))
    for s, process, weight in zip(SUPPOSITIONS, f.processes, f.weight, strict=True):
        if weight < 0.01:
            continue
        seen_there = covariance(to_data, s) @ process.root_inverse.T
        seen_final = covariance(f.cross, s) @ process.root_inverse.T
        cov = covariance(to_final, s) - seen_final @ seen_there.T
        var = np.diag(covariance(itself, s)) - (seen_there**2).sum(axis=1)
        b = cov / np.sqrt(np.maximum(var, 0.0) + noise**2)
        worth += weight * (f.best[:, None] * (b - b[named]) ** 2).sum(axis=0)
    cost = np.array([c for _, _, c in asked], float)
    found = [Option(i, step, c, float(w / k)) for (i, step, c), w, k in zip(asked, worth, cost, strict=True)]
    return sorted(found, key=lambda o: (-o.worth, o.step, o.index))
