"""At what pace does a series come down, counted in doublings of its length, and has that broken off?

Losses fall like a power of time: each doubling of the steps brings a fixed share of what the one before
brought. So what is left is measured against what the last doublings brought, and never against the distance
from the first value: that of a random network makes every long descent look finished.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrscope.errors import UsageError
from lrscope.statistics.autocorrelation import block_means
from lrscope.statistics.outlook import DESCENT_RATIO, Outlook, outlook
from lrscope.statistics.student import student_probability
from lrscope.statistics.trend import Trend, trend

FEWEST_PACE_POINTS = 8  # below that, neither a pace nor its error can be had
NULL_POWER = 0.5  # of t^-1/2, the pace of stochastic approximation; networks have exponents of .05 to .35
BROKEN_OFF = (
    0.7  # below this share of the pace of that power law a descent has ended (`benchmarks/diagnosis`)
)
LEVEL_CERTAINTY = 0.95
PLAIN = 0.9995  # confidence from which a fall is plain: it is looked for in three stretches, at every look
SEEN = 0.98  # and from which it can be seen
LATEST_SHARES = (0.15, 0.3, 0.5)  # of the series: where a fall or rise is looked for
LOG_AXIS_RATIO = 10.0  # positive values that fall by more than this factor are judged by their logarithm
CLEAR_ERRORS = 2.0  # a gain of so many standard errors is one that later gains can be measured against
_REFERENCES = 3  # doublings that are asked
_OCTAVE_POINTS = 5  # fewest in a doubling that is looked at on its own
_MOST_OCTAVES = 12
_MOST_PACE_BLOCKS = 256


@dataclass(frozen=True, slots=True)
class Pace:
    """How a series comes down at its end. Falls are positive while it decreases, and in its unit on either axis.

    Parameters
    ----------
    outlook : Outlook
        What is still to come.
    last, last_error : float
        What the last doubling brought, from a line over log t, and its standard error.
    brought : float
        The same per doubling over the whole stretch that was judged.
    expected : float
        What the last doubling would have brought had the earlier gains gone on as t^-1/2; 0 where nothing was
        gained before.
    level, falling, rising : bool
        The descent has broken off; it goes on; the latest stretch gets worse. At most one holds.
    certainty : float
        Confidence that the descent has broken off.
    seen : float
        Confidence that it falls, the largest of those from the latest 15, 30 and 50 %.
    axis : str
        "log" where the logarithm of the values was judged, else "linear".
    begin : int
        Index at which the stretch that was judged begins.
    latest : Trend
        The line over steps through the shortest of the latest stretches that moves plainly, else the longest.
    """

    outlook: Outlook
    last: float
    last_error: float
    brought: float
    expected: float
    level: bool
    falling: bool
    rising: bool
    certainty: float
    seen: float
    axis: str
    begin: int
    latest: Trend


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The latest `octaves` doublings: a line over log2 t, and the slope that t^-1/2 has on the same points."""

    octaves: int
    begin: int
    line: Trend
    null: float


@dataclass(frozen=True, slots=True)
class _Gain:
    """What was gained from one doubling to doubling `octave`, counted from the end, and what t^-1/2 gains there."""

    octave: int
    gain: float
    error: float
    null: float


def positions(steps: ArrayLike) -> NDArray[np.float64]:
    """Steps counted from the beginning of a log: its first point is one spacing from zero."""
    x = np.asarray(steps, dtype=np.float64)
    spacing = float(np.median(np.diff(x[:50]))) if x.size > 1 else 1.0
    counted: NDArray[np.float64] = x - x[0] + spacing
    return counted


