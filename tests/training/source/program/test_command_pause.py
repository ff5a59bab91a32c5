"""A program that is paused costs nothing, goes on where it was, and ends when it is told to."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil
import pytest
from command_programs import (
    AT_ONCE,
    BREEDING,
    STEPS,
    STUBBORN,
    VARIABLE,
    WITH_FAMILY,
    cpu_seconds,
    family_members,
    is_reaper,
    python,
    wait_until,
)

from lrscope.config import Config
from lrscope.training.source.base import LiveRun, Status
from lrscope.training.source.program.source import CommandSource


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A mark in the environment of everything the test starts; nothing with it may be left afterwards."""
    token = os.urandom(8).hex()
    monkeypatch.setenv(VARIABLE, token)
    yield token
    assert [p for p in family_members(token) if not is_reaper(p)] == []


def programs(token: str) -> list[psutil.Process]:
    return [process for process in family_members(token) if not is_reaper(process)]


def until(run: LiveRun, step: int | None, seconds: float = 60.0):
    """Advance as the session does, in slices; the last progress, with all points."""
    points, deadline = [], time.monotonic() + seconds
    while True:
        progress = run.advance(step, 0.25)
        points += progress.points
        if progress.status is not Status.ADVANCING or time.monotonic() > deadline:
            return progress, points


def test_nothing_is_started_before_the_first_advance(token: str, tmp_path: Path):
    """A run that is only made ready costs nothing, and closing it makes no file."""
    run = CommandSource(python(STEPS, "10", "0")).start(Config(lr=0.1), 0, log=tmp_path / "log")
    assert programs(token) == []
    assert run.memory() is None
    run.close()
    assert list(tmp_path.iterdir()) == []


def test_steps_are_reached_one_after_the_other(token: str):
    """Each pause comes at the step asked for, in one process, and no step is lost or seen twice."""
    run = CommandSource(python(STEPS, "60", "0.005")).start(Config(lr=0.1), 0)
    seen, pids = [], set()
    for step in (1, 2, 10, 30):
        progress, points = until(run, step)
        assert progress.status is Status.PAUSED
        assert progress.step >= step
        seen += points
        pids.add(programs(token)[0].pid)
    progress, points = until(run, None)
    assert progress.status is Status.ENDED
    seen += points
    assert [point[0] for point in seen] == list(range(1, 61))
    assert seen[3] == (4, "loss", 0.25)
    assert len(pids) == 1
    run.close()


def test_a_step_that_was_passed_already_is_not_run_again(token: str):
    """Asked for a step behind it, the run stays suspended and says so at once."""
    run = CommandSource(python(STEPS, "1000", "0.001")).start(Config(lr=0.1), 0)
    until(run, 50)
    before = cpu_seconds(programs(token))
    progress = run.advance(20, 5.0)
    assert progress.status is Status.PAUSED
    assert progress.points == []
    assert cpu_seconds(programs(token)) == before
    run.close()


def test_a_paused_family_uses_no_processor_time(token: str):
    """Program, child, grandchild, and a daemon with a session of its own: all stand still, and all go on."""
    run = CommandSource(python(WITH_FAMILY)).start(Config(lr=0.1), 0)
    steps = count(200, 50)
    assert wait_until(lambda: until(run, next(steps)) and len(programs(token)) == 4, 60)
    family = programs(token)
    assert len({os.getsid(process.pid) for process in family}) == 2
    before = cpu_seconds(family)
    time.sleep(0.5)
    assert cpu_seconds(family) == before
    assert {process.status() for process in family} == {psutil.STATUS_STOPPED}
    until(run, next(steps))
    assert cpu_seconds(family) > before
    until(run, next(steps))
    assert {process.status() for process in family} == {psutil.STATUS_STOPPED}
    run.close()


def test_children_born_while_it_is_suspended_are_caught(token: str):
    """Hundreds of births a second, in another session: after each pause every one of them stands still."""
    run = CommandSource(python(BREEDING)).start(Config(lr=0.1), 0)
    most = 0
    for step in (50, 100, 150, 200, 250, 300):
        progress, _ = until(run, step)
        assert progress.status is Status.PAUSED
        family = programs(token)
        assert {process.status() for process in family} == {psutil.STATUS_STOPPED}
        most = max(most, len(family))
    assert most > 10
    run.close()


