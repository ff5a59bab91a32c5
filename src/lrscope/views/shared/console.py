"""What all texts for a terminal share: the console they are written on, caveats, and the way out."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrscope.views.shared.words import encodable, one_line


def columns_for(width: int | None) -> int:
    """`width`, or the terminal's, at most 110 (longer lines are hard to read); at least 40."""
    return max(40, min(110, shutil.get_terminal_size((80, 24)).columns) if width is None else width)


def console_on(buffer: io.StringIO, columns: int, colour: bool) -> Console:
    """A console that writes to `buffer`, with ANSI codes where `colour` and NO_COLOR allow."""
    return Console(
        file=buffer, width=columns, force_terminal=colour, color_system="standard" if colour else None,
        highlight=False, emoji=False, markup=True, legacy_windows=False, _environ={} if not colour else None,
    )  # fmt: skip


def caveats(console: Console, warnings: Sequence[str]) -> None:
    """Each doubt on lines of its own, marked."""
    if warnings:
        console.print()
    for warning in warnings:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1, style="yellow")
        table.add_column(overflow="fold")
        table.add_row("!", Text(one_line(warning)))
        console.print(table)


def finished_text(buffer: io.StringIO, encoding: str | None) -> str:
    """What was written, without blanks at line ends, in characters that `encoding` (or standard output) has."""
    lines = (line.rstrip() for line in buffer.getvalue().rstrip("\n").split("\n"))
    return encodable("\n".join(lines) + "\n", encoding or getattr(sys.stdout, "encoding", None) or "utf-8")
