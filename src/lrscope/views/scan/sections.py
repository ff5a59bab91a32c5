"""A scan as sections: what is told, under which headings, in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, partial

from lrscope.curves import RunState
from lrscope.search.outcome import Outcome
from lrscope.training.store.base import Decision
from lrscope.views.scan.chart import chart_data, chart_markup, history_markup
from lrscope.views.scan.facts import Facts, RunFacts, collect, history
from lrscope.views.scan.textplot import plot_levels
from lrscope.views.scan.words import UNFINISHED, cost_words, details, headline, tolerance_words
from lrscope.views.shared import numbers
from lrscope.views.shared.curves import known_mean
from lrscope.views.shared.sections import (
    Caveats,
    Cell,
    Chart,
    Fold,
    KeyFigures,
    Pairs,
    Paragraph,
    Report,
    Row,
    Table,
    row,
)
from lrscope.views.shared.words import one_line, shortened

_DECISIONS = 2000  # on a page; a scan of weeks has more
_COLUMN_NAME = 18  # characters
_SHARED_REASON = 3  # stopped runs with one reason, from which on a terminal does not repeat it in each row

_GUIDE = (
    "The learning rate says how far each training step goes. Too small, and training crawls; too large, and it "
    "overshoots until the loss climbs without end: it diverges. Between the two lies a valley, and the first chart "
    "shows it.",
    "Each point is a training run. A filled one ran to the end. A hollow one was stopped early because others did "
    "better; its value is that of the step it reached, and might have improved. A cross at the edge diverged or "
    "failed. The shaded band holds the rates that do about as well as the best: their results differ by less than the "
    "tolerance, a share of the improvement, which is what training gains from its start to the best end. The dashed "
    "line is the cliff. Stay well away from it: another seed or a longer training can move it.",
    "The bar at the diamond is the interval: how far the answer may be off, given what was run. A wide bar asks for "
    "more budget or a second seed.",
    "Short runs flatter high rates: they fall fast at first and stall later. A run that leads early need not win; the "
    "curves show which ones still fall.",
)


def report(outcome: Outcome) -> Report:
    """An outcome as it is told."""
    facts = collect(outcome)
    told = cache(partial(history, outcome))  # it replays the model: for a page, and once
    charts = [
        Chart(markup=partial(chart_markup, facts), lines=partial(plot_levels, facts)),
        Chart(markup=lambda: history_markup(told())),
    ]
    return Report(
        kind="Learning-rate scan",
        name=facts.name,
        headline=headline(facts.answer),
        details=details(facts),
        lead=cost_words(facts) if facts.runs else "Nothing was run.",
        unfinished="" if facts.finished else UNFINISHED,
        sections=[
            Paragraph(facts.answer.reason, tone="quiet"),
            KeyFigures(_figures(facts)),
            Caveats(facts.answer.warnings, title="Caveats"),
            *(charts if facts.metrics else []),
            runs_table(facts, charted=bool(facts.metrics)),
            decisions(facts.decisions),
            settings(facts),
            reading_guide(_GUIDE),
        ],
        scripts=("scan.js", "history.js") if facts.metrics else (),
        data=lambda: chart_data(facts, told()),
    )


def runs_table(facts: Facts, *, charted: bool) -> Table:
    """Every run, by rate and seed; its rows can be picked out where the page has charts that show them."""
    reasons = [r.reason for r in facts.runs if r.state is RunState.STOPPED and r.reason]
    usual = max(reasons, key=reasons.count, default=None)
    shared = usual if usual is not None and reasons.count(usual) >= _SHARED_REASON else None
    value = shortened(one_line(facts.metric or "Last value"), _COLUMN_NAME)
    seed = ["Seed"] if facts.several_seeds else []
    columns = ["Rate", *seed, "State", "Steps", value, "Reason"]
    last = len(columns) - 1
    return Table(
        columns,
        [_row(run, facts.several_seeds, shared) for run in facts.runs],
        numeric=(*range(len(seed) + 1), last - 2, last - 1),
        narrow=(last,),
        title="Runs",
        id="runs" if charted else "",
    )


def _row(run: RunFacts, several: bool, shared: str | None) -> Row:
    rate = numbers.rate(run.lr, None)
    cells = [
        Cell(rate, sort=run.lr),
        *([Cell(str(run.seed), sort=run.seed)] if several else []),
        Cell(run.state.value, state=run.state.value),
        Cell(numbers.count(run.steps), sort=run.steps),
        Cell(numbers.value(run.last), sort="" if run.last is None else run.last),
        # Stopped runs give one reason many times over, so one line will do; a failure is told in full.
        Cell(run.reason or "", quiet=True, whole=run.gone,
             only="page" if run.reason == shared and not run.gone else None),
    ]  # fmt: skip
    label = f"Highlight the run at rate {rate}, seed {run.seed}"
    return Row(cells, named=run.named, state=run.state.value, label=label)


def decisions(ledger: Sequence[Decision]) -> Fold:
    """The ledger."""
    shown = ledger[-_DECISIONS:]
    left_out = len(ledger) - len(shown)
    words = f"{numbers.plural(left_out, 'earlier entry', 'earlier entries')} left out."
    table = Table(["Kind", "Run", "Reason"], [row(d.kind, _run(d), d.reason) for d in shown])
    note = numbers.plural(len(ledger), "entry", "entries")
    return Fold([*([Paragraph(words)] if left_out else []), table], title="Decisions", note=note, only="page")


def _run(decision: Decision) -> str:
    key = decision.key
    return "" if key is None else f"rate {numbers.rate(key.lr, None)}, seed {key.seed}"


def reading_guide(paragraphs: Sequence[str]) -> Fold:
    """How to read the charts, for who asks."""
    return Fold([Paragraph(words) for words in paragraphs], title="Reading guide", only="page")


def settings(facts: Facts) -> Fold:
    """What was asked, and what it cost to the step."""
    plan, answer, cost = facts.plan, facts.answer, facts.cost
    low, high = (numbers.rate(r) for r in (plan.rates[0], plan.rates[-1])) if plan.rates else ("", "")
    better = "less" if answer.goal == "min" else "more"
    pairs = [
        ("Learning rates", f"{len(plan.rates)}, from {low} to {high}" if plan.rates else numbers.MISSING),
        ("Seeds", numbers.listed([str(s) for s in plan.seeds])),
        ("A full run", numbers.MISSING if plan.horizon is None else numbers.plural(plan.horizon, "step")),
        ("Budget", f"{numbers.amount(plan.budget)} full runs"),
        ("Metric", f"{facts.metric or numbers.MISSING} ({better} is better)"),
        ("Judged by", "the end of a run" if plan.objective == "last" else "the best that a run reached"),
        ("Rule", answer.rule),
        ("Interval", answer.lr.method if answer.lr is not None else numbers.MISSING),
        ("Steps done", numbers.count(cost.steps)),
        ("Steps repeated", numbers.count(cost.rework)),
        ("Training time", numbers.duration(cost.seconds)),
    ]
    return Fold([Pairs(pairs)], title="Cost and settings", only="page")


def _figures(facts: Facts) -> list[tuple[str, str, str]]:
    band, cost = facts.answer.band, facts.cost
    figures = []
    if facts.metric is not None and facts.answer.lr is not None:
        last = numbers.value(known_mean([r.last for r in facts.runs if r.named]))
        figures.append((f"{facts.metric} at that rate", last, "at its last step"))
    if band is not None:
        low, high = numbers.rate(band.low), numbers.rate(band.high)
        open_ends = [w for w, on in (("lower", band.open_low), ("higher", band.open_high)) if on]
        more = f"; perhaps {' and '.join(open_ends)} too" if open_ends else ""
        span = f"{low} to {high}" if band.low < band.high else low
        figures.append(("About as good", span, tolerance_words(band) + more))
    figures += cliff_figure(facts)
    saved = f"a full grid: {numbers.amount(cost.full_grid)}" if cost.full_grid else ""
    return [*figures, ("Cost", f"{numbers.amount(cost.full_runs)} full runs", saved)]


def cliff_figure(facts: Facts) -> list[tuple[str, str, str]]:
    """From which rate on training diverges, or learns nothing."""
    cliff = facts.answer.cliff
    if cliff is not None:
        known = math.isfinite(cliff.low) and math.isfinite(cliff.high)
        note = f"between {numbers.rate(cliff.low)} and {numbers.rate(cliff.high)}" if known else ""
        name = "Diverges above" if facts.count(RunState.DIVERGED) else "No longer learns above"
        return [(name, numbers.rate(cliff.value), note)]
    if facts.runs and not facts.count(RunState.DIVERGED):
        return [("Diverges above", numbers.MISSING, "no run diverged")]
    return []
