"""Held-out batches ``(x, y)`` for the gap, from arrays or from whatever Keras takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from lrscope.control.base import require
from lrscope.integrations.batch_cycle import BatchCycle


def held_out_batches(data: Any, batch_size: int) -> BatchCycle:
    """Batches of a pair of arrays, of a `keras.utils.PyDataset`, or of anything that can be gone through again."""
    require(batch_size >= 1, "batch_size", "1 or more", batch_size)
    if isinstance(data, tuple) and len(data) == 2 and hasattr(data[0], "shape"):
        return BatchCycle(_cut(data, batch_size))
    return BatchCycle(_Indexed(data) if isinstance(data, keras.utils.PyDataset) else data)


class _Indexed:
    """A dataset as something that ends."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __iter__(self) -> Iterator[Any]:
        return (self._data[i] for i in range(len(self._data)))


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
