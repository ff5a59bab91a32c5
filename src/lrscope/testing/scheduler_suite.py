# ruff: noqa: S101 (a conformance suite is made of assertions)
"""What every host's schedulers must keep to. Inherit a suite in a test module and say how your host trains:

class TestMine(GapSchedulerSuite):
    def make(self, **settings):
        return my_host.GapScheduler(held_out=batches, **settings)

    def train(self, scheduler, steps, *, folder, save=False, resume=False):
        ...
        return Trained(rates, weights, names)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lrscope.control import Gap, Guard, Guarded
from lrscope.control.plateau import epoch_plateau
from lrscope.errors import UsageError


@dataclass(frozen=True)
class Trained:
    """What a short training of a small model left.

    Parameters
    ----------
    rates : sequence of float
        The optimiser's own rate at each of its steps.
    last_rate : float
        The optimiser's own rate after the last of them.
    weights : sequence of float
        The model's weights and statistics at the end, in one row.
    names : set of str
        What the user's model consists of at the end: its attributes, hooks and state.
    """

    rates: Sequence[float]
    last_rate: float
    weights: Sequence[float]
    names: frozenset[str]


class GapSchedulerSuite:
    """Every host's `GapScheduler`."""

    steps = 120
    """Of a training that decides something after `middle`."""

    middle = 80

    def make(self, **settings: Any) -> Any:
        """The host's scheduler, its held-out batches in a fixed order, with further arguments."""
        raise NotImplementedError

    def train(
        self, scheduler: Any, steps: int, *, folder: Path, save: bool = False, resume: bool = False
    ) -> Trained:
        """Train the same small model, on the same batches, until its optimiser has made `steps` steps.

        Parameters
        ----------
        scheduler : scheduler or function
            From `make`. None trains without one. Where a host needs the optimiser to make it, `make` may return a
            function that this calls.
        folder : path
            Of the checkpoint that is written at the end (`save`) or gone on from at the beginning (`resume`).
        """
        raise NotImplementedError

    def test_changes_reach_the_optimiser(self, tmp_path: Path) -> None:
        """The optimiser makes each step at the rate that the record names, in the warm-up and after each decision."""
        record = tmp_path / "record.jsonl"
        trained = self.train(self.make(record=record), self.steps, folder=tmp_path)
        rows = [json.loads(line) for line in record.read_text("utf-8").splitlines()][1:]
        assert [row["step"] for row in rows] == list(range(1, self.steps + 1))
        assert np.allclose([row["lr"] for row in rows], trained.rates, rtol=1e-6)
        changed = [(row["step"], row["new_lr"]) for row in rows if "new_lr" in row]
        assert [step for step, _ in changed if step > self.middle], (
            "nothing was decided, so nothing was shown"
        )
        for step, lr in changed:
            after = trained.rates[step] if step < self.steps else trained.last_rate
            assert np.isclose(after, lr, rtol=1e-6)

    def test_a_saved_run_goes_on_identically(self, tmp_path: Path) -> None:
        """Saved in the middle and loaded into new objects, a run takes the rates, and ends with the weights, of one
        that was never interrupted."""
        whole = self.train(self.make(), self.steps, folder=tmp_path / "whole")
        self.train(self.make(), self.middle, folder=tmp_path / "parts", save=True)
        rest = self.train(self.make(), self.steps, folder=tmp_path / "parts", resume=True)
        assert list(rest.rates) == list(whole.rates[self.middle :])
        assert len(set(rest.rates)) > 1
        assert np.array_equal(rest.weights, whole.weights)

    def test_nothing_is_written_to_the_model(self, tmp_path: Path) -> None:
        """With a controller that never acts, the model ends with the weights of a training without scheduler, bit for
        bit, and nothing was added to it."""
        idle = Guarded(Gap(t=1e9), Guard(bad_steps=10**9), warmup=0)
        with_it = self.train(self.make(control=idle), self.steps, folder=tmp_path / "with")
        without = self.train(None, self.steps, folder=tmp_path / "without")
        assert np.array_equal(with_it.weights, without.weights)
        assert with_it.names == without.names

    def test_wrong_arguments_are_refused_alike(self, tmp_path: Path) -> None:
        """Every host refuses a wrong argument with the controller's own sentence."""
        for settings, sentence in (
            ({"every": 0}, "every must be 1 or more; got 0."),
            ({"warmup": -1}, "warmup must be zero or more; got -1."),
            ({"control": 0.1}, "control must be a Guarded, such as Guarded(Gap()); got 0.1."),
        ):
            assert refusal(partial(self._made_to_train, tmp_path, **settings)) == sentence

    def _made_to_train(self, folder: Path, **settings: Any) -> None:
        self.train(self.make(**settings), 1, folder=folder)


