"""The sentences that text and page share, and how any text is made fit to be shown."""

from __future__ import annotations

import math

from lrscope.curves import RunState
from lrscope.views.scan.facts import Facts
from lrscope.views.shared import numbers

_GAP = "   "
_OVERRUN = 1.1
_ABOUT = 1 + 1e-9

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
    return _GAP.join(answer_parts(facts))


def answer_parts(facts: Facts) -> list[str]:
    """The parts of the answer, each of which belongs on one line."""
    if facts.lr is None:
        return ["No learning rate can be recommended."]
    words = interval_words(facts)
    first = f"Learning rate {numbers.rate(facts.lr.value)}" + (f"{_GAP}({words})" if words else "")
    return [p for p in (first, band_words(facts), cliff_words(facts)) if p]


def filled(parts: list[str], width: int) -> list[str]:
    """Lines of at most `width` characters, broken between parts; a part that is longer is a line by
    itself."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(_GAP) + len(part) <= width:
            lines[-1] += _GAP + part
        else:
            lines.append(part)
    return lines


def interval_words(facts: Facts) -> str:
    """ "90 %: 0.013 to 0.034", and where an end is the edge of what was looked at, "or higher"; empty where
    there is no interval."""
    lr = facts.lr
    if lr is None or not (math.isfinite(lr.low) and math.isfinite(lr.high)):
        return ""
    low, high = numbers.rate(lr.low), numbers.rate(lr.high)
    if facts.rates and lr.low <= facts.rates[0] * _ABOUT:
        low = numbers.rate(max(lr.low, facts.rates[0])) + " or lower"
    if facts.rates and lr.high >= facts.rates[-1] / _ABOUT:
        high = numbers.rate(min(lr.high, facts.rates[-1])) + " or higher"
    return f"{numbers.share(lr.level)}: {low} to {high}"


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
    if facts.ramp:
        return _ramp_price(facts)
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
    return text + _extra_words(facts)


def _ramp_price(facts: Facts) -> str:
    verb = "Read off" if facts.lr is not None else "It took"
    steps = numbers.plural(facts.cost.steps, "step")
    time = f" ({numbers.duration(facts.cost.seconds)} of training)" if facts.cost.seconds >= 0.05 else ""
    return f"{verb} {numbers.plural(len(facts.runs), 'ramp')}, {steps} in all{time}."


def _extra_words(facts: Facts) -> str:
    """Why it cost more than was to be spent, where that is more than a tenth; otherwise what was done
    twice."""
    cost = facts.cost
    twice = f"{numbers.plural(cost.rework, 'step')} had to be done twice" if cost.rework else ""
    if cost.full_runs <= _OVERRUN * facts.budget:
        return f" {twice}." if twice else ""
    past = f"{numbers.plural(cost.overshoot, 'step')} were done past where runs were paused"
    why = [w for w in (twice, past if cost.overshoot else "") if w]
    more = f" That is more than the budget of {numbers.amount(facts.budget)}"
    return f"{more}: {numbers.listed(why)}." if why else f"{more}."
