"""From a scan to its answer: the rate with its interval, the band, the cliff, the reason and the caveats.

There is one way to an answer. What differs is how the ends of the rates are known, from the curves alone
(`by_curves`) or from a model of them (`model.answer`): that is the evidence.
"""

from __future__ import annotations

import math
from typing import Protocol

from lrscope.config import RunKey
from lrscope.curves import RunState, Scan
from lrscope.search.rate.caveats import rate_caveats
from lrscope.search.rate.cliff import stated_cliff
from lrscope.search.rate.enough import no_late_rival, overtaken, provisional, too_little
from lrscope.search.rate.leader import Leader, find_leader
from lrscope.search.rate.nothing import ignored_rate, why_nothing
from lrscope.search.rate.ranking import judge
from lrscope.search.rate.recommendation import Band, Recommendation
from lrscope.search.rate.scatter import no_more_than_chance
from lrscope.statistics.estimate import Estimate


class Evidence(Protocol):
    """How the ends of the rates are known."""

    def lead(self, scan: Scan) -> RunKey | None:
        """The run to recommend; None where the curves decide."""

    def interval(self, scan: Scan, found: Leader) -> Estimate:
        """The rate of the leader, and the range in which the best one lies."""

    def band(self, scan: Scan, found: Leader) -> Band | None:
        """Rates that do about as well."""

    def chance(self, scan: Scan, found: Leader) -> float | None:
        """The chance that the leader ends within the tolerance of the best; None where it cannot be told."""

    def reason(self, scan: Scan, found: Leader) -> str:
        """Why this rate, in a sentence or two."""

    def caveats(self, scan: Scan, found: Leader) -> list[str]:
        """What this kind of evidence knows of its own weakness."""


def recommend(scan: Scan, rule: str, evidence: Evidence) -> Recommendation:
    """What `scan` says so far.

    Parameters
    ----------
    scan : Scan
    rule : str
        How the budget was spent, for people ("successive halving").
    evidence : Evidence
    """
    by = judge(scan)
    cliff = _cliff(scan)
    read = "best so far" if scan.plan.objective == "best" else "level at the end"
    rule = f"{rule}, by the {read} of {by.metric}" if by.metric else rule
    same = ignored_rate(scan.runs, scan.plan.horizon)
    found = None if same else find_leader(scan, lead=evidence.lead(scan))
    if found is None:
        reason = same or why_nothing(scan) or _no_leader(scan, by.metric)
        return Recommendation(None, None, cliff, reason, rule, by.metric, by.goal)
    chance = evidence.chance(scan, found)
    little = too_little(scan, found, chance) or no_more_than_chance(scan, found)
    if little is not None:
        return Recommendation(None, None, cliff, little, rule, by.metric, by.goal)
    answer = Recommendation(
        lr=evidence.interval(scan, found),
        band=evidence.band(scan, found),
        cliff=cliff,
        reason=evidence.reason(scan, found),
        rule=rule,
        metric=by.metric,
        goal=by.goal,
        warnings=(*evidence.caveats(scan, found), *rate_caveats(scan, found, cliff)),
        chance=chance,
    )
    missing = no_late_rival(scan) or overtaken(scan, found)
    return answer if missing is None else provisional(answer, missing)


def _cliff(scan: Scan) -> Estimate | None:
    diverged = any(run.state is RunState.DIVERGED for run in scan.runs)
    # A single value shows no start that a run could have left.
    return stated_cliff(scan) if diverged or scan.plan.horizon != 1 else None


def _no_leader(scan: Scan, metric: str | None) -> str:
    """Why no run leads although something was reported, and what to do."""
    runs = scan.runs
    if all(run.state is RunState.DIVERGED for run in runs):
        lowest = min((run.lr for run in runs), default=math.nan)
        return (
            f"All {len(runs)} runs diverged, down to a learning rate of {lowest:g}; "
            f"try smaller rates (--low), or look for a fault in the training itself."
        )
    return f"No run has a finite {metric}; look at what the runs print in their logs."
