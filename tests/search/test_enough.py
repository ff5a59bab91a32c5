"""What has to be seen before a rate is named, and what is said while it may still change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scripted import ScriptedSource, decay, sit

from lrscope.config import Config
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.search.planners.flow import FlowPlanner
from lrscope.search.planners.grid import FullGridPlanner
from lrscope.search.rate.by_curves import ByCurves, half_step
from lrscope.search.rate.enough import overtaken
from lrscope.search.rate.leader import find_leader
from lrscope.search.rate.recommend import recommend
from lrscope.search.space import log_grid
from lrscope.statistics.estimate import Estimate
from lrscope.testing.curves import KnownTraining, carry_out
from lrscope.views.scan.facts import collect
from lrscope.views.scan.words import cliff_words, headline

T = np.arange(1, 101)


def scan_of(ends, rates=log_grid(1e-5, 10.0), states=None, steps=None, **plan):  # noqa: B008 (a tuple)
    """Runs that fall from 2 to these ends, by rate, within 100 steps."""
    runs = []
    for lr, end in sorted(ends.items()):
        step = (steps or {}).get(lr, 100)
        state = (states or {}).get(lr, RunState.COMPLETE if step == 100 else RunState.STOPPED)
        curve = LossCurve(T[:step], (end + (2 - end) * np.exp(-0.1 * T))[:step], name="loss")
        runs.append(Run(Config(lr=lr), 0, {"loss": curve}, state, step))
    return Scan(Plan(tuple(rates), horizon=100, **plan), runs)


def named(scan):
    return recommend(scan, "test", ByCurves())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_than_four_rates_name_none(count):
    """The reason says how many were compared, and what would do."""
    ends = dict(list({1e-3: 0.9, 1e-2: 0.5, 1e-1: 0.7}.items())[:count])
    answer = named(scan_of(ends))
    assert answer.lr is None
    assert f"Only {count} learning rate" in answer.reason
    assert "--budget 8" in answer.reason


def test_a_range_of_three_rates_can_be_compared_whole():
    """Who asks for three rates gets the best of the three."""
    ends = {1e-3: 0.9, 1e-2: 0.5, 1e-1: 0.7}
    assert named(scan_of(ends, rates=tuple(ends))).lr.value == 1e-2


def test_diverged_rates_count_and_failed_ones_do_not():
    """A rate that diverged has been compared: it is worse. One that failed is unknown."""
    ends = {1e-3: 0.9, 1e-2: 0.5, 1e-1: 0.7, 1.0: 2.0}
    assert named(scan_of(ends, states={1.0: RunState.DIVERGED})).lr.value == 1e-2
    answer = named(scan_of(ends, states={1.0: RunState.FAILED}))
    assert answer.lr is None
    assert "mend what makes runs fail" in answer.reason


class InTurn(FullGridPlanner):
    """Every rate to its end, ascending."""

    def ask(self, scan):
        return sorted(super().ask(scan), key=lambda ask: ask.key)[:1]


class Doubtful(ByCurves):
    """Curves, with a chance that somebody states."""

    def __init__(self, chance):
        self._chance = chance

    def chance(self, scan, found):
        return self._chance


ENDS = {1e-3: 0.9, 1e-2: 0.5, 1e-1: 0.7, 1.0: 1.5}


def test_a_chance_below_thirty_per_cent_names_none():
    """The reason holds the rate that leads, its chance, and what would do."""
    answer = recommend(scan_of(ENDS), "test", Doubtful(0.12))
    assert answer.lr is None
    assert "0.01 leads" in answer.reason
    assert "12 %" in answer.reason
    assert "--budget 8" in answer.reason


@pytest.mark.parametrize(("chance", "said"), [(0.38, True), (0.5, False), (0.9, False), (None, False)])
def test_below_an_even_chance_the_first_line_says_so(chance, said):
    """Who reads one line only reads that the rate is more likely not among the best."""
    line = "".join(headline(recommend(scan_of(ENDS), "test", Doubtful(chance))))
    assert ("with a chance of only 38 %" in line) == said


def test_one_long_run_makes_a_rate_provisional():
    """Where one run alone came to half of its length, the rate is marked, and there is no band."""
    far = scan_of(ENDS, steps={1e-3: 10, 1e-1: 10, 1.0: 10})
    answer = named(far)
    assert answer.provisional
    assert answer.band is None
    assert "Only one run has come to half of a full run" in answer.warnings[0]
    assert "(provisional)" in "".join(headline(answer))
    later = named(scan_of(ENDS, steps={1e-3: 10, 1e-1: 50, 1.0: 10}))
    assert not later.provisional
    assert later.band is not None


def test_a_rate_that_another_had_overtaken_is_provisional():
    """A run that was left early, lower than the named one ended, puts it in doubt; a merely steeper one does not."""
    t = np.arange(1, 101)

    def told(left_at):
        loss = {1e-3: 2 - 0.005 * t, 1e-2: 2 - 0.01 * t, 1e-1: 2 - 0.016 * t, 1.0: 2 - left_at * t / 20}
        runs = [
            Run(Config(lr=lr), 0, {"loss": LossCurve(t[:n], v[:n], name="loss")}, RunState.STOPPED, n)
            for (lr, v), n in zip(loss.items(), (100, 100, 100, 20), strict=True)
        ]
        scan = Scan(Plan(tuple(loss), horizon=100), runs)
        found = find_leader(scan, runs[2].key)
        return overtaken(scan, found)

    assert told(0.5) is None
    assert told(1.8).startswith("1 stood at a loss of 0.2")


def test_an_interrupted_scan_is_provisional():
    """What Ctrl-C leaves is the answer so far, marked as such; the same scan carried to its end is not."""

    def press(lr, seed, step):
        if lr == 0.5:
            raise KeyboardInterrupt
        return decay(lr, seed, step)

    rates = (1e-4, 1e-3, 1e-2, 1e-1, 0.5)
    options = {"planner": InTurn(), "rates": rates, "budget": 5.0}
    stopped = sit(ScriptedSource(press), **options)
    assert not stopped.finished
    assert stopped.recommendation.provisional
    assert stopped.recommendation.band is None
    assert "interrupted" in stopped.recommendation.warnings[0]
    whole = sit(ScriptedSource(decay), **options)
    assert not whole.recommendation.provisional
    assert whole.recommendation.band is not None


def test_an_interval_ends_beside_rates_that_were_tried():
    """Half the way to the next rate that was tried, a diverged one among them; else at the end of the range."""
    ends = {1e-5: 1.9, 1e-3: 0.9, 1e-2: 0.5, 10.0: 2.0}
    scan = scan_of(ends, states={10.0: RunState.DIVERGED})
    answer = named(scan)
    assert answer.lr.low == pytest.approx((1e-3 * 1e-2) ** 0.5)
    assert answer.lr.high == pytest.approx((1e-2 * 10) ** 0.5)
    open_above = named(scan_of(ends | {1e-4: 1.5}, states={10.0: RunState.FAILED}))
    assert open_above.lr.high == 10.0
    assert "open above" in open_above.lr.method


def test_half_a_step_leads_to_the_next_rate_that_was_tried():
    """From a tried rate to the middle; from another to the next tried one; nowhere where there is none."""
    assert half_step([1.0, 4.0], 1.0, +1) == 2.0
    assert half_step([1.0, 4.0], 2.0, -1) == 1.0
    assert half_step([1.0, 4.0], 4.0, +1) is None


@pytest.mark.parametrize("budget", [0.3, 1.0, 4.0])
def test_no_end_of_an_interval_lies_between_rates_that_were_not_tried(budget):
    """Of the model's intervals too: each end is a tried rate, or the middle of two that are neighbours."""
    plan = Plan(log_grid(1e-4, 10, 6), horizon=400, budget=budget)
    scan = carry_out(FlowPlanner(), plan, KnownTraining(noise=0.05))
    lr = FlowPlanner().name(scan).lr
    assert lr is not None
    tried = sorted(run.lr for run in scan.runs if run.step)
    for end in (lr.low, lr.high):
        below, above = max(t for t in tried if t <= end * 1.0001), min(t for t in tried if t >= end / 1.0001)
        middle = (below * above) ** 0.5
        assert min(abs(np.log(end / p)) for p in (below, middle, above)) < 1e-6


def test_a_wide_gap_beside_the_rate_is_told():
    """Where nothing was tried for more than a decade beside the named rate, the answer says so; else not."""
    wide = {1e-5: 1.9, 1e-3: 0.9, 1e-2: 0.5, 10.0: 2.0}
    said = [w for w in named(scan_of(wide)).warnings if "was tried, and a better one" in w]
    assert said == [
        "No rate between 0.01 and 10 was tried, and a better one may lie there: --budget 8 would look."
    ]
    assert not [w for w in named(scan_of(ENDS)).warnings if "was tried, and a better one" in w]


def test_diverges_is_said_only_where_a_run_did():
    """Where runs merely learn nothing above a rate, that is what is told."""
    outcome = sit(ScriptedSource(decay))
    answer = replace(outcome.recommendation, cliff=Estimate(0.3, 0.1, 1.0, 0.9, "by hand"))
    told = cliff_words(collect(replace(outcome, recommendation=answer)))
    assert told == "Training diverges above 0.3"
    runs = [replace(run, state=RunState.STOPPED) for run in outcome.scan.runs]
    calm = replace(outcome, recommendation=answer, scan=replace(outcome.scan, runs=runs))
    assert cliff_words(collect(calm)) == "Training no longer learns above 0.3"
