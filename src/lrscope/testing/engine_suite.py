"""What every engine has to keep to, as tests to inherit: for ours, and for anyone's plug-in.

    class TestMyEngine(KillableEngineSuite):
        def make_engine(self, source, jobs):
            return MyEngine(source, jobs)
        def kill(self, engine, key):
            os.kill(engine.processes()[key], signal.SIGKILL)

As in `source_suite`, every method whose name begins with ``test_`` is one law, and pytest runs them as they
are. The toys of `lrscope.testing.toys` are what is trained.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lrscope.config import at_rate
from lrscope.curves import Point, RunKey
from lrscope.errors import SourceError, UsageError
from lrscope.testing import toys
from lrscope.testing.source_suite import FireAt, hold
from lrscope.training.engine.base import Engine
from lrscope.training.source.base import Progress, Source, Status
from lrscope.training.source.function.source import FunctionSource

_REST_SECONDS = 120.0  # seconds until a run that should have come to rest is given up


def advance_all(
    engine: Engine, wanted: Mapping[RunKey, int | None], within: float = 0.25
) -> tuple[dict[RunKey, list[Point]], dict[RunKey, Progress]]:
    """Advance runs, as many at once as the engine has jobs, until each has come to rest; their points, and
    each one's last Progress."""
    points: dict[RunKey, list[Point]] = {key: [] for key in wanted}
    last: dict[RunKey, Progress] = {}
    deadline = time.monotonic() + _REST_SECONDS
    while left := [key for key in wanted if key not in last]:
        if time.monotonic() > deadline:
            raise AssertionError(f"These runs do not come to rest: {left}")
        turn = {key: wanted[key] for key in left[: engine.jobs]}
        for key, progress in engine.advance(turn, within).items():
            hold(key in turn, f"an engine speaks of runs that it was asked for, not of {key}")
            points[key] += progress.points
            if progress.status is not Status.ADVANCING:
                last[key] = progress
    return points, last


def alone(function: Any, key: RunKey, to_step: int | None = None) -> list[Point]:
    """The points of a run by itself, in this process."""
    run = FunctionSource(function).start(key.config, key.seed)
    points = run.advance(to_step, _REST_SECONDS).points
    run.close()
    return points


