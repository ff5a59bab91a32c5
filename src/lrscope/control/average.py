"""How much a running average moves: the rule alone, for weights of any kind.

    a_t = a_(t-1) + share(t) (theta_t - a_(t-1)),   share(t) = 1 - (1 - 1/t)^p

The weight of theta_s in a_t grows as (s/t)^(p-1), so the average forgets the start at the pace at which the
run grows, and the mean age of what it holds is t/(p+1). (Shamir and Zhang 2013, "polynomial decay averaging",
for the idea.)
"""

from __future__ import annotations

import math

CONTROL = 2.0
"""p of the average that the gap is measured against: it looks back over a third of the run. Shorter ones want
the rate lower too early."""

OUTPUT = 8.0
"""p of the average that is evaluated and saved: it looks back over a ninth."""


def share(steps: int, power: float, new: int = 1) -> float:
    """How far the average moves towards the newest weights, when `new` of the `steps` steps are new to it."""
    return 1.0 - float((1.0 - new / steps) ** power)


STRIDES = ((64, 1), (256, 4), (1024, 8), (4096, 16), (math.inf, 32))
"""Until which step the averages are updated how often: each update reads and writes all weights, and so many steps
are below a tenth of what the shorter average looks back over, a ninth of the run."""


def due(step: int) -> bool:
    """Whether the averages take in the weights after this step, and those since the last time with them."""
    return step % next(stride for until, stride in STRIDES if step <= until) == 0
