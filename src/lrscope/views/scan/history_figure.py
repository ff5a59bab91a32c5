"""The figure of how a scan was decided: runs against what had been spent, and the model's view at several moments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lrscope.search.history import History
from lrscope.search.outcome import Outcome
from lrscope.views.scan.facts import Facts, collect, history
from lrscope.views.shared import axes, numbers
from lrscope.views.shared.curves import padded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(outcome: Outcome) -> Figure:
    """Two panels, 11 by 4.4 inches; one, where no model was used.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    facts, told = collect(outcome), history(outcome)
    figure = axes.new_figure(11 if told.moments else 6.5, 4.4)
    path, *model = figure.subplots(1, 2 if told.moments else 1, squeeze=False)[0]
    draw_path(path, facts, told)
    for ax in model:
        draw_moments(ax, facts, told)
    return figure


def draw_path(ax: Axes, facts: Facts, told: History) -> None:
    """Each advance as a bar: which rate, and which part of what was spent. Its shade is how far the run had come."""
    axes.prepare(ax)
    ax.set_xlabel("spent, in full runs")
    if not told.stretches or not facts.plan.horizon:
        axes.nothing(ax, "no run was advanced")
        return
    _, parts = axes.matplotlib_parts()
    lr, rates = facts.answer.lr, [s.lr for s in told.stretches]
    axes.log_axis(ax, "y", min(rates) / 1.5, max(rates) * 1.5)
    total = told.stretches[-1].end
    for s in told.stretches:
        depth = 1 + math.log10(max(s.to_step / facts.plan.horizon, 1e-3)) / 3
        colour = axes.ACCENT if lr is not None and s.lr == lr.value else parts["truncated"](1 - depth)
        wide = max(s.end - s.begin, total / 250)
        ax.plot([s.begin, s.begin + wide], [s.lr, s.lr], color=colour, lw=5, solid_capstyle="butt", zorder=3)
        if s.lost:
            ax.plot(s.end, s.lr, "x", color=axes.GONE, ms=6, mew=1.6, zorder=4)
    ax.set_xlim(0, total * 1.02)
    ax.set_ylabel("learning rate")
    axes.title(ax, "Advances")
    line = parts["line"]
    shades = ((0.0, "run to 0.1 % of its length"), (0.5, "to 3 %"), (1.0, "to its end"))
    keys = [(line([], [], color=parts["truncated"](1 - depth), lw=5), words) for depth, words in shades]
    if lr is not None:
        keys.append((line([], [], color=axes.ACCENT, lw=5), f"recommended rate, {numbers.rate(lr.value)}"))
    if any(s.lost for s in told.stretches):
        cross = line([], [], color=axes.GONE, marker="x", ls="", ms=6, mew=1.6)
        keys.append((cross, "diverged or failed"))
    axes.legend_below(ax, keys, columns=3)


def draw_moments(ax: Axes, facts: Facts, told: History) -> None:
    """What the model made of it, the last moment on top: the median of each rate's end, with its 90 % interval."""
    axes.prepare(ax)
    ax.set_xlabel("learning rate")
    _, parts = axes.matplotlib_parts()
    rates = [r for m in told.moments for r in m.rates]
    axes.log_axis(ax, "x", min(rates) / 1.35, max(rates) * 1.35)
    last = len(told.moments) - 1
    keys = []
    for k, moment in enumerate(told.moments):
        colour = axes.ACCENT if k == last else parts["truncated"](0.75 if k == 0 else 0.35)
        ax.fill_between(moment.rates, moment.low, moment.high, color=colour, alpha=0.14, lw=0, zorder=2)
        (line,) = ax.plot(
            moment.rates, moment.middle, color=colour, lw=2.4 if k == last else 1.4, zorder=3 + k
        )
        keys.append((line, f"after {moment.spent:.2g} full runs: {numbers.rate(moment.named)}"))
        at = moment.rates.index(moment.named) if moment.named in moment.rates else None
        if at is not None:
            ax.plot(moment.named, moment.middle[at], "D", color=colour, mec="white", ms=7, zorder=5 + k)
    ends = [v for m in told.moments for v in (*m.low, *m.high)]
    axes.set_window(ax, padded(min(ends), max(ends), False, None))
    ax.set_ylabel(axes.literal(f"{facts.metric or 'value'} at the end, as forecast"))
    axes.title(ax, "Forecasts: median and 90 % interval")
    axes.legend_below(ax, keys, columns=3)
