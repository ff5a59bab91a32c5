"""`lrscope diagnose` and the tools, as they are typed."""

import json
import math
from pathlib import Path

import pytest

from lrscope.cli.main import run

LOGS = Path(__file__).parents[1] / "data" / "logs"


@pytest.fixture
def falls(tmp_path):
    """A log of a loss that still falls, under a cosine that ended half-way."""
    rows = ["step,train_loss,lr"]
    for k in range(200):
        rate = 0.05 * (1 + math.cos(math.pi * min(1.0, k / 100)))
        rows.append(f"{k},{3 - 0.01 * k + 0.01 * math.sin(7 * k)},{rate}")
    path = tmp_path / "log.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_diagnose_answers_and_ends_with_0(falls, capfd):
    """A log in, a verdict out on standard output, nothing on standard error."""
    assert run(["diagnose", str(falls)]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("Descending: stop training")
    assert "The schedule is over: since step" in out
    assert err == ""


def test_json_is_one_document(falls, capfd):
    """--json prints the document and nothing else."""
    assert run(["diagnose", str(falls), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["schema"] == "lrscope.diagnosis/1"
    assert document["source"] == str(falls)
    assert document["format"] == "csv"
    assert document["points"] == 200
    assert document["stepping"][0]["mistake"] == "ended_early"


def test_files_are_written(falls, tmp_path, capfd):
    """--plot and --report write their files, and say so."""
    pytest.importorskip("matplotlib")
    page, picture = tmp_path / "d.html", tmp_path / "d.png"
    assert run(["diagnose", str(falls), "--plot", str(picture), "--report", str(page)]) == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert capfd.readouterr().out.count("Written: ") == 2


def test_nothing_decided_is_status_3(tmp_path, capfd):
    """Too few points are no mistake of the user's: it is said how many would do, and the status is 3."""
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,3\n2,2\n3,1\n")
    assert run(["diagnose", str(path)]) == 3
    assert "would be the least" in capfd.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-file"],
        ["{log}", "--metric", "nothing"],
        ["{log}", "--percent", "-1"],
        ["{log}", "--epoch-steps", "0"],
    ],
)
def test_wrong_use_is_status_2(falls, capfd, arguments):
    """A path, a metric or a number that cannot be is one sentence on standard error."""
    assert run(["diagnose", *(a.format(log=falls) for a in arguments)]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "itself failed" not in err


@pytest.mark.parametrize(
    ("tool", "word"), [("patience", "patience"), ("backtest", "dlib"), ("stepping", "over at step 1")]
)
def test_each_tool_answers_alone(falls, capfd, tool, word):
    """The tools say their own part only, as text and as JSON."""
    assert run([tool, str(falls)]) == 0
    out = capfd.readouterr().out
    assert word in out
    assert "Left to gain" not in out
    assert run([tool, str(falls), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["schema"] == f"lrscope.{tool}/1"
    assert document["runs"][0][tool]


def test_stepping_without_a_rate_is_status_3(tmp_path, capfd):
    """Where no rate was logged there is nothing to check, and that is said."""
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n" + "".join(f"{k},{1 / (k + 1)}\n" for k in range(50)))
    assert run(["stepping", str(path)]) == 3
    assert "No learning rate was logged" in capfd.readouterr().out


@pytest.mark.parametrize(
    "name", ["keras", "lightning", "tensorboard", "trainer_state", "wandb", "mlflow/mlruns"]
)
def test_kept_logs_of_other_tools_are_diagnosed(name, capfd):
    """Logs that their owners' packages wrote give a document of each run, with its format named."""
    status = run(["diagnose", str(LOGS / name), "--json"])
    document = json.loads(capfd.readouterr().out)
    assert status == (3 if document["regime"] == "undecided" else 0)
    assert document["points"] > 0
    assert document["format"]


def test_a_folder_of_runs_gives_a_row_each(falls, tmp_path, capfd):
    """A folder of two logs is two runs, told in two rows and two documents."""
    (tmp_path / "other.csv").write_text(falls.read_text())
    assert run(["diagnose", str(tmp_path), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert len(document["runs"]) == 2
    assert run(["diagnose", str(tmp_path)]) == 0
    assert capfd.readouterr().out.startswith("2 runs: 2 descending\n")


def test_what_cannot_be_read_shows_a_way_that_works(tmp_path, capfd):
    """The error names kinds of line and an option each; the option, taken as it stands, reads the log."""
    log = tmp_path / "odd.log"
    log.write_text("".join(f"at {k} zork={9 / k:.3f} and blah 7\n" for k in range(1, 30)))
    assert run(["diagnose", str(log)]) == 2
    told = capfd.readouterr().err
    assert "29 x  at 1 zork=9.000 and blah 7" in told
    assert "--metric zork" in told
    assert run(["diagnose", str(log), "--metric", "ZORK", "--json"]) in (0, 3)
    assert json.loads(capfd.readouterr().out)["metric"] == "zork"
    pattern = r"at (?P<step>\d+) zork=(?P<zork>\S+)"
    assert run(["diagnose", str(log), "--pattern", pattern, "--json"]) in (0, 3)
    assert json.loads(capfd.readouterr().out)["metric"] == "zork"


def test_the_best_that_a_log_keeps_tells_the_better_side(tmp_path, capfd):
    """CatBoost does not name its metric; what follows the greatest value is a best of which more is better."""
    log = tmp_path / "boost.log"
    rows = [(k, 0.5 + 0.4 * k / (k + 50)) for k in range(0, 400, 10)]
    log.write_text(
        "".join(f"{k}:\tlearn: {v + 0.05:.5f}\ttest: {v:.5f}\tbest: {v:.5f} ({k})\n" for k, v in rows)
    )
    assert run(["diagnose", str(log)]) == 0
    out = capfd.readouterr().out
    assert out.startswith("Descending: keep")
    assert "less was taken to be better" not in out
