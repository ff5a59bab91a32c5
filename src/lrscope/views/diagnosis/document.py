"""A diagnosis as one JSON document, `lrscope.diagnosis/1`; every key is described in `docs/json.md`.

Strict JSON, as `document` has it: where a number is not finite stands null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lrscope.diagnosis.base import Advice, Regime
from lrscope.diagnosis.examine import Examined
from lrscope.diagnosis.patience import Patience
from lrscope.diagnosis.stepping import Finding
from lrscope.views.diagnosis.facts import DiagnosisFacts, RuleFacts, collect
from lrscope.views.scan.document import plain

SCHEMA = "lrscope.diagnosis/1"


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
    one = [_run(collect(run)) for run in runs]
    formats = list(dict.fromkeys(run["format"] for run in one))
    top: dict[str, Any] = {
        "schema": SCHEMA,
        "source": source,
        "format": ", ".join(formats),
        "points": sum(run["points"] for run in one),
        "regime": regime.value,
        "advice": advice.value,
        "reason": reason,
    }
    if len(one) == 1:
        rest = {k: v for k, v in one[0].items() if k not in top}
        return {**top, **rest, "warnings": list(warnings), "runs": []}
    return {**top, "segments": [], "evidence": {}, "warnings": list(warnings), "runs": one}


def _run(facts: DiagnosisFacts) -> dict[str, Any]:
    found, gain = facts.diagnosis, facts.diagnosis.gain_left
    document = {
        "name": facts.name,
        "format": facts.format,
        "metric": facts.metric,
        "goal": facts.goal,
        "points": facts.points,
        "regime": found.regime.value,
        "advice": found.advice.value,
        "reason": found.reason,
        "confidence": found.confidence,
        "span": list(found.span),
        "segments": [
            {"start": s.start, "stop": s.stop, "regime": s.regime.value, "level": s.level, "slope": s.slope}
            for s in facts.segments
        ],
        "evidence": dict(found.evidence),
        "gain_left": None
        if gain is None
        else {
            "value": gain.value,
            "low": gain.low,
            "high": gain.high,
            "level": gain.level,
            "method": gain.method,
        },
        "steps_per_percent": found.steps_per_percent,
        "warnings": list(facts.warnings),
        "patience": patience_document(facts.patience),
        "backtest": [rule_document(rule) for rule in facts.rules],
        "reports": facts.reports,
        "stepping": stepping_document(facts.stepping),
    }
    strict: dict[str, Any] = plain(document)
    return strict


def patience_document(found: Patience) -> dict[str, Any]:
    """Patience and the settings to paste."""
    strict: dict[str, Any] = plain(
        {
            "patience": found.patience,
            "window": found.window,
            "fall": found.fall,
            "noise": found.noise,
            "memory": found.memory,
            "false_cuts": found.false_cuts,
            "typical_delay": found.typical_delay,
            "horizon": found.horizon,
            "torch": found.torch or None,
            "keras": found.keras or None,
            "optax": found.optax or None,
            "reason": found.reason,
            "warnings": list(found.warnings),
        }
    )
    return strict


def rule_document(rule: RuleFacts) -> dict[str, Any]:
    """What one plateau rule would have done."""
    strict: dict[str, Any] = plain(
        {
            "rule": rule.name,
            "cuts": list(rule.cuts),
            "raises": list(rule.raises),
            "left_at_cut": rule.left,
            "delay": rule.delay,
            "verdict": rule.verdict,
            "final_factor": rule.factor,
            "notes": list(rule.notes),
        }
    )
    return strict


def stepping_document(findings: Sequence[Finding] | None) -> list[dict[str, Any]] | None:
    """Each mistake found; null where no rate was logged."""
    if findings is None:
        return None
    strict: list[dict[str, Any]] = plain(
        [
            {
                "mistake": f.mistake.value,
                "step": f.step,
                "reason": f.reason,
                "confidence": f.confidence,
                "evidence": dict(f.evidence),
            }
            for f in findings
        ]
    )
    return strict
