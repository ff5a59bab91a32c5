"""`GapScheduler` as a callback of Hugging Face's Trainer.

arguments = TrainingArguments(..., lr_scheduler_type="constant")
scheduler = lrscope.transformers.GapScheduler(spare_batches)
trainer = Trainer(model, arguments, train_dataset=data, callbacks=[scheduler])
trainer.train()
with scheduler.averaged():
    trainer.evaluate(test)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import TrainerControl, TrainerState, TrainingArguments

from lrscope.integrations.torch import GapScheduler as _GapScheduler
from lrscope.integrations.torch.hosted import HostedGapScheduler
from lrscope.integrations.transformers.constant_schedule import ConstantSchedule
from lrscope.integrations.transformers.hosted import TrainerScheduler
from lrscope.integrations.transformers.unwrapping import unwrapped


class GapScheduler(HostedGapScheduler, TrainerScheduler[_GapScheduler]):
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
        If an argument is out of its range. When training begins, if another schedule is active; when it is resumed
        from a checkpoint without this callback's state.

    Notes
    -----
    The state is a file in every checkpoint folder, and a run that is resumed from one takes the same rates. The
    loss is the one in the model's output; what the Trainer computes by another function (label smoothing,
    `compute_loss_func`) is not captured.
    """

    file = "lrscope_scheduler.pt"

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin, once model and optimiser are there."""
        constant = ConstantSchedule(args, kwargs["lr_scheduler"])
        model = kwargs["model"]

        def held_out_loss(batch: Mapping[str, Any]) -> Any:
            return model(**batch).loss

        self._close()
        scheduler = _GapScheduler(
            unwrapped(kwargs["optimizer"]), model, held_out_loss=held_out_loss, **self._settings
        )
        self._start_in(args, state, scheduler, constant)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Decide, after each step of the optimiser."""
        if self._scheduler is not None:
            self._scheduler.step()
            self._move_constant()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remove all hooks, and close the record."""
        self._close()
