"""One run of a program: read by a thread of its own, which suspends it the moment the step asked for is seen.

The thread, and not `advance`, looks at the output, because a program goes on while nobody waits for it
(between two time slices), and every line that is read late is a step too many. What was printed before the
program could be stopped is kept: points may lie past the step asked for. The watch judges these only when a
later advance asks for their steps, so that its verdict does not depend on how fast the program was stopped.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from lrscope.config import Config
from lrscope.curves import Point
from lrscope.errors import LrscopeError, SourceError, UsageError
from lrscope.training.source.base import LiveRun, Progress, Status, Watch
from lrscope.training.source.program.endings import TAIL_BYTES, failure, no_numbers
from lrscope.training.source.program.launch import Launch, Launcher
from lrscope.training.source.program.process import Program, end_together
from lrscope.training.source.program.process_table import end_descriptor

_CHUNK_BYTES = (
    4096  # bytes read at a time; small, so that the step asked for is seen before much more is read
)
_MOST_WAITING_POINTS = 100_000  # points not yet fetched; then reading waits, and the program at its full pipe
_LOOK_SECONDS = 0.005  # seconds between two looks at a metrics file
_CHECK_SECONDS = (
    0.05  # seconds between two looks at whether the program has ended, where the system does not tell
)
_LAST_WORDS_SECONDS = 0.2  # seconds for processes that a program has left behind to finish printing
_TELL_AFTER_SECONDS = (
    2.0  # seconds after which what was recognised is told, though the run has not come to rest yet
)


class CommandRun(LiveRun):
    """A program at one learning rate and seed. Made by `CommandSource.start`."""

    def __init__(
        self, launcher: Launcher, config: Config, seed: int, *, watch: Watch | None, log: Path | None
    ) -> None:
        self._launcher, self._config, self._seed = launcher, config, seed
        self._watch, self._log_path = watch, log
        self._state = threading.Condition()
        self._program: Program | None = None
        self._launch: Launch | None = None
        self._thread: threading.Thread | None = None
        self._wake = (-1, -1)
        self._log = -1
        self._tail = b""
        # What was read: points not fetched, those the watch has not seen, their number, and the last step.
        self._fresh: list[Point] = []
        self._unjudged: deque[Point] = deque()
        self._count = 0
        self._step = 0
        self._notes: list[str] = []
        self._summary_told = False
        # Where it stands.
        self._limit = -math.inf
        self._suspended = False
        self._closing = False
        self._diverged: tuple[int, str] | None = None
        self._code: int | None = None
        self._error: BaseException | None = None
        # Wall time while not suspended: all of it, that already told, and since when it runs.
        self._active = self._told = 0.0
        self._since: float | None = None

    # -- what the session calls

    def advance(self, to_step: int | None, within: float) -> Progress:
        deadline = time.monotonic() + within
        with self._state:
            if self._closing:
                raise UsageError("This run has been closed; start a new one.")
            self._limit = math.inf if to_step is None else to_step
            if self._program is None:
                self._start()
            self._judge()
            if not self._at_rest():
                self._resume()
                while not self._at_rest() and (left := deadline - time.monotonic()) > 0:
                    self._state.wait(left)
            if self._at_rest():
                self._suspend()  # the reader has done so already, but for the rare case that it comes second
            if self._error is not None:
                raise self._error
            progress = self._progress()
            self._state.notify_all()  # the reader may be waiting for its points to be fetched
        if progress.status is Status.DIVERGED and self._program is not None:
            self._end(self._program)
        return progress

    def close(self) -> None:
        close_together([self])

    def _announce_close(self) -> Program | None:
        """From now on it only ends; the program that has to be ended for that, the first time."""
        with self._state:
            first, self._closing = not self._closing, True
            self._state.notify_all()
        return self._program if first and self._launch is not None else None

    def _free(self, program: Program) -> None:
        """Give back what the run holds, its program having been ended."""
        if self._thread is not None:
            self._thread.join(10)
            if not self._thread.is_alive():
                program.close()
                for fd in (*self._wake, self._log):
                    if fd >= 0:
                        os.close(fd)
        if self._launch is not None:
            self._launcher.release(self._launch)

    def memory(self) -> int | None:
        if self._program is None:
            return None
        return 0 if self._code is not None or self._closing else self._program.memory()

    # -- starting, pausing, ending; the first three with the lock held

    def _start(self) -> None:
        launch = self._launch = self._launcher.prepare(self._config, self._seed, self._log_path)
        self._notes += launch.notes
        try:
            program = Program(launch.arguments, run=launch.run, cwd=launch.cwd, variables=launch.variables)
        except (OSError, ValueError) as error:
            self._launcher.release(launch)
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise SourceError(
                f"The program {launch.arguments[0]!r} cannot be started ({why}); if it is a script, put the "
                "program that runs it in front (python, sh)."
            ) from error
        if self._log_path is not None:
            try:
                self._log = os.open(
                    self._log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666
                )
            except OSError as error:
                self._without_log(error)
        self._program = program
        self._wake = os.pipe()
        os.set_blocking(self._wake[1], False)
        self._since = time.monotonic()
        self._thread = threading.Thread(
            target=self._read, args=(program, launch), name=f"reader of {launch.run}", daemon=True
        )
        self._thread.start()

    def _suspend(self) -> None:
        if self._suspended or self._closing or self._code is not None or self._program is None:
            return
        self._suspended = True
        self._program.suspend()
        if self._since is not None:
            self._active += time.monotonic() - self._since
            self._since = None
        self._poke()

    def _resume(self) -> None:
        if self._suspended and self._program is not None:
            self._suspended = False
            self._since = time.monotonic()
            self._program.resume()
            self._poke()

    def _end(self, program: Program) -> None:
        self._launcher.ended(program.end(self._launcher.grace))

    def _poke(self) -> None:
        if self._wake[1] >= 0:
            with contextlib.suppress(OSError):  # full: it has been poked already
                os.write(self._wake[1], b"!")

    # -- what came in; with the lock held

    def _arrived(self, points: list[Point], step: int) -> None:
        if self._diverged is not None:
            return
        self._count += len(points)
        self._fresh += points
        self._step = max(self._step, step)
        if self._watch is not None:
            self._unjudged.extend(points)
            self._judge()

    def _judge(self) -> None:
        """Show the watch what lies within the step asked for; drop everything that came after its verdict."""
        watch = self._watch
        while (
            watch is not None
            and self._unjudged
            and self._diverged is None
            and self._unjudged[0][0] <= self._limit
        ):
            point = self._unjudged.popleft()
            reason = watch(*point)
            if reason is not None:
                self._diverged = (point[0], reason)
                later = min(len(self._unjudged), len(self._fresh))
                del self._fresh[len(self._fresh) - later :]
                self._unjudged.clear()

    def _at_rest(self) -> bool:
        return (
            self._diverged is not None
            or self._step >= self._limit
            or self._code is not None
            or self._error is not None
        )

    def _progress(self) -> Progress:
        reason = detail = None
        step = self._step
        if self._diverged is not None:
            status = Status.DIVERGED
            step, reason = self._diverged
        elif self._step >= self._limit:
            # Also where it has ended meanwhile: that depends on timing, and is told when it matters.
            status = Status.PAUSED
        elif self._code is None:
            status = Status.ADVANCING
        else:
            status, reason, detail = self._ending(self._code)
        active = self._active + (time.monotonic() - self._since if self._since is not None else 0.0)
        seconds, self._told = max(0.0, active - self._told), active
        points, self._fresh = self._fresh, []
        notes, self._notes = self._notes, []
        launch = self._launch
        reader = (launch.follower or launch.reader) if launch is not None else None
        settled = status is not Status.ADVANCING or active > _TELL_AFTER_SECONDS
        if self._count and reader is not None and settled and not self._summary_told:
            self._summary_told = True
            notes.append(reader.summary().text())
        return Progress(
            status,
            points,
            step,
            seconds=seconds,
            total=reader.total if reader is not None else None,
            reason=reason,
            detail=detail,
            notes=tuple(notes),
        )

    def _ending(self, code: int) -> tuple[Status, str | None, str | None]:
        if code != 0:
            return (Status.FAILED, *failure(code, self._active, self._tail))
        if self._count:
            return Status.ENDED, None, None
        metrics = self._launch.metrics if self._launch is not None else None
        if metrics is None:
            where = "printed"
            hint = "--pattern tells how to read it, --metrics-file reads a file that it writes"
        elif metrics.exists():
            where, hint = (
                f"wrote to {metrics.name}",
                "--metric names the column; it may also be printed, without --metrics-file",
            )
        else:
            where, hint = f"never wrote {metrics.name}, so there is", f"it was looked for at {metrics}"
        return (Status.FAILED, *no_numbers(where, self._active, self._tail, hint))

    # -- the reader's thread

    def _read(self, program: Program, launch: Launch) -> None:
        try:
            self._follow_program(program, launch)
        except BaseException as error:  # told to whoever advances the run
            with self._state:
                if isinstance(error, LrscopeError) or not self._closing:
                    self._error = error
                self._state.notify_all()

    def _follow_program(self, program: Program, launch: Launch) -> None:
        poll = select.poll()
        poll.register(program.output, select.POLLIN)
        poll.register(self._wake[0], select.POLLIN)
        end = end_descriptor(program.pid)
        if end is not None:
            poll.register(end, select.POLLIN)
        output_open = True
        try:
            while True:
                with self._state:
                    resting, closing = self._suspended, self._closing
                if launch.follower is not None and not resting:
                    wait: float | None = _LOOK_SECONDS
                elif end is None and not (resting and output_open):
                    wait = _CHECK_SECONDS
                else:
                    wait = None
                events = dict(poll.poll(None if wait is None else wait * 1000))
                if self._wake[0] in events:
                    os.read(self._wake[0], _CHUNK_BYTES)
                if output_open and program.output in events and not self._take(program, launch):
                    output_open = False
                    poll.unregister(program.output)
                self._look(launch)
                if (end is None or end in events or closing) and program.poll() is not None:
                    break
                if program.output in events or launch.follower is not None:
                    self._pause_if_due(program, launch)
        finally:
            if end is not None:
                os.close(end)
        self._finish(program, launch)

    def _pause_if_due(self, program: Program, launch: Launch) -> None:
        with self._state:
            if self._suspended or self._closing or not self._at_rest():
                while len(self._fresh) > _MOST_WAITING_POINTS and not self._closing and not self._suspended:
                    self._state.wait()
                return
            self._suspend()
            for _ in range(64):  # all that it had printed by now is told together with the pause
                if not self._take(program, launch):
                    break
            self._look(launch)
            self._state.notify_all()

    def _finish(self, program: Program, launch: Launch) -> None:
        """The program has ended: read what is left, end what it left behind, and say how it came out."""
        code = program.poll()
        until = time.monotonic() + _LAST_WORDS_SECONDS
        while not self._closing and program.leftovers() and time.monotonic() < until:
            if not self._take(program, launch):
                time.sleep(0.005)
        left = 0 if self._closing else program.leftovers()  # whoever closes it sees to that
        if left:
            program.end(self._launcher.grace)
        while self._take(program, launch):
            pass
        with self._state:
            if left and not self._closing:
                self._notes.append(
                    f"It left processes behind when it ended ({left} of them); these were ended, too."
                )
            if launch.reader is not None:
                self._arrived(launch.reader.finish(), launch.reader.step)
            if launch.follower is not None:
                self._arrived([*launch.follower.poll(), *launch.follower.finish()], launch.follower.step)
            if self._since is not None:
                self._active += time.monotonic() - self._since
                self._since = None
            self._code = code
            self._state.notify_all()

    def _take(self, program: Program, launch: Launch) -> bool:
        """Read one chunk of output; False where there is none now, or no more will come."""
        try:
            chunk = os.read(program.output, _CHUNK_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        if not chunk:
            return False
        if self._log >= 0:
            try:
                rest = chunk
                while rest:
                    rest = rest[os.write(self._log, rest) :]
            except OSError as error:
                self._without_log(error)
        self._tail = (self._tail + chunk)[-TAIL_BYTES:] if len(chunk) < TAIL_BYTES else chunk[-TAIL_BYTES:]
        if launch.reader is not None:
            points = launch.reader.feed(chunk)
            with self._state:
                self._arrived(points, launch.reader.step)
        return True

    def _look(self, launch: Launch) -> None:
        if launch.follower is not None:
            points = launch.follower.poll()
            with self._state:
                self._arrived(points, launch.follower.step)

    def _without_log(self, error: OSError) -> None:
        """The log is for people; a scan does not end because it cannot be written."""
        if self._log >= 0:
            os.close(self._log)
            self._log = -1
        note = f"Its output is not kept any more: {self._log_path} cannot be written ({error.strerror})."
        with self._state:
            self._notes.append(note)


def close_together(runs: Sequence[CommandRun]) -> None:
    """Close runs, all at the same time: thirty suspended programs take hardly longer to end than one."""
    started = [(run, program) for run in runs if (program := run._announce_close()) is not None]
    if not started:
        return
    grace = max(run._launcher.grace for run, _ in started)
    willing = end_together([program for _, program in started], grace)
    for (run, _), went in zip(started, willing, strict=True):
        run._launcher.ended(went)
        run._poke()
    for run, program in started:
        run._free(program)