def test_twenty_suspended_programs(token: str):
    """Many runs wait side by side; none of them moves, and all are gone in the end."""
    source = CommandSource(python(STEPS, "100000", "0.001"))
    runs = [source.start(Config(lr=0.1 / k), 0) for k in range(1, 21)]
    for run in runs:
        assert until(run, 3)[0].status is Status.PAUSED
    family = programs(token)
    assert len(family) == 20
    before = cpu_seconds(family)
    time.sleep(0.3)
    assert cpu_seconds(family) == before
    memory = runs[0].memory()
    assert memory is not None
    assert 1 << 20 < memory < 1 << 28
    for run in runs:
        run.close()
    assert programs(token) == []


def test_programs_that_are_closed_together_end_together(token: str, tmp_path: Path):
    """Each of these takes its leave only when all have been asked to: one after the other they would wait."""
    program = (
        "import pathlib, signal, sys, time\n"
        "here, me, n = pathlib.Path(sys.argv[2]), sys.argv[1], 4\n"
        "def end(*_):\n"
        "    (here / f'asked-{me}').touch()\n"
        "    while len(list(here.glob('asked-*'))) < n:\n        time.sleep(0.005)\n"
        "    (here / f'done-{me}').touch()\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "for step in range(1, 10**6):\n    print(f'step {step}: loss 1')\n    time.sleep(0.002)\n"
    )
    source = CommandSource(python(program, str(tmp_path)))
    source.grace = 60.0  # on a busy machine
    runs = [source.start(Config(lr=0.1 / k), 0) for k in range(1, 5)]
    for run in runs:
        until(run, 3)
    source.close_runs([*runs, source.start(Config(lr=0.5), 0)])  # one of which was never advanced
    assert len(list(tmp_path.glob("done-*"))) == 4
    assert programs(token) == []
    source.close_runs(runs)  # a second time does nothing


def test_a_shell_program_without_python(token: str):
    """Nothing about it is Python's: a shell loop with child processes is paused and goes on."""
    loop = (
        'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "step $i: loss 0.$i"; sleep 0.01; done; echo rate $0'
    )
    run = CommandSource(["sh", "-c", loop, "{lr}"]).start(Config(lr=0.25), 0)
    progress, first = until(run, 10)
    assert progress.status is Status.PAUSED
    # A shell caught in vfork() waits, out of reach of signals, for its child, which is suspended before its exec().
    resting = {psutil.STATUS_STOPPED, psutil.STATUS_DISK_SLEEP}
    assert {process.status() for process in programs(token)} <= resting
    before = [sum(process.cpu_times()[:2]) for process in programs(token)]
    time.sleep(0.2)
    assert [sum(process.cpu_times()[:2]) for process in programs(token)] == before
    progress, rest = until(run, None)
    assert progress.status is Status.ENDED
    assert [step for step, _, _ in first + rest] == list(range(1, 41))
    run.close()


def test_a_program_that_ignores_being_asked_to_end(token: str):
    """It is killed; and having been seen to ignore it, the next one is not waited for as long."""
    source = CommandSource(python(STUBBORN))
    run = source.start(Config(lr=0.1), 0)
    until(run, 5)
    grace = source.grace
    run.close()
    assert programs(token) == []
    assert source.grace < grace
    run.close()  # a second time does nothing


def test_a_program_that_ends_when_asked_may_clean_up(token: str, tmp_path: Path):
    """SIGTERM reaches it although it is suspended, and it has time to act on it."""
    program = (
        "import signal, sys, time, pathlib\n"
        "def end(*_):\n    pathlib.Path(sys.argv[2]).write_text('saved')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "for step in range(1, 10**6):\n    print(f'step {step}: loss 1')\n    time.sleep(0.002)\n"
    )
    run = CommandSource(python(program, str(tmp_path / "saved"))).start(Config(lr=0.1), 0)
    until(run, 3)
    run.close()
    assert (tmp_path / "saved").read_text() == "saved"


def test_children_that_outlive_their_parent(token: str):
    """A program that ends and leaves daemons behind has ended; the daemons are ended, and it is said."""
    program = (
        "import subprocess, sys\nfor _ in range(3):\n"
        "    subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "print('step 1: loss 0.5')\n"
    )
    run = CommandSource(python(program)).start(Config(lr=0.1), 0)
    progress, points = until(run, None)
    assert progress.status is Status.ENDED
    assert points == [(1, "loss", 0.5)]
    assert any("left processes behind" in note for note in progress.notes)
    assert programs(token) == []
    run.close()


