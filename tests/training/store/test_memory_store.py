"""The store that lives in memory."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrscope.curves.curve import LossCurve, curves_from_points
from lrscope.readers.series import clean
from lrscope.testing.store_suite import StoreSuite
from lrscope.training.store.memory import MemoryStore
from lrscope.training.store.trace import Traces


class TestMemoryStore(StoreSuite):
    survives = False

    def open(self, place: Path) -> MemoryStore:
        return MemoryStore()


# A busy machine draws slowly; that says nothing about the law.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["loss", "acc"]), st.floats(allow_nan=True))))
def test_of_several_values_for_one_step_the_last_stays_everywhere(points):
    """One rule: a curve that grows in batches, one made at once, and one read from a log are the same."""
    traces = Traces()
    cut = len(points) // 2
    fresh = [p for batch in (points[:cut], points[cut:]) for p in traces.add(batch)]
    expected = curves_from_points(points)
    assert traces.curves() == expected
    assert {(s, n) for s, n, _ in fresh} == {(s, n) for s, n, _ in points}
    for name, curve in expected.items():
        steps, values, *_ = clean(*zip(*((s, v) for s, n, v in points if n == name), strict=True))
        assert LossCurve(steps, values, name=name) == curve
    assert traces.last_step == max((s for s, _, _ in points), default=0)
    assert traces.value_at(31, "loss") is None


def test_a_curve_taken_early_does_not_grow():
    """A curve that was handed out stays as it was when points are added later."""
    traces = Traces()
    traces.add([(1, "loss", 1.0)])
    early = traces.curves()["loss"]
    traces.add([(2, "loss", 0.5)])
    assert len(early) == 1
    assert len(traces.curves()["loss"]) == 2
