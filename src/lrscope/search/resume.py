"""Whether a search on disk and the one that is asked for now are the same, and where the first one stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lrscope.curves import Plan, RunState
from lrscope.curves.direction import Direction
from lrscope.errors import SettingsError
from lrscope.search.ledger import Ledger
from lrscope.search.planners.base import Advance, Planner
from lrscope.training.source.base import Source

DEFINING_SETTINGS = ("source", "rates", "fixed", "seeds", "steps", "metric", "goal", "objective", "planner")
"""Settings that make a scan what it is. Budget, number of seeds, jobs, engine, limits and the band may change."""


def settings_of(kind: str, source: Source, planner: Planner, plan: Plan) -> dict[str, Any]:
    """What is written at the head of the ledger (JSON values)."""
    return {
        "kind": kind,
        "name": source.name,
        "source": dict(source.identity()),
        "fingerprint": dict(source.fingerprint()),
        "rates": list(plan.rates),
        "fixed": dict(plan.fixed),
        "seeds": list(plan.seeds),
        "steps": plan.horizon,
        "metric": plan.metric,
        "goal": plan.goal,
        "objective": plan.objective,
        "planner": planner.identity,
        "budget": plan.budget,
        "tolerance": plan.tolerance,
        "level": plan.level,
        "pausable": plan.pausable,
        "seeded": plan.seeded,
    }


def directions_of(settings: Mapping[str, Any]) -> tuple[Direction, ...]:
    """The directions of metrics that the runs have shown, as they are on record."""
    return tuple(Direction(*one) for one in settings.get("directions", ()))


def check_same(old: Mapping[str, Any], new: Mapping[str, Any], place: str | None = None) -> None:
    """Refuse to continue a scan that was made by other settings; `place` says where it is, for people.

    Raises
    ------
    SettingsError
        Listing what differs.
    """
    differs = []
    for name in DEFINING_SETTINGS:
        if old.get(name) == new[name] or (name == "seeds" and _extends(old.get(name) or [], new[name])):
            continue
        if name == "source":
            was, now = old.get(name) or {}, new[name]
            differs += [
                f"{part}: {was.get(part)!r} before, {now.get(part)!r} now"
                for part in sorted(was.keys() | now.keys())
                if was.get(part) != now.get(part)
            ]
        elif name == "rates":
            differs.append(f"rates: {_grid(old.get(name) or [])} before, {_grid(new[name])} now")
        else:
            differs.append(f"{name}: {_shown(old.get(name))} before, {_shown(new[name])} now")
    if differs:
        raise SettingsError(
            f"The results in {place or 'this store'} were made with other settings ({'; '.join(differs)}). "
            "Name another folder with --out, or start over with --fresh, which moves what was measured aside."
        )


def _extends(old: Sequence[int], new: Sequence[int]) -> bool:
    """Whether the same seeds are used and only their number differs: further seeds confirm what the first found."""
    return list(new[: len(old)]) == list(old) or list(old[: len(new)]) == list(new)


def _grid(rates: Sequence[float]) -> str:
    return f"{len(rates)} from {rates[0]:g} to {rates[-1]:g}" if rates else "none"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    return "not given" if value is None else str(value)


def changed_parts(old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """The parts of the source that are not what they were, for a person."""
    before, now = old.get("fingerprint") or {}, new["fingerprint"]
    return " and ".join(name for name, value in now.items() if before.get(name, value) != value) or None


def revive(ledger: Ledger) -> None:
    """Let runs of an earlier session wait again; none of them is alive.

    What was left aside for want of budget may be wanted by a larger one, and a run that failed before it reported
    anything may work now that its cause is mended.
    """
    for run in ledger.runs.values():
        barren = run.state is RunState.FAILED and not run.traces.by_name
        if barren or run.state in (RunState.RUNNING, RunState.STOPPED):
            run.settle(RunState.PAUSED, 0 if barren else run.step)
            run.end = None if barren else run.end


def left_over(ledger: Ledger) -> tuple[int, list[Advance]]:
    """The number of the last batch that was asked for, and those of its asks that have not been answered."""
    batches = [
        int(d.detail["batch"]) for d in ledger.decisions if d.kind == "advance" and "batch" in d.detail
    ]
    last = max(batches, default=0)
    asks = []
    for d in ledger.decisions:
        if d.kind != "advance" or d.key is None or d.detail.get("batch") != last:
            continue
        to_step, run = d.detail["to_step"], ledger.runs.get(d.key)
        if run is None or not (run.state.final or (to_step is not None and run.step >= to_step)):
            asks.append(Advance(d.key, to_step, d.reason))
    return last, asks
