"""What is inside of what Accelerate has wrapped."""

from __future__ import annotations

from typing import Any


def unwrapped(thing: Any) -> Any:
    """PyTorch's own optimiser or scheduler."""
    for name in ("optimizer", "scheduler"):
        while type(thing).__name__.startswith("Accelerated") and hasattr(thing, name):
            thing = getattr(thing, name)
    return thing
