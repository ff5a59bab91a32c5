"""What a scan found, as text for a terminal or a file: the answer, why, every doubt, a picture, the runs."""

from __future__ import annotations

import io

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lrscope.curves import RunState
from lrscope.search.outcome import Outcome
from lrscope.views.range_test.text import rules_table
from lrscope.views.scan.facts import Facts, RunFacts, collect
from lrscope.views.shared import numbers
from lrscope.views.shared.console import caveats, columns_for, console_on, finished_text
from lrscope.views.shared.textplot import plot_levels
from lrscope.views.shared.words import answer_parts, filled, one_line, price_words

STYLES = {
    RunState.COMPLETE: "green",
    RunState.STOPPED: "dim",
    RunState.DIVERGED: "red",
    RunState.FAILED: "bold red",
    RunState.RUNNING: "cyan",
    RunState.PAUSED: "",
}


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
        What the text is to be printed in; None takes standard output's. Where it cannot hold a character,
        plain ASCII stands in its place.
    """
    columns = columns_for(width)
    facts = collect(outcome)
    buffer = io.StringIO()
    console = console_on(buffer, columns, colour)
    _answer(console, facts)
    caveats(console, facts.warnings)
    picture = [] if facts.ramp else plot_levels(facts, columns)
    if picture:
        console.print()
    for line in picture:
        console.print(line, no_wrap=True, crop=True)
    if facts.readings:
        console.print()
        console.print(rules_table(facts.readings))
    if facts.runs and not facts.ramp:
        console.print()
        console.print(_table(facts))
    return finished_text(buffer, encoding)


def _answer(console: Console, facts: Facts) -> None:
    style = "bold" if facts.lr is not None else "bold yellow"
    if not facts.finished:
        console.print(
            Text("Not finished: this is the answer so far; the same command goes on.", style="yellow")
        )
    for line in filled(answer_parts(facts), console.width):
        console.print(Text(line, style=style))
    if facts.runs:
        console.print(Text(price_words(facts)))
    if facts.reason:
        console.print()
        console.print(Text(one_line(facts.reason)))


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
    table.add_column(escape(_short(one_line(facts.metric or "last"), 18)), justify="right", no_wrap=True)
    usual = _usual_reason(facts)
    told = [_row(run, several, usual) for run in facts.runs]
    table.add_column("why" if any(row[-1] for row in told) else "")
    for row in told:
        table.add_row(*row)
    return Padding(table, 0)


def _usual_reason(facts: Facts) -> str | None:
    """What most of the stopped runs say: it is told once, by their number above the table, and not in each
    row."""
    reasons = [r.reason for r in facts.runs if r.state is RunState.STOPPED and r.reason]
    usual = max(reasons, key=reasons.count, default=None)
    return usual if usual is not None and reasons.count(usual) >= 3 else None


def _row(run: RunFacts, several: bool, usual: str | None) -> list[Text]:
    style = "bold" if run.named else STYLES[run.state]
    mark = " ◆" if run.named else "  "
    cells = [numbers.rate(run.lr, None) + mark]
    if several:
        cells.append(str(run.seed))
    cells += [run.state.value, numbers.count(run.steps), numbers.value(run.last)]
    # Why a run was stopped is told alike many times over, so one line will do; a failure is told in full.
    brief = not run.gone
    reason = "" if run.reason is None or (run.reason == usual and brief) else one_line(run.reason)
    why = Text(reason, "dim", no_wrap=brief, overflow="ellipsis" if brief else "fold")
    return [*(Text(c, style=style) for c in cells), why]


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
