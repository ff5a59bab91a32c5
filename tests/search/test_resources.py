"""Runs that cannot wait, and runs that fail through no fault of their rate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from scripted import RATES, ScriptedSource, decay, sit

from lrscope.config import Config, at_rate
from lrscope.curves import LossCurve, Plan, Run, RunState, Scan
from lrscope.errors import InconclusiveError
from lrscope.search.rate.nothing import why_nothing
from lrscope.search.resources import wants_resource
from lrscope.training.source.base import LiveRun, Progress, Status
from lrscope.training.store.memory import MemoryStore


@dataclass
class Device(ScriptedSource):
    """A device with room for `room` runs: one more fails at its first step, whatever its rate."""

    room: int = 1
    words: str = "exited with status 1; its last line: CUDA out of memory. Tried to allocate 20 GiB"

    def start(self, config, seed, *, watch=None, log=None):
        return _Placed(self, super().start(config, seed, watch=watch, log=log))


class _Placed(LiveRun):
    def __init__(self, device: Device, run: LiveRun) -> None:
        self._device, self._run, self._begun = device, run, False

    def advance(self, to_step, within):
        if not self._begun and len(self._device.alive()) > self._device.room:
            return Progress(Status.FAILED, [], 0, reason=self._device.words)
        self._begun = True
        return self._run.advance(to_step, within)

    def close(self):
        self._run.close()


def most_alive(source):
    now = most = 0
    for event in source.events:
        now += {"start": 1, "close": -1}.get(event[0], 0)
        most = max(most, now)
    return most


@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_full_device_costs_restarts_and_not_the_answer(room):
    """A run that finds no room is tried again with the waiting ones ended; from then on no more are kept than fit."""
    source = Device(decay, room=room)
    outcome = sit(source)
    assert outcome.recommendation.lr.value == sit(ScriptedSource(decay)).recommendation.lr.value
    assert not any(run.state is RunState.FAILED for run in outcome.scan.runs)
    tries = [d for d in outcome.decisions if "fit" in d.detail]
    assert [d.detail["fit"] for d in tries] == [room]
    assert most_alive(source) == room + 1  # once, to find out
    assert any("CUDA out of memory" in w for w in outcome.recommendation.warnings)


def test_what_fits_is_remembered_by_the_next_sitting():
    """A scan that goes on does not fill the device again to find out what fits."""
    store = MemoryStore()
    sit(Device(decay), store, budget=0.5)
    source = Device(decay)
    sit(source, store, budget=4.0)
    assert most_alive(source) == 1


def test_a_run_that_finds_no_room_alone_has_failed():
    """With nothing else there, want of memory is what it is: the scan ends with the run's own last words."""
    with pytest.raises(InconclusiveError, match="CUDA out of memory"):
        sit(Device(decay, room=0))


def test_other_failures_are_not_tried_again():
    """A run that fails for a reason of its own is not started a second time."""
    source = Device(decay, words="ValueError: unknown dataset")
    outcome = sit(source)
    assert sum(run.state is RunState.FAILED for run in outcome.scan.runs) == len(RATES) - 1


def test_none_may_be_kept_waiting():
    """With `max_paused=0` no two runs are ever there at once, and the answer is the same."""
    source = ScriptedSource(decay)
    outcome = sit(source, max_paused=0)
    assert most_alive(source) == 1
    assert outcome.recommendation == sit(ScriptedSource(decay)).recommendation
    assert outcome.cost.rework > 0


@pytest.mark.parametrize(
    "words",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes",
        "OSError: [Errno 98] Address already in use",
        "OSError: [Errno 28] No space left on device",
        "RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable",
        "sqlite3.OperationalError: database is locked",
        "BlockingIOError: [Errno 11] Resource temporarily unavailable",
        "was ended by signal SIGKILL after 3 s (somebody killed it; the system does so when memory runs out)",
        "MemoryError",
    ],
)
def test_want_of_a_resource_is_read_from_last_words(words):
    """Memory, ports, space, devices and locks."""
    assert wants_resource(None, words)


@pytest.mark.parametrize(
    "words",
    [
        "ValueError: unknown dataset",
        "KeyError: 'block'",
        "exited with status 1; it printed nothing",
        "loss is nan",
    ],
)
def test_other_last_words_want_nothing(words):
    """What names no resource is no want of one."""
    assert not wants_resource(words)


def test_a_failure_after_the_last_step_loses_nothing():
    """Runs that tell their length and fail past their last step are complete, and the answer says so."""
    outcome = sit(ScriptedSource(decay, fails=dict.fromkeys(RATES, 17), total=16), horizon=None)
    best = outcome.scan.run(at_rate(0.1))
    assert best.state is RunState.COMPLETE
    assert outcome.recommendation.lr.value == 0.1


def test_runs_that_all_fail_at_one_step_have_come_to_their_end():
    """Where no length is told, two rates that fail at the very same step tell it; a person is told of the failure."""
    outcome = sit(ScriptedSource(decay, fails=dict.fromkeys(RATES, 17)), horizon=None)
    assert outcome.scan.plan.horizon == 16
    assert outcome.recommendation.lr.value == 0.1
    assert any("failed after its training, at step 16" in w for w in outcome.recommendation.warnings)


def test_runs_that_fail_in_their_first_steps_have_not_been_trained():
    """A crash at the second step is a crash, however well two runs agree on it."""
    with pytest.raises(InconclusiveError, match="first two runs failed"):
        sit(ScriptedSource(decay, fails=dict.fromkeys(RATES, 3)), horizon=None)


def finished(states, reason="exited with status 1"):
    """A scan at rates that rise by decades, in these states."""
    curve = LossCurve([1, 2, 3], [3.0, 2.0, 1.0], name="loss")
    runs = [
        Run(Config(lr=10.0 ** (i - 6)), 0, {} if s is RunState.FAILED else {"loss": curve}, s, 3, reason)
        for i, s in enumerate(states)
    ]
    return Scan(Plan(tuple(r.lr for r in runs), horizon=3), runs)


OK, FAILED = RunState.COMPLETE, RunState.FAILED


def test_a_scan_most_of_whose_runs_failed_names_nothing():
    """Failures on both sides of what trained tell of the surroundings; the reason is the one given most often."""
    said = why_nothing(finished([FAILED, OK, OK, FAILED, FAILED, FAILED]))
    assert said.startswith("4 of 6 runs failed")
    assert "exited with status 1" in said


def test_high_rates_may_fail():
    """Where only the highest rates fail, the others can still be compared, unless a resource was wanting."""
    scan = finished([OK, OK, FAILED, FAILED, FAILED])
    assert why_nothing(scan) is None
    assert why_nothing(replace(scan, runs=[replace(r, reason="No space left on device") for r in scan.runs]))
