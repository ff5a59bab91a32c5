"""However a scan ends, nothing that it started is left, running or suspended."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from command_programs import (
    BREEDING,
    STEPS,
    STUBBORN,
    VARIABLE,
    WITH_FAMILY,
    family_members,
    is_reaper,
    python,
    wait_until,
)

from lrscope.training.source.program import guardian
from lrscope.training.source.program.guardian import Guardian
from lrscope.training.source.program.reaper import main as watch

# A scan in small: starts programs of all kinds, and lets each go on a little in turn.
SCAN = f"""\
import sys
from lrscope.config import Config
from lrscope.training.source.program.source import CommandSource
commands = {[python(p, "1000000", "0.001") for p in (STEPS, WITH_FAMILY, STUBBORN, BREEDING)]!r}
sources = [CommandSource(command) for command in commands]
runs, step = [], 0
print("begun", flush=True)
while True:
    step += 3
    if len(runs) < 8:
        runs.append(sources[len(runs) % 4].start(Config(lr=0.1), len(runs)))
    for run in runs:
        run.advance(step, 0.05)
    if step >= int(sys.argv[1]):
        break
"""


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A mark in the environment of everything that the test starts."""
    token = os.urandom(8).hex()
    monkeypatch.setenv(VARIABLE, token)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    yield token
    for process in family_members(token):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            if not is_reaper(process) or process.ppid() != os.getpid():
                process.kill()


