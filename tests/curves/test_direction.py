"""Which way a metric is better, asked of the data where its name does not say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.curves.curve import LossCurve
from lrscope.curves.direction import assumption, followed_by_best, moved, observed_direction

RISING = np.array([0.1, 0.3, 0.2, 0.5, 0.4, 0.6])


def run(values, name="quux", **others):
    """The curves of one run, at steps 1, 2, 3 …"""
    curves = {name: values, **others}
    return {n: LossCurve(np.arange(1, len(v) + 1), v, name=n) for n, v in curves.items()}


@pytest.mark.parametrize("name", ["best_quux", "best quux", "quux/best", "Best", "bestQuux"])
def test_a_best_so_far_tells_the_direction(name: str):
    """What follows the greatest value so far is a best of something of which more is better; and so for the least."""
    assert followed_by_best("quux", run(RISING, **{name: np.maximum.accumulate(RISING)})) == "max"
    assert followed_by_best("quux", run(RISING, **{name: np.minimum.accumulate(RISING)})) == "min"


@pytest.mark.parametrize("best", [RISING, np.full(6, 0.1), RISING + 1, np.maximum.accumulate(RISING)[::-1]])
def test_a_best_that_does_not_follow_tells_nothing(best):
    """A curve named best that is neither the greatest nor the least so far says nothing; nor does one by another
    metric's name."""
    if not np.array_equal(best, np.minimum.accumulate(RISING)):
        assert followed_by_best("quux", run(RISING, best_quux=best)) is None
    assert followed_by_best("quux", run(RISING, best_other=np.maximum.accumulate(RISING))) is None


def test_too_few_values_tell_nothing():
    """Where best and worst so far have been the same but twice, a best tells no direction."""
    assert followed_by_best("quux", run([1.0, 1.0, 2.0, 2.0], best=[1.0, 1.0, 2.0, 2.0])) is None


@pytest.mark.parametrize(
    ("up", "down", "goal"),
    [
        (6, 0, "max"),
        (0, 6, "min"),
        (5, 0, None),
        (8, 1, "max"),
        (7, 1, None),
        (1, 8, "min"),
        (3, 3, None),
        (0, 0, None),
    ],
)
def test_six_runs_have_to_agree_and_of_nine_all_but_one(up: int, down: int, goal: str | None):
    """The two-sided sign test at 5 %: fewer runs, or more exceptions, say nothing."""
    last = np.array([1.0] * up + [-1.0] * down)
    assert moved(np.zeros(up + down), last) == goal


pairs = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=20)


@settings(deadline=None)  # a busy machine is no fault
@given(pairs, st.randoms())
def test_what_must_not_matter_to_the_ends(ends: list[tuple[float, float]], random):
    """The order of the runs does not matter; the direction turns with the sign of the metric; a run that stood still
    and one that is not finite say nothing."""
    first, last = np.array([a for a, _ in ends]), np.array([b for _, b in ends])
    found = moved(first, last)
    order = np.array(random.sample(range(len(ends)), len(ends)), dtype=int)
    assert moved(first[order], last[order]) == found
    assert moved(-first, -last) == {"max": "min", "min": "max", None: None}[found]
    assert moved(np.append(first, [1.0, np.nan]), np.append(last, [1.0, 0.0])) == found


def test_the_evidence_is_told():
    """Runs that agree tell the direction and how many of them did; a best so far is asked first."""
    runs = [run(RISING + k) for k in range(6)]
    found = observed_direction("quux", runs)
    assert found is not None
    assert (found.goal, found.evidence) == ("max", "it rose in 6 of 6 runs as they trained")
    assert assumption("quux", "max", found) == (
        "`quux` is not a metric that lrscope knows; more was taken to be better, because it rose in 6 of 6 runs as "
        "they trained. If less is better, give --goal min."
    )
    kept = [run(RISING + k, best=np.minimum.accumulate(RISING + k)) for k in range(2)]
    least = observed_direction("quux", kept)
    assert least is not None
    assert (least.goal, least.evidence) == (
        "min",
        "the best that was logged beside it is its lowest value so far",
    )


def test_nothing_to_be_seen_is_assumed_and_said():
    """Where runs do not agree, less is taken to be better, and the sentence says how to say otherwise."""
    assert observed_direction("quux", [run(RISING), run(-RISING)]) is None
    assert observed_direction("quux", []) is None
    assert assumption("quux", "min", None) == (
        "`quux` is not a metric that lrscope knows; less was taken to be better. If more is better, give --goal max."
    )
