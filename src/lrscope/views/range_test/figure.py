"""The picture of a range test, for matplotlib: every raw loss, the line through them, and what each rule says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrscope.views.range_test.facts import RampFacts
from lrscope.views.scan.facts import Facts
from lrscope.views.shared import numbers
from lrscope.views.shared.axes import (
    ACCENT,
    BAND,
    DONE,
    GONE,
    INK,
    MUTED,
    literal,
    log_axis,
    nothing,
    prepare,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (ACCENT, "#1d4ed8", "#6d28d9", "#047857")
"""Of the rules, in their order."""


def draw_ramp(ax: Axes, facts: Facts, ramp: RampFacts | None) -> None:
    """Loss against the climbing rate, on `ax`: thin lines as observed, the thick one the smooth mean; a vertical line
    and its interval for each rule."""
    prepare(ax)
    ax.set_xlabel("learning rate, climbing at each step")
    if ramp is None:
        nothing(ax, "no losses were seen")
        return
    for lr, loss in ramp.ramps:
        ax.plot(lr, loss, color=MUTED, lw=0.7, alpha=0.55, zorder=2)
    log_axis(ax, "x", facts.rates[0] / 1.1, facts.rates[-1] * 1.1)
    ax.set_ylim(ramp.low, ramp.high)
    if facts.cliff is not None:
        ax.axvline(facts.cliff.value, color=GONE, lw=1.3, ls=(0, (4, 3)), zorder=3, label=_cliff(facts))
    for reading, colour in zip(ramp.readings, COLOURS, strict=False):
        found, first = reading.lr, colour == ACCENT
        ax.axvspan(
            found.low, found.high, color=BAND if first else colour, alpha=0.45 if first else 0.08, lw=0
        )
        span = f"{numbers.rate(found.low)} to {numbers.rate(found.high)}"
        label = f"{reading.rule}: {numbers.rate(found.value)} ({span})"
        ax.axvline(found.value, color=colour, lw=2.0 if first else 1.3, zorder=4, label=label)
    if ramp.line.size:
        label = f"mean of {numbers.plural(len(ramp.ramps), 'ramp')}, smoothed"
        ax.plot(ramp.lr, ramp.line, color=DONE, lw=2.2, zorder=5, label=label)
    ax.set_ylabel(literal(facts.metric or ""))
    head = "No rate can be read off" if facts.lr is None else f"Range test: {numbers.rate(facts.lr.value)}"
    ax.set_title(head, loc="left", fontsize=10.5, color=INK, fontweight="bold", pad=9)
    ax.legend(
        frameon=False, fontsize=7.5, labelcolor=INK, loc="upper left", bbox_to_anchor=(-0.03, -0.15), ncols=2
    )


def _cliff(facts: Facts) -> str:
    assert facts.cliff is not None  # noqa: S101
    return f"lost again above {numbers.rate(facts.cliff.value)}"
