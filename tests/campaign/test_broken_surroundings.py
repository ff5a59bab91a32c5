"""A disk that is full and a folder that takes no writes: real ones, met by the real command."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lrscope
from lrscope.training.store.sqlite_read import read_store

TRAIN = """
def train(lr, seed):
    w = 1.0
    for _ in range(3000):
        w -= 0.01 * lr * w
        yield w * w
"""


def command(folder: Path, out: Path, room: int | None = None) -> subprocess.CompletedProcess[str]:
    """The scan; with `room`, no file of its may grow past so many bytes, as on a full disk."""

    def confine() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    what = [
        "--steps",
        "3000",
        "--per-decade",
        "2",
        "--low",
        "1e-3",
        "--json",
        "--out",
        str(out),
        "train.py:train",
    ]
    return subprocess.run(
        [sys.executable, "-m", "lrscope", "scan", *what],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(lrscope.__file__).parent.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=None if room is None else confine,
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path


@pytest.mark.slow
def test_a_full_disk_stops_the_scan_in_one_sentence_and_loses_nothing(folder):
    """With room for 20, 60 or 120 kB the scan ends with status 1 and one sentence; what was written is whole; and
    with room again, the same command ends as a scan that never met a full disk."""
    expected = json.loads(command(folder, folder / "plain").stdout)
    out = folder / "out"
    points = 0
    for room in (20_000, 60_000, 120_000):
        stopped = command(folder, out, room)
        assert stopped.returncode == 1, stopped.stderr
        (line,) = [line for line in stopped.stderr.splitlines() if line.startswith("Error:")]
        assert str(out / "scan.sqlite") in line
        assert "disk" in line
        assert "Traceback" not in stopped.stderr
        if "opened" not in line:
            held = sum(len(c) for run in read_store(out / "scan.sqlite").runs for c in run.curves.values())
            assert held >= points
            points = held
    assert points > 300
    last = command(folder, out)
    assert last.returncode == 0, last.stderr
    found = json.loads(last.stdout)
    assert found["recommendation"] == expected["recommendation"]
    assert [(r["lr"], r["state"], r["steps"]) for r in found["runs"]] == [
        (r["lr"], r["state"], r["steps"]) for r in expected["runs"]
    ]


@pytest.mark.slow
def test_a_place_that_takes_no_writes_is_told_before_any_training(folder):
    """Where a folder cannot be made, whoever asks, the command ends with status 1 and one sentence."""
    # Below /proc nobody can make a folder, root included; nothing has to be mounted or changed for it.
    refused = command(folder, Path("/proc/lrscope/out"))
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("Error:")]
    assert "/proc/lrscope/out" in line
    assert "--out" in line
    assert "Traceback" not in refused.stderr
