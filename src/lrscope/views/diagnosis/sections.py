"""A diagnosis as sections: what is told, under which headings, in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from lrscope.diagnosis.base import Regime
from lrscope.diagnosis.examine import Examined
from lrscope.views.diagnosis.chart import chart_data, chart_markup
from lrscope.views.diagnosis.facts import ADVICE, COLOURS, CUT_COLOURS, NAMES, DiagnosisFacts, collect
from lrscope.views.diagnosis.words import (
    answer_line,
    certainty,
    cut_words,
    gain_words,
    headline,
    patience_settings,
    span_words,
)
from lrscope.views.shared import numbers
from lrscope.views.shared.sections import (
    Caveats,
    Cell,
    Chart,
    Fold,
    Group,
    KeyFigures,
    Pairs,
    Paragraph,
    Report,
    Section,
    Table,
    row,
)

TOOLS = ("stepping", "patience", "backtest")
PARTS = ("diagnosis", *TOOLS)
MOST_RUNS = 40  # a page of more would be slow to open; the table on top holds the rest

_GUIDE = (
    "The curve is cut where its pace changes, and each segment is coloured by its state. The pale band about "
    "a segment is the noise of a single point. The mark in the right margin is the value expected after as "
    "many steps again at the present pace, with its interval.",
    "A plateau is reported when the gain still to come is, with confidence, next to nothing; a slope that "
    "merely fails to stand out of the noise is not enough. From a loss alone a noise floor and a zig-zag "
    "across the valley look alike. What the updates do, or the gap to averaged weights, tells them apart.",
    "A plateau rule's first cut is too early when more than 5 % of the improvement was still to come, and "
    "late when the curve had stood still for more than 5 % of the run. Improvement is what training gains "
    "from its start to the best end.",
)


def report(
    source: str, runs: Sequence[Examined], reason: str, warnings: Sequence[str], parts: Sequence[str] = PARTS
) -> Report:
    """What was said of logged runs, as it is told.

    Parameters
    ----------
    source : str
        What was read.
    runs : sequence of Examined
    reason : str
        The sentence on all of them.
    warnings : sequence of str
        Caveats of all of them.
    parts : sequence of str
        Which of "diagnosis", "patience", "backtest" and "stepping" to tell.
    """
    if "diagnosis" not in parts:
        told = [
            Group(partial(_tools, run, parts), title=run.run.name if len(runs) > 1 else "") for run in runs
        ]
        return Report("Diagnosis", source, None, told)
    drawn = runs[:MOST_RUNS]
    guide = Fold([Paragraph(words) for words in _GUIDE], title="Reading guide", only="page")
    scripts, data = ("diagnosis.js",), lambda: chart_data([collect(run) for run in drawn])
    if len(runs) > 1:
        mistakes = [f"{run.run.name}: {f.reason}" for run in runs for f in run.stepping or ()]
        sections = [
            _overview(runs),
            Caveats([*mistakes, *warnings], title="Caveats"),
            *(Group(partial(_run, run, i), title=run.run.name, only="page") for i, run in enumerate(drawn)),
            *_left_out(len(runs)),
            guide,
        ]
        return Report("Diagnosis", source, (reason.rstrip("."), "", ""), sections, scripts=scripts, data=data)
    facts = collect(runs[0])
    found = facts.found
    points = numbers.plural(facts.points, "point")
    return Report(
        "Diagnosis",
        source,
        headline(found),
        [*_verdict(facts, warnings, 0), guide],
        details=[words for words in [certainty(found)] if words],
        lead=f"{facts.name} ({facts.run.run.format}): {facts.found.metric}, {points}",
        state=found.regime.value,
        scripts=scripts,
        data=data,
    )


def _left_out(count: int) -> list[Section]:
    words = f"Charts of the first {MOST_RUNS} of {count} runs are shown."
    return [Paragraph(words, tone="quiet", only="page")] if count > MOST_RUNS else []


def _overview(runs: Sequence[Examined]) -> Table:
    rows = []
    for run in runs:
        found = run.diagnosis
        advice = ADVICE[found.advice].removesuffix(" the learning rate").removesuffix(" training")
        points, last = numbers.count(len(run.curve)), numbers.value(float(run.curve.loss[-1]))
        sure = numbers.share(found.confidence)
        rows.append(row(run.run.name, found.metric, points, last, _state(found.regime), advice, sure))
    columns = ["Run", "Metric", "Points", "Last value", "State", "Advice", "Certainty"]
    return Table(columns, rows, numeric=(2, 3, 6), narrow=(0, 1), title="Runs")


def _state(regime: Regime) -> Cell:
    return Cell(NAMES[regime], state=regime.value, colour=COLOURS[regime])


def _run(run: Examined, index: int) -> list[Section]:
    """All that is said of one of several runs."""
    facts = collect(run)
    return [Paragraph(answer_line(facts.found) + "."), *_verdict(facts, (), index)]


def _verdict(facts: DiagnosisFacts, warnings: Sequence[str], index: int) -> list[Section]:
    found = facts.found
    known = {k.replace("_", " "): v for k, v in found.evidence.items() if math.isfinite(v)}
    return [
        Paragraph(f"{found.reason} {gain_words(found)}".rstrip()),
        KeyFigures(_figures(facts)),
        Caveats(warnings, title="Caveats"),
        Chart(markup=partial(chart_markup, facts, index)),
        _segments(facts),
        *(_stepping(facts, titled=True) if facts.run.stepping is not None else []),
        *_patience(facts, titled=True),
        *(_backtest(facts, titled=True) if facts.rules else []),
        Fold([Pairs([(name, _plain(value)) for name, value in known.items()])], title="Evidence"),
    ]


def _tools(run: Examined, parts: Sequence[str]) -> list[Section]:
    """What the tools asked for say, without their names."""
    told = {"stepping": _stepping, "patience": _patience, "backtest": _backtest}
    facts = collect(run)
    return [section for tool in TOOLS if tool in parts for section in told[tool](facts, titled=False)]


def _figures(facts: DiagnosisFacts) -> list[tuple[str, str, str]]:
    found, gain, pace = facts.found, facts.found.gain_left, facts.found.steps_per_percent
    figures = [
        ("Points", numbers.count(facts.points), f"read as {facts.run.run.format}"),
        ("Certainty", numbers.share(found.confidence), span_words(found)),
    ]
    if gain is not None:
        interval = f"{numbers.value(gain.low, 3)} to {numbers.value(gain.high, 3)}"
        figures.append(
            ("Expected gain", numbers.value(gain.value, 3), f"from as many steps again; {interval}")
        )
    if pace is not None:
        steps = numbers.count(max(1, round(pace))) if math.isfinite(pace) else "never"
        note = "steps, at this pace" if math.isfinite(pace) else ""
        figures.append(("Another 1 % of the improvement", steps, note))
    if facts.noise is not None:
        figures.append(("Noise of one point", f"±{numbers.value(facts.noise, 2)}", ""))
    return figures


def _segments(facts: DiagnosisFacts) -> Table:
    """Where the curve was cut; of a single segment there is nothing more to tell."""
    rows = [
        row(
            f"{numbers.count(s.start)} to {numbers.count(s.stop)}",
            _state(s.regime),
            numbers.value(s.level),
            numbers.value(1000 * s.slope, 3),
        )
        for s in facts.found.segments
    ]
    columns = ["Steps", "State", "Level", "Change in 1,000 steps"]
    return Table(columns, rows if len(rows) > 1 else [], numeric=(0, 2, 3), title="Segments")


def _stepping(facts: DiagnosisFacts, *, titled: bool) -> list[Section]:
    if facts.run.stepping is None:
        return [
            Paragraph("No learning rate was logged, so its stepping cannot be checked: log it at each step.")
        ]
    told = [Paragraph(finding.reason, tone="alert") for finding in facts.run.stepping]
    told = told or [Paragraph("No mistake was found in how the learning rate was stepped.")]
    return _titled(told, "Learning-rate stepping", titled)


def _patience(facts: DiagnosisFacts, *, titled: bool) -> list[Section]:
    told = [
        Paragraph(f"{facts.run.patience.reason} {facts.run.reports[1]}"),
        Pairs(patience_settings(facts.run.patience), paste=True),
        Caveats(facts.run.patience.warnings),
    ]
    return _titled(told, "Patience of a plateau rule", titled)


def _backtest(facts: DiagnosisFacts, *, titled: bool) -> list[Section]:
    if not facts.rules:
        return [Paragraph("The log has fewer than eight reports, too few to replay plateau rules.")]
    rows = []
    for rule in facts.rules:
        state = "wrong" if rule.good is False else ""
        verdict = Cell(rule.verdict, state=state, colour=CUT_COLOURS[rule.good])
        rows.append(row(rule.name, *cut_words(rule), verdict))
    table = Table(["Rule", "First cut at step", "Improvement left", "Verdict"], rows, numeric=(1, 2))
    notes = list(dict.fromkeys(f"{rule.name}: {note}" for rule in facts.rules for note in rule.replay.notes))
    return _titled([table, Caveats(notes)], "Backtest of plateau rules", titled)


def _titled(sections: Sequence[Section], title: str, wanted: bool) -> list[Section]:
    """The sections under their name where they follow a verdict; without it where they were asked for."""
    return [Group(lambda: sections, title=title)] if wanted else list(sections)


def _plain(value: float) -> str:
    whole = float(value).is_integer() and abs(value) < 1e15
    return numbers.count(int(value)) if whole else numbers.value(value, 3)
