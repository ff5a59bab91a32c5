"""Every rate to the horizon: what a scan is measured against, and what to use when there is time for it."""

from __future__ import annotations

from lrscope.curves import RunKey, Scan
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.planners.budget import total_steps
from lrscope.search.rate.ranking import rank
from lrscope.search.rate.recommend import recommend
from lrscope.search.rate.recommendation import Recommendation


class FullGridPlanner(Planner):
    """Takes one rate after another to the horizon, coarse to fine, as far as the budget goes.

    Coarse to fine, so that a scan that is interrupted, or whose budget ends, has looked at the whole range.
    Diverged runs cost only what they took, and so make room for more. The first seed comes first.
    """

    rule = "full grid"

    def ask(self, scan: Scan) -> list[Advance]:
        plan = scan.plan
        if plan.horizon is None or not plan.rates or not plan.seeds:
            return []
        runs = {run.key: run for run in scan.runs}
        left = total_steps(plan)
        order = [plan.rates[i] for i in coarse_to_fine(len(plan.rates))]
        keys = [(lr, seed) for seed in plan.seeds for lr in order]
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
            asks.append(Advance(key, plan.horizon, "the next rate of the grid, to the horizon"))
        return asks

    def name(self, scan: Scan) -> Recommendation:
        return recommend(scan, self.rule)

    def promise(self, scan: Scan) -> dict[RunKey, float]:
        """The further a run has come, the less is left to pay for it."""
        unfinished = [run for run in scan.runs if not run.state.final]
        if not unfinished:
            return {}
        order = rank(unfinished, min(run.step for run in unfinished), scan.plan).keys
        horizon = scan.plan.horizon or max(1, *(run.step for run in unfinished), 1)
        return {run.key: run.step / horizon - order.index(run.key) * 1e-6 for run in unfinished}


def coarse_to_fine(size: int) -> list[int]:
    """The indices 0 … `size` - 1: the middle, the quarters, the eighths …; any beginning is spread out."""
    order: list[int] = []
    parts = 2
    while len(order) < size:
        for odd in range(1, parts, 2):
            index = odd * size // parts
            if index not in order:
                order.append(index)
        parts *= 2
        if parts > 4 * size:
            order += [index for index in range(size) if index not in order]
    return order
