"""One file, several runs: a counter that begins again may be a new epoch, a resumed run, or a new run or fold.

A resumed run goes on where it was; a new one returns to where the first began. So the loss tells which it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import Point
from lrscope.vocabulary import Kind, kind

POINTS_AROUND = 3
"""Points on each side of a restart whose median is compared."""

RETURNED_SHARE = 0.5
"""Share of what had been gained that has to be lost again for a run to count as a new one."""


@dataclass
class Lap:
    """The points of one run, with steps as printed; `epochs` holds (step, epoch)."""

    points: list[Point] = field(default_factory=list)
    epochs: list[tuple[int, float]] = field(default_factory=list)


def separate(
    points: Sequence[Point], epochs: Sequence[tuple[int, float]], restarts: Sequence[tuple[int, int]]
) -> tuple[list[Lap], list[str]]:
    """The runs in the points of one file, and what to say about it.

    Parameters
    ----------
    points : sequence of (step, metric, value)
    epochs : sequence of (step, epoch)
    restarts : sequence of (first step after it, what to take off the steps from there on)
        Where a counter began again without a new epoch.
    """
    told = Counter(metric for _, metric, _ in points if kind(metric) in (Kind.LOSS, Kind.SCORE))
    if not restarts or not told:
        return [Lap(list(points), list(epochs))], []
    metric = told.most_common(1)[0][0]
    steps = np.array([s for s, m, _ in points if m == metric])
    values = np.array([v for _, m, v in points if m == metric])
    bounds: list[tuple[int, int]] = [(0, 0)]
    for first, base in restarts:
        if _returned(values[(steps >= bounds[-1][0]) & (steps < first)], values[steps >= first]):
            bounds.append((first, base))
    if len(bounds) == 1:
        return [Lap(list(points), list(epochs))], []
    starts = np.array([first for first, _ in bounds])
    laps = [Lap() for _ in bounds]
    for step, name, value in points:
        k = int(np.searchsorted(starts, step, side="right")) - 1
        laps[k].points.append((step - bounds[k][1], name, value))
    for step, epoch in epochs:
        k = int(np.searchsorted(starts, step, side="right")) - 1
        laps[k].epochs.append((step - bounds[k][1], epoch))
    text = f"The counter begins again where {metric!r} returns to its beginning: {len(laps)} runs or folds, told apart."
    return laps, [text]


def _returned(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    """Whether what follows a restart stands nearer to where the run before began than to where it ended."""
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    if before.size < 2 or not after.size:
        return False
    width = min(POINTS_AROUND, before.size // 2)
    began, ended = float(before[0]), float(np.median(before[-width:]))
    gained = began - ended
    scatter = float(np.median(np.abs(np.diff(before)))) if before.size > 2 * POINTS_AROUND else 0.0
    if abs(gained) <= 3 * scatter:
        return False
    return (float(after[0]) - ended) / gained > RETURNED_SHARE
