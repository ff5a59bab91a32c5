"""Which run leads, and how each of the others may still compare with it: the facts behind an answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from lrscope.curves import Run, RunKey, RunState, Scan
from lrscope.search.rate.cliff import sides
from lrscope.search.rate.extrapolate import Extrapolation, extrapolate
from lrscope.search.rate.ranking import (
    Judge,
    Ranking,
    bad,
    common_metric,
    fresh,
    judge,
    judge_by,
    paired,
    rank,
    reading,
)
from lrscope.search.rate.replicates import Lottery, Replicates
from lrscope.statistics.level import level


@dataclass(frozen=True, slots=True)
class Deficit:
    """By how much a run stood behind the leader when both were last at one step.

    Parameters
    ----------
    lr : float
    step : int
        The last step that both have reached.
    value : float
        Its reading minus the leader's, in the unit of the metric, positive where it is worse.
    error : float
        Standard error of `value`, from the scatter of the two curves' difference, or from several seeds.
    ahead : Extrapolation
        What may still become of the gap until the horizon.
    """

    lr: float
    step: int
    value: float
    error: float
    ahead: Extrapolation

    def told_apart(self, level: float) -> bool:
        """Whether this run will end worse than the leader, as far as can be told, at this confidence."""
        return self.ahead.gap > NormalDist().inv_cdf((1 + level) / 2) * self.ahead.error


@dataclass(frozen=True, slots=True)
class Leader:
    """The run that leads, and by how much.

    Parameters
    ----------
    run : Run
    final : float
        What the leader reads at the last step it has reached, signed so that less is better.
    by : Judge
        What it was judged by; its metric may stand in for `wanted`.
    wanted : str
        The metric that should have judged.
    step : int
        Where the leader was compared with at least one other.
    deficits : tuple of Deficit
        One for each other rate that trained, by rate.
    seeds : int
        Seeds with which the leader's rate has been run.
    lottery : Lottery or None
        The best rate of the first seed, where that did not repeat itself.
    """

    run: Run
    final: float
    by: Judge
    wanted: str
    step: int
    deficits: tuple[Deficit, ...]
    seeds: int
    lottery: Lottery | None = None


def find_leader(scan: Scan, lead: RunKey | None = None) -> Leader | None:
    """Who leads; None where no run has anything to be judged by.

    `lead` is the run that somebody else has found to lead; the deficits are then those to it.
    """
    wanted = judge(scan)
    usable = [run for run in scan.runs if not bad(run) and run.step > 0]
    first = [run for run in usable if run.seed == scan.plan.seeds[0]] or usable
    if wanted.metric is None or not first:
        return None
    order = _deepest(scan, first)
    if not order.keys or not math.isfinite(order.values[0]):
        return None
    runs = {run.key: run for run in usable}
    leader = runs[lead] if lead in runs else _confirmed(scan, order, runs)
    by = order.by
    final = reading(leader, by, leader.step)
    others = [run for run in first if run.key != leader.key]
    lost = sides(scan)[1]
    peers = [run for run in usable if run.seed == leader.seed and run.lr not in lost]
    gaps = [gap for run in others if (gap := _deficit(scan, leader, run, runs, peers)) is not None]
    return Leader(
        run=leader,
        final=final,
        by=by,
        wanted=wanted.metric,
        step=order.step,
        deficits=tuple(sorted(gaps, key=lambda gap: gap.lr)),
        seeds=sum(1 for key in runs if key.lr == leader.lr),
        lottery=_lottery(scan, order, runs),
    )


def _deepest(scan: Scan, runs: Sequence[Run]) -> Ranking:
    """The ranking at the furthest step that at least two runs have reached; those that ended by themselves stay
    where they ended.

    The one that was let through only to learn the horizon does not count among the two.
    """
    raced = [run for run in runs if run.key != scan.plan.scout] or list(runs)
    last = max(run.step for run in runs)
    reach = {run.key: last if run.state is RunState.COMPLETE else run.step for run in runs}
    steps = sorted((reach[run.key] for run in raced), reverse=True)
    for step in sorted(set(steps[1:] or steps), reverse=True):
        order = rank([run for run in runs if reach[run.key] >= step], step, scan.plan)
        if order.keys and math.isfinite(order.values[0]):
            return order
    return rank(runs, max(steps), scan.plan)


def _confirmed(scan: Scan, order: Ranking, runs: dict[RunKey, Run]) -> Run:
    """The leader: the best of the first seed, unless another rate is better over the seeds that both have been run
    with."""
    lead = runs[order.keys[0]]
    if len(scan.plan.seeds) < 2:
        return lead
    rates = [key.lr for key in order.keys]
    return runs[scan.plan.key(Replicates(scan, order.by, lead.step).best(rates), lead.seed)]


def _lottery(scan: Scan, order: Ranking, runs: dict[RunKey, Run]) -> Lottery | None:
    if len(scan.plan.seeds) < 2:
        return None
    rates = [key.lr for key in order.keys]
    return Replicates(scan, order.by, runs[order.keys[0]].step).lottery(rates)


def _deficit(
    scan: Scan, leader: Run, run: Run, runs: dict[RunKey, Run], peers: Sequence[Run]
) -> Deficit | None:
    step = min(leader.step, run.step)
    by = judge_by(scan.plan, common_metric([leader, run], step, scan.plan))
    if by.metric is None:
        return None
    ended = leader.step != run.step and leader.state is run.state is RunState.COMPLETE
    value = reading(run, by, run.step if ended else step) - reading(
        leader, by, leader.step if ended else step
    )
    if math.isnan(value):
        return None
    error = _error(leader, run, by, step)
    seeded = [
        reading(b, by, step) - reading(a, by, step)
        for seed in scan.plan.seeds
        if (a := runs.get(scan.plan.key(leader.lr, seed))) is not None
        and (b := runs.get(scan.plan.key(run.lr, seed))) is not None
        if a.step >= step and b.step >= step
    ]
    if len(seeded) > 1 and np.isfinite(seeded).all():
        value = float(np.mean(seeded))
        error = max(error / math.sqrt(len(seeded)), float(np.std(seeded, ddof=1)) / math.sqrt(len(seeded)))
    ahead = Extrapolation(value, error)
    if not ended:  # two that came to their ends have nothing ahead of them
        ahead = extrapolate(leader, run, ahead, by, scan.plan.horizon, peers)
    return Deficit(run.lr, step, value, error, ahead)


def _error(one: Run, other: Run, by: Judge, step: int) -> float:
    """Standard error of the difference of two readings.

    Where the usual window has too few points to tell, it is judged by the scatter in a longer one.
    """
    if by.metric is None or not (fresh(one, by.metric, step) and fresh(other, by.metric, step)):
        return 0.0
    few = paired(one, other, by.metric, step)
    if few.size >= 5:
        found = level(few)
        return found.error if math.isfinite(found.error) else 0.0
    more = paired(one, other, by.metric, step, window=0.5)[-8:]
    found = level(more)
    if not math.isfinite(found.error):
        return 0.0
    return found.error * math.sqrt(more.size / max(few.size, 1))
