"""Weights kept for a roll-back, with everything that belongs to them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lrscope.integrations.torch.average import PowerAverage


class Snapshot:
    """Weights, buffers and optimiser state at one moment; for Adam three times the weights.

    The running averages are not kept: they begin anew from the weights that are brought back.
    """

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self.parts = dict(parts)

    @classmethod
    def take(
        cls,
        weights: Sequence[Tensor],
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
    ) -> Snapshot:
        """As everything is now."""
        return cls(
            {
                "weights": [w.detach().clone() for w in weights],
                "buffers": [b.detach().clone() for b in model.buffers()],
                "optimizer": copy.deepcopy(optimizer.state_dict()["state"]),
            }
        )

    @torch.no_grad()
    def restore(
        self,
        weights: Sequence[Tensor],
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        averages: Sequence[PowerAverage],
    ) -> None:
        """Put everything back, into the very tensors; the rates stay as they are."""
        for weight, value in zip(weights, self.parts["weights"], strict=True):
            weight.data.copy_(value)
        for buffer, value in zip(model.buffers(), self.parts["buffers"], strict=True):
            buffer.data.copy_(value)
        optimizer.load_state_dict(
            {
                "state": copy.deepcopy(self.parts["optimizer"]),
                "param_groups": optimizer.state_dict()["param_groups"],
            }
        )
        for average in averages:
            average.steps, average.values = 0, []
