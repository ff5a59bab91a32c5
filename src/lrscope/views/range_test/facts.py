"""A range test as plain facts: raw losses against the climbing rate, the line through their mean, the rules."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lrscope.search.range_test.answer import RangeTestAnswer
from lrscope.search.range_test.result import RangeTest
from lrscope.views.scan.facts import Facts
from lrscope.views.scan.facts import collect as collect_scan

Floats = NDArray[np.float64]

RULE_COLOURS = ("#c2410c", "#1d4ed8", "#6d28d9", "#047857")
"""Of the rules, in their order; the first is the one that names the rate."""

_ROOM_PAST_START = 0.6  # of the improvement, above the losses where a ramp begins
_PAD_SHARE = 0.06


@dataclass(frozen=True, eq=False)
class RangeTestFacts:
    """A range test.

    Parameters
    ----------
    name : str
    answer : RangeTestAnswer
    ramps : sequence of (rates, losses)
        As observed, up to where each run came.
    lr, line : array, shape (n,)
        The smooth line through the mean of all ramps; empty where there is none.
    rates, losses : (float, float)
        Windows of the picture: the rates of all ramps; the losses from the lowest to somewhat above the start.
    scan : Facts or None
        Runs, cost and decisions of ramps that lrscope ran.
    """

    name: str
    answer: RangeTestAnswer
    ramps: tuple[tuple[Floats, Floats], ...]
    lr: Floats
    line: Floats
    rates: tuple[float, float]
    losses: tuple[float, float]
    scan: Facts | None


def collect(test: RangeTest) -> RangeTestFacts:
    """A range test → facts."""
    scan = None
    if test.outcome is not None:
        found = collect_scan(test.outcome)
        # Every ramp climbs through all rates: none of them is the run at the rate that was named.
        scan = replace(found, runs=tuple(replace(run, named=False) for run in found.runs))
    lr, line, start = test.line
    seen = np.concatenate([rates for rates, _ in test.ramps]) if test.ramps else np.array([1e-5, 10.0])
    return RangeTestFacts(
        test.name,
        test.answer,
        tuple(test.ramps),
        lr,
        line,
        (float(seen.min()), float(seen.max())),
        _window(test, line, start),
        scan,
    )


def _window(test: RangeTest, line: Floats, start: float) -> tuple[float, float]:
    if line.size:
        best = float(line.max() if test.answer.goal == "max" else line.min())
        ends = (best, start + _ROOM_PAST_START * (start - best))
        low, high = min(ends), max(ends)
        pad = _PAD_SHARE * (high - low) or 1.0
        return low - pad, high + pad
    finite = [losses[np.isfinite(losses)] for _, losses in test.ramps]
    seen = np.concatenate(finite) if finite else np.empty(0)
    return (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
