"""The figure of how a scan was decided: runs against what had been spent, and the model's view at several moments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lrscope.search.history import Moment
from lrscope.search.outcome import Outcome
from lrscope.views.scan.history_facts import HistoryFacts, collect_story
from lrscope.views.shared import numbers
from lrscope.views.shared.axes import (
    ACCENT,
    GONE,
    INK,
    MUTED,
    literal,
    log_axis,
    matplotlib_parts,
    nothing,
    prepare,
)

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
    figure_class, _ = matplotlib_parts()
    facts = collect_story(outcome)
    figure: Figure = figure_class(figsize=(11, 4.4), dpi=150, facecolor="white", layout="constrained")
    if not facts.moments:
        draw_path(figure.subplots(), facts)
        figure.set_size_inches(6.5, 4.4)
        return figure
    left, right = figure.subplots(1, 2)
    draw_path(left, facts)
    draw_moments(right, facts)
    return figure


def draw_path(ax: Axes, facts: HistoryFacts) -> None:
    """Each advance as a bar: which rate, and which part of what was spent. Its shade is how far the run had come."""
    prepare(ax)
    ax.set_xlabel("spent, in full runs")
    if not facts.stretches or not facts.horizon:
        nothing(ax, "nothing was advanced")
        return
    _, parts = matplotlib_parts()
    rates = [s.lr for s in facts.stretches]
    log_axis(ax, "y", min(rates) / 1.5, max(rates) * 1.5)
    total = facts.stretches[-1].end
    for s in facts.stretches:
        depth = 1 + math.log10(max(s.to_step / facts.horizon, 1e-3)) / 3
        named = facts.named is not None and s.lr == facts.named
        colour = ACCENT if named else parts["truncated"](1 - depth)
        wide = max(s.end - s.begin, total / 250)
        ax.plot([s.begin, s.begin + wide], [s.lr, s.lr], color=colour, lw=5, solid_capstyle="butt", zorder=3)
        if s.lost:
            ax.plot(s.end, s.lr, "x", color=GONE, ms=6, mew=1.6, zorder=4)
    ax.set_xlim(0, total * 1.02)
    ax.set_ylabel("learning rate")
    ax.set_title("Which run advanced when", loc="left", fontsize=10.5, color=INK, fontweight="bold", pad=9)
    key = parts["line"]
    handles = [key([], [], color=parts["truncated"](1 - d), lw=5) for d in (0.0, 0.5, 1.0)]
    words = ["to a thousandth of a run", "to a thirtieth", "to its end"]
    if facts.named is not None:
        handles.append(key([], [], color=ACCENT, lw=5))
        words.append(f"the rate named, {numbers.rate(facts.named)}")
    if any(s.lost for s in facts.stretches):
        handles.append(key([], [], color=GONE, marker="x", ls="", ms=6, mew=1.6))
        words.append("diverged or failed")
    ax.legend(handles, words, fontsize=7.5, frameon=False, labelcolor=MUTED, loc="upper center",
              bbox_to_anchor=(0.5, -0.16), ncols=3)  # fmt: skip


def draw_moments(ax: Axes, facts: HistoryFacts) -> None:
    """What the model made of it, the last moment on top: the middle of each rate's end, with its 90 % as a ground."""
    prepare(ax)
    ax.set_xlabel("learning rate")
    _, parts = matplotlib_parts()
    rates = [r for m in facts.moments for r in m.rates]
    log_axis(ax, "x", min(rates) / 1.35, max(rates) * 1.35)
    last = len(facts.moments) - 1
    for k, moment in enumerate(facts.moments):
        colour = ACCENT if k == last else parts["truncated"](0.75 if k == 0 else 0.35)
        ax.fill_between(moment.rates, moment.low, moment.high, color=colour, alpha=0.14, lw=0, zorder=2)
        ax.plot(
            moment.rates,
            moment.middle,
            color=colour,
            lw=2.4 if k == last else 1.4,
            zorder=3 + k,
            label=words(moment),
        )
        at = moment.rates.index(moment.named) if moment.named in moment.rates else None
        if at is not None:
            ax.plot(moment.named, moment.middle[at], "D", color=colour, mec="white", ms=7, zorder=5 + k)
    floor = np.array([v for m in facts.moments for v in (*m.low, *m.high)])
    ax.set_ylim(*_room(float(floor.min()), float(floor.max())))
    ax.set_ylabel(literal(f"{facts.metric or 'value'} at the end, as forecast"))
    ax.set_title(
        "What the forecast was, and how sure", loc="left", fontsize=10.5, color=INK, fontweight="bold", pad=9
    )
    ax.legend(
        fontsize=7.5,
        frameon=False,
        labelcolor=MUTED,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=3,
    )


def words(moment: Moment) -> str:
    """A moment in words, for the legend."""
    return f"after {moment.spent:.2g} full runs: {numbers.rate(moment.named)}"


def _room(low: float, high: float) -> tuple[float, float]:
    pad = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    return low - pad, high + pad
