"""Evaluates a loss in the middle of training, which goes on as if nothing had been evaluated.

Dropout is off. BatchNorm normalises by the batch (its running statistics belong to other weights, or lag
behind them), and its running statistics are put back. Random states are put back, and are the same for every
evaluation, so that two losses differ only by the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from lrscope.integrations.torch.saved_state import RandomState, remember_buffers, remember_modes


@dataclass(frozen=True)
class Precision:
    """Whether automatic mixed precision was on, and how, at the moment of `now`."""

    device: str
    enabled: bool
    dtype: torch.dtype

    @classmethod
    def now(cls, device: str) -> Precision:
        """As it is set here and now for this type of device."""
        return cls(device, torch.is_autocast_enabled(device), torch.get_autocast_dtype(device))

    @contextmanager
    def again(self) -> Iterator[None]:
        """The same precision. Autocast keeps half-precision copies of weights by the tensor's identity; they
        are dropped, as the weights under that identity change between evaluations."""
        torch.clear_autocast_cache()
        try:
            with torch.autocast(self.device, dtype=self.dtype, enabled=self.enabled, cache_enabled=False):
                yield
        finally:
            torch.clear_autocast_cache()


@contextmanager
def measuring(model: nn.Module) -> Iterator[Callable[[], None]]:
    """Modes, buffers and torch's random states as evaluation needs them, and as they were afterwards.

    Yields
    ------
    rewind : callable
        Sets buffers and random states back to those at the beginning: call it between two evaluations.
    """
    modules = list(model.modules())
    modes, buffers, random = remember_modes(modules), remember_buffers(modules), RandomState()

    def rewind() -> None:
        buffers()
        random.restore()

    for module in modules:
        if module.training and not isinstance(module, _NormBase):
            module.training = False
    try:
        with torch.no_grad():
            yield rewind
    finally:
        rewind()
        modes()


@contextmanager
def weights_replaced(weights: Sequence[Tensor], by: Sequence[Tensor]) -> Iterator[None]:
    """Other values in the same tensors, and the old ones again afterwards, bit for bit.

    Through `.data`, so that autograd does not count it as a change: a graph that is still to be walked
    backwards finds what it left.
    """
    data = [w.data for w in weights]
    kept = [d.clone() for d in data]
    try:
        torch._foreach_copy_(data, list(by))
        yield
    finally:
        torch._foreach_copy_(data, kept)


def number(loss: Any) -> float:
    """A scalar tensor or number as a float."""
    return float(loss.detach()) if isinstance(loss, Tensor) else float(loss)
