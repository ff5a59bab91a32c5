"""What a scan is doing, while it does it: a table that updates in place on a terminal, plain lines
elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lrscope.curves import RunKey, RunState
from lrscope.search.progress import RESUMING_ACTIVITY, RunStatus, SearchSnapshot
from lrscope.views.shared import numbers
from lrscope.views.shared.text import STATE_STYLES
from lrscope.views.shared.words import encodable, one_line

_FRAME_LINES = 5  # around the runs: two of heading, the table's head, what is not shown, the cursor's own
_BAR_WIDTH = 12
_SUMMARY_SECONDS = 10.0  # between the plain summaries
_DOING_SECONDS = (
    1.0  # between lines that say what is done now, of which a scan of milliseconds would fill pages
)


def make_progress(stream: TextIO | None = None) -> TableProgress | PlainProgress:
    """The progress display that suits `stream` (standard error by default): use it in a `with` block, and
    give it to the session as its observer.

    A table where the stream is a terminal that can move its cursor, plain lines everywhere else (a file, a
    pipe, a dumb terminal).
    """
    target = sys.stderr if stream is None else stream
    try:
        terminal = target.isatty()
    except ValueError:  # a stream that was closed already
        terminal = False
    if terminal and os.environ.get("TERM", "").lower() not in ("", "dumb", "unknown"):
        return TableProgress(target)
    return PlainProgress(target)


class TableProgress:
    """A table of runs that updates in place. Call it with snapshots, inside its `with` block.

    What other code prints meanwhile appears above the table and leaves it whole. At the end the table goes
    away: the result that follows says it all. NO_COLOR is honoured.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        target = sys.stderr if stream is None else stream
        # The cursor moves by the true size of the terminal; a COLUMNS left in the environment would break
        # the table.
        settings = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        self._console = Console(
            file=target, force_terminal=True, highlight=False, emoji=False, markup=False, _environ=settings
        )
        self._plain = (getattr(target, "encoding", None) or "utf-8").lower().replace("-", "") not in ("utf8",)
        self._snapshot: SearchSnapshot | None = None
        # Drawn on each snapshot and twice a second besides, so that a resized terminal is filled again.
        self._live = Live(
            console=self._console, get_renderable=self._picture, refresh_per_second=2, transient=True,
            vertical_overflow="crop", redirect_stdout=sys.stdout.isatty(), redirect_stderr=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, snapshot: SearchSnapshot) -> None:
        self._snapshot = snapshot
        for note in snapshot.notes:
            self._console.print(Text(self._safe(one_line(note)), "yellow"))
        self._live.refresh()

    def _picture(self) -> Table:
        grid = Table.grid()
        if self._snapshot is None:
            return grid
        snapshot, size = self._snapshot, self._console.size
        # The last column stays empty: some terminals break the line there.
        table = runs_table(
            snapshot, size.width - 1, max(1, size.height - _FRAME_LINES), ascii_only=self._plain
        )
        grid.add_row(Text(self._safe(summary(snapshot)), "bold", no_wrap=True, overflow="ellipsis"))
        grid.add_row(Text(self._safe(one_line(snapshot.doing)), "dim", no_wrap=True, overflow="ellipsis"))
        if snapshot.runs:
            grid.add_row(table)
            hidden = len(snapshot.runs) - table.row_count
            if hidden:
                rest = _states(snapshot.runs)
                grid.add_row(
                    Text(f"{hidden} not shown; in all {rest}", "dim", no_wrap=True, overflow="ellipsis")
                )
        return grid

    def _safe(self, text: str) -> str:
        return encodable(text, "ascii") if self._plain else text


class PlainProgress:
    """A line for each event worth telling, and a summary about every ten seconds; no control characters.

    Call it with snapshots. `clock` gives seconds, and is there to be replaced in tests.
    """

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._known: dict[RunKey, RunState] = {}
        self._doing = ""
        self._idle = False  # whether all that was seen so far is what an earlier sitting had left
        self._told = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, snapshot: SearchSnapshot) -> None:
        for note in snapshot.notes:
            self._say(note)
        if snapshot.doing == RESUMING_ACTIVITY:
            self._known.update({run.key: run.state for run in snapshot.runs})
            self._idle = True
            return
        self._idle = self._idle and snapshot.doing in _OVER
        now = self._clock()
        soon = self._doing and snapshot.doing not in _OVER and now - self._told < _DOING_SECONDS
        if snapshot.doing != self._doing and not soon:
            self._doing = snapshot.doing
            self._say(f"{snapshot.doing} ({summary(snapshot)})")
            self._told = now
        left = 0
        for run in snapshot.runs:
            key = run.key
            if self._known.get(key) != run.state and run.state.final:
                if run.state is RunState.STOPPED:  # told alike of most runs, when the scan ends
                    left += 1
                else:
                    self._say(_event(run, snapshot))
            self._known[key] = run.state
        if left and not self._idle:
            self._say(f"{numbers.plural(left, 'run')} stopped early")
        if now - self._told >= _SUMMARY_SECONDS:
            self._say(f"{summary(snapshot)}; {_states(snapshot.runs)}")
            self._told = now

    def _say(self, text: str) -> None:
        line = encodable(one_line(text), getattr(self._stream, "encoding", None) or "utf-8")
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            # Nobody reads the progress any more; that is no reason to end a scan.
            return


