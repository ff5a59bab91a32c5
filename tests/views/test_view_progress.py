"""Live progress: the table on a terminal, the lines elsewhere."""

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lrscope.config import at_rate
from lrscope.curves import RunState
from lrscope.search.progress import RunStatus, SearchSnapshot
from lrscope.search.space import log_grid
from lrscope.views.scan.progress import (
    PlainProgress,
    TableProgress,
    bar,
    interesting,
    make_progress,
    runs_table,
    summary,
)

SRC, HERE = Path(__file__).parents[2] / "src", Path(__file__).parent
STATES = st.sampled_from(list(RunState))
RUNS = st.lists(
    st.builds(
        RunStatus,
        st.builds(at_rate, st.floats(1e-5, 10), st.integers(0, 3)),
        STATES,
        st.integers(0, 500),
        st.none(),
    )
)


def state_of(i):
    """The state of the i-th of 31 runs: the lowest ten were stopped, the highest three diverged, one runs."""
    if i < 10:
        return RunState.STOPPED
    if i > 27:
        return RunState.DIVERGED
    return RunState.RUNNING if i == 12 else RunState.PAUSED


def snapshot(at=100, **changes):
    """A scan of 31 rates that has come to step `at`."""
    runs = [
        RunStatus(
            at_rate(rate), state_of(i), at, None if i > 27 else 1 / (1 + i),
            "Loss became inf at step 3." if i > 27 else None,
        )
        for i, rate in enumerate(log_grid())
    ]  # fmt: skip
    plain = SearchSnapshot(runs, "loss", 320, 1.234, 4.0, 65.0, 200.0, "31 rates to step 128")
    return replace(plain, **changes)


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def test_a_terminal_gets_the_table_and_everything_else_gets_lines(monkeypatch):
    """A pseudo-terminal is shown the table, unless it says that it is dumb; a file and a closed stream get
    lines."""
    lead, follow = pty.openpty()
    with os.fdopen(follow, "w") as terminal:
        monkeypatch.setenv("TERM", "xterm-256color")
        assert isinstance(make_progress(terminal), TableProgress)
        monkeypatch.setenv("TERM", "dumb")
        assert isinstance(make_progress(terminal), PlainProgress)
    os.close(lead)
    closed = io.StringIO()
    closed.close()
    assert isinstance(make_progress(io.StringIO()), PlainProgress)
    assert isinstance(make_progress(closed), PlainProgress)


def test_lines_tell_each_event_once():
    """What is being done, each run that ended by itself, with its reason, the number of those that were
    stopped, and each note, once."""
    out, clock = io.StringIO(), Clock()
    with PlainProgress(out, clock=clock) as progress:
        progress(snapshot(notes=("Read `loss` from its output.",)))
        progress(snapshot(at=101))
        clock.now = 2.0
        progress(snapshot(at=101, doing="16 rates to step 256"))
    lines = out.getvalue().splitlines()
    assert lines[0] == "Read `loss` from its output."
    assert lines[1] == "31 rates to step 128 (1.2 of 4 full runs, 1 min 5 s, about 3 min left)"
    assert lines.count("10 runs stopped early") == 1
    assert lines.count("rate 10: diverged at step 100. Loss became inf at step 3.") == 1
    assert lines[-1].startswith("16 rates to step 256 (")
    assert len(lines) == 1 + 1 + 3 + 1 + 1


def test_a_scan_of_milliseconds_does_not_fill_pages():
    """What is being done is told once a second at most; the latest is told in the end, and so is the end itself."""
    out, clock = io.StringIO(), Clock()
    with PlainProgress(out, clock=clock) as progress:
        for k in range(20):
            clock.now = 0.1 * k
            progress(snapshot(doing=f"look {k}"))
        clock.now = 3.0
        progress(snapshot(doing="look 19"))
        progress(snapshot(doing="done"))
    told = [line.split(" (")[0] for line in out.getvalue().splitlines() if line.startswith(("look", "done"))]
    assert told == ["look 0", "look 10", "look 19", "done"]


def test_while_the_length_of_a_run_is_learned_a_summary_says_how_far_it_is():
    """Without a horizon there is no share of the budget to tell; the step shows that something moves."""
    moving = replace(snapshot(at=1234), horizon=None, remaining=None)
    assert summary(moving).startswith("at step 1,234, ")


def test_no_time_is_said_to_be_left_where_there_is_none():
    """A remainder of less than a second is not worth a word."""
    assert "left" not in summary(snapshot(remaining=0.0))


def test_lines_sum_up_about_every_ten_seconds():
    """While nothing happens, a summary comes after ten seconds, and not before."""
    out, clock = io.StringIO(), Clock()
    progress = PlainProgress(out, clock=clock)
    progress(snapshot())
    told = len(out.getvalue().splitlines())
    counts = []
    for clock.now in (5.0, 9.9, 10.1, 15.0, 20.2):
        progress(snapshot())
        counts.append(len(out.getvalue().splitlines()) - told)
    assert counts == [0, 0, 1, 1, 2]
    assert "31 runs (1 running, 17 paused, 10 stopped, 3 diverged)" in out.getvalue().splitlines()[-1]


