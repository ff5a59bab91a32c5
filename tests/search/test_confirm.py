"""Further seeds: who gets the next one, when it is enough, and a first result that does not repeat."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from lrscope.config import Config, at_rate
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.search.planners.halving import HalvingPlanner
from lrscope.search.rate.confirm import RATES_IN_QUESTION, confirm, reserve, unspent
from lrscope.search.rate.ranking import Judge
from lrscope.search.rate.replicates import Replicates, same_again
from lrscope.search.space import log_grid
from lrscope.testing.curves import KnownTraining, carry_out, spent

RATES = log_grid(1e-3, 1.0)
STEPS = 100
MEANS = 0.002 * (np.arange(len(RATES)) - 8.3) ** 2
"""True ends by rate, as shares of the improvement: a bowl whose bottom is flat over three rates."""


def ends_of(seeds, noise, trial=0):
    """Ends by rate and seed: a common part for each seed, and noise of each run's own."""
    rng = np.random.default_rng([trial, seeds, round(1000 * noise)])
    return {
        at_rate(lr, seed): MEANS[i] + noise * value
        for seed in range(seeds)
        for common in [0.5 * rng.standard_normal()]
        for i, (lr, value) in enumerate(zip(RATES, common + rng.standard_normal(len(RATES)), strict=True))
    }


def scan_of(ends, keys, seeds):
    """Whole runs of those keys, which all start at a loss of 1."""
    steps = np.arange(1, STEPS + 1)
    runs = [
        Run(
            key.config,
            key.seed,
            {"loss": LossCurve(steps, [1.0, *[ends[key]] * (STEPS - 1)])},
            RunState.COMPLETE,
            STEPS,
        )
        for key in sorted(keys)
    ]
    return Scan(Plan(rates=RATES, seeds=tuple(range(seeds)), horizon=STEPS, budget=100.0), tuple(runs))


def settle(ends, seeds, runs):
    """Confirm until nothing is asked any more; the scan, the rates in order of the first seed, and what it cost."""
    keys = {at_rate(lr) for lr in RATES}
    order = sorted(RATES, key=lambda lr: ends[at_rate(lr)])
    left = runs * STEPS
    while asks := confirm(scan_of(ends, keys, seeds), order, left):
        assert len({ask.key for ask in asks} - keys) == len(asks)
        keys |= {ask.key for ask in asks}
        left -= STEPS * len(asks)
        assert left >= 0
    return scan_of(ends, keys, seeds), order, len(keys) - len(RATES)


def known(scan):
    return Replicates(scan, Judge("loss", "min"), STEPS)


def with_ticket(ends, seeds, by):
    """The same, with a rate that leads on the first seed and is worse by `by` on all others."""
    ticket = RATES[12]
    led = {**ends, at_rate(ticket): min(ends[at_rate(lr)] for lr in RATES) - 0.01}
    return {
        **led,
        **{at_rate(ticket, seed): led[at_rate(ticket, seed)] + by for seed in range(1, seeds)},
    }, ticket


def test_leader_and_challenger_are_run_with_the_same_seed():
    """The first two asks are the two best rates of the first seed, with the second."""
    ends = ends_of(3, 0.01)
    order = sorted(RATES, key=lambda lr: ends[at_rate(lr)])
    asks = confirm(scan_of(ends, {at_rate(lr) for lr in RATES}, 3), order, 4 * STEPS)
    assert [ask.key for ask in asks] == [at_rate(order[0], 1), at_rate(order[1], 1)]
    assert "may still be better" in asks[0].reason


def test_where_only_one_can_be_paid_it_is_the_leader():
    """It can still turn out a lottery ticket. Where none can be paid, nothing is asked."""
    ends = ends_of(3, 0.01)
    order = sorted(RATES, key=lambda lr: ends[at_rate(lr)])
    scan = scan_of(ends, {at_rate(lr) for lr in RATES}, 3)
    assert [ask.key for ask in confirm(scan, order, STEPS)] == [at_rate(order[0], 1)]
    assert confirm(scan, order, STEPS - 1) == []


