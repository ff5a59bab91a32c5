"""How the last part of a large budget is spent: on the leader, and on the run that was ahead of it at equal steps.

A model names a leader for what it makes of short runs, and where the rate falls late in training, it is often a rate
too low. Another run that stood lower after as many steps is the simplest evidence against it. So the two go on
by turns until one stays behind the other, or both have come to their end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lrscope.scanning.flow.model import Forecast

FINISH = 0.5
"""Share of the budget that is kept for it."""

LARGE = 2.0
"""Full runs from which on a budget is large: with less, runs do not come far enough for it to tell."""


def finish(
    f: Forecast, first: int, marks: Sequence[int], horizon: int, left: int
) -> list[tuple[float, int, str]]:
    """What to advance so that the leader, candidate `first`, and its rival come to their ends.

    The rival is the run that stood lower than the leader at the last level that both have reached; of several, the one
    that was compared at the highest level, then the lower one. The one that has come less far goes on, the rival where
    they are level: if it stays behind, its next steps need not be paid. The leader goes on alone where there is no
    rival. Empty where the budget allows none of it, or nothing is left to be done.
    """
    lead = f.rates[first]
    shown = {rate: _shown(f, rate) for rate in f.rates}
    step = {run.key[0]: horizon if run.over else run.step for run in f.runs if run.key[1] == f.seed}
    rivals = []
    for rate, z in shown.items():
        both = z.keys() & shown[lead].keys()
        done = step.get(rate, 0) >= horizon and step.get(lead, 0) >= horizon
        if rate != lead and both and not done and z[max(both)] < shown[lead][max(both)]:
            rivals.append((-max(both), z[max(both)], rate))
    why = f"{lead:.2g} leads, and no other run was ahead of it at equal steps: it goes on to its end"
    turn = [lead]
    if rivals:
        behind, _, rival = min(rivals)
        why = f"{rival:.2g} was ahead of {lead:.2g}, which leads, at step {-behind}: they go on until one stays behind"
        turn = [rival, lead] if step[rival] <= step[lead] else [lead, rival]
    for rate in turn:
        now = step.get(rate, 0)
        ahead = next((mark for mark in marks if mark > now), None)
        if ahead is not None and ahead - now <= left:
            return [(rate, ahead, why)]
    return []


def _shown(f: Forecast, rate: float) -> dict[int, float]:
    """z of the rate's own run by step."""
    own = next((i for i, run in enumerate(f.runs) if run.key == (rate, f.seed) and not run.dead), None)
    if own is None:
        return {}
    rows = np.flatnonzero(f.seen.run == own)
    return dict(zip(f.seen.step[rows].tolist(), f.seen.z[rows].tolist(), strict=True))
