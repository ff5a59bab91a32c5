"""How a scan came to its answer: which run advanced when, and what the model made of it at several moments.

Told from the ledger and the curves, so that a scan read from disk tells what it told when it was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrscope.curves import RunKey, Scan
from lrscope.search.planners.base import Planner
from lrscope.search.rate.model.forecast import Forecast
from lrscope.search.rate.model.observations import harden
from lrscope.search.rate.model.safeguards import leading
from lrscope.search.rate.ranking import bad, judge
from lrscope.training.store.base import Decision

MOMENT_SHARES = (0.1, 0.3, 1.0)
"""Shares of what was spent at which the model is shown: early, on the way, and at the end."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One advance: the run at `lr` went from one step to another while the scan's total, in full runs, went from
    `begin` to `end`. `lost` where it ended badly there."""

    lr: float
    seed: int
    from_step: int
    to_step: int
    begin: float
    end: float
    reason: str
    lost: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """The forecast after `spent` full runs: middle, 5 % and 95 % point of each rate's end, in the metric's unit, and
    its chance to be the best; `named` is the rate that would have been named."""

    spent: float
    rates: tuple[float, ...]
    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    best: tuple[float, ...]
    named: float


@dataclass(frozen=True, slots=True)
class History:
    """What happened, in order; `moments` is empty where no model was used."""

    stretches: tuple[Stretch, ...]
    moments: tuple[Moment, ...]


def tell_history(scan: Scan, decisions: Sequence[Decision], planner: Planner | None) -> History:
    """The history of a scan; with what the planner's model expected on the way, where it is at hand and has one."""
    horizon = scan.plan.horizon
    if not horizon:
        return History((), ())
    stretches = _stretches(scan, decisions, horizon)
    if planner is None or not stretches:
        return History(stretches, ())
    total = stretches[-1].end
    moments: list[Moment] = []
    for share in MOMENT_SHARES:
        reached: dict[RunKey, int] = {}
        spent = 0.0
        for stretch in stretches:
            if stretch.end > share * total + 1e-9:
                break
            reached[scan.plan.key(stretch.lr, stretch.seed)] = stretch.to_step
            spent = stretch.end
        f = planner.forecast(scan, reached) if len({key.lr for key in reached}) >= 3 else None
        if f is not None and (not moments or spent > moments[-1].spent):
            moments.append(_moment(f, spent, horizon, judge(scan).sign))
    return History(stretches, tuple(moments))


def _stretches(scan: Scan, decisions: Sequence[Decision], horizon: int) -> tuple[Stretch, ...]:
    runs = {run.key: run for run in scan.runs}
    at: dict[RunKey, int] = {}
    spent = 0
    found = []
    asked = [(d.key, d.detail.get("to_step"), d.reason) for d in decisions if d.kind == "advance" and d.key]
    if scan.plan.scout is not None:
        asked.insert(0, (scan.plan.scout, None, "trained to its end, to learn how long a run is"))
    for key, to_step, reason in asked:
        run = runs.get(key)
        if run is None:
            continue
        end = min(run.step, run.step if to_step is None else int(to_step))
        begin = at.get(key, 0)
        if end <= begin:
            continue
        found.append(
            Stretch(
                key.lr,
                key.seed,
                begin,
                end,
                spent / horizon,
                (spent + end - begin) / horizon,
                reason,
                bad(run) and end == run.step,
            )
        )
        spent += end - begin
        at[key] = end
    return tuple(found)


def _moment(f: Forecast, spent: float, horizon: int, sign: float) -> Moment:
    z = harden(f.ends)
    low, middle, high = (
        sign * (f.seen.low + q * (f.seen.start - f.seen.low))
        for q in np.quantile(z, [0.05, 0.5, 0.95], axis=0)
    )
    order = leading(f, horizon)
    return Moment(
        spent,
        f.rates,
        tuple(float(v) for v in middle),
        tuple(float(v) for v in low),
        tuple(float(v) for v in high),
        tuple(float(p) for p in f.best),
        order[0] if order else f.rates[0],
    )