def left_early(*whole):
    """The leader's whole run, and one of a faster rate that was ahead of it when it was left; `whole` are further ends
    as (rate, seed, end)."""
    slow, fast = RATES[3], RATES[9]
    runs = [
        Run(
            Config(lr=slow),
            0,
            {"loss": LossCurve(np.arange(1, STEPS + 1), np.linspace(1, 0, STEPS))},
            RunState.COMPLETE,
            STEPS,
        ),
        Run(
            Config(lr=fast),
            0,
            {"loss": LossCurve(np.arange(1, 26), np.linspace(1, 0.3, 25))},
            RunState.STOPPED,
            25,
        ),
    ]
    steps = np.arange(1, STEPS + 1)
    runs += [
        Run(
            Config(lr=lr),
            seed,
            {"loss": LossCurve(steps, np.linspace(1, end, STEPS))},
            RunState.COMPLETE,
            STEPS,
        )
        for lr, seed, end in whole
    ]
    plan = Plan(rates=RATES, seeds=(0, 1), horizon=STEPS, budget=100.0)
    return Scan(plan, tuple(sorted(runs, key=lambda run: run.key))), slow, fast


def test_without_another_seed_the_order_of_the_first_stands():
    """Who was ahead where a run was left says less than the planner's own order, which knows the ends."""
    scan, slow, fast = left_early()
    assert known(scan).best([slow, fast]) == slow


def test_where_both_have_arrived_what_was_seen_early_counts_no_more():
    """A rate that was ahead on the first seed, where it was left, and ends worse on the second, does not lead."""
    slow, fast = RATES[3], RATES[9]
    scan, _, _ = left_early((slow, 1, 0.0), (fast, 1, 0.1))
    assert known(scan).best([slow, fast]) == slow
    assert known(scan).difference(slow, fast).mean == pytest.approx(0.1, abs=0.01)


def test_seeds_are_spent_only_where_they_can_change_the_answer():
    """Without noise one further seed of the best two is enough, of eight that could be had; noise takes more."""
    quiet = [settle(ends_of(9, 0.001, t), 9, 16)[2] for t in range(10)]
    loud = [settle(ends_of(9, 0.08, t), 9, 16)[2] for t in range(10)]
    assert np.mean(quiet) < 3
    assert np.mean(loud) > 2 * np.mean(quiet)


def test_more_seeds_name_better_rates():
    """With noise as large as the differences, five further seeds give away less than the first alone."""
    alone, together = [], []
    for trial in range(60):
        scan, order, _ = settle(ends_of(6, 0.03, trial), 6, 10)
        alone.append(MEANS[RATES.index(order[0])])
        together.append(MEANS[RATES.index(known(scan).best(order))])
    assert np.mean(together) < 0.9 * np.mean(alone)


@pytest.mark.parametrize(
    ("seeds", "noise", "alarms"), [(2, 0.01, 0.05), (2, 0.03, 0.05), (4, 0.03, 0.08), (4, 0.06, 0.08)]
)
def test_chance_is_seldom_called_a_lottery(seeds, noise, alarms):
    """The best of the first seed is always somewhat lucky. That alone is called a ticket in about 5 % of scans."""
    said = 0
    for trial in range(100):
        scan, order, _ = settle(ends_of(seeds, noise, trial), seeds, 2 * (seeds - 1))
        said += known(scan).lottery(order) is not None
    assert said <= 100 * alarms


@pytest.mark.parametrize(("seeds", "noise", "found"), [(2, 0.01, 0.9), (2, 0.03, 0.6), (4, 0.03, 0.9)])
def test_lottery_tickets_are_found(seeds, noise, found):
    """A leader that is worse by a quarter of the gain on other seeds is called one, and is not named."""
    said = named = 0
    for trial in range(60):
        ends, ticket = with_ticket(ends_of(seeds, noise, trial), seeds, 0.25)
        scan, order, _ = settle(ends, seeds, 2 * (seeds - 1))
        ticket_found = known(scan).lottery(order)
        said += ticket_found is not None and ticket_found.lr == ticket
        named += known(scan).best(order) == ticket
    assert said >= 60 * found
    assert named == 0


