"""A diagnosis as one JSON document, `lrscope.diagnosis/1`; every key is described in `docs/json.md`.

Strict JSON: where a number is not finite stands null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lrscope.diagnosis.base import Advice, Regime, Segment
from lrscope.diagnosis.examine import Examined
from lrscope.views.diagnosis.facts import DiagnosisFacts, RuleFacts, collect
from lrscope.views.shared.values import strict

SCHEMA = "lrscope.diagnosis/1"
TOOL_KEYS = ("name", "format", "metric", "goal", "points")
"""What a tool's document says of each run, besides the tool's own key."""

_PATIENCE = (
    "patience", "window", "fall", "noise", "memory", "false_cuts", "typical_delay", "horizon", "reason", "warnings"
)  # fmt: skip
_ESTIMATE = ("value", "low", "high", "level", "method")


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


def segment_values(segment: Segment) -> dict[str, Any]:
    """One segment."""
    return {
        "start": segment.start,
        "stop": segment.stop,
        "regime": segment.regime.value,
        "level": segment.level,
        "slope": segment.slope,
    }


def _run(facts: DiagnosisFacts) -> dict[str, Any]:
    found, gain, patience = facts.diagnosis, facts.diagnosis.gain_left, facts.patience
    return {
        "name": facts.name,
        "format": facts.format,
        "metric": facts.metric,
        "goal": facts.goal,
        "points": facts.points,
        "regime": found.regime.value,
        "advice": found.advice.value,
        "reason": found.reason,
        "confidence": found.confidence,
        "span": found.span,
        "segments": [segment_values(s) for s in facts.segments],
        "evidence": dict(found.evidence),
        "gain_left": None if gain is None else {key: getattr(gain, key) for key in _ESTIMATE},
        "steps_per_percent": found.steps_per_percent,
        "warnings": facts.warnings,
        "patience": {
            **{key: getattr(patience, key) for key in _PATIENCE},
            **{key: getattr(patience, key) or None for key in ("torch", "keras", "optax")},
        },
        "backtest": [_rule(rule) for rule in facts.rules],
        "reports": facts.reports,
        "stepping": None
        if facts.stepping is None
        else [
            {
                "mistake": f.mistake.value,
                "step": f.step,
                "reason": f.reason,
                "confidence": f.confidence,
                "evidence": dict(f.evidence),
            }
            for f in facts.stepping
        ],
    }


def _rule(rule: RuleFacts) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "cuts": rule.cuts,
        "raises": rule.raises,
        "left_at_cut": rule.left,
        "delay": rule.delay,
        "verdict": rule.verdict,
        "final_factor": rule.factor,
        "notes": rule.notes,
    }
