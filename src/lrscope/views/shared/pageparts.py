"""The words and tables of the report, escaped: what fills the blanks of `web/static/report.html`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

from lrscope._version import __version__
from lrscope.curves import Plan, RunState
from lrscope.training.store.base import Decision
from lrscope.views.scan.facts import Facts, RunFacts
from lrscope.views.shared import numbers
from lrscope.views.shared.words import band_words, cliff_words, interval_words, price_words

_DECISIONS = 2000
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
_WHOLE = r'<span class="whole">\g<0></span>'


def blanks(facts: Facts, plan: Plan, thinned: bool) -> dict[str, str]:
    """Name of each blank → HTML."""
    rate = numbers.rate(None if facts.lr is None else facts.lr.value)
    headline = f"Learning rate <strong>{rate}</strong>" if facts.lr else "No learning rate can be recommended"
    return {
        "version": escape(__version__),
        "title": text(f"{facts.name}: " + (f"learning rate {rate}" if facts.lr else "no learning rate")),
        "name": text(facts.name),
        "interrupted": ""
        if facts.finished
        else '<p class="interrupted">Not finished: this is the answer so far; the same command goes on.</p>',
        "headline": headline,
        "sentence": text(_sentence(facts)),
        "reason": text(facts.reason),
        "chips": "\n".join(_chips(facts)),
        "warnings": caveats(facts.warnings),
        "left_alt": text(_left_alt(facts)),
        "right_alt": text(
            f"Curves of {facts.metric or 'the metric'} against step, coloured by learning rate."
        ),
        "thinned": "Long curves are thinned to fit this page; their extremes are kept." if thinned else "",
        "head": _head(),
        "rows": "\n".join(_row(i, run) for i, run in enumerate(facts.runs)),
        "decision_count": text(numbers.plural(len(facts.decisions), "entry", "entries")),
        "decisions": _decisions(facts),
        "price": text(price_words(facts)) if facts.runs else "Nothing was run.",
        "settings": "\n".join(_settings(facts, plan)),
    }


def text(words: str) -> str:
    """Any text as HTML: markup escaped, control characters and what is no character made visible."""
    clean = "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in words)
    return escape(clean, quote=True)


def _sentence(facts: Facts) -> str:
    if facts.lr is None:
        return ""
    sentences = []
    if words := interval_words(facts):
        sentences.append(words.replace(":", " interval:", 1) + ".")
    if words := band_words(facts):
        sentences.append(
            f"{words[0].upper()}{words[1:]}." if words.startswith("only") else f"The result is {words}."
        )
    if words := cliff_words(facts):
        sentences.append(f"Training {words}.")
    return " ".join(sentences)


def _chips(facts: Facts) -> list[str]:
    band, cliff, cost = facts.band, facts.cliff, facts.cost
    chips = []
    if facts.metric is not None and facts.lr is not None and not facts.ramp:
        best = [r.last for r in facts.runs if r.named and r.last is not None]
        mean = sum(best) / len(best) if best else None
        chips.append(chip(f"{facts.metric} at that rate", numbers.value(mean), "at its last step"))
    if band is not None:
        span = f"{numbers.rate(band.low)} – {numbers.rate(band.high)}"
        more = " and ".join(w for w, on in (("lower", band.open_low), ("higher", band.open_high)) if on)
        note = f"perhaps {more} too" if more else f"within {numbers.share(band.tolerance)} of what was gained"
        chips.append(
            chip("As good as the best", span if band.low < band.high else numbers.rate(band.low), note)
        )
    if cliff is not None:
        known = math.isfinite(cliff.low) and math.isfinite(cliff.high)
        note = f"between {numbers.rate(cliff.low)} and {numbers.rate(cliff.high)}" if known else ""
        chips.append(chip("Diverges above", numbers.rate(cliff.value), note))
    elif facts.runs and not facts.count(RunState.DIVERGED):
        chips.append(chip("Diverges above", numbers.MISSING, "no cliff within the range"))
    saved = f"a full grid: {numbers.amount(cost.full_grid)}" if cost.full_grid else ""
    price = (
        numbers.plural(len(facts.runs), "ramp")
        if facts.ramp
        else f"{numbers.amount(cost.full_runs)} full runs"
    )
    chips.append(chip("Cost", price, saved))
    return chips


def chip(label: str, value: str, note: str) -> str:
    """One key figure under its label, with a note."""
    small = f"<small>{text(note)}</small>" if note else ""
    return f"<li><span>{text(label)}</span><b>{text(value)}</b>{small}</li>"


def caveats(warnings: Sequence[str]) -> str:
    """The box of caveats; empty without any."""
    if not warnings:
        return ""
    # An option stays on one line, and does not break after its hyphens.
    items = "".join(f"<li>{_OPTION.sub(_WHOLE, text(w))}</li>" for w in warnings)
    return f'<section class="caveats"><h2>What to doubt</h2><ul>{items}</ul></section>'


def _left_alt(facts: Facts) -> str:
    words = f"Value of {facts.metric or 'the metric'} at the end of {numbers.plural(len(facts.runs), 'run')}"
    words += " against learning rate."
    if facts.lr is not None:
        words += f" Recommended: {numbers.rate(facts.lr.value)}."
    if gone := facts.count(RunState.DIVERGED):
        words += f" {numbers.plural(gone, 'run')} diverged."
    return words


def _head() -> str:
    names = [
        ("Rate", True),
        ("Seed", True),
        ("State", False),
        ("Steps", True),
        ("Last value", True),
        ("Reason", False),
    ]
    cells = []
    for name, number in names:
        kind = ' class="num"' if number else ""
        order = ' aria-sort="ascending"' if name == "Rate" else ""
        cells.append(f'<th scope="col"{kind}{order}><button type="button">{name}</button></th>')
    return "".join(cells)


def _row(index: int, run: RunFacts) -> str:
    rate, state = numbers.rate(run.lr, None), run.state.value
    label = f"Pick out the run at rate {rate}, seed {run.seed}"
    button = f'<button type="button" class="pick" aria-pressed="false" aria-label="{label}">{rate}</button>'
    last = "" if run.last is None else repr(run.last)
    named = ' class="named"' if run.named else ""
    return (
        f'<tr data-run="{index}"{named}><td class="num" data-v="{run.lr!r}">{button}</td>'
        f'<td class="num" data-v="{run.seed}">{run.seed}</td>'
        f'<td data-v="{state}"><span class="state {state}">{state}</span></td>'
        f'<td class="num" data-v="{run.steps}">{numbers.count(run.steps)}</td>'
        f'<td class="num" data-v="{last}">{numbers.value(run.last)}</td>'
        f'<td class="reason" data-v="{text(run.reason or "")}">{text(run.reason or "")}</td></tr>'
    )


def _decisions(facts: Facts) -> str:
    shown = list(facts.decisions[-_DECISIONS:])
    left_out = len(facts.decisions) - len(shown)
    first = (
        f"<li>{numbers.plural(left_out, 'earlier entry', 'earlier entries')} left out.</li>"
        if left_out
        else ""
    )
    return first + "\n".join(_decision(d) for d in shown)


def _decision(decision: Decision) -> str:
    key = decision.key
    run = "" if key is None else f"<span>rate {numbers.rate(key[0], None)}, seed {key[1]}:</span> "
    return f"<li><b>{text(decision.kind)}</b>{run}{text(decision.reason)}</li>"


def _settings(facts: Facts, plan: Plan) -> list[str]:
    low, high = (numbers.rate(r) for r in (plan.rates[0], plan.rates[-1])) if plan.rates else ("", "")
    horizon = numbers.MISSING if plan.horizon is None else numbers.plural(plan.horizon, "step")
    rows = [
        ("Learning rates", f"{len(plan.rates)}, from {low} to {high}" if plan.rates else numbers.MISSING),
        ("Seeds", numbers.listed([str(s) for s in plan.seeds])),
        ("A full run", horizon),
        ("Budget", f"{numbers.amount(plan.budget)} full runs"),
        (
            "Metric",
            f"{facts.metric or numbers.MISSING} ({'less' if facts.goal == 'min' else 'more'} is better)",
        ),
        ("Judged by", "the end of a run" if plan.objective == "last" else "the best that a run reached"),
        ("Rule", facts.rule),
        ("Interval", facts.lr.method if facts.lr is not None else numbers.MISSING),
        ("Steps done", numbers.count(facts.cost.steps)),
        ("Steps done twice", numbers.count(facts.cost.rework)),
        ("Time training", numbers.duration(facts.cost.seconds)),
    ]
    return [f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in rows]
