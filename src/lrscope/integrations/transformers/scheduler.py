"""`GapScheduler` as a callback of Hugging Face's Trainer.

arguments = TrainingArguments(..., lr_scheduler_type="constant")
scheduler = lrscope.transformers.GapScheduler(spare_batches)
trainer = Trainer(model, arguments, train_dataset=data, callbacks=[scheduler])
trainer.train()
with scheduler.averaged():
    trainer.evaluate(test)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lrscope.control import Guarded, RateChange
from lrscope.errors import UsageError
from lrscope.integrations.torch import GapScheduler as _GapScheduler
from lrscope.integrations.transformers.constant_schedule import Constant, checkpoint, kept_in
from lrscope.integrations.transformers.unwrapping import unwrapped

_FILE = "lrscope_scheduler.pt"


class GapScheduler(TrainerCallback):
    """Raises and lowers the rate of a Trainer's run by the gap; see `lrscope.torch.GapScheduler`.

    The Trainer makes a schedule in any case: let it be ``lr_scheduler_type="constant"``. This callback moves the
    constant, so the Trainer logs the rate that is in use.

    Parameters
    ----------
    held_out : iterable of batches, optional
        Spare batches as the model takes them, mappings of tensors with labels, kept from training and from what
        is reported: the gap is measured on one each time. A list, or a plain ``torch.utils.data.DataLoader``
        with the collator of training (the Trainer's own loaders are bound to its loop). Without them it is
        measured on batches of training, which balances the training loss and so overfits where a model can.
    every, warmup, control
        As for `lrscope.torch.GapScheduler`.
    record : path, optional
        Where a line is written at each step: loss, rate, gap and decisions, for ``lrscope diagnose``.

    Raises
    ------
    UsageError
        When training begins, if another schedule is active; when it is resumed from a checkpoint without this
        callback's state.

    Notes
    -----
    The state is a file in every checkpoint folder, and a run that is resumed from one takes the same rates. The
    loss is the one in the model's output; what the Trainer computes by another function (label smoothing,
    `compute_loss_func`) is not heard.
    """

    def __init__(
        self,
        held_out: Iterable[Mapping[str, Any]] | None = None,
        *,
        every: int = 8,
        warmup: int = 50,
        control: Guarded | None = None,
        record: str | os.PathLike[str] | None = None,
    ) -> None:
        self._held_out = held_out
        self._settings: dict[str, Any] = {
            "every": every,
            "warmup": warmup,
            "control": control,
            "record": record,
        }
        self._scheduler: _GapScheduler | None = None
        self._constant: Constant | None = None

    # -- what the Trainer calls -----------------------------------------------------------------------------

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin, once model and optimiser are there."""
        self._constant = Constant(args, kwargs["lr_scheduler"])
        model = kwargs["model"]

        def held_out_loss(batch: Mapping[str, Any]) -> Any:
            return model(**batch).loss

        optimizer = unwrapped(kwargs["optimizer"])
        self._close()
        self._scheduler = _GapScheduler(
            optimizer, model, held_out=self._held_out, held_out_loss=held_out_loss, **self._settings
        )
        if state.global_step:
            kept = kept_in(args, state.global_step, _FILE)
            self._scheduler.load_state_dict(torch.load(kept, weights_only=True, map_location="cpu"))
        self._move_constant()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Decide, after each step of the optimiser."""
        if self._scheduler is not None:
            self._scheduler.step()
            self._move_constant()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the state into the checkpoint."""
        folder = checkpoint(args, state.global_step)
        if self._scheduler is not None and state.is_world_process_zero and folder.is_dir():
            torch.save(self._scheduler.state_dict(), folder / _FILE)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop listening, and close the record."""
        self._close()

    # -- what a person calls --------------------------------------------------------------------------------

    @property
    def scheduler(self) -> _GapScheduler:
        """The scheduler at work, once training has begun."""
        if self._scheduler is None:
            raise UsageError("There is no scheduler before training has begun.")
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
        """The model with the averaged weights inside the block: evaluate and save there."""
        with self.scheduler.averaged(loader) as model:
            yield model

    # -- the rest -------------------------------------------------------------------------------------------

    def _move_constant(self) -> None:
        if self._constant is not None:
            self._constant.move(self.scheduler.get_last_lr())

    def _close(self) -> None:
        if self._scheduler is not None:
            self._scheduler.close()
