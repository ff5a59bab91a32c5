"""Recorders look away while a probe tries out steps that will be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_looking_away = 0


def attentive() -> bool:
    """Whether what happens now is part of the training."""
    return _looking_away == 0


@contextmanager
def looking_away() -> Iterator[None]:
    """Nothing inside is recorded."""
    global _looking_away
    _looking_away += 1
    try:
        yield
    finally:
        _looking_away -= 1
