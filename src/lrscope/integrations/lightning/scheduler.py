"""`GapScheduler` as a Lightning callback.

trainer = Trainer(callbacks=[lrscope.lightning.GapScheduler(spare_loader)])
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lrscope.control import Guarded, RateChange
from lrscope.errors import UsageError
from lrscope.integrations.lightning.recompute_loss import elsewhere, loss_again
from lrscope.integrations.lightning.sole_optimizer import the_optimizer
from lrscope.integrations.torch import GapScheduler as _GapScheduler


class GapScheduler(Callback):
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
        When training starts: with several optimisers, manual optimisation, or a scheduler beside this one.

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
        self._held_out = held_out
        self._settings: dict[str, Any] = {
            "every": every,
            "warmup": warmup,
            "control": control,
            "record": record,
        }
        self._averaged_validation = averaged_validation
        self._scheduler: _GapScheduler | None = None
        self._kept: Mapping[str, Any] | None = None
        self._batch: tuple[Any, int] | None = None
        self._swapped: AbstractContextManager[nn.Module] | None = None

    # -- what Lightning calls -------------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, once the optimiser is there."""
        if not pl_module.automatic_optimization:
            raise UsageError(
                "lrscope.lightning.GapScheduler works with automatic optimisation; in a training_step of your own "
                "optimisation, use lrscope.torch.GapScheduler."
            )
        optimizer = the_optimizer(trainer, type(self))

        def held_out_loss(batch: Any) -> Any:
            return loss_again(trainer, pl_module, trainer.strategy.batch_to_device(batch), 0)()

        self._scheduler = _GapScheduler(
            optimizer,
            pl_module,
            elsewhere,  # losses come from on_before_backward, and not from whatever modules compute
            held_out=self._held_out,
            held_out_loss=held_out_loss,
            **self._settings,
        )
        if self._kept is not None:
            self._scheduler.load_state_dict(self._kept)
            self._kept = None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Know the batch, in case the gap is measured on it."""
        self._batch = (batch, batch_idx)

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Hear the loss; Lightning has divided it by the number of accumulated batches."""
        if self._scheduler is not None and self._batch is not None:
            again = loss_again(trainer, pl_module, *self._batch)
            self._scheduler.heard(loss, again, trainer.accumulate_grad_batches)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Decide, if the batch ended with a step."""
        if self._scheduler is not None:
            self._scheduler.step()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The averaged weights, if validation is to see them."""
        if self._averaged_validation and self._scheduler is not None:
            self._swapped = self._scheduler.averaged()
            self._swapped.__enter__()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The weights themselves again."""
        self._swap_back()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop listening, and close the record."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """The same when training is broken off."""
        self._swap_back()
        self._close()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        if self._scheduler is not None:
            return {"scheduler": self._scheduler.state_dict()}
        return {"scheduler": self._kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint, once training starts."""
        self._kept = state_dict["scheduler"]

    # -- what a person calls --------------------------------------------------------------------------------

    @property
    def scheduler(self) -> _GapScheduler:
        """The scheduler at work, once training has started."""
        if self._scheduler is None:
            raise UsageError("There is no scheduler before training has started.")
        return self._scheduler

    @property
    def decisions(self) -> list[RateChange]:
        """What was changed so far, each with its reason."""
        return self.scheduler.decisions

    def finish(self, steps: int) -> None:
        """Take the rate to zero over the coming steps; see `lrscope.torch.GapScheduler.finish`."""
        self.scheduler.finish(steps)

    @contextmanager
    def averaged(self, loader: Iterable[Any] | None = None) -> Iterator[nn.Module]:
        """The module with the averaged weights inside the block; see `lrscope.torch.GapScheduler.averaged`."""
        with self.scheduler.averaged(loader) as module:
            yield module

    def _swap_back(self) -> None:
        if self._swapped is not None:
            self._swapped.__exit__(None, None, None)
            self._swapped = None

    def _close(self) -> None:
        self._batch = None
        if self._scheduler is not None:
            self._scheduler.close()
