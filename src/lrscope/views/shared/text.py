"""A report as text for a terminal or a file. It knows the sections, and no kind of result."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from lrscope.views.shared.sections import (
    Caveats,
    Cell,
    Chart,
    Fold,
    Group,
    Pairs,
    Paragraph,
    Report,
    Row,
    Section,
    Table,
)
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
    report: Report, *, width: int | None = None, colour: bool = False, encoding: str | None = None
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


def filled(parts: Sequence[str], width: int) -> list[str]:
    """Lines of at most `width` characters, broken between parts; a part that is longer is a line by itself."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(_GAP) + len(part) <= width:
            lines[-1] += _GAP + part
        else:
            lines.append(part)
    return lines


def _head(console: Console, report: Report) -> None:
    if report.unfinished:
        console.print(Text(one_line(report.unfinished), style="yellow"))
    if report.headline is not None:
        colour = STATE_STYLES.get(report.state, report.state).replace("bold ", "")
        parts = [one_line(words) for words in ("".join(report.headline), *report.details)]
        for line in filled(parts, console.width):
            console.print(Text(line, style=f"bold {colour}".strip()))
    if report.lead:
        console.print(Text(one_line(report.lead)))


def _sections(console: Console, sections: Sequence[Section], *, apart: bool = True) -> None:
    """Sections, those with a title after an empty line; with `apart` all of them."""
    for section in sections:
        if section.only != "page":
            _section(console, section, apart)


def _section(console: Console, section: Section, apart: bool) -> None:
    if isinstance(section, Group | Fold):
        inner = section.sections() if isinstance(section, Group) else section.sections
        _title(console, section, apart)
        _sections(console, inner, apart=False)
    elif parts := _parts(section, console.width):
        _title(console, section, apart)
        paste = isinstance(section, Pairs) and section.paste
        for part in parts:
            console.print(part, no_wrap=isinstance(section, Chart) or None, soft_wrap=paste)


def _title(console: Console, section: Section, apart: bool) -> None:
    if apart or section.title:
        console.print()
    if section.title:
        console.print(Text(one_line(section.title), style="bold"))


def _parts(section: Section, columns: int) -> Sequence[RenderableType]:
    """What a section is made of on a terminal; nothing where it is left out there."""
    match section:
        case Paragraph():
            return [Text(one_line(section.text), style=_TONES[section.tone])]
        case Caveats():
            return [_caveat(sentence) for sentence in section.sentences]
        case Pairs(paste=True):
            # One line each, however narrow the terminal: they are there to be copied.
            wide = max((len(name) for name, _ in section.pairs), default=0)
            return [
                Text(f"  {one_line(n) + ':':<{wide + 1}} ", "dim") + Text(one_line(v))
                for n, v in section.pairs
            ]
        case Pairs():
            words = ", ".join(f"{name} {value}" for name, value in section.pairs)
            return [Text(one_line(words), style="dim")] if words else []
        case Table():
            return [_grid(section)] if section.rows else []
        case Chart(lines=drawn) if drawn is not None:
            return drawn(columns)
    return []


def _caveat(sentence: str) -> Grid:
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(width=1, style="yellow")
    grid.add_column(overflow="fold")
    grid.add_row("!", Text(one_line(sentence)))
    return grid


def _grid(table: Table) -> Padding:
    grid = Grid(box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    told = [[_cell(row, cell) for cell in row.cells] for row in table.rows]
    mark = any(row.named for row in table.rows)
    for row, cells in zip(table.rows, told, strict=True):
        if mark:
            cells[0].append(" ◆" if row.named else "  ")
    kept = [k for k in range(len(table.columns)) if any(cells[k].plain for cells in told)]
    for column in (table.columns[k] for k in kept):
        grid.add_column(
            escape(one_line(column.name)),
            justify="right" if column.numeric else "left",
            no_wrap=not column.narrow,
            overflow="fold" if column.narrow else "ellipsis",
        )
    for cells in told:
        grid.add_row(*(cells[k] for k in kept))
    return Padding(grid, 0)


def _cell(row: Row, cell: Cell) -> Text:
    words = "" if cell.only == "page" else one_line(cell.text)
    style = "bold" if row.named else STATE_STYLES.get(cell.state or row.state, "")
    style = "dim" if cell.quiet else style
    return Text(words, style, no_wrap=not cell.whole, overflow="fold" if cell.whole else "ellipsis")
