"""The matplotlib figure: final loss against learning rate, and the curves. It draws facts and computes no
answer.

Everything goes through the object-oriented interface: no pyplot, no global style is read or changed beyond
what matplotlib itself does for a new figure, and `draw_rates` and `draw_curves` draw on any axes they are
given.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lrscope.curves import RunState
from lrscope.search.rate.recommendation import Band
from lrscope.statistics.estimate import Estimate
from lrscope.views.scan.facts import Facts, RunFacts, curve_window, level_window, share_span, step_axis_is_log
from lrscope.views.scan.words import band_label, headline, interval_words
from lrscope.views.shared import axes, numbers, smoothing
from lrscope.views.shared.curves import Window
from lrscope.views.shared.smoothing import SMOOTHING_NOTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# How runs are marked: those that ran to the end, those stopped on the way, those that diverged or failed.
_FULL: dict[str, Any] = {"color": axes.DONE, "ms": 6.5, "mec": "white", "mew": 0.8}
_HOLLOW: dict[str, Any] = {"color": "white", "mec": axes.DONE, "mew": 1.2}
_LOST: dict[str, Any] = {"color": axes.GONE, "ms": 6.5, "mew": 1.7}


def draw(facts: Facts) -> Figure:
    """Two panels, 11 by 4.4 inches, on a white ground.

    Left: where each run stands at its end against its learning rate, with band, interval and cliff. Right:
    the curves, coloured by rate (left out where each run is a single value). Save it with
    ``figure.savefig(path)``; in a notebook it shows by itself.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    if facts.plan.horizon == 1:  # single values are no curves
        alone = axes.new_figure(6.5, 4.4)
        draw_rates(alone.subplots(), facts)
        return alone
    figure = axes.new_figure(11, 4.4)
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1.05, 1.0]})
    draw_rates(left, facts)
    draw_curves(right, facts)
    return figure


def draw_rates(ax: Axes, facts: Facts) -> None:
    """End of each run against its learning rate, on `ax`.

    Filled points reached the horizon; hollow ones were stopped on the way and stand where they had got to,
    the smaller the sooner; crosses at the edge diverged or failed. The orange bar is the interval of the
    recommended rate, the shaded part the band, the dashed line the cliff with its interval.
    """
    axes.prepare(ax)
    metric = facts.metric
    ax.set_xlabel("learning rate")
    if metric is None or not any(metric in r.curves or r.gone for r in facts.runs):
        axes.nothing(ax, "no values were seen")
        return
    window = level_window(facts, metric)
    rates = [r.lr for r in facts.runs]
    axes.log_axis(ax, "x", min(rates) / 1.35, max(rates) * 1.35)
    axes.set_window(ax, window)
    edge = 0.955 if facts.answer.goal == "min" else 0.045
    place = ax.get_xaxis_transform()  # x in data, y as a fraction of the axes
    handles: list[tuple[Any, str]] = []
    if facts.answer.band is not None:
        handles.append((_band(ax, facts.answer.band), band_label(facts.answer.band)))
    if facts.answer.cliff is not None:
        words = f"diverges above {numbers.rate(facts.answer.cliff.value)}"
        handles.append((_cliff(ax, facts.answer.cliff), words))
    _guide(ax, facts, metric)
    for run in facts.runs:
        if run.gone:
            ax.plot(run.lr, edge, "x", transform=place, zorder=4, clip_on=False, **_LOST)
        elif metric in run.curves and run.curves[metric].level is not None:
            _point(ax, run, float(run.curves[metric].level or 0.0), window)
    handles += _keys(facts)
    _answer(ax, facts, window, handles)
    ax.set_ylabel(axes.literal(_level_label(facts, metric)))
    axes.title(ax, "".join(headline(facts.answer)))
    axes.legend_below(ax, handles)
    if all(r.gone for r in facts.runs):
        ax.set_yticks([])


