"""How each rate would end, as far as runs tell: a Gaussian process over flow time and what departs from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.search.rate.model.divergence_boundary import DivergenceBoundary, divergence_boundary
from lrscope.search.rate.model.kernel import DEFAULT_BELIEFS, Beliefs, Frame, Places, covariance, mean
from lrscope.search.rate.model.observations import Observations, Seen, harden, observe
from lrscope.statistics.gaussian_process import GaussianProcess, fit, samples

Array = NDArray[np.float64]

MOVED_LOG_SHARE = math.log(0.95)
"""A loss that has fallen by a twentieth of the gain has begun to move."""

JOINT_DRAWS = 256
"""Joint draws of the curve of final losses; so the chance of being best is known to within 3 %."""

FORECAST_SPREAD_FACTOR = 1.3
"""Factor on the standard deviations of the forecast: curves depart from the model in ways that it does not know. It was
chosen for the coverage of the interval on the scans of `benchmarks/scan_corpus`."""

LOST_END_SPREADS = (0.3, 0.7)
"""Standard deviation of y at the end of a run that died, and of one that is only taken for lost, perhaps wrongly."""


@dataclass(frozen=True)
class Forecast:
    """What the model makes of a scan.

    Parameters
    ----------
    runs, seen, boundary
        What it rests on.
    rates : tuple of float, length m
        Candidates: the rates of the plan that may still be the best.
    ends : array, shape (draws, m)
        Joint draws of y at the horizon.
    expected : array, shape (m,)
        Expected final z of each.
    best : array, shape (m,)
        Chance of each to end lowest.
    places, final : Places
        Where values were seen, and the candidates at the horizon.
    cross : array, shape (m, n)
        Prior covariance between the two.
    """

    runs: tuple[Seen, ...]
    seen: Observations
    boundary: DivergenceBoundary
    rates: tuple[float, ...]
    ends: Array
    expected: Array
    best: Array
    process: GaussianProcess
    places: Places
    final: Places
    cross: Array
    frame: Frame
    beliefs: Beliefs
    seed: int
    grid: tuple[float, ...]

    def own(self, index: int) -> Seen | None:
        """The first seed's run at candidate `index`; None where it was not begun."""
        place = int(self.final.run[index])
        return self.runs[place] if place >= 0 else None

    def shown(self, index: int) -> dict[int, float]:
        """z by step, ascending, of that run; empty where it has shown nothing."""
        rows = np.flatnonzero(self.seen.run == self.final.run[index])
        return dict(zip(self.seen.step[rows].tolist(), self.seen.z[rows].tolist(), strict=True))

    def told_by(self, index: NDArray[np.int64], step: NDArray[np.int64], horizon: int) -> tuple[Array, Array]:
        """What looking at the candidates `index`, shape (k,), at these steps would tell: the covariance of y, given
        what was seen, between each candidate's end and each look, shape (m, k), and among looks, shape (k, k)."""
        there = _places(self.final.x[index], step, self.final.run[index], horizon)
        seen_there = covariance(there, self.places, self.frame, self.beliefs)
        ends = covariance(self.final, there, self.frame, self.beliefs)
        looks = covariance(there, there, self.frame, self.beliefs)
        return (
            self.process.between(self.cross, seen_there, ends),
            self.process.between(seen_there, seen_there, looks),
        )


def forecast(
    runs: Sequence[Seen],
    rates: Sequence[float],
    horizon: int,
    seed: int = 0,
    beliefs: Beliefs = DEFAULT_BELIEFS,
) -> Forecast:
    """Fit the model to what `runs` have shown, and look at the end of each rate."""
    runs = tuple(runs)
    seen = observe(runs, horizon)
    edge = divergence_boundary(runs, seen)
    lr = np.array([run.key.lr for run in runs])
    dead = np.array([run.dead for run in runs])
    kept = lr <= edge.end  # the first rate beyond is kept, so that it can be revived
    rows = kept[seen.run] & ~dead[seen.run]
    # What a lost run would end like, had it gone on: no better than at the start, if the verdict is right.
    fallen = np.flatnonzero(kept & ((lr == edge.end) & edge.lost | dead))
    spread = np.where(dead[fallen], *LOST_END_SPREADS)
    owner = np.concatenate([seen.run[rows], fallen]).astype(np.int64)
    none = np.zeros(fallen.size)
    at = np.concatenate([seen.step[rows], np.full(fallen.size, horizon)])
    places = _places(np.log10(lr[owner]), at, owner, horizon)
    y = np.concatenate([seen.y[rows], none])
    common = np.concatenate([seen.shared[rows], none])
    step = np.concatenate([seen.step[rows], -1 - np.arange(fallen.size)])
    noise = np.outer(common, common) * (step[:, None] == step[None, :])
    noise += np.diag(np.concatenate([seen.spread[rows], spread]) ** 2)

    gone = set(lr[dead])
    candidates = tuple(r for r in rates if r not in gone and r <= edge.end) or tuple(rates)
    own = {run.key.lr: i for i, run in enumerate(runs) if run.key.seed == seed}
    index = np.array([own.get(r, -1 - i) for i, r in enumerate(candidates)], np.int64)
    final = _places(np.log10(np.array(candidates)), np.full(len(candidates), horizon), index, horizon)

    moved = places.u[y < MOVED_LOG_SHARE]
    onset = moved.min() if moved.size else places.u.max(initial=-math.inf)
    frame = Frame(
        math.log10(edge.end) if math.isfinite(edge.end) else math.log10(rates[-1]) + 0.5,
        float(onset) if math.isfinite(onset) else math.log10(rates[0]),
    )
    process = fit(covariance(places, places, frame, beliefs) + noise, y - mean(places, frame, beliefs))
    cross = covariance(final, places, frame, beliefs)
    middle, spread = process.posterior(cross, covariance(final, final, frame, beliefs))
    normals = np.random.default_rng(0).standard_normal((JOINT_DRAWS, len(candidates)))
    ends = samples(middle + mean(final, frame, beliefs), FORECAST_SPREAD_FACTOR**2 * spread, normals)
    best = np.bincount(ends.argmin(axis=1), minlength=len(candidates)) / JOINT_DRAWS
    return Forecast(
        runs, seen, edge, candidates, ends, harden(ends).mean(axis=0), best, process, places, final, cross,
        frame, beliefs, seed, tuple(rates),
    )  # fmt: skip


def _places(x: Array, step: NDArray[np.int64], run: NDArray[np.int64], horizon: int) -> Places:
    """Places at these rates, steps and runs."""
    return Places(x, np.log10(step / horizon), run)
