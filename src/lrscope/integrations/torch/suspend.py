"""Recorders and schedulers are suspended while a probe or a measurement runs passes that are no part of training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_depth = 0


def suspended() -> bool:
    """Whether what happens now is no part of the training."""
    return _depth > 0


@contextmanager
def suspend() -> Iterator[None]:
    """Nothing inside is recorded, and no scheduler acts."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
