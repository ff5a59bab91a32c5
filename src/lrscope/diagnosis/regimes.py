"""What a loss alone can tell: descending, level or diverging. Never zig-zag, and never too slow.

For a quadratic with symmetric noise, turning every second iterate over maps lr x curvature = 1 - a to 1 + a
and leaves the law of the evaluated loss as it was: a noise floor and a zig-zag across the valley look alike
from there. So they are told apart by what the updates do (`updates`), or not at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lrscope.diagnosis.base import Advice, Regime, Segment, Verdict
from lrscope.diagnosis.series import FEWEST_EPOCHS, FEWEST_POINTS, Series, smallest_count
from lrscope.statistics.autocorrelation import block_means
from lrscope.statistics.changepoint import change_points
from lrscope.statistics.equivalence import Equivalence
from lrscope.statistics.plateau import MOST_POINTS, PLAIN_T, PlateauTest, plateau_test
from lrscope.statistics.student import student_cdf
from lrscope.statistics.trend import Trend, trend

# as long again at this pace brings less than this share of all that was gained: that is called level
RHO = 0.05
ALIKE = (
    "From the loss alone a noise floor and a zig-zag across the valley look alike; to tell them apart, "
    "log the dot product "
    "of each gradient with the update before it (grad_dot_update), or the gap to the averaged weights."
)


@dataclass(frozen=True)
class Reading:
    """What was measured on the latest stretch of a curve.

    `window` is the trend of it, `verdict` what follows, `gained` how far the metric had come, `horizon` the
    steps of the stretch to come (as many as the run has had), `pace` the fall per step (positive while it
    gets better).
    """

    verdict: Verdict
    window: Trend | None = None
    test: Equivalence | None = None
    gained: float = math.nan
    horizon: float = math.nan
    pace: float = math.nan
    span: tuple[int, int] = (0, 0)


def read_loss(
    series: Series,
    epoch_steps: float | None = None,
    *,
    cuts: list[int] | None = None,
    rho: float = RHO,
    look: int = 1,
) -> Reading:
    """Judge the latest stretch of a curve.

    Order of judgement: broken off (values not finite at the end); standing above its own best by more than
    noise and 30 % of what was gained; level by the equivalence test; rising; falling; undecided.

    Parameters
    ----------
    series : Series
        Smaller is better.
    epoch_steps : float, optional
        Steps in an epoch. No plateau is named in the first eight.
    cuts : list of int, optional
        Change points, as indices; the judged stretch begins no earlier than the last of them if enough is
        left.
    rho : float, default 0.05
        What counts as nothing, as a share of what was gained.
    look : int, default 1
        Which look at a growing curve this is; see `equivalence`.
    """
    n = int(series.value.size)
    # One value that is not finite at the end is an end, unless such values are nothing special in this log.
    if series.broken_tail >= 2 or (series.broken_tail == 1 and series.broken - 1 <= 0.05 * n):
        return Reading(_broken(series), span=(int(series.step[-1]) if n else 0, series.last_step))
    least = smallest_count(series, epoch_steps)
    if n < FEWEST_POINTS:
        reason = f"Only {n} finite points: {least} would be the least to judge by."
        return Reading(
            _undecided(reason, {"points": float(n), "points_needed": float(least)}), span=_span(series, 0)
        )
    found = plateau_test(
        series.value, series.step, start=series.start, rho=rho, look=look, cut=cuts[-1] if cuts else None
    )
    window, test, gained = found.window, found.latest, found.gained
    # noise of the starting value itself: a lucky or unlucky first batch is no gain
    sure_gain = gained - 2 * window.noise * (1.0 if n < 200 else 2 / math.sqrt(min(n // 100, 16)))
    evidence = {
        "points": float(n),
        "window_points": float(window.count),
        "gained": gained,
        "coming_fall": test.fall,
        "coming_fall_low": test.low,
        "coming_fall_high": test.high,
        "share_left": test.share,
        "longer_share_high": found.longer.high / gained if gained > 0 else math.nan,
        "noise": window.noise,
        "memory": window.memory,
        "t": -window.t if window.t else 0.0,
    }
    span = _span(series, found.begin)
    verdict = (
        _diverging(series, window, evidence)
        or _level(found, sure_gain, n, least, evidence)
        or _moving(found, n, evidence)
    )
    whole = float(series.step[-1] - series.step[0])
    return Reading(verdict, window, test, gained, whole, window.fall / found.length, span)


def segments(series: Series, cuts: list[int], latest: Regime) -> tuple[Segment, ...]:
    """The curve in stretches of about one pace; the last has the verdict's own regime where the loss can tell
    it.
    """
    n = int(series.value.size)
    if n < 3:
        return ()
    edges = [0, *cuts, n]
    gained = series.start - float(np.min(block_means(series.value, 50)))
    out = []
    for start, stop in pairwise(edges):
        if stop - start < 3:
            continue
        at = series.step[start:stop].astype(np.float64)
        y = series.value[start:stop]
        line = trend(block_means(y, MOST_POINTS), block_means(at, MOST_POINTS))
        low, high = line.fall_within(0.9) if not math.isnan(line.fall_error) else (-math.inf, math.inf)
        if low > 0:
            regime = Regime.DESCENDING
        elif high < RHO * gained and low > -0.1 * gained:
            regime = Regime.PLATEAU
        elif high < 0 and -line.fall > 0.3 * gained:
            regime = Regime.DIVERGING
        else:
            regime = Regime.UNDECIDED
        if stop == n and latest not in (Regime.TOO_SLOW, Regime.ZIGZAG):
            regime = latest
        out.append(
            Segment(int(at[0]), int(at[-1]), regime, line.level * series.sign, line.slope * series.sign)
        )
    return tuple(out)


def find_cuts(series: Series) -> list[int]:
    """Change points of a curve, for `read_loss` and `segments`."""
    return change_points(series.value) if series.value.size >= 2 * FEWEST_POINTS else []


def _span(series: Series, begin: int) -> tuple[int, int]:
    first = int(series.step[begin]) if series.step.size > begin else 0
    return (first, series.last_step)


def _undecided(reason: str, evidence: dict[str, float], confidence: float = 0.5) -> Verdict:
    return Verdict(Regime.UNDECIDED, Advice.UNDECIDED, reason, confidence, evidence)


def _broken(series: Series) -> Verdict:
    count = series.broken_tail
    return Verdict(
        Regime.DIVERGING,
        Advice.LOWER,
        f"The last {f'{count} values are' if count > 1 else 'value is'} not finite: training has broken off; go "
        f"back to a checkpoint "
        "from before, at a lower rate.",
        0.99,
        {"not_finite_at_end": float(count), "points": float(series.value.size)},
    )


def _diverging(series: Series, window: Trend, evidence: dict[str, float]) -> Verdict | None:
    """Stands above its own best level by more than noise allows and by 30 % of what had been gained, and does
    not come down.
    """
    y, n = series.value, int(series.value.size)
    m = max(4, n // 25)
    if n < 2 * m:
        return None
    groups = block_means(y, n // m)
    recent = float(np.median(y[-m:]))
    typical = [float(np.median(g)) for g in np.array_split(y, n // m)] if n // m <= 200 else list(groups)
    lowest = int(np.argmin(typical))
    best = typical[lowest]
    rise, drop = recent - best, max(series.start - best, 0.0)
    quiet = 1.25 * _jump_noise(y) * math.sqrt(min(window.memory, m) / m)
    evidence["rise_above_best"] = rise
    limit = max(6 * quiet, 0.3 * drop)
    # A metric that only ever rose has no drop to compare with: then it must rise from block to block, too.
    tenths = [float(np.median(part)) for part in np.array_split(y[n // 3 :], min(10, n // 4))]
    grows = sum(b > a for a, b in pairwise(tenths)) >= 0.85 * (len(tenths) - 1) and recent > series.start
    if rise <= limit or (drop <= 6 * quiet and not grows):
        return None
    low, _ = window.fall_within(0.9) if not math.isnan(window.fall_error) else (0.0, 0.0)
    if low > 0.2 * rise:
        return None  # a spike that is coming down again
    confidence = min(0.99, 0.8 + 0.19 * (1 - limit / rise if math.isfinite(rise) else 1.0))
    words = (
        f"{rise / drop:.0%} of all that had been gained" if drop > 6 * quiet else "more than noise explains"
    )
    return Verdict(
        Regime.DIVERGING,
        Advice.LOWER,
        f"It stands {words} above its own best and does not come down: lower the rate, from an earlier "
        f"checkpoint.",
        confidence,
        evidence,
    )


def _jump_noise(y: NDArray[np.float64]) -> float:
    """Noise of one point, from differences between neighbours, so that a trend is none."""
    jumps = np.abs(np.diff(y))
    return max(
        1.4826 * float(np.median(jumps)), 0.2 * float(np.mean(np.minimum(jumps, np.quantile(jumps, 0.99))))
    ) / math.sqrt(2)


def _level(
    found: PlateauTest, sure_gain: float, n: int, least: int, evidence: dict[str, float]
) -> Verdict | None:
    window, test, gained = found.window, found.latest, found.gained
    if sure_gain > 0:
        if not found.level:
            return None
        if n < least:
            reason = (
                f"It looks level, but a plateau is not named before {FEWEST_EPOCHS} epochs: {least} "
                f"points would do, there are {n}."
            )
            return _undecided(reason, {**evidence, "points_needed": float(least)})
        reason = (
            f"At this pace, as long again as the run so far brings {max(test.share, 0):.1%} of what "
            f"was gained (at most {max(test.high / gained, 0):.1%}, with 90 % confidence): level. {ALIKE} "
            f"Lowering helps in both "
            "cases; keep a checkpoint, for some plateaus are shelves."
        )
        return Verdict(Regime.PLATEAU, Advice.LOWER, reason, min(test.certainty, 0.99), evidence)
    if window.noise == 0 and test.fall == 0 and n >= least:
        return Verdict(
            Regime.PLATEAU,
            Advice.UNDECIDED,
            "It has one and the same value all along: nothing is learnt, or it is not measured afresh.",
            0.9,
            evidence,
        )
    # Nothing was gained: level against its own noise, from the beginning on.
    if n >= max(least, 50) and abs(test.fall) + (test.high - test.fall) < window.noise:
        return Verdict(
            Regime.PLATEAU,
            Advice.UNDECIDED,
            "It has been level from the first point on: it began where it stands (a resumed run), or "
            "nothing is learnt at this rate, "
            "far too low or far too high; try one of each.",
            0.9,
            evidence,
            (
                "Nothing was gained since the first point, so there is nothing to compare with; level is "
                "meant against the noise.",
            ),
        )
    return None


def _moving(found: PlateauTest, n: int, evidence: dict[str, float]) -> Verdict:
    window, test, gained = found.window, found.latest, found.gained
    # Of three windows the one that is decided first is judged: a rise must be as plain as a fall has to be there.
    if found.climbs and window.t > PLAIN_T and gained > 0:
        return Verdict(
            Regime.DIVERGING,
            Advice.LOWER,
            f"It gets worse, at a pace that loses {-test.share:.0%} of what was gained if it goes on as long "
            f"again: lower the rate.",
            0.8,
            evidence,
        )
    sure = student_cdf(-window.t, window.freedom) if not math.isnan(window.t) else 0.5
    if test.falling and sure > 0.975:
        share = f"{test.share:.1%} of what was gained so far" if gained > 0 else "a clear course"
        return Verdict(
            Regime.DESCENDING,
            Advice.KEEP,
            f"It still gets better: {share} if it went on as long again at this pace. Whether a higher rate "
            f"would be faster, the loss alone "
            "does not say.",
            min(sure, 0.99),
            evidence,
        )
    need = math.ceil(min(test.needed * n / max(window.count, 1), 1e12)) if math.isfinite(test.needed) else 0
    if need > n:
        evidence["points_needed"] = float(need)
        reason = (
            f"The noise hides whether it still gets better: at this pace of logging about {need:,} points "
            f"would decide, there are {n:,}."
        )
    else:
        reason = "It neither clearly gets better nor is clearly level; wait for half as many points again."
        evidence["points_needed"] = float(math.ceil(1.5 * n))
    return _undecided(reason, evidence, max(sure, 1 - sure) / 1.5)
