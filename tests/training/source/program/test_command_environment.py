"""What a program finds in its environment, besides what the user has put there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lrscope.config import at_rate
from lrscope.training.engine.threads import ThreadEngine
from lrscope.training.source.program import environment
from lrscope.training.source.program.environment import is_python, line_by_line
from lrscope.training.source.program.source import CommandSource


def fake(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_python_is_known_by_its_name_and_by_a_first_line(tmp_path: Path):
    """An interpreter under any of its names, and a script that names one; nothing else."""
    assert is_python(sys.executable, tmp_path)
    link = tmp_path / "mypy-env"
    link.symlink_to(sys.executable)
    assert is_python("./mypy-env", tmp_path)
    fake(tmp_path / "train", "#!/usr/bin/env python3\nprint(1)\n")
    fake(tmp_path / "run.sh", "#!/bin/sh\npython train.py\n")
    (tmp_path / "data").write_bytes(b"#!\xff\xfe")
    assert is_python("./train", tmp_path)
    assert not is_python("./run.sh", tmp_path)
    assert not is_python("./data", tmp_path)
    assert not is_python("./missing", tmp_path)
    assert not is_python("sh", tmp_path)
    assert not is_python("no-such-program-anywhere", tmp_path)


def test_what_stdbuf_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The variables are asked of stdbuf itself; a library that the user preloads stays, and comes first."""
    library = tmp_path / "libstdbuf.so"
    library.touch()
    fake(tmp_path / "stdbuf", f"#!/bin/sh\necho _STDBUF_O=L; echo LD_PRELOAD={library}; echo HOME=/x\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    told = line_by_line("sh", tmp_path, {})
    assert (told["_STDBUF_O"], told["LD_PRELOAD"]) == ("L", str(library))
    assert "HOME" not in told
    assert line_by_line("sh", tmp_path, {"LD_PRELOAD": "/mine.so"})["LD_PRELOAD"] == f"/mine.so:{library}"
    told = line_by_line("sh", tmp_path, {"ASAN_OPTIONS": "detect_leaks=0"})
    assert told["ASAN_OPTIONS"] == "detect_leaks=0:verify_asan_link_order=0"
    assert "LD_PRELOAD" not in line_by_line("sh", tmp_path, {"_STDBUF_O": "0"})
    assert "LD_PRELOAD" not in line_by_line(sys.executable, tmp_path, {})


@pytest.mark.parametrize(
    "text", ["exit 1", "echo LD_PRELOAD=/gone/libstdbuf.so; echo _STDBUF_O=L", "echo nonsense"]
)
def test_a_stdbuf_of_no_use_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str):
    """One that fails, or whose library is gone when it ends, changes nothing; nor does having none."""
    fake(tmp_path / "stdbuf", f"#!/bin/sh\n{text}\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert not {"LD_PRELOAD", "_STDBUF_O"} & line_by_line("sh", tmp_path, {}).keys()
    assert environment._stdbuf(None) == {}


def test_what_the_user_has_set_stays(tmp_path: Path):
    """Only what is missing is added."""
    told = line_by_line(sys.executable, tmp_path, {"COLUMNS": "77", "PYTHONUNBUFFERED": "x"})
    assert not {"COLUMNS", "PYTHONUNBUFFERED"} & told.keys()
    assert told["TTY_COMPATIBLE"] == "1"


@pytest.mark.parametrize("set_by_user", [None, "7"])
@pytest.mark.parametrize("alone", [False, True])
def test_programs_share_the_processors(monkeypatch: pytest.MonkeyPatch, set_by_user: str | None, alone: bool):
    """Programs that train at the same time are given their share of threads, unless the user has said how many;
    one that trains alone is left as it is. The caller's source is not changed."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_by_user is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", set_by_user)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    program = "import os; print('loss', os.environ.get('OMP_NUM_THREADS', 99))"
    source = CommandSource([sys.executable, "-c", program, "{lr}"])
    engine = ThreadEngine(source, 1 if alone else max(2, cores))
    key = at_rate(0.1)
    engine.open(key)
    points = []
    while not points:
        for progress in engine.advance({key: None}, 0.25).values():
            points += progress.points
    engine.shutdown()
    assert points == [(1, "loss", float(set_by_user or (99 if alone else 1)))]
    assert dict(source.variables) == {}
