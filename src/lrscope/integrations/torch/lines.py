"""The lines of a record: from tensors to text, without waiting for a graphics card at each step."""

from __future__ import annotations

import atexit
import math
import os
import time
import warnings
from typing import Any

import torch
from torch import Tensor

from lrscope.control.record_writer import SCHEMA
from lrscope.curves.journal import Field, Journal
from lrscope.errors import StoreError
from lrscope.integrations.torch.loss_capture import CapturedLoss
from lrscope.integrations.torch.processes import is_first_process

_MOST_WAITING_LINES = 32
_LONGEST_WAIT_SECONDS = 0.25

Row = dict[str, Any]
"""A line to be: names with numbers, scalar tensors, or three of these, the first to be divided by the others."""


class Lines:
    """Writes rows to a journal, 32 at a time or four times a second, whichever comes first.

    So a kill costs a quarter of a second of fast steps, and of slow ones nothing; and a graphics card need
    not be waited for at each step. What is left at the end of the program is written then. Only the first
    process of a distributed run writes. When writing fails, one warning says so, and training goes on.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        optimizer: torch.optim.Optimizer,
        settings: dict[str, Field] | None = None,
    ) -> None:
        self._journal: Journal | None = Journal(path) if is_first_process() else None
        self._rows: list[Row] = []
        self._head = {**_header(optimizer), **(settings or {})}
        self._written = time.monotonic()
        atexit.register(self.close)

    def go_on(self) -> None:
        """Continue the record that is there."""
        self._head = {}
        if self._journal is not None:
            self._journal.continuing = True

    def add(self, row: Row) -> None:
        """The next line."""
        self._rows.append(row)
        if len(self._rows) >= _MOST_WAITING_LINES or time.monotonic() - self._written > _LONGEST_WAIT_SECONDS:
            self._write()

    def close(self) -> None:
        """Write what waits."""
        atexit.unregister(self.close)
        self._write()
        if self._journal is not None:
            self._journal.close()

    def _write(self) -> None:
        rows, self._rows = self._rows, []
        self._written = time.monotonic()
        if self._journal is None or not rows:
            return
        try:
            if self._head:
                self._journal.write(self._head)
                self._head = {}
            self._journal.write(*({name: _field(name, value) for name, value in row.items()} for row in rows))
        except StoreError as error:
            self._journal = None
            warn(f"Recording has stopped. {error}")


def rates(optimizer: torch.optim.Optimizer) -> Row:
    """The learning rate of each parameter group: lr, lr_1, lr_2, …"""
    return {
        "lr" if number == 0 else f"lr_{number}": float(group["lr"])
        for number, group in enumerate(optimizer.param_groups)
    }


def mean_loss(losses: list[CapturedLoss]) -> Row:
    """The mean of losses, and how many they were when more than one."""
    if not losses:
        return {}
    if len(losses) == 1:
        return {"loss": losses[0].value}
    return {"loss": sum(c.value for c in losses) / len(losses), "batches": len(losses)}


def warn(sentence: str) -> None:
    """Say something without stopping the training."""
    warnings.warn(f"lrscope: {sentence}", RuntimeWarning, stacklevel=4)


def _header(optimizer: torch.optim.Optimizer) -> dict[str, Field]:
    """The first line: what the numbers below are of. Only for plain SGD is -2 cos a gauge of lr x
    curvature."""
    group = optimizer.param_groups[0]
    name = type(optimizer).__name__
    plain = name == "SGD" and not group.get("momentum")
    return {"schema": SCHEMA, "optimizer": name, "plain_sgd": "yes" if plain else "no"}


def _field(name: str, value: Any) -> Field:
    """A value as it is written: measured ones to nine digits, which is all that single precision holds."""
    if isinstance(value, Tensor):
        return float(f"{float(value):.9g}")
    if isinstance(value, tuple):
        above, *below = (float(v) for v in value)
        square = below[0] * below[1]
        return float(f"{above / square:.9g}") if square else math.nan
    if isinstance(value, float) and not name.startswith("lr"):
        return float(f"{value:.9g}")
    return value  # type: ignore[no-any-return]
