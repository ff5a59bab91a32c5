"""Each run has the process's random numbers to itself.

Many training functions seed the global generators (`random`, `numpy.random`, `torch`) and draw from them.
Several such runs that take turns in one process would disturb each other, and what they report would depend
on who was paused when. So the states are put back when a run is advanced, and what stood there before is
given back after. It costs some 50 microseconds an advance. A library that nobody imported is not imported
here.
"""

from __future__ import annotations

import random
import sys
from typing import Any


class Randomness:
    """The global random states of one run. Before its first turn they are those found in the process, so
    every run of an unseeded function begins from the same state."""

    def __init__(self) -> None:
        self._inside: dict[str, Any] = {}
        self._outside: dict[str, Any] = {}

    def enter(self) -> None:
        """Keep the process's states and put the run's in their place."""
        self._outside = _states()
        _put(self._inside)

    def leave(self) -> None:
        """Keep the run's states and give the process its own back."""
        self._inside = _states()
        _put(self._outside)


def _states() -> dict[str, Any]:
    states: dict[str, Any] = {"random": random.getstate()}
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None and hasattr(numpy_random, "get_state"):
        states["numpy"] = numpy_random.get_state()
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        states["torch"] = torch.get_rng_state()
        if hasattr(torch, "cuda") and torch.cuda.is_initialized():
            states["cuda"] = torch.cuda.get_rng_state_all()
    return states


def _put(states: dict[str, Any]) -> None:
    if "random" in states:
        random.setstate(states["random"])
    if "numpy" in states:
        sys.modules["numpy.random"].set_state(states["numpy"])
    if "torch" in states:
        sys.modules["torch"].set_rng_state(states["torch"])
    if "cuda" in states:
        sys.modules["torch"].cuda.set_rng_state_all(states["cuda"])
