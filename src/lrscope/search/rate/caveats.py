"""Every caveat that applies to an answer, one sentence each, with what to do about it. Few and true.

A warning that is shown when nothing is wrong teaches people to read none of them, so each has a test on scans
in which it must not appear.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lrscope.curves import Run, RunState, Scan
from lrscope.search.rate.cliff import sides, start_value
from lrscope.search.rate.leader import Leader
from lrscope.search.rate.ranking import Judge, bad, judge_by, names_seen, points, reading
from lrscope.search.rate.unsaid import assumed
from lrscope.statistics.estimate import Estimate
from lrscope.vocabulary import goal_of, is_loss, is_validation

SETTLED_GAIN_SHARE = 0.05
"""A curve has not settled when more than this share of its improvement came in the second half of its steps."""

RISEN_GAIN_SHARE = 0.1
"""A validation loss has risen when it ended above its best by this share of its improvement."""

WIDE_GAP_FACTOR = 10.0
"""Factor between two neighbouring rates beyond which the stretch between them counts as not looked at."""

SECOND_SEED_RUNS = 2
"""Full runs that a further seed costs: the best two rates again."""


def rate_caveats(scan: Scan, found: Leader, cliff: Estimate | None) -> tuple[str, ...]:
    """All caveats about the rate that `found` leads with, the gravest first."""
    checks = (_indistinct, _edge, _gap, _unfinished, _overfitting, _objectives, _unsettled, _few_points)
    said = [text for check in checks for text in check(scan, found)]
    unsaid = assumed(scan.plan, found.wanted, found.by.metric)
    return (
        *unsaid,
        *_lottery(found),
        *_stand_in(found),
        *said,
        *_no_cliff(scan, found, cliff),
        *_seeds(scan, found),
    )


def wrong_length(scan: Scan) -> Iterator[str]:
    """That the length of a full run, in which the budget is reckoned, is not the one that runs have."""
    plan = scan.plan
    ends = [run.step for run in scan.runs if run.state is RunState.COMPLETE]
    if plan.horizon is None or not ends or not plan.pausable:
        return
    # The last line of many programs lies a little before the end: counted from 0, or printed now and then.
    if max(ends) < 0.95 * plan.horizon - 1:
        yield (
            f"A full run was taken to be {plan.horizon} steps, but runs ended by themselves at step {max(ends)}, "
            f"so the budget was counted in runs that are too long. Give --steps {max(ends)}."
        )


def _indistinct(scan: Scan, found: Leader) -> Iterator[str]:
    if len(found.deficits) >= 3 and not any(gap.told_apart(scan.plan.level) for gap in found.deficits):
        yield (
            "No rate is worse than the best by more than noise; a larger --budget, longer runs (--steps) or a less "
            "noisy --metric shows more."
        )


def _edge(scan: Scan, found: Leader) -> Iterator[str]:
    rates = scan.plan.rates
    lr = found.run.lr
    if lr == rates[0]:
        further = f"{rates[0] / 100:g}"
        yield f"The best rate is at the lower edge of the range; try smaller ones too (--low {further})."
    elif lr == rates[-1]:
        further = f"{rates[-1] * 100:g}"
        yield f"The best rate is at the upper edge of the range; try larger ones too (--high {further})."


def _gap(scan: Scan, found: Leader) -> Iterator[str]:
    """A wide stretch beside the named rate in which nothing was tried."""
    lr = found.run.lr
    tried = [run.lr for run in scan.runs if run.state is not RunState.FAILED and run.lr != lr]
    nearest = (max((t for t in tried if t < lr), default=lr), min((t for t in tried if t > lr), default=lr))
    for low, high in ((nearest[0], lr), (lr, nearest[1])):
        if high > WIDE_GAP_FACTOR * low * (1 + 1e-9):
            more = f"--budget {2 * scan.plan.budget:g}"
            yield f"No rate between {low:g} and {high:g} was tried, and a better one may lie there: {more} would look."


def _unfinished(scan: Scan, found: Leader) -> Iterator[str]:
    horizon = scan.plan.horizon
    if horizon is None or found.run.step >= horizon or found.run.state.final:
        compared = sum(1 for run in scan.runs if not bad(run) and run.seed == scan.plan.seeds[0])
        if compared < 3:
            runs = _count(compared, "run")
            yield f"Only {runs} trained far enough to be compared; widen the range or raise --budget."
        return
    reached = found.step / horizon
    more = max(4.0, 2 * scan.plan.budget)
    yield (
        f"The rates were last compared at {100 * reached:.0f} % of a full run, and short runs flatter high rates; "
        f"--budget {more:g} compares them later."
    )


def _stand_in(found: Leader) -> Iterator[str]:
    if found.by.metric != found.wanted:
        yield (
            f"{found.wanted} had not been reported yet when the rates were compared, so they were compared by "
            f"{found.by.metric}; give a larger --budget, or evaluate more often."
        )


def _overfitting(scan: Scan, found: Leader) -> Iterator[str]:
    """The judged metric had turned while the training loss went on falling."""
    by, run = found.by, found.run
    if by.objective == "best" or by.metric is None or not is_validation(by.metric):
        return
    best = reading(run, replace(by, objective="best"), run.step)
    start = by.sign * start_value(scan, by.metric)
    if not found.final - best > RISEN_GAIN_SHARE * (start - best):
        return
    for name in sorted(names_seen([run])):
        if is_loss(name) and not is_validation(name):
            loss = judge_by(scan.plan, name)
            loss = (
                Judge(name, goal_of(name), "last") if loss.metric != name else replace(loss, objective="last")
            )
            if reading(run, loss, run.step) < reading(run, loss, _turn(run, by)):
                rose = "rose" if by.goal == "min" else "fell"
                yield (
                    f"{by.metric} {rose} again while {name} went on falling (overfitting): if you stop early, judge by "
                    f"--objective best, else train for fewer steps."
                )
                return


def _turn(run: Run, by: Judge) -> int:
    """The step at which a run's metric was best."""
    steps, values = points(run, by.metric or "", run.step)
    return int(steps[int(np.nanargmin(by.sign * values))]) if steps.size else 0


