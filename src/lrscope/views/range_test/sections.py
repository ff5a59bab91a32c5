"""A range test as sections: what is told, under which headings, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle

from lrscope.search.range_test.readings import RuleReading
from lrscope.search.range_test.result import RangeTest
from lrscope.views.range_test.chart import chart_markup
from lrscope.views.range_test.facts import RULE_COLOURS, RangeTestFacts, collect
from lrscope.views.scan.facts import Facts
from lrscope.views.scan.sections import decisions, reading_guide, runs_table, settings
from lrscope.views.scan.words import UNFINISHED, headline, time_words
from lrscope.views.shared import numbers
from lrscope.views.shared.sections import (
    Caveats,
    Cell,
    Chart,
    KeyFigures,
    Paragraph,
    Report,
    Section,
    Table,
    row,
)

_GUIDE = (
    "Each ramp is one short training during which the learning rate climbs from the lowest to the highest "
    "rate. The thin lines are the losses as observed; the thick one is the smoothed mean of all ramps.",
    "Each rule reads one rate off the thick line: its vertical line, with a shaded 90 % interval. The "
    "interval tells how far that rule's answer would move with other seeds and other batches. How far it lies "
    "from the best rate for a whole training, no ramp can tell; a scan at constant rates can.",
)


def report(test: RangeTest) -> Report:
    """A range test as it is told."""
    facts = collect(test)
    answer, scan = facts.answer, facts.scan
    ramps = numbers.plural(len(facts.ramps), "ramp")
    figures = [*_lost_figure(facts), ("Ramps", str(len(facts.ramps)), "")]
    made: list[Section] = []
    if scan is not None:
        made = [
            replace(runs_table(scan, charted=False), only="page"),
            decisions(scan.decisions),
            settings(scan),
        ]
    return Report(
        kind="Range test",
        name=facts.name,
        headline=headline(answer),
        details=_details(facts),
        lead=f"Read off {ramps}." if scan is None else _cost(scan),
        unfinished="" if scan is None or scan.finished else UNFINISHED,
        sections=[
            Paragraph(answer.reason, tone="quiet"),
            KeyFigures(figures),
            Caveats(answer.warnings, title="Caveats"),
            Chart(markup=partial(chart_markup, facts), title="Loss against the climbing rate"),
            rules_table(answer.readings),
            *made,
            reading_guide(_GUIDE),
        ],
    )


def _details(facts: RangeTestFacts) -> list[str]:
    lost = facts.answer.cliff
    return [] if lost is None else [f"Ramps had lost all that they had gained by {numbers.rate(lost.value)}"]


def _lost_figure(facts: RangeTestFacts) -> list[tuple[str, str, str]]:
    lost = facts.answer.cliff
    if lost is None:
        return []
    return [
        ("Lost again by", numbers.rate(lost.value), f"{numbers.rate(lost.low)} to {numbers.rate(lost.high)}")
    ]


def rules_table(readings: Sequence[RuleReading]) -> Table:
    """A row a rule: the rate on the mean of all ramps, its interval, and the range over single ramps. The first
    rule names the rate."""
    level = numbers.share(readings[0].lr.level) if readings else ""
    columns = ["Rule", "Rate", f"{level} interval", "On each ramp alone"]
    rows = [
        row(
            Cell(one.rule, colour=colour),
            numbers.rate(one.lr.value),
            f"{numbers.rate(one.lr.low)} to {numbers.rate(one.lr.high)}",
            f"{numbers.rate(one.alone[0])} to {numbers.rate(one.alone[-1])}",
            named=place == 0,
        )
        for place, (one, colour) in enumerate(zip(readings, cycle(RULE_COLOURS), strict=False))
    ]
    return Table(columns, rows, numeric=(1, 2, 3), title="Rules")


def _cost(facts: Facts) -> str:
    steps = numbers.plural(facts.cost.steps, "step")
    return f"Cost: {numbers.plural(len(facts.runs), 'ramp')}, {steps} in all{time_words(facts)}."
