"""The constant of the Trainer's own schedule: what a scheduler beside it has to move."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from lrscope.errors import UsageError
from lrscope.integrations.transformers.unwrapping import unwrapped


class Constant:
    """The Trainer makes a schedule in any case, steps it after each step of the optimiser, and logs what it says.

    Raises
    ------
    UsageError
        If it is no constant one.
    """

    def __init__(self, args: TrainingArguments, schedule: Any) -> None:
        self._schedule = unwrapped(schedule)
        kind = str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type))
        if kind != "constant" or not isinstance(self._schedule, torch.optim.lr_scheduler.LambdaLR):
            raise UsageError(
                f"The Trainer's own schedule ({kind}, {type(self._schedule).__name__}) would set the rate as well: "
                'give TrainingArguments lr_scheduler_type="constant", and no scheduler of your own.'
            )

    def move(self, rates: Sequence[float]) -> None:
        """The rates of all parameter groups from now on."""
        self._schedule.base_lrs = list(rates)
        self._schedule._last_lr = list(rates)


def kept_in(args: TrainingArguments, step: int, name: str) -> Path:
    """The file of that name in the checkpoint that a run is resumed from."""
    for folder in (args.resume_from_checkpoint, checkpoint(args, step)):
        if isinstance(folder, str | Path) and (Path(folder) / name).is_file():
            return Path(folder) / name
    raise UsageError(
        f"The checkpoint of step {step} holds no {name}: it was written without this callback, or lies elsewhere than "
        "in output_dir; then name its folder in TrainingArguments(resume_from_checkpoint=...), too."
    )


def checkpoint(args: TrainingArguments, step: int) -> Path:
    """Where the Trainer puts the checkpoint of a step."""
    return Path(args.output_dir or ".") / f"checkpoint-{step}"
