"""The engines keep to the laws of engines, and their processes to ours."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import trainings

from lrscope.config import at_rate
from lrscope.curves import RunKey
from lrscope.errors import SourceError, UsageError
from lrscope.testing import toys
from lrscope.testing.engine_suite import EngineSuite, KillableEngineSuite, advance_all
from lrscope.training.engine.base import Engine
from lrscope.training.engine.processes import ProcessEngine
from lrscope.training.engine.serial import SerialEngine
from lrscope.training.engine.threads import ThreadEngine
from lrscope.training.source.base import Source, Status
from lrscope.training.source.function.source import FunctionSource


class TestSerialEngine(EngineSuite):
    jobs = 1

    def make_engine(self, source: Source, jobs: int) -> Engine:
        assert jobs == 1
        return SerialEngine(source)


class TestThreadEngine(EngineSuite):
    jobs = 2

    def make_engine(self, source: Source, jobs: int) -> Engine:
        return ThreadEngine(source, jobs)


class TestProcessEngine(KillableEngineSuite):
    jobs = 2

    def make_engine(self, source: Source, jobs: int) -> Engine:
        return ProcessEngine(source, jobs)

    def kill(self, engine: Engine, key: RunKey) -> None:
        assert isinstance(engine, ProcessEngine)
        os.kill(engine.processes()[key], signal.SIGKILL)


@contextlib.contextmanager
def processes(function, *keys, jobs=2):
    engine = ProcessEngine(FunctionSource(function), jobs)
    try:
        for key in keys:
            engine.open(key)
        yield engine
    finally:
        engine.shutdown()


KEY: RunKey = at_rate(0.1)


def test_a_paused_worker_uses_no_processor_time():
    """Over a rest, a paused run's worker uses no processor time that could be measured."""
    with processes(toys.noisy_quadratic, KEY) as engine:
        advance_all(engine, {KEY: 3})
        worker = psutil.Process(engine.processes()[KEY])

        def used_in(seconds: float) -> float:
            before = worker.cpu_times()
            time.sleep(seconds)
            after = worker.cpu_times()
            return after.user + after.system - before.user - before.system

        deadline = time.monotonic() + 20
        while used_in(0.1) > 0 and time.monotonic() < deadline:
            pass  # the helper threads of NumPy's BLAS spin for a moment after it is imported
        assert used_in(0.5) <= 0.01


def test_no_worker_is_started_before_it_has_work():
    """Opening a run costs nothing; its worker begins with its first advance and ends with its closing."""
    with processes(toys.noisy_quadratic, KEY) as engine:
        assert engine.processes() == {}
        advance_all(engine, {KEY: 1})
        pid = engine.processes()[KEY]
        engine.close(KEY)
        assert not psutil.pid_exists(pid)


def test_memory_of_a_paused_worker_is_known():
    """The memory that a worker has to itself is measured in bytes: some megabytes, not gigabytes."""
    with processes(toys.noisy_quadratic, KEY) as engine:
        assert engine.memory() is None
        advance_all(engine, {KEY: 1})
        assert 1e6 < (engine.memory() or 0) < 1e9


def test_a_worker_stuck_in_a_step_is_closed():
    """Closing does not wait for a step that takes an hour."""
    with processes(trainings.stuck, KEY) as engine:
        engine.advance({KEY: 1}, 30)
        engine.advance({KEY: 5}, 0.1)
        pid = engine.processes()[KEY]
        begun = time.monotonic()
        engine.close(KEY)
        assert time.monotonic() - begun < 30
        assert not psutil.pid_exists(pid)


@pytest.mark.usefixtures("terminal_signals")
def test_workers_leave_ctrl_c_to_the_session():
    """An interrupt that reaches a worker does not end its run."""
    with processes(toys.noisy_quadratic, KEY) as engine:
        advance_all(engine, {KEY: 3})
        os.kill(engine.processes()[KEY], signal.SIGINT)
        points, last = advance_all(engine, {KEY: 5})
    assert (last[KEY].status, [p[0] for p in points[KEY]]) == (Status.PAUSED, [4, 5])


def test_a_function_that_ends_its_process_has_failed(tmp_path: Path):
    """`os._exit` in the user's function is a failure of that run, with the status in the reason; so is a
    crash."""
    path = tmp_path / "leaver.py"
    path.write_text(
        "import os, signal\n"
        "def train(lr):\n"
        "    yield 1.0\n"
        "    os._exit(7) if lr < 1 else os.kill(os.getpid(), signal.SIGSEGV)\n"
    )
    with processes(f"{path}:train", KEY, at_rate(2.0)) as engine:
        _, last = advance_all(engine, {KEY: None, at_rate(2.0): None})
    assert (last[KEY].status, last[at_rate(2.0)].status) == (Status.FAILED, Status.FAILED)
    assert "exit status 7" in last[KEY].reason
    assert "SIGSEGV" in last[at_rate(2.0)].reason


