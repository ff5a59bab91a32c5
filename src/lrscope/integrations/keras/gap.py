"""`GapScheduler`: the learning rate of `model.fit` in the hands of the gap.

scheduler = lrscope.keras.GapScheduler(held_out=(x_spare, y_spare))
model.fit(x, y, epochs=20, callbacks=[scheduler])
with scheduler.averaged():
    model.evaluate(x_test, y_test)
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import keras

from lrscope.control.average import CONTROL, OUTPUT, due
from lrscope.control.base import Action, RateChange, from_json, to_json
from lrscope.control.compose import ComposedState, Guarded
from lrscope.control.gap import Gap, gap_of
from lrscope.control.record_writer import RecordWriter
from lrscope.errors import UsageError
from lrscope.integrations.keras.base import Arrays, RateCallback
from lrscope.integrations.keras.held_out import HeldOut
from lrscope.integrations.keras.weights import (
    PowerAverage,
    Snapshot,
    assign,
    averageable,
    from_numpy,
    replaced,
    to_numpy,
    values_of,
)


class GapScheduler(RateCallback):
    """Raises and lowers the rate by the gap, batch by batch.

    It needs no number of steps, no patience and no well-chosen rate: the optimiser's own is where it starts.

    Parameters
    ----------
    held_out : (x, y) or batches
        Examples kept from training, on which the gap is measured: a few hundred do. They are used up for
        judging, so report results on others. Arrays are cut into batches of `batch_size`. (Training examples,
        too, give a valid gap here, for it is measured before a step on a batch that is not the step's; but it
        balances the training loss, and so overfits.)
    batch_size : int
        Of the held-out batches, where `held_out` is arrays.
    every : int
        Steps between measurements of two evaluations each, or three where the weights are ahead of their long
        average: a quarter of it in the first 64 steps, more of them as the run grows; see `lrscope.control.Gap`.
    warmup : int
        Steps on which the rate climbs to the optimiser's, so that divergence shows before it does harm.
    control : Guarded, optional
        Another controller, instead of the one that `every` and `warmup` describe.
    averaged_validation : bool
        Whether `fit` validates with the averaged weights. Callbacks that save the best model save the weights
        themselves: inside ``with scheduler.averaged()``, the average is saved.
    record : path, optional
        Where a line is written at each step: loss, rate, gap and decisions, for ``lrscope diagnose``.
    backup : path, optional
        A file, written after each epoch and read when training begins, for an interrupted run to resume
        exactly. Put the callback after `keras.callbacks.BackupAndRestore`, which does the same for the model.

    Raises
    ------
    UsageError
        When training begins, if the optimiser follows a schedule of its own.

    Notes
    -----
    The loss of a batch is found from the mean over the epoch that Keras gives to callbacks; after a roll-back
    that mean, and all metrics, begin anew. BatchNorm's statistics are averaged like weights. Memory beyond the
    optimiser's: two averages, and two snapshots of weights and optimiser. On JAX, measuring and averaging
    bring the state back to the model, which costs a little each time.
    """

    def __init__(
        self,
        held_out: Any,
        *,
        batch_size: int = 128,
        every: int = 8,
        warmup: int = 50,
        control: Guarded | None = None,
        averaged_validation: bool = False,
        record: str | os.PathLike[str] | None = None,
        backup: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(backup)
        self.control: Guarded | None = control
        self.step_count = 0
        self._settings = (every, warmup)
        self._held_out = HeldOut(held_out, batch_size)
        self._state: ComposedState | None = None
        self._averages = (PowerAverage(CONTROL), PowerAverage(OUTPUT))
        self._waiting = 0  # steps that are not in the averages yet
        self._newest: Snapshot | None = None
        self._proven: Snapshot | None = None  # followed by healthy steps: the one to go back to
        self._gap: float | None = None
        self._batches = 0  # of this epoch
        self._heard = (0, 0.0)  # those of them in the mean that Keras gives, and that mean
        self._parts: list[float] = []  # losses of batches whose gradients are being accumulated
        self._made = 0
        self._averaged_validation = averaged_validation
        self._swapped: AbstractContextManager[Any] | None = None
        self._record = record
        self._ledger: RecordWriter | None = None

    # -- what Keras calls -----------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Set the first rate, or go on."""
        if self._state is None:
            if self.control is None:
                every, warmup = self._settings
                self.control = Guarded(Gap(every=every, memory=_memory(self.model.optimizer)), warmup=warmup)
            self._state = self.control.init(self.lr)
        super().on_train_begin(logs)
        self.set_lr(self.rule.lr(self._now))
        if self._record is not None and self._ledger is None:
            settings = {"optimizer": self.model.optimizer.name, "controller": type(self.rule.rule).__name__}
            self._ledger = RecordWriter(self._record, settings, continuing=self.step_count > 0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """The mean loss of the epoch begins anew."""
        self._batches, self._heard = 0, (0, 0.0)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before the step: the moment for the gap."""
        if self._newest is None:
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
            self._newest = self._proven = Snapshot.take(self.model)
        if (
            not self._made
            and self._averages[0].values
            and self.rule.wants_gap(self._now, self.step_count + 1)
        ):
            self._gap = self._measure()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After the step: take in its loss, and change the rate if the evidence says so."""
        made, self._batches = batch + 1 - self._batches, batch + 1
        self._parts.append(self._loss_of(made, float((logs or {})["loss"])))
        self._made += made
        together = getattr(self.model.optimizer, "gradient_accumulation_steps", None) or 1
        if self._made < together:
            return
        steps, self._made = self._made // together, 0
        loss = math.fsum(self._parts) / len(self._parts)
        self._parts = []
        self.step_count += steps
        self._take_in(steps)
        gap, self._gap = self._gap, None
        lr = self.rule.lr(self._now)
        self._state, decision = self.rule.update(self._now, self.step_count, loss, gap=gap)
        if decision is not None:
            self._act(decision)
        elif self.rule.wants_snapshot(self._now):
            self._proven, self._newest = self._newest, Snapshot.take(self.model)
            self._state = self.rule.took_snapshot(self._now)
        if self._ledger is not None:
            self._ledger.write(self.step_count, loss, lr, gap=gap, decision=decision)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Validate with the averaged weights, if that is wanted."""
        if self._averaged_validation and self._batches:
            self._swapped = self.averaged()
            self._swapped.__enter__()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """The weights themselves again."""
        if self._swapped is not None:
            self._swapped.__exit__(None, None, None)
            self._swapped = None

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the record."""
        self._batches = 0
        super().on_train_end(logs)
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    # -- what a person calls --------------------------------------------------------------------------------

    @property
    def rule(self) -> Guarded:
        """The controller; known once training has begun."""
        if self.control is None:
            raise UsageError("The scheduler has no controller before training has begun.")
        return self.control

    def finish(self, steps: int) -> None:
        """Take the rate to zero in a straight line over the coming `steps` steps, about a tenth of the run:
        then the weights themselves are as good as their average."""
        if steps < 1:
            raise UsageError(f"finish needs the number of steps to come, at least 1; got {steps}.")
        self._state = self.rule.finish(self._now, steps)

    @contextmanager
    def averaged(self) -> Iterator[keras.Model]:
        """The model with the averaged weights inside the block, as it was afterwards: evaluate and save there."""
        model = self.model
        values = self._averages[1].values
        if not values:
            yield model
            return
        variables = averageable(model)
        kept = values_of(variables)
        assign(variables, values)
        try:
            yield model
        finally:
            assign(averageable(self.model), kept)  # by `self.model`, for JAX gives its state back by that

    # -- the rest -------------------------------------------------------------------------------------------

    @property
    def _now(self) -> ComposedState:
        if self._state is None:
            raise UsageError("The scheduler has no state before training has begun.")
        return self._state

    def _loss_of(self, made: int, mean: float) -> float:
        """The loss of the newest batches, from the mean with them and the mean without."""
        before, mean_before = self._heard
        count = before + made
        self._heard = (count, mean)
        return (count * mean - before * mean_before) / made

    def _measure(self) -> float:
        """The gap on the next held-out batch."""
        model = self.model
        x, y = self._held_out.next()
        counts = model.metrics_variables  # of training: evaluating begins them anew
        kept = values_of(counts)
        here = _loss(model, x, y)
        long, short = self._averages

        def at(average: PowerAverage) -> float:
            with replaced(averageable(model), average.values):
                return _loss(model, x, y)

        gap = gap_of(here, at(long), lambda: at(short))
        assign(counts, kept)
        return gap

    def _take_in(self, steps: int) -> None:
        self._waiting += steps
        if not due(self.step_count):
            return
        values = values_of(averageable(self.model))
        if all(bool(keras.ops.all(keras.ops.isfinite(v))) for v in values):
            for average in self._averages:
                average.update(values, self._waiting)
        self._waiting = 0

    def _act(self, decision: RateChange) -> None:
        if decision.action not in (Action.WARM, Action.COOL):
            self.decisions.append(decision)
        if decision.restore is not None and self._proven is not None:
            self._newest = self._proven
            self._proven.restore(self.model)
            for average in self._averages:
                average.forget()
            self.model.reset_metrics()  # a mean that has taken in one NaN stays NaN
            self._heard = (0, 0.0)
        self.set_lr(decision.lr)

    def _facts(self) -> tuple[dict[str, Any], Arrays]:
        arrays: Arrays = {}
        for name, average in zip(("control", "output"), self._averages, strict=True):
            arrays |= to_numpy(name, average.values)
        for name, kept in (("newest", self._newest), ("proven", self._proven)):
            if kept is not None:
                arrays |= to_numpy(f"{name}_weights", kept.weights)
                arrays |= to_numpy(f"{name}_optimizer", kept.optimizer)
        facts = {
            "step": self.step_count,
            "control": to_json(self._now),
            "averages": [average.steps for average in self._averages],
            "waiting": self._waiting,
            "parts": self._parts,
            "made": self._made,
            "position": self._held_out.position,
        }
        return facts, arrays

    def _recall(self, facts: dict[str, Any], arrays: Arrays) -> None:
        self.step_count = int(facts["step"])
        self._state = from_json(facts["control"], self.rule.init(self.lr))
        for name, average, steps in zip(
            ("control", "output"), self._averages, facts["averages"], strict=True
        ):
            average.steps, average.values = int(steps), from_numpy(name, arrays)
        self._waiting, self._made = int(facts["waiting"]), int(facts["made"])
        self._parts = list(facts["parts"])
        self._held_out.position = int(facts["position"])
        newest, proven = (
            Snapshot(from_numpy(f"{name}_weights", arrays), from_numpy(f"{name}_optimizer", arrays))
            for name in ("newest", "proven")
        )
        self._newest, self._proven = newest, proven


def _loss(model: keras.Model, x: Any, y: Any) -> float:
    return float(model.test_on_batch(x, y, return_dict=True)["loss"])


def _memory(optimizer: Any) -> float:
    """Steps that an optimiser's direction remembers: 1 / (1 - momentum)."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    beta = getattr(inner, "momentum", 0.0) or getattr(inner, "beta_1", 0.0)
    return 1.0 / (1.0 - min(float(beta or 0.0), 0.99))
