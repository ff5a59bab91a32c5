"""The charts of a scan's page: what their script draws, as JSON values, and the markup around them.

Runs, answer, band and cliff are those of the document; curves are thinned so that the file stays small.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from lrscope.curves import RunState
from lrscope.search.history import History
from lrscope.views.scan.document import answer_values, run_values
from lrscope.views.scan.facts import Facts, RunFacts, curve_window, level_window, share_span, step_axis_is_log
from lrscope.views.shared import numbers
from lrscope.views.shared.curves import curve_values, window_values
from lrscope.views.shared.page import fragment
from lrscope.views.shared.smoothing import SMOOTHING_NOTE
from lrscope.views.shared.values import strict

_POINTS_OF_A_CURVE = 600  # at most: about as many as there are pixels to draw them on
_POINTS_OF_ALL_CURVES = 30_000  # half a megabyte of text
_FEWEST_POINTS_OF_A_CURVE = 60
_POINTS_OF_A_SMOOTHED_LINE = 160
_METRICS = 6
_STRETCHES = 2000
_THINNED = "Long curves are thinned to fit this page; their extremes are kept."


def chart_markup(facts: Facts) -> str:
    """The two pictures of runs with their tools, and in words what they show."""
    runs = numbers.plural(len(facts.runs), "run")
    levels = f"Value of {facts.metric or 'the metric'} at the end of {runs} against learning rate."
    if facts.answer.lr is not None:
        levels += f" Recommended: {numbers.rate(facts.answer.lr.value)}."
    if gone := facts.count(RunState.DIVERGED):
        levels += f" {numbers.plural(gone, 'run')} diverged."
    curves = f"Curves of {facts.metric or 'the metric'} against step, coloured by learning rate."
    return fragment("scan.html", levels=levels, curves=curves)


def history_markup(told: History) -> str:
    """The two pictures of how the scan went, and in words what they show."""
    advances = numbers.plural(len(told.stretches), "advance")
    names = ", ".join(f"after {m.spent:.2g} full runs {numbers.rate(m.named)}" for m in told.moments)
    moments = f"Forecast of each rate's end at {len(told.moments)} moments. Recommended {names}."
    return fragment(
        "history.html",
        advances=f"{advances} of runs, each at its learning rate against what had been spent.",
        moments=moments if names else "",
    )


def chart_data(facts: Facts, told: History) -> dict[str, Any]:
    """What `web/static/scan.js` and `history.js` draw.

    Each curve keeps at most 600 points (fewer where a scan has many curves, 60 at the least): the first,
    the last, and the extremes of every stretch in between. Values are rounded to five significant digits.
    At most six metrics, and the last 2000 advances.
    """
    metrics = facts.metrics[:_METRICS]
    curves = [c.curve for run in facts.runs for name, c in run.curves.items() if name in metrics]
    points = max(
        _FEWEST_POINTS_OF_A_CURVE, min(_POINTS_OF_A_CURVE, _POINTS_OF_ALL_CURVES // max(1, len(curves)))
    )
    span = share_span(facts.unfinished)
    values: dict[str, Any] = strict(
        {
            **answer_values(facts),
            "metric": facts.metric,
            "metrics": [_metric(facts, name) for name in metrics],
            "runs": [_run(run, facts.metric, metrics, points) for run in facts.runs],
            "at": facts.named_level,
            "xaxis": "log" if step_axis_is_log([r.steps for r in facts.runs if r.curves]) else "linear",
            "smoothing": SMOOTHING_NOTE,
            "far": f"at {span} of the steps" if span else "",
            "thinned": _THINNED if any(len(curve) > points for curve in curves) else "",
            "history": _history(facts, told),
        }
    )
    return values


def _metric(facts: Facts, name: str) -> dict[str, Any]:
    how = "mean over the last tenth of a run" if facts.averaged(name) else ""
    levels = facts.levels(name)
    return {
        "name": name,
        "goal": facts.goal_of(name),
        "reading": "the best on the way" if facts.plan.objective == "best" else how,
        "levels": window_values(level_window(facts, name), levels),
        "curves": window_values(curve_window(facts, name), levels),
    }


def _run(run: RunFacts, metric: str | None, metrics: tuple[str, ...], points: int) -> dict[str, Any]:
    return {
        **run_values(run, metric),
        "label": numbers.rate(run.lr, None),
        "share": run.share,
        "named": run.named,
        "curves": {
            i: curve_values(run.curves[name], points, _POINTS_OF_A_SMOOTHED_LINE)
            for i, name in enumerate(metrics)
            if name in run.curves
        },
    }


def _history(facts: Facts, told: History) -> dict[str, Any]:
    horizon = facts.plan.horizon or 1
    return {
        "stretches": [{**asdict(s), "share": s.to_step / horizon} for s in told.stretches[-_STRETCHES:]],
        "moments": [asdict(m) for m in told.moments if all(map(math.isfinite, (*m.middle, *m.low, *m.high)))],
    }
