"""The ends of rates as the curves show them: who leads, who cannot be told apart from it, and what may still come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from lrscope.config import RunKey
from lrscope.curves import Plan, RunState, Scan
from lrscope.search.rate.cliff import estimate_cliff, start_value
from lrscope.search.rate.leader import Leader
from lrscope.search.rate.ranking import bad, points
from lrscope.search.rate.recommendation import Band
from lrscope.statistics.estimate import Estimate


class ByCurves:
    """Evidence from the curves alone.

    The rate is one that was run itself, and as far as any: the best at the furthest step at which at least two runs can
    be compared. The interval holds every rate that cannot be told apart from it, allowing for the scatter of the curves
    and for what may still have come between the step at which a run was stopped and the horizon
    (`search.rate.extrapolate`). It is widened on both sides, because the rates tried are all that was
    looked at: half the way to the next rate that was tried, and where there is none, to the end of the range of the
    scan; `method` says where it is open.
    """

    def lead(self, scan: Scan) -> RunKey | None:
        del scan
        return None

    def interval(self, scan: Scan, found: Leader) -> Estimate:
        plan, cliff = scan.plan, estimate_cliff(scan)
        value = found.run.lr
        # Past the cliff nothing trains.
        end = cliff.high if cliff is not None and cliff.high > value else math.inf
        together = [value, *(g.lr for g in found.deficits if g.lr < end and not g.told_apart(plan.level))]
        low, high = min(together), max(together)
        tried = tried_rates(scan)
        below, above = half_step(tried, low, -1), half_step(tried, high, +1)
        method = (
            "rates not told apart from the best by their curves and what may still come, and half the way to the "
            "next that was tried"
        )
        sides = [side for side, end in (("below", below), ("above", above)) if end is None]
        open_end = f"; open {' and '.join(sides)}, where no further rate was tried" if sides else ""
        return Estimate(
            value=value,
            low=plan.rates[0] if below is None else below,
            high=plan.rates[-1] if above is None else above,
            level=plan.level,
            method=method + open_end,
        )

    def band(self, scan: Scan, found: Leader) -> Band | None:
        """Where the estimated end is within the tolerance of the best. A run that was stopped is taken to end
        as far behind the leader as it was when both were last at one step."""
        start = found.by.sign * start_value(scan, found.by.metric)
        gained = start - found.final
        if not gained > 0:
            return None
        allowed = scan.plan.tolerance * gained
        behind = {gap.lr: max(gap.value, 0.0) for gap in found.deficits}
        behind[found.run.lr] = 0.0
        for run in scan.runs:
            if bad(run) and run.state is RunState.DIVERGED:
                behind.setdefault(run.lr, math.inf)
        rates = sorted(behind)
        middle = rates.index(found.run.lr)
        low, open_low = _crossing(rates[middle::-1], behind, allowed)
        high, open_high = _crossing(rates[middle:], behind, allowed)
        return Band(low, high, scan.plan.tolerance, open_low, open_high)

    def chance(self, scan: Scan, found: Leader) -> float | None:
        del scan, found
        return None

    def reason(self, scan: Scan, found: Leader) -> str:
        plan = scan.plan
        value = found.by.sign * found.final
        tried = len({run.lr for run in scan.runs})
        first = "lowest" if found.by.goal == "min" else "highest"
        at = _where(plan, found)
        text = f"Of {tried} rates tried, {found.run.lr:g} has the {first} {found.by.metric}: {value:.4g}{at}."
        close = sum(1 for gap in found.deficits if not gap.told_apart(plan.level))
        if close:
            text += f" {close} other{'s' if close > 1 else ''} cannot be told apart from it."
        elif len(found.deficits):
            nearest = min(found.deficits, key=lambda gap: gap.value)
            text += f" The next best is {nearest.lr:g}, by {nearest.value:.2g} worse."
        return text

    def caveats(self, scan: Scan, found: Leader) -> list[str]:
        del scan, found
        return []


def tried_rates(scan: Scan) -> list[float]:
    """Rates of which something is known, ascending: those that trained, and those that diverged."""
    return sorted(
        {run.lr for run in scan.runs if run.state is not RunState.FAILED and (run.step > 0 or bad(run))}
    )


def half_step(tried: Sequence[float], lr: float, side: int) -> float | None:
    """The middle, on a log scale, between `lr` and the next rate that was tried on that side, -1 below or +1 above;
    that rate itself where `lr` was not tried. None where no rate was tried there."""
    beyond = [other for other in tried if side * (other - lr) > 0]
    if not beyond:
        return None
    nearest = min(beyond, key=lambda other: abs(other - lr))
    return math.sqrt(lr * nearest) if lr in tried else nearest


def _crossing(rates: Sequence[float], behind: dict[float, float], allowed: float) -> tuple[float, bool]:
    """Where, outwards from the leader, the estimated loss crosses the limit: a straight line in log lr."""
    for inner, outer in pairwise(rates):
        if behind[outer] > allowed:
            if not math.isfinite(behind[outer]):
                return inner, False
            share = (allowed - behind[inner]) / (behind[outer] - behind[inner])
            return inner * (outer / inner) ** share, False
    return rates[-1], True


def _where(plan: Plan, found: Leader) -> str:
    """Where the leader stood, in words; nothing where that is the horizon, to within one report."""
    horizon, leader = plan.horizon, found.run
    steps, _ = points(leader, found.by.metric or "", leader.step)
    every = int(steps[-1] - steps[-2]) if steps.size > 1 else 0
    if horizon is None or leader.step >= horizon - every or leader.state is RunState.COMPLETE:
        return ""
    return f" at step {leader.step} of {horizon}"
