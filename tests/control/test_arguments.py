"""Controllers check their own arguments, so that every host refuses the same with the same sentence."""

from __future__ import annotations

import math

import pytest

from lrscope.control import Gap, Guard, Guarded, Plateau
from lrscope.control.compose import guarded_gap
from lrscope.control.gap import memory_of
from lrscope.control.plateau import sign_of
from lrscope.errors import UsageError

WRONG = [
    (Gap, "lower", 1.0),
    (Gap, "raise_by", 1.0),
    (Gap, "t", 0.0),
    (Gap, "every", 0),
    (Gap, "memory", 0.5),
    (Gap, "wait_raise", -0.1),
    (Gap, "wait_lower", -0.1),
    (Guard, "factor", 1.0),
    (Guard, "bad_steps", 0),
    (Guard, "sd", 0.0),
    (Guard, "share", -1.0),
    (Guard, "keep_every", 0),
    (Plateau, "factor", 0.0),
    (Plateau, "threshold", 1.0),
    (Plateau, "block", 0),
    (Plateau, "patience", 5),
    (Plateau, "min_lr", -1e-3),
    (Plateau, "looks", 0),
]


@pytest.mark.parametrize(("controller", "name", "value"), WRONG)
def test_an_argument_out_of_its_range_is_refused(controller, name, value):
    """When the controller is made, with the argument's name, its rule and the value; NaN is refused as well."""
    with pytest.raises(UsageError, match=rf"^{name} must be .*; got {value!r}\.$"):
        controller(**{name: value})
    with pytest.raises(UsageError, match=rf"^{name} must be .*; got nan\.$"):
        controller(**{name: math.nan})


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"rule": None}, "rule"),
        ({"rule": Gap(), "guard": Gap()}, "guard"),
        ({"rule": Gap(), "warmup": -1}, "warmup"),
        ({"rule": Gap(), "warm_start": 0.0}, "warm_start"),
    ],
)
def test_a_wrong_composition_is_refused(settings, named):
    """What is no controller, a warm-up of negative length, a start from nothing."""
    with pytest.raises(UsageError, match=f"^{named} must be "):
        Guarded(**settings)


@pytest.mark.parametrize("controller", [Gap(), Guard(), Plateau(), Guarded(Gap())])
@pytest.mark.parametrize("lr", [0.0, -0.1, math.nan, math.inf])
def test_a_rate_to_start_from_is_above_zero(controller, lr):
    """Zero, negative, NaN and infinite rates are refused with the value."""
    with pytest.raises(UsageError, match=rf"start from must be above zero; got {lr!r}"):
        controller.init(lr)


def test_a_cool_down_takes_a_step_at_least():
    """`finish(0)` is refused."""
    control = Guarded(Gap())
    with pytest.raises(UsageError, match="number of steps to come, 1 or more; got 0"):
        control.finish(control.init(0.1), 0)


def test_a_mode_is_min_or_max():
    """Less is better, or more; nothing else."""
    assert (sign_of("min"), sign_of("max")) == (1.0, -1.0)
    with pytest.raises(UsageError, match="got 'down'"):
        sign_of("down")


def test_the_gap_schedulers_run_a_gap_under_a_guard():
    """`guarded_gap` is `Guarded(Gap())` at its defaults; an optimiser of momentum m remembers 1 / (1 - m) steps."""
    assert guarded_gap() == Guarded(Gap())
    assert guarded_gap(control := Guarded(Plateau())) is control
    assert guarded_gap(every=4, warmup=0, memory=memory_of(0.9)) == Guarded(
        Gap(every=4, memory=memory_of(0.9)), warmup=0
    )
    assert memory_of(0.9) == pytest.approx(10.0)
    assert memory_of(1.0) == pytest.approx(100.0)
