"""All that the runs of a scan have shown, on one scale: 1 where training starts, 0 at the best that was seen.

The metric that is judged may be seen once an epoch only, and another one, mini-batch losses as a rule, at
each step. The two are seldom on one scale: dropout and normalisation make a batch loss another quantity. So
the other metric stands in only where the judged one has nothing to show yet, and how it translates is read off
the runs that
have shown both: they start together, and one may fall by another amount. Where no run has shown both, the
other metric has a scale of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves import RunKey
from lrscope.search.rate.model.curve_summary import CurveSummary
from lrscope.search.rate.model.shared_noise import ObservedChange, scatter, shared_noise, take_out

Array = NDArray[np.float64]

SOFT_GAIN_SHARE = 0.1
"""Differences well below this share of the improvement are told apart linearly, larger ones by their ratio. It is
also how far below the best loss seen a forecast may go."""

LEAST_NOISE_SHARE = 0.004
"""Scatter of a value that rests on one point, as a share of the gain: a typical seed's (0.3 %) and a little."""

FLAT_LIMITS = (8.0, 0.05)
"""A loss may move by so many standard deviations of a single report, or by such a share of what it is at the start, and
nothing has been learned yet: the smaller of the two, because a loss may have any constant added to it, and some
reports have no noise."""

LEAST_GAIN_SHARE = 0.4
"""Share of that which the improvement is expected to be at least; and it is more than the scatter of a report."""

FARTHEST_GAINS = 100.0
"""Gains above or below the start beyond which a value is not told from others."""

LARGEST_ERROR = 0.7
"""Standard error of y at most: a loss that is far above its start is bad news, however much it scatters."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as far as a decision may look.

    Parameters
    ----------
    key : RunKey
    step : int
        Where it stands.
    dead : bool
        Whether it diverged there.
    over : bool
        Whether it cannot be advanced any more.
    judged, other : CurveSummary
        What it has shown of the metric that is judged, and of the one that stands in.
    failed : bool
        Whether it failed there: what it had shown counts, and how it would have ended is as open as before.
    whole : bool
        Whether it came to the end of its training, that of a full run or its own.
    """

    key: RunKey
    step: int
    dead: bool
    over: bool
    judged: CurveSummary
    other: CurveSummary
    failed: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Observations:
    """Values of all runs, one row each.

    Parameters
    ----------
    run : array of int, shape (n,)
        Index of the run in the sequence that was given.
    tau : array, shape (n,)
        log10(step / horizon), zero at the end of a full run.
    z : array, shape (n,)
        1 at the start of training, 0 at the best seen; not clipped.
    noise : array, shape (n,)
        Standard error of z.
    step : array of int, shape (n,)
        The step that each value rests on.
    common : array, shape (n,)
        The part of each value's variance that runs at other rates share at that step (the same batches).
    flat : float
        By how much a loss may move although nothing has been learned (see `FLAT_LIMITS`), as a share of the gain.
    start, low : float
        The values, signed so that less is better, at z = 1 and z = 0; at z = 0 stands the best that was seen, or what
        the least gain would be.
    """

    run: NDArray[np.int64]
    tau: Array
    z: Array
    noise: Array
    step: NDArray[np.int64]
    common: Array
    flat: float
    start: float
    low: float

    @property
    def y(self) -> Array:
        """log of z, softened near 0 and clipped to [0, 1]: what the model sees."""
        return soften(self.z)

    @property
    def spread(self) -> Array:
        """Standard error of `y` that each value has to itself."""
        alone = self.noise * np.sqrt(1 - self.common)
        return np.minimum(
            (LEAST_NOISE_SHARE + alone) / (np.clip(self.z, 0.0, 1.0) + SOFT_GAIN_SHARE) + 0.01, LARGEST_ERROR
        )

    @property
    def shared(self) -> Array:
        """Standard error of `y` that values of one step have in common."""
        return np.minimum(
            self.noise * np.sqrt(self.common) / (np.clip(self.z, 0.0, 1.0) + SOFT_GAIN_SHARE), LARGEST_ERROR
        )


def soften(z: Array) -> Array:
    """``log((z + 0.1) / 1.1)`` of z clipped to [0, 1]: from about -2.4 at the best to 0 at the start."""
    return np.log((np.clip(z, 0.0, 1.0) + SOFT_GAIN_SHARE) / (1 + SOFT_GAIN_SHARE))


def harden(y: Array) -> Array:
    """The inverse of `soften`, clipped to [0, 1]."""
    return np.clip((1 + SOFT_GAIN_SHARE) * np.exp(y) - SOFT_GAIN_SHARE, 0.0, 1.0)