def summary(snapshot: SearchSnapshot) -> str:
    """ "1.2 of 4 full runs, 2 min 5 s, about 3 min left"."""
    parts = [f"{numbers.amount(snapshot.spent)} of {numbers.amount(snapshot.budget)} full runs"]
    if snapshot.horizon is None and snapshot.runs:
        # How much of the budget that is cannot be told yet, but that something moves can.
        parts = [f"at step {numbers.count(max(run.step for run in snapshot.runs))}"]
    parts.append(numbers.duration(snapshot.seconds))
    if snapshot.remaining is not None and snapshot.remaining >= 1:
        parts.append(f"about {numbers.duration(_coarse(snapshot.remaining))} left")
    return ", ".join(parts)


def runs_table(snapshot: SearchSnapshot, width: int, lines: int, *, ascii_only: bool = False) -> Table:
    """At most `lines` runs in at most `width` columns, in order of rate; where there are more runs, those
    that are under way, then those with the best values, then the latest to end."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    seeds = len({r.seed for r in snapshot.runs}) > 1 and width >= 50
    bars = width >= 62 and snapshot.horizon is not None
    table.add_column("rate", justify="right", no_wrap=True)
    if seeds:
        table.add_column("seed", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("step", justify="right", no_wrap=True)
    if bars:
        table.add_column("", no_wrap=True, width=_BAR_WIDTH)
    metric = snapshot.metric or "last"
    table.add_column(Text(one_line(metric)), justify="right", no_wrap=True, overflow="ellipsis", max_width=16)
    why = width >= 80
    if why:
        table.add_column("", no_wrap=True, overflow="ellipsis", style="dim")
    for run in interesting(snapshot, lines):
        cells = [Text(numbers.rate(run.lr, None))]
        cells += [Text(str(run.seed))] if seeds else []
        cells += [Text(run.state.value), Text(numbers.count(run.step))]
        cells += [Text(bar(run.step, snapshot.horizon, ascii_only), "not dim")] if bars else []
        cells.append(Text("" if run.last is None else numbers.value(run.last)))
        cells += [Text(one_line(run.reason or "") if run.state in _TOLD else "")] if why else []
        table.add_row(*cells, style=STATE_STYLES[run.state])
    return table


_OVER = ("done", "interrupted")
_TOLD = (RunState.DIVERGED, RunState.FAILED)
_INTEREST = {
    RunState.RUNNING: 0, RunState.COMPLETE: 1, RunState.PAUSED: 2, RunState.FAILED: 3, RunState.STOPPED: 4,
    RunState.DIVERGED: 5,
}  # fmt: skip


def interesting(snapshot: SearchSnapshot, lines: int) -> list[RunStatus]:
    """The `lines` runs that say most about the scan now, in order of rate, then seed: those that run, those
    that are complete, those that wait (the furthest first), then those that ended early (again the furthest
    first)."""
    ranked = sorted(snapshot.runs, key=lambda r: (_INTEREST[r.state], -r.step, r.lr, r.seed))
    return sorted(ranked[: max(0, lines)], key=lambda r: (r.lr, r.seed))


def bar(step: int, horizon: int | None, ascii_only: bool = False) -> str:
    """How far a run is, in twelve characters, to an eighth of one where the encoding can."""
    if not horizon:
        return ""
    done = min(1.0, max(0.0, step / horizon)) * _BAR_WIDTH
    whole = int(done)
    if ascii_only:
        return "#" * whole + "." * (_BAR_WIDTH - whole)
    part = " ▏▎▍▌▋▊▉"[int((done - whole) * 8)] if whole < _BAR_WIDTH else ""
    return "█" * whole + part.rstrip()


def _event(run: RunStatus, snapshot: SearchSnapshot) -> str:
    seed = f", seed {run.seed}" if len({r.seed for r in snapshot.runs}) > 1 else ""
    text = f"rate {numbers.rate(run.lr, None)}{seed}: {run.state.value} at step {numbers.count(run.step)}"
    if run.last is not None:
        text += f", {snapshot.metric or 'last value'} {numbers.value(run.last)}"
    return text + (f". {run.reason}" if run.reason and run.state in _TOLD else "")


def _states(runs: Sequence[RunStatus]) -> str:
    states = [r.state for r in runs]
    counts = [f"{n} {state}" for state in RunState if (n := states.count(state))]
    return f"{numbers.plural(len(states), 'run')} ({', '.join(counts)})" if counts else "no runs yet"


def _coarse(seconds: float) -> float:
    """A guess is not said to the second: above a minute and a half, whole minutes."""
    return seconds if seconds < 90 else 60 * round(seconds / 60)