def _objectives(scan: Scan, found: Leader) -> Iterator[str]:
    other = "last" if scan.plan.objective == "best" else "best"
    there = [
        run for run in scan.runs if run.step >= found.step and run.seed == scan.plan.seeds[0] and not bad(run)
    ]
    if len(there) < 2:
        return
    by = replace(found.by, objective=other)
    values = {run.lr: reading(run, by, found.step) for run in there}
    if not all(math.isfinite(v) for v in values.values()):
        return
    choice = min(values, key=lambda lr: (values[lr], lr))
    start = by.sign * start_value(scan, by.metric)
    mine = values.get(found.run.lr, math.inf)
    if choice != found.run.lr and mine - values[choice] > SETTLED_GAIN_SHARE * (start - values[choice]):
        yield (
            f"Judged by --objective {other} the rate would be {choice:g}, not {found.run.lr:g}; choose last if you "
            "keep the last weights of a training, best if you keep the best."
        )


def _unsettled(scan: Scan, found: Leader) -> Iterator[str]:
    run, by = found.run, found.by
    horizon = scan.plan.horizon
    if horizon is None or run.step < horizon or by.metric is None:
        return
    steps, values = points(run, by.metric, run.step)
    if steps.size < 8:
        return
    start = by.sign * start_value(scan, by.metric)
    late = reading(run, by, run.step // 2) - found.final
    tail = by.sign * values[steps > run.step // 2]
    noise = 2 * float(np.std(np.diff(tail))) / math.sqrt(max(1, tail.size // 5)) if tail.size > 2 else 0.0
    if late > max(SETTLED_GAIN_SHARE * (start - found.final), noise):
        share = late / (start - found.final)
        yield (
            f"{by.metric} had not settled: {100 * share:.0f} % of its improvement came in the second half of the "
            "run. A longer run may need a smaller rate; give the length that you will train for (--steps)."
        )


def _few_points(scan: Scan, found: Leader) -> Iterator[str]:
    horizon = scan.plan.horizon or 0
    steps, _ = points(found.run, found.by.metric or "", found.run.step)
    if scan.plan.pausable and horizon > 1 and steps.size < 5 and found.run.step >= horizon:
        yield (
            f"A whole run reports {found.by.metric} only {_count(steps.size, 'time')}, so runs can hardly be "
            "compared on the way; report more often, and the scan gets cheaper and surer."
        )


def _no_cliff(scan: Scan, found: Leader, cliff: Estimate | None) -> Iterator[str]:
    _, lost = sides(scan)
    failed = any(run.state is RunState.FAILED and run.lr > found.run.lr for run in scan.runs)
    if cliff is None and not lost and not failed and found.run.lr != scan.plan.rates[-1]:
        yield (
            f"No run diverged up to {scan.plan.rates[-1]:g}, so it is not known where training begins to diverge; "
            f"--high {scan.plan.rates[-1] * 100:g} looks further."
        )


def _seeds(scan: Scan, found: Leader) -> Iterator[str]:
    seeds = len(scan.plan.seeds)
    if seeds == 1:
        budget = scan.plan.budget + SECOND_SEED_RUNS
        yield (
            f"Not confirmed on a second seed: --seeds 2 --budget {budget:g} does so, for {SECOND_SEED_RUNS} more full "
            "runs."
        )
    elif found.seeds < 2:
        enough = scan.plan.budget + SECOND_SEED_RUNS * (seeds - 1)
        yield f"Not confirmed on a second seed, for which the budget did not last; --budget {enough:g} does so."


def _lottery(found: Leader) -> Iterator[str]:
    ticket = found.lottery
    if ticket is None:
        return
    again = "another seed" if ticket.seeds == 1 else f"{ticket.seeds} other seeds"
    now = (
        f"{found.run.lr:g}, which did better over all seeds, is named instead"
        if found.run.lr != ticket.lr
        else "no other rate did better so far; give --seeds 3 or more and a larger --budget"
    )
    yield (
        f"A lottery ticket: {ticket.lr:g} was best on the first seed, but on {again} ended worse by "
        f"{100 * ticket.worse:.0f} % of the improvement, where up to {100 * ticket.limit:.0f} % is chance; {now}."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
