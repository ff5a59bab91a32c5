"""`PlateauScheduler` as a callback of Hugging Face's Trainer."""

from __future__ import annotations

import json
from typing import Any, Literal

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lrscope.control import RateChange
from lrscope.integrations.torch import PlateauScheduler as _PlateauScheduler
from lrscope.integrations.transformers.constant_schedule import Constant, checkpoint, kept_in
from lrscope.integrations.transformers.unwrapping import unwrapped

_FILE = "lrscope_plateau.json"


class PlateauScheduler(TrainerCallback):
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
        When training begins, if another schedule is active; when it is resumed from a checkpoint without this
        callback's state.
    """

    def __init__(
        self, monitor: str = "eval_loss", mode: Literal["min", "max"] = "min", **settings: Any
    ) -> None:
        self.monitor = monitor
        self._settings: dict[str, Any] = {"mode": mode, **settings}
        self._scheduler: _PlateauScheduler | None = None
        self._constant: Constant | None = None

    @property
    def decisions(self) -> list[RateChange]:
        """What was changed so far, each with its reason."""
        return self._scheduler.decisions if self._scheduler is not None else []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin, once the optimiser is there."""
        self._constant = Constant(args, kwargs["lr_scheduler"])
        self._scheduler = _PlateauScheduler(unwrapped(kwargs["optimizer"]), **self._settings)
        if state.global_step:
            kept = kept_in(args, state.global_step, _FILE)
            self._scheduler.load_state_dict(json.loads(kept.read_text("utf-8")))
        self._constant.move(self._scheduler.get_last_lr())

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take in the metric, if this evaluation has it."""
        value = kwargs.get("metrics", {}).get(self.monitor)
        if value is not None and self._scheduler is not None and self._constant is not None:
            self._scheduler.step(value)
            self._constant.move(self._scheduler.get_last_lr())

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the state into the checkpoint."""
        folder = checkpoint(args, state.global_step)
        if self._scheduler is not None and state.is_world_process_zero and folder.is_dir():
            (folder / _FILE).write_text(json.dumps(self._scheduler.state_dict()), "utf-8")

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Evaluations after training are none of its business."""
        self._constant = None
