"""What names mean on a printed line, where any word may stand before a number.

In a file of metrics a column called "delta" is a metric; on a line ("patience 3, delta 0.01") it is a setting. So
that the table does not know is looked up here among the words that programs print beside numbers that are no metric.
"""

from __future__ import annotations

import re
from functools import lru_cache

from lrscope.vocabulary.kinds import Kind
from lrscope.vocabulary.meaning import meaning
from lrscope.vocabulary.terms import LOSS_WORDS, PHASES, SETTING_AFTER
from lrscope.vocabulary.words import plain_words, word_set

TRAINING = frozenset(word for word, (phase, _) in PHASES.items() if phase == "train")
EVALUATION = {word: prefix for word, (phase, prefix) in PHASES.items() if phase != "train"}
"""Words for data that is not trained on, and the prefix that they give to a metric's name."""

_SETTINGS = SETTING_AFTER | word_set(
    """
    batchsize hidden layer layers dim dims width depth workers warmup gamma beta eps epsilon vocab heads
    head block total weighted optimizer classes class features bins rows columns len length fold split
    bytes file files line lines page penalty leaves leaf param params
    """
)
_PACE = re.compile(r"/s(?:ec)?(?![A-Za-z_])", re.IGNORECASE)
"""Something per second; in "test/success_rate" the s begins a word."""
_COUNTS = frozenset(("num", "n", "max", "min", "number", "no"))
_BOOKKEEPING = word_set(
    """
    s h m min it number count rank device worker pid port lineno size sz instances data cum load loading
    fetch version seen used available since
    """
)
_WEAK = word_set(
    """
    l kl kld energy residual deviance error err errors map ap em score return returns precision recall
    correct hits ll hinge huber ce fid chi poisson likelihood ratio reward wer cer bce is p r f per success
    coverage lift hit rec quality exact sam fair similarity far sq rq mar ar
    """
)
"""Metrics that do not speak for themselves on a line without a counter: "error 3" is no error of a model."""


@lru_cache(maxsize=4096)
def printed_kind(name: str) -> Kind:
    """What `name` (words joined by blanks or underscores) stands for on a printed line.

    `Kind.SUMMARY` where it tells the best so far or the end of something. A diagnostic is a metric that is not known.
    """
    what = meaning(name)
    if what.summary:
        if what.kind in (Kind.LOSS, Kind.SCORE):
            return Kind.SUMMARY
        return Kind.UNKNOWN if _is_best_of_unknown(name) else Kind.BOOKKEEPING
    if what.kind is Kind.TIME:
        return Kind.BOOKKEEPING
    if what.kind is Kind.DIAGNOSTIC:
        return Kind.UNKNOWN
    if what.kind is not Kind.UNKNOWN:
        return what.kind
    words = plain_words(name)
    if any(w in _BOOKKEEPING for w in words) or _PACE.search(name):
        return Kind.BOOKKEEPING
    if any(w in _SETTINGS for w in words) or (words and words[0] in _COUNTS):
        return Kind.SETTING
    return Kind.UNKNOWN


def _is_best_of_unknown(name: str) -> bool:
    """Whether it is the best so far of a metric that the table does not know, whose better side it tells."""
    words = plain_words(name)
    rest = " ".join(word for word in words if word != "best")
    return "best" in words and (not rest or printed_kind(rest) is Kind.UNKNOWN)


def speaks_for_itself(name: str) -> bool:
    """Whether a name says on its own that training is told of, with no counter beside it: "loss" does."""
    words = [w for w in plain_words(name) if not w.isdigit()]
    if any(w in LOSS_WORDS for w in words):
        return True
    if meaning(name).kind in (Kind.LOSS, Kind.SCORE) and not all(w in _WEAK or w in PHASES for w in words):
        return True
    return len(words) > 1 and any(w in PHASES for w in words)
