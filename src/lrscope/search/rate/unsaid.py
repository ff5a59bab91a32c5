"""Which way the judged metric is better where no name and no user says: learned from the runs once, then kept.

A direction that is asked of the data anew at every decision could turn in the middle of a search. So the session asks
here before each batch until there is an answer, writes that down, and plans with it from then on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lrscope.curves import Plan, Scan
from lrscope.curves.direction import assumption, observed_direction
from lrscope.search.rate.ranking import bad, judge
from lrscope.vocabulary import direction


def learn_direction(scan: Scan) -> Plan:
    """The plan of `scan`, with the direction of its metric added as soon as the runs show it."""
    metric = judge(scan).metric
    if metric is None or _said(scan.plan, metric) or any(d.metric == metric for d in scan.plan.directions):
        return scan.plan
    runs = [{name: run.metric(name) for name in run.curves} for run in scan.runs if run.step and not bad(run)]
    found = observed_direction(metric, runs)
    return scan.plan if found is None else replace(scan.plan, directions=(*scan.plan.directions, found))


def assumed(plan: Plan, *metrics: str | None) -> Iterator[str]:
    """A sentence for each metric whose direction nobody said."""
    for metric in dict.fromkeys(metrics):
        if metric is not None and not _said(plan, metric):
            found = next((d for d in plan.directions if d.metric == metric), None)
            yield assumption(metric, plan.goal_of(metric), found)


def _said(plan: Plan, metric: str) -> bool:
    """Whether the metric's name or the user says which way it is better."""
    return direction(metric) is not None or (plan.goal is not None and plan.metric in (None, metric))
