"""Every rate to the horizon: what a scan is measured against, and what to use when there is time for it."""

from __future__ import annotations

from lrscope.curves import RunKey, Scan
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.rate.budget import total_steps
from lrscope.search.rate.by_curves import ByCurves
from lrscope.search.rate.grid import coarse_to_fine
from lrscope.search.rate.ranking import rank
from lrscope.search.rate.recommend import recommend
from lrscope.search.rate.recommendation import Recommendation


class FullGridPlanner(Planner):
    """Takes one rate after another to the horizon, coarse to fine, as far as the budget goes.

    Coarse to fine, so that a scan that is interrupted, or whose budget ends, has looked at the whole range.
    Diverged runs cost only what they took, and so make room for more. The first seed comes first.
    """

    rule = "full grid"
    identity = "grid"

    def ask(self, scan: Scan) -> list[Advance]:
        plan = scan.plan
        if plan.horizon is None or not plan.rates or not plan.seeds:
            return []
        runs = {run.key: run for run in scan.runs}
        left = total_steps(plan)
        order = coarse_to_fine(plan.rates)
        keys = [plan.key(lr, seed) for seed in plan.seeds for lr in order]
        if plan.scout is not None:
            keys = [plan.scout, *(key for key in keys if key != plan.scout)]
        asks = []
        for key in keys:
            run = runs.get(key)
            if run is not None and (run.state.final or run.step >= plan.horizon):
                left -= run.step
                continue
            left -= plan.horizon
            if left < 0:
                break
            asks.append(Advance(key, plan.horizon, "The next rate of the grid, trained to its end."))
        return asks

    def name(self, scan: Scan) -> Recommendation:
        return recommend(scan, self.rule, ByCurves())

    def promise(self, scan: Scan) -> dict[RunKey, float]:
        """The further a run has come, the less is left to pay for it."""
        unfinished = [run for run in scan.runs if not run.state.final]
        if not unfinished:
            return {}
        order = rank(unfinished, min(run.step for run in unfinished), scan.plan).keys
        horizon = scan.plan.horizon or max(1, *(run.step for run in unfinished), 1)
        return {run.key: run.step / horizon - order.index(run.key) * 1e-6 for run in unfinished}


PLANNER = FullGridPlanner
