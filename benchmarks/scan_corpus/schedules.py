"""How a rate changes in the course of a training: the share of the full rate, by the share of the steps done."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def constant(_: float) -> float:
    return 1.0


def warmup_cosine(done: float) -> float:
    return (done + 1e-3) / 0.1 if done < 0.1 else 0.5 * (1 + math.cos(math.pi * (done - 0.1) / 0.9))


def steps_down(done: float) -> float:
    return 1.0 if done < 0.5 else 0.1 if done < 0.8 else 0.01


def linear(done: float) -> float:
    return 1 - done


FALLING: tuple[Schedule, ...] = (warmup_cosine, steps_down, linear)
