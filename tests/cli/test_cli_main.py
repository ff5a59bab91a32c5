"""Every way in which a command ends is one message and one status."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import lrscope
from lrscope.cli.main import run
from lrscope.errors import InconclusiveError, SettingsError, SourceError, StoreError

FUNCTION = ["scan", "train.py:train"]


def ends_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def scan(*_args: object, **_options: object) -> object:
        raise error

    monkeypatch.setattr(lrscope, "scan", scan, raising=False)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SourceError("There is no function 'train' in train.py."), 2),
        (SettingsError("The folder x holds another scan."), 2),
        (StoreError("The disk is full."), 1),
        (InconclusiveError("All runs failed."), 3),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "/results"), 1),
        (ZeroDivisionError("division by zero"), 1),
    ],
)
def test_each_error_has_its_status_and_no_traceback(monkeypatch, capfd, tmp_path, error, status):
    """An error becomes its own status and its own words on standard error; standard output stays empty."""
    monkeypatch.chdir(tmp_path)
    ends_with(monkeypatch, error)
    assert run(FUNCTION) == status
    out, err = capfd.readouterr()
    assert out == ""
    assert str(error) in err
    assert "Traceback" not in err


def test_debug_shows_the_users_own_traceback(monkeypatch, capfd, tmp_path):
    """What an error knows beyond its sentence appears with --debug, and only then."""
    monkeypatch.chdir(tmp_path)
    ends_with(
        monkeypatch, SourceError("train.py, line 3: ZeroDivisionError.", detail="File train.py, line 3")
    )
    run(FUNCTION)
    assert "File train.py, line 3" not in capfd.readouterr().err
    run([*FUNCTION, "--debug"])
    assert "File train.py, line 3" in capfd.readouterr().err


def test_debug_shows_where_lrscope_itself_failed(monkeypatch, capfd, tmp_path):
    """A mistake of ours is admitted in one sentence; --debug gives the traceback to report."""
    monkeypatch.chdir(tmp_path)
    ends_with(monkeypatch, RuntimeError("impossible"))
    assert run([*FUNCTION, "--debug"]) == 1
    err = capfd.readouterr().err
    assert "lrscope itself failed" in err
    assert "Traceback" in err


def test_a_programs_own_debug_option_is_not_ours(monkeypatch, capfd, tmp_path):
    """--debug behind -- belongs to the program."""
    monkeypatch.chdir(tmp_path)
    ends_with(monkeypatch, SourceError("No.", detail="more about it"))
    run(["scan", "--", "train", "--lr", "{lr}", "--debug"])
    assert "more about it" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["scan", "--help"], ["report", "--help"], ["--version"]]
)
def test_help_and_version_succeed(arguments, capfd):
    """Asking for help is no mistake."""
    assert run(arguments) == 0
    assert "lrscope" in capfd.readouterr().out


def test_an_unknown_command_is_wrong_use(capfd):
    """A command that does not exist is status 2, and names itself."""
    assert run(["scna"]) == 2
    assert "scna" in capfd.readouterr().err


def test_a_reader_that_has_seen_enough_is_no_error():
    """`lrscope scan --help | head -1` prints one line and nothing on standard error."""
    command = [sys.executable, "-m", "lrscope", "scan", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert err == b""


@contextmanager
def scan_under_way(folder, *shell):
    """A scan whose first run trains, in slow steps until a file `go` is there; started by these words of a shell."""
    (folder / "slow.py").write_text(
        "import time, pathlib\n"
        "def train(lr, seed):\n"
        "    for step in range(1, 9):\n"
        "        pathlib.Path('started').touch()\n"
        "        while not pathlib.Path('go').exists():\n"
        "            time.sleep(0.01)\n"
        "        yield 1.0 / step + lr\n"
    )
    process = subprocess.Popen(
        [
            *shell,
            sys.executable,
            "-m",
            "lrscope",
            "scan",
            "slow.py:train",
            "--steps",
            "8",
            "--per-decade",
            "1",
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        while not (folder / "started").exists() and process.poll() is None:
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("terminal_signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_interrupts_like_ctrl_c(name, tmp_path):
    """SIGTERM and SIGHUP end a scan as Ctrl-C does: status 130 and one sentence."""
    with scan_under_way(tmp_path) as process:
        process.send_signal(getattr(signal, name))
        _out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "continues" in err


@pytest.mark.parametrize("name", ["HUP", "INT"])
def test_a_signal_that_is_ignored_from_the_start_stays_so(name, tmp_path):
    """A scan under `nohup`, or in the background of a script, is not ended by what that protects it from."""
    with scan_under_way(tmp_path, "sh", "-c", f"trap '' {name}; exec \"$@\"", "sh") as process:
        process.send_signal(getattr(signal, f"SIG{name}"))
        (tmp_path / "go").touch()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert out


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(lrscope.__file__).parents[1])}
