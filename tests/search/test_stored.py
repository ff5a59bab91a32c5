"""Searches on disk say what they said, whichever version of lrscope wrote them."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import lrscope
from lrscope.config import at_rate
from lrscope.errors import StoreError
from lrscope.search.rate.recommendation import Recommendation
from lrscope.statistics.estimate import Estimate
from lrscope.training.store.schema import SCHEMA_VERSION
from lrscope.training.store.sqlite_read import read_store

FIRST = Path(__file__).parents[1] / "data" / "schema1"
NAMES = sorted(path.stem for path in FIRST.glob("*.sqlite"))


def bowl(lr, seed):
    """A parabola."""
    w = 1.0
    for _ in range(40):
        w -= lr * 2 * w
        yield w * w


def old(name):
    """What was printed of a search when the first version made it."""
    return json.loads((FIRST / f"{name}.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_the_first_version_is_read_and_reported(name, tmp_path):
    """Runs, curves and decisions are all there, and text, page and document can be made of them."""
    result = lrscope.load(FIRST / f"{name}.sqlite")
    was = old(name)
    runs = result.outcome.scan.runs
    assert [(r.lr, r.seed, str(r.state), r.step) for r in runs] == [
        (r["lr"], r["seed"], r["state"], r["steps"]) for r in was["runs"]
    ]
    for run, told in zip(runs, was["runs"], strict=True):
        assert {n: c.loss[-1] for n, c in run.curves.items()} == pytest.approx(told["metrics"])
    assert [(d.kind, d.reason) for d in result.outcome.decisions] == [
        (d["kind"], d["reason"]) for d in was["decisions"]
    ]
    assert str(result)
    assert result.report(tmp_path / "page.html").stat().st_size > 1000
    json.dumps(result.to_dict(), allow_nan=False)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("race", "ramp")])
def test_what_the_first_version_named_is_named_still(name):
    """It stored no answer but of planners of somebody's own; asked again, ours give the same rate and interval.

    Where runs failed, the interval is open on their side now: nothing is known of their rates.
    """
    result = lrscope.load(FIRST / f"{name}.sqlite")
    was = old(name)["recommendation"]
    high = result.scan.plan.rates[-1] if name == "failing" else was["high"]
    assert (result.lr.value, result.lr.low, result.lr.high) == pytest.approx((was["lr"], was["low"], high))


def test_a_range_test_of_the_first_version_is_one_still():
    """It was a kind of scan then, and is shown as what it is."""
    result = lrscope.load(FIRST / "ramp.sqlite")
    assert isinstance(result, lrscope.RangeTestResult)
    was = old("ramp")
    assert result.lr.value == was["recommendation"]["lr"]
    assert [(r.rule, r.lr.value) for r in result.readings] == [(r["rule"], r["lr"]) for r in was["rules"]]


def test_a_planner_that_is_gone_leaves_its_curves():
    """The answer rests on them, and says whose it is not."""
    result = lrscope.load(FIRST / "race.sqlite")
    assert result.lr is not None
    assert "RacePlanner, which is not at hand" in result.recommendation.rule


def test_a_scan_of_the_first_version_goes_on(tmp_path):
    """The same call takes up what was measured, and leaves a file of today's schema with nothing lost."""
    shutil.copy(FIRST / "learned.sqlite", tmp_path / "scan.sqlite")
    with closing(sqlite3.connect(tmp_path / "scan.sqlite")) as connection:
        settings = dict(connection.execute("SELECT name, value FROM settings"))
        settings["source"] = json.dumps({"function": f"{__name__}:seldom"})
        connection.executemany(
            "UPDATE settings SET value = ? WHERE name = ?", [(settings["source"], "source")]
        )
        connection.commit()
    before = read_store(tmp_path / "scan.sqlite")
    went_on = lrscope.scan(seldom, low=1e-3, high=1, per_decade=3, budget=6, out=tmp_path)
    after = read_store(tmp_path / "scan.sqlite")
    with closing(sqlite3.connect(tmp_path / "scan.sqlite")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    assert went_on.cost.rework == 0 or went_on.cost.full_runs > 4
    for run in before.runs:
        now = next(r for r in after.runs if r.key == run.key)
        for name, curve in run.curves.items():
            assert now.curves[name].until(int(curve.step[-1])) == curve


def seldom(lr, seed):
    """As the file's own: a parabola with a validation loss every ten steps."""
    w = 1.0
    for step in range(1, 41):
        w -= lr * 2 * w
        yield {"loss": w * w, **({"val_loss": w * w + 0.1} if step % 10 == 0 else {})}


def test_a_report_shows_the_conclusion_that_was_written_down(tmp_path, monkeypatch):
    """Nothing is worked out again: an upgrade that would name another rate changes no old report."""
    made = lrscope.scan(bowl, low=1e-3, high=1, per_decade=3, steps=40, out=tmp_path)

    def changed(*_):
        raise AssertionError("the planner was asked again")

    monkeypatch.setattr("lrscope.search.planners.flow.FlowPlanner.name", changed)
    assert lrscope.load(tmp_path).recommendation == made.recommendation


def test_a_scan_that_has_no_conclusion_yet_is_shown_as_far_as_it_is(tmp_path):
    """Where the last sitting was cut short, the planner names a rate from what there is, and it says so."""
    lrscope.scan(bowl, low=1e-3, high=1, per_decade=3, steps=40, out=tmp_path)
    with closing(sqlite3.connect(tmp_path / "scan.sqlite")) as connection:
        connection.execute("DELETE FROM decisions WHERE kind = 'name'")
        connection.commit()
    read = lrscope.load(tmp_path)
    assert not read.finished
    assert read.lr is not None


def test_an_answer_survives_being_written_down():
    """Infinite and unknown ends of an interval too."""
    answer = Recommendation(
        Estimate(0.1, 0.0, math.inf, 0.9, "by hand"), None, Estimate(1.0, 0.5, 2.0, 0.9, "x"), "why", "rule", "loss",
        "max", ("one", "two"), 0.7,
    )  # fmt: skip
    assert Recommendation.from_dict(json.loads(json.dumps(answer.to_dict()))) == answer


def test_a_kind_of_search_from_the_future_is_refused(tmp_path):
    """In one sentence."""
    lrscope.scan(bowl, low=1e-3, high=1, per_decade=3, steps=40, out=tmp_path)
    with closing(sqlite3.connect(tmp_path / "scan.sqlite")) as connection:
        connection.execute("UPDATE settings SET value = '\"tuning\"' WHERE name = 'kind'")
        connection.commit()
    with pytest.raises(StoreError, match="holds a tuning, which this version of lrscope cannot read"):
        lrscope.load(tmp_path)


def test_further_hyperparameters_reach_the_run_and_the_record(tmp_path):
    """As keyword arguments of the function, in the key of each run, in the file and in the document."""

    def train(lr, seed, *, size, name="x"):
        assert (size, name) == (32, "net")
        yield from bowl(lr, seed)

    result = lrscope.scan(
        train, low=1e-3, high=1, per_decade=3, steps=40, out=tmp_path, config={"size": 32, "name": "net"}
    )
    assert result.lr is not None
    for made in (result, lrscope.load(tmp_path)):
        assert {(r.config["size"], r.config["name"]) for r in made.runs} == {(32, "net")}
        assert made.to_dict()["runs"][0]["config"] == {"lr": made.runs[0].lr, "name": "net", "size": 32}
        assert made.to_dict()["plan"]["fixed"] == {"name": "net", "size": 32}
    with pytest.raises(lrscope.SettingsError, match=r"fixed: .*32.* before, .*64.* now"):
        lrscope.scan(
            train, low=1e-3, high=1, per_decade=3, steps=40, out=tmp_path, config={"size": 64, "name": "net"}
        )
    assert lrscope.load(tmp_path).outcome.scan.run(at_rate(1e-3)) is None


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"seed": 3}, "seed cannot be set"),
        ({"width": 3}, "takes no `width`"),
        ({"layers": [3, 4]}, "must be a number, a text or true or false"),
    ],
)
def test_hyperparameters_that_cannot_be_are_refused_before_anything_runs(config, said):
    """One sentence, and nothing was trained."""
    with pytest.raises(lrscope.UsageError, match=said):
        lrscope.scan(bowl, config=config)
