"""The JSON document of a scan."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from view_outcomes import KINDS, make, one_point

from lrscope.config import at_rate
from lrscope.statistics.estimate import Estimate
from lrscope.training.store.base import Decision
from lrscope.views.scan import document
from lrscope.views.scan.facts import collect
from lrscope.views.shared.values import dumps, strict


def scan_document(outcome):
    return document.scan_document(collect(outcome))


DOCS = Path(__file__).parents[2] / "docs" / "json.md"


def parsed(text):
    """Parse JSON, refusing the NaN and Infinity that Python would take."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_strict_json_and_comes_back_as_it_was(kind):
    """Every kind of outcome, diverged runs included, is a document without NaN or Infinity that reads back
    equal."""
    document = scan_document(make(kind))
    assert parsed(dumps(document)) == document


def test_it_holds_what_the_design_promises():
    """The keys that others build upon are there, with the values of the outcome."""
    outcome = make("network")
    document = scan_document(outcome)
    assert document["schema"] == "lrscope.scan/1"
    assert (document["metric"], document["goal"], document["horizon"]) == ("loss", "min", 320)
    named = outcome.recommendation
    expected = {
        "lr": named.lr.value,
        "low": named.lr.low,
        "high": named.lr.high,
        "level": 0.9,
        "rule": named.rule,
    }
    assert expected.items() <= document["recommendation"].items()
    assert document["recommendation"]["reason"] == named.reason
    assert {"low": named.band.low, "high": named.band.high, "tolerance": 0.05}.items() <= document[
        "band"
    ].items()
    assert document["cliff"] == {"lr": named.cliff.value, "low": named.cliff.low, "high": named.cliff.high}
    assert {"full_runs", "steps", "seconds", "runs"} <= set(document["cost"])
    assert document["warnings"] == list(named.warnings)
    assert [(r["lr"], r["seed"]) for r in document["runs"]] == [(r.lr, r.seed) for r in outcome.scan.runs]
    assert [(r["id"], r["config"]) for r in document["runs"]] == [
        (r.id, {"lr": r.lr}) for r in outcome.scan.runs
    ]
    for shown, run in zip(document["runs"], outcome.scan.runs, strict=True):
        assert (shown["state"], shown["steps"], shown["reason"]) == (run.state.value, run.step, run.reason)
        last = float(run.curves["loss"].loss[-1])
        assert shown["last"] == (last if math.isfinite(last) else None)


def test_nothing_recommended_is_null():
    """Without an answer, `recommendation` is null and `reason` says why."""
    document = scan_document(make("hopeless"))
    assert document["recommendation"] is None
    assert "Every run diverged" in document["reason"]


def test_an_unknown_interval_is_null():
    """An interval that could not be had is null at both ends, never NaN."""
    outcome = make("three")
    lr = Estimate(0.1, math.nan, math.nan, 0.9, "one run")
    document = scan_document(
        replace(outcome, recommendation=replace(outcome.recommendation, lr=lr, cliff=lr))
    )
    assert (document["recommendation"]["low"], document["cliff"]["high"]) == (None, None)
    parsed(dumps(document))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_null(value):
    """The last value of a run that broke is null."""
    run = scan_document(one_point(value))["runs"][0]
    assert (run["last"], run["level"], run["metrics"]) == (None, None, {"loss": None})


def test_details_of_decisions_become_plain_json():
    """A ledger's details may hold anything that Python can; the document holds what JSON can."""
    outcome = make("three")
    detail = {"score": math.nan, "keys": [(0.1, 0)], "path": Path("a"), 3: math.inf, "ok": True}
    decisions = (Decision("note", "Odd.", at_rate(0.1), detail, math.inf),)
    (shown,) = scan_document(replace(outcome, decisions=decisions))["decisions"]
    assert shown["detail"] == {"score": None, "keys": [[0.1, 0]], "path": "a", "3": None, "ok": True}
    assert (shown["lr"], shown["seed"], shown["time"]) == (0.1, 0, None)
    assert strict(1.5) == 1.5


def test_every_key_is_documented():
    """The page about the document names each of its keys, at every depth."""
    page, document = DOCS.read_text(encoding="utf-8"), scan_document(make("network"))
    parts = [document, document["recommendation"], document["band"], document["cliff"], document["cost"],
             document["runs"][0], document["decisions"][0], document["plan"]]  # fmt: skip
    missing = [key for part in parts for key in part if f"`{key}`" not in page]
    assert missing == []


def test_parts_have_exactly_the_keys_that_were_promised():
    """Parts that are written field by field keep their keys, whatever the classes behind them are called inside."""
    document = scan_document(make("network"))
    assert set(document["cost"]) == {
        "full_runs", "steps", "seconds", "runs", "rework", "overshoot", "full_grid", "budget"
    }  # fmt: skip
    assert set(document["band"]) == {"low", "high", "tolerance", "open_low", "open_high"}
    assert document["rules"] == []
    assert document["plan"]["ramp"] is False
