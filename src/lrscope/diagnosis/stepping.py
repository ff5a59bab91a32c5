"""Is the schedule stepped as it was meant? Read from the rate that was logged.

The usual mistakes leave a mark in the rate alone: a schedule that is over after a whole fraction of the run
was stepped several times a step; one that starts again in the middle lost its state on resume. Each finding
names its evidence, and nothing is reported of a rate that could as well be meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from lrscope.curves.curve import LossCurve
from lrscope.errors import UsageError


class Mistake(StrEnum):
    """What went wrong with the stepping."""

    PER_PROCESS = "stepped_once_per_process"
    PER_MICRO_BATCH = "stepped_per_micro_batch"
    ENDED_EARLY = "ended_early"
    ON_SKIPPED = "stepped_on_skipped"
    RESET = "reset_on_resume"
    STALE = "stale_metric"
    WARMING = "warmup_never_finished"


@dataclass(frozen=True)
class Finding:
    """One mistake, with the evidence and what to do."""

    mistake: Mistake
    step: int
    reason: str
    confidence: float
    evidence: Mapping[str, float] = field(default_factory=dict)


def check_stepping(
    rate: LossCurve,
    *,
    processes: int | None = None,
    accumulation: int | None = None,
    skipped: LossCurve | None = None,
    metric: LossCurve | None = None,
) -> tuple[Finding, ...]:
    """Look for the known mistakes of stepping a schedule.

    Parameters
    ----------
    rate : LossCurve
        The learning rate (as the curve's values) at each optimiser step that was logged.
    processes, accumulation : int, optional
        Processes in the run, and micro-batches in an optimiser step; they tell apart what looks alike in the
        rate.
    skipped : LossCurve, optional
        1 at steps that mixed precision skipped, 0 elsewhere, as the recorder writes it. A gradient norm does
        as well: where it is not finite, the step was skipped.
    metric : LossCurve, optional
        What a plateau scheduler was given, one point a report.

    Returns
    -------
    tuple of Finding
        Empty where nothing is amiss, or the rate never changes. By the step at which it shows.

    Raises
    ------
    UsageError
        If `processes` or `accumulation` is below 1.
    """
    for name, number in (("processes", processes), ("accumulation", accumulation)):
        if number is not None and number < 1:
            raise UsageError(f"{name} must be at least 1, but is {number}.")
    good = np.isfinite(rate.loss) & (rate.loss >= 0)
    step, r = rate.step[good], rate.loss[good]
    if r.size < 8 or float(r.max()) == 0.0:
        return ()
    found = [
        _ended_early(step, r, processes, accumulation),
        _reset(step, r),
        _warming(step, r),
        None if skipped is None else _on_skipped(step, r, skipped),
        None if metric is None else _stale(step, r, metric),
    ]
    return tuple(sorted((f for f in found if f is not None), key=lambda f: f.step))


def _moves(r: NDArray[np.float64]) -> NDArray[np.float64]:
    """Change from each logged rate to the next, as a share of the larger, rounding taken for none."""
    change = np.diff(r) / np.maximum(np.maximum(r[1:], r[:-1]), 1e-300)
    return np.where(np.abs(change) > 1e-7, change, 0.0)


def _ended_early(
    step: NDArray[np.int64], r: NDArray[np.float64], processes: int | None, accumulation: int | None
) -> Finding | None:
    """A smooth decay that arrives at its end, and then stands there or climbs back, for at least a tenth of
    the run.
    """
    moves, top = _moves(r), float(r.max())
    peak = (
        int(np.flatnonzero(r >= top * (1 - 1e-9))[-1]) if moves[-1] == 0 or r[-1] < top else int(r.argmax())
    )
    low = int(r[peak:].argmin()) + peak if peak < r.size - 1 else peak
    if r[0] >= 0.5 * top:
        # a cosine that climbs back has its last highest point at the end; its first fall is what counts
        first_low = _first_low(r, top)
        if first_low is not None:
            low, peak = first_low, 0
    if r[low] > 0.05 * top or low <= peak:
        return None
    way_down = moves[peak:low]
    one_drop = float(way_down.min(initial=0.0)) < -0.75 and r[low - 1] > 0.3 * top
    if np.count_nonzero(way_down < 0) < 10 or one_drop:
        return None  # a staircase: its last stair may well be long
    span = float(step[-1] - step[0])
    share = float(step[low] - step[0]) / span
    after = r[low:]
    stands = float(np.ptp(after)) <= 1e-3 * top
    # a restart that was meant jumps; a cosine driven past its end comes back as slowly as it went
    climbs = (
        not stands and float(after.max()) > 0.2 * top and bool(np.all(np.abs(np.diff(after)) < 0.2 * top))
    )
    if share > 0.9 or not (stands or climbs):
        return None
    times = 1 / share
    whole = round(times)
    fits = whole >= 2 and abs(times - whole) <= max(
        0.03 * whole, 2 * whole**2 * float(np.median(np.diff(step))) / span
    )
    how = "climbed back" if climbs else "stood still"
    seen = f"The schedule was over at step {int(step[low]):,}, {share:.0%} of the run, and then {how}"
    evidence = {"share": share, "times": times, "climbs_back": float(climbs)}
    if fits and processes == whole and processes > 1 and accumulation != whole:
        return Finding(
            Mistake.PER_PROCESS,
            int(step[low]),
            f"{seen}: it was stepped {whole} times a step, once per process; step it once, or make "
            "it as many times longer.",
            0.95,
            evidence,
        )
    if fits and accumulation == whole and accumulation > 1 and processes != whole:
        return Finding(
            Mistake.PER_MICRO_BATCH,
            int(step[low]),
            f"{seen}: it was stepped {whole} times an optimiser step, once per micro-batch; step it "
            "only when the optimiser steps.",
            0.95,
            evidence,
        )
    hint = (
        f"; stepped {whole} times a step ({whole} processes, or {whole} micro-batches), it would do just this"
        if fits
        else ""
    )
    return Finding(
        Mistake.ENDED_EARLY,
        int(step[low]),
        f"{seen}{hint}: the rest of the run had "
        f"{'a rate that was not meant' if climbs else 'next to no rate'}; "
        "make the schedule as long as the run.",
        0.8 if fits else 0.7,
        evidence,
    )


def _first_low(r: NDArray[np.float64], top: float) -> int | None:
    below = np.flatnonzero(r <= 0.05 * top)
    if not below.size:
        return None
    stop = int(below[0])
    while stop + 1 < r.size and r[stop + 1] < r[stop]:
        stop += 1
    return stop


def _reset(step: NDArray[np.int64], r: NDArray[np.float64]) -> Finding | None:
    """One jump up in the middle of a decay, to what the run began with. Repeated jumps are restarts that were
    meant.
    """
    top = float(r.max())
    jumps = np.flatnonzero((r[1:] > 1.3 * r[:-1]) & (np.diff(r) > 0.1 * top)) + 1
    back = np.flatnonzero((r[1:] < 0.5 * r[:-1]) & (r[1:] <= 1.5 * max(r[0], 1e-300))) + 1
    for j in (int(j) for j in jumps if j >= 5):
        if len(jumps) >= 3 or r[j - 1] <= 0.05 * top:
            continue  # warm restarts begin at the bottom, and come again
        falling = r[j - 1] < r[:j].max() * 0.999
        m = min(20, r.size - j)
        replay = bool(np.allclose(r[j : j + m], r[:m], rtol=1e-4)) and m >= 2
        base = abs(r[j] - r[:j].max()) <= 0.02 * top
        if falling and (replay or base):
            return _was_reset(step, r, j, replay)
    for j in (int(j) for j in back if j >= 5):
        # a schedule with warm-up that begins anew falls to its first rate and rises as it did
        m = min(20, r.size - j)
        if m >= 5 and r[1] > r[0] and np.allclose(r[j : j + m], r[:m], rtol=1e-4):
            return _was_reset(step, r, j, True)
    return None


def _was_reset(step: NDArray[np.int64], r: NDArray[np.float64], j: int, replay: bool) -> Finding:
    what = "and goes through the same values again" if replay else "the rate of the beginning"
    return Finding(
        Mistake.RESET,
        int(step[j]),
        f"At step {int(step[j]):,} the rate goes from {r[j - 1]:.3g} to {r[j]:.3g}, {what}: the "
        f"schedule's state was lost, as on a resume that "
        "does not load it.",
        0.95 if replay else 0.8,
        {"before": float(r[j - 1]), "after": float(r[j]), "replays_start": float(replay)},
    )


def _warming(step: NDArray[np.int64], r: NDArray[np.float64]) -> Finding | None:
    """The rate rises up to the last point. A ramp over two decades or more, even in log, is a range test and
    meant.
    """
    moves = _moves(r)
    rising = moves > 0
    rises = np.flatnonzero(rising)
    if (moves < 0).any() or rises.size < 5:
        return None
    stair = int(np.diff(rises).max())
    if stair > 0.3 * moves.size or moves.size - rises[-1] > 1.5 * stair + moves.size // 100:
        return None
    first = float(r[r > 0][0])
    if r[-1] < 1.5 * first:
        return None
    if r[-1] >= 100 * first:
        log = np.log(r[r > 0])
        if np.std(np.diff(log)) < 0.2 * abs(np.mean(np.diff(log))):
            return None
    return Finding(
        Mistake.WARMING,
        int(step[-1]),
        f"The rate still rises at the last step, {int(step[-1]):,}: warm-up was never finished and no "
        f"step had the full rate; shorten it, or check "
        "how often the schedule is stepped.",
        0.9,
        {"first": first, "last": float(r[-1])},
    )


def _on_skipped(step: NDArray[np.int64], r: NDArray[np.float64], skipped: LossCurve) -> Finding | None:
    """The rate moves over a step that was skipped, in a stretch where it moves at every step."""
    flag = ~np.isfinite(skipped.loss)
    if set(np.unique(skipped.loss[~flag]).tolist()) <= {0.0, 1.0}:
        flag |= skipped.loss == 1.0
    at = skipped.step[flag]
    place = np.searchsorted(step, at)
    ok = (place < step.size - 1) & (step[np.minimum(place, step.size - 1)] == at)
    place = place[ok]
    place = place[step[np.minimum(place + 1, step.size - 1)] == step[place] + 1]
    moves = _moves(r)
    per_step = np.array([bool(np.all(moves[max(i - 3, 0) : i] != 0)) and i >= 1 for i in place], dtype=bool)
    # on the steps around it, the rate moves each time: then it should have stood still on this one
    place = place[per_step] if place.size else place
    moved = place[moves[place] != 0] if place.size else place
    if not moved.size:
        return None
    first = int(step[moved[0]])
    return Finding(
        Mistake.ON_SKIPPED,
        first,
        f"Mixed precision skipped {place.size} step{'s' if place.size > 1 else ''}, and the schedule "
        f"moved on at {moved.size} of them (first at step "
        f"{first:,}): step it only when the optimiser did, by comparing the scaler's scale before and after.",
        0.9,
        {"skipped": float(place.size), "moved": float(moved.size)},
    )


def _stale(step: NDArray[np.int64], r: NDArray[np.float64], metric: LossCurve) -> Finding | None:
    """Exact repeats among the reports before a cut: the scheduler was stepped more often than the metric was
    measured.
    """
    y = metric.loss
    if y.size < 6:
        return None
    repeat = np.concatenate([[False], (y[1:] == y[:-1]) & np.isfinite(y[1:])])
    if len(set(y[np.isfinite(y)].tolist())) < 3:
        return None  # a metric that stands still is not known to be stale
    for j in np.flatnonzero(_moves(r) < -0.05) + 1:
        upto = int(np.searchsorted(metric.step, step[j], side="right"))
        recent = repeat[max(upto - 11, 0) : upto]
        if recent.size >= 3 and recent.mean() >= 0.4 and repeat.mean() > 0.2:
            return Finding(
                Mistake.STALE,
                int(step[j]),
                f"{int(recent.sum())} of the {recent.size} reports before the cut at step "
                f"{int(step[j]):,} repeat the value before them exactly: the plateau "
                "scheduler counts a metric that was not measured anew; step it only after each evaluation.",
                0.85,
                {
                    "repeats": float(recent.sum()),
                    "reports": float(recent.size),
                    "repeats_overall": float(repeat.mean()),
                },
            )
    return None
