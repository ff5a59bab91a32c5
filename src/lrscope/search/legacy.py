"""Settings as the first version of the store had them, in today's terms: its planners were named by their classes,
and a run was told by its learning rate and its seed alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_PLANNER_NAMES = {
    "FlowPlanner()": "flow",
    "HalvingPlanner()": "halving",
    "FullGridPlanner()": "grid",
    "RampPlanner()": "range test",
}


def modern(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a search, whichever version wrote them."""
    if not settings or "kind" in settings:
        return dict(settings)
    planner = _PLANNER_NAMES.get(settings["planner"], settings["planner"])
    scout = settings.get("scout")
    told = None if scout is None else {"config": {"lr": scout[0]}, "seed": scout[1]}
    kind = "range test" if planner == "range test" else "scan"
    return {**settings, "kind": kind, "planner": planner, "scout": told, "fixed": {}}


def modern_answer(kept: Any) -> dict[str, Any] | None:
    """An answer as it was written down. The first version kept those of a user's own planners alone, as text."""
    if isinstance(kept, str):
        return {name: value for name, value in json.loads(kept).items() if name != "readings"}
    return None if kept is None else dict(kept)
