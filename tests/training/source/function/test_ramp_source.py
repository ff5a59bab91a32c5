"""A rate that climbs while a run trains: sources that follow it, and kind words for those that cannot."""

from __future__ import annotations

import math
from functools import partial

import pytest
import trainings
from hypothesis import given
from hypothesis import strategies as st

from lrscope.config import Config, at_rate
from lrscope.errors import SourceError, UsageError
from lrscope.testing import toys
from lrscope.training.engine.processes import ProcessEngine
from lrscope.training.source.base import Status
from lrscope.training.source.function.following import LOOK_REPORTS, discards
from lrscope.training.source.function.ramp import Ramp, RampSource
from lrscope.training.source.function.source import FunctionSource
from lrscope.training.source.program.source import CommandSource

RAMP = Ramp(1e-3, 1.0, 31)


def told(source, seed=0, steps=40):
    """What a run on the ramp reports as its rate."""
    run = RampSource(source, RAMP).start(Config(lr=0.5), seed)
    points = run.advance(steps, 30.0).points
    run.close()
    return [value for _, name, value in points if name == "rate"]


def generator(lr, seed):
    while True:
        lr = (yield {"loss": 1.0, "rate": lr}) or lr


def callback(run):
    while True:
        run.report(loss=1.0, rate=run.lr)


def every_fifth(run):
    lr = run.lr
    for step in range(1000):
        if step % 5 == 0:
            lr = run.lr
        run.report(loss=1.0, rate=lr)


def delegating(lr, seed):
    yield from generator(lr, seed)


@given(
    low=st.floats(1e-8, 1.0),
    factor=st.floats(1.1, 1e9),
    steps=st.integers(2, 1000),
    done=st.integers(-5, 2000),
)
def test_a_ramp_climbs_by_one_factor(low, factor, steps, done):
    """Each step multiplies the rate by the same factor, from the first rate to the last and not beyond."""
    ramp = Ramp(low, low * factor, steps)
    assert ramp(0) == pytest.approx(low, rel=1e-5)
    assert ramp(steps - 1) == pytest.approx(low * factor, rel=1e-5)
    assert low * (1 - 1e-5) <= ramp(done) <= low * factor * (1 + 1e-5)
    if 0 <= done < steps - 1:
        assert math.log(ramp(done + 1) / ramp(done)) == pytest.approx(
            math.log(factor) / (steps - 1), abs=3e-5
        )


@pytest.mark.parametrize(
    ("low", "high", "steps"), [(0.0, 1.0, 9), (1.0, 1.0, 9), (0.1, math.inf, 9), (0.1, 1.0, 1)]
)
def test_a_ramp_that_does_not_climb_is_refused(low, high, steps):
    """With the three numbers in the sentence."""
    with pytest.raises(UsageError, match="ramp needs"):
        Ramp(low, high, steps)


@pytest.mark.parametrize("function", [generator, callback, delegating])
def test_functions_follow_the_ramp_from_step_to_step(function):
    """Step n + 1 has the rate of the ramp after n steps, in a generator and in a callback; past its end the highest."""
    assert told(FunctionSource(function, form=None if function is not delegating else "generator")) == [
        RAMP(done) for done in range(40)
    ]


def test_a_rate_that_is_read_now_and_then_is_followed_in_stairs():
    """A callback that looks at its rate every fifth step is heard out."""
    assert told(FunctionSource(every_fifth)) == [RAMP(done // 5 * 5) for done in range(40)]


def test_a_constant_scan_sends_nothing():
    """The same generator keeps its rate in a scan."""
    run = FunctionSource(generator).start(Config(lr=0.25), 0)
    rates = {value for _, name, value in run.advance(20, 10.0).points if name == "rate"}
    run.close()
    assert rates == {0.25}


def test_a_callback_that_never_looks_again_is_told_of():
    """By its tenth report, with what to do instead."""
    with pytest.raises(SourceError, match=r"read run\.lr only before its first step.*lrscope scan"):
        told(FunctionSource(_deaf))


def _deaf(run):
    lr = run.lr
    for _ in range(3 * LOOK_REPORTS):
        run.report(loss=lr)


def test_a_generator_that_drops_what_it_is_sent_is_told_of_beforehand():
    """Before anything trains; the sentence holds the line to write."""
    with pytest.raises(SourceError, match=r"lr = \(yield loss\) or lr"):
        RampSource(FunctionSource(toys.noisy_quadratic), RAMP)


def test_a_generator_behind_a_wrapper_is_found_out_when_it_starts():
    """Where the `yield` cannot be seen from outside, the generator itself is looked at."""
    hidden = FunctionSource(
        partial(lambda make, lr, seed: make(lr, seed), toys.noisy_quadratic), form="generator"
    )
    with pytest.raises(SourceError, match="does not take what it is sent"):
        told(hidden)


def test_programs_and_plain_functions_cannot_follow():
    """And are told what could."""
    with pytest.raises(SourceError, match=r"told its rate once.*a Python function"):
        RampSource(CommandSource(["python", "train.py", "--lr", "{lr}"]), RAMP)
    with pytest.raises(SourceError, match="returns one number at the end"):
        RampSource(FunctionSource(trainings.noisy_quadratic_plain), RAMP)


def test_what_is_sent_is_told_from_the_bytecode():
    """A bare `yield` drops it; an assignment, an argument and a delegation do not."""

    def bare():
        yield 1
        yield 2

    def argument():
        print((yield 1))

    assert discards(bare.__code__)
    assert not discards(argument.__code__)
    assert not discards(generator.__code__)
    assert not discards(delegating.__code__)


def test_a_ramp_in_a_process_is_the_same_ramp():
    """Source and ramp travel to a worker, and give there what they give here."""
    source = RampSource(FunctionSource("trainings:noisy_quadratic_following"), Ramp(1e-3, 1.0, 20))
    run = source.start(Config(lr=0.1), 3)
    here = run.advance(20, 10.0)
    run.close()
    engine = ProcessEngine(source, 2)
    try:
        engine.open(at_rate(0.1, 3))
        points = []
        while True:
            news = engine.advance({at_rate(0.1, 3): 20}, 5.0)
            points += [p for progress in news.values() for p in progress.points]
            if any(progress.status is Status.PAUSED for progress in news.values()):
                break
    finally:
        engine.shutdown()
    assert points == here.points


def test_two_ramps_are_two_scans():
    """What a results folder is continued by names the ramp."""
    source = FunctionSource(callback)
    assert RampSource(source, RAMP).identity() != RampSource(source, Ramp(1e-3, 1.0, 30)).identity()
