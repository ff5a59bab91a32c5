"""Successive halving over the whole grid, with resume: all rates a little, the better half of them further.

Karnin, Koren and Somekh ("Almost Optimal Exploration in Multi-Armed Bandits", ICML 2013) for the idea,
Jamieson and Talwalkar (AISTATS 2016) for its use on training runs. Runs are paused and resumed here, so that
going from step s to 2s costs s. What differs from the papers: the length of the next rung is solved anew at
each rung from the budget that is truly left, so what diverged runs did not cost goes into longer rungs.

The planner keeps no state. Each call replays the scan from its beginning: every decision is made again from
the curves up to the rung at which it was made, and comes out as it did then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from lrscope.curves import Plan, Run, RunKey, Scan
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.rate.budget import total_steps
from lrscope.search.rate.by_curves import ByCurves
from lrscope.search.rate.confirm import RATES_IN_QUESTION, confirm, reserve, unspent
from lrscope.search.rate.grid import beside, cautious, evenly_spread
from lrscope.search.rate.nothing import silent_until
from lrscope.search.rate.ranking import Ranking, gone, rank
from lrscope.search.rate.recommend import recommend
from lrscope.search.rate.recommendation import Recommendation
from lrscope.search.rate.rungs import TO_HORIZON_RUNS, ReportPace, first_rung, next_rung, pace_of


class HalvingPlanner(Planner):
    """Synchronous successive halving (eta 2) over the whole grid, then the next best with what is left over.

    With several seeds, the first one scans; a part of the budget is kept back, and takes the leading rates
    to the horizon with the others. Where a run cannot be advanced in parts, nothing can be halved: the grid
    is then visited coarse to fine, and refined around the best.

    Before the rest, one run near 1e-3 is advanced until it has reported, so that no rung is shorter than
    what a program reports. Deterministic; has no settings.
    """

    rule = "successive halving"
    identity = "halving"

    def ask(self, scan: Scan) -> list[Advance]:
        plan = scan.plan
        if plan.horizon is None or not plan.rates or not plan.seeds:
            return []
        if not plan.pausable or plan.horizon == 1:
            return Whole(scan).replay()
        return Bracket(scan).replay()

    def name(self, scan: Scan) -> Recommendation:
        return recommend(scan, self.rule, ByCurves())

    def promise(self, scan: Scan) -> dict[RunKey, float]:
        """Runs that have come further are worth more, and among equals the better placed."""
        values: dict[RunKey, float] = {}
        unfinished = [run for run in scan.runs if not run.state.final]
        horizon = max([scan.plan.horizon or 0, *(run.step for run in unfinished), 1])
        for run in unfinished:
            peers = [r for r in scan.runs if r.key.seed == run.seed and r.step >= run.step]
            order = rank(peers, run.step, scan.plan).keys
            values[run.key] = run.step / horizon - (order.index(run.key) + 1) / (len(order) + 1)
        return values


PLANNER = HalvingPlanner


@dataclass
class Account:
    """What the two ways of spending share: the account, and asking for runs as long as they can be paid."""

    scan: Scan
    runs: dict[RunKey, Run] = field(init=False)
    charged: dict[RunKey, int] = field(init=False, default_factory=dict)
    left: int = field(init=False)

    def __post_init__(self) -> None:
        plan = self.scan.plan
        self.runs = {run.key: run for run in self.scan.runs}
        self.left = total_steps(plan)
        if plan.scout is not None:
            self.charge(plan.scout, self.horizon)

    @property
    def plan(self) -> Plan:
        return self.scan.plan

    @property
    def horizon(self) -> int:
        return self.scan.plan.horizon or 0

    def keys(self, rates: Iterable[float]) -> list[RunKey]:
        """The first seed's runs at these rates."""
        return [self.plan.key(lr, self.plan.seeds[0]) for lr in rates]

    def reached(self, key: RunKey, step: int) -> bool:
        """Whether a run has come to `step`, or to an end of its own."""
        run = self.runs.get(key)
        return run is not None and (run.state.final or run.step >= step)

    def charge(self, key: RunKey, step: int) -> None:
        """Book what it took to bring a run to `step`, or to where it ended before that."""
        run = self.runs.get(key)
        done = step
        if run is not None and run.state.final:
            done = min(step, run.step)
        self.left -= max(0, done - self.charged.get(key, 0))
        self.charged[key] = max(done, self.charged.get(key, 0))

    def price(self, key: RunKey, step: int) -> int:
        return max(0, step - self.charged.get(key, 0))

    def advance(self, keys: Iterable[RunKey], step: int, reason: str) -> list[Advance]:
        """Ask for those of `keys` that are not at `step`; an empty list books them all."""
        keys = list(keys)
        wanted = [Advance(key, step, reason) for key in keys if not self.reached(key, step)]
        if not wanted:
            for key in keys:
                self.charge(key, step)
        return wanted

    def in_turn(self, keys: Iterable[RunKey], step: int, reason: str) -> list[Advance]:
        """Take runs to `step` in this order, as far as the budget goes; those that end early make room."""
        wanted = []
        for key in keys:
            if self.reached(key, step):
                self.charge(key, step)
            elif self.price(key, step) <= self.left:
                self.left -= self.price(key, step)
                wanted.append(Advance(key, step, reason))
        return wanted

    def known(self, keys: Iterable[RunKey]) -> list[Run]:
        return [self.runs[key] for key in keys if key in self.runs]


