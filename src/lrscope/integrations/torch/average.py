"""The running average of weights in PyTorch; the rule is that of `lrscope.control.average`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lrscope.control.average import RunningAverage
from lrscope.errors import UsageError


class PowerAverage(RunningAverage[Tensor]):
    """The running average of a list of tensors, changed in place; one copy of them is its state."""

    def _begun(self, weights: Sequence[Tensor]) -> list[Tensor]:
        # a small change is lost to half precision
        return [w.detach().to(_wide(w.dtype), copy=True) for w in weights]

    @torch.no_grad()
    def _move(self, weights: Sequence[Tensor], part: float) -> None:
        wide = [w.detach().to(a.dtype) for w, a in zip(weights, self.values, strict=True)]
        torch._foreach_lerp_(self.values, wide, part)


def values_like(values: Sequence[Tensor], weights: Sequence[Tensor], owner: str) -> list[Tensor]:
    """Copies of saved values on the devices of the weights they belong to; a `UsageError` where they are another
    model's, which names the owner of the state."""
    if len(values) not in (0, len(weights)):
        raise UsageError(
            f"The saved state of the {owner} holds {len(values)} averaged tensors, and the optimiser has "
            f"{len(weights)}: it belongs to another model."
        )
    return [v.detach().to(w.device, copy=True) for v, w in zip(values, weights, strict=False)]


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
