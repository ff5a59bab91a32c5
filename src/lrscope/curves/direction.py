"""Which way a metric is better, asked of the data where its name does not say.

Two things tell. A program that keeps the best so far beside the metric says it outright: what follows the greatest
value is a best of something of which more is better. And training improves what it is judged by, as a rule: a metric
that nearly every run moved to the same side is better on that side. Where neither tells, less is taken to be better,
and the reader is told so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve
from lrscope.vocabulary import Goal, plain_words

LEAST_BEST_STEPS = 3
"""Steps at which a best so far has to have told one direction from the other."""

END_SHARE = 0.1
"""Share of a curve's points whose mean is its first reading, and its last."""

SAME_SIDE_RISK = 0.05
"""Chance that runs without any common direction are taken to have one: level of a two-sided sign test, with which six
runs have to agree without exception, and of nine all but one."""


@dataclass(frozen=True, slots=True)
class Direction:
    """A direction that the data told.

    Parameters
    ----------
    metric : str
    goal : {"min", "max"}
    evidence : str
        What told it, to stand after "because".
    """

    metric: str
    goal: Goal
    evidence: str


def observed_direction(metric: str, runs: Sequence[Mapping[str, LossCurve]]) -> Direction | None:
    """What several runs say about the better side of `metric`; None where they do not agree.

    Parameters
    ----------
    metric : str
        A metric whose name does not say.
    runs : sequence of mapping
        The curves of each run by name. Runs that diverged are left out by the caller: they move the wrong way.
    """
    told = {goal for curves in runs if (goal := followed_by_best(metric, curves)) is not None}
    if len(told) == 1:
        goal = told.pop()
        most = "highest" if goal == "max" else "lowest"
        return Direction(metric, goal, f"the best that was logged beside it is its {most} value so far")
    if told:
        return None
    ends = [both for curves in runs if metric in curves and (both := _ends(curves[metric])) is not None]
    first, last = np.array([a for a, _ in ends]), np.array([b for _, b in ends])
    goal_of_ends = moved(first, last)
    if goal_of_ends is None:
        return None
    way = "rose" if goal_of_ends == "max" else "fell"
    count = int(np.count_nonzero(last > first if goal_of_ends == "max" else last < first))
    return Direction(metric, goal_of_ends, f"it {way} in {count} of {len(ends)} runs as they trained")


def moved(first: NDArray[np.float64], last: NDArray[np.float64]) -> Goal | None:
    """The side to which training moved a metric, over several runs: "max" for up; None where they do not agree.

    A two-sided sign test at `SAME_SIDE_RISK`: with n runs that moved at all, of which k moved to the side of the
    majority, the chance of k or more on one side if both were equally likely is 2 Σ_{i≥k} C(n, i) / 2ⁿ.

    Parameters
    ----------
    first, last : arrays of shape (runs,)
        Each run's first and last reading. Pairs that are not finite say nothing.
    """
    good = np.isfinite(first) & np.isfinite(last)
    change = last[good] - first[good]
    up, down = int(np.count_nonzero(change > 0)), int(np.count_nonzero(change < 0))
    n, k = up + down, max(up, down)
    chance = 2 * sum(math.comb(n, i) for i in range(k, n + 1)) / 2**n
    if chance > SAME_SIDE_RISK:
        return None
    return "max" if up > down else "min"


def followed_by_best(metric: str, curves: Mapping[str, LossCurve]) -> Goal | None:
    """The direction in which a curve called "best …" follows `metric`; None where there is none that does.

    ``best_quux`` belongs to ``quux``; a curve called ``best`` alone to the metric that it follows.
    """
    if metric not in curves:
        return None
    own = plain_words(metric)
    for name, best in curves.items():
        words = plain_words(name)
        rest = tuple(word for word in words if word != "best")
        if len(rest) == len(words) or rest not in ((), own):
            continue
        _, i, j = np.intersect1d(curves[metric].step, best.step, assume_unique=True, return_indices=True)
        goal = _extreme(curves[metric].loss, i, best.loss[j])
        if goal is not None:
            return goal
    return None


def _extreme(values: NDArray[np.float64], at: NDArray[np.intp], best: NDArray[np.float64]) -> Goal | None:
    """Whether `best`, at these places of a curve, is the greatest or the least value up to there."""
    if not at.size or not np.isfinite(values).all():
        return None
    high, low = np.maximum.accumulate(values)[at], np.minimum.accumulate(values)[at]
    if np.count_nonzero(high > low) < LEAST_BEST_STEPS:
        return None
    is_high, is_low = bool(np.allclose(best, high)), bool(np.allclose(best, low))
    if is_high == is_low:
        return None
    return "max" if is_high else "min"


def _ends(curve: LossCurve) -> tuple[float, float] | None:
    """The first and the last reading of a curve; None for one of fewer than two finite points."""
    values = curve.loss[np.isfinite(curve.loss)]
    if values.size < 2:
        return None
    width = max(1, int(END_SHARE * values.size))
    return float(values[:width].mean()), float(values[-width:].mean())


def assumption(metric: str, goal: Goal, found: Direction | None) -> str:
    """What to tell of a direction that no name says: how it was found, and how to say otherwise."""
    side, opposite, other = ("more", "less", "min") if goal == "max" else ("less", "more", "max")
    why = f", because {found.evidence}" if found is not None else ""
    return (
        f"`{metric}` is not a metric that lrscope knows; {side} was taken to be better{why}. "
        f"If {opposite} is better, give --goal {other}."
    )