class Bracket(Account):
    """Halving, then the next best, then further seeds."""

    def replay(self) -> list[Advance]:
        plan, horizon = self.plan, self.horizon
        kept = reserve(plan)
        self.left -= kept
        pace, asks = self.pace()
        if asks:
            return asks
        finish = self.left >= TO_HORIZON_RUNS * horizon
        rung = first_rung(len(plan.rates), self.left, horizon, pace, finish)
        if rung is None:
            return []
        chosen = self.keys(evenly_spread(rung.keep, plan.rates))
        reason = f"{len(chosen)} rates are trained to step {rung.to_step}."
        placed: list[RunKey] = []
        while True:
            asks = self.advance(chosen, rung.to_step, reason)
            if asks:
                return asks
            order = rank(self.known(chosen), rung.to_step, plan)
            alive = [k for k in order.keys if not gone(self.runs[k], rung.to_step)]
            placed = [*order.keys, *(k for k in placed if k not in chosen)]
            step = rung.to_step
            following = next_rung(len(alive), step, self.left, horizon, pace, finish)
            if following is None:
                break
            rung = following
            chosen = self.field(alive, placed, rung.keep, step, rung.to_step)
            reason = _why(chosen, len(alive), step, rung.to_step, order)
        reason = "The rest of the budget trains the next best rates to their end."
        further = [k for k in placed if k in self.runs and not gone(self.runs[k], step)]
        asks = self.in_turn(further, horizon, reason)
        if asks or not kept:
            return asks
        return self.confirm(further)

    def pace(self) -> tuple[ReportPace, list[Advance]]:
        """How often runs report; or what has to be advanced to find out."""
        plan = self.plan
        key = plan.scout or plan.key(cautious(plan.rates)[0], plan.seeds[0])
        start = first_rung(len(plan.rates), self.left, self.horizon, ReportPace(), finish=False)
        if start is None:
            return ReportPace(), []
        look = start.to_step
        while True:
            look = min(look, self.horizon)
            if not self.reached(key, look):
                return ReportPace(), [Advance(key, look, "Learning how often a run reports.")]
            run = self.runs[key]
            pace = pace_of(replace(run, step=min(look, run.step)), look)
            self.charge(key, look)
            if pace is not None:
                return replace(pace, silent=silent_until(self.scan.runs)), []
            if look >= self.horizon or self.price(key, 2 * look) > self.left:
                return ReportPace(), []
            look *= 2

    def field(
        self, alive: Sequence[RunKey], tried: Sequence[RunKey], keep: int, step: int, to_step: int
    ) -> list[RunKey]:
        """Who goes on: the best; and where the grid was too large to start whole, new rates beside the
        leader."""
        best = list(alive[:keep])
        rates = self.plan.rates
        visited = [key.lr for key in tried]
        if len(visited) == len(rates) or keep < 3:
            return best
        new = self.keys(beside(best[0].lr, visited, rates))
        while len(best) > 1 and len(best) + len(new) > keep:
            best.pop()
        spare = self.left - len(best) * (to_step - step)
        return [*best, *new[: max(0, min(len(new), spare // to_step))]]

    def confirm(self, leading: Sequence[RunKey]) -> list[Advance]:
        """The leading rates again, with the other seeds; those that came to the horizon first."""
        full = [key for key in leading[:RATES_IN_QUESTION] if self.runs[key].step >= self.horizon]
        ranked = rank(self.known(full), self.horizon, self.plan).keys
        rates = [key.lr for key in (*ranked, *(key for key in leading if key not in full))]
        return confirm(self.scan, rates, unspent(self.scan))


class Whole(Account):
    """Runs that cannot be advanced in parts: half of them coarse over the grid, the others beside the best."""

    def replay(self) -> list[Advance]:
        plan, size, horizon = self.plan, len(self.plan.rates), self.horizon
        kept = reserve(plan) // horizon * horizon
        self.left -= kept
        affordable = self.left // horizon + len(self.charged)
        coarse = size if affordable >= size else max(3, (affordable + 1) // 2)
        visited = evenly_spread(min(coarse, affordable), plan.rates)
        asks = self.in_turn(self.keys(visited), horizon, "A first look over the whole range.")
        if plan.scout is not None and plan.scout.lr in plan.rates:
            visited = sorted({*visited, plan.scout.lr})
        order: Ranking | None = None
        while not asks:
            order = rank(self.known(self.keys(visited)), horizon, plan)
            fresh: list[RunKey] = []
            for key in order.keys:  # beside the best; where nothing is left there, beside the next best
                fresh = self.keys(beside(key.lr, visited, plan.rates))
                if fresh:
                    break
            fresh = [key for key in fresh if self.price(key, horizon) <= self.left][: self.left // horizon]
            if not fresh:
                break
            asks = self.in_turn(fresh, horizon, "Testing rates beside the best so far.")
            visited = sorted([*visited, *(key.lr for key in fresh)])
        if asks or not kept or order is None:
            return asks
        return confirm(self.scan, [key.lr for key in order.keys], unspent(self.scan))


def _why(chosen: Sequence[RunKey], alive: int, step: int, to_step: int, order: Ranking) -> str:
    """The reason of a rung, for the ledger."""
    by = f" by {order.by.metric}" if order.by.metric else ""
    return f"The best {len(chosen)} of {alive} rates{by} at step {step} are trained to step {to_step}."
