"""Why nothing can be concluded from a scan: what there is to say before any rate is judged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lrscope.curves import Run, RunState, Scan
from lrscope.search.rate.ranking import bad
from lrscope.search.resources import wants_resource
from lrscope.vocabulary import choose_metric


def why_nothing(scan: Scan) -> str | None:
    """Why nothing can be concluded from these runs; None where the planner may try."""
    names = _names(scan.runs)
    wanted = scan.plan.metric
    if not scan.runs:
        return "No run was started, so there is nothing to compare."
    if all(run.state is RunState.FAILED for run in scan.runs):
        return f"All {len(scan.runs)} runs failed: {scan.runs[0].reason}"
    if not names:
        return "No run has reported anything yet."
    if wanted is not None and wanted not in names:
        return (
            f"No run reported the metric {wanted!r}; name one of those reported: {', '.join(sorted(names))}."
        )
    failures = mostly_failed(scan.runs)
    if failures is not None:
        return failures
    metric = wanted or choose_metric(names)
    if metric is None:
        seen = ", ".join(sorted(names))
        return f"The runs reported no loss and no score, only {seen}. Name one of them as the metric."
    curves = [run.curves[metric] for run in scan.runs if metric in run.curves]
    if len({run.lr for run in scan.runs}) < 2 and len(scan.plan.rates) > 1:
        return f"Only one learning rate has been tried so far, {scan.runs[0].lr:g}, so there is nothing to compare."
    if all(np.isnan(curve.loss).all() for curve in curves):
        return (
            f"{metric} was NaN from the first value on, at each of the {len(curves)} learning rates tried: "
            "look for the fault in the data or the loss; another learning rate will not help."
        )
    return ignored_rate(scan.runs, scan.plan.horizon)


def mostly_failed(runs: Sequence[Run]) -> str | None:
    """A sentence if most runs failed, at rates that do not all lie above those that trained; None otherwise.

    Where only the highest rates fail, the rest can be compared: many programs raise an error when the loss is not
    finite.
    """
    failed = [run for run in runs if run.state is RunState.FAILED]
    if len(failed) < 2 or 2 * len(failed) <= len(runs):
        return None
    highest = max((run.lr for run in runs if run.state is not RunState.FAILED), default=0.0)
    reasons = [run.reason or "no reason was given" for run in failed]
    if all(run.lr > highest for run in failed) and not any(wants_resource(reason) for reason in reasons):
        return None
    return (
        f"{len(failed)} of {len(runs)} runs failed, so too few learning rates can be compared. Most often: "
        f"{max(reasons, key=reasons.count)}. Mend that, and run the same command again."
    )


def ignored_rate(runs: Sequence[Run], horizon: int | None = None) -> str | None:
    """A sentence if every curve is the same, bit for bit, although the learning rates differ.

    Three or more rates must have two or more steps in common, and everything that they report there must be
    equal, bookkeeping aside: an accuracy alone can stand still at chance. With a `horizon`, two of the rates must have
    come to half of it, or to their ends, and agree as far: in a warm-up from a fixed rate, all train alike.
    """
    if horizon is not None and len(beyond_warmup(runs, horizon)) < 2:
        return None
    runs = sorted(runs, key=lambda run: -run.step)
    curves = [run.curves for run in runs if any(len(c) >= 2 for c in run.curves.values())]
    if len(curves) < 3 or len({run.lr for run in runs}) < 3 or all(bad(run) for run in runs):
        return None
    names = [n for n in set.intersection(*(set(c) for c in curves)) if choose_metric({n}) is not None]
    compared = False
    for name in names:
        first = curves[0][name]
        for other in curves[1:]:
            common = min(len(first), len(other[name]))
            compared = compared or common >= 2
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
            "either nothing is trained, or the number reported is not the one that training changes. Correct the "
            "program and start over with --fresh."
        )
    return (
        f"All {len(curves)} runs gave the same values although their learning rates differ: the program "
        "seems to ignore its learning rate. Correct it and start over with --fresh."
    )


def beyond_warmup(runs: Sequence[Run], horizon: int) -> set[float]:
    """Rates of runs that have come to half of a full run, or to their ends."""
    return {
        run.lr for run in runs if not bad(run) and (2 * run.step >= horizon or run.state is RunState.COMPLETE)
    }


def silent_until(runs: Sequence[Run]) -> int:
    """The last step up to which all runs report the same, bit for bit, although their rates differ; 0 where they differ
    from the first values on. Nothing that is seen up to there tells one rate from another."""
    curves = [run.curves for run in runs if run.curves and not bad(run)]
    if len(curves) < 2 or len({run.lr for run in runs}) < 2:
        return 0
    last = math.inf
    for name in set.intersection(*(set(c) for c in curves)):
        if choose_metric({name}) is None:
            continue
        longest = max((c[name] for c in curves), key=len)
        for curve in (c[name] for c in curves):
            same = (curve.step == longest.step[: len(curve)]) & (curve.loss == longest.loss[: len(curve)])
            if not same.all():
                first = int(np.argmin(same))
                last = min(last, int(curve.step[first - 1]) if first else 0)
    return int(last) if math.isfinite(last) else 0


def _names(runs: Sequence[Run]) -> set[str]:
    return {name for run in runs for name, curve in run.curves.items() if len(curve)}
