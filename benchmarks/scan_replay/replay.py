"""A planner driven as in a real scan, on curves that are cut where each run stands."""

from __future__ import annotations

from published import PublishedScan

from lrscope.config import RunKey
from lrscope.curves import Plan, Run, Scan
from lrscope.search.planners.base import Planner
from lrscope.search.rate.recommendation import Recommendation


def drive(planner: Planner, published: PublishedScan, budget: float) -> tuple[Recommendation, float, Scan]:
    """What the planner names for `budget` full runs, what it spent (in full runs), and the scan it saw."""
    plan = Plan(
        rates=published.rates,
        horizon=published.horizon,
        budget=budget,
        metric="epoch_loss",
        goal="min",
        objective="best" if published.objective == "best" else "last",
    )
    runs: dict[RunKey, Run] = {}
    scan = Scan(plan, ())
    while asks := planner.ask(scan):
        for ask in asks:
            before = runs.get(ask.key)
            step = published.horizon if ask.to_step is None else ask.to_step
            if before is not None and (before.state.final or before.step >= step):
                raise AssertionError(f"asked for {ask}, but the run is {before.state} at {before.step}")
            runs[ask.key] = published.runs[ask.key.lr].at(step, published.horizon)
        scan = Scan(plan, tuple(runs[key] for key in sorted(runs)))
    spent = sum(run.step for run in scan.runs) / published.horizon
    return planner.name(scan), spent, scan
