"""How alike the losses of two runs are, at two moments: several suppositions, of which none is chosen.

Left of the cliff a loss depends mostly on flow time, rate times steps; where it does not (heavy momentum, a
plateau that
every rate must sit through), runs at neighbouring rates are still alike at the same step. Each
supposition mixes the two in its own proportion and adds the noise floor, by which larger rates end higher.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.statistics.gaussian_process import matern32, matern52

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Supposition:
    """Standard deviations are those of y (see `observations.soften`), lengths in decades.

    Parameters
    ----------
    flow : float
        Standard deviation of what depends on log10(rate x steps) alone.
    bend : float
        Length over which that changes.
    free : float
        Standard deviation of what depends on rate and steps apart.
    width, age : float
        Its lengths in log10(rate) and in log10(steps).
    floor : float
        Standard deviation of the noise floor at the cliff, falling with the rate.
    drift : float
        Variance that each decade adds to `flow` and `free`, as a share of theirs: a random walk.
    """

    flow: float
    bend: float
    free: float
    width: float
    age: float
    floor: float = 0.5
    drift: float = 0.0


SUPPOSITIONS = (
    Supposition(flow=1.5, bend=0.6, free=1.2, width=0.6, age=1.5),
    Supposition(flow=1.5, bend=0.6, free=0.4, width=0.6, age=1.5),
    Supposition(flow=0.5, bend=0.6, free=1.5, width=0.6, age=1.5),
    Supposition(flow=0.7, bend=0.6, free=0.4, width=0.6, age=1.5, drift=1.0),
    Supposition(flow=0.25, bend=0.6, free=0.7, width=0.6, age=1.5, drift=1.0),
    Supposition(flow=0.7, bend=1.2, free=0.4, width=1.0, age=2.0, drift=1.0),
)
"""Two families. Beyond what has been seen, the first three go back to where training began (a long run at a high rate
may overfit or fall over the cliff), the others stay where they were (it may as well go on). No curve seen so far
can tell which will be right, so the two count alike; within a family, the curves decide. Powers and lengths
are round numbers."""

OWN = 0.05
"""Standard deviation of what makes a run differ from others at its rate (its seed)."""


EARLIER = 1.5
"""Decades of flow time by which a slow run may begin to move before a fast one did: wide, because heavy momentum has to
build up first in a fast one."""

STEEP = 0.2
"""Decades over which the gate opens."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where values lie: rate, moment and run. Arrays of one length."""

    x: Array
    tau: Array
    run: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a covariance between two sets of places that all suppositions share."""

    du: Array
    dx: Array
    dt: Array
    rise: Array
    own: Array
    walk_u: Array
    walk_t: Array
    gate: Array


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things begin and end: log10 of the rate at which training begins to fail, of the flow time and of
    the share of the horizon at which nothing has been learned yet; and of the flow time at which losses began
    to move."""

    cliff: float
    origin: float
    begin: float
    onset: float = -np.inf


def parts(a: Places, b: Places, frame: Frame) -> Parts:
    """What all suppositions share of the covariance between two sets of places."""
    dx = a.x[:, None] - b.x[None, :]
    dt = a.tau[:, None] - b.tau[None, :]
    rise = np.outer(10 ** np.minimum(a.x - frame.cliff, 0.0), 10 ** np.minimum(b.x - frame.cliff, 0.0))
    rise = rise * matern32(dx / 0.5) * matern32(dt / 0.8)
    same = (a.run[:, None] == b.run[None, :]) * OWN**2 * matern32(dt / 0.5)
    ua, ub = a.x + a.tau, b.x + b.tau
    walk_u = np.minimum(ua[:, None], ub[None, :]) - frame.origin
    walk_t = np.minimum(a.tau[:, None], b.tau[None, :]) - frame.begin
    gate = np.outer(_gate(ua, frame.onset), _gate(ub, frame.onset))
    return Parts(dx + dt, dx, dt, rise, same, np.maximum(walk_u, 0), np.maximum(walk_t, 0), gate)


def _gate(u: Array, onset: float) -> Array:
    """From 0 well before the flow time at which any loss has moved, to 1 from there on: what no run has left behind
    it, a slower one will not."""
    if not np.isfinite(onset):
        return np.ones_like(u)
    return np.asarray(1 / (1 + np.exp(-(u - onset + EARLIER) / STEEP)))


def covariance(p: Parts, s: Supposition) -> Array:
    """The covariance of y between the places that `p` was made of, under a supposition."""
    return (
        p.gate
        * (
            s.flow**2 * (s.drift * p.walk_u + matern52(p.du / s.bend))
            + s.free**2 * matern52(p.dx / s.width) * (s.drift * p.walk_t + matern52(p.dt / s.age))
        )
        + s.floor**2 * p.rise
        + p.own
    )
