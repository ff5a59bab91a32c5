"""A scan as one JSON document, `lrscope.scan/1`; every key is described in `docs/json.md`.

Strict JSON: where a number is not finite stands null, and the run's `state` and `reason` tell why.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lrscope.statistics.estimate import Estimate
from lrscope.training.store.base import Decision
from lrscope.views.scan.facts import Facts, RunFacts
from lrscope.views.shared.values import strict

SCHEMA = "lrscope.scan/1"


def scan_document(facts: Facts) -> dict[str, Any]:
    """Facts → a dict of plain JSON values, with keys in reading order. Numbers are not rounded."""
    plan, answer = facts.plan, facts.answer
    document = {
        "schema": SCHEMA,
        "name": facts.name,
        "finished": facts.finished,
        "metric": facts.metric,
        "goal": answer.goal,
        "objective": plan.objective,
        "horizon": plan.horizon,
        "reason": answer.reason,
        **answer_values(facts),
        "cost": {**asdict(facts.cost), "budget": plan.budget},
        "runs": [run_values(run, facts.metric) for run in facts.runs],
        "warnings": answer.warnings,
        "decisions": [_decision(d) for d in facts.decisions],
        "rules": [],  # this and `ramp` are promised by the schema; range tests have a document of their own
        "plan": {
            "rates": plan.rates,
            "seeds": plan.seeds,
            "fixed": dict(plan.fixed),
            "planner": facts.planner,
            "ramp": False,
        },
    }
    values: dict[str, Any] = strict(document)
    return values


def answer_values(facts: Facts) -> dict[str, Any]:
    """Recommendation, band and cliff; null where there is none."""
    answer, lr = facts.answer, facts.answer.lr
    return {
        "recommendation": None
        if lr is None
        else {
            **_interval(lr),
            "level": lr.level,
            "method": lr.method,
            "chance": answer.chance,
            "provisional": answer.provisional,
            "rule": answer.rule,
            "reason": answer.reason,
        },
        "band": None if answer.band is None else asdict(answer.band),
        "cliff": None if answer.cliff is None else _interval(answer.cliff),
    }


def run_values(run: RunFacts, metric: str | None) -> dict[str, Any]:
    """One run, without its curves."""
    judged = None if run.gone else run.curves.get(metric or "")
    return {
        "id": run.id,
        "config": dict(run.config),
        "lr": run.lr,
        "seed": run.seed,
        "state": run.state.value,
        "steps": run.steps,
        "last": run.last,
        "level": None if judged is None else judged.level,
        "reason": run.reason,
        "seconds": run.seconds,
        "rework": run.rework,
        "metrics": {name: float(c.curve.loss[-1]) for name, c in run.curves.items()},
    }


def _interval(estimate: Estimate) -> dict[str, float]:
    return {"lr": estimate.value, "low": estimate.low, "high": estimate.high}


def _decision(decision: Decision) -> dict[str, Any]:
    key = decision.key
    return {
        "kind": decision.kind,
        "reason": decision.reason,
        "config": None if key is None else dict(key.config),
        "lr": None if key is None else key.lr,
        "seed": None if key is None else key.seed,
        "time": decision.time,
        # The answer is told above, and only kept here.
        "detail": {name: value for name, value in decision.detail.items() if name != "recommendation"},
    }
