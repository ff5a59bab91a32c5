"""The picture of a range test, for matplotlib: every raw loss, the line through them, and what each rule says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrscope.views.range_test.facts import RULE_COLOURS, RangeTestFacts
from lrscope.views.shared import axes, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(facts: RangeTestFacts) -> Figure:
    """One panel, 7.5 by 4.6 inches: loss against the climbing rate.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    figure = axes.new_figure(7.5, 4.6)
    draw_ramps(figure.subplots(), facts)
    return figure


def draw_ramps(ax: Axes, facts: RangeTestFacts) -> None:
    """Loss against the climbing rate, on `ax`: thin lines as observed, the thick one the smooth mean; a vertical line
    and its interval for each rule."""
    axes.prepare(ax)
    ax.set_xlabel("learning rate, climbing at each step")
    answer = facts.answer
    if not facts.ramps:
        axes.nothing(ax, "no losses were seen")
        return
    keys = []
    for lr, loss in facts.ramps:
        ax.plot(lr, loss, color=axes.MUTED, lw=0.7, alpha=0.55, zorder=2)
    axes.log_axis(ax, "x", facts.rates[0] / 1.1, facts.rates[1] * 1.1)
    ax.set_ylim(*facts.losses)
    if answer.cliff is not None:
        line = ax.axvline(answer.cliff.value, color=axes.GONE, lw=1.3, ls=(0, (4, 3)), zorder=3)
        keys.append((line, f"all gained was lost again by {numbers.rate(answer.cliff.value)}"))
    for reading, colour in zip(answer.readings, RULE_COLOURS, strict=False):
        found, first = reading.lr, colour == axes.ACCENT
        ax.axvspan(
            found.low, found.high, color=axes.BAND if first else colour, alpha=0.45 if first else 0.08, lw=0
        )
        line = ax.axvline(found.value, color=colour, lw=2.0 if first else 1.3, zorder=4)
        span = f"{numbers.rate(found.low)} to {numbers.rate(found.high)}"
        keys.append((line, f"{reading.rule}: {numbers.rate(found.value)} ({span})"))
    if facts.line.size:
        (line,) = ax.plot(facts.lr, facts.line, color=axes.DONE, lw=2.2, zorder=5)
        keys.append((line, f"mean of {numbers.plural(len(facts.ramps), 'ramp')}, smoothed"))
    ax.set_ylabel(axes.literal(answer.metric or ""))
    axes.title(
        ax, "No rate can be read off" if answer.lr is None else f"Range test: {numbers.rate(answer.lr.value)}"
    )
    axes.legend_below(ax, keys)
