"""The sections in which every kind of result is told: a few kinds, in the order in which they are read.

A kind of result (scan, diagnosis, range test) turns its facts into a `Report`. `text` and `page` render a report and
know no kind of result, so a heading and its place are written once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.text import Text

Medium = Literal["text", "page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What all sections have: a heading ("" for none), and the one medium that shows it (None for both). A section that
    holds nothing is left out, its heading too."""

    title: str = ""
    only: Medium | None = None


@dataclass(frozen=True, slots=True)
class Paragraph(Section):
    """Prose."""

    text: str
    tone: Literal["plain", "quiet", "alert"] = "plain"


@dataclass(frozen=True, slots=True)
class Caveats(Section):
    """What a reader has to know before relying on the result, a sentence each."""

    sentences: Sequence[str]


@dataclass(frozen=True, slots=True)
class KeyFigures(Section):
    """Numbers to be seen at a glance, each (label, value, note). A terminal leaves them out: its lines hold them."""

    figures: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Pairs(Section):
    """Names with their values. With `paste`, values are settings to be copied, each on one line of its own."""

    pairs: Sequence[tuple[str, str]]
    paste: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Parameters
    ----------
    text : str
    state : str
        A run's state or a regime, which colours the cell; "" for none.
    colour : str
        On a page, the colour of a dot before it that is the key to a chart; "" for that of the state.
    sort : str or float or None
        What a page sorts by; None for `text`.
    quiet, whole : bool
        Whether it is set back, as a reason is; and whether a terminal breaks it into lines where it would cut it off.
    only : {"text", "page"} or None
        The one medium that fills the cell; None for both.
    """

    text: str
    state: str = ""
    colour: str = ""
    sort: str | float | None = None
    quiet: bool = False
    whole: bool = False
    only: Medium | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `named` marks it as the answer; `state` colours all of it on a terminal; `label` says what picking it
    does on a page whose charts show it, "" where rows cannot be picked."""

    cells: Sequence[Cell]
    named: bool = False
    state: str = ""
    label: str = ""


def row(*cells: Cell | str, named: bool = False) -> Row:
    """A row of cells, most of which are mere text."""
    return Row([Cell(c) if isinstance(c, str) else c for c in cells], named)


@dataclass(frozen=True, slots=True)
class Table(Section):
    """Rows under named columns; by their index, `numeric` columns are set flush right and `narrow` ones give way first
    in narrow places. A page's script can sort and pick the rows of a table with an `id`."""

    columns: Sequence[str]
    rows: Sequence[Row]
    numeric: Collection[int] = ()
    narrow: Collection[int] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class Chart(Section):
    """A picture: `markup` makes HTML for a page, with everything from outside escaped; `lines` makes lines of at
    most so many columns for a terminal. None draws nothing there."""

    markup: Callable[[], str] | None = None
    lines: Callable[[int], Sequence[Text]] | None = None


@dataclass(frozen=True, slots=True)
class Group(Section):
    """Sections under one title, as all that is said of one of several runs; made only where they are shown."""

    sections: Callable[[], Sequence[Section]]


@dataclass(frozen=True, slots=True)
class Fold(Section):
    """Sections that a page shows when they are asked for; `note` stands beside the title."""

    sections: Sequence[Section]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A result as it is told.

    Parameters
    ----------
    kind, name : str
        "Learning-rate scan" and of what.
    headline : (str, str, str) or None
        The answer in a few words: before, the words that stand out, after. None where only a part is told.
    sections : sequence of Section
    details : sequence of str
        What belongs to the answer, each a sentence without its full stop: interval, range, limits.
    lead : str
        One line under the answer, on what it rests: the cost, or what was read.
    state : str
        A state that colours the headline on a terminal; "" for none.
    unfinished : str
        Why this is not the last word, shown above the answer; "" where it is.
    scripts : sequence of str
        Files of `web/static` that draw the page's charts, in order.
    data : callable returning JSON values, or None
        What they draw; made only for a page.
    """

    kind: str
    name: str
    headline: tuple[str, str, str] | None
    sections: Sequence[Section]
    details: Sequence[str] = ()
    lead: str = ""
    state: str = ""
    unfinished: str = ""
    scripts: Sequence[str] = ()
    data: Callable[[], Any] | None = None
