"""How each rate would end, as far as the runs so far tell: a Gaussian process under several suppositions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.scanning.flow.brink import Brink, brink
from lrscope.scanning.flow.kernel import SUPPOSITIONS, Frame, Parts, Places, covariance, parts
from lrscope.scanning.flow.observations import Observations, Seen, harden, observe
from lrscope.statistics.gaussian_process import GaussianProcess, fit, samples

Array = NDArray[np.float64]

MOVED = math.log(0.95)
"""A loss that has fallen by a twentieth of the gain has begun to move."""

DRAWS = 256
"""Joint draws of the curve of final losses; so the chance of being best is known to within 3 %."""


@dataclass(frozen=True)
class Forecast:
    """What the model makes of a scan.

    Parameters
    ----------
    rates : tuple of float
        Candidates: the rates of the plan that may still be the best.
    mean, sd : array, shape (m,)
        Of y at the horizon, over all suppositions.
    ends : array, shape (draws, m)
        Joint draws of y at the horizon.
    expected : array, shape (m,)
        Expected final z of each.
    best : array, shape (m,)
        Chance of each to end lowest.
    weight : array, shape (suppositions,)
    """

    runs: tuple[Seen, ...]
    seen: Observations
    brink: Brink
    rates: tuple[float, ...]
    mean: Array
    sd: Array
    ends: Array
    expected: Array
    best: Array
    weight: Array
    means: tuple[Array, ...]
    processes: tuple[GaussianProcess, ...]
    places: Places
    final: Places
    cross: Parts
    frame: Frame
    seed: int
    grid: tuple[float, ...]


def forecast(runs: Sequence[Seen], rates: Sequence[float], horizon: int, seed: int = 0) -> Forecast:
    """Fit every supposition to what `runs` have shown, and look at the end of each rate."""
    runs = tuple(runs)
    seen = observe(runs, horizon)
    edge = brink(runs, seen)
    lr = np.array([run.key[0] for run in runs])
    first_beyond = lr == edge.end
    kept = (lr < edge.end) | first_beyond
    dead = np.array([run.dead for run in runs])
    rows = kept[seen.run] & ~dead[seen.run]
    x, tau, owner = np.log10(lr[seen.run[rows]]), seen.tau[rows], seen.run[rows]
    y, spread = seen.y[rows], seen.spread[rows]
    # What a lost run would end like, had it gone on: no better than at the start, if the verdict is right.
    fallen = np.flatnonzero(kept & (first_beyond & edge.lost | dead))
    doubt = np.where(first_beyond[fallen] & ~dead[fallen], 0.7, 0.3)
    x, tau = np.concatenate([x, np.log10(lr[fallen])]), np.concatenate([tau, np.zeros(fallen.size)])
    owner, y = np.concatenate([owner, fallen]), np.concatenate([y, np.zeros(fallen.size)])
    spread = np.concatenate([spread, doubt])
    cliff = math.log10(edge.end) if math.isfinite(edge.end) else math.log10(rates[-1]) + 0.5
    places = Places(x, tau, owner.astype(np.int64))
    gone = set(lr[dead])
    candidates = tuple(r for r in rates if r not in gone and (r < edge.end or r == edge.end))
    if not candidates:
        candidates = tuple(rates)
    own = {run.key[0]: i for i, run in enumerate(runs) if run.key[1] == seed}
    index = np.array([own.get(r, -1 - i) for i, r in enumerate(candidates)], np.int64)
    final = Places(np.log10(np.array(candidates)), np.zeros(len(candidates)), index)
    begin = float(tau.min()) - 0.3
    origin = math.log10(rates[0]) + begin
    moved = y < MOVED
    onset = float((x + tau)[moved].min()) if moved.any() else -math.inf
    frame = Frame(cliff, origin, begin, onset)
    within = parts(places, places, frame)
    cross, ahead = parts(final, places, frame), parts(final, final, frame)
    steps = np.concatenate([seen.step[rows], -1 - np.arange(fallen.size)])
    common = np.concatenate([seen.shared[rows], np.zeros(fallen.size)])
    together = np.outer(common, common) * (steps[:, None] == steps[None, :])
    noise = together + np.diag(spread**2)
    processes, means, covs = [], [], []
    for s in SUPPOSITIONS:
        process = fit(covariance(within, s) + noise, y)
        mean, cov = process.posterior(covariance(cross, s), covariance(ahead, s))
        processes.append(process)
        means.append(mean)
        covs.append(cov)
    evidence = np.array([p.evidence for p in processes])
    weight = _weights(evidence)
    rng = np.random.default_rng(0)
    counts = _shares(weight, DRAWS)
    drawn = [
        samples(m, c, rng.standard_normal((k, m.size)))
        for m, c, k in zip(means, covs, counts, strict=True)
        if k
    ]
    ends = np.concatenate(drawn)
    mean = np.einsum("s,sm->m", weight, np.array(means))
    second = np.einsum("s,sm->m", weight, np.array([np.diag(c) for c in covs]) + np.array(means) ** 2)
    best = np.bincount(ends.argmin(axis=1), minlength=len(candidates)) / len(ends)
    return Forecast(
        runs,
        seen,
        edge,
        candidates,
        mean,
        np.sqrt(np.maximum(second - mean**2, 0)),
        ends,
        harden(ends).mean(axis=0),
        best,
        weight,
        tuple(means),
        tuple(processes),
        places,
        final,
        cross,
        frame,
        seed,
        tuple(rates),
    )


def _weights(evidence: Array) -> Array:
    """By evidence within each family of suppositions, the families alike (`kernel.SUPPOSITIONS` says why)."""
    drifting = np.array([s.drift > 0 for s in SUPPOSITIONS])
    weight = np.zeros(evidence.size)
    for family in (drifting, ~drifting):
        found = np.exp(evidence[family] - evidence[family].max())
        weight[family] = found / found.sum() / 2
    return weight


def _shares(weight: Array, total: int) -> list[int]:
    """`total` shared out in proportion to `weight`, in whole numbers."""
    ends = np.rint(np.cumsum(weight) * total).astype(int)
    return [int(n) for n in np.diff(np.concatenate([[0], ends]))]
