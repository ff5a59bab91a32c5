"""Held-out batches one after the other, pass after pass, at a position that can be saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lrscope.errors import UsageError


class BatchCycle:
    """Goes through batches again and again; `position` counts those drawn in the present pass.

    Only batches in a fixed order can be resumed exactly. An iterator, which ends, is refused, and so is an empty list.
    """

    def __init__(self, batches: Iterable[Any]) -> None:
        if isinstance(batches, Iterator) or not isinstance(batches, Iterable):
            raise UsageError(
                "held_out must be batches that can be gone through again, such as a list or a data loader; got "
                f"{'an iterator, which ends' if isinstance(batches, Iterator) else type(batches).__name__}."
            )
        self._batches = batches
        self._pass: Iterator[Any] | None = None
        self.position = 0

    def next(self) -> Any:
        """The next batch."""
        if self._pass is None:
            self._pass = iter(self._batches)
            for _ in range(self.position):  # resumed in the middle of a pass
                next(self._pass, None)
        for _ in range(2):
            for batch in self._pass:
                self.position += 1
                return batch
            self._pass, self.position = iter(self._batches), 0
        raise UsageError("held_out holds no batch; give at least one.")

    def another_pass(self) -> Iterator[Any]:
        """All batches from the first on; the position stays."""
        self._pass = None  # a loader with lasting workers has but one pass at a time
        return iter(self._batches)
