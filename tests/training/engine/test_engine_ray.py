"""The Ray engine on a real local Ray of two workers."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from pathlib import Path

import pytest

from lrscope.config import at_rate
from lrscope.curves import RunKey
from lrscope.errors import SourceError, UsageError
from lrscope.testing import toys
from lrscope.testing.engine_suite import KillableEngineSuite, advance_all
from lrscope.training.engine.base import Engine
from lrscope.training.engine.ray import RayEngine
from lrscope.training.source.base import Source, Status
from lrscope.training.source.function.source import FunctionSource

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default::ResourceWarning")]

KEY: RunKey = at_rate(0.1)


@pytest.fixture(scope="module")
def local_ray():
    """One engine of ours starts Ray on this machine; the others find it initialised."""
    pytest.importorskip("ray", reason="needs the extra `ray`")
    engine = RayEngine(FunctionSource(toys.noisy_quadratic), 2)
    yield engine
    engine.shutdown()


@pytest.mark.usefixtures("local_ray")
class TestRayEngine(KillableEngineSuite):
    jobs = 2

    def make_engine(self, source: Source, jobs: int) -> Engine:
        return RayEngine(source, jobs)

    def kill(self, engine: Engine, key: RunKey) -> None:
        assert isinstance(engine, RayEngine)
        os.kill(self.pids[key], signal.SIGKILL)

    def test_a_killed_run_is_lost_and_the_others_go_on(self) -> None:
        """As for every engine; the actors are asked for their processes before, since they answer between
        calls."""
        original = RayEngine._send
        pids: dict[object, object] = {}

        def send(engine, seat, to_step, within):
            fresh = seat.actor is None
            original(engine, seat, to_step, within)
            if fresh:
                pids[RunKey(*pickle.loads(seat.order)[1:3])] = engine._ray.get(seat.actor.process.remote())

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RayEngine, "_send", send)
            self.pids = pids
            super().test_a_killed_run_is_lost_and_the_others_go_on()


def test_a_file_reaches_the_actors(local_ray: RayEngine, tmp_path: Path):
    """A function given as file.py:name is found by the actors, and its failure names its line."""
    path = tmp_path / "rayfile.py"
    path.write_text("def train(lr):\n    yield lr\n    raise RuntimeError('enough')\n")
    engine = RayEngine(FunctionSource(f"{path}:train"), 2)
    engine.open(KEY)
    points, last = advance_all(engine, {KEY: None})
    engine.shutdown()
    assert points[KEY] == [(1, "loss", 0.1)]
    assert last[KEY].status is Status.FAILED
    assert "rayfile.py, line 3" in last[KEY].reason


def test_an_initialised_ray_is_left_running(local_ray: RayEngine):
    """An engine that found Ray initialised does not stop it."""
    import ray

    RayEngine(FunctionSource(toys.noisy_quadratic), 1).shutdown()
    assert ray.is_initialized()


def test_actors_end_with_their_runs(local_ray: RayEngine):
    """A closed run leaves no actor process behind."""
    import psutil

    engine = RayEngine(FunctionSource(toys.noisy_quadratic), 1)
    engine.open(KEY)
    advance_all(engine, {KEY: 2})
    pid = engine.processes()[KEY]
    engine.close(KEY)
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)
    engine.shutdown()


def test_what_cannot_travel_is_refused_at_once(local_ray: RayEngine):
    """A lambda is refused when the engine is made."""
    with pytest.raises(SourceError, match="cannot be sent to another process"):
        RayEngine(FunctionSource(lambda lr: lr), 2)


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    """Where Ray is not installed, one sentence says what to install."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'lrscope\[ray\]'"):
        RayEngine(FunctionSource(toys.noisy_quadratic), 2)


def test_nothing_is_written_to_the_home_folder(local_ray: RayEngine):
    """Ray's token is in the environment only: it made no file in the home folder."""
    assert not (Path.home() / ".ray" / "auth_token").exists()
