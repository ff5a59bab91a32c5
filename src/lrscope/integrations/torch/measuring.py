"""Evaluating a loss in the middle of training without training noticing.

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
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module, _ in modes
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    random = RandomState()

    def rewind() -> None:
        # Always copied: BatchNorm changes its statistics without counting up the buffer's version.
        for module, name, buffer, value in buffers:
            buffer.data.copy_(value)
            if module._buffers.get(name) is not buffer:
                module._buffers[name] = buffer
        random.restore()

    for module, training in modes:
        if training and not isinstance(module, _NormBase):
            module.training = False
    try:
        with torch.no_grad():
            yield rewind
    finally:
        rewind()
        for module, training in modes:
            if module.training != training:
                module.training = training


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


class RandomState:
    """Torch's random states, of the processor and of every CUDA device in use."""

    def __init__(self) -> None:
        self.cpu = torch.get_rng_state()
        self.cuda: list[Tensor] = torch.cuda.get_rng_state_all() if _cuda_in_use() else []

    def restore(self) -> None:
        """Set them again; can be called any number of times."""
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)


def number(loss: Any) -> float:
    """A scalar tensor or number as a float."""
    return float(loss.detach()) if isinstance(loss, Tensor) else float(loss)


def _cuda_in_use() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]
