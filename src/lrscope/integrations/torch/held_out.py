"""The loss of the model on held-out batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lrscope.integrations.batch_cycle import BatchCycle
from lrscope.integrations.torch.saved_state import RandomState


class HeldOut(BatchCycle):
    """Held-out batches, brought to a device, and how to compute the loss on them by ``loss(batch)``. Torch's random
    state is afterwards as it was."""

    def __init__(self, batches: Iterable[Any], loss: Callable[[Any], Any], device: torch.device) -> None:
        super().__init__(batches)
        self._loss = loss
        self._device = device

    def next(self) -> Callable[[], Any]:
        """How to compute the loss on the next batch."""
        random = RandomState()
        try:
            return self._on(super().next())
        finally:
            random.restore()

    def first(self, most: int) -> Iterator[Callable[[], Any]]:
        """How to compute the loss on each of the first `most` batches of a pass; the position stays."""
        random = RandomState()
        try:
            yield from map(self._on, itertools.islice(self.another_pass(), most))
        finally:
            random.restore()

    def _on(self, batch: Any) -> Callable[[], Any]:
        return partial(self._loss, to_device(batch, self._device))


def to_device(batch: Any, device: torch.device) -> Any:
    """A batch with its tensors on a device; lists, tuples and mappings are gone into."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {name: to_device(value, device) for name, value in batch.items()}
    if isinstance(batch, list | tuple) and not hasattr(batch, "_fields"):
        return type(batch)(to_device(value, device) for value in batch)
    return batch.to(device) if hasattr(batch, "to") else batch
