"""The constant of the Trainer's own schedule, which a scheduler beside it has to move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import TrainingArguments

from lrscope.errors import UsageError
from lrscope.integrations.transformers.unwrapping import unwrapped


class ConstantSchedule:
    """The Trainer makes a schedule in any case, steps it after each step of the optimiser, and logs its rate. A
    `UsageError` if it is no constant one."""

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
