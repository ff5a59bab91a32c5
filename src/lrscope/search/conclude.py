"""From a ledger to an outcome: what the scan cost, every doubt the session has, and the planner's answer.

Pure, so that a scan read from disk says what it said when it was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lrscope.curves import Plan, Run, RunState, Scan
from lrscope.errors import InconclusiveError
from lrscope.search.outcome import Cost, Outcome
from lrscope.search.planners.base import Planner
from lrscope.search.rate.recommendation import Recommendation
from lrscope.training.store.base import Decision
from lrscope.vocabulary import choose_metric

OVERSHOOT = 0.25
"""Share of the budget that runs may spend past where they were paused before the user is told."""


def conclude(
    name: str, scan: Scan, planner: Planner, decisions: Sequence[Decision], *, finished: bool
) -> Outcome:
    """The outcome of a scan, finished or not.

    `recommendation.lr` is None, with the reason, where nothing can be concluded: no run reported the metric,
    every value is NaN, or all curves are alike although their rates differ.
    """
    nothing = why_nothing(scan)
    if nothing is None:
        answer = planner.name(scan)
    else:
        metric = scan.plan.metric or choose_metric(_names(scan.runs))
        answer = Recommendation(
            None, None, None, nothing, type(planner).__name__, metric, scan.plan.goal or "min", ()
        )
    if not any(run.state is RunState.DIVERGED for run in scan.runs) and scan.plan.horizon == 1:
        answer = replace(answer, cliff=None)  # a single value shows no start that a run could have left
    warnings = (*answer.warnings, *caveats(scan, decisions))
    plan = replace(scan.plan, metric=scan.plan.metric or answer.metric)
    return Outcome(
        name=name,
        scan=Scan(plan, scan.runs),
        recommendation=replace(answer, warnings=tuple(dict.fromkeys(warnings))),
        cost=cost(scan),
        decisions=tuple(decisions),
        finished=finished,
    )


def last_step(run: Run) -> int:
    """The last step that a run did, whether it was asked for or not."""
    return max([run.step, *(int(c.step[-1]) for c in run.curves.values() if len(c))])


def cost(scan: Scan) -> Cost:
    """What the scan cost, and what a full grid would have cost.

    There, a diverged or failed run counts as far as it got, and a rate that was not tried as a full run. A
    ramp has none to compare with: 0.
    """
    horizon = scan.plan.horizon
    rework = sum(run.rework for run in scan.runs)
    steps = sum(last_step(run) for run in scan.runs) + rework
    full = 0.0
    for lr in scan.plan.rates:
        shares = [_share(run, horizon) for run in scan.runs if run.lr == lr]
        full += len(scan.plan.seeds) * (sum(shares) / len(shares) if shares else 1.0)
    return Cost(
        full_runs=steps / horizon if horizon else 0.0,
        steps=steps,
        rework=rework,
        seconds=sum(run.seconds for run in scan.runs),
        runs=sum(1 for run in scan.runs if run.step or run.curves or run.state is not RunState.PAUSED),
        full_grid=0.0 if scan.plan.ramp else full,
        overshoot=sum(last_step(run) - run.step for run in scan.runs),
    )


def _share(run: Run, horizon: int | None) -> float:
    ended = run.state in (RunState.DIVERGED, RunState.FAILED, RunState.COMPLETE)
    return min(1.0, run.step / horizon) if ended and horizon else 1.0


def why_nothing(scan: Scan) -> str | None:
    """Why nothing can be concluded from these runs; None where the planner may try."""
    names = _names(scan.runs)
    wanted = scan.plan.metric
    if not scan.runs:
        return "No run was started."
    if all(run.state is RunState.FAILED for run in scan.runs):
        return f"All {len(scan.runs)} runs failed: {scan.runs[0].reason}"
    if not names:
        return "No run has reported anything yet."
    if wanted is not None and wanted not in names:
        return f"No run reported the metric {wanted!r}; seen were {', '.join(sorted(names))}."
    metric = wanted or choose_metric(names)
    if metric is None:
        seen = ", ".join(sorted(names))
        return f"None of what the runs reported is a loss or a score: {seen}. Name one as the metric."
    curves = [run.curves[metric] for run in scan.runs if metric in run.curves]
    if len({run.lr for run in scan.runs}) < 2 and len(scan.plan.rates) > 1 and not scan.plan.ramp:
        return (
            f"Only one learning rate has been tried so far, {scan.runs[0].lr:g}: there is nothing to compare."
        )
    if all(np.isnan(curve.loss).all() for curve in curves):
        return (
            f"{metric} was NaN from the first value on, at each of the {len(curves)} learning rates tried: "
            "look at the data and the loss first; no learning rate mends this."
        )
    return alike(scan.runs)


def alike(runs: Sequence[Run]) -> str | None:
    """A sentence if every curve is the same, bit for bit, although the learning rates differ.

    Three or more rates must have two or more steps in common, and everything that they report there must be
    equal, bookkeeping aside: an accuracy alone can stand still at chance.
    """
    curves = [run.curves for run in runs if any(len(c) >= 2 for c in run.curves.values())]
    if len(curves) < 3 or len({run.lr for run in runs}) < 3:
        return None
    names = [n for n in set.intersection(*(set(c) for c in curves)) if choose_metric({n}) is not None]
    compared = False
    for name in names:
        common = min(len(c[name]) for c in curves)
        first = curves[0][name]
        compared = compared or common >= 2
        for other in curves[1:]:
            same_steps = np.array_equal(first.step[:common], other[name].step[:common])
            if not same_steps or not np.array_equal(
                first.loss[:common], other[name].loss[:common], equal_nan=True
            ):
                return None
    if not compared:
        return None
    metric = next(n for n in sorted(names) if len(curves[0][n]) >= 2)
    values = {float(v) for c in curves for v in c[metric].loss}
    if len(names) == 1 and len(values) == 1:
        return (
            f"{metric} stayed at {values.pop():g} in all {len(curves)} runs, whatever the step and the learning rate: "
            "nothing seems to be trained, or another number is reported than the one that changes. Once that is "
            "mended, start over with --fresh."
        )
    return (
        f"All {len(curves)} runs gave the same values although their learning rates differ: the program "
        "seems to ignore its learning rate. Once that is mended, start over with --fresh."
    )


def caveats(scan: Scan, decisions: Sequence[Decision]) -> list[str]:
    """What the session itself has to warn of: not the answer, but how the runs behaved."""
    found = [d.reason for d in decisions if d.kind == "note" and d.detail.get("warning")]
    differing = [d for d in decisions if d.kind == "mismatch"]
    if differing:
        more = f" (and {len(differing) - 1} more runs)" if len(differing) > 1 else ""
        found.append(
            differing[0].reason.rstrip(".") + more + ": small differences between rates may be chance."
        )
    found.extend(_horizon_caveats(scan.plan, scan.runs))
    horizon = scan.plan.horizon
    if horizon:
        past = sum(last_step(run) - run.step for run in scan.runs) / horizon
        if past > OVERSHOOT * scan.plan.budget:
            found.append(
                f"Runs went on past where they were paused, by {past:.1f} full runs in all: the program "
                "reports in big chunks; let it write each line at once."
            )
    failed = [run for run in scan.runs if run.state is RunState.FAILED]
    if failed and len(failed) < len(scan.runs):
        found.append(
            f"{len(failed)} of {len(scan.runs)} runs failed, the first at lr {failed[0].lr:g}: "
            f"{failed[0].reason}"
        )
    return found


def _horizon_caveats(plan: Plan, runs: Sequence[Run]) -> list[str]:
    ends = [run.step for run in runs if run.state is RunState.COMPLETE]
    # The last line of many programs lies a little before the end: counted from 0, or printed now and then.
    if (
        plan.ramp
        or plan.horizon is None
        or not ends
        or not plan.pausable
        or max(ends) >= 0.95 * plan.horizon - 1
    ):
        return []
    return [
        f"A full run was taken to be {plan.horizon} steps, but those that came to their end did so by step "
        f"{max(ends)}: the budget was reckoned in runs that are too long. Give --steps {max(ends)}."
    ]


def all_failed(outcome: Outcome) -> InconclusiveError | None:
    """The error for a scan none of whose runs worked."""
    runs = outcome.scan.runs
    if runs and all(run.state is RunState.FAILED for run in runs):
        return InconclusiveError(outcome.recommendation.reason)
    return None


def _names(runs: Sequence[Run]) -> set[str]:
    return {name for run in runs for name, curve in run.curves.items() if len(curve)}
