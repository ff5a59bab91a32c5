"""Which rates of a grid to look at: spread over all of it, beside one of them, or coarse to fine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

CAUTIOUS_RATE = 1e-3
"""The rate that is tried first: it trains, if slowly, nearly everywhere, and seldom diverges."""


def cautious(rates: Sequence[float]) -> list[float]:
    """The rate nearest to 1e-3, and all below it, descending: where to learn how a training runs at all."""
    first = min(range(len(rates)), key=lambda i: abs(math.log(rates[i] / CAUTIOUS_RATE)))
    return list(reversed(rates[: first + 1]))


def evenly_spread(count: int, rates: Sequence[float]) -> list[float]:
    """`count` of the rates, evenly spread, both ends among them."""
    size = len(rates)
    if count >= size:
        return list(rates)
    if count == 1:
        return [rates[size // 2]]
    return [rates[i] for i in sorted({round(i * (size - 1) / (count - 1)) for i in range(count)})]


def beside(around: float, visited: Iterable[float], rates: Sequence[float]) -> list[float]:
    """Unvisited rates halfway from `around` to its nearest visited neighbour on each side, wider gap first.

    Where there is no neighbour on a side, halfway to the end of the grid.
    """
    size, middle = len(rates), rates.index(around)
    seen = {rates.index(lr) for lr in visited}
    below = max((i for i in seen if i < middle), default=-1)
    above = min((i for i in seen if i > middle), default=size)
    found = []
    if middle - below > 1:
        found.append((middle - below, (middle + below) // 2 if below >= 0 else middle // 2))
    if above - middle > 1:
        found.append((above - middle, (middle + above + 1) // 2 if above < size else (middle + size) // 2))
    return [rates[i] for _, i in sorted(found, key=lambda gap: -gap[0]) if i not in seen]


def coarse_to_fine(rates: Sequence[float]) -> list[float]:
    """All rates: the middle, the quarters, the eighths …; any beginning is spread out."""
    size = len(rates)
    order: list[int] = []
    parts = 2
    while len(order) < size:
        for odd in range(1, parts, 2):
            index = odd * size // parts
            if index not in order:
                order.append(index)
        parts *= 2
        if parts > 4 * size:
            order += [index for index in range(size) if index not in order]
    return [rates[i] for i in order]
