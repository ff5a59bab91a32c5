"""What was said of logged runs, as text: the verdict, why, caveats, then each tool; for several runs a row a
run."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lrscope.diagnosis.base import Regime
from lrscope.diagnosis.examine import Examined
from lrscope.views.diagnosis.facts import (
    ADVICE,
    NAMES,
    DiagnosisFacts,
    answer_line,
    collect,
    gain_words,
    patience_lines,
    rule_words,
    stepping_words,
)
from lrscope.views.shared import numbers
from lrscope.views.shared.console import caveats, columns_for, console_on, finished_text
from lrscope.views.shared.words import one_line

STYLES = {
    Regime.DESCENDING: "green",
    Regime.PLATEAU: "yellow",
    Regime.DIVERGING: "bold red",
    Regime.TOO_SLOW: "cyan",
    Regime.ZIGZAG: "magenta",
    Regime.UNDECIDED: "dim",
}
PARTS = ("diagnosis", "patience", "backtest", "stepping")


def render(
    runs: Sequence[Examined],
    reason: str,
    warnings: Sequence[str],
    *,
    parts: Sequence[str] = PARTS,
    width: int | None = None,
    colour: bool = False,
    encoding: str | None = None,
) -> str:
    """The whole answer as text, ending in a line break.

    Parameters
    ----------
    runs : sequence of Examined
    reason : str
        The sentence on all of them.
    warnings : sequence of str
        Doubts of all of them.
    parts : sequence of str
        Which of "diagnosis", "patience", "backtest" and "stepping" to tell.
    width, colour, encoding
        As of `text.render`.
    """
    buffer = io.StringIO()
    console = console_on(buffer, columns_for(width), colour)
    if len(runs) == 1:
        _one(console, collect(runs[0]), warnings, parts)
    elif "diagnosis" in parts:
        console.print(Text(reason, style="bold"))
        console.print()
        console.print(_rows(runs))
        found = [f"{run.run.name}: {f.reason}" for run in runs for f in run.stepping or ()]
        caveats(console, [*found, *warnings])
    else:
        for run in runs:
            console.print(Text(one_line(run.run.name), style="bold"))
            _one(console, collect(run), (), parts)
            console.print()
    return finished_text(buffer, encoding)


def _one(console: Console, facts: DiagnosisFacts, warnings: Sequence[str], parts: Sequence[str]) -> None:
    if "diagnosis" in parts:
        _verdict(console, facts)
        caveats(console, warnings)
        _evidence(console, facts)
        _segments(console, facts)
    # The tools stand under their names where they follow a verdict, and without one where they were asked for.
    titled = len(parts) > 1
    if "stepping" in parts:
        _titled(console, "Stepping of the learning rate", titled and facts.stepping is not None)
        for words in stepping_words(facts.stepping):
            console.print(Text(one_line(words), style="yellow" if facts.stepping else ""))
        if facts.stepping is None and not titled:
            console.print(Text("No learning rate was logged: there is no stepping to check."))
    if "patience" in parts:
        _titled(console, "Patience for a plateau rule on this curve", titled)
        _patience(console, facts)
    if "backtest" in parts and (facts.rules or not titled):
        _titled(console, "Where plateau rules would have cut the rate", titled)
        _backtest(console, facts)


def _titled(console: Console, title: str, wanted: bool) -> None:
    if wanted:
        console.print()
        console.print(Text(title, style="bold"))


def _verdict(console: Console, facts: DiagnosisFacts) -> None:
    found = facts.diagnosis
    console.print(Text(answer_line(found), style=f"bold {STYLES[found.regime].replace('bold ', '')}".strip()))
    many = numbers.plural(facts.points, "point")
    console.print(Text(f"{one_line(facts.name)} ({facts.format}): {one_line(facts.metric)}, {many}"))
    console.print()
    console.print(Text(one_line(found.reason)))
    if words := gain_words(found):
        console.print(Text(one_line(words)))


def _evidence(console: Console, facts: DiagnosisFacts) -> None:
    known = {k: v for k, v in facts.diagnosis.evidence.items() if math.isfinite(v)}
    if known:
        console.print()
        words = ", ".join(f"{k.replace('_', ' ')} {_plain(v)}" for k, v in known.items())
        console.print(Text(f"Evidence: {one_line(words)}", style="dim"))


def _plain(value: float) -> str:
    whole = float(value).is_integer() and abs(value) < 1e15
    return numbers.count(int(value)) if whole else numbers.value(value, 3)


def _segments(console: Console, facts: DiagnosisFacts) -> None:
    if len(facts.segments) < 2:
        return
    console.print()
    table = _table(
        ("steps", "right"), ("state", "left"), ("level", "right"), ("change in 1,000 steps", "right")
    )
    for s in facts.segments:
        table.add_row(
            f"{numbers.count(s.start)} to {numbers.count(s.stop)}",
            Text(NAMES[s.regime], style=STYLES[s.regime]),
            numbers.value(s.level),
            numbers.value(1000 * s.slope, 3),
        )
    console.print(table)


def _patience(console: Console, facts: DiagnosisFacts) -> None:
    console.print(Text(one_line(facts.patience.reason)))
    console.print(Text(facts.reports, style="dim"))
    for name, words in patience_lines(facts.patience):
        # One line each, however narrow the terminal: they are there to be copied.
        console.print(Text(f"  {name + ':':<9}", style="dim") + Text(one_line(words)), soft_wrap=True)
    caveats(console, facts.patience.warnings)


def _backtest(console: Console, facts: DiagnosisFacts) -> None:
    if not facts.rules:
        console.print(Text("Fewer than eight reports: there is nothing to replay."))
        return
    table = _table(("rule", "left"), ("first cut at step", "right"), ("still to come", "right"), ("", "left"))
    for rule in facts.rules:
        cut, left = rule_words(rule)
        table.add_row(
            Text(one_line(rule.name)),
            cut,
            left,
            Text(rule.verdict, style="yellow" if rule.good is False else ""),
        )
    console.print(table)
    notes = list(dict.fromkeys(f"{rule.name}: {note}" for rule in facts.rules for note in rule.notes))
    caveats(console, notes)


def _rows(runs: Sequence[Examined]) -> Table:
    table = _table(
        ("run", "left"), ("metric", "left"), ("points", "right"), ("last", "right"), ("state", "left")
    )
    table.add_column("advice", no_wrap=True)
    table.add_column("sure", justify="right", no_wrap=True)
    for run in runs:
        found, curve = run.diagnosis, run.curve
        table.add_row(
            Text(one_line(run.run.name), overflow="ellipsis", no_wrap=True),
            Text(one_line(found.metric), overflow="ellipsis", no_wrap=True),
            numbers.count(len(curve)),
            numbers.value(float(curve.loss[-1])),
            Text(NAMES[found.regime], style=STYLES[found.regime]),
            Text(ADVICE[found.advice].removesuffix(" the learning rate").removesuffix(" training")),
            numbers.share(found.confidence),
        )
    return table


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name, justify in columns:
        table.add_column(escape(name), justify="right" if justify == "right" else "left")
    return table