def test_what_does_not_matter_is_no_lottery():
    """A result that is worse by less than the tolerance is of no concern, however surely it is."""
    ends, _ = with_ticket(ends_of(3, 0.0001), 3, 0.0)
    scan, order, _ = settle(ends, 3, 4)
    assert known(scan).lottery(order) is None


def test_unit_and_zero_of_the_loss_do_not_matter_to_seeds():
    """Nor do they change who is asked."""
    ends = ends_of(3, 0.02)
    keys = {at_rate(lr) for lr in RATES}
    order = sorted(RATES, key=lambda lr: ends[at_rate(lr)])
    scan = scan_of(ends, keys, 3)
    moved = tuple(
        replace(r, curves={"loss": LossCurve(r.curves["loss"].step, 7 + 1e3 * r.curves["loss"].loss)})
        for r in scan.runs
    )
    assert confirm(Scan(scan.plan, moved), order, 4 * STEPS) == confirm(scan, order, 4 * STEPS)


def test_a_seed_that_reaches_nothing_is_not_paid_for_twice():
    """Where the second seed gave the very same values, no third is asked for."""
    ends = ends_of(3, 0.01)
    same = {key: ends[at_rate(key.lr)] for key in ends}
    scan, order, cost = settle(same, 3, 4)
    assert cost == 2
    assert same_again(scan, order[0])


def test_the_reserve_is_two_runs_a_seed_and_at_most_half():
    """And nothing where there is one seed."""
    plan = Plan(rates=RATES, horizon=100, budget=20.0, seeds=(0, 1, 2))
    assert reserve(plan) == 400
    assert reserve(replace(plan, budget=2.0)) == 100
    assert reserve(replace(plan, seeds=(0,))) == 0


@dataclass(frozen=True)
class Ticket(KnownTraining):
    """A training in which one rate does well on the first seed only."""

    lucky: float = 0.2512

    def curve(self, lr, seed=0):
        whole = super().curve(lr, seed)
        if lr != self.lucky:
            return whole
        shift = -0.3 if seed == 0 else 0.5
        return LossCurve(whole.step, whole.loss + shift * (1 - np.exp(-whole.step / 40)))


@pytest.mark.parametrize("seeds", [2, 3])
def test_a_whole_scan_tells_of_a_ticket_and_names_another_rate(seeds):
    """Halving falls for it on the first seed; the answer does not, and the first warning says why."""
    plan = Plan(
        rates=log_grid(1e-3, 10.0), horizon=400, budget=4.0 + 2 * (seeds - 1), seeds=tuple(range(seeds))
    )
    scan = carry_out(HalvingPlanner(), plan, Ticket(noise=0.02))
    assert spent(scan) <= plan.budget
    answer = HalvingPlanner().name(scan)
    assert answer.lr.value != 0.2512
    assert answer.warnings[0].startswith("A lottery ticket: 0.2512 was best on the first seed")


def test_a_whole_scan_without_one_tells_of_none():
    """On twelve noisy trainings, no ticket is seen; and what is not spent is left."""
    plan = Plan(rates=log_grid(1e-3, 10.0), horizon=400, budget=8.0, seeds=(0, 1, 2))
    for noise in (0.0, 0.02, 0.1):
        for floor in (0.3, 1.0, 3.0, 6.0):
            scan = carry_out(HalvingPlanner(), plan, KnownTraining(noise=noise, floor=floor))
            assert unspent(scan) >= 0
            answer = HalvingPlanner().name(scan)
            assert not any("lottery" in text for text in answer.warnings)
            assert len({run.lr for run in scan.runs if run.seed > 0}) <= RATES_IN_QUESTION
