"""What every source has to keep to, as tests to inherit: for ours, and for anyone's plug-in.

    class TestMySource(PausableSourceSuite):
        length = 50
        def make_source(self):
            return MySource(...)

The classes need no test framework themselves: every method whose name begins with ``test_`` is one law, and
raises AssertionError where it is broken. pytest runs them as they are.
"""

from __future__ import annotations

import pickle
import time
from abc import ABC, abstractmethod

from lrscope.config import Config
from lrscope.curves import Point
from lrscope.training.source.base import LiveRun, Progress, Source, Status

_SLICE_SECONDS = 30.0  # seconds: far more than any suite's run takes


def hold(condition: bool, law: str) -> None:
    """Raise AssertionError with the law where it does not hold (an `assert` would vanish under ``python
    -O``)."""
    if not condition:
        raise AssertionError(law)


def to_the_end(run: LiveRun, within: float = _SLICE_SECONDS) -> tuple[list[Point], Progress]:
    """Advance a run to its own end; all its points, and the last Progress."""
    points: list[Point] = []
    for _ in range(100_000):
        progress = run.advance(None, within)
        points += progress.points
        if progress.status is not Status.ADVANCING:
            return points, progress
    raise AssertionError("A run comes to its end in finitely many advances.")


class FireAt:
    """A watch that ends the run at the first point at or after `step`, and keeps what it was shown."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.seen: list[Point] = []

    def __call__(self, step: int, metric: str, value: float) -> str | None:
        self.seen.append((step, metric, value))
        return f"fired at step {step}" if step >= self.step else None


class SourceSuite(ABC):
    """Laws for any source, even one whose run is a single evaluation.

    Attributes
    ----------
    length : int
        Steps in a whole run at rate `lr`.
    lr, other_lr : float
        Two rates at which a run comes to its end in order, with different losses.
    deterministic : bool
        Whether the same rate and seed give the same points.
    portable : bool
        Whether the source can be pickled, which engines of several processes need.
    """

    length: int = 1
    lr: float = 0.1
    other_lr: float = 0.2
    deterministic: bool = True
    portable: bool = True

    @abstractmethod
    def make_source(self) -> Source:
        """A new source, equal to the one made before."""

    def _start(self, lr: float | None = None, seed: int = 0) -> LiveRun:
        return self.make_source().start(Config(lr=self.lr if lr is None else lr), seed)

    def test_a_run_comes_to_its_own_end(self) -> None:
        """With no step to pause at, a run ends by itself, at its length, with at least one point."""
        run = self._start()
        points, last = to_the_end(run)
        run.close()
        hold(last.status is Status.ENDED, f"the status at the end is ENDED, not {last.status}: {last.reason}")
        hold(last.step == self.length, f"the last step is {self.length}, not {last.step}")
        hold(max(step for step, _, _ in points) == self.length, "the last point is at the last step")

    def test_points_are_plain_and_in_order(self) -> None:
        """A point is (int, str, float); steps never go back; no metric has two values for one step."""
        run = self._start()
        points, _ = to_the_end(run)
        run.close()
        hold(bool(points), "there are points")
        kinds = {(type(step), type(name), type(value)) for step, name, value in points}
        hold(kinds == {(int, str, float)}, f"points are plain numbers and text, not {kinds}")
        steps = [step for step, _, _ in points]
        hold(steps == sorted(steps), "steps do not go back")
        places = [(step, name) for step, name, _ in points]
        hold(len(set(places)) == len(places), "each metric has one value a step")

    def test_the_rate_reaches_the_training(self) -> None:
        """Runs at different rates report different losses."""
        one, other = self._start(), self._start(self.other_lr)
        hold(to_the_end(one)[0] != to_the_end(other)[0], "another rate gives other points")
        one.close()
        other.close()

    def test_the_same_rate_and_seed_repeat(self) -> None:
        """A deterministic source gives the same points again."""
        one, other = self._start(), self._start()
        same = to_the_end(one)[0] == to_the_end(other)[0]
        one.close()
        other.close()
        hold(same or not self.deterministic, "the same rate and seed give the same points")

    def test_the_watch_ends_a_run(self) -> None:
        """A run that its watch condemns is DIVERGED with the watch's reason, and the fatal point is
        delivered."""
        watch = FireAt(max(1, self.length // 2))
        run = self.make_source().start(Config(lr=self.lr), 0, watch=watch)
        points, last = to_the_end(run)
        run.close()
        hold(last.status is Status.DIVERGED, f"the status is DIVERGED, not {last.status}")
        hold(
            last.reason == f"fired at step {watch.seen[-1][0]}",
            f"the reason is the watch's, not {last.reason!r}",
        )
        hold(points[: len(watch.seen)] == watch.seen, "the watch sees the points delivered, in their order")

    def test_closing_twice_and_at_any_time(self) -> None:
        """A run may be closed before its first advance, after its end, and twice."""
        fresh = self._start()
        fresh.close()
        fresh.close()
        done = self._start()
        to_the_end(done)
        done.close()
        done.close()

    def test_identity_is_stable_text(self) -> None:
        """Two equal sources have the same identity and fingerprint: names to text."""
        one, other = self.make_source(), self.make_source()
        for mapping, twin in ((one.identity(), other.identity()), (one.fingerprint(), other.fingerprint())):
            hold(dict(mapping) == dict(twin), "equal sources are recognised as equal")
            hold(all(type(x) is str for pair in mapping.items() for x in pair), "names and values are text")
        hold(bool(one.identity()), "a source has an identity")
        hold(bool(one.name), "a source has a name")

    def test_a_portable_source_survives_pickling(self) -> None:
        """After pickling it is the same source, and gives the same points."""
        if not self.portable:
            return
        twin = pickle.loads(pickle.dumps(self.make_source()))  # noqa: S301 - pickled one line above
        hold(dict(twin.identity()) == dict(self.make_source().identity()), "identity survives pickling")
        run, again = self._start(), twin.start(Config(lr=self.lr), 0)
        same = to_the_end(run)[0] == to_the_end(again)[0]
        run.close()
        again.close()
        hold(same or not self.deterministic, "what it gives survives pickling")


class PausableSourceSuite(SourceSuite):
    """Laws for sources whose runs can be advanced in parts.

    Attributes
    ----------
    length : int
        At least 10 here.
    overshoot : int
        How many steps past the one asked for a run may report before it is paused: 0 for what waits by
        itself, more for what is suspended from outside.
    rest : float
        Seconds to wait for signs of life between advances.
    """

    length: int = 20
    overshoot: int = 0
    rest: float = 0.3

    def _bound(self, progress: Progress, asked: int) -> None:
        hold(
            progress.status is Status.PAUSED,
            f"it pauses at step {asked}, not {progress.status}: {progress.reason}",
        )
        hold(progress.step >= asked, f"it reaches step {asked}, not {progress.step}")
        hold(
            progress.step <= asked + self.overshoot,
            f"it goes at most {self.overshoot} past {asked}, not to {progress.step}",
        )

    def _reach(self, run: LiveRun, asked: int) -> tuple[list[Point], Progress]:
        points: list[Point] = []
        while True:
            progress = run.advance(asked, _SLICE_SECONDS)
            points += progress.points
            if progress.status is not Status.ADVANCING:
                return points, progress

    def test_it_pauses_at_the_step_asked_for(self) -> None:
        """An advance to a step stops there, and the next one goes on from there."""
        run = self._start()
        asked = 0
        while asked < self.length - 2 - self.overshoot:
            asked += max(1, self.length // 5)
            asked = min(asked, self.length - 1 - self.overshoot)
            points, progress = self._reach(run, asked)
            self._bound(progress, asked)
            asked = max(asked, progress.step)
            hold(
                all(step <= progress.step for step, _, _ in points),
                "no point lies past the step that is told",
            )
        run.close()

    def test_nothing_happens_between_advances(self) -> None:
        """While paused a run makes no step: after a rest the next advance finds it where it was."""
        run = self._start()
        _, before = self._reach(run, 3)
        self._bound(before, 3)
        again = run.advance(3, _SLICE_SECONDS)
        hold(again.status is Status.PAUSED, "a step that is reached already is no reason to go on")
        late = [point for point in again.points if point[0] > before.step + self.overshoot]
        hold(not late, f"it makes no step when none is asked for, but made {late}")
        time.sleep(self.rest)
        still = run.advance(3, _SLICE_SECONDS)
        late = [point for point in still.points if point[0] > before.step + self.overshoot]
        hold(not late, f"it makes no step while it rests, but made {late}")
        run.close()

    def test_each_point_is_delivered_once(self) -> None:
        """However a run is cut into advances, its points put together are those of one that was let
        through."""
        whole = self._start()
        expected, _ = to_the_end(whole)
        whole.close()
        run = self._start()
        points: list[Point] = []
        for asked in range(1, self.length, max(1, self.length // 7)):
            points += self._reach(run, asked)[0]
        points += to_the_end(run)[0]
        run.close()
        places = [(step, name) for step, name, _ in points]
        hold(places == [(step, name) for step, name, _ in expected], "each point comes once")
        hold(points == expected or not self.deterministic, "pausing does not change what is measured")

    def test_time_slices_lose_nothing(self) -> None:
        """With hardly any time in a slice a run still comes to its end, and loses no point."""
        whole = self._start()
        expected, _ = to_the_end(whole)
        whole.close()
        run = self._start()
        points, last = to_the_end(run, within=0.001)
        run.close()
        hold(last.status is Status.ENDED, f"it comes to its end, not to {last.status}: {last.reason}")
        places = [(step, name) for step, name, _ in points]
        hold(places == [(step, name) for step, name, _ in expected], "each point comes once")

    def test_two_runs_do_not_disturb_each_other(self) -> None:
        """Two runs that take turns measure what each measures alone."""
        alone = []
        for lr in (self.lr, self.other_lr):
            run = self._start(lr)
            alone.append(to_the_end(run)[0])
            run.close()
        source = self.make_source()
        pair = [source.start(Config(lr=lr), 0) for lr in (self.lr, self.other_lr)]
        together: list[list[Point]] = [[], []]
        for asked in range(2, self.length - 1, max(2, self.length // 5)):
            for run, points in zip(pair, together, strict=True):
                points += self._reach(run, asked)[0]
        for run, points in zip(pair, together, strict=True):
            points += to_the_end(run)[0]
            run.close()
        for mine, expected in zip(together, alone, strict=True):
            hold([p[:2] for p in mine] == [p[:2] for p in expected], "each run keeps its own steps")
            hold(mine == expected or not self.deterministic, "each run measures what it measures alone")

    def test_a_paused_run_can_be_closed(self) -> None:
        """Closing in the middle ends a run; twice is as good as once."""
        run = self._start()
        self._reach(run, 3)
        run.close()
        run.close()

    def test_the_seed_reaches_the_training(self) -> None:
        """Where a source says that it takes the seed, another seed gives other points."""
        one, other = self._start(seed=0), self._start(seed=1)
        same = to_the_end(one)[0] == to_the_end(other)[0]
        takes_seed = self.make_source().takes_seed
        one.close()
        other.close()
        hold(not (same and takes_seed), "another seed gives other points")