def test_what_a_worker_prints_goes_where_the_session_prints(tmp_path: Path):
    """With standard output redirected in the session, a worker's output is redirected with it."""
    path = tmp_path / "chatty.py"
    path.write_text("def train(lr):\n    print('hello from the run')\n    yield 1.0\n")
    log = tmp_path / "out.txt"
    with log.open("w") as out, contextlib.redirect_stdout(out), processes(f"{path}:train", KEY) as engine:
        advance_all(engine, {KEY: None})
    assert log.read_text() == "hello from the run\n"


@pytest.mark.parametrize("set_by_user", [None, "7"])
def test_workers_share_the_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_by_user):
    """Each worker is given its share of threads for numerical libraries, unless the user has said how
    many."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_by_user:
        monkeypatch.setenv("OMP_NUM_THREADS", set_by_user)
    path = tmp_path / "threads.py"
    path.write_text("import os\ndef train(lr):\n    yield int(os.environ['OMP_NUM_THREADS'])\n")
    jobs = len(os.sched_getaffinity(0))
    with processes(f"{path}:train", KEY, jobs=jobs) as engine:
        points, _ = advance_all(engine, {KEY: None})
    assert points[KEY] == [(1, "loss", float(set_by_user or 1))]


def test_a_worker_loads_no_more_than_it_needs(tmp_path: Path):
    """A worker imports no numerical library that the user's own code does not import."""
    path = tmp_path / "light.py"
    path.write_text(
        "import sys\ndef train(lr):\n    yield float('numpy' in sys.modules or 'psutil' in sys.modules)\n"
    )
    with processes(f"{path}:train", KEY) as engine:
        points, _ = advance_all(engine, {KEY: None})
    assert points[KEY] == [(1, "loss", 0.0)]


def test_a_function_that_cannot_travel_is_refused_at_once():
    """A lambda is refused with what to do, when the engine is made and not when it runs."""
    with pytest.raises(
        SourceError, match=r"cannot be sent to another process.*top level of a file, or scan with jobs=1"
    ):
        ProcessEngine(FunctionSource(lambda lr: lr), 2)


def test_jobs_below_one_are_refused():
    """An engine for no runs at all is wrong use."""
    with pytest.raises(UsageError, match="at least 1"):
        ProcessEngine(FunctionSource(toys.noisy_quadratic), 0)


SCRIPT = """
import sys, time
from lrscope.config import at_rate
from lrscope.training.engine.processes import ProcessEngine
from lrscope.training.source.function.source import FunctionSource

def stuck(lr):
    yield lr
    {step}
    yield lr

def main():
    engine = ProcessEngine(FunctionSource(stuck), 2)
    keys = {{at_rate(0.1): 1, at_rate(0.2): 1}}
    for key in keys:
        engine.open(key)
    left = dict(keys)
    while left:
        for key in engine.advance(left, 0.2):
            del left[key]
    engine.advance({{at_rate(0.1): 2}}, 0.2)  # one is stuck in a step, the other paused
    print(*engine.processes().values(), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("time.sleep(600)", id="asleep"),
        pytest.param("[None for _ in iter(int, 1)]", id="python-loop"),
        pytest.param("sum(iter(int, 1))", id="holding-the-lock"),
    ],
)
def test_workers_end_with_a_killed_session(tmp_path: Path, step: str):
    """When the session's process is killed by SIGKILL its workers end by themselves, whatever they are doing.

    The functions stand in the script itself, so this also shows that a script's own functions reach workers.
    """
    script = tmp_path / "session.py"
    script.write_text(textwrap.dedent(SCRIPT.format(step=step)))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment) as session:
        assert session.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in session.stdout.readline().split()]
        assert len(workers) == 2
        session.kill()
    _, alive = psutil.wait_procs(workers, timeout=20)
    for process in alive:
        process.kill()
    assert not alive


def test_a_script_without_a_guard_is_told_so(tmp_path: Path):
    """A script that starts the scan at its top level gets a sentence, not an endless chain of processes."""
    script = tmp_path / "bare.py"
    script.write_text(
        "from lrscope.config import at_rate\n"
        "from lrscope.training.engine.processes import ProcessEngine\n"
        "from lrscope.training.source.function.source import FunctionSource\n"
        "def train(lr):\n    yield lr\n"
        "engine = ProcessEngine(FunctionSource(train), 2)\n"
        "engine.open(at_rate(0.1))\n"
        "try:\n"
        "    while not engine.advance({at_rate(0.1): 1}, 1.0): pass\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
        "finally:\n"
        "    engine.shutdown()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.stdout.startswith("SourceError")
    assert 'if __name__ == "__main__"' in done.stdout
