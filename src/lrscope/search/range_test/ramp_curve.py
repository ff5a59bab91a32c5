"""From raw losses along ramps to one curve: where training was lost, what noise there is, and the line through it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.statistics.smoother import MOST_VALUES, smooth

FEWEST_RAMP_LOSSES = 12
"""Values on a ramp from which a line can be told from noise."""

START_SHARE = 0.15
"""Share of a ramp whose losses make its start: its rates are too small to have moved anything yet."""


@dataclass(frozen=True, eq=False)
class RampCurve:
    """One ramp, or the mean of several, on a common grid of rates.

    Parameters
    ----------
    log_lr : array, shape (n,)
        log10 of the rates, ascending, evenly spaced.
    loss : array, shape (n,)
        Losses as observed (means of groups, where there were more than 400); past the point where training was lost,
        the ceiling.
    lost : float or None
        log10 of the rate from which on all that had been gained was lost again; None where that did not come.
    start : float
        What the loss was at the beginning.
    """

    log_lr: NDArray[np.float64]
    loss: NDArray[np.float64]
    lost: float | None
    start: float


def ramp_curve(lr: ArrayLike, loss: ArrayLike) -> RampCurve | None:
    """Read one ramp; None where fewer than 12 finite losses came before training was lost.

    Training is lost where the loss is no number, or stands for good further above its start than it had ever been
    below it: no rule looks past that. Everything from there on is put at this ceiling, so that one ramp that blows up
    early does not drown the mean of the others.

    Parameters
    ----------
    lr, loss : array, shape (n,)
        Rates (ascending) and the losses of the steps taken with them, raw.
    """
    rates, values = np.asarray(lr, np.float64), np.asarray(loss, np.float64)
    finite = np.isfinite(values)
    end = int(np.argmin(finite)) if not finite.all() else values.size
    if end < FEWEST_RAMP_LOSSES:
        return None
    head = values[: max(3, round(START_SHARE * values.size))]
    start = float(np.median(head[np.isfinite(head)]))
    calm = _running_median(values[:end])
    lowest = np.minimum.accumulate(calm)
    spread = 1.4826 * float(np.median(np.abs(np.diff(values[:end])))) / math.sqrt(2.0)
    gained = np.maximum(start - lowest, 0.0)
    above = calm > start + np.maximum(gained, 4.0 * spread) + 1e-12 * abs(start)
    back = np.flatnonzero(~above)
    cut = int(back[-1]) + 1 if back.size else 0
    if cut < FEWEST_RAMP_LOSSES:
        return None
    lost = float(np.log10(rates[cut])) if cut < values.size else None
    ceiling = start + max(float(gained[cut - 1]), 4.0 * spread)
    held = np.minimum(np.concatenate([values[:cut], np.full(values.size - cut, ceiling)]), ceiling)
    x, y = _grouped(np.log10(rates), held)
    return RampCurve(x, y, lost, start)


def mean_ramp(ramps: Sequence[RampCurve]) -> RampCurve:
    """The mean of ramps that share their rates."""
    lost = sorted(c.lost for c in ramps if c.lost is not None)
    most = 2 * len(lost) > len(ramps)
    return RampCurve(
        ramps[0].log_lr,
        np.mean([c.loss for c in ramps], axis=0),
        float(np.median(lost)) if most else None,
        float(np.mean([c.start for c in ramps])),
    )


def line(ramp: RampCurve) -> tuple[NDArray[np.float64], float]:
    """The smooth line through a ramp, and the noise of a single value around it.

    Fitted up to the point where training was lost; from there on the line stays at the ceiling, because the jump would
    otherwise pass for curvature that the quiet part has too. What lies within two standard errors of the start, or
    above it, is put at one level: on a flat beginning a line without noise falls by next to nothing for decades, and
    a rule that looks for falls would take that for one.
    """
    n = ramp.loss.size
    if ramp.lost is not None:
        n = max(FEWEST_RAMP_LOSSES, int(np.searchsorted(ramp.log_lr, ramp.lost)))
    found = smooth(ramp.loss[:n])
    # Of the middle half of the values: where training is about to be lost it leaps, and that is no noise.
    off = float(np.median(np.abs(ramp.loss[:n] - found.line)))
    noise = min(found.noise, 1.4826 * off * math.sqrt(n / max(n - found.freedom, 1.0)))
    margin = 2.0 * noise * math.sqrt(found.freedom / n)
    level = np.minimum(found.line, max(ramp.start - margin, float(found.line.min())))
    return np.concatenate([level, ramp.loss[n:]]), noise


def _running_median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of each value and its two neighbours on both sides, so that one odd batch does not end a ramp."""
    padded = np.concatenate([values[:1].repeat(2), values, values[-1:].repeat(2)])
    found: NDArray[np.float64] = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    return found


def _grouped(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of neighbours, where there are more values than the smoother takes."""
    size = math.ceil(x.size / MOST_VALUES)
    if size == 1:
        return x, y
    n = x.size // size * size
    return x[:n].reshape(-1, size).mean(axis=1), y[:n].reshape(-1, size).mean(axis=1)
