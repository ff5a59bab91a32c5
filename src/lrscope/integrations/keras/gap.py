"""`GapScheduler`: sets the learning rate of `model.fit` by the gap.

scheduler = lrscope.keras.GapScheduler(held_out=(x_spare, y_spare))
model.fit(x, y, epochs=20, callbacks=[scheduler])
with scheduler.averaged():
    model.evaluate(x_test, y_test)
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras

from lrscope.control.compose import Guarded, guarded_gap
from lrscope.control.gap import memory_of
from lrscope.control.record_writer import RecordWriter
from lrscope.integrations.averages import AveragePair
from lrscope.integrations.delegate import GuardedDelegate
from lrscope.integrations.keras.base import Arrays, RateCallback
from lrscope.integrations.keras.held_out import held_out_batches
from lrscope.integrations.keras.weights import (
    PowerAverage,
    Snapshot,
    Values,
    assign,
    averageable,
    from_numpy,
    replaced,
    to_numpy,
    values_of,
)


class GapScheduler(RateCallback):
    """Raises and lowers the rate by the gap, batch by batch.

    It needs no number of steps, no patience and no well-chosen rate: it starts from the optimiser's own.

    Parameters
    ----------
    held_out : (x, y) or batches
        Examples kept from training, on which the gap is measured: a few hundred are enough. They are used up for
        judging, so report results on others. Arrays are cut into batches of `batch_size`. (Training examples
        give a valid gap here as well, for it is measured before a step on a batch that is not the step's; but it
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
        If an argument is out of its range; when training begins, if the optimiser follows a schedule of its own.

    Notes
    -----
    The loss of a batch is found from the mean over the epoch that Keras gives to callbacks; after a roll-back
    that mean, and all metrics, begin anew. BatchNorm's statistics are averaged like weights. Memory beyond the
    optimiser's: two averages, and two snapshots of weights and optimiser. On JAX, measuring and averaging
    bring the state back to the model, which costs a little each time.
    """

    _saved = ("average_steps", "waiting", "parts", "made", "position")

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
        guarded_gap(control, every=every, warmup=warmup)  # checks them
        self.control: Guarded | None = control
        self._settings = {"every": every, "warmup": warmup}
        self._held_out = held_out_batches(held_out, batch_size)
        self._averages: AveragePair[Any] = AveragePair(PowerAverage)
        self._gap: float | None = None
        self._batches = 0  # of this epoch
        self._mean_of = (0, 0.0)  # those of them in the mean loss that Keras gives, and that mean
        self._parts: list[float] = []  # losses of batches whose gradients are being accumulated
        self._made = 0
        self._averaged_validation = averaged_validation
        self._swapped = ExitStack()  # holds the averaged weights while validation sees them
        self._record = record
        self._writer: RecordWriter | None = None

    def _make_delegate(self) -> GuardedDelegate[Snapshot]:
        memory = memory_of(_momentum(self.model.optimizer))
        self.control = guarded_gap(self.control, **self._settings, memory=memory)
        return GuardedDelegate(
            self.control, self.lr, self.set_lr, lambda _: Snapshot.take(self.model), self._restore
        )

    @property
    def step_count(self) -> int:
        """Steps of the optimiser taken in so far."""
        return self._delegate.step_count if self._delegate is not None else 0

    # -- what Keras calls -----------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Set the first rate, or go on."""
        super().on_train_begin(logs)
        delegate = self._at_work()
        self.set_lr(delegate.lr)
        if self._record is not None and self._writer is None:
            rule = type(delegate.control.rule).__name__
            settings = {"optimizer": self.model.optimizer.name, "controller": rule}
            self._writer = RecordWriter(self._record, settings, continuing=self.step_count > 0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """The mean loss of the epoch begins anew."""
        self._batches, self._mean_of = 0, (0, 0.0)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before the step: the moment for the gap."""
        delegate = self._at_work()
        if delegate.newest is None and not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        delegate.keep_start()
        if not self._made and self._averages.long.values and delegate.wants_gap():
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
        delegate = self._at_work()
        delegate.step_count += steps
        self._averages.take_in(steps, delegate.step_count, self._finite_weights)
        gap, self._gap = self._gap, None
        lr = delegate.lr
        decision = delegate.decide(loss, gap)
        if self._writer is not None:
            self._writer.write(delegate.step_count, loss, lr, gap=gap, decision=decision)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Validate with the averaged weights, if that is wanted."""
        if self._averaged_validation and self._batches:
            self._swapped.enter_context(self.averaged())

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """The weights themselves again."""
        self._swapped.close()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the record."""
        self._batches = 0
        super().on_train_end(logs)
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    # -- what a person calls --------------------------------------------------------------------------------

    def finish(self, steps: int) -> None:
        """Take the rate to zero in a straight line over the coming `steps` steps, about a tenth of the run:
        then the weights themselves are as good as their average."""
        self._at_work().finish(steps)

    @contextmanager
    def averaged(self) -> Iterator[keras.Model]:
        """The model with the averaged weights inside the block, as it was afterwards: evaluate and save there."""
        model = self.model
        values = self._averages.short.values
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

    def _at_work(self) -> GuardedDelegate[Snapshot]:
        delegate = super()._at_work()
        assert isinstance(delegate, GuardedDelegate)  # noqa: S101 - for the type checker
        return delegate

    def _loss_of(self, made: int, mean: float) -> float:
        """The loss of the newest batches, from the mean with them and the mean without."""
        before, mean_before = self._mean_of
        count = before + made
        self._mean_of = (count, mean)
        return (count * mean - before * mean_before) / made

    def _measure(self) -> float:
        """The gap on the next held-out batch."""
        model = self.model
        x, y = self._held_out.next()
        counts = model.metrics_variables  # of training: evaluating begins them anew
        kept = values_of(counts)

        def loss_at(values: Values) -> float:
            with replaced(averageable(model), values):
                return _loss(model, x, y)

        gap = self._averages.gap(_loss(model, x, y), loss_at)
        assign(counts, kept)
        return gap

    def _finite_weights(self) -> Values | None:
        values = values_of(averageable(self.model))
        return values if all(bool(keras.ops.all(keras.ops.isfinite(v))) for v in values) else None

    def _restore(self, kept: Snapshot) -> None:
        kept.restore(self.model)
        self._averages.forget()
        self.model.reset_metrics()  # a mean that has taken in one NaN stays NaN
        self._mean_of = (0, 0.0)

    def _arrays(self) -> tuple[dict[str, Any], Arrays]:
        delegate, pair = self._at_work(), self._averages
        arrays: Arrays = to_numpy("long", pair.long.values) | to_numpy("short", pair.short.values)
        for name, kept in (("newest", delegate.newest), ("proven", delegate.proven)):
            if kept is not None:
                arrays |= kept.to_numpy(name)
        facts = {
            "average_steps": [pair.long.steps, pair.short.steps],
            "waiting": pair.waiting,
            "parts": self._parts,
            "made": self._made,
            "position": self._held_out.position,
        }
        return facts, arrays

    def _load_arrays(self, facts: dict[str, Any], arrays: Arrays) -> None:
        delegate, pair = self._at_work(), self._averages
        pair.long.steps, pair.short.steps = (int(steps) for steps in facts["average_steps"])
        pair.long.values, pair.short.values = from_numpy("long", arrays), from_numpy("short", arrays)
        pair.waiting, self._made = int(facts["waiting"]), int(facts["made"])
        self._parts = list(facts["parts"])
        self._held_out.position = int(facts["position"])
        delegate.newest = Snapshot.from_numpy("newest", arrays)
        delegate.proven = Snapshot.from_numpy("proven", arrays)


def _loss(model: keras.Model, x: Any, y: Any) -> float:
    return float(model.test_on_batch(x, y, return_dict=True)["loss"])


def _momentum(optimizer: Any) -> float:
    """The optimiser's momentum, or Adam's beta_1."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return float(getattr(inner, "momentum", 0.0) or getattr(inner, "beta_1", 0.0) or 0.0)
