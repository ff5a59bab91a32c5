"""A diagnosis as one JSON document, `lrscope.diagnosis/1`; every key is described in `docs/json.md`.

Strict JSON: where a number is not finite stands null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lrscope.diagnosis.base import Advice, Regime
from lrscope.diagnosis.examine import Examined
from lrscope.views.diagnosis.facts import DiagnosisFacts, collect
from lrscope.views.shared.values import strict

SCHEMA = "lrscope.diagnosis/1"
TOOL_KEYS = ("name", "format", "metric", "goal", "points")
"""What a tool's document says of each run, besides the tool's own key."""

_REPLAY = ("rule", "cuts", "raises", "left_at_cut", "delay", "final_factor", "notes")


def diagnosis_document(
    source: str,
    runs: Sequence[Examined],
    regime: Regime,
    advice: Advice,
    reason: str,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Everything as plain JSON values; numbers are not rounded.

    Of a single run its segments, evidence and the rest stand at the top; of several, one document a run in
    `runs`.
    """
    one: list[dict[str, Any]] = [strict(_run(collect(run))) for run in runs]
    top: dict[str, Any] = {
        "schema": SCHEMA,
        "source": source,
        "format": ", ".join(dict.fromkeys(run["format"] for run in one)),
        "points": sum(run["points"] for run in one),
        "regime": regime.value,
        "advice": advice.value,
        "reason": reason,
    }
    if len(one) == 1:
        return {**one[0], **top, "warnings": list(warnings), "runs": []}
    return {**top, "segments": [], "evidence": {}, "warnings": list(warnings), "runs": one}


def tool_document(document: dict[str, Any], tool: str) -> dict[str, Any]:
    """Of a diagnosis, what one tool says: `lrscope.patience/1`, `lrscope.backtest/1` or `lrscope.stepping/1`."""
    return {
        "schema": f"lrscope.{tool}/1",
        "source": document["source"],
        "runs": [{key: run[key] for key in (*TOOL_KEYS, tool)} for run in document["runs"] or [document]],
        "warnings": document["warnings"],
    }


def _run(facts: DiagnosisFacts) -> dict[str, Any]:
    run, found, gain, patience = facts.run, facts.found, facts.found.gain_left, facts.run.patience
    return {
        "name": facts.name,
        "format": run.run.format,
        "metric": found.metric,
        "goal": run.goal,
        "points": facts.points,
        "regime": found.regime.value,
        "advice": found.advice.value,
        "reason": found.reason,
        "confidence": found.confidence,
        "span": found.span,
        "segments": [asdict(segment) for segment in found.segments],
        "evidence": dict(found.evidence),
        "gain_left": None if gain is None else asdict(gain),
        "steps_per_percent": found.steps_per_percent,
        "warnings": run.warnings,
        "patience": {
            **asdict(patience),
            **{library: getattr(patience, library) or None for library in ("torch", "keras", "optax")},
        },
        "backtest": [
            {**{key: getattr(rule.replay, key) for key in _REPLAY}, "verdict": rule.verdict}
            for rule in facts.rules
        ],
        "reports": run.reports[1],
        "stepping": None if run.stepping is None else [asdict(finding) for finding in run.stepping],
    }
