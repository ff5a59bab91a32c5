"""From what functions report to points."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.training.source.function.collector import Collector, NotANumberError, describe, real_number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0),
        (True, 1.0),
        (0.25, 0.25),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        (Fraction(1, 4), 0.25),
        (Decimal("0.25"), 0.25),
        (np.float32(0.25), 0.25),
        (np.float64(0.25), 0.25),
        (np.int8(3), 3.0),
        (np.bool_(True), 1.0),
        (np.array(0.25), 0.25),
        (np.array([[0.25]]), 0.25),
        (float("inf"), math.inf),
    ],
)
def test_one_real_number_of_any_make_is_taken(value, expected):
    """Python's and NumPy's numbers, arrays of one element, integers beyond a float's range."""
    result = real_number(value)
    assert (result, type(result)) == (expected, float)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0.5", "text ('0.5')"),
        (b"1", "text (b'1')"),
        (None, "nothing (None)"),
        (1 + 0j, "a complex number ((1+0j))"),
        (np.complex128(1), "a complex number ((1+0j))"),
        (np.array([1.0, 2.0]), "a numpy ndarray of shape (2,)"),
        (np.array([]), "a numpy ndarray of shape (0,)"),
        (np.array(["a"]), "a numpy ndarray of shape (1,)"),
        (np.datetime64("2020-01-01"), "a numpy datetime64 (np.datetime64('2020-01-01'))"),
        ([1.0], "a list of 1 values"),
        (object, "a type (<class 'object'>)"),
    ],
)
def test_anything_else_is_refused_in_words(value, words):
    """Text, None, complex numbers and collections are no number; the message says what they are."""
    with pytest.raises(NotANumberError) as caught:
        real_number(value)
    assert str(caught.value) == words == describe(value)


@pytest.mark.torch
@pytest.mark.slow
def test_tensors_of_one_element_are_taken_without_a_warning():
    """A tensor that requires a gradient gives its value; several elements are refused."""
    torch = pytest.importorskip("torch")
    weight = torch.tensor([2.0], requires_grad=True)
    assert real_number((weight * 2).sum()) == 4.0
    assert real_number(weight) == 2.0
    assert real_number(torch.tensor(0.25, dtype=torch.bfloat16)) == 0.25
    with pytest.raises(NotANumberError, match=r"a torch Tensor of shape \(3,\)"):
        real_number(torch.zeros(3))


class Spy:
    def __init__(self, fatal):
        self.fatal, self.seen = fatal, []

    def __call__(self, step, metric, value):
        self.seen.append((step, metric, value))
        return "fatal" if step >= self.fatal else None


floats = st.floats(allow_nan=False)
reports = st.lists(
    st.one_of(floats, st.dictionaries(st.sampled_from(["loss", "val_loss", "acc"]), floats, min_size=1)),
    min_size=1,
)


@given(reports, st.integers(1, 20))
def test_the_kth_report_is_step_k_and_the_watch_sees_all(values, fatal):
    """Without steps of their own, reports are numbered from 1; the watch sees each point up to its
    verdict."""
    spy = Spy(fatal)
    collector = Collector("train", "yielded", spy)
    for value in values:
        collector.take(value)
    points = collector.take_points()
    expected = [
        (step, name, number)
        for step, value in enumerate(values, start=1)
        for name, number in (value.items() if isinstance(value, dict) else [("loss", value)])
    ]
    assert points == expected
    assert collector.step == len(values)
    condemned = len(values) >= fatal
    assert (collector.verdict == "fatal") is condemned
    last = next(i for i, p in enumerate(points) if p[0] >= fatal) + 1 if condemned else len(points)
    assert spy.seen == points[:last]
    assert collector.take_points() == []


@given(
    st.lists(st.integers(0, 10**9), min_size=1, unique=True),
    st.sampled_from([int, float, np.int64, np.float32]),
)
def test_steps_may_be_named_by_any_whole_number(steps, kind):
    """Steps that increase are kept, whatever type they have."""
    steps = sorted({int(kind(step)) for step in steps})
    collector = Collector("train", "yielded", None)
    for step in steps:
        collector.take({"loss": 1.0, "step": kind(step)})
    assert [p[0] for p in collector.points] == steps
    assert all(type(p[0]) is int for p in collector.points)


def test_nan_and_infinity_are_kept():
    """What is not finite is an observation like any other."""
    collector = Collector("train", "yielded", None)
    collector.take(float("nan"))
    collector.take({"loss": np.float32("-inf")})
    (_, _, first), (_, _, second) = collector.points
    assert math.isnan(first)
    assert second == -math.inf
