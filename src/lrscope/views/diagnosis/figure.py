"""The matplotlib figure of a diagnosis: each curve with its segments coloured by verdict, the noise about it,
what is left to gain, and where plateau rules would have cut. It draws facts and computes no answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrscope.diagnosis.examine import Examined
from lrscope.views.diagnosis.facts import COLOURS, CUT_COLOURS, NAMES, DiagnosisFacts, collect
from lrscope.views.diagnosis.words import answer_line
from lrscope.views.shared import axes, numbers, smoothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 6
_CUT_KINDS = {True: "in time", False: "too early or late", None: "which cannot be judged"}


def draw(runs: Sequence[Examined]) -> Figure:
    """One panel a run, the first six of them, on a white ground. Save it with ``figure.savefig(path)``.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    facts = [collect(run) for run in runs[:MOST_PANELS]]
    across = 1 if len(facts) == 1 else 2
    down = -(-len(facts) // across)
    figure = axes.new_figure(*((9.5, 5.2) if len(facts) == 1 else (12, 4.2 * down)))
    places = np.atleast_1d(figure.subplots(down, across, squeeze=False)).ravel()
    for ax, one in zip(places, facts, strict=False):
        draw_curve(ax, one, title_size=10.5 if across == 1 else 8.5)
    for ax in places[len(facts) :]:
        ax.set_axis_off()
    return figure


def draw_curve(ax: Axes, facts: DiagnosisFacts, *, title_size: float = 10.5) -> None:
    """One run on `ax`: its curve, its segments, the noise, what is left, and the rules' first cuts."""
    axes.prepare(ax)
    axes.set_window(ax, facts.window)
    _, plt = axes.matplotlib_parts()
    step, loss = facts.run.curve.step, facts.run.curve.loss
    first, last = float(step[0]), float(step[-1])
    room = 0.2 * max(last - first, 1.0) if facts.found.gain_left is not None else 0.02 * last
    ax.set_xlim(first - 0.01 * max(last - first, 1.0), last + room)
    x, y = smoothing.thin(step, loss, 3000)
    width, alpha = (0.5, 0.35) if facts.curve.noisy else (1.3, 0.8)
    mark = "." if len(x) < 60 else None
    ax.plot(x, y, color=axes.INK, lw=width, alpha=alpha, zorder=2, marker=mark)
    keys: list[tuple[Any, str]] = []
    for segment in facts.found.segments:
        colour = COLOURS[segment.regime]
        ax.axvspan(segment.start, segment.stop, color=colour, alpha=0.11, lw=0, zorder=0.5)
        half = segment.slope * (segment.stop - segment.start) / 2
        ends = [segment.level - half, segment.level + half]
        (line,) = ax.plot([segment.start, segment.stop], ends, color=colour, lw=2.6, zorder=4)
        if facts.noise is not None:
            low, high = (np.asarray(ends) + sign * facts.noise for sign in (-1, 1))
            ax.fill_between(
                [segment.start, segment.stop], low, high, color=colour, alpha=0.16, lw=0, zorder=1
            )
        if NAMES[segment.regime] not in [t for _, t in keys]:
            keys.append((line, NAMES[segment.regime]))
    if facts.noise is not None:
        band = plt["line"]([], [], color=axes.MUTED, lw=6, alpha=0.3)
        keys.append((band, f"noise of one point, ±{numbers.value(facts.noise, 2)}"))
    keys += _gain(ax, facts, last, room)
    keys += _cuts(ax, facts)
    ax.set_xlabel("step")
    ax.set_ylabel(axes.literal(facts.found.metric))
    axes.title(ax, answer_line(facts.found), size=title_size, pad=18)
    ax.text(
        0, 1.015, axes.literal(facts.name), transform=ax.transAxes, fontsize=8, color=axes.MUTED, va="bottom"
    )
    axes.legend_below(ax, keys, drop=0.13)


def _gain(ax: Axes, facts: DiagnosisFacts, last: float, room: float) -> list[tuple[Any, str]]:
    """Where the metric would stand after as many steps again at this pace, with its interval.

    It stands in the margin and not at its own step, which would halve the room for the curve itself.
    """
    expected = facts.expected
    if expected is None:
        return []
    ends = [v for v in (expected.low, expected.high) if np.isfinite(v)]
    at, x = expected.value, last + 0.35 * room
    low, high = facts.window.low, facts.window.high
    if len(ends) == 2 and ends[1] > low and ends[0] < high:
        ax.plot([x, x], np.clip(ends, low, high), color=axes.INK, lw=1.8, zorder=4, solid_capstyle="butt")
    # What lies outside the picture is a triangle at its edge, with its value all the same.
    mark, y = ("v", low) if at < low else ("^", high) if at > high else ("D", at)
    (dot,) = ax.plot([x], [y], mark, color=axes.INK, ms=4.5, mec="white", zorder=5, clip_on=False)
    words = f"expected after\nas many steps:\n{numbers.value(at, 2)}"
    up = ax.transAxes.inverted().transform(ax.transData.transform((x, y)))[1] < 0.5
    ax.annotate(
        words, (x, y), xytext=(7, 8 if up else -8), textcoords="offset points",
        fontsize=6.8, color=axes.INK, va="bottom" if up else "top",
    )  # fmt: skip
    level = numbers.share(expected.level)
    return [(dot, f"expected after as many steps again at this pace, with its {level} interval")]


def _cuts(ax: Axes, facts: DiagnosisFacts) -> list[tuple[Any, str]]:
    """A triangle near the upper edge where each rule would have cut first, with its name and verdict."""
    keys: dict[bool | None, tuple[Any, str]] = {}
    place = ax.get_xaxis_transform()
    low, high = ax.get_xlim()
    for i, rule in enumerate(rule for rule in facts.rules if rule.replay.cuts):
        colour = CUT_COLOURS[rule.good]
        at, height = rule.replay.cuts[0], 0.965 - 0.052 * i
        (mark,) = ax.plot([at], [height], "v", transform=place, color=colour, ms=6, mec="white", zorder=6)
        left = at > low + 0.6 * (high - low)
        ax.annotate(
            axes.literal(f"{rule.name}: {rule.verdict}"), (at, height), xycoords=place,
            xytext=(-6 if left else 6, 0), textcoords="offset points", ha="right" if left else "left",
            va="center", fontsize=6.8, color=axes.INK, clip_on=True,
        )  # fmt: skip
        keys.setdefault(rule.good, (mark, f"a rule's first cut, {_CUT_KINDS[rule.good]}"))
    return list(keys.values())
