"""The default planner: a model of how each rate would end decides which run tells most for its cost.

The model (`search.rate.model`) puts all curves on flow time, rate times steps, and allows for departures from
it that grow towards the cliff. Short runs at high rates then tell of long runs at low ones. Runs are paused and
resumed, each time to about twice the step; the last half of a large budget takes the leader and its rival to
their ends.

Like halving, the planner keeps no state that matters: each call replays the scan, and every decision is made
again from the curves up to the steps at which it was made. Decisions that were worked out once are remembered,
by a digest of all that they depend on, so that a replay costs little.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from lrscope.curves import Plan, RunKey, RunState, Scan
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.planners.halving import Bracket, HalvingPlanner
from lrscope.search.rate.budget import total_steps
from lrscope.search.rate.by_curves import ByCurves
from lrscope.search.rate.confirm import confirm, reserve, unspent
from lrscope.search.rate.grid import evenly_spread
from lrscope.search.rate.model.acquisition import choose_advances
from lrscope.search.rate.model.answer import ByModel
from lrscope.search.rate.model.curve_summary import CurveSummary, levels, stand_in, summarise
from lrscope.search.rate.model.endgame import ENDGAME_BUDGET_SHARE, LARGE_BUDGET_RUNS, endgame_advances
from lrscope.search.rate.model.forecast import Forecast, forecast
from lrscope.search.rate.model.observations import Seen
from lrscope.search.rate.model.safeguards import challenger, leading, needs_proof
from lrscope.search.rate.ranking import Judge, judge_by
from lrscope.search.rate.recommend import recommend
from lrscope.search.rate.recommendation import Recommendation
from lrscope.vocabulary import choose_metric

FIRST_LOOK_RUNS = 0.1
"""Full runs that a first look over the grid may cost: a tenth, so that a scan of a quarter run has most of its
budget left for what the look has shown."""

FIRST_LOOK_GRID_SHARE = 0.4
"""Share of the grid that a first look has to show at least: with less there is no curve to model, and halving
decides."""

FIRST_LOOK_BUDGET_SHARE = 0.8
"""Share of the budget that the first look may cost at most, where fewer rates than that could be looked at for less."""

MOST_RUNS_AT_ONCE = 4
"""Runs that are asked for at once, at most; what several of them cost together is kept small."""


class FlowPlanner(Planner):
    """Advances the run that tells most about which rate ends best, for its cost, and names that rate.

    Where a run cannot be advanced in parts there is nothing to forecast, and it does as halving does. With several
    seeds, the first one scans, and a part of the budget is kept back for the others, as in halving. Deterministic;
    has no settings.
    """

    rule = "flow"
    identity = "flow"

    def __init__(self) -> None:
        self._known: dict[bytes, list[tuple[float, int, str]]] = {}

    def ask(self, scan: Scan) -> list[Advance]:
        plan = scan.plan
        if plan.horizon is None or not plan.rates or not plan.seeds:
            return []
        if not modelled(plan):
            return HalvingPlanner().ask(scan)
        replay = ReplayedBracket(scan, self._known)
        asks = replay.next()
        return HalvingPlanner().ask(scan) if replay.blind else asks

    def name(self, scan: Scan) -> Recommendation:
        plan = scan.plan
        if not modelled(plan) or not plan.seeds:
            return recommend(scan, HalvingPlanner.rule, ByCurves())
        replay = ReplayedBracket(scan)
        f = replay.at({run.key: run.step for run in scan.runs if run.step > 0})
        if replay.blind:
            return recommend(scan, HalvingPlanner.rule, ByCurves())
        if f is None or not leading(f, plan.horizon or 1):
            return recommend(scan, self.rule, ByCurves())
        return recommend(scan, self.rule, ByModel(f))

    def forecast(self, scan: Scan, reached: Mapping[RunKey, int]) -> Forecast | None:
        return ReplayedBracket(scan).at(reached) if modelled(scan.plan) else None

    def promise(self, scan: Scan) -> dict[RunKey, float]:
        """As in halving: runs that have come further, and among equals the better placed."""
        return HalvingPlanner().promise(scan)


PLANNER = FlowPlanner


def modelled(plan: Plan) -> bool:
    """Whether the model decides: runs can be paused, so that they can be looked at on the way."""
    return plan.horizon is not None and plan.horizon > 1 and plan.pausable


@dataclass
class ReplayedBracket(Bracket):
    """One replay of a scan, from its first look to the end of its budget."""

    memo: dict[bytes, list[tuple[float, int, str]]] = field(default_factory=dict)
    marks: list[int] = field(init=False, default_factory=list)
    blind: bool = field(init=False, default=False)
    """Whether the budget is gone before the model could see anything."""
    budget: int = field(init=False, default=0)
    """Steps for the first seed: not those that are kept for the others, so that these change none of its decisions."""
    shown: dict[tuple[RunKey, Judge], CurveSummary] = field(init=False, default_factory=dict)

    def next(self) -> list[Advance]:
        """What to advance now: the first decision that has not been carried out."""
        plan, horizon = self.plan, self.horizon
        kept = reserve(plan)
        self.left -= kept
        self.budget = total_steps(plan) - kept
        asks = self.look()
        if asks or not self.marks:
            return asks
        digest = hashlib.blake2b(repr((plan, self.marks)).encode(), digest_size=16)
        fresh = list(self.charged)
        while True:
            for key in fresh:
                self.stamp(digest, key)
            mark = digest.digest() + self.left.to_bytes(8, "little", signed=True)
            if mark not in self.memo:
                self.memo[mark] = self.decide()
            chosen = self.memo[mark]
            if not chosen:
                break
            wanted = [
                Advance(plan.key(lr, plan.seeds[0]), step, why)
                for lr, step, why in chosen
                if not self.reached(plan.key(lr, plan.seeds[0]), step)
            ]
            if wanted:
                return wanted
            fresh = [plan.key(lr, plan.seeds[0]) for lr, _, _ in chosen]
            for lr, step, _ in chosen:
                self.charge(plan.key(lr, plan.seeds[0]), step)
        if not kept:
            return []
        return confirm(self.scan, leading(self.model(), horizon), unspent(self.scan))

    def look(self) -> list[Advance]:
        """See how often runs report, then take rates from all over the grid to the first step of interest."""
        pace, asks = self.pace()
        if asks:
            return asks
        marks = levels(self.horizon, pace)
        count = self.affordable(marks[0])
        if self.blind:
            return []
        keys = self.keys(evenly_spread(count, self.plan.rates))
        asks = self.advance(keys, marks[0], f"A first look at {count} rates over the whole range.")
        if not asks:
            self.marks = marks
        return asks

    def affordable(self, step: int) -> int:
        """How many rates a first look can take to `step`; sets `blind` where they are too few."""
        rates = len(self.plan.rates)
        usual = min(max(FIRST_LOOK_RUNS * self.horizon, self.left / 3), FIRST_LOOK_BUDGET_SHARE * self.left)
        fewest = math.ceil(FIRST_LOOK_GRID_SHARE * rates)
        count = max(int(usual // step), min(fewest, int(FIRST_LOOK_BUDGET_SHARE * self.left // step)))
        self.blind = count < fewest
        return min(count, rates)

    def at(self, reached: Mapping[RunKey, int]) -> Forecast | None:
        """The forecast from runs as they stood at these steps; None where nothing was shown, or halving decides."""
        self.left -= reserve(self.plan)
        pace, _ = self.pace()
        self.marks = levels(self.horizon, pace)
        self.affordable(self.marks[0])
        if self.blind:
            return None
        self.charged = {key: step for key, step in reached.items() if key in self.runs}
        f = self.model() if self.charged else None
        return f if f is not None and f.seen.run.size else None

    def seen(self) -> list[Seen]:
        """All runs, up to where they stand in the replay."""
        by, stand = self.judges()
        found = []
        for key in sorted(self.charged):
            run, step = self.runs[key], self.charged[key]
            ended = run.state.final and run.step <= step
            judged, other = (self.summarise(key, judge).until(step) for judge in (by, stand))
            over = ended or step >= self.horizon
            failed = ended and run.state is RunState.FAILED
            dead = ended and run.state is RunState.DIVERGED
            whole = step >= self.horizon or (ended and run.state is RunState.COMPLETE)
            found.append(Seen(key, step, dead, over, judged, other, failed, whole))
        return found

    def judges(self) -> tuple[Judge, Judge]:
        """What runs are judged by, and what stands in for it, from the names seen so far in the replay."""
        names = {
            name
            for key, step in self.charged.items()
            for name, curve in self.runs[key].curves.items()
            if len(curve) and curve.step[0] <= step
        }
        wanted = self.plan.metric or choose_metric(names)
        return judge_by(self.plan, wanted), judge_by(self.plan, stand_in(names, wanted or ""))

    def summarise(self, key: RunKey, by: Judge) -> CurveSummary:
        """What a run has shown of a metric, all of it."""
        if (key, by) not in self.shown:
            self.shown[key, by] = summarise(self.runs[key], by, self.marks)
        return self.shown[key, by]

    def stamp(self, digest: hashlib.blake2b, key: RunKey) -> None:
        """Add to the digest what a run has shown up to where it stands in the replay."""
        run, step = self.runs[key], self.charged[key]
        digest.update(repr((key, step, run.state if run.state.final and run.step <= step else "")).encode())
        for by in self.judges():
            part = self.summarise(key, by).until(step)
            for array in (part.step, part.value, part.error, part.early):
                digest.update(array.tobytes())

    def model(self) -> Forecast:
        return forecast(self.seen(), self.plan.rates, self.horizon, self.plan.seeds[0])

    def decide(self) -> list[tuple[float, int, str]]:
        """What to advance next: (rate, step, reason) each."""
        f = self.model()
        first = challenger(f)
        if (
            self.budget >= LARGE_BUDGET_RUNS * self.horizon
            and self.left <= ENDGAME_BUDGET_SHARE * self.budget
        ):
            last = endgame_advances(f, first, self.marks, self.horizon, self.left)
            if last:
                return last
        step = self.charged.get(self.plan.key(f.rates[first], self.plan.seeds[0]), 0)
        proof = needs_proof(f, first, self.horizon)
        if proof:
            ahead = next((m for m in self.marks if m > step), None)
            if ahead is not None and ahead - step <= self.left:
                return [(f.rates[first], ahead, proof)]
        chosen = choose_advances(f, first, self.marks, self.horizon, self.left, MOST_RUNS_AT_ONCE)
        return [(f.rates[o.index], o.step, _why(f, first, o.index)) for o in chosen]


def _why(f: Forecast, first: int, index: int) -> str:
    """The reason of an advance, for the ledger."""
    best = f"Best so far {f.rates[first]:.2g}"
    return (
        f"{best}; training it further." if index == first else f"{best}; testing {f.rates[index]:.2g} next."
    )
