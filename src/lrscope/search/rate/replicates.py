"""What further seeds say: differences between rates paired seed by seed, and whether a first result repeats.

Runs of one seed share their batches and their first weights where the training takes its randomness from the seed, so
the difference of two rates is taken within each seed (common random numbers). Everything is counted as a share of
the improvement, from the start to the best end seen; a run that diverged, or ended above its start, counts as one
without any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrscope.curves import Run, RunKey, RunState, Scan
from lrscope.search.rate.cliff import start_value
from lrscope.search.rate.ranking import Judge, reading
from lrscope.statistics.student import student_cdf, student_quantile

USUAL_SEED_SPREAD = 0.01
"""Standard deviation between seeds, as a share of the improvement, before any seed has shown it. On published scans the
median is 0.003; a guess that is too high costs a run, one that is too low a wrong answer."""

USUAL_SPREAD_SEEDS = 2.0
"""Seeds' worth of evidence that this guess counts for."""

TICKET_ERROR_RATE = 0.05
"""Chance that a rate is called a lottery ticket although its seeds differ no more than those of its peers."""


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one rate ends above another, over the seeds that both have.

    Parameters
    ----------
    mean : float
        Positive where the second rate is the worse.
    error : float
        Its standard error.
    freedom : float
        Degrees of freedom behind the error.
    seeds : int
        Seeds in common.
    """

    mean: float
    error: float
    freedom: float
    seeds: int

    @property
    def chance(self) -> float:
        """Probability that the second rate is truly the better one."""
        return student_cdf(-self.mean / self.error, self.freedom)

    @property
    def regret(self) -> float:
        """What is given away, in the mean, by keeping the first: ``E[max(0, -d)]`` for d normal about `mean`."""
        z = -self.mean / self.error
        density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        return self.error * (density + z * 0.5 * math.erfc(-z / math.sqrt(2)))


@dataclass(frozen=True, slots=True)
class Lottery:
    """A rate that led on the first seed and did not repeat it.

    Parameters
    ----------
    lr : float
    worse : float
        How much worse it ended on the others, in the mean, as a share of the improvement.
    limit : float
        What seeds alone would explain.
    seeds : int
        The others.
    """

    lr: float
    worse: float
    limit: float
    seeds: int


class Replicates:
    """The ends of runs by rate and seed, at the step that the leader of the first seed has reached.

    Parameters
    ----------
    scan : Scan
    by : Judge
        What they are compared by.
    target : int
        That step. Runs that have not come so far are left out, unless they came to an end of their own.
    """

    def __init__(self, scan: Scan, by: Judge, target: int) -> None:
        self.scan = scan
        self.by = by
        self.target = target
        self._start = by.sign * start_value(scan, by.metric)
        self._runs = {run.key: run for run in scan.runs if run.step > 0}
        runs = [run for run in self._runs.values() if self._arrived(run)]
        ends = {run.key: self._end(run) for run in runs}
        best = min(ends.values(), default=self._start)
        self._gain = self._start - best
        self.shares: dict[RunKey, float] = {}
        if self._gain > 0 and math.isfinite(self._gain):
            self.shares = {key: (end - best) / self._gain for key, end in ends.items()}

    def _key(self, lr: float, seed: int) -> RunKey:
        return self.scan.plan.key(lr, seed)

    def _arrived(self, run: Run) -> bool:
        ended = run.state in (RunState.DIVERGED, RunState.COMPLETE)
        return run.step > 0 and (ended or run.step >= self.target)

    def _end(self, run: Run) -> float:
        value = (
            math.inf if run.state is RunState.DIVERGED else reading(run, self.by, min(run.step, self.target))
        )
        return min(value, self._start) if not math.isnan(value) else self._start

    def seeds(self, lr: float) -> list[int]:
        """Seeds with which a rate has arrived, in the order of the plan."""
        return [seed for seed in self.scan.plan.seeds if self._key(lr, seed) in self.shares]

    def difference(self, one: float, other: float) -> Difference | None:
        """``other - one`` over the seeds that both have; None where they share none.

        Where they have no seed on which both have arrived, they are compared on the first one where the one that was
        left behind was left; half of that gap is doubted, since more steps might have closed it. The variance is
        learned from this pair, from how other rates scatter over their seeds, and from the guess: two seeds of one
        pair alone can agree by chance.
        """
        both = [seed for seed in self.seeds(one) if self._key(other, seed) in self.shares]
        values, doubted = (
            [self.shares[self._key(other, seed)] - self.shares[self._key(one, seed)] for seed in both],
            0.0,
        )
        if not values:
            early = self._early(one, other, self.scan.plan.seeds[0])
            if early is None:
                return None
            values, doubted = [early], (0.5 * early) ** 2
        n = len(values)
        scatter, more = self._scatter([lr for lr in self.scan.plan.rates if lr not in (one, other)])
        total = 2 * scatter + float(np.var(values)) * n + doubted
        freedom = more + n - 1
        return Difference(float(np.mean(values)), math.sqrt(total / freedom / n), freedom, n)

    def _scatter(self, rates: Sequence[float]) -> tuple[float, float]:
        """Sum of squares over seeds, of each rate about its mean, with its degrees of freedom; the guess included."""
        total, freedom = USUAL_SPREAD_SEEDS * USUAL_SEED_SPREAD**2, USUAL_SPREAD_SEEDS
        for lr in rates:
            values = [self.shares[self._key(lr, seed)] for seed in self.seeds(lr)]
            if len(values) > 1:
                total += float(np.var(values)) * len(values)
                freedom += len(values) - 1
        return total, freedom

    def _early(self, one: float, other: float, seed: int) -> float | None:
        """The difference at the last step that both have reached."""
        runs = [self._runs.get(self._key(lr, seed)) for lr in (one, other)]
        if runs[0] is None or runs[1] is None or not self._gain > 0:
            return None
        step = min(runs[0].step, runs[1].step, self.target)
        found = (reading(runs[1], self.by, step) - reading(runs[0], self.by, step)) / self._gain
        return found if math.isfinite(found) else None

    def best(self, rates: Sequence[float]) -> float:
        """The best of `rates` over all seeds: the first of them, unless another is better on the seeds they share.

        Only a rate that shares a further seed with the first can take its place: what the first seed alone has to
        say is in the order of `rates`, and says more than the last step that two of its runs have in common.
        """
        lead = rates[0]
        fresh = set(self.seeds(lead)[1:])
        scores = {lead: 0.0}
        for lr in rates[1:]:
            found = self.difference(lead, lr)
            if found is not None and fresh & set(self.seeds(lr)):
                scores[lr] = found.mean
        return min(scores, key=lambda lr: (scores[lr], rates.index(lr)))

    def lottery(self, rates: Sequence[float], error: float = TICKET_ERROR_RATE) -> Lottery | None:
        """Whether the rate that led on the first seed (the first of `rates`) failed to repeat that on the others.

        Its mean over the other seeds is compared with its result on the first. Under the null hypothesis that all seeds
        of a rate are alike, and that it scatters as its peers do, the difference D has standard deviation
        ``s sqrt(1 + 1/n)``. The leader was chosen for its result, out of K rates that had come as far, so the
        quantile is Student's at ``1 - error / K`` (Bonferroni): however the choice was made, a false alarm has a
        probability of `error` at most, if ends are near to normal. Besides, D has to exceed the tolerance of the
        plan: less than that is of no concern.
        """
        plan = self.scan.plan
        lead = rates[0]
        others = [self.shares[self._key(lead, seed)] for seed in self.seeds(lead)[1:]]
        if not others or self.seeds(lead)[0] != plan.seeds[0]:
            return None
        worse = float(np.mean(others)) - self.shares[self._key(lead, plan.seeds[0])]
        total, freedom = self._scatter(rates[1:])
        tried = max(2, sum(1 for key in self.shares if key.seed == plan.seeds[0]))
        quantile = student_quantile(1 - error / tried, freedom)
        limit = quantile * math.sqrt(total / freedom) * math.sqrt(1 + 1 / len(others))
        if worse > max(limit, plan.tolerance):
            return Lottery(lead, worse, limit, len(others))
        return None


def same_again(scan: Scan, lr: float) -> bool:
    """Whether two seeds of a rate gave the very same values: then the seed does not reach the training."""
    runs = [run for run in scan.runs if run.lr == lr and run.curves]
    for other in runs[1:]:
        names = runs[0].curves.keys() & other.curves.keys()
        for name in names:
            one, two = runs[0].curves[name], other.curves[name]
            n = min(len(one), len(two))
            if n < 2 or not np.array_equal(one.loss[:n], two.loss[:n], equal_nan=True):
                break
        else:
            if names:
                return True
    return False