def pace(values: ArrayLike, steps: ArrayLike | None = None, *, ahead: float = 1.0) -> Pace:
    r"""Judge whether a series still comes down as losses do.

    Null: from its earlier gains on, the series falls like ``c + A (t + t0)^-a`` with ``a <= 1/2``, as all losses
    do that only wait. Let b be the slope over log2 t of the latest m doublings, and g a gain before them: between
    the means of two neighbouring doublings, or from the first values to a doubling, less its standard error; the
    latest that is clear and the two before it are asked. The curve t^-1/2 has, on the same points, the slope b0 and
    the gain g0; smaller exponents and later beginnings lose less pace, so under the null ``b >= g b0 / g0`` for
    each pair. The descent has broken off where ``b < 0.7 g b0 / g0`` with 95 % confidence (Student's t) for some m
    and the largest such bound, unless a fall is plain in the latest 15, 30 or 50 % (99.95 %), goes on by its shape
    (`outlook`) and is more than a tenth of ``g b0 / g0``. It goes on where a fall can be seen (98 %) and its shape
    says so.

    Positive values that come down by more than a factor of ten are judged by their logarithm: errors that
    fall over decades are otherwise judged by the first of them. Else, adding a constant or multiplying by a
    positive number changes nothing. Power and error rates: `benchmarks/diagnosis/pace.py`.

    Assumes noise whose size over the latter half is one, and steps counted from where the descent began. A
    stretch that is level for half of the length passes for the end even where it is a shelf: make reversible
    what follows from it.

    Parameters
    ----------
    values : array, shape (n,)
        Finite values in order, n >= 8, smaller being better.
    steps : array, shape (n,), optional
        Where they were seen, strictly increasing; 1, 2, 3, ... unless told.
    ahead : float, default 1.0
        How far the outlook goes, in lengths of the series.

    Raises
    ------
    UsageError
        If there are fewer than eight values, or one is not finite.

    Examples
    --------
    >>> t = np.arange(1, 201)
    >>> pace(3 + t**-0.3).falling, pace(3 + np.minimum(t, 80)**-0.3).level
    (True, True)
    """
    y = np.asarray(values, dtype=np.float64)
    n = int(y.size)
    if y.ndim != 1 or n < FEWEST_PACE_POINTS or not np.isfinite(y).all():
        raise UsageError(
            f"A pace needs {FEWEST_PACE_POINTS} finite values, but has values of shape {y.shape}."
        )
    t = positions(np.arange(n) if steps is None else steps)
    axis = "log" if _falls_over_decades(y) else "linear"
    z = np.log(y) if axis == "log" else y
    stretches, gains = _stretches(z, t), _gains(z, t)
    certainty, judged, expected = -1.0, stretches[0], 0.0
    for stretch in stretches:
        bound = _expected(gains, stretch)
        p = _below(stretch.line, BROKEN_OFF * bound) if bound > 0 else 0.0
        if p > certainty:
            certainty, judged, expected = p, stretch, bound * stretches[0].null / stretch.null
    begins = [n - max(6, math.ceil(share * n)) for share in LATEST_SHARES]
    rises = [_below(_line(z, t, begin), 0.0) for begin in begins]
    plain = next(
        (begin for begin, p in zip(begins, rises, strict=True) if not 1 - PLAIN < p < PLAIN), begins[-1]
    )
    seen = 1 - min(rises)
    coming = outlook(z, t, ahead)
    goes_on = coming.goes_on > 0.5
    tiny = expected > 0 and _below(stretches[0].line, DESCENT_RATIO * expected) > LEVEL_CERTAINTY
    climbs = max(rises) > PLAIN and stretches[0].line.slope > BROKEN_OFF * expected
    level = certainty > LEVEL_CERTAINTY and not climbs and (tiny or seen <= PLAIN or not goes_on)
    falling = not level and seen > SEEN and goes_on
    rising = not level and not falling and max(rises) > SEEN
    line = stretches[0].line
    last, error, brought = -line.slope, line.error, -judged.line.slope
    if axis == "log":
        now = float(np.median(y[-max(3, n // 20) :]))
        coming = _back_from_log(coming, now)
        last, brought, expected = (-_drop(now, -v) for v in (last, brought, expected))
        error *= now
    return Pace(
        outlook=coming,
        last=last,
        last_error=error,
        brought=brought,
        expected=expected,
        level=level,
        falling=falling,
        rising=rising,
        certainty=certainty,
        seen=seen,
        axis=axis,
        begin=judged.begin,
        latest=_line(y, t, plain),
    )


def _falls_over_decades(y: NDArray[np.float64]) -> bool:
    end = max(3, y.size // 20)
    return bool((y > 0).all()) and float(np.median(y[:3])) > LOG_AXIS_RATIO * float(np.median(y[-end:]))


def _back_from_log(found: Outlook, now: float) -> Outlook:
    gain, low, high = (_drop(now, v) for v in (found.gain, found.low, found.high))
    return Outlook(gain, low, high, found.ratio, found.goes_on)


def _drop(now: float, fall: float) -> float:
    """How far a value comes down when its logarithm comes down by `fall`."""
    return -now * math.expm1(min(-fall, 700.0))  # exp(710) is no float


def _octave_begin(t: NDArray[np.float64], octaves: int) -> int:
    return int(np.searchsorted(t, t[-1] * 2.0**-octaves, side="right"))


def _line(z: NDArray[np.float64], at: NDArray[np.float64], begin: int) -> Trend:
    begin = max(begin, 0)
    return trend(block_means(z[begin:], _MOST_PACE_BLOCKS), block_means(at[begin:], _MOST_PACE_BLOCKS))


def _stretches(z: NDArray[np.float64], t: NDArray[np.float64]) -> list[_Stretch]:
    found = []
    for octaves in range(1, _MOST_OCTAVES + 1):
        begin = _octave_begin(t, octaves)
        if octaves > 1 and begin < 3:  # the gains before it need points, too
            break
        begin = max(min(begin, t.size - 6), 0)
        at = block_means(t[begin:], _MOST_PACE_BLOCKS)
        u = np.log2(at)
        apart = u - u.mean()
        null = -float(apart @ (at / t[-1]) ** -NULL_POWER) / float(apart @ apart)
        found.append(_Stretch(octaves, begin, trend(block_means(z[begin:], _MOST_PACE_BLOCKS), u), null))
    return found


def _gains(z: NDArray[np.float64], t: NDArray[np.float64]) -> list[_Gain]:
    levels: list[
        tuple[float, float, float]
    ] = []  # of each doubling from the end: level, its error, that of t^-1/2
    stop, noise = int(t.size), 0.0
    for octave in range(1, _MOST_OCTAVES + 1):
        begin = _octave_begin(t, octave)
        if stop - begin < _OCTAVE_POINTS:
            break
        at = block_means(t[begin:stop], _MOST_PACE_BLOCKS)
        line = trend(block_means(z[begin:stop], _MOST_PACE_BLOCKS), np.log2(at))
        noise = max(line.noise * math.sqrt((stop - begin) / line.count), noise)
        error = line.noise * math.sqrt(line.memory / line.count)
        levels.append((line.level, error, float(np.mean((at / t[-1]) ** -NULL_POWER))))
        stop = begin
    gains = [
        _Gain(k, earlier[0] - later[0], math.hypot(earlier[1], later[1]), earlier[2] - later[2])
        for k, (later, earlier) in enumerate(pairwise(levels), start=1)
    ]
    if (
        levels and stop
    ):  # from the first values; a single one, that of a random network, is no part of the descent
        few = min(3, stop)
        level, error, null = levels[-1]
        begun = float(np.mean((t[:few] / t[-1]) ** -NULL_POWER))
        spread = 1.25 * noise / math.sqrt(few)
        gains.append(
            _Gain(len(levels), float(np.median(z[:few])) - level, math.hypot(spread, error), begun - null)
        )
    return gains


def _expected(gains: list[_Gain], stretch: _Stretch) -> float:
    """The pace over a stretch, by t^-1/2 from the gains before it: the largest that one of them gives.

    Of them, the latest that is clear and the two before it: how steeply training came down from a random start
    says nothing of its pace much later.
    """
    before = [g for g in gains if g.octave >= stretch.octaves]
    first = next((i for i, g in enumerate(before) if g.gain > CLEAR_ERRORS * g.error), 0)
    return max(
        ((g.gain - g.error) / g.null * stretch.null for g in before[first : first + _REFERENCES]), default=0.0
    )


def _below(line: Trend, bound: float) -> float:
    """Confidence that a line falls by less than `bound` per unit; a half where nothing is known."""
    if math.isnan(line.error):
        return 0.5
    if line.error == 0:
        return 0.5 if -line.slope == bound else float(-line.slope < bound)
    return student_probability((bound + line.slope) / line.error, line.freedom)
