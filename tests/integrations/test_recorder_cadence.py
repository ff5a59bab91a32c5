"""How often the recorder measures: by price, and never so seldom that diagnosis lacks points."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs the extra `torch`")
from lrscope.integrations.torch.cadence import Cadence

pytestmark = pytest.mark.torch


def measured(cadence: Cadence, steps: int, cost: float, pace: float) -> list[int]:
    found = []
    for step in range(1, steps + 1):
        if cadence.due(step):
            found.append(step)
            cadence.passed(step, cost, pace)
    return found


def test_a_fixed_spacing_is_kept_whatever_it_costs():
    """Told to measure every 8th step, it does, at the multiples of 8."""
    assert measured(Cadence(8, 4, 0.01), 40, cost=1.0, pace=1e-6) == [8, 16, 24, 32, 40]


def test_cheap_measurements_are_dense_and_dear_ones_take_their_share():
    """Beside long steps every 4th is measured; beside short ones the share of the time is kept in the long run."""
    assert measured(Cadence(None, 4, 0.01), 2000, cost=1e-4, pace=1.0) == list(range(4, 2001, 4))
    steps, cost, pace = 50_000, 2e-4, 4e-4
    late = [s for s in measured(Cadence(None, 4, 0.01), steps, cost, pace) if s > steps // 2]
    assert len(late) * 2 * cost <= 0.0101 * pace * steps / 2  # its own time counts twice, for the caches


def test_a_stretch_that_is_judged_never_lacks_measurements():
    """However dear, the latest 15 % of a run of any length hold at least eight."""
    steps = measured(Cadence(None, 16, 0.01, early=64), 20_000, cost=10.0, pace=1e-6)
    for end in (500, 1_000, 5_000, 20_000):
        assert sum(0.85 * end < s <= end for s in steps) >= min(8, 0.15 * end // 16)


def test_a_pause_or_a_slow_first_measurement_does_not_set_the_pace():
    """One compilation of a second, or one validation of a minute, leaves the spacing as it was."""
    cadence = Cadence(None, 4, 0.01)
    measured(cadence, 10_000, cost=1e-4, pace=1e-3)
    usual = cadence.spacing(10_000)
    cadence.passed(10_000, 1.0, 60.0)
    assert cadence.spacing(10_000) == usual
