"""What a range test comes to: the rate named, what each rule says, where training was lost, and the caveats."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrscope.search.range_test.ramp_curve import RampCurve, line, mean_ramp
from lrscope.search.range_test.readings import RuleReading, read_all
from lrscope.search.rate.recommendation import Recommendation, parts
from lrscope.statistics.estimate import Estimate
from lrscope.vocabulary import Goal

FALL_NOISE_LEVELS = 12.0
"""Noise levels, over the root of the number of values, by which the line has to fall below its start: of a hundred
ramps of pure noise about one falls so far."""

APART_DECADES = 0.5
"""Decades between the rules from which on it is said that they disagree: a factor of three."""


@dataclass(frozen=True, slots=True)
class RangeTestAnswer(Recommendation):
    """The answer of a range test. `cliff` is where ramps had lost their improvement; there is no band.

    Parameters
    ----------
    readings : tuple of Reading
        What each rule says of the same ramps; the first one names the rate.
    """

    readings: tuple[RuleReading, ...] = ()

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> RangeTestAnswer:
        """What `to_dict` wrote."""
        readings = (RuleReading(r["rule"], Estimate(**r["lr"]), tuple(r["alone"])) for r in kept["readings"])
        return cls(**{**parts(kept), "readings": tuple(readings)})


def answer_of(
    ramps: Sequence[RampCurve], *, metric: str | None, goal: Goal, level: float, caveats: Sequence[str] = ()
) -> RangeTestAnswer:
    """Read ramps that share their rates.

    The rate named is a tenth of the one at which the ramps had lost their improvement: of the rules it came
    closest to the best rate where all were run (`benchmarks/scan_live`). None is named where no ramp held twelve
    losses, or the loss neither fell by more than its noise nor was lost.

    Parameters
    ----------
    ramps : sequence of RampCurve
    metric, goal : str
        What was read, and whether less or more of it is better.
    level : float
        Of the intervals.
    caveats : sequence of str
        Further caveats, about how the ramps were made.
    """
    rule = f"lost / 10 of {metric}" if metric else "lost / 10"
    if not ramps:
        reason = (
            "No ramp gave twelve losses before training diverged; start lower (--low), or report every step."
        )
        return RangeTestAnswer(None, None, None, reason, rule, metric, goal, tuple(caveats))
    whole = mean_ramp(ramps)
    smoothed, noise = line(whole)
    cliff = _lost(ramps, level)
    fell = whole.start - float(smoothed.min()) > FALL_NOISE_LEVELS * noise / math.sqrt(whole.loss.size)
    if not fell and whole.lost is None:
        reason = (
            f"{metric} never fell along the ramp by more than its own noise, so no rate can be read off it. Take more "
            "steps or a larger batch, or use lrscope scan, which trains at constant rates."
        )
        return RangeTestAnswer(None, None, cliff, reason, rule, metric, goal, tuple(caveats))
    readings = read_all(ramps, level=level)
    named = readings[0].lr
    at = 10.0 ** float(whole.log_lr[int(np.argmin(smoothed))])
    edge = 10 * named.value
    come = (
        f"back at its start at {edge:.2g}"
        if whole.lost is not None
        else f"not back at its start by {edge:.2g}, where the ramp ended"
    )
    others = ", ".join(f"{r.rule} {r.lr.value:.2g}" for r in readings[1:])
    count = "one ramp" if len(ramps) == 1 else f"{len(ramps)} ramps"
    reason = (
        f"The smoothed {metric} of {count} was lowest at {at:.2g} and {come}; a tenth of that is named. Other rules "
        f"on the same curve: {others}."
    )
    warnings = (*_caveats(readings, whole, fell, len(ramps)), *caveats)
    return RangeTestAnswer(named, None, cliff, reason, rule, metric, goal, warnings, readings=readings)


def _lost(ramps: Sequence[RampCurve], level: float) -> Estimate | None:
    """From which rate on ramps had lost their improvement: the median, and the range over ramps."""
    lost = sorted(10.0**ramp.lost for ramp in ramps if ramp.lost is not None)
    if 2 * len(lost) <= len(ramps):
        return None
    method = "where ramps had lost their improvement; range over ramps"
    return Estimate(float(np.median(lost)), lost[0], lost[-1], level, method)


def _caveats(readings: Sequence[RuleReading], whole: RampCurve, fell: bool, count: int) -> Iterator[str]:
    yield (
        "A ramp cannot see how long you will train, so the interval is that of the rule's answer and not of the best "
        "rate; use lrscope scan for that."
    )
    if not fell:
        yield (
            "The loss never fell along the ramp by more than its own noise, so only the rate at which it diverged "
            "is known, and rules that look at the fall read noise. Take more ramps or steps."
        )
    rates = [reading.lr.value for reading in readings]
    apart = math.log10(max(rates) / min(rates))
    if apart > APART_DECADES:
        yield (
            f"The rules disagree by {apart:.1f} decades, from {min(rates):.2g} to {max(rates):.2g}; a ramp cannot "
            "tell which of them is right, and lrscope scan can."
        )
    first, last = 10.0 ** float(whole.log_lr[0]), 10.0 ** float(whole.log_lr[-1])
    if whole.lost is None:
        yield (
            f"Training had not diverged by the end of the ramp, at {last:.2g}, so the loss may be lowest at a "
            "higher rate; take the ramp further up (--high)."
        )
    if readings[0].lr.value < first:
        yield (f"The rate named lies below the ramp's first, {first:.2g}; start the ramp lower (--low).")
    if count == 1:
        yield "Only one ramp was read, so the interval covers the noise of batches and not that of seeds; take several."
