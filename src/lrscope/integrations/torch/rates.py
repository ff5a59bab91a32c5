"""The rates of all parameter groups, held in their first proportions."""

from __future__ import annotations

import torch
from torch import Tensor

from lrscope.control.base import require_rate


class Rates:
    """Sets the rates of an optimiser by that of its first group.

    Raises
    ------
    UsageError
        If the first group's rate is not above zero.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer  # its groups are other objects after each load_state_dict
        groups = optimizer.param_groups
        self.first = float(groups[0]["lr"])
        require_rate(self.first)
        self.ratios = [float(group["lr"]) / self.first for group in groups]

    def set(self, lr: float) -> None:
        """The first group's rate; the others follow. A rate that is a tensor is changed in place, as compiled
        and captured optimisers need it."""
        for group, ratio in zip(self._optimizer.param_groups, self.ratios, strict=False):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(lr * ratio)
            else:
                group["lr"] = lr * ratio

    def now(self) -> list[float]:
        """The rates of all parameter groups."""
        return [float(group["lr"]) for group in self._optimizer.param_groups]
