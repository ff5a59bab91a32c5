"""Weights kept for a roll-back: unlike a `SavedState`, plain tensors that a checkpoint can hold and a later process
load."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Snapshot:
    """Weights, buffers and optimiser state at one moment; for Adam three times the weights."""

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self.parts = dict(parts)

    @classmethod
    def take(
        cls,
        weights: Sequence[Tensor],
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        into: Snapshot | None = None,
    ) -> Snapshot:
        """As everything is now; in the memory of a snapshot that is needed no more, where one is given."""
        old = into.parts if into is not None else {"weights": (), "buffers": (), "optimizer": {}}
        return cls(
            {
                "weights": _copies([w.detach() for w in weights], old["weights"]),
                "buffers": _copies([b.detach() for b in model.buffers()], old["buffers"]),
                "optimizer": _copy(optimizer.state_dict()["state"], old["optimizer"]),
            }
        )

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any] | None) -> Snapshot | None:
        """From the parts of a checkpoint, which stay as they are; None for None."""
        return None if parts is None else cls(copy.deepcopy(dict(parts)))

    def copied(self) -> dict[str, Any]:
        """The parts, in memory of their own: a snapshot's is written over once it is needed no more."""
        return copy.deepcopy(self.parts)

    @torch.no_grad()
    def restore(self, weights: Sequence[Tensor], model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
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


@torch.no_grad()
def _copies(values: Sequence[Tensor], into: Sequence[Tensor]) -> list[Tensor]:
    """Copies, in the tensors of `into` where they are alike: a fresh one costs twice as much."""
    if (
        not values
        or len(into) != len(values)
        or any(a.shape != b.shape for a, b in zip(into, values, strict=True))
    ):
        return [value.clone() for value in values]
    torch._foreach_copy_(list(into), list(values))
    return list(into)


def _copy(value: Any, into: Any) -> Any:
    """A deep copy of an optimiser's state, in the tensors of `into` where it has like ones."""
    if isinstance(value, Tensor):
        if isinstance(into, Tensor) and into.shape == value.shape and into.dtype == value.dtype:
            return into.copy_(value.detach())
        return value.detach().clone()
    if isinstance(value, dict):
        old = into if isinstance(into, dict) else {}
        return {key: _copy(inner, old.get(key)) for key, inner in value.items()}
    return copy.deepcopy(value)
