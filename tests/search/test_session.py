"""The loop, with doubles for all that it drives."""

from __future__ import annotations

import math

import pytest
from scripted import RATES, LadderPlanner, ScriptedSource, decay, sit

from lrscope.config import at_rate
from lrscope.curves import RunState
from lrscope.errors import InconclusiveError, SettingsError, UsageError
from lrscope.training.store.memory import MemoryStore


def states(outcome):
    return {run.lr: run.state for run in outcome.scan.runs}


def test_a_scan_advances_what_is_asked_and_names_a_rate():
    """All rates to the first rung, the better half on; diverged runs stop where they diverged; the rest is
    left aside with a reason, and nothing is left open."""
    source = ScriptedSource(decay)
    outcome = sit(source)
    assert outcome.finished
    assert outcome.recommendation.lr.value == 0.1
    assert states(outcome) == {
        1e-4: RunState.STOPPED,
        1e-3: RunState.STOPPED,
        1e-2: RunState.STOPPED,
        1e-1: RunState.COMPLETE,
        1.0: RunState.DIVERGED,
    }
    assert [run.step for run in outcome.scan.runs] == [4, 4, 8, 16, 3]
    assert outcome.cost.steps == 4 + 4 + 8 + 17 + 3  # a full run is let go on to what it says at its end
    assert outcome.cost.full_runs == pytest.approx(36 / 16)
    assert outcome.cost.full_grid == pytest.approx(4 + 3 / 16)
    assert outcome.cost.runs == 5
    assert outcome.scan.runs[0].reason == "others were better"
    assert source.alive() == set()


def test_every_ask_is_a_decision_with_its_reason():
    """The ledger holds each ask, with where to and why, and at its end the answer."""
    outcome = sit(ScriptedSource(decay))
    asks = [(d.key.lr, d.detail["to_step"]) for d in outcome.decisions if d.kind == "advance"]
    assert asks[:5] == [(lr, 4) for lr in RATES]
    assert set(asks[5:]) == {(1e-2, 8), (1e-1, 8), (1e-1, 16)}
    assert all(d.reason and d.time > 0 for d in outcome.decisions)
    assert outcome.decisions[-1].kind == "name"
    assert outcome.decisions[-1].detail["lr"] == 0.1


def test_what_runs_do_past_a_pause_changes_nothing():
    """A source that goes on past every pause leads to the same decisions as one that stops at once, and the
    steps that nobody asked for are charged."""
    exact = sit(ScriptedSource(decay))
    source = ScriptedSource(decay, overshoot=3)
    loose = sit(source)
    assert loose.recommendation.lr == exact.recommendation.lr
    asked = lambda o: [(d.key, d.detail["to_step"]) for d in o.decisions if d.kind == "advance"]  # noqa: E731
    assert asked(loose) == asked(exact)
    assert [run.step for run in loose.scan.runs] == [run.step for run in exact.scan.runs]
    assert loose.cost.steps == exact.cost.steps + 3 * 4


def test_an_end_past_the_pause_is_kept_until_it_is_asked_for():
    """A program that prints to its end before it can be paused is not started again: later asks are answered
    from the record. Too much of that is told."""
    source = ScriptedSource(decay, overshoot=100, length=16)
    outcome = sit(source, budget=2.5)
    assert outcome.recommendation.lr.value == 0.1
    assert [run.step for run in outcome.scan.runs] == [4, 4, 8, 16, 3]
    assert all(source.steps(at_rate(lr)) <= 16 for lr in RATES)
    assert any(
        "trained on past the step at which they were to pause" in w for w in outcome.recommendation.warnings
    )


def test_a_second_sitting_repeats_nothing():
    """A finished scan asked for again starts no run and says the same."""
    store = MemoryStore()
    first = sit(ScriptedSource(decay), store)
    again = ScriptedSource(decay)
    second = sit(again, store)
    assert again.events == []
    assert second.recommendation == first.recommendation
    assert second.decisions == first.decisions
    assert [run.step for run in second.scan.runs] == [run.step for run in first.scan.runs]


def test_a_larger_budget_goes_on_from_there():
    """With more to spend, what was left aside is wanted again: repeated up to where it stood, and charged."""
    store = MemoryStore()
    small = sit(ScriptedSource(decay), store, budget=0.5)
    assert {r.step for r in small.scan.runs} == {3, 4}
    source = ScriptedSource(decay)
    large = sit(source, store, budget=4.0)
    assert [run.step for run in large.scan.runs] == [4, 4, 8, 16, 3]
    assert large.cost.rework == 4 + 4
    assert not large.recommendation.warnings
    assert source.steps(at_rate(1e-4)) == 0


def test_other_settings_are_refused_and_named():
    """A scan with other settings does not mix with what is there; the message lists what differs."""
    store = MemoryStore()
    sit(ScriptedSource(decay), store)
    with pytest.raises(SettingsError, match="steps: 16 before, 32 now") as raised:
        sit(ScriptedSource(decay, name="other"), store, horizon=32, rates=RATES[:3])
    message = raised.value.message
    assert "script: 'scripted' before, 'other' now" in message
    assert "rates: 5 from 0.0001 to 1 before, 3 from 0.0001 to 0.01 now" in message
    assert "--out" in message
    assert "--fresh" in message