class StopAt:
    """A watch that stops a run at a step, and keeps what it was shown."""

    def __init__(self, step: int) -> None:
        self.step, self.shown = step, []

    def __call__(self, step: int, metric: str, value: float) -> str | None:
        self.shown.append(step)
        return f"stopped at {step}" if step == self.step else None


def test_the_watch_ends_the_program(token: str):
    """At the point where the watch speaks the run is over: nothing after it, and no process is left."""
    watch = StopAt(7)
    run = CommandSource(python(STEPS, "100000", "0")).start(Config(lr=0.1), 0, watch=watch)
    progress, points = until(run, None)
    assert progress.status is Status.DIVERGED
    assert progress.reason == "stopped at 7"
    assert progress.step == 7
    assert [step for step, _, _ in points] == [1, 2, 3, 4, 5, 6, 7]
    assert programs(token) == []
    run.close()


def test_the_watch_is_shown_only_what_was_asked_for(token: str):
    """A fast program is stopped some way past the step; the verdict must not depend on how far."""
    watch = StopAt(12)
    run = CommandSource(python(AT_ONCE + "time.sleep(600)")).start(Config(lr=0.1), 0, watch=watch)
    progress, _ = until(run, 10)
    assert progress.status is Status.PAUSED
    assert watch.shown == list(range(1, 11))
    progress, _ = until(run, 20)
    assert progress.status is Status.DIVERGED
    assert progress.step == 12
    run.close()


def test_a_run_that_overshot_to_its_end_is_paused_first(token: str):
    """Whether a short program has ended before it could be stopped is chance, and must not be seen."""
    run = CommandSource(python(AT_ONCE)).start(Config(lr=0.1), 0)
    assert until(run, 10)[0].status is Status.PAUSED
    time.sleep(0.2)
    assert until(run, 30)[0].status is Status.PAUSED
    assert until(run, 31)[0].status is Status.ENDED
    run.close()


def test_a_program_killed_while_it_is_suspended(token: str):
    """Somebody else's kill is told as a failure of the run, not as an error of the scan."""
    run = CommandSource(python(STEPS, "100000", "0.001")).start(Config(lr=0.1), 0)
    until(run, 5)
    programs(token)[0].kill()
    assert wait_until(lambda: not programs(token))
    progress, _ = until(run, 10**6)
    assert progress.status is Status.FAILED
    assert progress.reason is not None
    assert "SIGKILL" in progress.reason
    run.close()


def test_time_is_counted_only_while_it_runs(token: str):
    """Waiting between two advances is not training."""
    run = CommandSource(python(STEPS, "1000", "0.001")).start(Config(lr=0.1), 0)
    start = time.monotonic()
    seconds = until(run, 5)[0].seconds
    running = time.monotonic() - start
    time.sleep(0.5)
    again = run.advance(5, 1.0)
    assert again.seconds < 0.25
    assert 0 < seconds <= running
    run.close()


@pytest.mark.skipif(shutil.which("stdbuf") is None, reason="asks stdbuf of the GNU coreutils")
def test_programs_in_c_are_not_buffered(token: str):
    """What prints through the C library (here `cut`) comes line by line, and not in blocks of 4 KiB, which are
    some 200 of these lines."""
    loop = "i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo step $i: loss 0.5; sleep 0.005; done | cut -b1-99"
    run = CommandSource(["sh", "-c", loop, "{lr}"]).start(Config(lr=0.25), 0)
    progress, _ = until(run, 5)
    assert progress.status is Status.PAUSED
    assert progress.step < 150
    run.close()


def test_python_is_not_buffered(token: str):
    """Without it Python would print into the pipe in blocks of 8 KiB, and the pause would come too late."""
    program = "import os, time\nprint('step 1: loss', float(os.environ['PYTHONUNBUFFERED']))\ntime.sleep(600)"
    run = CommandSource([sys.executable, "-c", program, "{lr}"]).start(Config(lr=0.1), 0)
    progress, points = until(run, 1)
    assert progress.status is Status.PAUSED
    assert points == [(1, "loss", 1.0)]
    run.close()
