"""A report as text for a terminal or a file. It knows the sections, and no kind of result."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table as Grid
from rich.text import Text

from lrscope.views.shared import sections as s
from lrscope.views.shared.words import encodable, one_line

STATE_STYLES = {
    "complete": "green", "stopped": "dim", "diverged": "red", "failed": "bold red", "running": "cyan", "paused": "",
    "descending": "green", "plateau": "yellow", "diverging": "bold red", "too_slow": "cyan", "zigzag": "magenta",
    "undecided": "dim", "wrong": "yellow",
}  # fmt: skip
"""Of run states, of regimes, and of a verdict against something."""

_TONES = {"plain": "", "quiet": "dim", "alert": "yellow"}
_GAP = "   "
_WIDEST, _NARROWEST = 110, 40  # columns; longer lines are hard to read


def render(
    report: s.Report, *, width: int | None = None, colour: bool = False, encoding: str | None = None
) -> str:
    """The report as text, ending in a line break.

    Parameters
    ----------
    report : Report
    width : int or None
        Columns, at least 40; None takes the terminal's, at most 110 (longer lines are hard to read).
    colour : bool
        Whether to colour it with ANSI codes. NO_COLOR in the environment takes the colours away again.
    encoding : str or None
        What the text is to be printed in; None takes standard output's. Where it cannot hold a character,
        plain ASCII stands in its place.
    """
    terminal = min(_WIDEST, shutil.get_terminal_size((80, 24)).columns)
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=max(_NARROWEST, terminal if width is None else width), force_terminal=colour,
        color_system="standard" if colour else None, highlight=False, emoji=False, markup=True,
        legacy_windows=False, _environ={} if not colour else None,
    )  # fmt: skip
    _head(console, report)
    _sections(console, report.sections)
    lines = (line.rstrip() for line in buffer.getvalue().strip("\n").split("\n"))
    codec = encoding or getattr(sys.stdout, "encoding", None) or "utf-8"
    return encodable("\n".join(lines) + "\n", codec)


def _head(console: Console, report: s.Report) -> None:
    if report.unfinished:
        console.print(Text(one_line(report.unfinished), style="yellow"))
    if report.headline is not None:
        colour = STATE_STYLES.get(report.state, "").replace("bold ", "")
        parts = [one_line(words) for words in ("".join(report.headline), *report.details)]
        for line in _filled(parts, console.width):
            console.print(Text(line, style=f"bold {colour}".strip()))
    if report.lead:
        console.print(Text(one_line(report.lead)))


def _filled(parts: Sequence[str], width: int) -> list[str]:
    """Lines of at most `width` characters, broken between parts; a part that is longer is a line by itself."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(_GAP) + len(part) <= width:
            lines[-1] += _GAP + part
        else:
            lines.append(part)
    return lines


def _sections(console: Console, sections: Sequence[s.Section], *, apart: bool = True) -> None:
    """Sections, those with a title after an empty line; with `apart` all of them."""
    for section in sections:
        if section.only == "page":
            continue
        inner = section.sections() if isinstance(section, s.Group) else ()
        inner = section.sections if isinstance(section, s.Fold) else inner
        parts = _parts(section, console.width)
        if inner or parts:
            if apart or section.title:
                console.print()
            if section.title:
                console.print(Text(one_line(section.title), style="bold"))
        for part in parts:
            paste = isinstance(section, s.Pairs) and section.paste
            console.print(part, no_wrap=isinstance(section, s.Chart) or None, soft_wrap=paste)
        _sections(console, inner, apart=False)


def _parts(section: s.Section, columns: int) -> Sequence[RenderableType]:
    """What a section is made of on a terminal; nothing where it is left out there."""
    match section:
        case s.Paragraph():
            return [Text(one_line(section.text), style=_TONES[section.tone])] if section.text else []
        case s.Caveats():
            return [_caveat(sentence) for sentence in section.sentences]
        case s.Pairs(paste=True):
            # One line each, however narrow the terminal: they are there to be copied.
            pairs = [(one_line(name) + ":", one_line(value)) for name, value in section.pairs]
            wide = max((len(name) for name, _ in pairs), default=0)
            return [Text(f"  {name:<{wide}} ", "dim") + Text(value) for name, value in pairs]
        case s.Pairs():
            words = ", ".join(f"{name} {value}" for name, value in section.pairs)
            return [Text(one_line(words), style="dim")] if words else []
        case s.Table():
            return [_grid(section)] if section.rows else []
        case s.Chart(lines=drawn) if drawn is not None:
            return drawn(columns)
    return []


def _caveat(sentence: str) -> Grid:
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(width=1, style="yellow")
    grid.add_column(overflow="fold")
    grid.add_row("!", Text(one_line(sentence)))
    return grid


def _grid(table: s.Table) -> Grid:
    """A table without the columns whose cells are all empty here."""
    grid = Grid(box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    told = [[_cell(row, cell) for cell in row.cells] for row in table.rows]
    if any(row.named for row in table.rows):
        for row, cells in zip(table.rows, told, strict=True):
            cells[0].append(" ◆" if row.named else "  ")
    kept = [k for k in range(len(table.columns)) if any(cells[k].plain for cells in told)]
    for k in kept:
        name = escape(one_line(table.columns[k]))
        grid.add_column(
            name, justify="right" if k in table.numeric else "left", no_wrap=k not in table.narrow
        )
    for cells in told:
        grid.add_row(*(cells[k] for k in kept))
    return grid


def _cell(row: s.Row, cell: s.Cell) -> Text:
    words = "" if cell.only == "page" else one_line(cell.text)
    style = "bold" if row.named else STATE_STYLES.get(cell.state or row.state, "")
    style = "dim" if cell.quiet else style
    return Text(words, style, no_wrap=not cell.whole, overflow="fold" if cell.whole else "ellipsis")
