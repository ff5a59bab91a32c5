"""Held-out batches, one after the other, for ever, at a position that can be saved."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lrscope.errors import UsageError
from lrscope.integrations.torch.measuring import RandomState


class HeldOut:
    """The loss of the model on the next held-out batch.

    Parameters
    ----------
    batches : iterable of batches
        A list, a data loader, or anything that can be gone through again and again. Drawing from it leaves
        torch's random state as it was. Only a fixed order can be resumed exactly.
    loss : function
        ``loss(batch)``: the loss of the model on a batch, a scalar tensor.
    device : torch.device
        Where tensors of a batch are brought.
    """

    def __init__(self, batches: Iterable[Any], loss: Callable[[Any], Any], device: torch.device) -> None:
        if iter(batches) is batches:
            raise UsageError(
                "held_out must be something that can be gone through again, such as a list of batches or a "
                "DataLoader; this is an iterator, which ends."
            )
        self._batches = batches
        self._loss = loss
        self._device = device
        self._iterator: Iterator[Any] | None = None
        self.position = 0  # batches drawn in this pass

    def next(self) -> Callable[[], Any]:
        """How to compute the loss on the next batch."""
        random = RandomState()
        try:
            batch = to_device(self._draw(), self._device)
        finally:
            random.restore()
        return lambda: self._loss(batch)

    def first(self, most: int) -> Iterator[Callable[[], Any]]:
        """How to compute the loss on each of the first `most` batches of a pass; the position stays."""
        random = RandomState()
        try:
            for batch in itertools.islice(iter(self._batches), most):
                yield partial(self._loss, to_device(batch, self._device))
        finally:
            random.restore()
            self._iterator = None  # a loader with lasting workers has but one, which was just used up

    def _draw(self) -> Any:
        if isinstance(self._batches, Sequence):
            if not len(self._batches):
                raise UsageError("held_out holds no batch.")
            self.position %= len(self._batches)
            batch = self._batches[self.position]
            self.position += 1
            return batch
        if self._iterator is None:
            self._iterator = iter(self._batches)
            for _ in range(self.position):  # resumed in the middle of a pass
                next(self._iterator, None)
        for batch in self._iterator:
            self.position += 1
            return batch
        self._iterator, self.position = iter(self._batches), 0
        for batch in self._iterator:
            self.position += 1
            return batch
        raise UsageError("held_out holds no batch.")


def to_device(batch: Any, device: torch.device) -> Any:
    """A batch with its tensors on a device; lists, tuples and mappings are gone into."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {name: to_device(value, device) for name, value in batch.items()}
    if isinstance(batch, list | tuple) and not hasattr(batch, "_fields"):
        return type(batch)(to_device(value, device) for value in batch)
    return batch.to(device) if hasattr(batch, "to") else batch
