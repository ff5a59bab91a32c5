"""`PlateauScheduler` as a callback of Hugging Face's Trainer."""

from __future__ import annotations

from typing import Any, Literal

from transformers import TrainerControl, TrainerState, TrainingArguments

from lrscope.integrations.torch import PlateauScheduler as _PlateauScheduler
from lrscope.integrations.torch.hosted import HostedPlateauScheduler
from lrscope.integrations.transformers.constant_schedule import ConstantSchedule
from lrscope.integrations.transformers.hosted import TrainerScheduler
from lrscope.integrations.transformers.unwrapping import unwrapped


class PlateauScheduler(HostedPlateauScheduler, TrainerScheduler[_PlateauScheduler]):
    """Lowers the rate when a metric of evaluation has levelled out; see `lrscope.torch.PlateauScheduler`.

    With ``lr_scheduler_type="constant"``; evaluate often (``eval_strategy``), for each evaluation is one value.

    Parameters
    ----------
    monitor : str
        The metric, as the Trainer names it.
    mode : {"min", "max"}
        Whether less or more is better.
    **settings
        `factor`, `patience`, `threshold`, `min_lr` and `take_back` of `lrscope.torch.PlateauScheduler`.

    Raises
    ------
    UsageError
        If an argument is out of its range. When training begins, if another schedule is active; when it is resumed
        from a checkpoint without this callback's state.
    """

    file = "lrscope_plateau.pt"

    def __init__(
        self, monitor: str = "eval_loss", mode: Literal["min", "max"] = "min", **settings: Any
    ) -> None:
        super().__init__(monitor, mode, **settings)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin, once the optimiser is there."""
        constant = ConstantSchedule(args, kwargs["lr_scheduler"])
        scheduler = _PlateauScheduler(unwrapped(kwargs["optimizer"]), **self._settings)
        self._start_in(args, state, scheduler, constant)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take in the metric, if this evaluation has it."""
        value = kwargs.get("metrics", {}).get(self.monitor)
        if value is not None and self._scheduler is not None and self._constant is not None:
            self._scheduler.step(value)
            self._move_constant()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Evaluations after training are not taken in."""
        self._constant = None
