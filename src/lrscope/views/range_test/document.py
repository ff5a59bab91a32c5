"""A range test as one JSON document, `lrscope.range-test/1`; every key is described in `docs/json.md`."""

from __future__ import annotations

from typing import Any

from lrscope.search.range_test.readings import RuleReading
from lrscope.views.range_test.facts import RangeTestFacts
from lrscope.views.scan.document import run_values
from lrscope.views.shared.values import strict

SCHEMA = "lrscope.range-test/1"

_COST = ("steps", "seconds", "runs", "rework", "overshoot")


def range_test_document(facts: RangeTestFacts) -> dict[str, Any]:
    """Facts → a dict of plain JSON values, with keys in reading order; null where training was somebody else's."""
    answer, scan = facts.answer, facts.scan
    lost = answer.cliff
    document = {
        "schema": SCHEMA,
        "name": facts.name,
        "finished": scan is None or scan.finished,
        "metric": answer.metric,
        "goal": answer.goal,
        "reason": answer.reason,
        "lr": None if answer.lr is None else answer.lr.value,
        "lost": None if lost is None else {"lr": lost.value, "low": lost.low, "high": lost.high},
        "ramps": len(facts.ramps),
        "rules": [_rule(one) for one in answer.readings],
        "warnings": answer.warnings,
        "cost": None if scan is None else {name: getattr(scan.cost, name) for name in _COST},
        "runs": None if scan is None else [run_values(run, answer.metric) for run in scan.runs],
    }
    values: dict[str, Any] = strict(document)
    return values


def _rule(one: RuleReading) -> dict[str, Any]:
    found = one.lr
    return {
        "rule": one.rule,
        "lr": found.value,
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "alone": list(one.alone),
    }
