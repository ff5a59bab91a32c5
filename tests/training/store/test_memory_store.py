"""The store that lives in memory."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrscope.curves.curve import curves_from_points
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
def test_a_growing_curve_equals_one_made_at_once_of_first_values(points):
    """Added in batches, in any order, points give the curve that sorting the first values at once gives."""
    traces = Traces()
    cut = len(points) // 2
    fresh = [p for batch in (points[:cut], points[cut:]) for p in traces.add(batch)]
    expected = curves_from_points(list(reversed(points)))  # the later wins there, so reversed the first does
    assert traces.curves() == expected
    assert len(fresh) == sum(len(c) for c in expected.values())
    assert traces.last_step == max((s for s, _, _ in points), default=0)
    for step, name, value in fresh:
        kept = traces.value_at(step, name)
        assert kept == value or (kept != kept and value != value)
    assert traces.value_at(31, "loss") is None


def test_a_curve_taken_early_does_not_grow():
    """A curve that was handed out stays as it was when points are added later."""
    traces = Traces()
    traces.add([(1, "loss", 1.0)])
    early = traces.curves()["loss"]
    traces.add([(2, "loss", 0.5)])
    assert len(early) == 1
    assert len(traces.curves()["loss"]) == 2
