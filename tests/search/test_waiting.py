"""Runs for which the clock goes on while they are suspended, and runs that are trained elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from scripted import ScriptedSource, decay, sit

from lrscope.config import at_rate
from lrscope.curves import RunState
from lrscope.search.ledger import Ledger
from lrscope.search.waiting import Waits
from lrscope.training.source.base import LiveRun, Progress, Status
from lrscope.training.store.memory import MemoryStore


@dataclass
class Clocked(ScriptedSource):
    """A program whose time is up once it has been suspended: it ends (or fails) as soon as it goes on."""

    status: Status = Status.ENDED
    own_end: dict[float, int] = field(default_factory=dict)
    """Where runs end by themselves, waiting or not."""

    def start(self, config, seed, *, watch=None, log=None):
        return _Timed(self, config, super().start(config, seed, watch=watch, log=log))


class _Timed(LiveRun):
    def __init__(self, source, config, run):
        self._source, self._config, self._run, self._step = source, config, run, 0

    def advance(self, to_step, within):
        waited = self._step and to_step is not None
        end = self._source.own_end.get(self._config["lr"])
        if waited and not self._source.own_end:
            return Progress(self._source.status, [], self._step, reason="time is up")
        progress = self._run.advance(min(to_step, end or to_step), within)
        self._step = progress.step
        return replace(progress, status=Status.ENDED) if end is not None and to_step > end else progress

    def close(self):
        self._run.close()


def test_runs_whose_time_ran_out_while_they_waited_are_started_anew():
    """The first that ends as soon as it goes on is tried without a wait; it comes further, so none waits any more."""
    for status in (Status.ENDED, Status.FAILED):
        outcome = sit(Clocked(decay, status=status))
        assert outcome.recommendation.lr.value == 0.1
        assert outcome.scan.run(at_rate(0.1)).step == 16
        assert not any(run.state is RunState.FAILED for run in outcome.scan.runs)
        assert any("the clock goes on" in w for w in outcome.recommendation.warnings)


def test_a_run_that_ends_there_anyway_is_tried_once_more_and_believed():
    """An end that comes again without the wait is the run's own: nothing is said of waiting."""
    source = Clocked(decay, own_end={0.1: 5, 0.01: 5})
    outcome = sit(source)
    assert outcome.scan.run(at_rate(0.1)).state is RunState.COMPLETE
    assert outcome.scan.run(at_rate(0.1)).step == 5
    assert not any("the clock goes on" in d.reason for d in outcome.decisions)
    assert sum(1 for e in source.events if e == ("start", at_rate(0.1))) == 2


def slices(waits, key, *progress):
    step = 0
    for one in progress:
        waits.look(key, step, one)
        step = one.step


def ran(step, seconds=0.25, status=Status.ADVANCING):
    return Progress(status, [], step, seconds)


def test_training_that_goes_on_elsewhere_shows_in_what_comes_at_once():
    """Two runs that report five times as fast as any did at work, on being resumed, have not been standing still."""
    waits, ledger = Waits(), Ledger(MemoryStore())
    slices(waits, at_rate(1.0), *(ran(50 * k) for k in range(1, 6)))
    for lr in (0.1, 0.2):
        key = at_rate(lr)
        assert not waits.found_out(ledger, key, 10, 1)
        waits.look(key, 0, ran(10, 0.05, Status.PAUSED))
        waits.resumed(key, 10)
        waits.look(key, 10, ran(350, 0.05, Status.PAUSED))
    assert waits.found_out(ledger, key, 350, 1)
    assert waits.limit(1) == 0
    assert "go on training while they are suspended" in ledger.decisions[-1].reason


def test_a_run_that_goes_on_at_its_usual_pace_has_waited():
    """Neither a resumed run at work, nor one whose usual pace is not known, is taken for one that went on."""
    waits, ledger = Waits(), Ledger(MemoryStore())
    for lr in (0.1, 0.2, 0.3):
        key = at_rate(lr)
        waits.resumed(key, 10)
        waits.look(key, 10, ran(350, 0.05, Status.PAUSED))
        assert not waits.found_out(ledger, key, 350, 1)
    slices(waits, at_rate(1.0), *(ran(50 * k) for k in range(1, 6)))
    for lr in (0.4, 0.5, 0.6):
        key = at_rate(lr)
        waits.resumed(key, 10)
        waits.look(key, 10, ran(60))
        assert not waits.found_out(ledger, key, 60, 1)
    assert waits.limit(1) is None
