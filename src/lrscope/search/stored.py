"""A search that was stored, as it was concluded: nothing is worked out again that is written down.

Files of schema 1 hold no answer but the rate that was named; and a search that was killed, or is still running, has
none yet. Then its planner is asked, where it comes with lrscope; else the curves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrscope.config import Config, RunKey
from lrscope.curves import Plan, Scan
from lrscope.errors import StoreError
from lrscope.search.assemble import DATABASE_FILE
from lrscope.search.conclude import conclude
from lrscope.search.ledger import conclusion, has_ended
from lrscope.search.legacy import modern
from lrscope.search.outcome import Outcome
from lrscope.search.planners import registry
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.range_test.answer import RangeTestAnswer
from lrscope.search.range_test.planner import RangeTestPlanner
from lrscope.search.rate.by_curves import ByCurves
from lrscope.search.rate.recommend import recommend
from lrscope.search.rate.recommendation import Recommendation
from lrscope.search.resume import directions_of
from lrscope.training.store.base import Recorded
from lrscope.training.store.sqlite_read import read_store


@dataclass(frozen=True)
class _Kind:
    """What differs between stored searches: how a stored answer is read, and who answers where none was stored."""

    read: Callable[[Mapping[str, Any]], Recommendation]
    planner: Callable[[str], Planner]


def load_outcome(path: Path) -> tuple[str, Outcome]:
    """The kind of a stored search ("scan", "range test") and its outcome. Also while it is still running.

    Raises
    ------
    StoreError
        If there is none at `path` (a results folder, or the file in it), or it cannot be read.
    """
    file = path / DATABASE_FILE if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise StoreError(f"{path} holds no scan (no {DATABASE_FILE}): name the folder that a scan wrote.")
    recorded = read_store(file)
    settings = modern(recorded.settings)
    if not settings:
        raise StoreError(f"{file} holds a scan that was never started; start it, or name another folder.")
    named, kind = settings["planner"], settings["kind"]
    if kind not in _RESULT_KINDS:
        raise StoreError(
            f"{file} holds a {kind}, which this version of lrscope cannot read; upgrade lrscope."
        )
    scan = Scan(plan_of(settings), recorded.runs)
    finished = has_ended(recorded.decisions)
    return kind, Outcome.of(
        settings["name"],
        scan,
        _answer(_RESULT_KINDS[kind], named, scan, recorded),
        named,
        recorded.decisions,
        finished=finished,
    )


def plan_of(settings: Mapping[str, Any]) -> Plan:
    """The plan that the settings of a search hold."""
    s = settings
    scout = s.get("scout")
    return Plan(
        rates=tuple(s["rates"]),
        seeds=tuple(s["seeds"]),
        horizon=s["steps"] if s["steps"] is not None else s.get("horizon"),
        budget=s["budget"],
        metric=s["metric"],
        goal=s["goal"],
        objective=s["objective"],
        tolerance=s["tolerance"],
        level=s["level"],
        pausable=s["pausable"],
        scout=None if scout is None else RunKey(Config(scout["config"]), scout["seed"]),
        directions=directions_of(s),
        fixed=Config(s["fixed"]),
        seeded=s.get("seeded", True),
    )


def _answer(kind: _Kind, planner: str, scan: Scan, recorded: Recorded) -> Recommendation:
    kept = conclusion(recorded)
    if kept is not None:
        return kind.read(kept)
    return conclude(scan, kind.planner(planner), recorded.decisions, finished=has_ended(recorded.decisions))


class _Absent(Planner):
    """Stands in for a planner that is not at hand: names what the curves show."""

    def __init__(self, who: str) -> None:
        self.who = who.partition("(")[0]

    def ask(self, scan: Scan) -> list[Advance]:
        del scan
        return []

    def name(self, scan: Scan) -> Recommendation:
        return recommend(
            scan, f"runs advanced by {self.who}, which is not at hand to name a rate", ByCurves()
        )


def _scan_planner(name: str) -> Planner:
    return registry.make(name) if name in registry.names() else _Absent(name)


_RESULT_KINDS = {
    "scan": _Kind(Recommendation.from_dict, _scan_planner),
    "range test": _Kind(RangeTestAnswer.from_dict, lambda _: RangeTestPlanner()),
}