def draw_curves(ax: Axes, facts: Facts) -> None:
    """The curves of the judged metric, coloured by learning rate, on `ax`.

    Where they are noisy, what was observed is thin and faint and a centred mean lies on top. The
    recommended run is the one in orange. The colour bar takes its place from `ax`.
    """
    axes.prepare(ax)
    metric = facts.metric
    ax.set_xlabel("step")
    if metric is None or not any(metric in r.curves for r in facts.runs):
        axes.nothing(ax, "no curves were seen")
        return
    _, plt = axes.matplotlib_parts()
    window = curve_window(facts, metric)
    axes.set_window(ax, window)
    rates = [r.lr for r in facts.runs]
    norm = plt["norm"](math.log10(min(rates)), math.log10(max(rates)) + 1e-9)
    colours = plt["truncated"]
    # The recommended run is drawn last, on top of the others.
    for run in sorted(facts.runs, key=lambda r: (r.named, not r.gone)):
        if metric in run.curves:
            colour = axes.ACCENT if run.named else colours(norm(math.log10(run.lr)))
            _curve(ax, run, metric, colour, plt)
    _step_axis(ax, facts, metric)
    ax.set_ylabel(axes.literal(metric))
    axes.title(ax, "Curves")
    if any(r.curves[metric].noisy for r in facts.runs if metric in r.curves):
        ax.set_title(SMOOTHING_NOTE, loc="right", fontsize=7, color=axes.MUTED, pad=9)
    named = next((r for r in facts.runs if r.named and metric in r.curves), None)
    if named is not None:
        line = plt["line"]([], [], color=axes.ACCENT, lw=2.4)
        ax.legend(
            [line],
            [f"learning rate {numbers.rate(named.lr)}"],
            frameon=False,
            fontsize=8,
            labelcolor=axes.INK,
        )
    if len(set(rates)) > 1:
        _colour_bar(ax, plt, norm, colours)


def _point(ax: Axes, run: RunFacts, level: float, window: Window) -> None:
    if not window.low <= level <= window.high:
        at, mark = (0.985, "^") if level > window.high else (0.015, "v")
        ax.plot(run.lr, at, mark, transform=ax.get_xaxis_transform(), ms=5.5, zorder=4, **_HOLLOW)
    elif run.state is RunState.COMPLETE:
        ax.plot(run.lr, level, "o", zorder=5, **_FULL)
    else:
        size = 5.0 if run.share is None else 3.2 + 3.3 * math.sqrt(run.share)
        ax.plot(run.lr, level, "o", ms=size, zorder=4, **_HOLLOW)


def _band(ax: Axes, band: Band) -> Any:
    # Half a grid step on either side would claim more than was seen; a band of one rate still needs a width.
    slim = 1.06 if band.low == band.high else 1.0
    return ax.axvspan(band.low / slim, band.high * slim, color=axes.BAND, alpha=0.45, lw=0, zorder=0.5)


def _cliff(ax: Axes, cliff: Estimate) -> Any:
    if math.isfinite(cliff.low) and math.isfinite(cliff.high):
        ax.axvspan(cliff.low, cliff.high, color=axes.GONE, alpha=0.09, lw=0, zorder=0.4)
    return ax.axvline(cliff.value, color=axes.GONE, lw=1.3, ls=(0, (4, 3)), zorder=2)


def _guide(ax: Axes, facts: Facts, metric: str) -> None:
    """A thin line through the runs that reached the horizon (mean over seeds), to lead the eye; broken where
    another rate stands between two of them, since a line past it would cut through the valley."""
    by_rate: dict[float, list[float]] = {}
    for run in facts.runs:
        level = run.curves[metric].level if metric in run.curves else None
        if run.state is RunState.COMPLETE and level is not None:
            by_rate.setdefault(run.lr, []).append(level)
    rates = sorted({run.lr for run in facts.runs})
    levels = [float(np.mean(by_rate[r])) if r in by_rate else math.nan for r in rates]
    if any(math.isfinite(a) and math.isfinite(b) for a, b in pairwise(levels)):
        ax.plot(rates, levels, color=axes.DONE, lw=1.1, alpha=0.55, zorder=3)


def _keys(facts: Facts) -> list[tuple[Any, str]]:
    _, plt = axes.matplotlib_parts()
    line, keys = plt["line"], []
    if done := facts.count(RunState.COMPLETE):
        keys.append((line([], [], marker="o", ls="", **_FULL), f"{done} ran to the end"))
    if short := facts.unfinished:
        span = share_span(short)
        how_far = f" at {span} of the steps" if span else ""
        word = "stopped" if all(r.state is RunState.STOPPED for r in short) else "unfinished"
        keys.append((line([], [], marker="o", ls="", ms=5, **_HOLLOW), f"{len(short)} {word}{how_far}"))
    lost = [f"{n} {state}" for state in (RunState.DIVERGED, RunState.FAILED) if (n := facts.count(state))]
    if lost:
        keys.append((line([], [], marker="x", ls="", **_LOST), ", ".join(lost)))
    return keys


