"""Training and validation together: does the validation loss grow worse while the training loss does not?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime, Verdict
from lrscope.diagnosis.series import Series, prepare
from lrscope.statistics.autocorrelation import block_means
from lrscope.statistics.estimate import two_digits
from lrscope.statistics.trend import trend
from lrscope.vocabulary import goal_of, is_loss, is_validation

FEWEST_EVALUATIONS = 8
RISING_RUN = 5  # evaluations that rise one after the other are enough to say it
SIZE_SHARE = 0.05  # of what validation had improved by: a smaller rise is no reason to stop
RISE_ERRORS = 4.0  # over all windows and looks of a run; chosen in `benchmarks/diagnosis/overfitting.py`
_MOST_EVALUATIONS = 200  # a validation loss of more points is averaged to so many
CONFIDENCE = 0.95  # fewer than one level curve in twenty is ever called so, over all looks
MEMORY_SLACK = 0.1  # added to the memory that is read, which is uncertain


@dataclass(frozen=True, slots=True)
class Rise:
    """A rise of a validation loss since its best.

    Parameters
    ----------
    best : int
        Index of the best value.
    size : float
        How far it has risen since, between means of three.
    errors : float
        The rise of the clearest latest window, in standard errors.
    """

    best: int
    size: float
    errors: float


def read_overfitting(curves: Mapping[str, LossCurve], validation: str, training: str) -> Verdict | None:
    """Name overfitting, where that is what the curves show; None where it is not.

    The validation loss has risen since its best (`find_rise`) while the training loss did not. Where a score of
    the validation data has gone on getting better since then, the model is over-confident and not worse: the
    advice is to keep on. Else it is to stop. The regime is that of a training that still goes on, for the rate
    is judged by what it does to the loss that it descends.

    Parameters
    ----------
    curves : mapping of str to LossCurve
    validation : str
        Name of the validation loss.
    training : str
        Name of the training loss.
    """
    series = prepare(curves[validation])
    rise = None if series.broken_tail else find_rise(block_means(series.value, _MOST_EVALUATIONS))
    if rise is None:
        return None
    at = int(block_means(series.step, _MOST_EVALUATIONS)[rise.best])
    train = prepare(curves[training])
    if train.broken_tail or int((train.step >= at).sum()) < 3 or _rises_since(train, at):
        return None
    evidence = {
        "best_step": float(at),
        "rise_since_best": rise.size,
        "rise_errors": rise.errors,
        "overfitting": 1.0,
    }
    fact = f"{validation} has risen by {two_digits(rise.size)} since its best at step {at:,}"
    better, worse = _scores_since(curves, at)
    if better and not worse:
        name, before, now = better[0]
        return Verdict(
            Regime.DESCENDING,
            Advice.KEEP,
            f"{fact}, but {name}, of the same data, has got better since then ({before:.4g} to {now:.4g}): the model "
            f"grows over-confident, not worse. Choose the checkpoint by {name}; label smoothing would mend the loss.",
            CONFIDENCE,
            {**evidence, "overfitting": 0.0},
        )
    return Verdict(
        Regime.DESCENDING,
        Advice.STOP,
        f"Overfitting: {fact}, while the training loss does not rise. Stop and go back to that step, or regularise; "
        "another rate is not the cure.",
        CONFIDENCE,
        evidence,
    )


def _rises_since(train: Series, since: int) -> bool:
    kept = train.step >= since
    line = trend(train.value[kept], train.step[kept].astype(np.float64))
    return line.t > 2 or (math.isnan(line.t) and line.slope > 0)


def _scores_since(
    curves: Mapping[str, LossCurve], since: int
) -> tuple[list[tuple[str, float, float]], list[tuple[str, float, float]]]:
    """Scores of validation data that are better, and worse, now than about the step `since`: (name, then, now)."""
    better, worse = [], []
    for name, curve in curves.items():
        if not is_validation(name) or is_loss(name) or goal_of(name) != "max":
            continue
        series = prepare(curve)
        at = int(np.searchsorted(series.step, since))
        if series.value.size < FEWEST_EVALUATIONS or series.value.size - at < RISING_RUN:
            continue
        before = float(np.mean(series.value[max(at - 1, 0) : at + 2]))
        now = float(np.mean(series.value[-3:]))
        clear = 1.6 * _noise(series.value)[0] * math.sqrt(2 / 3)
        if now - before > clear:
            better.append((name, before, now))
        elif before - now > clear:
            worse.append((name, before, now))
    return better, worse


def find_rise(y: NDArray[np.float64]) -> Rise | None:
    r"""A rise that matters at the end of a validation loss; None where there is none.

    Over the latest w = 5, 6, ... evaluations since the best, up to a half of all, a line rises by
    ``r`` with standard error ``s sqrt(12 tau / w)``, s the noise of one evaluation and tau the memory over that window.
    One of them has to rise by 4 of those, or the last five evaluations one after the other; and the last three
    have to stand above the three about the best by 5 % of what had been improved, and by 2 s. The thresholds
    hold the false claims over all looks at a level curve below 5 %, on average over noise and memory.
    """
    n = int(y.size)
    if n < FEWEST_EVALUATIONS:
        return None
    smooth = np.convolve(y, np.ones(3) / 3, mode="valid")
    best = int(smooth.argmin()) + 1
    size = float(smooth[-1] - smooth[best - 1])
    improved = float(y[0] - smooth[best - 1])
    noise, long_run = _noise(y[n // 4 :])
    if size <= max(SIZE_SHARE * max(improved, 0.0), 2 * long_run):
        return None
    most, window = -math.inf, float(RISING_RUN)
    while window <= max(n - best, n // 2):
        w = round(window)
        line = trend(y[-w:])
        error = max(line.fall_error, long_run * math.sqrt(12 / w))
        most = max(most, -line.fall / error)
        window *= 1.35
    in_a_row = bool((np.diff(y[-RISING_RUN - 1 :]) > 0).all()) and y[-1] - y[-RISING_RUN - 1] > 4 * noise
    if most < RISE_ERRORS and not in_a_row:
        return None
    return Rise(best, size, max(most, RISE_ERRORS if in_a_row else 0.0))


_MEMORY = np.linspace(0.0, 0.75, 31)
_RATIO = (6 - 8 * _MEMORY**2 + 2 * _MEMORY**4) / (6 - 8 * _MEMORY + 2 * _MEMORY**2)


def _noise(y: NDArray[np.float64]) -> tuple[float, float]:
    r"""Noise of one evaluation, and its long-run size, memory counted in, from second differences.

    Over one and over two places these have, for memory r of first order, the mean squares ``s^2 (6 - 8 r + 2 r^2)``
    and ``s^2 (6 - 8 r^2 + 2 r^4)``; a straight course leaves no trace in them.
    """
    one, two = y[2:] - 2 * y[1:-1] + y[:-2], y[4:] - 2 * y[2:-2] + y[:-4]
    a, b = (float(np.mean(np.minimum(d * d, 9 * np.median(d * d)))) for d in (one, two))
    least = 1e-12 * float(np.abs(y).max())
    if not a > 0:
        return least, least
    r = min(float(np.interp(b / a, _RATIO, _MEMORY)) + MEMORY_SLACK, 0.75)
    noise = max(math.sqrt(a / (6 - 8 * r + 2 * r * r)), least)
    return noise, noise * math.sqrt((1 + r) / (1 - r))