def start_scan(steps: int = 10**9) -> subprocess.Popen[bytes]:
    scan = subprocess.Popen(
        [sys.executable, "-c", SCAN, str(steps)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert scan.stdout is not None
    assert scan.stdout.readline() == b"begun\n"
    return scan


def finish(scan: subprocess.Popen[bytes]) -> int:
    assert scan.stdout is not None
    scan.stdout.close()
    return scan.wait(30)


def killed_at_random(token: str, times: int, number: signal.Signals) -> None:
    moments = random.Random(times)
    most = 0
    for turn in range(times):
        scan = start_scan()
        time.sleep(moments.uniform(0, 0.6))
        if turn == 0:  # at least once late enough, however busy the machine is
            wait_until(lambda: len(family_members(token)) > 5)
        most = max(most, len(family_members(token)))
        scan.send_signal(number)
        assert finish(scan) == -number
        assert wait_until(lambda: not family_members(token)), family_members(token)
    assert most > 5  # or there was nothing to be left


def test_a_scan_killed_at_any_moment_leaves_nothing(token: str):
    """`kill -9` while programs are started, run, suspended and resumed; daemons and the stubborn included."""
    killed_at_random(token, 4, signal.SIGKILL)


@pytest.mark.slow
def test_a_scan_killed_at_many_moments_leaves_nothing(token: str):
    """The same, fifty times."""
    killed_at_random(token, 50, signal.SIGKILL)


def test_a_scan_that_is_terminated_leaves_nothing(token: str):
    """SIGTERM ends Python without any clean-up; the reaper does it."""
    killed_at_random(token, 3, signal.SIGTERM)


def test_a_scan_that_forgets_to_close_its_runs_leaves_nothing(token: str):
    """At the end of the interpreter all is over before the scan itself is gone: nothing to wait for."""
    scan = start_scan(30)
    assert finish(scan) == 0
    assert [process for process in family_members(token) if not is_reaper(process)] == []


@pytest.mark.usefixtures("terminal_signals")
def test_ctrl_c_reaches_the_scan_alone(token: str):
    """Programs are in sessions of their own: a terminal's signal does not hit them before the scan saves."""
    scan = start_scan()
    assert wait_until(lambda: len(family_members(token)) > 6)
    mine = os.getpgid(scan.pid)

    def alone() -> bool:  # a program that was forked this moment has no session of its own yet
        return mine not in {os.getpgid(p.pid) for p in family_members(token) if p.pid != scan.pid}

    assert wait_until(alone)
    scan.send_signal(signal.SIGINT)
    assert finish(scan) != 0
    assert wait_until(lambda: not family_members(token))


def test_a_program_started_but_never_registered_is_found(token: str):
    """The scan may die between the two; the mark in the environment is enough."""
    script = (
        "import os, signal, subprocess, sys\nfrom lrscope.training.source.program import guardian\n"
        "subprocess.Popen(['setsid', 'sh', '-c', 'sleep 600 & sleep 600'],"
        " env={**os.environ, **guardian.environment('run')})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -signal.SIGKILL
    assert wait_until(lambda: not family_members(token))


def test_a_registered_session_is_found_without_its_mark(token: str):
    """What has emptied its environment is still in the registered session, its parent gone or not."""
    script = (
        "import os, signal, subprocess, sys, time\nfrom lrscope.training.source.program import guardian\n"
        "p = subprocess.Popen(['env', '-i', 'sh', '-c', 'sleep 601 & sleep 601 & echo $! ; exit'],"
        " start_new_session=True, stdout=subprocess.PIPE)\n"
        "guardian.protect(p.pid)\nprint(p.stdout.readline().decode(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE)
    pid = int(done.stdout)
    assert wait_until(
        lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    )


def test_a_fork_of_the_scan_does_not_keep_the_reaper_waiting(token: str):
    """A forked worker holds a copy of the pipe; the reaper looks at the scan itself, too."""
    script = (
        "import ctypes, os, signal, subprocess, time\nfrom lrscope.training.source.program import guardian\n"
        "subprocess.Popen(['sleep', '602'], env={**os.environ, **guardian.environment('run')})\n"
        "if ctypes.PyDLL(None).fork() == 0:\n    time.sleep(600)\n    os._exit(0)\n"  # past Python's own hooks
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script])
    assert wait_until(lambda: not [p for p in family_members(token) if p.name() == "sleep"])


def test_a_reaper_that_was_killed_is_replaced(token: str):
    """Somebody who ends the reaper does not end the protection: its successor is told everything."""
    guard = Guardian()
    first = subprocess.Popen(
        ["sleep", "603"], env={**os.environ, **guard.environment("a")}, start_new_session=True
    )
    guard.protect(first.pid)
    reapers = [process for process in family_members(token) if is_reaper(process)]
    reapers[0].kill()
    assert wait_until(lambda: reapers[0] not in family_members(token))
    second = subprocess.Popen(["sleep", "604"], env={"PATH": os.environ["PATH"]}, start_new_session=True)
    guard.protect(second.pid)
    guard.shutdown()
    assert first.wait(10) == -signal.SIGKILL
    assert second.wait(10) == -signal.SIGKILL


def test_what_was_released_is_left_alone(token: str):
    """A number that was given back may belong to anybody by now."""
    guard = Guardian()
    other = subprocess.Popen(["sleep", "605"], start_new_session=True)
    guard.protect(other.pid)
    guard.release(other.pid)
    guard.shutdown()
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_number_that_is_used_again_is_left_alone(token: str, monkeypatch: pytest.MonkeyPatch):
    """A registration names a process by number and birth; another birth is another process."""
    other = subprocess.Popen(["sleep", "606"], start_new_session=True)
    read, write = os.pipe()
    os.write(write, f"protect {other.pid} 1\ndone\n".encode())
    os.close(write)
    stdin = os.dup(0)
    handlers = {
        n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT)
    }
    try:
        os.dup2(read, 0)
        watch([f"LRSCOPE_{os.urandom(4).hex()}=", str(os.getppid())])
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)
        os.close(read)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert other.poll() is None
    other.kill()
    other.wait()


def test_the_reaper_holds_no_output_of_the_scan(token: str):
    """`lrscope scan | head` must not wait for the reaper: it has neither the pipe nor the folder."""
    guardian.environment("run")
    mine = [p for p in psutil.Process().children() if is_reaper(p)]
    assert mine
    for process in mine:
        assert Path(f"/proc/{process.pid}/fd/1").readlink() == Path("/dev/null")
        assert Path(f"/proc/{process.pid}/fd/2").readlink() == Path("/dev/null")
        assert process.cwd() == "/"


def test_the_reaper_loads_next_to_nothing():
    """It has to be up before the first program, and stays for the whole scan: no NumPy, no psutil."""
    script = (
        "import sys; sys.path.append(sys.argv[1]); import lrscope.training.source.program.reaper; "
        "loaded = {name.partition('.')[0] for name in sys.modules}; "
        "print(sorted(loaded & {'numpy', 'psutil', 'click', 'rich', 'subprocess'}))"
    )
    root = str(Path(guardian.__file__).parents[4])
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-s", "-c", script, root], capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
