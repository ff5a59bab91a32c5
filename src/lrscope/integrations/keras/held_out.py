"""Held-out batches for the gap, one after the other, for ever, at a position that can be saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import keras

from lrscope.errors import UsageError


class HeldOut:
    """Batches ``(x, y)`` of a pair of arrays, of a `keras.utils.PyDataset`, or of anything that can be gone
    through again and again."""

    def __init__(self, data: Any, batch_size: int) -> None:
        if not isinstance(data, tuple | list | Iterable) or iter(data) is data:
            raise UsageError(
                "held_out must be a pair (x, y) of arrays, or batches (x, y) that can be gone through again, such "
                "as a list or a dataset."
            )
        self._batches = _cut(data, batch_size) if _is_pair(data) else data
        self._iterator: Iterator[Any] | None = None
        self.position = 0  # batches drawn in this pass

    def next(self) -> tuple[Any, Any]:
        """The next batch."""
        if self._iterator is None:
            self._iterator = self._pass()
            for _ in range(self.position):  # resumed in the middle of a pass
                next(self._iterator, None)
        batch = next(self._iterator, None)
        if batch is None:
            self._iterator, self.position = self._pass(), 0
            batch = next(self._iterator, None)
        if batch is None:
            raise UsageError("held_out holds no batch.")
        self.position += 1
        return batch[0], batch[1]

    def _pass(self) -> Iterator[Any]:
        if isinstance(self._batches, keras.utils.PyDataset):
            return (self._batches[i] for i in range(len(self._batches)))
        return iter(self._batches)


def _is_pair(data: Any) -> bool:
    return isinstance(data, tuple) and len(data) == 2 and hasattr(data[0], "shape")


def _cut(data: Any, size: int) -> list[Any]:
    """Batches of one size, so that they are compiled for once; what is over at the end goes into the last."""
    x, y = data
    total = len(x)
    if total < size:
        return [(x, y)] if total else []
    starts = [*range(0, total - size + 1, size)]
    if starts[-1] + size < total:
        starts.append(total - size)
    return [(x[i : i + size], y[i : i + size]) for i in starts]
