"""From the model of a scan to its answer: the rate, its interval, the band, the reason and the caveats."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lrscope.config import RunKey
from lrscope.curves import RunState, Scan
from lrscope.search.rate.by_curves import half_step, tried_rates
from lrscope.search.rate.leader import Leader
from lrscope.search.rate.model.forecast import Forecast
from lrscope.search.rate.model.observations import harden
from lrscope.search.rate.model.safeguards import far_enough, leading, steps_of, views_disagree
from lrscope.search.rate.ranking import judge
from lrscope.search.rate.recommendation import Band
from lrscope.search.rate.replicates import Replicates
from lrscope.statistics.estimate import Estimate

Array = NDArray[np.float64]

INTERVAL_SPREAD_FACTOR = 1.3
"""Factor on the spread of the draws that the interval is read off, beyond the model's own: the best rate is less sure
than the model is. Chosen for coverage on the scans of `benchmarks/scan_corpus`."""


class ByModel:
    """Evidence from a model of the scan: the rate with the lowest expected end among those that were run."""

    def __init__(self, forecast: Forecast) -> None:
        self.forecast = forecast

    def lead(self, scan: Scan) -> RunKey | None:
        f = self.forecast
        order = leading(f, scan.plan.horizon or 1)
        if not order:
            return None
        lead = order[0]
        first = scan.run(scan.plan.key(lead, f.seed))
        if len(scan.plan.seeds) > 1 and first is not None:  # another rate may be better over all seeds
            lead = Replicates(scan, judge(scan), first.step).best(order)
        return scan.plan.key(lead, f.seed)

    def interval(self, scan: Scan, found: Leader) -> Estimate:
        return interval(self.forecast, found.run.lr, scan.plan.level, tried_rates(scan))

    def band(self, scan: Scan, found: Leader) -> Band | None:
        return band(self.forecast, found.run.lr, scan.plan.tolerance)

    def chance(self, scan: Scan, found: Leader) -> float | None:
        f = self.forecast
        return float(chances(f, scan.plan.tolerance)[f.rates.index(found.run.lr)])

    def reason(self, scan: Scan, found: Leader) -> str:
        return _reason(scan, found, self.chance(scan, found) or 0.0)

    def caveats(self, scan: Scan, found: Leader) -> list[str]:
        return _own_caveats(scan, self.forecast, found)


def interval(f: Forecast, named: float, level: float, tried: Sequence[float]) -> Estimate:
    """The shortest stretch of rates that holds the lowest end in `level` of the draws from the model.

    Widened on both sides half the way to the next rate that was tried, because these are all that was looked at, and to
    the named rate where that lies outside.
    """
    middle = f.ends.mean(axis=0)
    lowest = (middle + INTERVAL_SPREAD_FACTOR * (f.ends - middle)).argmin(axis=1)
    low, high = shortest(np.bincount(lowest, minlength=len(f.rates)) / len(lowest), level)
    x = np.log10(np.array(f.rates))
    low = min(low, int(np.searchsorted(x, math.log10(named) - 1e-9)))
    high = max(high, int(np.searchsorted(x, math.log10(named) - 1e-9)))
    below, above = half_step(tried, f.rates[low], -1), half_step(tried, f.rates[high], +1)
    method = (
        "the shortest range that holds the best rate in that share of draws from the model, and half the way to the "
        "next rate that was tried"
    )
    ends = [side for side, end in (("below", below), ("above", above)) if end is None]
    if ends:
        method += f"; open {' and '.join(ends)}, where no further rate was tried"
    least = f.grid[0] if below is None else below
    most = f.grid[-1] if above is None else above
    return Estimate(named, min(least, named), max(most, named), level, method)


def shortest(chance: Array, level: float) -> tuple[int, int]:
    """First and last index of the shortest stretch with at least `level` of the chance; of equals the likelier."""
    total = np.concatenate([[0.0], np.cumsum(chance)])
    stretches = [
        (high - low, -(total[high + 1] - total[low]), low, high)
        for low in range(chance.size)
        for high in range(low, chance.size)
        if total[high + 1] - total[low] >= level * total[-1] - 1e-12
    ]
    _, _, low, high = min(stretches)
    return low, high


def band(f: Forecast, named: float, tolerance: float) -> Band | None:
    """The rates about the named one that end, more likely than not, within the tolerance of the best."""
    if named not in f.rates:
        return None
    within = chances(f, tolerance) >= 0.5
    at = f.rates.index(named)
    low = high = at
    while low > 0 and within[low - 1]:
        low -= 1
    while high + 1 < len(f.rates) and within[high + 1]:
        high += 1
    return Band(
        f.rates[low], f.rates[high], tolerance, f.rates[low] == f.grid[0], f.rates[high] == f.grid[-1]
    )


def chances(f: Forecast, tolerance: float) -> Array:
    """The chance of each candidate to end within the tolerance of the best, as a share of the improvement."""
    z = harden(f.ends)
    best = z.min(axis=1, keepdims=True)
    chance: Array = (z <= best + tolerance * (1 - best)).mean(axis=0)
    return chance


def _reason(scan: Scan, found: Leader, chance: float) -> str:
    plan = scan.plan
    lr = found.run.lr
    share = 100 * min(
        1.0, max(run.step for run in scan.runs if run.lr == lr) / (plan.horizon or 1)
    )  # any seed
    whole = found.run.state is RunState.COMPLETE
    how = "trained to its end" if whole or share >= 99.5 else f"trained for {share:.2g} % of a full run"
    tried = len({run.lr for run in scan.runs})
    likely = "more than 99 %" if chance >= 0.995 else f"{100 * chance:.0f} %"
    return (
        f"Of {tried} rates tried, {lr:g} is expected to end {'lowest' if found.by.goal == 'min' else 'highest'} "
        f"in {found.by.metric}, and within {100 * plan.tolerance:g} % of the best of the grid with a chance of "
        f"{likely}; it was {how}."
    )


def _own_caveats(scan: Scan, f: Forecast, found: Leader) -> list[str]:
    """What the model knows of its own weakness."""
    said = []
    horizon = scan.plan.horizon or 1
    at = f.rates.index(found.run.lr)
    if not far_enough(f, at, horizon):
        share = 100 * steps_of(f, at) / horizon
        said.append(
            f"This is extrapolated from other rates; {found.run.lr:g} itself was trained for only {share:.1g} % of "
            f"a run. --budget {max(1.0, 2 * scan.plan.budget):g} trains it for longer."
        )
    if views_disagree(f, horizon):
        said.append(
            "The short runs can be compared at equal rate times steps or at equal steps, and the two lead to rates "
            "more than a factor of 10 apart; a larger --budget settles which is right."
        )
    if not f.boundary.believed:
        said.append(
            "Every rate tried seems to have diverged or to stand still, so no cliff can be drawn; try lower rates "
            "(--low)."
        )
    return said
