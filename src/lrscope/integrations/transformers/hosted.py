"""What both schedulers share: each moves the constant of the Trainer's schedule, and its state is a file in every
checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lrscope.errors import UsageError
from lrscope.integrations.torch.hosted import HostedScheduler, Inner
from lrscope.integrations.transformers.constant_schedule import ConstantSchedule


class TrainerScheduler(HostedScheduler[Inner], TrainerCallback):
    """A scheduler as a callback of the Trainer."""

    file: ClassVar[str]
    _constant: ConstantSchedule | None = None

    def _start_in(
        self, args: TrainingArguments, state: TrainerState, scheduler: Inner, constant: ConstantSchedule
    ) -> None:
        """Put a scheduler to work, from the checkpoint where the run is resumed from one."""
        if state.global_step:
            kept = _kept_in(args, state.global_step, self.file)
            self._loaded = torch.load(kept, weights_only=True, map_location="cpu")
        self._start(scheduler)
        self._constant = constant
        self._move_constant()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the state into the checkpoint."""
        folder = _checkpoint(args, state.global_step)
        if self._scheduler is not None and state.is_world_process_zero and folder.is_dir():
            torch.save(self._scheduler.state_dict(), folder / self.file)

    def _move_constant(self) -> None:
        if self._constant is not None:
            self._constant.move(self.scheduler.get_last_lr())


def _kept_in(args: TrainingArguments, step: int, name: str) -> Path:
    """The file of that name in the checkpoint that a run is resumed from."""
    for folder in (args.resume_from_checkpoint, _checkpoint(args, step)):
        if isinstance(folder, str | Path) and (Path(folder) / name).is_file():
            return Path(folder) / name
    raise UsageError(
        f"The checkpoint of step {step} holds no {name}: it was written without this callback, or lies elsewhere than "
        "in output_dir; then name its folder in TrainingArguments(resume_from_checkpoint=...), too."
    )


def _checkpoint(args: TrainingArguments, step: int) -> Path:
    """Where the Trainer puts the checkpoint of a step."""
    return Path(args.output_dir or ".") / f"checkpoint-{step}"
