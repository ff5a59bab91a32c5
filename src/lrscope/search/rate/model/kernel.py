"""How alike the losses of two runs are, at two moments, and how a loss goes on where nothing was seen.

Left of the cliff a loss depends mostly on flow time, rate times steps (gradient descent with a small step follows
one path, whatever the step). What departs from that path grows with the rate: noise of the gradient, curvature,
momentum. So departures are allowed everywhere a little, and more and more towards the cliff; they are alike at
neighbouring rates, at the same step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.statistics.gaussian_process import matern32, matern52

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Beliefs:
    """What is believed of losses before any was seen. Standard deviations are those of y (see
    `observations.soften`), lengths and slopes are in decades.

    The defaults are round numbers near the best of those tried on whole scans of small trainings
    (`benchmarks/scan_corpus`); within a factor of two of each the rates named hardly changed.

    Parameters
    ----------
    flow : float
        Standard deviation of what depends on flow time alone.
    bend : float
        Decades of flow time over which that changes.
    drift : float
        Square root of the variance that each further decade of flow time adds to it: a random walk.
    slope : float
        By how much y falls with each decade of flow time, where nothing is known: training goes on.
    free : float
        Standard deviation of departures from flow time at rates far below the cliff.
    rise : float
        What the cliff adds to that, falling off as ``(rate / cliff) ** power``.
    power : float
    width, age : float
        Decades of rate and of steps over which departures change.
    floor : float
        Standard deviation of the noise floor at the cliff; it falls off in proportion to the rate.
    lift : float
        Where that floor is expected: rates near the cliff end higher.
    own : float
        Standard deviation of what makes a run differ from others at its rate (its seed).
    """

    flow: float = 1.5
    bend: float = 1.0
    drift: float = 0.7
    slope: float = 0.3
    free: float = 0.4
    rise: float = 1.5
    power: float = 0.5
    width: float = 1.0
    age: float = 1.5
    floor: float = 0.5
    lift: float = 0.4
    own: float = 0.05


DEFAULT_BELIEFS = Beliefs()

WITHOUT_FLOW = Beliefs(flow=0.0, drift=0.0, slope=0.0, free=1.5)
"""The other view: nothing depends on flow time, and runs are alike at neighbouring rates and equal steps only."""

EARLY_START_DECADES = 1.5
"""Decades of flow time by which a slow run may begin to move before a fast one did: wide, because heavy momentum has to
build up first in a fast one."""

GATE_DECADES = 0.2
"""Decades over which the gate opens."""

LOWEST_MEAN = -3.0
"""The mean of y falls no further than this."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where values lie. Arrays of one length.

    Parameters
    ----------
    x : array
        log10 of the rate.
    tau : array
        log10 of the share of the horizon.
    run : array of int
    """

    x: Array
    tau: Array
    run: NDArray[np.int64]

    @property
    def u(self) -> Array:
        """log10 of flow time, rate times steps, over the horizon."""
        return self.x + self.tau


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things begin and end: log10 of the rate at which training begins to fail, and of the flow time at
    which losses began to move (or of the longest that was seen, where none has)."""

    cliff: float
    onset: float


def mean(at: Places, frame: Frame, b: Beliefs) -> Array:
    """What y is expected to be where nothing was seen, shape (n,)."""
    fallen = b.slope * np.maximum(at.u - frame.onset + 0.5, 0.0)
    return np.maximum(-fallen, LOWEST_MEAN) + b.lift * _height(at.x, frame)


def covariance(a: Places, b: Places, frame: Frame, beliefs: Beliefs = DEFAULT_BELIEFS) -> Array:
    """The covariance of y between two sets of places, shape (len(a), len(b))."""
    s = beliefs
    dx = a.x[:, None] - b.x[None, :]
    dt = a.tau[:, None] - b.tau[None, :]
    walk = np.maximum(np.minimum(a.u[:, None], b.u[None, :]) - frame.onset + 0.5, 0.0)
    du = a.u[:, None] - b.u[None, :]
    path = s.flow**2 * matern52(du / s.bend) + s.drift**2 * walk
    apart = matern52(dx / s.width) * matern52(dt / s.age)
    departs = np.outer(_departure(a.x, frame, s), _departure(b.x, frame, s)) * apart
    floor = np.outer(_height(a.x, frame), _height(b.x, frame)) * matern32(dx / 0.5) * matern32(dt / 0.8)
    gate = np.outer(_gate(a.u, frame), _gate(b.u, frame))
    same = a.run[:, None] == b.run[None, :]
    found: Array = gate * (path + departs) + s.floor**2 * floor + same * s.own**2 * matern32(dt / 0.5)
    return found


def _height(x: Array, frame: Frame) -> Array:
    """Height of the noise floor, 1 at the cliff and beyond it: in proportion to the rate, as in SGD near a minimum."""
    height: Array = 10 ** np.minimum(x - frame.cliff, 0.0)
    return height


def _departure(x: Array, frame: Frame, s: Beliefs) -> Array:
    """Standard deviation of departures from flow time."""
    departure: Array = s.free + s.rise * _height(x, frame) ** s.power
    return departure


def _gate(u: Array, frame: Frame) -> Array:
    """From 0 well before the flow time at which any loss has moved, to 1 from there on: what no run has left behind
    it, a slower one will not."""
    gate: Array = 1 / (1 + np.exp(-(u - frame.onset + EARLY_START_DECADES) / GATE_DECADES))
    return gate