def test_a_changed_script_is_told_once_and_stays_a_doubt():
    """When what is trained has changed on disk since, the scan goes on, and its answer says so ever after."""
    store = MemoryStore()
    sit(ScriptedSource(decay, marks={"train.py": "a"}), store, budget=0.5)
    sit(ScriptedSource(decay, marks={"train.py": "b"}), store, budget=1.0)
    last = sit(ScriptedSource(decay, marks={"train.py": "b"}), store, budget=1.0)
    told = [w for w in last.recommendation.warnings if "train.py has changed" in w]
    assert len(told) == 1


def test_a_run_that_does_not_reproduce_is_reported():
    """A run started anew is compared with its record: the first difference is named, the record stays."""
    store = MemoryStore()
    sit(ScriptedSource(decay), store, budget=0.5)
    source = ScriptedSource(lambda lr, seed, step: decay(lr, seed, step) + (0.01 if step >= 2 else 0))
    outcome = sit(source, store)
    (first, _) = [d for d in outcome.decisions if d.kind == "mismatch"]
    assert first.detail["step"] == 2
    assert first.detail["metric"] == "loss"
    assert float(first.detail["again"]) == pytest.approx(float(first.detail["first"]) + 0.01)
    assert any("does not reproduce" in w and "1 more run" in w for w in outcome.recommendation.warnings)
    run = outcome.scan.run(at_rate(1e-2))
    assert run.curves["loss"].loss[1] == decay(1e-2, 0, 2)


def test_tiny_differences_and_repeated_nans_reproduce():
    """Sums in another order differ by less than a millionth: that is no difference. NaN equals NaN."""
    store = MemoryStore()

    def values(lr, seed, step):
        return {"loss": decay(lr, seed, step), "gap": math.nan}

    def shaken(lr, seed, step):
        return {"loss": decay(lr, seed, step) * (1 + 1e-9), "gap": math.nan}

    planner = LadderPlanner()
    sit(
        ScriptedSource(lambda *a: {**values(*a), "gap": 0.0} | {"gap": math.nan}),
        store,
        budget=0.5,
        planner=planner,
    )
    outcome = sit(ScriptedSource(shaken), store, planner=planner)
    assert not [d for d in outcome.decisions if d.kind == "mismatch"]


def test_a_source_that_says_a_step_twice_reproduces():
    """Two values for one step: the last counts, in the record and when it is compared."""

    class Stutter(ScriptedSource):
        def start(self, config, seed, *, watch=None, log=None):
            run = super().start(config, seed, watch=watch, log=log)
            advance = run.advance

            def twice(to_step, within):
                progress = advance(to_step, within)
                progress.points[:] = [p for s, m, v in progress.points for p in ((s, m, v), (s, m, v + 1))]
                return progress

            run.advance = twice
            return run

    store = MemoryStore()
    sit(Stutter(decay), store, budget=0.5)
    outcome = sit(Stutter(decay), store)
    assert not [d for d in outcome.decisions if d.kind == "mismatch"]
    assert outcome.recommendation.lr.value == 0.1


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_few_paused_runs_change_the_cost_and_not_the_answer(limit):
    """With room for few paused runs the least promising are dropped, started anew when wanted, charged."""
    free = sit(ScriptedSource(decay))
    source = ScriptedSource(decay)
    tight = sit(source, max_paused=limit)
    assert tight.recommendation == free.recommendation
    assert [r.step for r in tight.scan.runs] == [r.step for r in free.scan.runs]
    dropped = {d.key for d in tight.decisions if d.kind == "drop"}
    assert at_rate(1e-4) in dropped  # the least promising
    total = sum(source.steps(key) for key in [at_rate(lr) for lr in RATES])
    assert tight.cost.steps == total
    open_now, most = 0, 0
    for event in source.events:
        open_now += {"start": 1, "close": -1}.get(event[0], 0)
        most = max(most, open_now)
    assert most <= limit + 1  # those that wait, and the one at work


def test_room_is_measured_where_nobody_says(monkeypatch):
    """Without a limit given, half of the free memory bounds the paused runs, and never below two."""
    monkeypatch.setattr("lrscope.search.executor.available_memory", lambda: 0)
    source = ScriptedSource(decay, bytes=1000)
    outcome = sit(source)
    assert any("at most 2 paused runs" in d.reason for d in outcome.decisions if d.kind == "drop")
    assert outcome.recommendation.lr.value == 0.1


def test_one_failed_run_is_recorded_and_the_scan_goes_on():
    """A run that raises is failed with its reason; the others are not touched; the answer says so."""
    outcome = sit(ScriptedSource(decay, fails={1e-1: 3}))
    failed = outcome.scan.run(at_rate(1e-1))
    assert failed.state is RunState.FAILED
    assert failed.reason == "ValueError: told to fail"
    assert failed.step == 2
    assert outcome.recommendation.lr.value == 1e-2
    assert any("1 of 5 runs failed, the first at lr 0.1" in w for w in outcome.recommendation.warnings)


