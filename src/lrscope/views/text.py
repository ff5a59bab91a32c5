"""What a scan found, as text for a terminal or a file: the answer, why, every doubt, a picture, the runs."""

from __future__ import annotations

import io
import math
import shutil
import sys

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lrscope.curves import RunState
from lrscope.scanning.outcome import Outcome
from lrscope.views import numbers
from lrscope.views.facts import Facts, RunFacts, collect
from lrscope.views.textplot import plot_levels

STYLES = {
    RunState.COMPLETE: "green",
    RunState.STOPPED: "dim",
    RunState.DIVERGED: "red",
    RunState.FAILED: "bold red",
    RunState.RUNNING: "cyan",
    RunState.PAUSED: "",
}

_PLAIN = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "×": "x", "·": ".", "…": ".", "’": "'", "‘": "'", "“": '"', "”": '"', "≤": "<",
     "●": "o", "○": ".", "◆": "#", "━": "=", "─": "-", "│": "|", "┤": "|", "└": "+", "┊": ":", "▲": "^", "▼": "v"}
)  # fmt: skip


def render(
    outcome: Outcome, *, width: int | None = None, colour: bool = False, encoding: str | None = None
) -> str:
    """The whole answer as text, ending in a line break.

    Parameters
    ----------
    outcome : Outcome
    width : int or None
        Columns; None takes the terminal's, at most 110 (longer lines are hard to read).
    colour : bool
        Whether to colour it with ANSI codes. NO_COLOR in the environment takes the colours away again.
    encoding : str or None
        What the text is to be printed in; None takes standard output's. Where it cannot hold a character, plain
        ASCII stands in its place.
    """
    columns = max(40, min(110, shutil.get_terminal_size((80, 24)).columns) if width is None else width)
    facts = collect(outcome)
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=columns, force_terminal=colour, color_system="standard" if colour else None,
        highlight=False, emoji=False, markup=True, legacy_windows=False, _environ={} if not colour else None,
    )  # fmt: skip
    _answer(console, facts)
    _doubts(console, facts)
    picture = plot_levels(facts, columns)
    if picture:
        console.print()
    for line in picture:
        console.print(line, no_wrap=True, crop=True)
    if facts.runs:
        console.print()
        console.print(_table(facts))
    return encodable(
        _stripped(buffer.getvalue()), encoding or getattr(sys.stdout, "encoding", None) or "utf-8"
    )


def encodable(text: str, encoding: str) -> str:
    """`text` with plain characters in place of those that `encoding` cannot hold."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "replace").decode(encoding)
    except LookupError:
        return text.translate(_PLAIN).encode("ascii", "replace").decode("ascii")
    return text


def answer_line(facts: Facts) -> str:
    """The answer in one line: the rate, its interval, the band, the cliff."""
    if facts.lr is None:
        return "No learning rate can be recommended."
    lr = facts.lr
    parts = [f"Learning rate {numbers.rate(lr.value)}"]
    if math.isfinite(lr.low) and math.isfinite(lr.high):
        parts[0] += f"   ({numbers.share(lr.level)}: {numbers.rate(lr.low)} to {numbers.rate(lr.high)})"
    parts += [band_words(facts), cliff_words(facts)]
    return "   ".join(p for p in parts if p)


def band_words(facts: Facts) -> str:
    """ "flat to within 5 % from 0.008 to 0.05", with open ends named; empty where there is no band."""
    if facts.band is None:
        return ""
    band = facts.band
    low = numbers.rate(band.low) + (" or lower" if band.open_low else "")
    high = numbers.rate(band.high) + (" or higher" if band.open_high else "")
    if band.low == band.high:
        return f"only {numbers.rate(band.low)} is within {numbers.share(band.tolerance)} of the best"
    return f"flat to within {numbers.share(band.tolerance)} from {low} to {high}"


def cliff_words(facts: Facts) -> str:
    """ "diverges above 0.31"; empty where nothing diverged within the range."""
    return "" if facts.cliff is None else f"diverges above {numbers.rate(facts.cliff.value)}"


def price_words(facts: Facts) -> str:
    """What it cost: full runs, rates, how the runs ended, time, and the price of a full grid."""
    cost = facts.cost
    rates = len({r.lr for r in facts.runs})
    ends = [
        f"{n} {word}"
        for state, word in (
            (RunState.STOPPED, "stopped early"), (RunState.DIVERGED, "diverged"), (RunState.FAILED, "failed"),
            (RunState.PAUSED, "still paused"), (RunState.RUNNING, "still running"),
        )
        if (n := facts.count(state))
    ]  # fmt: skip
    verb = "Found with" if facts.lr is not None else "It took"
    text = f"{verb} the work of {numbers.amount(cost.full_runs)} full runs"
    if cost.seconds >= 0.05:
        text += f" ({numbers.duration(cost.seconds)} of training)"
    text += ": " + ", ".join([numbers.plural(rates, "rate"), *ends]) + "."
    if cost.full_grid > cost.full_runs > 0:
        text += f" A full grid would have cost {numbers.amount(cost.full_grid)}."
    if cost.rework:
        text += f" {numbers.plural(cost.rework, 'step')} had to be done twice."
    return text


def _answer(console: Console, facts: Facts) -> None:
    style = "bold" if facts.lr is not None else "bold yellow"
    if not facts.finished:
        console.print(
            Text("Interrupted: this is the answer so far; the same command goes on.", style="yellow")
        )
    console.print(Text(answer_line(facts), style=style))
    if facts.runs:
        console.print(Text(price_words(facts)))
    if facts.reason:
        console.print()
        console.print(Text(facts.reason))


def _doubts(console: Console, facts: Facts) -> None:
    if facts.warnings:
        console.print()
    for warning in facts.warnings:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1, style="yellow")
        table.add_column(overflow="fold")
        table.add_row("!", Text(warning))
        console.print(table)


def _table(facts: Facts) -> Padding:
    table = Table(
        box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0), expand=False
    )
    several = len({r.seed for r in facts.runs}) > 1
    table.add_column("rate", justify="right", no_wrap=True)
    if several:
        table.add_column("seed", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("steps", justify="right", no_wrap=True)
    table.add_column(escape(_short(facts.metric or "last", 18)), justify="right", no_wrap=True)
    table.add_column("why")
    for run in facts.runs:
        table.add_row(*_row(run, several))
    return Padding(table, 0)


def _row(run: RunFacts, several: bool) -> list[Text]:
    style = "bold" if run.named else STYLES[run.state]
    mark = " ◆" if run.named else "  "
    cells = [numbers.rate(run.lr, None) + mark]
    if several:
        cells.append(str(run.seed))
    cells += [run.state.value, numbers.count(run.steps), numbers.value(run.last)]
    # Why a run was stopped is told alike many times over, so one line will do; a failure is told in full.
    brief = not run.gone
    why = Text(_one_line(run.reason or ""), "dim", no_wrap=brief, overflow="ellipsis" if brief else "fold")
    return [*(Text(c, style=style) for c in cells), why]


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n")) + "\n"
