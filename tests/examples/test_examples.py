"""The examples run as their first lines say, and the answers make sense."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import lrscope

EXAMPLES = Path(__file__).parents[2] / "examples"


def scan(folder: Path, *words: str) -> dict:
    """The JSON document of `lrscope scan` with these arguments, run in a folder that holds the examples."""
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(EXAMPLES)
    env = {**os.environ, "PYTHONPATH": str(Path(lrscope.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "lrscope", "scan", "--json", *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def own_command(name: str) -> list[str]:
    """The arguments of the `lrscope scan` line in an example's first lines."""
    line = re.search(r"^ {4}lrscope scan (.*)$", (EXAMPLES / name).read_text("utf-8"), re.MULTILINE)
    assert line is not None
    return shlex.split(line[1])


@pytest.mark.slow
def test_digits(tmp_path):
    """The main example finds a rate that learns the digits, and a cliff above it, by its validation loss."""
    answer = scan(tmp_path, *own_command("digits.py"))
    assert answer["metric"] == "val_loss"
    assert answer["horizon"] == 2000
    assert 1e-3 < answer["recommendation"]["lr"] < 0.5
    assert answer["cliff"]["lr"] > answer["recommendation"]["lr"]
    chosen = [r for r in answer["runs"] if r["lr"] == answer["recommendation"]["lr"]]
    assert chosen[0]["last"] < 0.5  # untrained: 2.3
    assert answer["cost"]["full_runs"] < 5
    assert (tmp_path / "lrscope-out" / "digits-train" / "report.html").stat().st_size > 10_000


@pytest.mark.slow
def test_an_unmodified_script(tmp_path):
    """A script that knows nothing of lrscope is scanned by what it prints."""
    words = own_command("script.py")
    words = [sys.executable if w == "python" else w for w in words]
    answer = scan(tmp_path, "--low", "1e-4", "--high", "10", "--per-decade", "3", *words)
    assert "loss" in answer["metric"]
    assert 1e-3 < answer["recommendation"]["lr"] < 0.2
    assert {r["state"] for r in answer["runs"]} <= {"complete", "stopped", "diverged", "paused"}


def test_the_script_prints_steps_and_losses():
    """The script is an ordinary one: run by hand it prints a loss that falls."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "script.py"), "--lr", "0.003", "--epochs", "5"],
        capture_output=True,
        text=True,
        check=True,
    )
    losses = [float(x) for x in re.findall(r"train loss ([\d.]+)", done.stdout)]
    assert losses[-1] < losses[0] / 2
    assert "lrscope" not in (EXAMPLES / "script.py").read_text("utf-8").partition('"""\n')[2]


@pytest.mark.slow
def test_scikit_learn(tmp_path):
    """An estimator with `partial_fit` is scanned by its accuracy, of which more is better."""
    pytest.importorskip("sklearn")
    answer = scan(tmp_path, "--low", "1e-4", *own_command("sklearn_partial_fit.py"))
    assert answer["metric"] == "val_accuracy"
    assert answer["goal"] == "max"
    assert 5e-3 < answer["recommendation"]["lr"] < 1.0


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_character_model(tmp_path):
    """A PyTorch model in callback form learns Python's own sources best at a rate that Adam is known for."""
    answer = scan(tmp_path, "--low", "1e-4", "--high", "1", "--per-decade", "2", *own_command("charmodel.py"))
    assert answer["metric"] == "val_loss"
    assert answer["horizon"] == 300
    assert 1e-3 < answer["recommendation"]["lr"] < 0.1


def test_the_data_is_what_the_readme_says():
    """1797 images of 64 whole numbers from 0 to 16, with a digit each."""
    import numpy as np

    data = np.load(EXAMPLES / "data" / "digits.npz")
    assert data["images"].shape == (1797, 64)
    assert data["images"].max() == 16
    assert sorted(set(data["labels"].tolist())) == list(range(10))