class PlateauSchedulerSuite:
    """Every host's `PlateauScheduler`."""

    def make(self, **settings: Any) -> Any:
        """The host's scheduler, for a metric of which less is better."""
        raise NotImplementedError

    def feed(
        self,
        scheduler: Any,
        values: Sequence[float],
        *,
        folder: Path,
        save: bool = False,
        resume: bool = False,
    ) -> list[float]:
        """Give a scheduler one value of its metric after the other; the optimiser's rate, 1 at first, after each.

        `save` and `resume` as in `GapSchedulerSuite.train`; the optimiser is restored with the scheduler.
        """
        raise NotImplementedError

    def values(self) -> list[float]:
        """Losses that come down and level out, twice."""
        rng = np.random.default_rng(2)
        falls = np.concatenate([1 + np.exp(-np.arange(60) / 4), 0.5 + 0.5 * np.exp(-np.arange(60) / 4)])
        return [float(v) for v in falls + 0.01 * rng.normal(size=120)]

    def test_rates_are_those_of_the_controller(self, tmp_path: Path) -> None:
        """On the same values the optimiser has the rates that `lrscope.control.Plateau` decides."""
        rule = epoch_plateau(min_lr=0.01)
        state, rates = rule.init(1.0), []
        for step, value in enumerate(self.values(), 1):
            state, _ = rule.update(state, step, value)
            rates.append(state.history.lr)
        assert len(set(rates)) > 1
        assert np.allclose(
            self.feed(self.make(min_lr=0.01), self.values(), folder=tmp_path), rates, rtol=1e-6
        )

    def test_a_saved_run_goes_on_identically(self, tmp_path: Path) -> None:
        """Saved after a drop and loaded into new objects, it takes the rates of one that was never interrupted."""
        values = self.values()
        whole = self.feed(self.make(), values, folder=tmp_path / "whole")
        cut = next(i for i, rate in enumerate(whole) if rate < 1.0) + 3
        self.feed(self.make(), values[:cut], folder=tmp_path / "parts", save=True)
        rest = self.feed(self.make(), values[cut:], folder=tmp_path / "parts", resume=True)
        assert rest == whole[cut:]
        assert len(set(rest)) > 1

    def test_wrong_arguments_are_refused_alike(self) -> None:
        """Every host refuses a wrong argument when it is made, with the controller's own sentence."""
        wrong: tuple[tuple[Mapping[str, Any], str], ...] = (
            ({"factor": 1.5}, "factor must be between 0 and 1; got 1.5."),
            ({"threshold": 2.0}, "threshold must be between 0 and 1; got 2.0."),
            ({"patience": 2}, "patience must be 6 or more; got 2."),
            ({"min_lr": -1.0}, "min_lr must be zero or more; got -1.0."),
            ({"mode": "down"}, 'mode must be "min" or "max"; got \'down\'.'),
        )
        for settings, sentence in wrong:
            assert refusal(partial(self.make, **settings)) == sentence


def refusal(call: Callable[[], Any]) -> str:
    """The sentence with which a call is refused."""
    try:
        call()
    except UsageError as error:
        return str(error)
    raise AssertionError("a wrong argument was accepted")
