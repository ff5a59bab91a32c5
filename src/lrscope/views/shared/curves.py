"""A curve made ready for every picture: where it ends, whether it needs smoothing, what part of its values is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lrscope.curves import LossCurve
from lrscope.views.shared import reading, smoothing
from lrscope.views.shared.values import short

LOG_SPAN = 8.0
"""Positive values that span more than this factor are drawn on a log axis."""

PAD_SHARE = 0.06
"""Room above and below the values, as a share of their span."""


@dataclass(frozen=True, slots=True)
class CurveFacts:
    """One metric of one run.

    `curve` is as observed, up to the step that decisions read; `level` is where it stands at the end
    (`reading.end_level`), None where that is not finite; `noisy` says whether a smoothed line helps.
    """

    curve: LossCurve
    level: float | None
    noisy: bool


@dataclass(frozen=True, slots=True)
class Window:
    """What part of a metric's values a picture shows, so that diverged runs do not squash the others.

    `low` and `high` are the ends, `log` whether a log axis is warranted, `start` the level where training
    begins (median of the first values, None where there are none), `hidden` how many values stand outside.
    """

    low: float
    high: float
    log: bool
    start: float | None
    hidden: int = 0


def curve_facts(curve: LossCurve, goal: str, objective: Literal["last", "best"] = "last") -> CurveFacts:
    """A curve → its facts."""
    level = reading.end_level(curve.step, curve.loss, goal, objective)
    return CurveFacts(curve, level, smoothing.noisy(curve.loss))


def padded(low: float, high: float, log: bool, start: float | None, hidden: int = 0) -> Window:
    """The window from `low` to `high` with some room on either side."""
    if log:
        factor = (high / low) ** PAD_SHARE if high > low else 2.0
        return Window(low / factor, high * factor, log, start, hidden)
    pad = PAD_SHARE * (high - low) or 0.1 * abs(high) or 1.0
    return Window(low - pad, high + pad, log, start, hidden)


def window_values(window: Window, values: Sequence[float]) -> dict[str, Any]:
    """A window for a page's script, which can switch to a log axis: that begins at `lowest`, with a little room below
    the least of the `values` above zero; 0 where there is none."""
    least = min((v for v in values if v > 0), default=0.0)
    lowest = window.low if window.low > 0 else 0.8 * least
    return {"low": window.low, "high": window.high, "log": window.log, "lowest": lowest}


def curve_values(facts: CurveFacts, points: int, smoothed: int = 0) -> dict[str, Any]:
    """A curve for a page's script: steps `s` and values `v`, at most `points` of them, extremes kept; and where it is
    noisy, up to `smoothed` points of the smoothed line, `ms` and `m`."""
    step, loss = smoothing.thin(facts.curve.step, facts.curve.loss, points)
    drawn: dict[str, Any] = {"level": facts.level, "noisy": facts.noisy, "s": step.tolist(), "v": short(loss)}
    if facts.noisy and smoothed:
        step, loss, _ = smoothing.smooth(facts.curve.step, facts.curve.loss)
        at = smoothing.spread(len(step), smoothed)
        drawn |= {"ms": step[at].tolist(), "m": short(loss[at])}
    return drawn


def known_mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are known; None without any."""
    known = [v for v in values if v is not None]
    return math.fsum(known) / len(known) if known else None
