"""Cells and JSON values as floats, whatever their writer did to them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ABSENT = frozenset(("", "na", "n/a", "none", "null", "-", "--", "<na>"))
"""Cells that say "nothing was measured here" (NA is what Keras' CSVLogger writes). Not "nan", which was
measured."""

_WRAPPED = re.compile(
    r"^(?:tensor|array|np\.float\d*|float|jax\.array)\(\s*([^,()\s]+)[^()]*(?:\([^()]*\))?\s*\)$", re.I
)
_LONGEST_NUMBER = 400


def number_of(value: Any) -> float | None:
    """A JSON or database value as a float; None where it is no number."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (float, int)):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str):
        return cell(value)
    return None


def cell(text: str) -> float | None:
    """A cell of a table as a float; None where it is no number. Reads "12 %" and "tensor(0.31)" too."""
    if len(text) > _LONGEST_NUMBER:
        return None
    text = text.strip().strip("\"'")
    try:
        return float(text)
    except ValueError:
        pass
    wrapped = _WRAPPED.match(text)
    text = wrapped.group(1) if wrapped else text.rstrip("%").rstrip()
    try:
        return float(text)
    except ValueError:
        return None


def column(cells: Sequence[str]) -> tuple[NDArray[np.int64] | None, NDArray[np.float64], int]:
    """A column of cells as (rows that hold a number, or None for all; their values; cells that are
    neither)."""
    try:
        return None, np.array(list(map(float, cells)), dtype=np.float64), 0
    except ValueError:
        pass
    rows: list[int] = []
    values: list[float] = []
    odd = 0
    for row, text in enumerate(cells):
        if not text:  # most cells of a sparse column
            continue
        try:
            value: float | None = float(text)
        except ValueError:
            value = cell(text)
        if value is not None:
            rows.append(row)
            values.append(value)
        elif text.strip().strip("\"'").lower() not in ABSENT:
            odd += 1
    return np.array(rows, dtype=np.int64), np.array(values, dtype=np.float64), odd
