"""Which rate gets the next seed: the leader and the one rate that may still beat it, until that would change nothing.

Top-two allocation (Russo, "Simple Bayesian Algorithms for Best-Arm Identification", COLT 2016), without its coin: the
leader and its strongest challenger are run with the same seeds, since their difference is what decides. The
challenger is the rate whose lead over the leader is worth most in expectation; where that falls below a tenth of the
tolerance, no further seed can change the answer by anything that matters, and what is left is not spent.
"""

from __future__ import annotations

from collections.abc import Sequence

from lrscope.curves import Plan, Scan
from lrscope.search.planners.base import Advance
from lrscope.search.rate.budget import total_steps
from lrscope.search.rate.ranking import judge
from lrscope.search.rate.replicates import USUAL_SEED_SPREAD, Replicates, same_again

RATES_IN_QUESTION = 4
"""Leading rates that are looked at: the best, one on each side, and one more for a leader that falls."""

LEAST_TOLERANCE_SHARE = 0.1
"""Share of the tolerance that the expected gain of a change must exceed for another seed to be worth its cost."""


def unspent(scan: Scan) -> int:
    """Steps of the budget that no run has done."""
    return total_steps(scan.plan) - sum(run.step for run in scan.runs)


def reserve(plan: Plan) -> int:
    """Steps to keep back for further seeds: two full runs for each, but never more than half of the budget."""
    if plan.horizon is None or len(plan.seeds) < 2:
        return 0
    return min(2 * (len(plan.seeds) - 1) * plan.horizon, total_steps(plan) // 2)


def confirm(scan: Scan, leading: Sequence[float], left: int) -> list[Advance]:
    """The runs to advance next so that the answer rests on several seeds; empty where that is done.

    Pure, as `Planner.ask` is. Call it when the first seed has said what it can, again and again.

    Parameters
    ----------
    scan : Scan
    leading : sequence of float
        Rates in question, the best first, as the first seed has them: they should stay the same from call to call.
    left : int
        Steps that may still be spent (`unspent`).

    Returns
    -------
    list of Advance
        The leader and its challenger with one and the same seed, as far as either is missing; only the leader where the
        budget has room for one.
    """
    plan, rates = scan.plan, list(leading)[:RATES_IN_QUESTION]
    if len(plan.seeds) < 2 or not rates:
        return []
    first = scan.run(plan.key(rates[0], plan.seeds[0]))
    by = judge(scan)
    if first is None or by.metric is None or first.step < 1:
        return []
    target = first.step
    known = Replicates(scan, by, target)
    lead = known.best(rates)
    if same_again(scan, lead):
        return []
    matters = LEAST_TOLERANCE_SHARE * plan.tolerance
    for challenger, worth in sorted(_worth(known, lead, rates).items(), key=lambda one: -one[1]):
        if worth <= matters and len(known.seeds(rates[0])) > 1 and len(known.seeds(lead)) > 1:
            return []
        for seed in plan.seeds[1:]:
            pair = [lr for lr in (lead, challenger) if plan.key(lr, seed) not in known.shares]
            asks = [(lr, target - _step(scan, lr, seed)) for lr in pair if not _over(scan, lr, seed)]
            if len(asks) == 2 and sum(price for _, price in asks) > left:
                asks = asks[:1]
            if asks and sum(price for _, price in asks) <= left:
                reason = (
                    f"Best so far {lead:g}; testing it and {challenger:g} on seed {seed}, since {challenger:g} may "
                    f"still be better, by {100 * worth:.1f} % of the improvement."
                )
                return [Advance(plan.key(lr, seed), target, reason) for lr, _ in asks]
    return []


def _worth(known: Replicates, lead: float, rates: Sequence[float]) -> dict[float, float]:
    """What naming each other rate instead would be worth, in expectation, for all that is known."""
    worth = {}
    for lr in rates:
        if lr != lead:
            found = known.difference(lead, lr)
            # Not there yet on any seed that the leader has: as open as two rates that have not been told apart.
            worth[lr] = USUAL_SEED_SPREAD if found is None else found.regret
    return worth or {lead: 0.0}


def _step(scan: Scan, lr: float, seed: int) -> int:
    run = scan.run(scan.plan.key(lr, seed))
    return 0 if run is None else run.step


def _over(scan: Scan, lr: float, seed: int) -> bool:
    run = scan.run(scan.plan.key(lr, seed))
    return run is not None and run.state.final
