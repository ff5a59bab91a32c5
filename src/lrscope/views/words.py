"""The sentences that text and page share, and how any text is made fit to be shown."""

from __future__ import annotations

import math

from lrscope.curves import RunState
from lrscope.views import numbers
from lrscope.views.facts import Facts

_PLAIN = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "−": "-",
        "×": "x",
        "·": ".",
        "…": ".",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "≤": "<",
        "●": "o",
        "○": ".",
        "◆": "#",
        "━": "=",
        "─": "-",
        "│": "|",
        "┤": "|",
        "└": "+",
        "┊": ":",
        "▲": "^",
        "▼": "v",
    }
)


def one_line(text: str) -> str:
    """Text from outside as one line without control characters, which could steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


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
            (RunState.STOPPED, "stopped early"),
            (RunState.DIVERGED, "diverged"),
            (RunState.FAILED, "failed"),
            (RunState.PAUSED, "still paused"),
            (RunState.RUNNING, "still running"),
        )
        if (n := facts.count(state))
    ]
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
