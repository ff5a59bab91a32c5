"""What a program prints and how it ends: read, kept in its log, told in one sentence."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from command_programs import STEPS, python, wait_until

from lrscope.config import Config
from lrscope.errors import UsageError
from lrscope.training.source.base import Progress, Status
from lrscope.training.source.program.endings import failure, last_lines
from lrscope.training.source.program.source import CommandSource


def to_the_end(program: list[str], log: Path | None = None, **options) -> tuple[Progress, list]:
    """Run a program to its end; the last progress with the notes of all, and every point."""
    run = CommandSource(program, **options).start(Config(lr=0.1), 0, log=log)
    points, notes = [], ()
    try:
        while True:
            progress = run.advance(None, 0.25)
            points += progress.points
            notes += progress.notes
            if progress.status is not Status.ADVANCING:
                return replace(progress, notes=notes), points
    finally:
        run.close()


def test_output_is_kept_as_it_is(tmp_path: Path):
    """Both streams, in the order in which they were written, every byte; a second run is appended."""
    program = (
        "import os\nfor i in range(1, 4):\n"
        "    os.write(1, b'step %d: loss 1\\n' % i)\n    os.write(2, b'warn\\xff\\x00\\n')"
    )
    to_the_end(python(program), tmp_path / "log")
    once = b"".join(b"step %d: loss 1\nwarn\xff\x00\n" % i for i in range(1, 4))
    assert (tmp_path / "log").read_bytes() == once
    to_the_end(python(program), tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == once + once


def test_losses_on_standard_error_are_read():
    """Loggers and progress bars write there."""
    program = "import sys\nprint('step 1: loss 0.5', file=sys.stderr)"
    assert to_the_end(python(program))[1] == [(1, "loss", 0.5)]


def test_a_last_line_without_an_end():
    """The last number counts, although no newline follows it."""
    program = "import os\nos.write(1, b'step 1: loss 0.5\\nstep 2: loss 0.25')"
    assert to_the_end(python(program))[1] == [(1, "loss", 0.5), (2, "loss", 0.25)]


def test_the_first_lines_of_standard_input_are_not_waited_for():
    """Standard input is empty: a program that asks something gets the end of the file at once."""
    progress, points = to_the_end(["sh", "-c", "read answer; echo step 1: loss 0.5", "{lr}"])
    assert progress.status is Status.ENDED
    assert points == [(1, "loss", 0.5)]


def test_a_program_that_ends_with_another_status():
    """The reason is one line with the status and the last line; the detail has twenty."""
    program = "import sys\nfor i in range(50): print('line', i)\nsys.exit('no such file: data.csv')"
    progress, _ = to_the_end(python(program))
    assert progress.status is Status.FAILED
    assert progress.reason is not None
    assert progress.reason.startswith("exited with status 1 after ")
    assert progress.reason.endswith("its last line: no such file: data.csv")
    assert progress.detail is not None
    assert progress.detail.split("\n") == [*(f"line {i}" for i in range(31, 50)), "no such file: data.csv"]


def test_a_program_that_raises():
    """A traceback's last line is the reason, and the traceback the detail."""
    progress, points = to_the_end(
        python("print('step 1: loss nan')\nraise ValueError('rate too \\x1b[31mhigh')")
    )
    assert progress.status is Status.FAILED
    assert str(progress.reason).endswith("ValueError: rate too high")
    assert "Traceback" in str(progress.detail)
    assert len(points) == 1


def test_a_program_that_is_ended_by_a_signal():
    """The signal is named."""
    progress, _ = to_the_end(["sh", "-c", "echo bye; kill -SEGV $$", "{lr}"])
    assert progress.status is Status.FAILED
    assert "was ended by signal SIGSEGV" in str(progress.reason)
    assert "its last line: bye" in str(progress.reason)


def test_a_program_that_prints_nothing_and_fails():
    """There is no last line to show, and it is said."""
    progress, _ = to_the_end(["sh", "-c", "exit 3", "{lr}"])
    assert str(progress.reason).startswith("exited with status 3")
    assert str(progress.reason).endswith("it printed nothing")
    assert progress.detail is None


def test_a_program_without_losses():
    """It ended well, and there is nothing to conclude from: how else its numbers can be read is said."""
    progress, points = to_the_end(["sh", "-c", "echo hello; echo done", "{lr}"])
    assert progress.status is Status.FAILED
    assert points == []
    for said in (
        "printed no loss that could be recognised",
        "--pattern",
        "--metrics-file",
        "its last line: done",
    ):
        assert said in str(progress.reason)
    assert progress.detail == "hello\ndone"


def test_binary_garbage_is_survived(tmp_path: Path):
    """No byte that a program prints does any harm, and the numbers between are found."""
    program = (
        "import os, random\nr = random.Random(0)\n"
        "for i in range(1, 201):\n"
        "    os.write(1, r.randbytes(500).replace(b'\\n', b'') + b'\\nstep %d: loss 0.5\\n' % i)"
    )
    progress, points = to_the_end(python(program), tmp_path / "log")
    assert progress.status is Status.ENDED
    assert {(step, "loss", 0.5) for step in range(1, 201)} <= set(points)
    assert (tmp_path / "log").stat().st_size > 100_000


