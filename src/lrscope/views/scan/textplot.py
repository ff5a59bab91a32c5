"""The picture of a scan in characters: where each run stands at its end, against its learning rate."""

from __future__ import annotations

import math

from rich.text import Text

from lrscope.curves import RunState
from lrscope.views.scan.facts import Facts, RunFacts, level_window
from lrscope.views.scan.words import band_label
from lrscope.views.shared import numbers
from lrscope.views.shared.words import one_line, shortened

_HEIGHT = 9  # lines
_MARGIN = 10  # columns left of the picture
_NAME_WIDTH = 16
_LEAST_WIDTH = 50


def plot_levels(facts: Facts, columns: int) -> list[Text]:
    """Lines of a scatter plot at most `columns` wide; none where there is nothing to be seen in one (fewer
    than three rates, or no level at all).

    ● reached the horizon, ○ was stopped, × diverged or failed (at the edge), ◆ is recommended. Below the
    axis the band is a bar, and the cliff a dotted line through the picture.
    """
    rates = sorted({r.lr for r in facts.runs})
    metric = facts.metric
    if metric is None or len(rates) < 3 or columns < _LEAST_WIDTH:
        return []
    shown = [
        r for r in facts.runs if metric in r.curves and r.curves[metric].level is not None and not r.gone
    ]
    if not shown:
        return []
    window = level_window(facts, metric)
    stride = max(1, min(4, (columns - _MARGIN - 2) // len(rates)))
    if len(rates) * stride > columns - _MARGIN - 1:
        return []
    wide = len(rates) * stride
    cells = [[(" ", "")] * wide for _ in range(_HEIGHT)]
    column = {rate: i * stride for i, rate in enumerate(rates)}
    _draw_cliff(facts, rates, column, cells)

    def row(level: float) -> int:
        low, high, at = window.low, window.high, min(max(level, window.low), window.high)
        if window.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return _HEIGHT - 1 - round((at - low) / (high - low) * (_HEIGHT - 1))

    top = 0 if facts.answer.goal == "min" else _HEIGHT - 1
    for run in sorted(facts.runs, key=lambda r: (r.named, r.state is RunState.COMPLETE)):
        if run.gone:
            cells[top][column[run.lr]] = ("×", "red")
        elif metric in run.curves and run.curves[metric].level is not None:
            cells[row(float(run.curves[metric].level or 0.0))][column[run.lr]] = _mark(run)
    lines = [_heading(facts, metric, window.log)]
    names = {0: numbers.value(window.high, 3), _HEIGHT - 1: numbers.value(window.low, 3)}
    for i, cell_row in enumerate(cells):
        line = Text(f"{names.get(i, ''):>{_MARGIN - 2}} ")
        line.append("┤" if i in names else "│", "dim")
        for character, style in cell_row:
            line.append(character, style)
        lines.append(line)
    lines.append(Text(" " * (_MARGIN - 1) + "└" + "─" * wide, "dim"))
    lines.append(_labels(rates, column, wide, columns))
    if facts.answer.band is not None:
        lines.append(_band_line(facts, rates, column, columns))
    return lines


def _mark(run: RunFacts) -> tuple[str, str]:
    if run.named:
        return ("◆", "bold yellow")
    return ("●", "green") if run.state is RunState.COMPLETE else ("○", "")


def _heading(facts: Facts, metric: str, log: bool) -> Text:
    words = "best" if facts.plan.objective == "best" else "at the end"
    kinds = ["◆ recommended"] if any(r.named for r in facts.runs) else []
    kinds += ["● full run"] if facts.count(RunState.COMPLETE) > sum(r.named for r in facts.runs) else []
    kinds += ["○ stopped"] if facts.unfinished else []
    kinds += ["× diverged"] if any(r.gone for r in facts.runs) else []
    short = shortened(one_line(metric), _NAME_WIDTH)
    return Text(f"{short} {words}{' (log)' if log else ''}:  " + "  ".join(kinds), "dim")


def _draw_cliff(
    facts: Facts, rates: list[float], column: dict[float, int], cells: list[list[tuple[str, str]]]
) -> None:
    if facts.answer.cliff is None:
        return
    after = next((r for r in rates if r > facts.answer.cliff.value), None)
    if after is None or after == rates[0]:
        return
    x = column[after] - 1 if column[after] - 1 not in column.values() else column[after]
    for cell_row in cells:
        cell_row[x] = ("┊", "red")


def _labels(rates: list[float], column: dict[float, int], wide: int, columns: int) -> Text:
    """Powers of ten under the axis, and both ends; a label that would touch its neighbour is left out."""
    wanted = [rates[0], *(r for r in rates if abs(math.log10(r) - round(math.log10(r))) < 1e-9), rates[-1]]
    taken = [" "] * (min(columns, _MARGIN + wide + 8))
    for rate in wanted:
        text, at = numbers.rate(rate), _MARGIN + column[rate]
        start = max(0, min(at - (len(text) - 1) // 2, len(taken) - len(text)))
        around = taken[max(0, start - 1) : start + len(text) + 1]
        if all(c == " " for c in around):
            taken[start : start + len(text)] = text
    return Text("".join(taken).rstrip(), "dim")


def _band_line(facts: Facts, rates: list[float], column: dict[float, int], columns: int) -> Text:
    band = facts.answer.band
    assert band is not None  # noqa: S101
    inside = [column[r] for r in rates if band.low * (1 - 1e-9) <= r <= band.high * (1 + 1e-9)]
    if not inside:
        return Text("")
    words = band_label(band)
    start, wide = _MARGIN + inside[0], inside[-1] - inside[0] + 1
    left = start + wide + 1 + len(words) > columns and start > len(words)
    line = Text(f"{words} ".rjust(start) if left else " " * start, "dim")
    line.append("━" * wide, "not dim yellow")
    if not left:
        line.append(f" {words}", "dim")
    return line
