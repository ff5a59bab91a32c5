"""A scan that was ended at any moment goes on as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted import RATES, ScriptedSource, decay, sit

import lrscope
from lrscope.curves import RunState
from lrscope.search.interrupt import Interrupt
from lrscope.search.memory import available_memory, room_for
from lrscope.training.engine.serial import SerialEngine
from lrscope.training.source.base import Status
from lrscope.training.store.base import Event, Points
from lrscope.training.store.memory import MemoryStore


class Killed(BaseException):
    """What SIGKILL is to the process."""


class DyingStore(MemoryStore):
    """Takes so many calls of `append`, and then the process is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 10**9
        self.seen: list[tuple[object, ...]] = []

    def append(self, records: Sequence[Event]) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1
        for record in records:
            if isinstance(record, Points):
                self.seen += [(record.key, step, name) for step, name, _ in record.points]
        super().append(records)


def summary(outcome):
    runs = [
        (r.key, r.state, r.step, {n: c.until(r.step) for n, c in r.curves.items()}) for r in outcome.scan.runs
    ]
    return outcome.recommendation.lr, outcome.recommendation.reason, runs, outcome.scan.plan


# A busy machine draws slowly; that says nothing about the law.
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    kills=st.lists(st.integers(0, 12), max_size=5),
    overshoot=st.integers(0, 6),
    slice=st.sampled_from([1, 3, 1000]),
    given_steps=st.booleans(),
    max_paused=st.sampled_from([None, 1, 2]),
)
def test_killed_at_any_writes_it_ends_as_if_it_had_not_been(kills, overshoot, slice, given_steps, max_paused):
    """However often the process dies, and after whatever write: decisions, states, curves and answer are
    those of the undisturbed scan, and no value is written twice."""
    horizon = 16 if given_steps else None
    plain = sit(ScriptedSource(decay, length=16, slice=slice), horizon=horizon)
    store = DyingStore()
    sources = []
    for kill in [*kills, None]:
        store.left = 10**9 if kill is None else kill
        sources.append(ScriptedSource(decay, length=16, slice=slice, overshoot=overshoot))
        try:
            outcome = sit(sources[-1], store, horizon=horizon, max_paused=max_paused)
        except Killed:
            assert sources[-1].alive() == set()
    assert summary(outcome) == summary(plain)
    assert len(store.seen) == len(set(store.seen))
    asks = [(d.key, d.detail["to_step"]) for d in outcome.decisions if d.kind == "advance"]
    assert asks == [(d.key, d.detail["to_step"]) for d in plain.decisions if d.kind == "advance"]


@pytest.mark.usefixtures("terminal_signals")
def test_after_ctrl_c_everything_rests_and_the_next_sitting_goes_on():
    """A KeyboardInterrupt while a run trains: what came is written, runs are paused and closed, the outcome
    is not finished, and the same scan goes on to the same end."""

    class Pressed(ScriptedSource):
        def start(self, config, seed, *, watch=None, log=None):
            run = super().start(config, seed, watch=watch, log=log)
            advance = run.advance

            def press(to_step, within):
                if config["lr"] == 1e-1 and to_step == 8:
                    os.kill(os.getpid(), signal.SIGINT)
                return advance(to_step, within)

            run.advance = press
            return run

    store = MemoryStore()
    before = signal.getsignal(signal.SIGINT)
    source = Pressed(decay)
    outcome = sit(source, store)
    assert signal.getsignal(signal.SIGINT) is before
    assert not outcome.finished
    assert source.alive() == set()
    assert {r.state for r in store.read().runs} <= {RunState.PAUSED, RunState.DIVERGED}
    assert outcome.recommendation.lr is not None  # anytime: the best that can be said so far
    on = sit(ScriptedSource(decay), store)
    assert on.finished
    assert summary(on) == summary(sit(ScriptedSource(decay)))


