"""`GapScheduler` as a Lightning callback.

trainer = Trainer(callbacks=[lrscope.lightning.GapScheduler(spare_loader)])
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lrscope.control import Guarded
from lrscope.errors import UsageError
from lrscope.integrations.lightning.recompute_loss import given_elsewhere, recompute_loss
from lrscope.integrations.lightning.sole_optimizer import sole_optimizer
from lrscope.integrations.torch import GapScheduler as _GapScheduler
from lrscope.integrations.torch.hosted import HostedGapScheduler


class GapScheduler(HostedGapScheduler, Callback):
    """Raises and lowers the rate of a Lightning run by the gap; see `lrscope.torch.GapScheduler`.

    `configure_optimizers` returns one optimiser and no scheduler; the optimiser's rate is where the run starts.

    Parameters
    ----------
    held_out : iterable of batches, optional
        Spare batches as `training_step` takes them, such as a DataLoader, kept from training and from what is
        reported: the gap is measured on one each time. Without them it is measured on batches of training,
        which balances the training loss and so overfits where a model can.
    every, warmup, control
        As for `lrscope.torch.GapScheduler`.
    averaged_validation : bool
        Whether validation sees the averaged weights. What `ModelCheckpoint` saves are the weights themselves,
        to resume from; save the average with ``with callback.averaged(): trainer.save_checkpoint(path)``.
    record : path, optional
        Where a line is written at each step: loss, rate, gap and decisions, for ``lrscope diagnose``.

    Raises
    ------
    UsageError
        If an argument is out of its range. When training starts: with several optimisers, manual optimisation, or
        a scheduler beside this one.

    Notes
    -----
    The state is part of every checkpoint, and a run that is resumed from one takes the same rates. For the
    gap, `training_step` runs twice more on a batch now and then, without gradients; what it logs and counts
    meanwhile is dropped.
    """

    def __init__(
        self,
        held_out: Iterable[Any] | None = None,
        *,
        every: int = 8,
        warmup: int = 50,
        control: Guarded | None = None,
        averaged_validation: bool = False,
        record: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(held_out, every=every, warmup=warmup, control=control, record=record)
        self._averaged_validation = averaged_validation
        self._batch: tuple[Any, int] | None = None
        self._swapped = ExitStack()  # holds the averaged weights while validation sees them

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, once the optimiser is there."""
        if not pl_module.automatic_optimization:
            raise UsageError(
                "lrscope.lightning.GapScheduler works with automatic optimisation; in a training_step of your own "
                "optimisation, use lrscope.torch.GapScheduler."
            )
        optimizer = sole_optimizer(trainer, type(self))

        def held_out_loss(batch: Any) -> Any:
            return recompute_loss(trainer, pl_module, trainer.strategy.batch_to_device(batch), 0)()

        self._start(
            _GapScheduler(
                optimizer, pl_module, given_elsewhere, held_out_loss=held_out_loss, **self._settings
            )
        )

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Know the batch, in case the gap is measured on it."""
        self._batch = (batch, batch_idx)

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Capture the loss; Lightning has divided it by the number of accumulated batches."""
        if self._scheduler is not None and self._batch is not None:
            recompute = recompute_loss(trainer, pl_module, *self._batch)
            self._scheduler.capture(loss, recompute, trainer.accumulate_grad_batches)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Decide, if the batch ended with a step."""
        if self._scheduler is not None:
            self._scheduler.step()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The averaged weights, if validation is to see them."""
        if self._averaged_validation and self._scheduler is not None:
            self._swapped.enter_context(self._scheduler.averaged())

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The weights themselves again."""
        self._swapped.close()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remove all hooks, and close the record."""
        self._batch = None
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """The same when training is broken off."""
        self._swapped.close()
        self.on_train_end(trainer, pl_module)
