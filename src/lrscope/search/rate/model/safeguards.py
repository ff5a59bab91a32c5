"""What keeps a model's mistakes from becoming the answer's: a rate is named for what it has done itself.

A forecast of a run that has hardly begun rests on other runs. So the rate that leads is advanced first of all
until it has had its share of what was spent: an eighth of a run when one has been spent, a whole one at four and a
half. A forecast that was wrong is then found out while there is budget left to act on it.
"""

from __future__ import annotations

import math

import numpy as np

from lrscope.search.rate.model.forecast import Forecast, forecast
from lrscope.search.rate.model.kernel import WITHOUT_FLOW

PROVEN_RUN_SHARE = 1 / 8
"""Share of a full run that a rate should have done itself: of one that has done less, the answer says so."""

LEADER_SPENT_SHARE = 0.25
"""Share of all steps spent, beyond `UNPROVEN_RUNS`, that the leader should have done itself."""

UNPROVEN_RUNS = 0.5
"""Full runs that may be spent before that is asked: with less, a proof would leave nothing for looking."""

ALIKE_GAIN_SHARE = 0.001
"""Share of the improvement below which two expectations are the same: a third of a typical seed's scatter."""

SHOWN_WEIGHT = 0.25
"""Weight of where a run stands against where it is expected to end, in naming."""

FAR_ENOUGH_SHARE = 0.24
"""Share of the longest run that a rate should have done itself to be named: two levels less, each of them half of the
next, rounding allowed for."""


def leading(f: Forecast, horizon: int) -> list[float]:
    """Rates that were run with the first seed, the one to be named first.

    Once proofs are asked for, where the run itself stands counts for `SHOWN_WEIGHT`, and runs that have come less than
    a quarter as far as the longest come last. Before, the expected end decides alone.
    """
    own = [steps_of(f, i) for i in range(len(f.rates))]
    if steps_due(f, horizon) <= 0:
        order = by_expectation(f)
    else:
        far = FAR_ENOUGH_SHARE * max(own)
        order = sorted(by_expectation(f, SHOWN_WEIGHT), key=lambda i: own[i] < far and not _whole(f, i))
    return [f.rates[i] for i in order if own[i] > 0 and not _failed(f, i)]


def challenger(f: Forecast) -> int:
    """Index of the one that is expected to end lowest, whatever it has done itself, short of having failed."""
    order = by_expectation(f)
    return next((i for i in order if steps_of(f, i) > 0 and not _failed(f, i)), order[0])


def by_expectation(f: Forecast, shown: float = 0.0) -> list[int]:
    """Candidates, the one that is expected to end lowest first; `shown` is the weight of where each stands now.

    Rates whose own runs have ended keep the order of these ends among themselves: what was seen overrules what is
    supposed. Where expectations differ by less than `ALIKE_GAIN_SHARE` of the improvement, the chance to be the best
    decides.
    """
    expected, best = f.expected.copy(), f.best.copy()
    if shown:
        stands = np.array([_stands(f, i) for i in range(len(f.rates))])
        expected = (1 - shown) * expected + shown * stands
    ends = {i: end for i in range(len(f.rates)) if (end := _end(f, i)) is not None}
    seen = sorted(ends, key=lambda i: (ends[i], i))
    expected[seen], best[seen] = np.sort(expected[seen]), np.sort(best[seen])[::-1]
    rank = {i: k for k, i in enumerate(seen)}
    return sorted(
        range(len(f.rates)),
        key=lambda i: (round(float(expected[i]) / ALIKE_GAIN_SHARE), -best[i], rank.get(i, 0), f.rates[i]),
    )


def _end(f: Forecast, index: int) -> float | None:
    """What the candidate's own run came to, where it went all the way, or as far as it goes by itself."""
    run = f.own(index)
    if run is None or run.dead or run.failed or not run.whole or not run.judged.value.size:
        return None
    value = float(run.judged.value[-1])
    return value if math.isfinite(value) else None


def steps_due(f: Forecast, horizon: int) -> float:
    """Steps that a rate should have done itself by now before it is named."""
    spent = sum(run.step for run in f.runs)
    return min(float(horizon), LEADER_SPENT_SHARE * (spent - UNPROVEN_RUNS * horizon))


def _stands(f: Forecast, index: int) -> float:
    """z that the candidate's own run has come to; 1, the start, where it has shown none."""
    return next(reversed(f.shown(index).values()), 1.0)


def _failed(f: Forecast, index: int) -> bool:
    run = f.own(index)
    return run is not None and run.failed


def _whole(f: Forecast, index: int) -> bool:
    run = f.own(index)
    return run is not None and run.whole


def steps_of(f: Forecast, index: int) -> int:
    """Steps that the candidate's own run has done."""
    run = f.own(index)
    return 0 if run is None else run.step


def needs_proof(f: Forecast, index: int, horizon: int) -> str | None:
    """Why the leader has to go on first, for the ledger; None where it has done its share, or can do no more."""
    own, run = steps_of(f, index), f.own(index)
    if own >= steps_due(f, horizon) or (run is not None and run.over):
        return None
    return (
        f"Best so far {f.rates[index]:.2g}, extrapolated from other rates; training it further, because it has been "
        f"trained for only {own} steps itself."
    )


def far_enough(f: Forecast, index: int, horizon: int) -> bool:
    """Whether the rate has itself come so far that its forecast rests on its own curve."""
    return _whole(f, index) or steps_of(f, index) >= PROVEN_RUN_SHARE * horizon


def views_disagree(f: Forecast, horizon: int) -> bool:
    """Whether, without flow time, a rate more than a decade away would be named.

    It is said in the answer, and nothing else comes of it: where it was so, on replayed scans, the rate named gave away
    less than that of halving as often as elsewhere.
    """
    other = forecast(f.runs, f.grid, horizon, f.seed, beliefs=WITHOUT_FLOW)
    named = [g.rates[challenger(g)] for g in (f, other)]
    return max(named) > 10 * min(named)
