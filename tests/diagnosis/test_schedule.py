"""Advice that the schedule leaves room for: nothing is lowered where the rate is spent or the run is at its end."""

from __future__ import annotations

import numpy as np
import pytest

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.base import Advice, Regime
from lrscope.diagnosis.diagnose import diagnose_curves
from lrscope.diagnosis.schedule import planned_steps, read_schedule
from lrscope.diagnosis.stepping import check_stepping

N = 400
STEP = np.arange(1, N + 1)
LEVEL = 1 + 2 * np.exp(-STEP / 30) + 0.01 * np.random.default_rng(0).normal(size=N)
FALLING = 1 + 2 * STEP**-0.3 + 0.005 * np.random.default_rng(1).normal(size=N)
COSINE = 0.05 * (1 + np.cos(np.pi * np.arange(N) / (N - 1)))


def curve(y, name="loss"):
    return LossCurve(STEP, y, name=name)


def judged(loss, rate=None, **more):
    logged = {"loss": curve(loss)} | ({} if rate is None else {"lr": curve(rate, "lr")})
    return diagnose_curves(logged | {name: curve(np.full(N, value), name) for name, value in more.items()})


def test_a_level_loss_at_a_constant_rate_is_to_be_lowered():
    """Without a schedule, or with a constant one, the advice on a plateau stands."""
    assert judged(LEVEL).advice is Advice.LOWER
    assert judged(LEVEL, np.full(N, 0.1)).advice is Advice.LOWER


@pytest.mark.parametrize("end", [0.0, 1e-11, 0.004])
def test_a_rate_near_nothing_beside_its_peak_is_never_lowered(end):
    """After a cosine to the end, level or falling: the schedule is over, and what is left is a longer run."""
    for loss in (LEVEL, FALLING):
        found = judged(loss, np.maximum(COSINE, end))
        assert found.advice is Advice.STOP
        assert "schedule is over" in found.reason
        assert "longer run" in found.reason
        assert found.gain_left is None


def test_diagnosis_and_stepping_agree_on_a_schedule_that_ended_early():
    """Where the stepping check finds that the schedule was over half way, the diagnosis does not say lower."""
    early = np.where(STEP <= N // 2, 0.05 * (1 + np.cos(np.pi * STEP / (N // 2))), 0.0)
    assert check_stepping(curve(early, "lr"))
    assert judged(LEVEL, early).advice is Advice.STOP


def test_a_run_at_its_stated_last_step_is_not_told_to_lower():
    """A level run at its last step is told to stop, a falling one that a longer run would bring more; one that is
    not there yet is told what the rest will bring.
    """
    done = judged(LEVEL, total_steps=N)
    assert (done.advice, "stated last step, 400" in done.reason) == (Advice.STOP, True)
    more = judged(FALLING, max_steps=N)
    assert (more.regime, more.advice) == (Regime.DESCENDING, Advice.KEEP)
    assert "a longer run would bring more" in more.reason
    assert "by step 500" in judged(FALLING, max_steps=500).reason


def test_divergence_at_a_spent_rate_has_another_cause():
    """Values that are not finite at the end of a schedule are not blamed on the rate."""
    broken = FALLING.copy()
    broken[-5:] = np.nan
    found = judged(broken, COSINE)
    assert (found.regime, found.advice) == (Regime.DIVERGING, Advice.STOP)
    assert "another cause" in found.reason


def test_a_rate_that_still_warms_up_is_not_lowered():
    """On a plateau during warm-up the advice is to wait."""
    found = judged(LEVEL, 0.05 + np.linspace(0, 0.05, N))
    assert found.advice is Advice.KEEP
    assert "warm-up" in found.reason


def test_where_a_run_stands_in_its_schedule():
    """The peak, the rate now and the step since which it is spent are read from the rate; the length from a column
    that states one number.
    """
    found = read_schedule(LossCurve([1, 2, 3, 4], [0.1, 1.0, 0.04, 0.01]), 4)
    assert (found.rate, found.peak, found.spent_since) == (0.01, 1.0, 3)
    assert read_schedule(None, 4).spent_since is None
    assert planned_steps({"total_steps": curve(np.full(N, 500.0))}) == 500
    assert planned_steps({"total_steps": curve(STEP * 1.0)}) is None
    assert planned_steps({"max_steps": curve(np.full(N, 10.0))}) is None
