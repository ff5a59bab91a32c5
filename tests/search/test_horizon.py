"""How long a full run is, where nobody said."""

from __future__ import annotations

import itertools
import math

import pytest
from scripted import ScriptedSource, decay, sit

from lrscope.config import at_rate
from lrscope.errors import InconclusiveError
from lrscope.training.store.memory import MemoryStore


def test_a_printed_total_is_the_horizon():
    """A run that tells its length is stopped after its first value; nothing is let through."""
    source = ScriptedSource(decay, length=16, total=16)
    outcome = sit(source, horizon=None)
    assert outcome.scan.plan.horizon == 16
    assert outcome.scan.plan.scout is None
    assert source.events[0] == ("start", at_rate(1e-3))
    assert source.steps(at_rate(1e-3)) == 4
    assert outcome.recommendation.lr.value == 0.1


def test_a_total_told_late_stops_the_scout_there():
    """A total that comes with a later value ends the letting-through, and what was done beyond is kept."""
    source = ScriptedSource(decay, length=16, slice=1)

    class Late(ScriptedSource):
        def start(self, config, seed, *, watch=None, log=None):
            run = super().start(config, seed, watch=watch, log=log)
            came = run._came
            run._came = lambda *a: (setattr(self, "total", 16 if run._step >= 6 else None), came(*a))[1]
            return run

    source = Late(decay, length=16, slice=1)
    outcome = sit(source, horizon=None)
    assert outcome.scan.plan.horizon == 16
    assert outcome.scan.plan.scout is None
    assert outcome.scan.run(at_rate(1e-3)).step == 4
    assert len(outcome.scan.run(at_rate(1e-3)).curves["loss"]) == 6
    assert source.steps(at_rate(1e-3)) == 6


def test_a_run_that_is_let_through_gives_the_horizon_and_costs():
    """Without a total, the run nearest to 1e-3 goes to its own end; the plan names it as the scout."""
    source = ScriptedSource(decay, length=16)
    outcome = sit(source, horizon=None)
    assert outcome.scan.plan.horizon == 16
    assert outcome.scan.plan.scout == at_rate(1e-3)
    assert outcome.scan.run(at_rate(1e-3)).step == 16
    assert outcome.cost.steps == 4 + 16 + 8 + 16 + 3
    assert any(d.kind == "horizon" and d.detail.get("horizon") == 16 for d in outcome.decisions)


def test_where_the_first_diverges_the_next_lower_rate_is_asked():
    """A scout that diverges is not the measure of a full run; the next lower rate is."""

    def value(lr, seed, step):
        return math.nan if lr >= 1e-3 and step > 2 else math.exp(-lr * step)

    outcome = sit(ScriptedSource(value, length=16), horizon=None)
    assert outcome.scan.plan.scout == at_rate(1e-4)
    assert outcome.scan.plan.horizon == 16


def test_what_was_learned_is_not_learned_again():
    """The horizon is on record: a second sitting starts no scout."""
    store = MemoryStore()
    sit(ScriptedSource(decay, length=16), store, horizon=None, budget=1.2)
    source = ScriptedSource(decay, length=16)
    outcome = sit(source, store, horizon=None, budget=4.0)
    assert outcome.scan.plan.horizon == 16
    assert outcome.scan.plan.scout == at_rate(1e-3)
    assert source.steps(at_rate(1e-3)) == 0


def test_a_long_wait_is_explained_once():
    """After some seconds of letting a run through, the user is told what to give if it never ends."""
    clock = itertools.count(0, 4.0)
    source = ScriptedSource(decay, length=16, slice=1)
    outcome = sit(source, horizon=None, clock=lambda: next(clock))
    notes = [d.reason for d in outcome.decisions if d.kind == "note" and "--steps" in d.reason]
    assert len(notes) == 1
    assert "never ends by itself" in notes[0]


def test_without_any_run_that_ends_there_is_no_horizon():
    """If every low rate diverges too, the message says what to give."""
    source = ScriptedSource(lambda lr, seed, step: math.nan if step > 1 else 1.0, length=16)
    with pytest.raises(InconclusiveError, match=r"--low.*--steps"):
        sit(source, horizon=None)


def test_where_all_is_nan_no_lower_rate_is_advised():
    """A program that says nothing but NaN is told so: neither lower rates nor a length would help."""
    with pytest.raises(InconclusiveError, match="Everything reported was NaN") as error:
        sit(ScriptedSource(lambda *_: math.nan), horizon=None)
    assert "--low" not in str(error.value)


def test_two_scouts_that_fail_end_the_scan():
    """Two failures in a row while learning the horizon: the program does not work, and the reason is told."""
    source = ScriptedSource(decay, fails={1e-3: 3, 1e-4: 3})
    with pytest.raises(InconclusiveError, match="told to fail"):
        sit(source, horizon=None)


def test_a_plain_function_has_a_horizon_of_one():
    """What cannot be advanced in parts is one step long, and nothing has to be learned."""
    source = ScriptedSource(lambda lr, seed, step: abs(math.log10(lr) + 2), length=1, pausable=False)
    outcome = sit(source, horizon=None, budget=9)
    assert outcome.scan.plan.horizon == 1
    assert outcome.recommendation.lr.value == 1e-2
    assert all(source.steps(at_rate(lr)) == 1 for lr in outcome.scan.plan.rates)


def test_runs_that_end_before_the_horizon_are_complete_and_told():
    """A horizon that no run comes to was wrong: the runs count as complete, and the true length is named."""
    outcome = sit(ScriptedSource(decay, length=10))
    assert outcome.scan.run(at_rate(1e-1)).reason == "ended by itself at step 10 of 16"
    assert any("--steps 10" in w for w in outcome.recommendation.warnings)