@pytest.mark.usefixtures("terminal_signals")
def test_a_signal_costs_no_value_of_a_run_that_trains_elsewhere():
    """A signal in the midst of an advance: what that one brings is written, also what the run reports until it
    is at rest; and the scan ends there, and goes on later as if nothing had happened."""

    class Elsewhere(SerialEngine):
        def __init__(self, source):
            super().__init__(source)
            self.trains_here = False
            self.told = []
            self.statuses = []

        def advance(self, wanted, within):
            if len(self.told) == 5:
                os.kill(os.getpid(), signal.SIGINT)
            news = super().advance(wanted, within)
            self.told += [(key, point) for key, progress in news.items() for point in progress.points]
            self.statuses += [progress.status for progress in news.values()]
            return news

    source = ScriptedSource(decay, slice=1)
    engine, store = Elsewhere(source), MemoryStore()
    outcome = sit(source, store, engine=engine)
    assert not outcome.finished
    assert source.alive() == set()
    curves = [(r.key, n, c) for r in store.read().runs for n, c in r.curves.items()]
    written = {(key, (s, n, v)) for key, n, c in curves for s, v in zip(c.step, c.loss, strict=True)}
    assert written == set(engine.told)
    assert len(written) == 6
    assert engine.statuses[-1] is Status.PAUSED
    assert summary(sit(ScriptedSource(decay), store)) == summary(sit(ScriptedSource(decay)))


@pytest.mark.usefixtures("terminal_signals")
def test_a_run_that_comes_to_no_rest_is_not_waited_for_after_a_signal():
    """A worker in the midst of a long step brings no news: after some slices the scan ends all the same."""

    class Stuck(SerialEngine):
        def __init__(self, source):
            super().__init__(source)
            self.trains_here = False
            self.calls = 0

        def advance(self, wanted, within):
            self.calls += 1
            os.kill(os.getpid(), signal.SIGINT)
            return {}

    source = ScriptedSource(decay)
    engine = Stuck(source)
    outcome = sit(source, engine=engine)
    assert not outcome.finished
    assert 1 < engine.calls < 10


@pytest.mark.usefixtures("terminal_signals")
def test_signals_wait_while_they_would_do_harm():
    """Outside the exposed block a signal is noted and raised at the next look; inside, at once; afterwards
    the program's own handler is back."""
    before = signal.getsignal(signal.SIGINT)
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked
        with pytest.raises(KeyboardInterrupt):
            interrupt.check()
    with Interrupt() as interrupt, interrupt.exposed(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("terminal_signals")
def test_somebody_who_insists_is_obeyed(monkeypatch):
    """A signal five seconds after the first breaks off what hangs."""
    now = [100.0]
    monkeypatch.setattr("lrscope.search.interrupt.time.monotonic", lambda: now[0])
    with Interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        now[0] += 6
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("terminal_signals")
def test_signals_that_are_ignored_or_end_the_process_are_left_alone():
    """Only handlers that run Python are taken over: SIGTERM by default is not, a handler for it is. A SIGINT
    that is ignored, as in the background of a script, stays so."""
    with Interrupt():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupt():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    calls = []
    signal.signal(signal.SIGTERM, lambda *a: calls.append(a))
    with Interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.asked
    assert calls == []


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(one=st.integers(1, 10**10), waiting=st.integers(0, 100), free=st.integers(0, 10**12))
def test_room_is_half_of_what_is_free_and_never_below_two(one, waiting, free):
    """The paused runs that fit take at most half of what is free and of what they hold already."""
    room = room_for(one, waiting, free)
    assert room >= 2
    assert room == 2 or room * one * 2 <= free + waiting * one
    assert room_for(None, waiting, free) is None
    assert 0 <= available_memory() < 2**50


def test_rates_of_the_doubles_are_ascending():
    """The doubles' grid is one that a plan accepts."""
    assert list(RATES) == sorted(set(RATES))


def test_further_seeds_continue_a_scan_and_decide_by_what_is_seen_nearest_to_the_end(tmp_path) -> None:
    """Two more full runs for a second seed are spent on that, in the same folder, and nothing is repeated; of two rates
    that went to the end with the second seed, the one that ended better is named, whatever they looked like early."""

    def train(lr, seed):
        noise = random.Random(seed)
        weights = [5.0, 3.0, -2.0]
        for _ in range(300):
            weights = [
                w - lr * (h * w + noise.gauss(0, 0.1)) for w, h in zip(weights, (0.05, 0.3, 1.0), strict=True)
            ]
            yield sum(h * w * w for w, h in zip(weights, (0.05, 0.3, 1.0), strict=True))

    first = lrscope.scan(train, out=tmp_path, budget=7.0)
    both = lrscope.scan(train, out=tmp_path, seeds=2, budget=9.0)
    assert both.cost.steps <= 1.02 * 9 / 7 * first.cost.steps
    again = {run.lr: float(run.curves["loss"].loss[-30:].mean()) for run in both.runs if run.seed == 1}
    assert len(again) > 1
    assert both.lr.value == min(again, key=again.get)
