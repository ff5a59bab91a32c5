"""Does a curve stand where guessing would put it? Then it has not begun to learn, and is no plateau of learning."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime, Verdict
from lrscope.diagnosis.series import Series
from lrscope.statistics.trend import Trend

CLASSES = (
    *range(2, 11),
    12,
    14,
    15,
    16,
    20,
    26,
    32,
    40,
    50,
    62,
    64,
    80,
    91,
    100,
    101,
    128,
    200,
    256,
    365,
    500,
    1000,
)
"""Numbers of classes that data sets have; vocabularies of language models come near any number."""
_LOSS_SLACK = 0.002  # of ln K: how near to it a loss counts as at it, beyond its own error
_STILL_SHARE = 0.02  # of its value: what moves by more over the latest stretch does not stand
_SCORE_SLACK = 0.08  # of 1 / K; the share of the largest class is rarely exactly that
_NOT_ENTROPY = re.compile(r"mse|mae|mape|error|perplexity|ppl|wer|cer|box|kl|l1|l2|huber", re.IGNORECASE)
_ACCURACY = re.compile(r"acc|top.?1", re.IGNORECASE)


def read_chance(
    series: Series,
    name: str,
    latest: Trend,
    improvement: float,
    curves: Mapping[str, LossCurve],
    evidence: Mapping[str, float],
) -> Verdict | None:
    """The verdict on a curve that stands still at ln K (a loss) or 1 / K (an accuracy); None elsewhere.

    Asked of curves that do not come down. An accuracy beside a loss has the last word: clearly above 1 / K,
    something was learnt.

    Parameters
    ----------
    series : Series
    name : str
        Of the curve.
    latest : Trend
        Its line over the latest stretch.
    improvement : float
        How far it came down to there.
    curves : mapping of str to LossCurve
        The whole log, for the accuracies.
    evidence : mapping of str to float
        What else is known of the curve.
    """
    level, error = latest.level, latest.noise * math.sqrt(latest.memory / latest.count)
    still = (_STILL_SHARE if series.sign > 0 else _SCORE_SLACK) * abs(level)
    if math.isnan(latest.fall_error) or abs(latest.fall) + 2 * latest.fall_error > still:
        return None
    value = level * series.sign
    accuracies = [_end(c) for n, c in curves.items() if _ACCURACY.search(n) and n != name]
    accuracies = [a / 100 if a > 1 else a for a in accuracies]  # in per cent
    if series.sign > 0:
        if _NOT_ENTROPY.search(name) or not value > 0 or improvement > 0.9 * value:
            return None
        classes = _nearest((math.log(k) for k in CLASSES), value, lambda at: max(_LOSS_SLACK * at, 2 * error))
        if classes is None or any(a > 1.5 / classes for a in accuracies if math.isfinite(a)):
            return None
        what = f"ln {classes}, the loss of guessing among {classes} classes"
    else:
        share = value / 100 if value > 1 else value
        if not _ACCURACY.search(name) or improvement > 0.2 * value:
            return None
        classes = _nearest((1 / k for k in CLASSES), share, lambda at: _SCORE_SLACK * at)
        if classes is None:
            return None
        what = f"the accuracy of guessing among {classes} classes"
    return Verdict(
        Regime.PLATEAU,
        Advice.UNDECIDED,
        f"It stands at {value:.4g}, which is {what}: it has not begun to learn. Either the rate is far too low "
        "or far too high, or the data carry no signal (labels shuffled, inputs constant or not scaled). To tell: run a "
        "few hundred steps at a tenth and at ten times the rate; if neither moves it, try to fit a single batch.",
        0.9,
        {**evidence, "classes": float(classes)},
    )


def _nearest(marks: Iterable[float], value: float, slack: Callable[[float], float]) -> int | None:
    near = [
        (abs(value - at), k) for k, at in zip(CLASSES, marks, strict=True) if abs(value - at) <= slack(at)
    ]
    return min(near)[1] if near else None


def _end(curve: LossCurve) -> float:
    finite = curve.loss[np.isfinite(curve.loss)]
    return float(np.median(finite[-max(3, finite.size // 10) :])) if finite.size else math.nan
