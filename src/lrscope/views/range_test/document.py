"""A range test as JSON: one that was run is a scan's document with `rules`, one that was read is `lrscope.ramp/1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lrscope.search.range_test.audit import Reading
from lrscope.views.range_test.facts import RangeTestFacts
from lrscope.views.scan.document import scan_document

SCHEMA = "lrscope.ramp/1"


def range_test_document(facts: RangeTestFacts) -> dict[str, Any]:
    """The document of ramps that lrscope ran."""
    document = scan_document(facts.scan)
    rules = [_rule(one) for one in facts.scan.answer.readings]
    return {**document, "rules": rules, "plan": {**document["plan"], "ramp": True}}


def reading_document(
    source: str, metric: str, ramps: int, readings: Sequence[Reading], warnings: Sequence[str]
) -> dict[str, Any]:
    """The document of `ramps` ramps that somebody else ran."""
    return {
        "schema": SCHEMA,
        "source": source,
        "metric": metric,
        "ramps": ramps,
        "rules": [_rule(one) for one in readings],
        "warnings": list(warnings),
    }


def _rule(one: Reading) -> dict[str, Any]:
    found = one.lr
    return {
        "rule": one.rule,
        "lr": found.value,
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "alone": list(one.alone),
    }
