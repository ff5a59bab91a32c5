# ruff: noqa: S101 (a conformance suite is made of assertions)
"""What every planner must keep to. Inherit `PlannerSuite` in a test module and say how to make yours:

class TestMine(PlannerSuite):
    def planner(self):
        return MyPlanner()
"""

from __future__ import annotations

from dataclasses import replace

from lrscope.curves import Plan, Run, RunKey, Scan
from lrscope.search.planners.base import Planner
from lrscope.search.rate.budget import rates_needed
from lrscope.search.space import log_grid
from lrscope.testing.curves import KnownTraining, carry_out, spent


class PlannerSuite:
    """Tests of the contract in `search.planners.base`, on trainings of known truth."""

    budgets = (0.5, 1.0, 2.0, 4.0, 8.0, 40.0)

    def planner(self) -> Planner:
        """The planner to be tested."""
        raise NotImplementedError

    def plan(self, budget: float = 4.0, **changes: object) -> Plan:
        """A plan over 21 rates and 400 steps."""
        made = Plan(rates=log_grid(1e-3, 10.0), horizon=400, budget=budget)
        return replace(made, **changes)  # type: ignore[arg-type]

    def test_the_budget_is_kept(self) -> None:
        """No more steps are spent than the budget holds."""
        for budget in self.budgets:
            scan = carry_out(self.planner(), self.plan(budget), KnownTraining(noise=0.05))
            assert spent(scan) <= budget + 1e-9

    def test_asks_are_possible(self) -> None:
        """An ask names a rate and seed of the plan, a run that is not final, and a step not yet reached."""
        plan, training, planner = self.plan(), KnownTraining(noise=0.05), self.planner()
        runs: dict[RunKey, Run] = {}
        for _ in range(1000):
            asks = planner.ask(Scan(plan, tuple(runs[k] for k in sorted(runs))))
            if not asks:
                break
            assert len({ask.key for ask in asks}) == len(asks)
            for ask in asks:
                assert ask.key.lr in plan.rates
                assert ask.key.seed in plan.seeds
                assert ask.reason
                known = runs.get(ask.key)
                assert known is None or not known.state.final
                assert known is None or ask.to_step is None or ask.to_step > known.step
                runs[ask.key] = training.run(ask.key, ask.to_step)
        else:
            raise AssertionError("the planner never comes to an end")

    def test_the_same_scan_is_answered_alike(self) -> None:
        """A planner is pure: asked twice, or made anew, it says the same."""
        plan, training = self.plan(), KnownTraining(noise=0.05)
        for limit in (0, 5, 25, 1000):
            scan = carry_out(self.planner(), plan, training, limit)
            planner = self.planner()
            assert planner.ask(scan) == planner.ask(scan) == self.planner().ask(scan)
            assert planner.name(scan) == self.planner().name(scan)

    def test_an_interrupted_scan_ends_alike(self) -> None:
        """Stopped after any number of advances and continued, a scan ends as it would have ended."""
        plan, training = self.plan(), KnownTraining(noise=0.05)
        whole = carry_out(self.planner(), plan, training)
        for limit in (1, 7, 21, 22, 30, 45):
            part = carry_out(self.planner(), plan, training, limit)
            runs = {run.key: run for run in part.runs}
            planner = self.planner()
            while asks := planner.ask(Scan(plan, tuple(runs[k] for k in sorted(runs)))):
                ask = asks[-1]  # one at a time and in another order, as several workers might finish
                runs[ask.key] = training.run(ask.key, ask.to_step)
            assert [(r.key, r.step, r.state) for r in (runs[k] for k in sorted(runs))] == [
                (r.key, r.step, r.state) for r in whole.runs
            ]

    def test_it_can_name_a_rate_at_any_time(self) -> None:
        """Once enough rates were tried there is an answer, and it is a rate that was run; before that, a reason."""
        plan, training = self.plan(), KnownTraining()
        for limit in (0, 1, 2, 10, 40):
            scan = carry_out(self.planner(), plan, training, limit)
            answer = self.planner().name(scan)
            alive = any(not run.state.final or run.state == "complete" for run in scan.runs)
            if alive and len({run.lr for run in scan.runs}) >= rates_needed(plan) and answer.chance is None:
                assert answer.lr is not None
            if answer.lr is not None:
                assert alive
                assert answer.lr.value in {run.lr for run in scan.runs}
                assert answer.lr.low <= answer.lr.value <= answer.lr.high
            else:
                assert answer.reason

    def test_the_whole_grid_gives_the_truth(self) -> None:
        """With a budget for every rate and no noise, what is named gives away 1 % of the gain at most."""
        plan, training = self.plan(40.0), KnownTraining()
        answer = self.planner().name(carry_out(self.planner(), plan, training))
        assert answer.lr is not None
        best = training.clean(training.best(plan.rates), training.horizon)
        assert training.clean(answer.lr.value, training.horizon) <= best + 0.01 * training.start

    def test_the_unit_of_the_loss_does_not_matter(self) -> None:
        """Multiplied by a positive number and moved by a constant, a loss leads to the same rate."""
        plan = self.plan()
        plain = self.planner().name(carry_out(self.planner(), plan, KnownTraining(noise=0.02)))
        moved = KnownTraining(noise=0.02, scale=8.0, offset=64.0)
        other = self.planner().name(carry_out(self.planner(), plan, moved))
        assert plain.lr is not None
        assert other.lr is not None
        assert plain.lr.value == other.lr.value
