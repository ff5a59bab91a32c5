"""What all figures share: the look of their axes, their colours, and the one place that imports matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrscope.errors import UsageError
from lrscope.views.shared import numbers
from lrscope.views.shared.curves import Window
from lrscope.views.shared.words import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2933"
MUTED = "#6b7785"
GRID = "#e6e9ee"
ACCENT = "#c2410c"  # the answer; apart from viridis for every common kind of colour vision
BAND = "#f3c9a5"
DONE = "#2b5b84"
GONE = "#8b2635"
_DARKEST, _LIGHTEST = 0.0, 0.88  # viridis ends in a yellow too pale for a white page


def literal(text: str) -> str:
    """Text that matplotlib takes for text, although dollar signs would begin a formula; on one line, without control
    characters, for which no font has a shape."""
    return one_line(text).replace("$", r"\$")


def prepare(ax: Axes) -> None:
    """The look that all our axes have: a white ground, a faint grid, no box."""
    ax.set_facecolor("white")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color("#b6bec8")
    ax.tick_params(colors=MUTED, labelsize=8.5, which="both")
    ax.tick_params(which="minor", length=2)
    ax.grid(True, which="major", color=GRID, lw=0.8, zorder=0)
    ax.set_axisbelow(True)
    ax.xaxis.label.set(color=INK, fontsize=9.5)
    ax.yaxis.label.set(color=INK, fontsize=9.5)


def log_axis(ax: Axes, which: str, low: float, high: float) -> None:
    """A log axis labelled as people write numbers (0.01, 1e-5) instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    decades = math.log10(high / low)
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    (ax.set_xlim if which == "x" else ax.set_ylim)(low, high)
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0) if decades < 1.7 else (1.0,), numticks=9))
    # A slice of a decade has its ticks closer together than two digits can tell apart.
    digits = 2 if decades > 0.5 else 2 + math.ceil(-math.log10(max(decades, 1e-12)))
    axis.set_major_formatter(FuncFormatter(lambda v, _: numbers.rate(v, digits)))
    axis.set_minor_formatter(NullFormatter())


def title(ax: Axes, text: str, *, size: float = 10.5, pad: float = 9) -> None:
    """The heading of a panel, at its left."""
    ax.set_title(literal(text), loc="left", fontsize=size, color=INK, fontweight="bold", pad=pad)


def legend_below(ax: Axes, keys: Sequence[tuple[Any, str]], *, columns: int = 2, drop: float = 0.15) -> None:
    """A legend of (artist, words) under the axes, `drop` of their height down: no corner inside is sure to be free."""
    if keys:
        ax.legend(
            [artist for artist, _ in keys], [literal(words) for _, words in keys], loc="upper left",
            bbox_to_anchor=(-0.03, -drop), ncols=columns, frameon=False, fontsize=7.5, labelcolor=INK,
            handletextpad=0.5, columnspacing=1.2, borderpad=0, borderaxespad=0.3,
        )  # fmt: skip


def set_window(ax: Axes, window: Window) -> None:
    """The values that `ax` shows, on the kind of axis that they ask for."""
    if window.log:
        log_axis(ax, "y", window.low, window.high)
    else:
        ax.set_ylim(window.low, window.high)


def new_figure(wide: float, high: float) -> Figure:
    """An empty figure of so many inches on a white ground; in a notebook it shows by itself.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    figure_class, _ = matplotlib_parts()
    figure: Figure = figure_class(figsize=(wide, high), dpi=150, facecolor="white", layout="constrained")
    return figure


def nothing(ax: Axes, text: str) -> None:
    """Words where there is nothing to draw."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=MUTED)
    ax.set_xticks([])
    ax.set_yticks([])


def matplotlib_parts() -> tuple[Any, dict[str, Any]]:
    """Figure and the parts that are drawn with; only here is matplotlib imported."""
    try:
        import matplotlib
        from matplotlib import patheffects
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LinearSegmentedColormap, Normalize
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
    except ModuleNotFoundError as error:
        raise UsageError(
            "Drawing a figure needs matplotlib, which is not installed: pip install 'lrscope[plot]'"
        ) from error
    shades = matplotlib.colormaps["viridis"](np.linspace(_DARKEST, _LIGHTEST, 256))
    colours = LinearSegmentedColormap.from_list("lrscope", shades)
    parts = {
        "norm": Normalize,
        "truncated": colours,
        "line": Line2D,
        "effects": patheffects,
        "scale": ScalarMappable,
    }
    return Figure, parts