def test_lines_hold_no_control_characters_and_survive_poor_encodings():
    """What a program printed cannot steer the terminal through a note, and any encoding will do."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    progress = PlainProgress(out, clock=Clock())
    progress(snapshot(notes=("\x1b[31mred\x07 – and\nmore\r",), doing="naïve"))
    text = raw.getvalue().decode("ascii")
    assert all(c.isprintable() or c == "\n" for c in text)
    assert text.splitlines()[0] == "[31mred - and more"


def test_a_reader_that_went_away_ends_nothing():
    """A broken pipe behind the progress does not end the scan."""

    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    PlainProgress(Gone(), clock=Clock())(snapshot())


@given(RUNS, st.integers(0, 40))
def test_the_runs_shown_are_the_ones_under_way(runs, lines):
    """However few lines there are, no run that waits or has ended is shown while one that runs is not."""
    shown = interesting(snapshot(runs=runs), lines)
    assert len(shown) == min(lines, len(runs))
    assert shown == sorted(shown, key=lambda r: (r.lr, r.seed))
    running = sum(r.state is RunState.RUNNING for r in runs)
    assert sum(r.state is RunState.RUNNING for r in shown) == min(lines, running)


@pytest.mark.parametrize("width", [20, 40, 61, 79, 120])
def test_the_table_keeps_to_the_width(width):
    """No line of the table is wider than the terminal, and none is broken in two."""
    console = Console(file=io.StringIO(), width=width)
    console.print(runs_table(snapshot(), width, 8))
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 1 + 8
    assert max(map(len, lines)) <= width


@given(st.integers(0, 10_000), st.integers(1, 10_000), st.booleans())
def test_bars_grow_with_the_step_and_never_overflow(step, horizon, plain):
    """A bar is at most twelve characters, empty at nothing and full at the horizon and beyond."""
    text = bar(step, horizon, plain)
    assert len(text) <= 12
    assert text.isascii() or not plain
    full = "#" if plain else "█"
    assert (text == full * 12) == (step >= horizon)
    assert text.count(full) <= bar(step + 1, horizon, plain).count(full)


def test_a_guess_of_the_time_left_is_coarse():
    """Time left is said in whole minutes beyond a minute and a half, and not at all while unknown."""
    assert summary(snapshot(remaining=137.0)).endswith("about 2 min left")
    assert summary(snapshot(remaining=None)) == "1.2 of 4 full runs, 1 min 5 s"


PROGRAM = """
import os, sys, time
from test_view_progress import snapshot
from lrscope.views.scan.progress import make_progress
with make_progress(sys.stderr) as progress:
    for at in range(100, 140):
        progress(snapshot(at=at, notes=("a note [x]",) if at == 101 else ()))
        if at == 110:
            print("printed by the user")
            sys.stderr.write("written by the user\\n")
        if at == 130:
            print("MIDDLE", flush=True)
            while len(sys.argv) > 1 and not os.path.exists(sys.argv[1]):
                time.sleep(0.05)
print("the result")
"""


def environment(**more):
    return {**os.environ, "PYTHONPATH": f"{SRC}:{HERE}", "TERM": "xterm-256color", **more}


def through_a_terminal(**more):
    """Everything that the program writes to a pseudo-terminal, as it is written."""
    lead, follow = pty.openpty()
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    process = subprocess.Popen(command, stdout=follow, stderr=follow, env=environment(**more))
    os.close(follow)
    written = b""
    while True:
        try:
            part = os.read(lead, 65536)
        except OSError:  # Linux says that a terminal has been hung up by an error
            break
        if not part:
            break
        written += part
    os.close(lead)
    assert process.wait() == 0
    return written.decode()


def test_no_color_is_honoured_on_a_terminal():
    """With NO_COLOR the table still moves the cursor, but sets no colour; without it there are colours."""
    colour = re.compile(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])(;[0-9]+)*m")
    without = dict.fromkeys(("FORCE_COLOR",), "")
    assert not colour.search(through_a_terminal(NO_COLOR="1", **without))
    assert colour.search(through_a_terminal(NO_COLOR="", **without))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux reads the screen as a person does")
@pytest.mark.parametrize(("columns", "rows"), [(100, 40), (80, 24), (44, 10)])
def test_the_screen_shows_one_table_with_what_was_printed_above_it(columns, rows, tmp_path):
    """On a real terminal of any size the table stands once and whole, the user's own prints and the notes
    stand above it unharmed, and at the end only they and the result are left."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    socket = str(tmp_path / "tmux")
    tmux = ["tmux", "-S", socket, "-f", "/dev/null"]
    command = f"{sys.executable} -W error {script} {tmp_path}/go; sleep 60"
    start = [*tmux, "new-session", "-d", "-x", str(columns), "-y", str(rows), command]
    subprocess.run(start, check=True, env=environment(NO_COLOR="", LC_ALL="C.UTF-8"))

    def screen(*more):
        read = [*tmux, "capture-pane", "-p", *more]
        return subprocess.run(read, check=True, capture_output=True, text=True).stdout

    def wait_for(word):
        for _ in range(200):
            if word in screen("-S", "-"):
                return
            time.sleep(0.1)
        raise AssertionError(f"{word!r} never came:\n{screen('-S', '-')}")

    try:
        wait_for("MIDDLE")
        time.sleep(1.0)  # past the next refresh
        during = screen()
        assert during.count("1.2 of 4 full runs") == 1
        assert during.count("31 rates to step 128") == 1
        assert "running" in during
        assert "MIDDLE" in screen("-S", "-")
        assert max(map(len, during.splitlines())) <= columns
        (tmp_path / "go").touch()
        wait_for("the result")
        after = [line for line in screen("-S", "-").splitlines() if line.strip()]
        assert after == ["a note [x]", "printed by the user", "written by the user", "MIDDLE", "the result"]
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
