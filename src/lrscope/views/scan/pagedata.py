"""What the report's script draws: facts as JSON values, with curves thinned so that the file stays small."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lrscope.statistics.estimate import Estimate
from lrscope.views.scan.facts import CurveFacts, Facts, RunFacts, Window, curve_window, level_window
from lrscope.views.shared import numbers, reading

_POINTS = 600  # of one curve at most: about as many as there are pixels to draw them on
_ALL_POINTS = 30_000  # of all curves together: half a megabyte of text
_FEWEST = 60
_SMOOTHED = 160
_METRICS = 6


def page_data(facts: Facts) -> tuple[dict[str, Any], bool]:
    """The data, and whether any curve had to be thinned for it.

    Each curve keeps at most 600 points (fewer where a scan has many curves, 60 at the least): the first,
    the last, and the extremes of every stretch in between. Values are rounded to five significant digits.
    At most six metrics.
    """
    metrics = () if facts.ramp else facts.metrics[:_METRICS]  # without any, the page hides its pictures
    curves = sum(len(set(run.curves) & set(metrics)) for run in facts.runs)
    limit = max(_FEWEST, min(_POINTS, _ALL_POINTS // max(1, curves)))
    thinned = any(len(c.curve) > limit for r in facts.runs for n, c in r.curves.items() if n in metrics)
    data = {
        "metric": facts.metric,
        "metrics": [_metric(facts, name) for name in metrics],
        "runs": [_run(run, metrics, limit) for run in facts.runs],
        "lr": _estimate(facts.lr),
        "band": None if facts.band is None else {"low": facts.band.low, "high": facts.band.high},
        "cliff": _estimate(facts.cliff),
        "at": _answer_level(facts),
        "xaxis": _step_axis(facts),
        "smoothing": f"thin: as observed; thick: mean over 1/{reading.WINDOWS} of the curve",
        "far": _how_far(facts),
    }
    return data, thinned


def _metric(facts: Facts, name: str) -> dict[str, Any]:
    many = any(reading.averaged(r.curves[name].curve.step) for r in facts.runs if name in r.curves)
    how = (
        "the best on the way"
        if facts.objective == "best"
        else "mean over the last tenth of a run"
        if many
        else ""
    )
    return {
        "name": name,
        "goal": facts.goal_of(name),
        "reading": how,
        "levels": _window(level_window(facts, name), _least(facts, name)),
        "curves": _window(curve_window(facts, name), _least(facts, name)),
    }


def _least(facts: Facts, name: str) -> float:
    """The lowest level above zero, 0 where there is none: where a log axis may begin."""
    levels = [r.curves[name].level for r in facts.runs if name in r.curves and not r.gone]
    return min((v for v in levels if v is not None and v > 0), default=0.0)


def _window(window: Window, least: float) -> dict[str, Any]:
    lowest = window.low if window.low > 0 else 0.8 * least
    return {"low": window.low, "high": window.high, "log": window.log, "lowest": lowest}


def _run(run: RunFacts, metrics: tuple[str, ...], limit: int) -> dict[str, Any]:
    return {
        "lr": run.lr,
        "label": numbers.rate(run.lr, None),
        "seed": run.seed,
        "state": run.state.value,
        "steps": run.steps,
        "share": run.share,
        "named": run.named,
        "curves": {i: _curve(run.curves[n], limit) for i, n in enumerate(metrics) if n in run.curves},
    }


def _curve(facts: CurveFacts, limit: int) -> dict[str, Any]:
    step, loss = reading.thin(facts.curve.step, facts.curve.loss, limit)
    drawn: dict[str, Any] = {"level": facts.level, "s": step.tolist(), "v": rounded(loss)}
    if facts.noisy:
        step, loss, _ = reading.smooth(facts.curve.step, facts.curve.loss)
        at = reading.spread(len(step), _SMOOTHED)
        drawn |= {"ms": step[at].tolist(), "m": rounded(loss[at])}
    return drawn


def rounded(values: Any) -> list[float | None]:
    """Values to five significant digits; null where they are not finite."""
    return [float(f"{v:.5g}") if math.isfinite(v) else None for v in values.tolist()]


def _estimate(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    low, high = (v if math.isfinite(v) else None for v in (estimate.low, estimate.high))
    return {"lr": estimate.value, "low": low, "high": high, "level": estimate.level}


def _answer_level(facts: Facts) -> float | None:
    metric = facts.metric or ""
    levels = [r.curves[metric].level for r in facts.runs if r.named and metric in r.curves]
    known = [v for v in levels if v is not None]
    return float(np.mean(known)) if known else None


def _step_axis(facts: Facts) -> str:
    ends = [r.steps for r in facts.runs if r.curves]
    return "log" if ends and float(np.median(ends)) < max(ends) / 6 else "linear"


def _how_far(facts: Facts) -> str:
    cut = [r.share for r in facts.runs if not r.gone and r.state.value != "complete" and r.share is not None]
    if not cut:
        return ""
    low, high = numbers.share(min(cut)), numbers.share(max(cut))
    return f"at {low if low == high else low.removesuffix(' %') + ' to ' + high} of the steps"
