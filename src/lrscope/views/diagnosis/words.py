"""What was found in a logged run, in sentences.

*Improvement* is what training gains from its start to the best end.
"""

from __future__ import annotations

import math

from lrscope.diagnosis.base import Diagnosis, Regime
from lrscope.diagnosis.patience import Patience
from lrscope.views.diagnosis.facts import ADVICE, NAMES, RuleFacts
from lrscope.views.shared import numbers


def headline(diagnosis: Diagnosis) -> tuple[str, str, str]:
    """Regime and advice, as a report wants them."""
    return "", NAMES[diagnosis.regime].capitalize(), f": {ADVICE[diagnosis.advice]}"


def certainty(diagnosis: Diagnosis) -> str:
    """ "99 % sure, steps 281 to 400"; empty where nothing was decided."""
    if diagnosis.regime is Regime.UNDECIDED:
        return ""
    return f"{numbers.share(diagnosis.confidence)} sure, {span_words(diagnosis)}"


def span_words(diagnosis: Diagnosis) -> str:
    """ "steps 281 to 400"."""
    first, last = diagnosis.span
    return f"steps {numbers.count(first)} to {numbers.count(last)}"


def answer_line(diagnosis: Diagnosis) -> str:
    """The verdict in one line: regime, advice, how sure."""
    sure = certainty(diagnosis)
    return "".join(headline(diagnosis)) + (f" ({sure})" if sure else "")


def gain_words(diagnosis: Diagnosis) -> str:
    """What is left to gain with its interval, and how long until another 1 %; empty where unknown."""
    gain, pace = diagnosis.gain_left, diagnosis.steps_per_percent
    if gain is None:
        return ""
    interval = ""
    if math.isfinite(gain.low) and math.isfinite(gain.high):
        low, high = numbers.value(gain.low, 3), numbers.value(gain.high, 3)
        interval = f" ({numbers.share(gain.level)} interval: {low} to {high})"
    value = numbers.value(gain.value, 3)
    words = f"Gain expected from as many steps again at this pace: {value} in {diagnosis.metric}{interval}."
    if pace is None:
        return words
    if not math.isfinite(pace):
        return f"{words} At this pace another 1 % of the improvement never comes."
    steps = numbers.plural(max(1, round(pace)), "step")
    return f"{words} Another 1 % of the improvement so far takes about {steps}."


def patience_settings(patience: Patience) -> list[tuple[str, str]]:
    """(library, setting to paste); none without a patience."""
    found = (("PyTorch", patience.torch), ("Keras", patience.keras), ("optax", patience.optax))
    return [(name, words) for name, words in found if words]


def cut_words(rule: RuleFacts) -> tuple[str, str]:
    """(where the rule would have cut, which share of the improvement was still to come then)."""
    if rule.cut is None:
        return "never", numbers.MISSING
    more = len(rule.replay.cuts) - 1
    left = rule.replay.left_at_cut
    share = numbers.share(max(0.0, left)) if math.isfinite(left) else numbers.MISSING
    return numbers.count(rule.cut) + (f" (+{more} more)" if more else ""), share
