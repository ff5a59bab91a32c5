"""How the last part of a large budget is spent: on the leader, and on the run that was ahead of it at equal steps.

A model names a leader for what it makes of short runs, and where the rate falls late in training, it is often a rate
too low. Another run that stood lower after as many steps is the simplest evidence against it. So the two go on
by turns until one stays behind the other, or both have come to their end.
"""

from __future__ import annotations

from collections.abc import Sequence

from lrscope.search.rate.model.forecast import Forecast

ENDGAME_BUDGET_SHARE = 0.5
"""Share of the budget that is kept for it."""

LARGE_BUDGET_RUNS = 2.0
"""Full runs from which on a budget is large: with less, runs do not come far enough for it to tell."""


def endgame_advances(
    f: Forecast, first: int, marks: Sequence[int], horizon: int, left: int
) -> list[tuple[float, int, str]]:
    """What to advance so that the leader, candidate `first`, and its rival come to their ends.

    The rival is the run that stood lower than the leader at the last level that both have reached; of several, the one
    that was compared at the highest level, then the lower one. The one that has come less far goes on, the rival where
    they are level: if it stays behind, its next steps need not be paid. The leader goes on alone where there is no
    rival. Empty where the budget allows none of it, or nothing is left to be done.
    """
    lead = f.shown(first)
    step = [_done(f, i, horizon) for i in range(len(f.rates))]
    rivals = []
    for i in range(len(f.rates)):
        run, z = f.own(i), f.shown(i)
        if i == first or run is None or run.dead or step[i] >= horizon <= step[first]:
            continue
        level = max(z.keys() & lead.keys(), default=None)
        if level is not None and z[level] < lead[level]:
            rivals.append((-level, z[level], i))
    why = f"Best so far {f.rates[first]:.2g}, and no other rate was ahead of it at equal steps; training it to its end."
    turn = [first]
    if rivals:
        level, _, rival = min(rivals)
        turn = [rival, first] if step[rival] <= step[first] else [first, rival]
        why = (
            f"Best so far {f.rates[first]:.2g}, but {f.rates[rival]:.2g} was ahead of it at step {-level}; "
            "training both until one stays behind."
        )
    for i in turn:
        ahead = next((mark for mark in marks if mark > step[i]), None)
        if ahead is not None and ahead - step[i] <= left:
            return [(f.rates[i], ahead, why)]
    return []


def _done(f: Forecast, index: int, horizon: int) -> int:
    """Steps that the candidate's own run has done; all of them where it cannot go on."""
    run = f.own(index)
    return 0 if run is None else horizon if run.over else run.step
