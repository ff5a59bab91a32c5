"""How long must a plateau rule wait on this curve? Reckoned from its own noise, and written as settings to
paste.

A rule that counts reports without a new best is fooled in two ways: noise hides a descent (a false cut), and
one lucky value raises the bar for long (a late cut). Both depend on the noise and its memory, not on a habit
of ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.series import FEWEST_POINTS, prepare
from lrscope.errors import UsageError
from lrscope.statistics.autocorrelation import autocorrelation_time
from lrscope.statistics.changepoint import change_points
from lrscope.statistics.estimate import two_digits
from lrscope.statistics.pace import pace
from lrscope.statistics.student import normal_quantile
from lrscope.statistics.trend import trend
from lrscope.vocabulary import Goal, goal_of

POWER = 0.9
_REPLAYS = 600


@dataclass(frozen=True)
class Patience:
    """What this curve's noise asks of a plateau rule.

    Parameters
    ----------
    patience : int or None
        Reports without a new best to wait for before cutting, as PyTorch counts; None where no patience up to
        `horizon` would do, or too few points tell.
    window : int or None
        Reports that a test of the slope needs to see the descent with power 0.9 at that rate of false cuts.
    fall : float
        The descent per report that is to be seen, in the metric's unit.
    noise, memory : float
        Standard deviation of a report about the curve's course, and its autocorrelation time.
    false_cuts : float
        Replayed share of curves with that descent that would be cut wrongly within `horizon` reports.
    typical_delay : float
        Reports from a plateau's beginning until half of such rules have cut; inf where half never do within
        20 horizons.
    horizon : int
        Reports over which false cuts are counted.
    torch, keras, optax : str
        Settings to paste; empty without a patience.
    reason : str
        One sentence for a person.
    warnings : tuple of str
        What the reader should doubt.
    """

    patience: int | None
    window: int | None
    fall: float
    noise: float
    memory: float
    false_cuts: float
    typical_delay: float
    horizon: int
    torch: str
    keras: str
    optax: str
    reason: str
    warnings: tuple[str, ...] = ()


def patience_for(
    curve: LossCurve,
    percent: float = 1.0,
    *,
    false_cuts: float = 0.05,
    horizon: int | None = None,
    goal: Goal | None = None,
    epoch_steps: float | None = None,
    seed: int = 0,
) -> Patience:
    r"""The smallest patience that does not mistake a descent for a plateau: of `percent` per report, or of the
    curve's own pace where it still falls and that is slower.

    The curve's residuals about its course (pieces that are straight over the logarithm of the reports) are
    resampled in blocks of twice their memory, laid on a straight descent, and replayed 600 times; the answer is the
    smallest patience p at which at most `false_cuts` of the replays have more than p reports in a row without a new
    best. The window for a slope test is ``(12 tau s^2 (z_a + z_b)^2 / fall^2)^(1/3)``, with z_a for the rate of false
    cuts, z_b for power 0.9, and at least 3.

    Parameters
    ----------
    curve : LossCurve
        The metric that the rule is to see, one point a report (an epoch).
    percent : float, default 1.0
        Descent per report that must not be cut, in per cent of the improvement from the start to now. A curve that
        still falls may do so far more slowly than 1 % of a fall from a random start: then its own pace, what as many
        reports again would bring, is what must not be cut. Adding a constant to the metric changes nothing.
    false_cuts : float, default 0.05
        Chance of a wrong cut over the horizon.
    horizon : int, optional
        Reports over which that chance is counted; 100 or the curve's own length, whichever is more, unless
        told.
    goal : "min" or "max", optional
        Inferred from the curve's name unless told.
    epoch_steps : float, optional
        Steps in an epoch: points are averaged to epochs first. Each point is a report unless told.
    seed : int, default 0
        Of the replays.

    Raises
    ------
    UsageError
        If `percent`, `false_cuts` or `horizon` is out of range.
    """
    if not percent > 0 or not 0 < false_cuts < 1 or (horizon is not None and horizon < 2):
        raise UsageError(
            f"percent must be positive, false_cuts in (0, 1) and horizon at least 2, but are {percent}, "
            f"{false_cuts}, {horizon}."
        )
    chosen = goal or goal_of(curve.name)
    series = prepare(curve, chosen)
    y = series.value if epoch_steps is None else _epochs(series.step, series.value, epoch_steps)
    n = int(y.size)
    horizon = max(100, n) if horizon is None else horizon
    if n < 2 * FEWEST_POINTS:
        return _nothing(
            f"Only {n} reports: {2 * FEWEST_POINTS} would be the least to know the noise by.", horizon
        )
    residual = _residuals(y)
    noise = float(residual.std(ddof=2))
    memory = autocorrelation_time(residual)
    gained = float(y[0]) - float(np.median(y[-max(3, n // 10) :]))
    if not gained > 2 * noise:
        return _nothing(
            "It has not come down by more than its noise yet, so there is no measure for a descent.",
            horizon,
            noise,
            memory,
        )
    fall, found = percent / 100 * gained, pace(y)
    own = found.falling and 0 < found.outlook.gain / n < fall
    fall = found.outlook.gain / n if own else fall
    what = (
        f"its own descent of {two_digits(fall)} per report"
        if own
        else f"a descent of {two_digits(fall)} per report"
    )
    warnings = []
    if n < 50:
        warnings.append(f"The noise is known from {n} reports only.")
    rng = np.random.default_rng(seed)
    longest = _longest_waits(_replays(residual, memory, horizon, _REPLAYS, rng) - fall * np.arange(horizon))
    # the smallest p with a share of at most false_cuts above it
    patience = int(np.sort(longest)[::-1][math.floor(false_cuts * _REPLAYS)])
    achieved = float(np.mean(longest > patience))
    z = normal_quantile(1 - false_cuts) + normal_quantile(POWER)
    window = max(3, math.ceil((12 * memory * (noise * z / fall) ** 2) ** (1 / 3)))
    if patience > horizon // 2:  # then hardly any replay had the time to be cut
        reason = (
            f"The noise of a report ({two_digits(noise)}) hides {what}: no patience within {horizon} reports is safe. "
            "Average the metric over more data, or look for a larger descent."
        )
        return Patience(
            None,
            window,
            fall,
            noise,
            memory,
            achieved,
            math.inf,
            horizon,
            "",
            "",
            "",
            reason,
            tuple(warnings),
        )
    delay = _delay(residual, memory, patience, horizon, rng)
    mode = chosen
    reason = (
        f"With the noise of a report ({two_digits(noise)}), a patience of {patience} cuts {what} wrongly in "
        f"{achieved:.0%} of runs of {horizon} reports; a plateau is cut about {delay:.0f} reports after it began."
    )
    if chosen == "max":
        warnings.append("optax only minimises: give it the negated metric.")
    return Patience(
        patience,
        window,
        fall,
        noise,
        memory,
        achieved,
        delay,
        horizon,
        torch=(
            f'ReduceLROnPlateau(optimizer, mode="{mode}", factor=0.3, patience={patience}, '
            f'threshold=0.0, threshold_mode="abs")'
        ),
        keras=(
            f'ReduceLROnPlateau(monitor="{curve.name}", mode="{mode}", factor=0.3, '
            f"patience={patience + 1}, min_delta=0.0)"
        ),
        optax=f"optax.contrib.reduce_on_plateau(factor=0.3, patience={patience + 1}, rtol=0.0, atol=1e-12)",
        reason=reason,
        warnings=tuple(warnings),
    )


def _nothing(reason: str, horizon: int, noise: float = math.nan, memory: float = math.nan) -> Patience:
    nan = math.nan
    return Patience(None, None, nan, noise, memory, nan, nan, horizon, "", "", "", reason)


def _epochs(step: NDArray[np.int64], value: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    if not length > 0:
        raise UsageError(f"epoch_steps must be positive, but is {length}.")
    epoch = ((step - step[0]) // length).astype(int) if step.size else step
    _, first = np.unique(epoch, return_index=True)
    counts = np.diff([*first, value.size])
    means: NDArray[np.float64] = np.add.reduceat(value, first) / counts if value.size else value
    return means


def _residuals(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """About pieces that are straight over the logarithm of the reports, as losses are; of the latest half, where
    there is enough of it: early noise is often of another size.
    """
    out = []
    y = y[-max(2 * FEWEST_POINTS, y.size // 2) :]
    u = np.log(np.arange(y.size) + float(y.size))
    edges = [0, *change_points(y, shortest=6), y.size]
    for start, stop in pairwise(edges):
        line = trend(y[start:stop], u[start:stop])
        at = u[start:stop] - u[start:stop].mean()
        # two parameters were spent on each piece
        out.append(
            (y[start:stop] - line.level - line.slope * at) * math.sqrt((stop - start) / (stop - start - 2))
        )
    return np.concatenate(out)


def _replays(
    residual: NDArray[np.float64], memory: float, length: int, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Circular block bootstrap (Politis and Romano 1992), centred."""
    r = residual - residual.mean()
    block = min(max(1, math.ceil(2 * memory)) if memory > 1.2 else 1, r.size)
    starts = rng.integers(0, r.size, size=(count, math.ceil(length / block)))
    index = (starts[:, :, None] + np.arange(block)) % r.size
    drawn: NDArray[np.float64] = r[index.reshape(count, -1)[:, :length]]
    return drawn


def _longest_waits(y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Most reports in a row without a new best, a row."""
    best = np.minimum.accumulate(y, axis=1)
    fresh = np.concatenate([np.ones((y.shape[0], 1), bool), best[:, 1:] < best[:, :-1]], axis=1)
    at = np.maximum.accumulate(np.where(fresh, np.arange(y.shape[1]), 0), axis=1)
    waits: NDArray[np.int64] = (np.arange(y.shape[1]) - at).max(axis=1)
    return waits


def _delay(
    residual: NDArray[np.float64], memory: float, patience: int, horizon: int, rng: np.random.Generator
) -> float:
    length = min(max(20 * (patience + 1), 100), 20 * horizon)
    y = _replays(residual, memory, length, 200, rng)
    best = np.minimum.accumulate(y, axis=1)
    fresh = np.concatenate([np.ones((200, 1), bool), best[:, 1:] < best[:, :-1]], axis=1)
    at = np.maximum.accumulate(np.where(fresh, np.arange(length), 0), axis=1)
    cut = (np.arange(length) - at) > patience
    first = np.where(cut.any(axis=1), cut.argmax(axis=1), np.inf)
    return float(np.median(first))
