"""Noise that runs at different rates have in common, because they see the same batches in the same order.

It is most of what early batch losses show. A rate that is too small to have learned anything shows nothing else, so
what the slowest runs show at a step is what all of them owe to their batches.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrscope.search.rate.model.curve_summary import CurveSummary

SHARED_NOISE_SHARE = 0.5
"""Share of the scatter from which on it is taken out: below that, taking it out would bring in as much."""

FAR_RATE_FACTOR = 3.0
"""Factor between the rates of the two runs that are compared: one that has learned would differ from the other."""

LARGEST_NOISE_DEVIATIONS = 4.0
"""Standard deviations of a single report that common noise may come to; what is larger has been learned."""


@dataclass(frozen=True, slots=True)
class ObservedChange:
    """What a run shows at a step: change of a metric since the start, its standard error, and the share of its variance
    that runs at other rates have in common at that step."""

    run: int
    step: float
    change: float
    error: float
    shared: float


def shared_noise(seen: Sequence[CurveSummary]) -> float:
    """Which part of the scatter is the same for runs at different rates.

    The median correlation of the changes from point to point between one run and the next one's, in [0, 1].
    """
    found = []
    usable = [s.early for s in seen if s.early.size >= 8 and np.isfinite(s.early).all()]
    for one, other in itertools.pairwise(usable):
        n = min(one.size, other.size)
        a, b = np.diff(one[:n]), np.diff(other[:n])
        scale = math.sqrt(float(a @ a) * float(b @ b))
        if scale > 0:
            found.append(float(a @ b) / scale)
    return min(max(float(np.median(found)), 0.0), 0.98) if found else 0.0


def scatter(seen: Sequence[CurveSummary]) -> float:
    """Standard deviation of a single report of a run that hardly learns: the median over the slower half of `seen`."""
    slow = [s.early for s in seen[: (len(seen) + 1) // 2]]
    found = [float(np.std(np.diff(e)) / math.sqrt(2)) for e in slow if e.size >= 3 and np.isfinite(e).all()]
    return float(np.median(found)) if found else 0.0


def take_out(rows: Sequence[ObservedChange], lr: Sequence[float], single: float) -> list[ObservedChange]:
    """`rows` without the noise that they have in common at each step, where that can be told.

    A straight line through the slowest run at a step and the next that is `FAR_RATE_FACTOR` faster gives the change at
    rate zero, which the batches alone have made. It is left alone where the two differ by more than their noise, or
    where it is larger than the noise of a report, `single`, could make it: there even the slowest run has learned.
    """
    found = list(rows)
    at_step: dict[float, list[int]] = {}
    for k, row in enumerate(rows):
        if math.isfinite(row.change) and row.shared >= SHARED_NOISE_SHARE:
            at_step.setdefault(row.step, []).append(k)
    for peers in at_step.values():
        peers.sort(key=lambda k: lr[rows[k].run])
        slow = rows[peers[0]]
        fast = next((rows[k] for k in peers if lr[rows[k].run] >= FAR_RATE_FACTOR * lr[slow.run]), None)
        if fast is None or len(peers) < 3:
            continue
        slope = (fast.change - slow.change) / (lr[fast.run] - lr[slow.run])
        batches = slow.change - slope * lr[slow.run]
        error = min(slow.error, single)
        if abs(batches) > LARGEST_NOISE_DEVIATIONS * error or abs(fast.change - slow.change) > error:
            continue
        for k in peers:
            row = rows[k]
            left = row.error * math.sqrt(1 - row.shared)
            found[k] = ObservedChange(row.run, row.step, row.change - batches, left, 0.0)
    return found
