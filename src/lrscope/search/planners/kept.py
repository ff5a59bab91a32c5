"""The answer of a planner of somebody's own, as it was written down: a scan that is read from disk says what it
said, although the planner that named it is not at hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lrscope.curves import Scan
from lrscope.search.planners.base import Advance, Planner
from lrscope.search.range_test.audit import Reading
from lrscope.search.rate.recommend import recommend
from lrscope.search.rate.recommendation import Band, Recommendation
from lrscope.statistics.estimate import Estimate
from lrscope.training.store.base import Decision

OWN = {
    "FlowPlanner": "flow",
    "HalvingPlanner": "halving",
    "FullGridPlanner": "grid",
    "RampPlanner": "ramp",
    "RacePlanner": "race",
}
"""Planners that name their rate again from the curves alone, and what `scan` calls them."""


def keep(planner: Planner, answer: Recommendation) -> dict[str, Any]:
    """What has to be written beside the answer for `KeptPlanner`: nothing where the planner is our own."""
    if type(planner).__name__ in OWN:
        return {}
    return {"recommendation": json.dumps(asdict(answer))}  # as text: an end of an interval may be infinite


class KeptPlanner(Planner):
    """Names what was named, if the scan came to its end; otherwise reads the curves as halving would, and
    says so in the rule.

    Parameters
    ----------
    name : str
        The planner that made the scan.
    decisions : sequence of Decision
        The ledger of the scan.
    """

    def __init__(self, name: str, decisions: Sequence[Decision]) -> None:
        self._who = name.partition("(")[0]
        kept = [d.detail["recommendation"] for d in decisions if "recommendation" in d.detail]
        self._answer = _read(kept[-1]) if kept and decisions[-1].kind == "name" else None

    def ask(self, scan: Scan) -> list[Advance]:
        del scan
        return []

    def name(self, scan: Scan) -> Recommendation:
        return self._answer or recommend(
            scan, f"runs advanced by {self._who}, which is not at hand to name a rate"
        )


def _read(text: str) -> Recommendation:
    given = json.loads(text)
    for part, kind in (("lr", Estimate), ("cliff", Estimate), ("band", Band)):
        given[part] = None if given[part] is None else kind(**given[part])
    read = tuple(
        Reading(r["rule"], Estimate(**r["lr"]), tuple(r["alone"])) for r in given.get("readings", ())
    )
    return Recommendation(**{**given, "warnings": tuple(given["warnings"]), "readings": read})
