"""The picture and the table of a range test in the HTML report: plain SVG, which needs no script."""

from __future__ import annotations

import math

import numpy as np

from lrscope.search.range_test.audit import Reading
from lrscope.views.range_test.facts import Floats, RampFacts
from lrscope.views.range_test.figure import COLOURS
from lrscope.views.scan.facts import Facts
from lrscope.views.shared import numbers, reading
from lrscope.views.shared.pageparts import text

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 860, 360, 64, 40, 12
_POINTS = 400


def section(facts: Facts, ramp: RampFacts | None) -> str:
    """The part of the page that stands in place of a scan's pictures; empty for a scan at constant rates."""
    if ramp is None:
        return ""
    rows = "".join(_row(r, colour) for r, colour in zip(ramp.readings, COLOURS, strict=False))
    table = (
        '<table><thead><tr><th scope="col">Rule</th><th scope="col" class="num">Rate</th>'
        '<th scope="col" class="num">Interval</th><th scope="col" class="num">On each ramp alone</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        if rows
        else ""
    )
    head = '<section aria-label="Range test"><h2>Loss while the rate climbs</h2>'
    return f"{head}{_picture(facts, ramp)}{table}</section>"


def _row(one: Reading, colour: str) -> str:
    span = f"{numbers.rate(one.alone[0])} to {numbers.rate(one.alone[-1])}"
    return (
        f'<tr><td><span style="color:{colour}">▎</span>{text(one.rule)}</td>'
        f'<td class="num">{numbers.rate(one.lr.value)}</td>'
        f'<td class="num">{numbers.rate(one.lr.low)} to {numbers.rate(one.lr.high)}</td>'
        f'<td class="num">{span}</td></tr>'
    )


def _picture(facts: Facts, ramp: RampFacts) -> str:
    first, last = math.log10(facts.rates[0]), math.log10(facts.rates[-1])

    def across(lr: Floats | float) -> Floats:
        share = (np.log10(lr) - first) / (last - first)
        return np.asarray(_LEFT + share * (_WIDTH - _LEFT - 8), np.float64)

    def up(loss: Floats | float) -> Floats:
        share = (np.clip(loss, ramp.low, ramp.high) - ramp.low) / (ramp.high - ramp.low)
        return np.asarray(_HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP), np.float64)

    def path(lr: Floats, loss: Floats, style: str) -> str:
        keep = np.isfinite(loss)
        at = reading.spread(int(keep.sum()), _POINTS)
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
        value = ramp.low + share * (ramp.high - ramp.low)
        parts.append(
            f'<text x="{_LEFT - 6}" y="{float(up(value)) + 4:.1f}" text-anchor="end">{numbers.value(value)}</text>'
        )
    for one, colour in zip(ramp.readings, COLOURS, strict=False):
        low, x, high = (float(across(v)) for v in (one.lr.low, one.lr.value, one.lr.high))
        parts.append(
            f'<rect x="{low:.1f}" y="{_TOP}" width="{max(high - low, 1):.1f}" height="{_HEIGHT - _BOTTOM - _TOP}" '
            f'fill="{colour}" opacity=".12"/><line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" '
            f'stroke="{colour}" stroke-width="2"/>'
        )
    parts += [
        path(lr, loss, 'stroke="currentColor" stroke-width=".8" opacity=".4"') for lr, loss in ramp.ramps
    ]
    if ramp.line.size:
        parts.append(path(ramp.lr, ramp.line, 'stroke="#2b5b84" stroke-width="3"'))
    label = text(
        f"{facts.metric or 'loss'} of {numbers.plural(len(ramp.ramps), 'ramp')} against the climbing learning rate"
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" '
        f'style="width:100%;font-size:12px;fill:currentColor">{"".join(parts)}'
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}" text-anchor="middle">learning rate, climbing at each step</text>'
        "</svg>"
    )