def test_two_runs_that_fail_at_once_end_the_scan():
    """If the first two runs fail without a value, the third is not tried; the reason is in the message."""
    source = ScriptedSource(decay, fails=dict.fromkeys(RATES, 1))
    with pytest.raises(InconclusiveError, match="told to fail") as raised:
        sit(source)
    assert raised.value.detail == "the whole traceback"
    assert sum(1 for e in source.events if e[0] == "start") == 2
    assert source.alive() == set()


def test_runs_that_failed_at_once_are_tried_again_next_time():
    """When the cause is mended, the same command works: nothing was measured that could be kept."""
    store = MemoryStore()
    with pytest.raises(InconclusiveError):
        sit(ScriptedSource(decay, fails=dict.fromkeys(RATES, 1)), store)
    assert sit(ScriptedSource(decay), store).recommendation.lr.value == 0.1


def test_all_runs_failed_later_on():
    """Runs that all fail after some values: nothing can be concluded, and the commonest reason is told."""
    with pytest.raises(InconclusiveError, match="All 4 runs failed: ValueError: told to fail"):
        sit(ScriptedSource(decay, fails=dict.fromkeys(RATES, 3)), rates=RATES[:4])


def test_a_run_without_a_single_value_has_failed():
    """A run that ends without reporting anything is a failure that says so."""
    with pytest.raises(InconclusiveError, match="ended without reporting any value"):
        sit(ScriptedSource(decay, length=0))


def test_a_lost_run_is_started_anew():
    """A vanished worker costs what has to be repeated, and nothing else; three times at most."""
    source = ScriptedSource(decay, lost={1e-1: 3})
    outcome = sit(source)
    assert outcome.recommendation.lr.value == 0.1
    assert outcome.cost.rework == 2 + 2 + 2
    assert outcome.cost.steps == sum(1 for e in source.events if e[0] == "step")
    lost_for_good = sit(ScriptedSource(decay, lost={1e-1: 4}))
    assert lost_for_good.scan.run(at_rate(1e-1)).state is RunState.FAILED
    assert "vanished 4 times" in lost_for_good.scan.run(at_rate(1e-1)).reason
    assert lost_for_good.recommendation.lr.value == 1e-2


def test_a_source_that_ignores_its_rate_is_found_out():
    """All curves alike, bit for bit, for half of a run too: the scan stops there and names no rate."""
    source = ScriptedSource(lambda lr, seed, step: 1.0 / step)
    outcome = sit(source)
    assert outcome.recommendation.lr is None
    assert "ignore its learning rate" in outcome.recommendation.reason
    assert sorted(run.step for run in outcome.scan.runs) == [4, 4, 4, 8, 8]
    assert sit(ScriptedSource(lambda lr, seed, step: 1.0 / step + lr)).recommendation.lr is not None


def test_one_metric_that_stands_still_is_no_proof():
    """An accuracy that stays at chance while the loss differs does not make all curves alike."""
    source = ScriptedSource(lambda lr, seed, step: {"loss": decay(lr, seed, step), "accuracy": 0.1})
    assert sit(source).recommendation.lr is not None


def test_nothing_but_nan_is_one_sentence():
    """NaN at every rate from the start: no rate is named, and the reason points elsewhere."""
    outcome = sit(ScriptedSource(lambda lr, seed, step: math.nan))
    assert outcome.recommendation.lr is None
    assert "NaN from the first value" in outcome.recommendation.reason


def test_a_metric_that_never_comes_is_named_with_those_seen():
    """A mistyped metric: the answer lists what was seen instead."""
    outcome = sit(ScriptedSource(decay), metric="los")
    assert outcome.recommendation.lr is None
    assert "'los'" in outcome.recommendation.reason
    assert "loss" in outcome.recommendation.reason.replace("'los'", "")


def test_a_metric_that_a_whole_run_does_not_show_is_not_waited_for():
    """The run that was let through to learn the length has not shown it: nothing more is spent."""
    outcome = sit(ScriptedSource(decay, length=16), horizon=None, metric="los")
    assert "'los'" in outcome.recommendation.reason
    assert outcome.cost.steps == 16


def test_who_watches_sees_facts_and_each_note_once():
    """Snapshots show runs, what is going on and what was spent; a note comes in one snapshot only."""
    seen = []
    outcome = sit(ScriptedSource(decay, length=3), rates=RATES[:4], horizon=None, observer=seen.append)
    notes = [note for snapshot in seen for note in snapshot.notes]
    assert len(notes) == len(set(notes)) == 1
    assert "only 3 values" in notes[0]
    assert seen[-1].doing == "done"
    assert seen[-1].metric == "loss"
    assert seen[-1].spent == pytest.approx(outcome.cost.full_runs)
    assert {status.lr for status in seen[-1].runs} <= set(RATES)
    assert any("learning how long" in s.doing for s in seen)


def test_a_budget_for_less_than_four_rates_is_refused_before_anything_runs():
    """Where the horizon is given, a budget that cannot try four rates costs nothing."""
    source = ScriptedSource(decay)
    with pytest.raises(UsageError, match="four learning rates"):
        sit(source, horizon=16, budget=0.1)
    assert source.events == []
