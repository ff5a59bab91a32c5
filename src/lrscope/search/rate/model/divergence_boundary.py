"""Which runs have gone over the cliff, as far as the model of the losses is concerned.

The losses beyond the cliff follow no law that a smooth model could learn, so they are kept out of it. A run may be
called lost wrongly, so the boundary is the one that contradicts the fewest runs, the first run beyond it is
kept, and where all runs would be lost the rule is not believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrscope.search.rate.model.observations import Observations, Seen

STUCK_START_SHARE = 0.97
"""A run that stands above this share of the start has not learned anything yet."""

FROZEN_CHANGE = 0.002
"""A run that moved by less than this over a doubling of its steps stands still."""

RISE_GAIN_SHARE = 0.05
"""Share of the gain by which a loss has to rise above the start to be lost; on a plateau before anything was learned
more, because high rates stand a little above the others there, and may be the first to leave it."""

BETTER_GAIN_SHARE = 0.1
"""Share of the gain by which a smaller rate has to be better before a run that stands still is lost."""


@dataclass(frozen=True, slots=True)
class DivergenceBoundary:
    """Where the runs that train end.

    Parameters
    ----------
    end : float
        The smallest rate beyond the boundary; infinite where no run is beyond it.
    lost : array of bool, shape (runs,)
        Runs that have diverged, or do not train although smaller rates do.
    believed : bool
        False where the rule would have left nothing, and was not applied.
    """

    end: float
    lost: NDArray[np.bool_]
    believed: bool = True


def divergence_boundary(runs: Sequence[Seen], seen: Observations) -> DivergenceBoundary:
    """The boundary that contradicts the fewest runs."""
    n = len(runs)
    lost = np.array([run.dead for run in runs])
    good = np.zeros(n, bool)
    where = [np.flatnonzero(seen.run == i) for i in range(n)]
    above = max(RISE_GAIN_SHARE, seen.flat)
    better = max(BETTER_GAIN_SHARE, seen.flat)
    for i, run in enumerate(runs):
        if lost[i] or not where[i].size:
            continue
        rows = where[i]
        z, noise, tau = seen.z[rows[-1]], seen.noise[rows[-1]], seen.tau[rows[-1]]
        frozen = rows.size > 1 and abs(z - seen.z[rows[-2]]) < FROZEN_CHANGE
        if z > 1 + above + 4 * noise:
            lost[i] = True
        elif z > STUCK_START_SHARE or frozen:
            lost[i] = any(
                runs[j].key.lr < run.key.lr
                and (seen.z[w] < z - better - 2 * noise)[seen.tau[w] <= tau + 1e-9].any()
                for j, w in enumerate(where)
                if not runs[j].dead
            )
        good[i] = not lost[i] and z < 0.95
    rates = sorted({run.key.lr for run in runs})
    lr = np.array([run.key.lr for run in runs])
    wrong = [int((lost & (lr < e)).sum() + (good & (lr >= e)).sum()) for e in [*rates, np.inf]]
    least = min(wrong)
    place = max(i for i, w in enumerate(wrong) if w == least)
    end = [*rates, np.inf][place]
    while place < len(rates) and not lost[lr == rates[place]].any():
        place += 1  # runs that say nothing yet belong to the side that is looked at
        end = [*rates, np.inf][place]
    if not (lr < end).any():
        return DivergenceBoundary(np.inf, lost, believed=False)
    return DivergenceBoundary(float(end), lost)