def _answer(ax: Axes, facts: Facts, window: Window, handles: list[tuple[Any, str]]) -> None:
    lr, end = facts.answer.lr, facts.named_level
    if lr is None or end is None:
        return
    level = min(max(end, window.low), window.high)
    label = f"recommended: {numbers.rate(lr.value)}"
    style: dict[str, Any] = {"color": axes.ACCENT, "ms": 7, "mec": "white", "mew": 1.0, "zorder": 6}
    if math.isfinite(lr.low) and math.isfinite(lr.high):
        ends = [[max(0.0, lr.value - lr.low)], [max(0.0, lr.high - lr.value)]]
        caps: dict[str, Any] = {"elinewidth": 2.4, "capsize": 4.5, "capthick": 2.0}
        bar: Any = ax.errorbar([lr.value], [level], xerr=ends, fmt="D", **caps, **style)
        label += f" ({interval_words(facts, '')})"
    else:
        (bar,) = ax.plot([lr.value], [level], "D", **style)
    handles.insert(0, (bar, label))


def _curve(ax: Axes, run: RunFacts, metric: str, colour: Any, plt: dict[str, Any]) -> None:
    facts = run.curves[metric]
    step, loss = facts.curve.step, facts.curve.loss
    top = 6 if run.named else 3
    width = 2.4 if run.named else 1.3
    if not facts.noisy:
        x, y = smoothing.thin(step, loss, 4000)
        line = ax.plot(x, y, color=colour, lw=width, zorder=top, marker="." if len(x) == 1 else None)
        _halo(line, plt, run.named, width)
        return
    x, y = smoothing.thin(step, loss, 1200)
    ax.plot(x, y, color=colour, lw=0.5, alpha=0.3 if run.named else 0.2, zorder=1.5)
    x, y, _ = smoothing.smooth(step, loss)
    at = smoothing.spread(len(x), 1600)
    line = ax.plot(x[at], y[at], color=colour, lw=width, zorder=top)
    _halo(line, plt, run.named, width)


def _halo(lines: list[Any], plt: dict[str, Any], named: bool, width: float) -> None:
    if named:
        effects = plt["effects"]
        lines[0].set_path_effects(
            [effects.Stroke(linewidth=width + 2.2, foreground="white"), effects.Normal()]
        )


def _colour_bar(ax: Axes, plt: dict[str, Any], norm: Any, colours: Any) -> None:
    scale = plt["scale"](norm=norm, cmap=colours)
    figure = ax.get_figure()
    assert figure is not None  # noqa: S101
    bar = figure.colorbar(scale, ax=ax, pad=0.02, aspect=32)
    low, high = math.ceil(norm.vmin - 1e-6), math.floor(norm.vmax + 1e-6)
    ticks = list(range(low, high + 1)) if high > low else [norm.vmin, norm.vmax]
    bar.set_ticks(ticks, labels=[numbers.rate(10.0**t) for t in ticks])
    bar.ax.tick_params(labelsize=8, colors=axes.MUTED, length=0)
    bar.outline.set_visible(False)
    bar.set_label("learning rate", color=axes.INK, fontsize=9)


def _level_label(facts: Facts, metric: str) -> str:
    if facts.plan.objective == "best":
        return f"best {metric}"
    return f"{metric} at the end" + (" (mean over the last tenth)" if facts.averaged(metric) else "")


def _step_axis(ax: Axes, facts: Facts, metric: str) -> None:
    ends = [int(r.curves[metric].curve.step[-1]) for r in facts.runs if metric in r.curves]
    first = min(int(r.curves[metric].curve.step[0]) for r in facts.runs if metric in r.curves)
    last = max(ends)
    if step_axis_is_log(ends) and last > 10 * max(1, first):
        axes.log_axis(ax, "x", max(1, first) / 1.06, last * 1.06)
    else:
        ax.set_xlim(min(0, first), max(last, 1) * 1.02)
