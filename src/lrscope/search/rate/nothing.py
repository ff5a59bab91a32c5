"""Why nothing can be concluded from a scan: what there is to say before any rate is judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrscope.curves import Run, RunState, Scan
from lrscope.search.rate.ranking import bad
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
    return ignored_rate(scan.runs)


def ignored_rate(runs: Sequence[Run]) -> str | None:
    """A sentence if every curve is the same, bit for bit, although the learning rates differ.

    Three or more rates must have two or more steps in common, and everything that they report there must be
    equal, bookkeeping aside: an accuracy alone can stand still at chance.
    """
    curves = [run.curves for run in runs if any(len(c) >= 2 for c in run.curves.values())]
    if len(curves) < 3 or len({run.lr for run in runs}) < 3 or all(bad(run) for run in runs):
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
            "either nothing is trained, or the number reported is not the one that training changes. Correct the "
            "program and start over with --fresh."
        )
    return (
        f"All {len(curves)} runs gave the same values although their learning rates differ: the program "
        "seems to ignore its learning rate. Correct it and start over with --fresh."
    )


def _names(runs: Sequence[Run]) -> set[str]:
    return {name for run in runs for name, curve in run.curves.items() if len(curve)}