def observe(runs: Sequence[Seen], horizon: int) -> Observations:
    """Put what `runs`, in the order of their rates, have shown on one scale."""
    start_judged = _start(runs, [r.judged for r in runs])
    start_other = _start(runs, [r.other for r in runs])
    other = _rows(runs, [r.other for r in runs], start_other)
    if not any(math.isfinite(r.judged.before) for r in runs):
        start_judged = _start_from(runs, other, start_judged)
    judged = _rows(runs, [r.judged for r in runs], start_judged)
    slope, uncertainty = _translation(runs, judged, other)
    first = [float(r.judged.step[0]) if r.judged.step.size else math.inf for r in runs]
    rows = [_translated(row, slope, uncertainty) for row in other if row.step < first[row.run]] + judged
    start = start_judged if math.isfinite(start_judged) else start_other
    rows.sort(key=lambda row: (row.run, row.step))
    run = np.array([row.run for row in rows], np.int64)
    step, change, error, shared = (
        np.array([getattr(row, name) for row in rows], float)
        for name in ("step", "change", "error", "shared")
    )
    alive = np.array([not r.dead for r in runs], bool)[run]
    usable = change[np.isfinite(change) & alive]
    single = scatter([r.other for r in runs]) or scatter([r.judged for r in runs])
    flat = min(FLAT_LIMITS[0] * single, FLAT_LIMITS[1] * abs(start))
    gain = max(-float(usable.min(initial=0.0)), LEAST_GAIN_SHARE * flat, single)
    if not gain > 0:  # nothing has fallen, and reports have no noise
        gain = float(np.abs(change[np.isfinite(change)]).max(initial=0.0)) or 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        z = 1.0 + change / gain
        z = np.where(np.isfinite(z), np.clip(z, -FARTHEST_GAINS, FARTHEST_GAINS), FARTHEST_GAINS)
        noise = np.minimum(np.nan_to_num(error / gain, nan=10.0, posinf=10.0), 10.0)
    return Observations(
        run,
        np.log10(step / horizon),
        z,
        noise,
        step.astype(np.int64),
        shared,
        flat / gain,
        start,
        start - gain,
    )


def _rows(runs: Sequence[Seen], seen: Sequence[CurveSummary], start: float) -> list[ObservedChange]:
    """What all runs have shown of one metric as changes since the start, common noise taken out."""
    shared = shared_noise(seen)
    rows = [
        ObservedChange(i, float(step), float(value - start), float(error), shared)
        for i, summary in enumerate(seen)
        for step, value, error in zip(summary.step, summary.value, summary.error, strict=True)
    ]
    return take_out(rows, [r.key.lr for r in runs], scatter(seen))


def _translated(row: ObservedChange, slope: float, uncertainty: float) -> ObservedChange:
    """What the metric that stands in says in units of the one that is judged."""
    change = slope * row.change
    fallen = abs(change) if math.isfinite(change) else 0.0
    return ObservedChange(
        row.run, row.step, change, math.hypot(slope * row.error, uncertainty * fallen), row.shared
    )


def _start(runs: Sequence[Seen], seen: Sequence[CurveSummary]) -> float:
    """The value before training: what was reported at step 0, or the first values of the slower runs."""
    before = [s.before for s in seen if math.isfinite(s.before)]
    if before:
        return float(np.median(before))
    order = sorted(range(len(runs)), key=lambda i: runs[i].key)
    first = [seen[i].first for i in order if math.isfinite(seen[i].first)]
    return float(np.median(first[: (len(first) + 1) // 2])) if first else math.nan


def _start_from(runs: Sequence[Seen], other: Sequence[ObservedChange], otherwise: float) -> float:
    """Where the judged metric began, if it was first reported later: less what the other has done by then.

    From the three runs whose other metric had moved least by then.
    """
    change = {(row.run, row.step): row.change for row in other}
    found = []
    for i, run in enumerate(runs):
        marks, here, there = np.intersect1d(run.judged.mark, run.other.mark, return_indices=True)
        if marks.size:
            moved = change[i, float(run.other.step[there[0]])]
            value = float(run.judged.value[here[0]])
            if math.isfinite(moved) and math.isfinite(value):
                found.append((abs(moved), value - moved))
    return float(np.median([start for _, start in sorted(found)[:3]])) if found else otherwise


def _translation(
    runs: Sequence[Seen], judged: Sequence[ObservedChange], other: Sequence[ObservedChange]
) -> tuple[float, float]:
    """By how much the judged metric falls when the other falls by one; and the relative uncertainty about it.

    Taken where runs show the judged metric for the first time: the other one is used before that only. Runs whose
    other metric has not fallen beyond its noise say nothing about it.
    """
    change = {(row.run, row.step): row.change for row in judged}
    stands_in = {(row.run, row.step): row for row in other}
    fallen = []
    for i, run in enumerate(runs):
        marks, here, there = np.intersect1d(run.judged.mark, run.other.mark, return_indices=True)
        if marks.size:
            row = stands_in[i, float(run.other.step[there[0]])]
            value = change[i, float(run.judged.step[here[0]])]
            if math.isfinite(value) and math.isfinite(row.change) and row.change < -3 * row.error:
                fallen.append((value, row.change))
    most = max((-o for _, o in fallen), default=0.0)
    found = sorted(j / o for j, o in fallen if -o > 0.2 * most and j < 0)
    if not found:
        return 1.0, 0.0
    middle = float(np.median(found))
    uncertainty = 1.48 * float(np.median(np.abs(np.array(found) - middle))) / middle
    return middle, min(uncertainty, 0.3)
