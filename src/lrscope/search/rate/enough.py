"""Whether a scan has seen enough for a rate to be named, and for how much the name may stand.

A wrong rate that is told with confidence costs more than none: it is trained with.
"""

from __future__ import annotations

from dataclasses import replace

from lrscope.curves import RunState, Scan
from lrscope.search.rate.budget import rates_needed
from lrscope.search.rate.cliff import start_value
from lrscope.search.rate.leader import Leader
from lrscope.search.rate.ranking import bad, reading
from lrscope.search.rate.recommendation import Recommendation

LEAST_CHANCE = 0.3
"""A rate whose stated chance to be about as good as the best is below this is not named."""

FEWEST_LATE_RUNS = 2
"""Runs that have to come far: one alone shows no order there."""

AHEAD_GAIN_SHARE = 0.01
"""Share of the improvement by which another run has to stand lower to put the rate named in doubt."""

LATE_RUN_SHARE = 0.5
"""Share of a full run that is far: where the rate falls, the order is made in the last half."""


def too_little(scan: Scan, found: Leader, chance: float | None) -> str | None:
    """Why no rate is named although one leads, and what would do; None where there is enough."""
    compared = {found.run.lr, *(gap.lr for gap in found.deficits)}
    compared |= {run.lr for run in scan.runs if run.state is RunState.DIVERGED}
    more = f"--budget {max(1.0, 2 * scan.plan.budget):g}"
    fewest = rates_needed(scan.plan)
    if len(compared) < fewest:
        rates = f"{len(compared)} learning rate{'s' if len(compared) > 1 else ''}"
        failed = any(run.state is RunState.FAILED for run in scan.runs)
        do = "mend what makes runs fail" if failed else f"{more} would compare more"
        return (
            f"Only {rates} could be compared, and with fewer than {fewest} none is named: {do}. "
            f"{found.run.lr:g} is the best of those seen."
        )
    if chance is not None and chance < LEAST_CHANCE:
        return (
            f"{found.run.lr:g} leads, but its chance to end within {100 * scan.plan.tolerance:g} % of the best is only "
            f"{100 * chance:.0f} %, and below {100 * LEAST_CHANCE:.0f} % none is named: {more} would tell more."
        )
    return None


def no_late_rival(scan: Scan) -> str | None:
    """What a rate lacks that is named although fewer than two runs came far; None where it lacks nothing."""
    plan = scan.plan
    if not plan.pausable or plan.horizon is None or plan.horizon == 1:
        return None
    least = LATE_RUN_SHARE * plan.horizon
    late = sum(
        1 for run in scan.runs if not bad(run) and (run.state is RunState.COMPLETE or run.step >= least)
    )
    if late >= FEWEST_LATE_RUNS:
        return None
    came = "Only one run has" if late else "No run has"
    return (
        f"{came} come to half of a full run, so the order at the end is not known; "
        f"--budget {max(4.0, 2 * plan.budget):g} would show it."
    )


def overtaken(scan: Scan, found: Leader) -> str | None:
    """That another run stood lower, long before, than the rate named stands now; None where none did.

    It has to have been ahead at equal steps too: where a loss rises late in training, all stood lower once.
    """
    by, leader = found.by, found.run
    gained = by.sign * start_value(scan, by.metric) - found.final
    ahead = []
    for run in scan.runs:
        if (
            bad(run)
            or run.seed != leader.seed
            or not 0 < run.step < leader.step
            or run.state is RunState.COMPLETE
        ):
            continue
        stands = reading(run, by, run.step)
        if stands < found.final - AHEAD_GAIN_SHARE * gained and stands < reading(leader, by, run.step):
            ahead.append((stands, run))
    if not ahead:
        return None
    stands, best = min(ahead, key=lambda one: one[0])
    return (
        f"{best.lr:g} stood at a {by.metric} of {by.sign * stands:.4g} at step {best.step} already, better than "
        f"{leader.lr:g} at step {leader.step} ({by.sign * found.final:.4g}), but was not taken further; "
        f"--budget {2 * scan.plan.budget:g} would show where it ends."
    )


def provisional(answer: Recommendation, why: str) -> Recommendation:
    """The answer as one that may still change: without a band, and with what is missing."""
    if answer.lr is None:
        return answer
    return replace(answer, band=None, provisional=True, warnings=(why, *answer.warnings))
