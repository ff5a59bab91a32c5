# ruff: noqa: S101  (a suite of tests asserts)
"""Conformance of a `Store`: subclass `StoreSuite` in a test file and say how one is opened.

    class TestMyStore(StoreSuite):
        def open(self, place):
            return MyStore(place / "scan")

`place` is an empty folder, the same for all stores that one test opens. Where `survives` is True, a second
store opened on the same place after the first was closed must hold what the first was given.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from lrscope.config import Config, RunKey, at_rate
from lrscope.curves import RunState
from lrscope.training.store.base import Change, Decision, Event, Events, Points, Settings, Store, put_together

RUN_A = at_rate(1e-3, 0)
RUN_B = at_rate(1e-2, 0)


class StoreSuite:
    """What every store does. `survives` is False for one that lives in memory only."""

    survives = True

    def open(self, place: Path) -> Store:
        """Open a store at `place`."""
        raise NotImplementedError

    def _again(self, store: Store, place: Path) -> Store:
        if not self.survives:
            return store
        store.close()
        return self.open(place)

    def test_points_come_back_by_metric_in_order_of_steps(self, tmp_path: Path) -> None:
        """Points given in any order are read back as one curve a metric, steps ascending."""
        store = self.open(tmp_path)
        store.append([Points(RUN_A, [(1, "loss", 3.0), (2, "acc", 0.5), (2, "loss", 2.0)])])
        store.append([Points(RUN_A, [(4, "loss", 1.0), (3, "loss", 1.5)])])
        store = self._again(store, tmp_path)
        (run,) = store.read().runs
        assert run.key == RUN_A
        assert run.curves["loss"].step.tolist() == [1, 2, 3, 4]
        assert run.curves["loss"].loss.tolist() == [3.0, 2.0, 1.5, 1.0]
        assert run.curves["acc"].step.tolist() == [2]
        store.close()

    def test_the_last_value_for_a_step_stays(self, tmp_path: Path) -> None:
        """Nothing is there twice: of several values for the same (run, metric, step) the last one holds."""
        store = self.open(tmp_path)
        store.append([Points(RUN_A, [(1, "loss", 3.0), (1, "loss", 4.0)])])
        store.append([Points(RUN_A, [(1, "loss", 5.0)]), Points(RUN_B, [(1, "loss", 6.0)])])
        store = self._again(store, tmp_path)
        assert [run.curves["loss"].loss.tolist() for run in store.read().runs] == [[5.0], [6.0]]
        store.close()

    def test_values_that_are_not_finite_are_kept(self, tmp_path: Path) -> None:
        """NaN comes back as NaN, and infinities with their sign."""
        store = self.open(tmp_path)
        store.append([Points(RUN_A, [(1, "loss", math.nan), (2, "loss", math.inf), (3, "loss", -math.inf)])])
        store = self._again(store, tmp_path)
        (run,) = store.read().runs
        assert np.array_equal(run.curves["loss"].loss, [math.nan, math.inf, -math.inf], equal_nan=True)
        store.close()

    def test_the_last_change_of_a_run_holds(self, tmp_path: Path) -> None:
        """A run stands where its last Change put it, with reason, seconds and rework."""
        store = self.open(tmp_path)
        store.append([Change(RUN_A, RunState.RUNNING, 0)])
        store.append([Change(RUN_A, RunState.DIVERGED, 7, "reached NaN at step 7", 1.5, 3)])
        store = self._again(store, tmp_path)
        (run,) = store.read().runs
        assert (run.state, run.step, run.reason) == (RunState.DIVERGED, 7, "reached NaN at step 7")
        assert (run.seconds, run.rework) == (1.5, 3)
        store.close()

    def test_runs_are_ordered_by_rate_then_seed(self, tmp_path: Path) -> None:
        """The order of runs does not depend on when they were started."""
        store = self.open(tmp_path)
        keys = [at_rate(1e-2, 1), at_rate(1e-2, 0), at_rate(1e-5, 2), at_rate(10.0, 0)]
        store.append([Change(key, RunState.PAUSED, 1) for key in keys])
        store = self._again(store, tmp_path)
        assert [run.key for run in store.read().runs] == sorted(keys)
        store.close()

    def test_settings_replace_those_of_the_same_name(self, tmp_path: Path) -> None:
        """Settings add up; a later value replaces an earlier one of the same name."""
        store = self.open(tmp_path)
        store.append([Settings({"budget": 4.0, "rates": [0.1, 1.0], "metric": None})])
        store.append([Settings({"budget": 8.0})])
        store = self._again(store, tmp_path)
        assert store.read().settings == {"budget": 8.0, "rates": [0.1, 1.0], "metric": None}
        store.close()

    def test_decisions_come_back_in_the_order_in_which_they_were_made(self, tmp_path: Path) -> None:
        """The ledger keeps every decision with its reason, its run, its numbers and its time."""
        store = self.open(tmp_path)
        made = [
            Decision("advance", "first rung", RUN_A, {"to_step": 8}, 12.5),
            Decision("note", "read `loss` from its output"),
            Decision("advance", "first rung", RUN_A, {"to_step": 8}, 13.0),
        ]
        store.append(made[:2])
        store.append(made[2:])
        store = self._again(store, tmp_path)
        assert list(store.read().decisions) == made
        store.close()

    def test_what_is_new_since_a_number_can_be_asked_for(self, tmp_path: Path) -> None:
        """Events come with the number up to which they go; asked from there, only what came after it is given."""
        store = self.open(tmp_path)
        store.append([Settings({"budget": 4.0}), Points(RUN_A, [(1, "loss", 3.0), (2, "loss", 2.0)])])
        first = store.events()
        assert store.events(first.last) == Events(first.last, [])
        later: list[Event] = [
            Points(RUN_A, [(3, "loss", 1.0)]),
            Change(RUN_A, RunState.PAUSED, 3),
            Decision("note", "halfway", RUN_A),
        ]
        store.append(later)
        new = store.events(first.last)
        assert list(new.events) == later
        assert put_together([*first.events, *new.events]) == store.read()
        store.close()

    def test_runs_of_other_configurations_are_told_apart(self, tmp_path: Path) -> None:
        """A run is told by its whole configuration and its seed, whatever types its values have."""
        store = self.open(tmp_path)
        keys = [
            RunKey(Config(lr=0.1, batch_size=size, nesterov=flag), 0)
            for size in (32, 64)
            for flag in (True, False)
        ]
        store.append([Points(key, [(1, "loss", float(n))]) for n, key in enumerate(keys)])
        store = self._again(store, tmp_path)
        found = {run.key: float(run.curves["loss"].loss[0]) for run in store.read().runs}
        assert found == {key: float(n) for n, key in enumerate(keys)}
        assert store.read().runs[0].config["nesterov"] in (True, False)
        store.close()

    def test_runs_are_numbered_as_they_were_first_named(self, tmp_path: Path) -> None:
        """The first run that anything was said of is number 1."""
        store = self.open(tmp_path)
        store.append(
            [
                Decision("advance", "first", RUN_B, {"to_step": 1}),
                Decision("advance", "second", RUN_A, {"to_step": 1}),
            ]
        )
        store.append([Change(RUN_A, RunState.PAUSED, 1), Change(RUN_B, RunState.PAUSED, 1)])
        store = self._again(store, tmp_path)
        assert {run.key: run.id for run in store.read().runs} == {RUN_A: 2, RUN_B: 1}
        store.close()

    def test_a_new_store_is_empty(self, tmp_path: Path) -> None:
        """Nothing is made up: without records there are no runs, settings or decisions."""
        store = self.open(tmp_path)
        ledger = store.read()
        assert (list(ledger.runs), dict(ledger.settings), list(ledger.decisions)) == ([], {}, [])
        store.close()

    def test_closing_twice_is_harmless(self, tmp_path: Path) -> None:
        """`close` may be called twice."""
        store = self.open(tmp_path)
        store.close()
        store.close()
