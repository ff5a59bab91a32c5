"""The public functions."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import sys
from dataclasses import replace

import pytest
from scripted import ScriptedSource, decay

import lrscope
from lrscope.errors import InconclusiveError, SettingsError, StoreError, UsageError
from lrscope.search.planners.grid import FullGridPlanner


def bowl(lr, seed):
    """Gradient descent on w², which is fastest at lr 0.5 and diverges from 1 on."""
    w = 1.0
    for _ in range(40):
        w -= lr * 2 * w
        yield w * w + 0.01


GRID = {"low": 1e-3, "high": 10.0, "per_decade": 2, "steps": 40}


def test_a_scan_in_memory_finds_the_rate_and_writes_nothing(tmp_path, monkeypatch):
    """Three lines of Python give a rate, its cliff and its cost; without `out` no file is made."""
    monkeypatch.chdir(tmp_path)
    result = lrscope.scan(bowl, **GRID)
    assert 0.1 <= result.lr.value <= 1.0
    assert result.lr == result.recommendation.lr
    assert result.finished
    assert result.cost.full_runs <= 4.0
    assert result.cost.full_grid > result.cost.full_runs
    assert [run.lr for run in result.runs] == sorted(run.lr for run in result.runs)
    assert list(tmp_path.iterdir()) == []
    assert (
        repr(result)
        == f"<ScanResult of {result.outcome.name}: lr={result.lr.value:g}, {len(result.runs)} runs>"
    )


def test_what_is_read_from_disk_says_what_the_scan_said(tmp_path):
    """`load` gives the same answer, warnings, cost and ledger as the scan did, from folder or file."""
    made = lrscope.scan(bowl, out=tmp_path / "scan", **GRID)
    for place in (tmp_path / "scan", tmp_path / "scan" / "scan.sqlite"):
        read = lrscope.load(place)
        assert read.outcome.finished
        assert read.recommendation == made.recommendation
        assert read.cost == made.cost
        assert read.scan.plan == made.scan.plan
        assert read.outcome.decisions == made.outcome.decisions
        assert read.outcome.name == made.outcome.name
        for one, other in zip(read.runs, made.runs, strict=True):
            assert one.curves == other.curves
            assert (one.key, one.state, one.step, one.reason) == (
                other.key,
                other.state,
                other.step,
                other.reason,
            )
    assert sorted(p.name for p in (tmp_path / "scan").iterdir()) == ["scan.sqlite"]


def test_a_result_shows_itself(tmp_path):
    """Text, dictionary, HTML and report all come from the same outcome."""
    result = lrscope.scan(bowl, **GRID)
    assert f"{result.lr.value:.2g}" in str(result)
    document = result.to_dict()
    assert document["schema"] == "lrscope.scan/1"
    assert document["recommendation"]["lr"] == result.lr.value
    json.dumps(document, allow_nan=False)
    assert result._repr_html_().startswith("<pre>")
    assert result.report(tmp_path / "scan.html").read_text().lower().startswith("<!doctype html>")


def test_fresh_moves_aside_and_deletes_nothing(tmp_path):
    """Starting over keeps the earlier scan, in a folder of its own, readable as before."""
    first = lrscope.scan(bowl, out=tmp_path / "scan", **GRID)
    changed = {**GRID, "steps": 20}
    with pytest.raises(SettingsError, match="steps: 40 before, 20 now"):
        lrscope.scan(bowl, out=tmp_path / "scan", **changed)
    second = lrscope.scan(bowl, out=tmp_path / "scan", fresh=True, **changed)
    third = lrscope.scan(bowl, out=tmp_path / "scan", fresh=True, **changed)
    assert second.scan.plan.horizon == third.scan.plan.horizon == 20
    aside = sorted((tmp_path / "scan").glob("before-*"))
    assert len(aside) == 2
    assert {lrscope.load(folder).scan.plan.horizon for folder in aside} == {40, 20}
    assert lrscope.load(aside[0]).recommendation == first.recommendation


def test_a_folder_in_use_is_not_moved_from_under_its_scan(tmp_path):
    """`fresh` respects a scan that is at work, as everything else does."""
    from lrscope.training.store.sqlite import SqliteStore

    lrscope.scan(bowl, out=tmp_path, **GRID)
    store = SqliteStore(tmp_path / "scan.sqlite")
    for fresh in (True, False):
        with pytest.raises(SettingsError, match="in use by another scan"):
            lrscope.scan(bowl, out=tmp_path, fresh=fresh, **GRID)
    store.close()
    assert not list(tmp_path.glob("before-*"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"low": 1.0, "high": 0.1}, "low must be below high"),
        ({"low": 0.0}, "low must be a positive learning rate"),
        ({"high": -1.0}, "high must be a positive learning rate"),
        ({"high": math.inf}, "high must be a positive"),
        ({"per_decade": 0}, "per_decade"),
        ({"steps": 0}, "steps must be a whole number of at least 1, not 0"),
        ({"steps": 2.5}, "steps must be a whole number"),
        ({"budget": 0.0}, "budget must be a positive number"),
        ({"budget": math.nan}, "budget must be a positive number"),
        ({"budget": 0.01}, "four learning rates"),
        ({"seeds": 0}, "seeds must be"),
        ({"jobs": 0}, "jobs must be"),
        ({"jobs": True}, "jobs must be"),
        ({"max_paused": -1}, "max_paused must be"),
        ({"tolerance": 1.5}, "tolerance must be below 1"),
        ({"goal": "best"}, "goal must be one of 'min', 'max', not 'best'"),
        ({"objective": "mean"}, "objective must be one of"),
        ({"planner": "random"}, "planner must be one of 'flow', 'grid', 'halving'"),
        ({"engine": "dask"}, "engine must be one of"),
        ({"engine": "serial", "jobs": 2}, "serial engine trains one run at a time"),
        ({"pattern": "loss"}, "pattern is for programs"),
        ({"metrics_file": "m.csv"}, "metrics_file is for programs"),
    ],
)
def test_wrong_arguments_give_one_sentence_before_anything_runs(tmp_path, wrong, says):
    """Each wrong argument is named with its rule and value; nothing is run and nothing is written."""
    ran = []

    def train(lr, seed):
        ran.append(lr)
        yield 1.0

    with pytest.raises(UsageError) as raised:
        lrscope.scan(train, **{"out": tmp_path / "scan", **GRID, **wrong})
    assert says in raised.value.message
    assert "\n" not in raised.value.message
    assert isinstance(raised.value, ValueError)
    assert ran == []
    assert not (tmp_path / "scan").exists()


def test_something_that_cannot_be_trained_is_named():
    """A number is neither a function nor a program."""
    with pytest.raises(UsageError, match="not int"):
        lrscope.scan(3)


def test_a_function_that_raises_names_the_users_line():
    """The first two failures end the scan; the message holds the line, the detail the traceback."""

    def train(lr, seed):
        yield {}["missing"]

    with pytest.raises(InconclusiveError, match="KeyError") as raised:
        lrscope.scan(train, **GRID)
    assert "test_api.py" in raised.value.message + (raised.value.detail or "")


def test_a_source_of_ones_own_and_an_observer(tmp_path):
    """Anything that fulfils the seam can be scanned, and anybody may watch."""
    seen = []
    result = lrscope.scan(
        ScriptedSource(decay), low=1e-4, high=1.0, per_decade=1, steps=16, progress=seen.append, out=tmp_path
    )
    assert result.lr is not None
    assert seen[-1].doing == "done"


def test_a_scan_that_is_not_there(tmp_path):
    """Loading a folder without a scan, or a path that is nothing, says what to name."""
    with pytest.raises(StoreError, match="holds no scan"):
        lrscope.load(tmp_path)
    with pytest.raises(StoreError, match="does not exist"):
        lrscope.load(tmp_path / "nothing")
    (tmp_path / "scan.sqlite").write_bytes(b"")
    with pytest.raises(StoreError, match="empty"):
        lrscope.load(tmp_path)


def test_results_cannot_go_where_a_file_is(tmp_path):
    """A file in the place of the folder is one sentence."""
    (tmp_path / "scan").write_text("I am a file")
    with pytest.raises(StoreError, match="--out"):
        lrscope.scan(bowl, out=tmp_path / "scan", **GRID)


def test_an_interrupted_scan_on_disk_says_so(tmp_path):
    """A ledger that stops before its conclusion is read as unfinished, with the best answer so far."""
    lrscope.scan(bowl, out=tmp_path, **GRID)
    connection = sqlite3.connect(tmp_path / "scan.sqlite")
    with connection:
        connection.execute("DELETE FROM decisions WHERE kind = 'name'")
    connection.close()
    read = lrscope.load(tmp_path)
    assert not read.finished
    assert read.lr is not None


class Middle(FullGridPlanner):
    """Somebody's own planner: the grid, but it names the middle of what was tried."""

    def name(self, scan):
        answer = super().name(scan)
        rates = sorted({run.lr for run in scan.runs})
        lr = lrscope.Estimate(rates[len(rates) // 2], 0.0, math.inf, 0.9, "the middle")
        return replace(answer, lr=lr, rule="the middle", reason="It is the middle.")


def test_a_scan_by_somebodys_own_planner_says_on_disk_what_it_said(tmp_path):
    """`load` gives the answer of a planner that it cannot know, word for word."""
    made = lrscope.scan(bowl, out=tmp_path, planner=Middle(), **GRID)
    read = lrscope.load(tmp_path)
    assert read.recommendation == made.recommendation
    assert read.recommendation.rule == "the middle"
    json.dumps(read.to_dict(), allow_nan=False)


def valley(lr):
    """A plain function, least at 0.01."""
    return (math.log10(lr) + 2) ** 2 + 0.1


def test_a_plain_function_is_called_twelve_times_unless_told_otherwise():
    """The default budget of a plain function finds the rate on the grid, for the price of twelve calls."""
    result = lrscope.scan(valley)
    assert float(result.lr) == 0.01
    assert len(result.runs) == 12
    assert result.cliff is None  # nothing diverged, and single values tell of no start
    assert len(lrscope.scan(valley, budget=5).runs) == 5
    assert len(lrscope.scan(valley, low=1e-3, high=0.1, per_decade=2).runs) == 5


def constant(lr, seed):
    """Nothing is trained."""
    for _ in range(20):
        yield 1.0


def test_a_loss_that_never_moves_is_said_to_stand_still():
    """One value in all runs and at all steps is another fault than a rate that does not arrive."""
    result = lrscope.scan(constant)
    assert result.lr is None
    assert result.recommendation.reason.startswith("loss stayed at 1 in all")


def test_a_metric_that_a_whole_run_did_not_report_ends_the_scan_early():
    """A mistyped metric does not cost the budget."""
    result = lrscope.scan(bowl, metric="los", low=1e-3, high=10.0, per_decade=2)
    assert result.lr is None
    assert result.cost.full_runs < 2.5


def test_the_same_scan_again_is_told_to_have_ended(tmp_path, capsys):
    """The second time nothing is trained, and progress says why, once."""
    made = lrscope.scan(bowl, out=tmp_path, **GRID)
    again = lrscope.scan(bowl, out=tmp_path, progress=True, **GRID)
    said = capsys.readouterr().err
    assert again.recommendation == made.recommendation
    assert said.startswith("The scan in this folder has ended: 9 runs and ")
    assert said.count("Nothing is left to do for this budget") == 1
    assert "stopped early" not in said


def test_other_settings_are_refused_with_the_folder_named(tmp_path):
    """The message says where the other scan is."""
    lrscope.scan(bowl, out=tmp_path, **GRID)
    with pytest.raises(SettingsError, match=f"results in {re.escape(str(tmp_path))} were made with other"):
        lrscope.scan(bowl, out=tmp_path, **{**GRID, "steps": 30})


def nothing_but_nan(lr, seed):
    for _ in range(20):
        yield math.nan


def test_nan_from_the_start_is_no_matter_of_the_rate():
    """Where every rate gives NaN at once, lower rates are not what is advised."""
    with pytest.raises(InconclusiveError, match="look for the fault in the data or the loss"):
        lrscope.scan(nothing_but_nan)


def test_what_a_run_says_at_its_very_end_is_heard() -> None:
    """A validation that closes the last epoch comes after the last step; the run is not cut off before it."""

    def train(run):
        w = 1.0
        for step in range(1, 11):
            w -= run.lr * w
            run.report(loss=w * w, step=step)
            if step % 5 == 0:
                run.report(val_loss=w * w + 0.1, step=step)

    result = lrscope.scan(train, low=0.01, high=1, per_decade=2, steps=10)
    whole = [run for run in result.runs if run.step == 10]
    assert whole
    assert all(10 in run.metric("val_loss").step for run in whole)


def test_a_program_that_does_not_end_after_its_last_step_is_not_waited_for(monkeypatch, tmp_path) -> None:
    """The time to say something at the end is bounded: a program that then sleeps does not hold up the scan."""
    monkeypatch.setattr("lrscope.search.executor.FINISHING_SECONDS", 0.3)
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, time\n"
        "w = 1.0\n"
        "for i in range(1, 21):\n"
        "    w -= float(sys.argv[1]) * w\n"
        "    print(f'step {i}/20 loss {w * w + 0.1}')\n"
        "time.sleep(3600)\n"
    )
    result = lrscope.scan([sys.executable, str(script), "{lr}"], low=0.01, high=1, per_decade=1)
    assert any(run.step == 20 and run.state == "complete" for run in result.runs)
