"""Logs that their owners' packages wrote: those kept in tests/data/logs, and the same written anew where the
package is installed (extra `test-formats`)."""

from __future__ import annotations

import importlib.util
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

LOGS = Path(__file__).parents[1] / "data" / "logs"


@pytest.fixture(scope="session")
def truth() -> ModuleType:
    """The script that made the logs; its `train_loss(step)` and `val_loss(step)` are what was logged."""
    spec = importlib.util.spec_from_file_location("make_logs", LOGS / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def restore(source: Path, target: Path) -> Path:
    """Copy a kept log; databases are kept as SQL."""
    shutil.copytree(source, target)
    for text in target.glob("*.sql"):
        connection = sqlite3.connect(target / f"{text.stem}.db")
        connection.executescript(text.read_text())
        connection.close()
        text.unlink()
    return target


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[str], Path]:
    """`kept(format)` is a folder with the log of that format that lies in the repository."""
    return lambda name: restore(LOGS / name, tmp_path / "kept" / name)


@pytest.fixture(params=["kept", pytest.param("written", marks=pytest.mark.slow)])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """`log(format, package)` is a folder with a log of that format: the kept one, then one that its owner's
    package writes now (in a process of its own, for it to warn and to fork as it likes)."""

    def make(name: str, *packages: str) -> Path:
        if request.param == "kept":
            return restore(LOGS / name, tmp_path / name)
        for package in packages:
            if importlib.util.find_spec(package) is None:
                pytest.skip(
                    f"{package} is not installed (extra `test-formats`); the kept log is tested instead"
                )
        folder = tmp_path / name
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, str(LOGS / "make.py"), name, str(folder)],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return folder

    return make
