"""The stepping check: each known mistake is seen, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.stepping import Mistake, check_stepping
from lrscope.errors import UsageError

N = 400
T = np.arange(N)


def rate(values):
    return LossCurve(np.arange(1, len(values) + 1), values, name="lr")


def cosine(n, total=None):
    return 0.05 * (1 + np.cos(np.pi * np.minimum(np.arange(n), total or n) / (total or n)))


def warm(values, k=20):
    return np.r_[np.linspace(values[0] / k, values[0], k, endpoint=False), values]


def kinds(values, **more):
    return [f.mistake for f in check_stepping(rate(values), **more)]


INNOCENT = {
    "constant": np.full(N, 0.1),
    "cosine": cosine(N),
    "warm-up and cosine": warm(cosine(N)),
    "linear": np.linspace(0.1, 0, N),
    "stairs": np.repeat([0.1, 0.01, 0.001], [200, 100, 100]),
    "stairs per epoch": np.repeat([0.1, 0.1, 0.01, 0.001], 100),
    "warm restarts": np.tile(cosine(100), 4),
    "growing restarts": np.concatenate([cosine(k) for k in (50, 100, 200)]),
    "triangles": 0.01 + 0.09 * np.abs(np.mod(T / 50, 2) - 1),
    "one cycle": np.r_[np.linspace(0.004, 0.1, 120), cosine(280)],
    "range test": np.geomspace(1e-6, 1, N),
    "exponential": 0.1 * 0.99**T,
    "inverse root": 0.1 / np.sqrt(1 + T / 10),
    "warm-up, constant": warm(np.full(N, 0.1)),
    "plateau cuts": np.repeat([0.1, 0.03, 0.01], [150, 150, 100]),
    "warm-up, stable, decay": np.r_[np.linspace(0.001, 0.1, 40), np.full(280, 0.1), np.linspace(0.1, 0, 80)],
    "nearly done": np.r_[cosine(380), np.zeros(20)],
}


@pytest.mark.parametrize("name", INNOCENT)
def test_usual_schedules_are_left_alone(name):
    """Seventeen schedules as they are meant give no finding."""
    assert kinds(INNOCENT[name]) == []


@pytest.mark.parametrize("times", [2, 4, 8])
@pytest.mark.parametrize("shape", ["linear", "cosine that climbs back", "warm cosine"])
def test_a_schedule_stepped_several_times_a_step(times, shape):
    """Over after a whole fraction of the run: once per process or per micro-batch where these are known,
    ended early where not.
    """
    k = times * T
    values = {
        "linear": 0.1 * np.maximum(1 - k / N, 0),
        "cosine that climbs back": 0.05 * (1 + np.cos(np.pi * k / N)),
        "warm cosine": np.where(
            k < 40, 0.1 * (k + 1) / 41, 0.05 * (1 + np.cos(np.pi * np.minimum((k - 40) / (N - 40), 1)))
        ),
    }[shape]
    assert kinds(values, processes=times) == [Mistake.PER_PROCESS]
    assert kinds(values, accumulation=times, processes=1) == [Mistake.PER_MICRO_BATCH]
    (found,) = check_stepping(rate(values))
    assert found.mistake is Mistake.ENDED_EARLY
    assert found.evidence["times"] == pytest.approx(times, rel=0.04)


def test_a_schedule_that_is_shorter_than_the_run():
    """A cosine over at 70 % of the run is named, and no number of processes is blamed."""
    (found,) = check_stepping(rate(cosine(N, 280)), processes=2)
    assert found.mistake is Mistake.ENDED_EARLY
    assert found.step == 281
    assert "processes" not in found.reason


@pytest.mark.parametrize("shape", ["cosine", "warm"])
def test_a_reset_on_resume(shape):
    """A schedule that begins anew at 60 % is found at that step, with the start replayed."""
    whole = cosine(N) if shape == "cosine" else warm(cosine(N))[:N]
    (found,) = check_stepping(rate(np.r_[whole[:240], whole[:160]]))
    assert (found.mistake, found.step) == (Mistake.RESET, 241)
    assert found.evidence["replays_start"] == 1


def test_a_schedule_moved_on_skipped_steps():
    """A decay that moves over steps that mixed precision skipped is found; one that stood still there is
    not.
    """
    skipped = np.zeros(N)
    skipped[[0, 57, 58, 200]] = 1
    flags = LossCurve(np.arange(1, N + 1), skipped, name="skipped")
    (found,) = check_stepping(rate(np.linspace(0.1, 0, N)), skipped=flags)
    assert found.mistake is Mistake.ON_SKIPPED
    taken = np.cumsum(1 - skipped) - (1 - skipped)  # steps really taken before each
    right = 0.1 * (1 - taken / N)
    assert kinds(right, skipped=flags) == []
    norms = LossCurve(np.arange(1, N + 1), np.where(skipped == 1, np.inf, 2.0), name="grad_norm")
    assert kinds(np.linspace(0.1, 0, N), skipped=norms) == [Mistake.ON_SKIPPED]


def test_a_stale_plateau_metric():
    """A metric measured each fifth report and repeated between, then cut on: found. Measured each time:
    not.
    """
    lr = np.repeat([0.1, 0.01], [30, 30])
    fresh = np.exp(-np.arange(12) / 3) + 0.01 * np.random.default_rng(0).normal(size=12)
    stale = LossCurve(np.arange(1, 61), np.repeat(fresh, 5), name="val_loss")
    assert kinds(lr, metric=stale) == [Mistake.STALE]
    alive = LossCurve(np.arange(1, 61), np.random.default_rng(0).normal(size=60), name="val_loss")
    assert kinds(lr, metric=alive) == []


@pytest.mark.parametrize("values", [np.linspace(1e-4, 0.03, N), 1e-3 * (1 + T // 10)])
def test_a_warm_up_without_end(values):
    """A rate that still rises at the last step, smoothly or in stairs, is a warm-up that was never
    finished.
    """
    assert kinds(values) == [Mistake.WARMING]


def test_little_and_broken_logs():
    """Short logs, and rates that are not finite, give no finding; arguments are checked."""
    assert kinds([0.1, 0.2]) == []
    assert kinds(np.full(50, np.nan)) == []
    with pytest.raises(UsageError, match="processes"):
        check_stepping(rate(cosine(N)), processes=0)