def test_what_is_shown_of_the_end_is_harmless():
    """Colours, titles, bells and control characters are gone; of a redrawn line its last state is shown."""
    raw = b"\x1b[31mred\x1b[0m\n\x1b]0;title\x07plain\x07\n10%\r20%\r100%\r\n\n   \n"
    raw += b"\xff\xfe\x9b2J\xe2\x80\xaeend\n"
    lines = last_lines(raw)
    assert lines[:3] == ["red", "plain", "100%"]
    assert all(char.isprintable() for line in lines for char in line)


def test_a_long_last_line_is_cut():
    """The reason stays one line for a table."""
    reason, _ = failure(1, 0.3, b"x" * 5000)
    assert reason.startswith("exited with status 1 after 0.3 s; its last line: xxx")
    assert len(reason) < 300
    assert reason.endswith("…")


def test_output_faster_than_anybody_reads_does_not_fill_memory(tmp_path: Path):
    """A program that prints without end is slowed down by its full pipe, and nothing of it piles up here."""
    program = (
        "import os\nline = b'step 1: loss 0.5 ' + b'x' * 4000 + b'\\n'\nwhile True: os.write(1, line * 200)"
    )
    run = CommandSource(python(program)).start(Config(lr=0.1), 0, log=tmp_path / "log")

    def printed() -> int:
        assert run.advance(10**9, 0.25).status is Status.ADVANCING
        return (tmp_path / "log").stat().st_size

    assert wait_until(lambda: printed() > 1 << 20)
    before, begun = psutil.Process().memory_info().rss, printed()
    assert wait_until(lambda: printed() > begun + (64 << 20), 60)
    grown = psutil.Process().memory_info().rss - before
    run.close()
    assert grown < 32 << 20


def test_points_that_nobody_fetches_hold_the_program_back(monkeypatch: pytest.MonkeyPatch):
    """Between two advances a program goes on; when too much is waiting it waits, too, and nothing is lost."""
    most = 10_000
    monkeypatch.setattr("lrscope.training.source.program.run._MOST_WAITING_POINTS", most)
    program = (
        "import os\ni = 0\nwhile i < 30000:\n"
        "    os.write(1, b''.join(b'step %d: loss 0.5\\n' % (i + k) for k in range(1, 101)))\n    i += 100"
    )
    source = CommandSource(python(program))
    run = source.start(Config(lr=0.1), 0)
    points = run.advance(None, 0.01).points
    assert wait_until(lambda: len(run._fresh) > most)  # type: ignore[attr-defined]
    time.sleep(0.5)  # in which it could print all the rest
    assert len(run._fresh) < most + 1000  # type: ignore[attr-defined]
    while (progress := run.advance(None, 0.25)).status is Status.ADVANCING:
        points += progress.points
    points += progress.points
    assert [point[0] for point in points] == list(range(1, 30_001))
    run.close()


def test_a_program_that_closes_its_output(tmp_path: Path):
    """A daemon-like program that prints no more has not ended before it has."""
    program = (
        "import os, sys, time\nprint('step 1: loss 0.5')\nos.close(1)\nos.close(2)\n"
        "while not os.path.exists(sys.argv[2]):\n    time.sleep(0.01)\nos._exit(0)"
    )
    run = CommandSource(python(program, str(tmp_path / "go"))).start(Config(lr=0.1), 0)
    assert wait_until(lambda: run.advance(2, 0.1).step == 1)
    assert run.advance(2, 0.3).status is Status.ADVANCING
    (tmp_path / "go").touch()
    assert run.advance(2, 30).status is Status.ENDED
    run.close()


def test_what_was_recognised_is_told_once():
    """A person learns what was read; once a run is enough."""
    run = CommandSource(python(STEPS, "100", "0.001")).start(Config(lr=0.1), 0)
    notes = [note for step in (10, 20, 30) for note in run.advance(step, 10).notes]
    assert len(notes) == 1
    assert "loss" in notes[0]
    run.close()


def test_a_log_that_cannot_be_written_is_told_and_survived():
    """The log is for people; the scan goes on without it."""
    progress, points = to_the_end(python(STEPS, "5", "0"), Path("/dev/full"))
    assert progress.status is Status.ENDED
    assert len(points) == 5
    assert any("cannot be written" in note for note in progress.notes)


def test_no_descriptor_and_no_thread_is_left():
    """Hundreds of runs a scan: each gives back all it took."""
    source = CommandSource(python(STEPS, "100", "0.001"))
    source.start(Config(lr=0.1), 0).close()
    run = source.start(Config(lr=0.1), 0)
    run.advance(3, 10)
    run.close()
    here = Path("/proc/self/fd")
    descriptors, threads = len(list(here.iterdir())), threading.active_count()
    for _ in range(5):
        run = source.start(Config(lr=0.1), 0)
        run.advance(3, 10)
        run.close()
    assert len(list(here.iterdir())) == descriptors
    assert threading.active_count() == threads


def test_a_closed_run_cannot_be_advanced():
    """Wrong use is told as such."""
    run = CommandSource([sys.executable, "-c", "pass", "{lr}"]).start(Config(lr=0.1), 0)
    run.close()
    with pytest.raises(UsageError, match="has been closed"):
        run.advance(1, 1.0)