class EngineSuite(ABC):
    """Laws for any engine.

    Attributes
    ----------
    jobs : int
        How many runs the engines under test advance at once.
    """

    jobs: int = 2

    @abstractmethod
    def make_engine(self, source: Source, jobs: int) -> Engine:
        """A new engine for this source."""

    @contextmanager
    def engine(self, function: Any, *keys: RunKey) -> Iterator[Engine]:
        """An engine with these runs open, shut down at the end."""
        engine = self.make_engine(FunctionSource(function), self.jobs)
        try:
            for key in keys:
                engine.open(key)
            yield engine
        finally:
            engine.shutdown()

    def test_it_says_how_many_advance_at_once(self) -> None:
        """`jobs` is what was asked for."""
        with self.engine(toys.noisy_quadratic) as engine:
            hold(engine.jobs == self.jobs, f"jobs is {self.jobs}, not {engine.jobs}")

    def test_runs_pause_at_their_steps(self) -> None:
        """Every run stops at its own step, PAUSED, with the points that it makes alone."""
        wanted: dict[RunKey, int | None] = {at_rate(0.1, 0): 5, at_rate(0.2, 0): 8, at_rate(0.3, 1): 3}
        with self.engine(toys.noisy_quadratic, *wanted) as engine:
            points, last = advance_all(engine, wanted)
            for key, asked in wanted.items():
                hold(last[key].status is Status.PAUSED, f"{key} is PAUSED, not {last[key].status}")
                hold(last[key].step == asked, f"{key} is at step {asked}, not {last[key].step}")
                hold(
                    points[key] == alone(toys.noisy_quadratic, key, asked),
                    f"{key} measures what it does alone",
                )

    def test_each_point_is_delivered_once(self) -> None:
        """Two runs advanced by turns, in pieces and then to their ends, bring each point once and in
        order."""
        keys: tuple[RunKey, ...] = (at_rate(0.1, 0), at_rate(0.5, 0))
        with self.engine(toys.noisy_quadratic, *keys) as engine:
            total: dict[RunKey, list[Point]] = {key: [] for key in keys}
            for asked in (4, 5, 60, None):
                points, last = advance_all(engine, dict.fromkeys(keys, asked))
                for key in keys:
                    total[key] += points[key]
            for key in keys:
                hold(last[key].status is Status.ENDED, f"{key} has ENDED, not {last[key].status}")
                hold(total[key] == alone(toys.noisy_quadratic, key), f"{key} brings each point once")

    def test_slices_come_back_in_time(self) -> None:
        """While a run is on its way its points come in slices, and none is lost."""
        key = at_rate(0.1, 0)
        with self.engine(toys.slow, key) as engine:
            advance_all(engine, {key: 1})  # whatever had to be started is
            points: list[Point] = []
            slices = 0
            deadline = time.monotonic() + _REST_SECONDS
            while time.monotonic() < deadline:
                news = engine.advance({key: 40}, 0.1)
                if key in news:
                    slices += 1
                    points += news[key].points
                    if news[key].status is not Status.ADVANCING:
                        break
            hold(slices > 1, "a long advance comes back in more than one slice")
            hold([step for step, _, _ in points] == list(range(2, 41)), "the slices together miss nothing")

    def test_nothing_happens_while_paused(self) -> None:
        """A paused run makes no step until it is asked to."""
        key = at_rate(0.1, 0)
        with self.engine(toys.slow, key) as engine:
            _, last = advance_all(engine, {key: 2})
            hold(last[key].step == 2, "it is at step 2")
            time.sleep(0.2)
            points, last = advance_all(engine, {key: 3})
            hold([step for step, _, _ in points[key]] == [3], "it goes on where it was")

    def test_a_callback_lives_there_too(self) -> None:
        """The callback form pauses and goes on as a generator does."""
        key = at_rate(0.1, 3)
        with self.engine(toys.noisy_quadratic_callback, key) as engine:
            first, _ = advance_all(engine, {key: 7})
            rest, last = advance_all(engine, {key: None})
            hold(last[key].status is Status.ENDED, f"it has ENDED, not {last[key].status}")
            hold(
                first[key] + rest[key] == alone(toys.noisy_quadratic_callback, key),
                "and brings each point once",
            )

    def test_a_failing_run_leaves_the_others_alone(self) -> None:
        """A run that raises is FAILED with the user's line as reason; its neighbour goes on."""
        good: RunKey = at_rate(0.5, 0)
        bad: RunKey = at_rate(5.0, 0)
        with self.engine(toys.fails_above_one, good, bad) as engine:
            points, last = advance_all(engine, {bad: 10, good: 10})
            hold(last[bad].status is Status.FAILED, f"it is FAILED, not {last[bad].status}")
            reason = last[bad].reason or ""
            hold(
                "ValueError" in reason and "toys.py" in reason, f"the reason names error and file: {reason!r}"
            )
            hold("too high for me" in (last[bad].detail or ""), "the detail is the user's traceback")
            hold([step for step, _, _ in points[bad]] == [1, 2], "what it brought before is kept")
            hold(last[good].status is Status.PAUSED, "the other one is where it was asked to be")

    def test_wrong_use_comes_through(self) -> None:
        """A source that cannot be used raises the same SourceError as it does in this process."""
        key = at_rate(0.1, 0)
        with self.engine(toys.yields_text, key) as engine:
            try:
                advance_all(engine, {key: 5})
            except SourceError as error:
                hold("text ('low') at step 2" in str(error), f"the sentence comes through whole: {error}")
            else:
                raise AssertionError("wrong use raises SourceError")

    def test_the_watch_travels(self) -> None:
        """A run's watch looks at its points where it lives."""
        key = at_rate(0.1, 0)
        engine = self.make_engine(FunctionSource(toys.noisy_quadratic), self.jobs)
        try:
            engine.open(key, watch=FireAt(6))
            points, last = advance_all(engine, {key: None})
        finally:
            engine.shutdown()
        hold(last[key].status is Status.DIVERGED, f"it is DIVERGED, not {last[key].status}")
        hold(last[key].reason == "fired at step 6", f"for the watch's reason, not {last[key].reason!r}")
        hold(points[key][-1][0] == 6, "the fatal point is delivered")

    def test_closing(self) -> None:
        """Runs can be closed at any time and twice, and unknown ones too; others go on, and keys can be
        reused."""
        one: RunKey = at_rate(0.1, 0)
        two: RunKey = at_rate(0.2, 0)
        with self.engine(toys.noisy_quadratic, one, two) as engine:
            engine.close(at_rate(9.0, 9))
            advance_all(engine, {one: 3})
            engine.close(one)
            engine.close(one)
            points, _ = advance_all(engine, {two: 3})
            hold(len(points[two]) == 3, "the other run goes on")
            engine.open(one)
            points, _ = advance_all(engine, {one: 2})
            hold(
                points[one] == alone(toys.noisy_quadratic, one, 2),
                "a run opened again begins at its beginning",
            )
        engine.shutdown()

    def test_a_run_that_is_not_open_is_refused(self) -> None:
        """Advancing what was never opened is wrong use, and so is opening a run twice."""
        key = at_rate(0.1, 0)
        with self.engine(toys.noisy_quadratic, key) as engine:
            for wrong in (lambda: engine.advance({at_rate(0.7, 0): 3}, 0.1), lambda: engine.open(key)):
                try:
                    wrong()
                except UsageError:
                    continue
                raise AssertionError("wrong use raises UsageError")


class KillableEngineSuite(EngineSuite):
    """Laws for engines whose runs live in processes that can be killed."""

    @abstractmethod
    def kill(self, engine: Engine, key: RunKey) -> None:
        """Kill the process in which this run lives, with SIGKILL."""

    def test_a_killed_run_is_lost_and_the_others_go_on(self) -> None:
        """A run whose process is killed in the midst of an advance is LOST; its neighbour notices nothing;
        and it can be started anew."""
        victim: RunKey = at_rate(0.1, 0)
        other: RunKey = at_rate(0.2, 0)
        with self.engine(toys.slow, victim, other) as engine:
            wanted: dict[RunKey, int | None] = {victim: None, other: 60}
            points: dict[RunKey, list[Point]] = {victim: [], other: []}
            last: dict[RunKey, Progress] = {}
            killed = False
            deadline = time.monotonic() + _REST_SECONDS
            while wanted and time.monotonic() < deadline:
                for key, progress in engine.advance(wanted, 0.1).items():
                    points[key] += progress.points
                    if progress.status is not Status.ADVANCING:
                        last[key] = progress
                        del wanted[key]
                if points[victim] and not killed:
                    self.kill(engine, victim)
                    killed = True
            hold(last[victim].status is Status.LOST, f"the killed run is LOST, not {last[victim].status}")
            hold(bool(last[victim].reason), "and a reason is given")
            hold(last[other].status is Status.PAUSED, f"the other one is PAUSED, not {last[other].status}")
            hold([p[0] for p in points[other]] == list(range(1, 61)), "and has lost nothing")
            engine.close(victim)
            engine.open(victim)
            again, _ = advance_all(engine, {victim: 3})
            hold(again[victim] == alone(toys.noisy_quadratic, victim, 3), "it can be started anew")
