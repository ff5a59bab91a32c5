"""All that the runs of a scan have shown, on one scale: 1 where training starts, 0 at the best that was seen.

The metric that is judged may be seen once an epoch only, and another one, mini-batch losses as a rule, at
each step. The two are seldom on one scale: dropout and normalisation make a batch loss another quantity. So
the other metric stands in only where the judged one has nothing to show yet, and how it translates is read off
the runs that
have shown both: they start together, and one may fall by another amount. Where no run has shown both, the
other metric has a scale of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves import RunKey
from lrscope.scanning.flow.sight import Sights

Array = NDArray[np.float64]

SOFT = 0.05
"""Differences well below this share of what training gains are told apart linearly, larger ones by their ratio."""

LEAST_NOISE = 0.004
"""Scatter of a value that rests on one point, as a share of the gain: a typical seed's (0.3 %) and a little."""


LARGEST = 0.7
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
        Whether it diverged or failed there.
    over : bool
        Whether it cannot be advanced any more.
    judged, other : Sights
        What it has shown of the metric that is judged, and of the one that stands in.
    """

    key: RunKey
    step: int
    dead: bool
    over: bool
    judged: Sights
    other: Sights


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
    start, low : float
        The values, signed so that less is better, at z = 1 and z = 0.
    """

    run: NDArray[np.int64]
    tau: Array
    z: Array
    noise: Array
    step: NDArray[np.int64]
    common: Array
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
        return np.minimum((LEAST_NOISE + alone) / (np.clip(self.z, 0.0, 1.0) + SOFT) + 0.01, LARGEST)

    @property
    def shared(self) -> Array:
        """Standard error of `y` that values of one step have in common."""
        return np.minimum(self.noise * np.sqrt(self.common) / (np.clip(self.z, 0.0, 1.0) + SOFT), LARGEST)


def soften(z: Array) -> Array:
    """``log((z + 0.05) / 1.05)`` of z clipped to [0, 1]: from about -3 at the best to 0 at the start."""
    return np.log((np.clip(z, 0.0, 1.0) + SOFT) / (1 + SOFT))


def harden(y: Array) -> Array:
    """The inverse of `soften`, clipped to [0, 1]."""
    return np.clip((1 + SOFT) * np.exp(y) - SOFT, 0.0, 1.0)


def observe(runs: Sequence[Seen], horizon: int) -> Observations:
    """Put what `runs` have shown on one scale."""
    start_judged = _start(runs, [r.judged for r in runs])
    start_other = _start(runs, [r.other for r in runs])
    slope, doubt = _translation(runs, start_judged, start_other)
    shared_judged, shared_other = (
        shared_noise([r.judged for r in runs]),
        shared_noise([r.other for r in runs]),
    )
    rows: list[tuple[int, float, float, float, float]] = []
    for i, run in enumerate(runs):
        own = run.judged
        before = int(own.mark[0]) if own.mark.size else math.inf
        for k in range(run.other.step.size):
            if run.other.mark[k] < before:
                value = slope * (run.other.value[k] - start_other)
                fallen = abs(value) if math.isfinite(value) else 0.0
                noise = math.hypot(slope * run.other.error[k], doubt * fallen)
                rows.append((i, float(run.other.step[k]), value, noise, shared_other))
        rows += [
            (i, float(s), float(v - start_judged), float(e), shared_judged)
            for s, v, e in zip(own.step, own.value, own.error, strict=True)
        ]
    if not rows:
        empty = np.empty(0)
        return Observations(
            np.empty(0, np.int64), empty, empty, empty, np.empty(0, np.int64), empty, start_judged, math.nan
        )
    run_index, step, change, scatter, shared = (np.array(column) for column in zip(*rows, strict=True))
    alive = np.array([not r.dead for r in runs])[run_index]
    usable = change[np.isfinite(change) & alive]
    low = float(usable.min()) if usable.size else 0.0
    gain = -low if low < 0 else math.nan
    if not gain > 0:  # nothing has fallen: all runs stand at the start, as far as can be told
        size = float(np.abs(change[np.isfinite(change)]).max(initial=0.0))
        gain = max(size, 1e-300)
    with np.errstate(invalid="ignore", over="ignore"):
        z = 1.0 + change / gain
        z = np.where(np.isfinite(z), np.clip(z, -10.0, 10.0), 10.0)
        noise_z = np.minimum(np.nan_to_num(scatter / gain, nan=10.0, posinf=10.0), 10.0)
    tau = np.log10(step / horizon)
    base = start_judged if math.isfinite(start_judged) else start_other
    return Observations(
        run_index.astype(np.int64), tau, z, noise_z, step.astype(np.int64), shared, base, base - gain
    )


def shared_noise(seen: Sequence[Sights]) -> float:
    """Which part of the scatter is the same for runs at different rates, because they see the same batches.

    The median correlation of the changes from point to point between one run and the next one's, in [0, 1].
    """
    found = []
    usable = [s.early for s in seen if s.early.size >= 8 and np.isfinite(s.early).all()]
    for one, other in itertools.pairwise(usable):
        n = min(one.size, other.size)
        a, b = np.diff(one[:n]), np.diff(other[:n])
        scale = math.sqrt(float(a @ a) * float(b @ b))
        if scale > 0:
            found.append(float(a @ b) / scale)
    return min(max(float(np.median(found)), 0.0), 0.98) if found else 0.0


def _start(runs: Sequence[Seen], seen: Sequence[Sights]) -> float:
    """The value before training: what was reported at step 0, or the first values of the slower runs."""
    before = [s.before for s in seen if math.isfinite(s.before)]
    if before:
        return float(np.median(before))
    order = sorted(range(len(runs)), key=lambda i: runs[i].key)
    first = [seen[i].first for i in order if math.isfinite(seen[i].first)]
    return float(np.median(first[: (len(first) + 1) // 2])) if first else math.nan


def _translation(runs: Sequence[Seen], start_judged: float, start_other: float) -> tuple[float, float]:
    """By how much the judged metric falls when the other falls by one; and the relative doubt about it.

    Taken where runs show the judged metric for the first time: the other one is used before that only.
    """
    ratios = []
    for run in runs:
        shared = np.intersect1d(run.judged.mark, run.other.mark, return_indices=True)
        if shared[0].size:
            ratios.append(
                (run.judged.value[shared[1][0]] - start_judged, run.other.value[shared[2][0]] - start_other)
            )
    fallen = [(j, o) for j, o in ratios if math.isfinite(j) and math.isfinite(o) and o < 0]
    if not fallen:
        return 1.0, 0.0
    most = max(-o for _, o in fallen)
    found = sorted(j / o for j, o in fallen if -o > 0.2 * most and j < 0)
    if not found:
        return 1.0, 0.0
    middle = float(np.median(found))
    doubt = 1.48 * float(np.median(np.abs(np.array(found) - middle))) / middle
    return middle, min(doubt, 0.3)
