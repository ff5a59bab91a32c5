"""The picture of a range test on its page: plain SVG, which needs no script."""

from __future__ import annotations

import math

import numpy as np

from lrscope.views.range_test.facts import RULE_COLOURS, Floats, RangeTestFacts
from lrscope.views.shared import numbers, smoothing
from lrscope.views.shared.page import text

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 860, 360, 64, 40, 12  # pixels
_POINTS = 400  # of one line


def chart_markup(facts: RangeTestFacts) -> str:
    """Loss against the climbing rate, with a line and an interval for each rule; empty where no loss was seen."""
    if not facts.ramps:
        return ""
    first, last = (math.log10(rate) for rate in facts.rates)
    low, high = facts.losses

    def across(lr: Floats | float) -> Floats:
        share = (np.log10(lr) - first) / (last - first)
        return np.asarray(_LEFT + share * (_WIDTH - _LEFT - 8), np.float64)

    def up(loss: Floats | float) -> Floats:
        share = (np.clip(loss, low, high) - low) / (high - low)
        return np.asarray(_HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP), np.float64)

    def path(lr: Floats, loss: Floats, style: str) -> str:
        keep = np.isfinite(loss)
        at = smoothing.spread(int(keep.sum()), _POINTS)
        x, y = across(lr[keep][at]), up(loss[keep][at])
        places = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        return f'<polyline points="{places}" fill="none" {style}/>'

    parts = []
    for decade in range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1):
        x = float(across(10.0**decade))
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke="currentColor" '
            'opacity=".12"/>'
            f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{numbers.rate(10.0**decade)}</text>'
        )
    for share in (0.0, 0.5, 1.0):
        value = low + share * (high - low)
        parts.append(
            f'<text x="{_LEFT - 6}" y="{float(up(value)) + 4:.1f}" text-anchor="end">{numbers.value(value)}</text>'
        )
    for one, colour in zip(facts.answer.readings, RULE_COLOURS, strict=False):
        left, x, right = (float(across(v)) for v in (one.lr.low, one.lr.value, one.lr.high))
        parts.append(
            f'<rect x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1):.1f}" height="{_HEIGHT - _BOTTOM - _TOP}" '
            f'fill="{colour}" opacity=".12"/><line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" '
            f'stroke="{colour}" stroke-width="2"/>'
        )
    parts += [
        path(lr, loss, 'stroke="currentColor" stroke-width=".8" opacity=".4"') for lr, loss in facts.ramps
    ]
    if facts.line.size:
        parts.append(path(facts.lr, facts.line, 'stroke="#2b5b84" stroke-width="3"'))
    label = text(
        f"{facts.answer.metric} of {numbers.plural(len(facts.ramps), 'ramp')} against the climbing learning rate"
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" '
        f'style="width:100%;font-size:12px;fill:currentColor">{"".join(parts)}'
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}" text-anchor="middle">learning rate, climbing at each step</text>'
        "</svg>"
    )
