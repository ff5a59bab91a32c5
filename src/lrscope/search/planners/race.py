"""Every rate goes on until it can no longer win: a full grid without the runs that are hopeless, at a stated risk.

Slower than halving, which leaves half of the runs at each rung whether they are hopeless or not; for those who want to
be told with what probability the best rate was lost on the way.
"""

from __future__ import annotations

from lrscope.curves import RunKey, Scan
from lrscope.errors import UsageError
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.planners.confirm import confirm, reserve, unspent
from lrscope.search.rate.ranking import gone, rank
from lrscope.search.rate.recommend import recommend
from lrscope.search.rate.recommendation import Recommendation
from lrscope.search.rate.stopping import LIMITS, looks, out_of_race


class RacePlanner(Planner):
    """Takes all rates from look to look, 1/256 of a run, 1/128 … to its end, and leaves those that are too far behind.

    Parameters
    ----------
    risk : float, default 0.1
        Chance of leaving, at any look, the rate that would have won; `search.rate.stopping` says what it rests on.

    Raises
    ------
    UsageError
        If no limit is known for the risk.

    Notes
    -----
    The budget may end before the race does; then the best of those that came furthest is named. Where runs cannot be
    advanced in parts, nothing is left early, and this is a full grid from low to high.
    """

    rule = "race"

    def __init__(self, risk: float = 0.1) -> None:
        if risk not in LIMITS:
            known = " or ".join(f"{one:g}" for one in LIMITS)
            raise UsageError(f"The risk of a race must be {known}, for which limits are known, not {risk!r}.")
        self.risk = risk

    def ask(self, scan: Scan) -> list[Advance]:
        plan = scan.plan
        if plan.horizon is None or not plan.rates or not plan.seeds:
            return []
        racing: list[RunKey] = [(lr, plan.seeds[0]) for lr in plan.rates]
        left = unspent(scan) - reserve(plan)
        reason = f"all {len(racing)} rates set out"
        stops = looks(plan.horizon) if plan.pausable else []
        for step in (*stops, plan.horizon):
            asks = []
            for key in racing:
                run = scan.run(key)
                done = 0 if run is None else run.step
                if done >= step or (run is not None and run.state.final):
                    continue
                if step - done <= left:
                    left -= step - done
                    asks.append(Advance(key, step, f"{reason}, to step {step}"))
            if asks:
                return asks
            if any(
                (run := scan.run(key)) is None or not (run.state.final or run.step >= step) for key in racing
            ):
                break  # the budget ended in the middle of this stretch
            out = out_of_race(scan, racing, step, self.risk) if step < plan.horizon else []
            runs = {key: run for key in racing if (run := scan.run(key)) is not None}
            order = rank(list(runs.values()), step, plan).keys
            racing = [key for key in order if key not in out and not gone(runs[key], step)]
            reason = (
                f"{len(racing)} rates go on, {len(out)} can no longer win (risk {self.risk:g} over all looks)"
            )
        return confirm(scan, [lr for lr, _ in racing], unspent(scan))

    def name(self, scan: Scan) -> Recommendation:
        return recommend(scan, f"{self.rule} at a risk of {self.risk:g}")

    def promise(self, scan: Scan) -> dict[RunKey, float]:
        """Those that came further are worth more."""
        return {run.key: float(run.step) for run in scan.runs if not run.state.final}
