"""An outcome as one JSON document, `lrscope.scan/1`; every key is described in `docs/json.md`.

Strict JSON: there is no NaN and no Infinity in it. Where a number is not finite stands null, and the run's
`state` and `reason` tell why.
"""

from __future__ import annotations

import json
import math
from typing import Any

from lrscope.search.outcome import Outcome
from lrscope.statistics.estimate import Estimate
from lrscope.training.store.base import Decision
from lrscope.views.range_test.text import rules_document
from lrscope.views.scan.facts import RunFacts, collect

SCHEMA = "lrscope.scan/1"


def scan_document(outcome: Outcome) -> dict[str, Any]:
    """Outcome → a dict of plain JSON values, with keys in reading order. Numbers are not rounded."""
    facts = collect(outcome)
    return {
        "schema": SCHEMA,
        "name": facts.name,
        "finished": facts.finished,
        "metric": facts.metric,
        "goal": facts.goal,
        "objective": facts.objective,
        "horizon": facts.horizon,
        "recommendation": None
        if facts.lr is None
        else {
            **_interval(facts.lr),
            "level": facts.lr.level,
            "method": facts.lr.method,
            "chance": facts.chance,
            "rule": facts.rule,
            "reason": facts.reason,
        },
        "reason": facts.reason,
        "band": None
        if facts.band is None
        else {
            "low": _number(facts.band.low),
            "high": _number(facts.band.high),
            "tolerance": facts.band.tolerance,
            "open_low": facts.band.open_low,
            "open_high": facts.band.open_high,
        },
        "cliff": None if facts.cliff is None else _interval(facts.cliff),
        "cost": {
            "full_runs": _number(facts.cost.full_runs),
            "steps": facts.cost.steps,
            "seconds": _number(facts.cost.seconds),
            "runs": facts.cost.runs,
            "rework": facts.cost.rework,
            "overshoot": facts.cost.overshoot,
            "full_grid": _number(facts.cost.full_grid),
            "budget": _number(outcome.scan.plan.budget),
        },
        "runs": [_run(run, facts.metric) for run in facts.runs],
        "warnings": list(facts.warnings),
        "decisions": [_decision(d) for d in facts.decisions],
        "rules": rules_document(facts.readings),
        "plan": {"rates": list(facts.rates), "seeds": list(outcome.scan.plan.seeds), "ramp": facts.ramp},
    }


def dumps(document: dict[str, Any]) -> str:
    """The document as text: UTF-8 characters kept, two spaces of indent, never NaN or Infinity."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def plain(value: Any) -> Any:
    """Any value of a ledger's `detail` as strict JSON: what is not finite becomes null, what JSON does not
    know text."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else None


def _interval(estimate: Estimate) -> dict[str, float | None]:
    return {"lr": _number(estimate.value), "low": _number(estimate.low), "high": _number(estimate.high)}


def _run(run: RunFacts, metric: str | None) -> dict[str, Any]:
    level = run.curves[metric].level if metric is not None and metric in run.curves and not run.gone else None
    return {
        "lr": run.lr,
        "seed": run.seed,
        "state": run.state.value,
        "steps": run.steps,
        "last": run.last,
        "level": level,
        "reason": run.reason,
        "seconds": _number(run.seconds),
        "rework": run.rework,
        "metrics": {name: _number(float(c.curve.loss[-1])) for name, c in run.curves.items()},
    }


def _decision(decision: Decision) -> dict[str, Any]:
    key = decision.key
    return {
        "kind": decision.kind,
        "reason": decision.reason,
        "lr": None if key is None else key[0],
        "seed": None if key is None else key[1],
        "time": _number(decision.time),
        "detail": plain(dict(decision.detail)),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
