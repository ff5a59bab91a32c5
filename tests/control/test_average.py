"""The running average: what it weighs how much, and that each framework keeps to the one rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.control.average import RunningAverage, share
from lrscope.integrations.averages import AveragePair


class Plain(RunningAverage[np.ndarray]):
    """In NumPy, as the docstring of the rule has it."""

    def _begun(self, weights):
        return [np.array(w, dtype=float) for w in weights]

    def _move(self, weights, part):
        self.values = [a + part * (w - a) for a, w in zip(self.values, weights, strict=True)]


@pytest.mark.parametrize("power", [2.0, 8.0])
def test_the_mean_age_is_a_share_of_the_run(power):
    """Of what the average holds after t steps, the mean age is t / (p + 1): a third of the run, and a ninth."""
    steps, average = 4000, Plain(power)
    for step in range(1, steps + 1):
        average.update([np.array(float(step))])
    assert steps - average.values[0] == pytest.approx(steps / (power + 1), rel=1e-2)


@given(st.integers(1, 500), st.integers(1, 500), st.sampled_from([2.0, 8.0]))
def test_the_share_lies_between_none_and_all(new, before, power):
    """Newest weights never count for less than nothing or more than all; steps together as much as one by one."""
    total = before + new
    together = share(total, power, new)
    left = np.prod([1.0 - share(step, power) for step in range(before + 1, total + 1)])
    assert 0.0 < together <= 1.0
    assert 1.0 - together == pytest.approx(left, rel=1e-9)


def test_pytorch_keeps_to_the_one_rule():
    """The averages of PyTorch are those of the rule in NumPy, steps taken in singly or several at once."""
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    from lrscope.integrations.torch.average import PowerAverage

    rng = np.random.default_rng(0)
    plain, mine = Plain(8.0), PowerAverage(8.0)
    for new in (1, 1, 2, 4, 8):
        weights = [rng.normal(size=3), rng.normal(size=(2, 2))]
        plain.update(weights, new)
        mine.update([torch.from_numpy(w.copy()) for w in weights], new)
    for a, b in zip(plain.values, mine.values, strict=True):
        np.testing.assert_allclose(b.numpy(), a, rtol=1e-12)


def test_the_share_may_be_of_arrays():
    """`share` is arithmetic alone: optax computes it inside of `jit` with the very function."""
    steps = np.arange(2.0, 50.0)
    np.testing.assert_allclose(share(steps, 8.0, 2), [share(int(t), 8.0, 2) for t in steps], rtol=1e-12)


def test_weights_that_are_not_finite_are_left_out():
    """They are asked for only where the averages are due, and a None leaves both as they were."""
    pair, asked = AveragePair(Plain), []
    for step in range(1, 129):
        pair.take_in(1, step, lambda step=step: asked.append(step) or [np.array(float(step))])
    before = [v.copy() for v in (*pair.long.values, *pair.short.values)]
    pair.take_in(1, 132, lambda: None)
    assert asked == [*range(1, 65), *range(68, 129, 4)]
    assert before == [*pair.long.values, *pair.short.values]
    assert pair.short.values[0] > pair.long.values[0]


def test_the_gap_of_a_pair_is_the_gap():
    """Weights that are ahead of the long average count only as far as they are ahead of the short one."""
    pair = AveragePair(Plain)
    pair.long.values, pair.short.values = [np.array(3.0)], [np.array(2.0)]
    assert pair.gap(4.0, lambda values: float(values[0])) == 1.0
    assert pair.gap(1.5, lambda values: float(values[0])) == -0.5
    pair.forget()
    assert (pair.long.values, pair.short.steps) == ([], 0)
