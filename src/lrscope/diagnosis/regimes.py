"""What a loss alone can tell: descending, level or diverging. Never zig-zag, and never too slow.

For a quadratic with symmetric noise, turning every second iterate over maps lr x curvature = 1 - a to 1 + a
and leaves the law of the evaluated loss as it was: a noise floor and a zig-zag across the valley look alike
from there. So they are told apart by what the updates do (`updates`), or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime, Verdict
from lrscope.diagnosis.chance import read_chance
from lrscope.diagnosis.divergence import LOST_SHARE, read_broken, read_divergence
from lrscope.diagnosis.series import FEWEST_EPOCHS, FEWEST_POINTS, Series, smallest_count
from lrscope.statistics.estimate import Estimate, two_digits
from lrscope.statistics.pace import PLAIN, Pace, pace
from lrscope.statistics.student import student_quantile

FORECAST_LEVEL = 0.8
MOST_CONFIDENCE = (
    0.95  # what the surest verdicts come to in `benchmarks/diagnosis/pace.py`: shelves cannot be seen
)
DOUBT_SHARE = 0.45  # of the doubt that shape and fall leave about a descent comes true; measured there, too
SETTLED_POINTS = 50  # from which on a curve that never fell is called level against its own noise
FEW_POINTS = 16  # of fewer, a fall that does not reach below the start is taken for a spike
DECIDING_ERRORS = 2.9  # a pace of so many standard errors is told from none with power 0.9, error 5 %
MOST_PATIENCE = 20  # lengths of the log; a promise that more points would decide goes no further
LOOK_ALIKE = (
    "From the loss alone a noise floor and a zig-zag across the valley look alike; to tell them apart, log the dot "
    "product of each gradient with the update before it (grad_dot_update), or the gap to the averaged weights."
)


@dataclass(frozen=True)
class Reading:
    """What was read from one curve; verdict, segments and forecast all come from here.

    Parameters
    ----------
    verdict : Verdict
    pace : Pace or None
        None where the curve has broken off or has too few points.
    improvement : float
        How far the metric has come from its start to its present level; negative where it is worse.
    span : (int, int)
        First and last step of the stretch that was judged.
    forecast : Estimate or None
        What as many steps again as the run has had would bring; None where the curve diverges, or is too short.
    """

    verdict: Verdict
    pace: Pace | None = None
    improvement: float = math.nan
    span: tuple[int, int] = (0, 0)
    forecast: Estimate | None = None


def read_loss(
    series: Series,
    epoch_steps: float | None = None,
    *,
    name: str = "loss",
    curves: Mapping[str, LossCurve] | None = None,
    planned: int | None = None,
) -> Reading:
    """Judge the latest stretch of a curve.

    Order of judgement: broken off (values not finite at the end); standing above its own best; one value all
    along; level (`pace`), and then at chance or not; getting worse; getting better; undecided.

    Parameters
    ----------
    series : Series
        Smaller is better.
    epoch_steps : float, optional
        Steps in an epoch. No plateau is named in the first eight.
    name : str, default "loss"
        The curve's.
    curves : mapping of str to LossCurve, optional
        The whole log, for the accuracies that tell whether anything was learnt.
    planned : int, optional
        The run's stated last step: the forecast in the reason is for it.
    """
    n = int(series.value.size)
    broken = read_broken(series)
    if broken is not None:
        return Reading(broken, span=(int(series.step[-1]) if n else 0, series.last_step))
    least = smallest_count(series, epoch_steps)
    if n < FEWEST_POINTS:
        reason = f"There are only {n} finite points; {least} are the least to judge by."
        evidence = {"points": float(n), "points_needed": float(least)}
        return Reading(_undecided(reason, evidence), span=(int(series.step[0]) if n else 0, series.last_step))
    found = pace(series.value, series.step)
    improvement = series.start - found.latest.level
    forecast = _forecast(series, found)
    evidence = {
        "points": float(n),
        "improvement": improvement,
        "last_doubling": found.last,
        "expected_of_last_doubling": found.expected,
        "next_doubling": forecast.value,
        "next_doubling_low": forecast.low,
        "next_doubling_high": forecast.high,
        "noise": found.latest.noise,
        "fall_in_standard_errors": -found.latest.t,
    }
    diverging = read_divergence(series, found.latest, evidence) or _getting_worse(
        found, improvement, evidence
    )
    level = None if diverging else _level(series, found, improvement, least, evidence)
    if diverging is None and not found.falling and n >= least:
        level = read_chance(series, name, found.latest, improvement, curves or {}, evidence) or level
    verdict = diverging or level or _moving(series, found, improvement, forecast, planned, evidence)
    begin = found.begin if found.level else min(found.begin, n - n // 2)
    span = (int(series.step[begin]), series.last_step)
    told = diverging is None and not _is_spiky(series, found, improvement)
    return Reading(verdict, found, improvement, span, forecast if told else None)


def _undecided(reason: str, evidence: dict[str, float], confidence: float = 0.5) -> Verdict:
    return Verdict(Regime.UNDECIDED, Advice.UNDECIDED, reason, confidence, evidence)


def _is_spiky(series: Series, found: Pace, improvement: float) -> bool:
    return series.value.size < FEW_POINTS and improvement <= 2 * found.latest.noise


def _forecast(series: Series, found: Pace) -> Estimate:
    """The outlook, held within what the metric can be: positive values stay so, shares stay below one."""
    y = series.value
    most, now = math.inf, found.latest.level - found.latest.fall / 2  # where the line ends
    if series.sign > 0 and float(y.min()) >= 0:
        most = max(now, 0.0)
    elif series.sign < 0 and float(y.min()) >= -1 and float(y.max()) <= 0:
        most = max(1 + now, 0.0)
    gain, low, high = (min(v, most) for v in (found.outlook.gain, found.outlook.low, found.outlook.high))
    method = "mean over shapes of the latest half (powers of the steps and decays), over as many steps again"
    return Estimate(gain, low, high, FORECAST_LEVEL, method)


def _getting_worse(found: Pace, improvement: float, evidence: dict[str, float]) -> Verdict | None:
    line = found.latest
    if not found.rising or not line.t > 0 or not improvement > 0:
        return None
    # over as many steps again, at the pace of the latest half
    low = 2 * (-line.fall - student_quantile(0.9, line.freedom) * line.fall_error)
    if low <= LOST_SHARE * improvement:
        return None
    return Verdict(
        Regime.DIVERGING,
        Advice.LOWER,
        f"It gets worse: by {two_digits(-line.fall)} over the latest stretch. Lower the rate.",
        0.8,
        evidence,
    )


def _level(
    series: Series, found: Pace, improvement: float, least: int, evidence: dict[str, float]
) -> Verdict | None:
    n, line = int(series.value.size), found.latest
    if float(series.value.max()) == float(series.value.min()) and n >= least:
        return Verdict(
            Regime.PLATEAU,
            Advice.UNDECIDED,
            "It has one and the same value all along: nothing is learnt, or it is not measured afresh.",
            0.9,
            evidence,
        )
    # noise of the starting value itself: a lucky or unlucky first batch is no improvement
    noise_of_start = line.noise * (1.0 if n < 200 else 2 / math.sqrt(min(n // 100, 16)))
    if improvement <= 2 * noise_of_start:
        within = student_quantile(0.95, line.freedom) * line.fall_error
        if n < max(least, SETTLED_POINTS) or not 2 * (abs(line.fall) + within) < line.noise:
            return None
        return Verdict(
            Regime.PLATEAU,
            Advice.UNDECIDED,
            "It has been level from the first point on: it began where it stands (a resumed run), or nothing is "
            "learnt at this rate, far too low or far too high; try one of each.",
            0.9,
            evidence,
        )
    if not found.level:
        return None
    if n < least:
        return _undecided(
            f"It looks level, but a plateau is not named before {FEWEST_EPOCHS} epochs: {least:,} points would do, "
            f"there are {n:,}.",
            {**evidence, "points_needed": float(least)},
        )
    course = f"come down by only {two_digits(found.brought)}" if found.brought > 0 else "not come down"
    reason = (
        f"Level since about step {int(series.step[found.begin]):,}: per doubling of the steps it has {course}, where "
        f"{two_digits(found.expected)} would have been expected from its course before. {LOOK_ALIKE} Lowering helps in "
        "both cases; keep a checkpoint, for some plateaus are shelves."
    )
    return Verdict(Regime.PLATEAU, Advice.LOWER, reason, min(found.certainty, MOST_CONFIDENCE), evidence)


def _moving(
    series: Series,
    found: Pace,
    improvement: float,
    forecast: Estimate,
    planned: int | None,
    evidence: dict[str, float],
) -> Verdict:
    n = int(series.value.size)
    spiky = _is_spiky(series, found, improvement)
    sure = found.seen
    if found.falling and not spiky:
        last = series.last_step
        if planned is not None and planned > last:
            ahead = (planned - last) / max(float(series.step[-1] - series.step[0]), 1.0)
            gain = pace(series.value, series.step, ahead=ahead).outlook
            value, low, high, at = gain.gain, gain.low, gain.high, planned
        else:
            value, low, high = forecast.value, forecast.low, forecast.high
            at = last + int(series.step[-1] - series.step[0])
        about, least, most = (two_digits(max(v, 0.0)) for v in (value, low, high))
        within = "" if least == most else f" ({100 * FORECAST_LEVEL:.0f} % sure: {least} to {most})"
        reason = (
            f"It still gets better: by about {about} more by step {at:,} at this pace{within}. Whether a higher rate "
            "would be faster, this curve alone does not say."
        )
        confidence = 1 - DOUBT_SHARE * (1 - sure * found.outlook.goes_on)
        return Verdict(Regime.DESCENDING, Advice.KEEP, reason, min(confidence, MOST_CONFIDENCE), evidence)
    if spiky:
        evidence["points_needed"] = float(FEW_POINTS)
        return _undecided(
            f"It jumps by {two_digits(found.latest.noise)} from point to point and does not yet stand below its start: "
            f"{n} points are too few to judge; wait for {FEW_POINTS}.",
            evidence,
        )
    if found.seen > PLAIN and not found.outlook.goes_on > 0.5:
        evidence["points_needed"] = float(math.ceil(1.5 * n))
        return _undecided(
            "It has come down over the latest half, but not at its end: a shelf, or the beginning of a plateau. Wait "
            "for half as many points again.",
            evidence,
        )
    ratio = DECIDING_ERRORS * found.last_error / found.expected if found.expected > 0 else math.inf
    wanted = math.ceil(n * min(max(ratio * ratio, 1.5), 2.0 * MOST_PATIENCE))
    evidence["points_needed"] = float(wanted)
    between = (
        f"as many steps again would bring between {two_digits(forecast.low)} and {two_digits(forecast.high)}"
    )
    if wanted > MOST_PATIENCE * n:
        remedy = "Average the metric over more data, or evaluate on a fixed set."
    else:
        remedy = f"About {wanted:,} points would decide, there are {n:,}."
    return _undecided(
        f"The noise hides whether it still gets better: {between}. {remedy}",
        evidence,
        max(sure, 1 - sure) / 1.5,
    )
