"""What a scan found, in sentences.

*Improvement* is what training gains from its start to the best end; the tolerance of the band is a share of it.
"""

from __future__ import annotations

import math

from lrscope.curves import RunState
from lrscope.search.rate.recommendation import Band, Recommendation
from lrscope.views.scan.facts import Facts
from lrscope.views.shared import numbers

UNFINISHED = "Not finished: this is the answer so far. Run the same command again to continue."

_OVERRUN_RATIO = 1.1  # a cost above the budget by more than this is explained
_EVEN = 0.5
_ABOUT = 1 + 1e-9
_LEAST_SECONDS = 0.05  # shorter times are not worth a word


def headline(answer: Recommendation) -> tuple[str, str, str]:
    """The answer in a few words, as a report wants them."""
    if answer.lr is None:
        return "No learning rate can be recommended", "", ""
    after = " (provisional)" if answer.provisional else ""
    if answer.chance is not None and answer.chance < _EVEN:
        after += f", with a chance of only {numbers.share(answer.chance)} to be about as good as the best"
    return "Learning rate ", numbers.rate(answer.lr.value), after


def details(facts: Facts) -> list[str]:
    """Interval, band and cliff, each a sentence without its full stop."""
    if facts.answer.lr is None:
        return []
    return [words for words in (interval_words(facts), band_words(facts), cliff_words(facts)) if words]


def interval_words(facts: Facts, name: str = " interval") -> str:
    """ "90 % interval: 0.013 to 0.034" (legends, which are short, leave the `name` out), and where an end is the edge
    of what was looked at, "or higher"; empty where there is no interval."""
    lr, rates = facts.answer.lr, facts.plan.rates
    if lr is None or not (math.isfinite(lr.low) and math.isfinite(lr.high)):
        return ""
    low, high = numbers.rate(lr.low), numbers.rate(lr.high)
    if rates and lr.low <= rates[0] * _ABOUT:
        low = numbers.rate(max(lr.low, rates[0])) + " or lower"
    if rates and lr.high >= rates[-1] / _ABOUT:
        high = numbers.rate(min(lr.high, rates[-1])) + " or higher"
    return f"{numbers.share(lr.level)}{name}: {low} to {high}"


def band_words(facts: Facts) -> str:
    """ "Anything from 0.008 to 0.05 does about as well", with open ends named; empty where there is no band."""
    band = facts.answer.band
    if band is None:
        return ""
    if band.low == band.high:
        return f"Only {numbers.rate(band.low)} comes within {numbers.share(band.tolerance)} of the best"
    low = numbers.rate(band.low) + (" or lower" if band.open_low else "")
    high = numbers.rate(band.high) + (" or higher" if band.open_high else "")
    return f"Anything from {low} to {high} does about as well"


def band_label(band: Band) -> str:
    """ "about as good (within 5 %)", for legends."""
    return f"about as good (within {numbers.share(band.tolerance)})"


def tolerance_words(band: Band) -> str:
    """ "within 5 % of the improvement"."""
    return f"within {numbers.share(band.tolerance)} of the improvement"


def cliff_words(facts: Facts) -> str:
    """ "Training diverges above 0.31"; where no run diverged, where they cease to learn; empty where all learn."""
    cliff = facts.answer.cliff
    what = "diverges" if facts.count(RunState.DIVERGED) else "no longer learns"
    return "" if cliff is None else f"Training {what} above {numbers.rate(cliff.value)}"


def cost_words(facts: Facts) -> str:
    """What it cost: full runs, time, rates, how the runs ended, and the cost of a full grid."""
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
    text = f"Cost: {numbers.amount(cost.full_runs)} full runs{time_words(facts)}"
    text += ", " + ", ".join([numbers.plural(rates, "rate"), *ends]) + "."
    if cost.full_grid > cost.full_runs > 0:
        text += f" A full grid would have cost {numbers.amount(cost.full_grid)}."
    return text + _overrun_words(facts)


def time_words(facts: Facts) -> str:
    """ " (2 min 5 s of training)"; empty where that was next to nothing."""
    seconds = facts.cost.seconds
    return f" ({numbers.duration(seconds)} of training)" if seconds >= _LEAST_SECONDS else ""


def _overrun_words(facts: Facts) -> str:
    """Why it cost more than was to be spent, where that is more than a tenth; otherwise what was repeated."""
    cost, budget = facts.cost, facts.plan.budget
    repeated = f"{numbers.plural(cost.rework, 'step')} had to be repeated" if cost.rework else ""
    if cost.full_runs <= _OVERRUN_RATIO * budget:
        return f" {repeated}." if repeated else ""
    past = f"{numbers.plural(cost.overshoot, 'step')} were trained beyond where runs were to pause"
    why = [w for w in (repeated, past if cost.overshoot else "") if w]
    more = f" That is more than the budget of {numbers.amount(budget)}"
    return f"{more}: {numbers.listed(why)}." if why else f"{more}."
