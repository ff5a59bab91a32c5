"""`lrscope.keras` in real training, once for each backend."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lrscope

pytestmark = pytest.mark.slow
if importlib.util.find_spec("keras") is None:
    pytest.skip("needs the extra `keras`", allow_module_level=True)


@pytest.fixture(scope="module", params=["torch", "jax"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `keras_runs.py` found with this backend."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"needs {request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    env = {
        **os.environ,
        "KERAS_BACKEND": request.param,
        "KERAS_HOME": str(folder / "home"),
        "PYTHONPATH": str(Path(lrscope.__file__).parents[1]),
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        # The same few nets are built again and again: with a cache, JAX compiles each of them once.
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    program = Path(__file__).with_name("keras_runs.py")
    done = subprocess.run(
        [sys.executable, program, folder], env=env, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["backend"] == request.param
    return result


def test_a_rate_far_off_is_found(found: dict[str, Any]) -> None:
    """From starts three decades apart both runs end well on data that nothing was judged on; constant rates do
    not. The averaged weights are there inside the block only."""
    runs = found["recovers"]
    assert max(runs["low"], runs["high"]) < 1.4 * min(runs["low"], runs["high"])
    assert runs["low"] < 0.95 * runs["low constant"]
    assert not runs["high"] >= runs["high constant"]  # which is NaN
    assert "raise" in runs["low actions"]
    assert "lower" in runs["high actions"] or "roll_back" in runs["high actions"]
    assert runs["averaged differ"]
    assert runs["put back"]


def test_each_step_is_recorded(found: dict[str, Any]) -> None:
    """Losses of single batches, taken out of the mean that Keras gives, have that mean; and a record is
    diagnosed like any other."""
    run = found["records"]
    assert run["steps"] == list(range(1, 121))
    assert run["rates"][0] == pytest.approx(0.0001)  # the first step of the warm-up
    assert run["gaps"] >= 5
    assert run["loss"] == pytest.approx(run["history"], rel=1e-4)
    assert run["diagnosed"]


def test_training_does_not_notice_being_watched(found: dict[str, Any]) -> None:
    """With a controller that never acts, weights and every reported number are as without the callback."""
    assert found["observes_only"]["with"] == found["observes_only"]["without"]


def test_a_run_that_was_broken_off_resumes_exactly(found: dict[str, Any]) -> None:
    """The same rates at every step, and the same weights at the end."""
    run = found["resumes"]
    assert run["resumed"] == run["whole"]
    assert run["weights"][0] == run["weights"][1]
    assert len(set(run["whole"])) > 50
    assert len(set(run["whole"][80:])) > 1  # there was something to decide after the break
    assert run["kept"]
    assert run["removed"]


def test_broken_weights_are_rolled_back(found: dict[str, Any]) -> None:
    """A NaN at step 151 costs one step and some of the rate, not the run."""
    run = found["rolls_back"]
    assert run["steps"] == [151]
    assert run["factor"][0] < 0.5
    assert run["finite"]
    assert run["loss"] < 0.5


def test_it_keeps_to_what_every_host_keeps_to(found: dict[str, Any]) -> None:
    """Each test of the suites in `lrscope.testing.scheduler_suite` passes."""
    said = found["conforms"]
    assert len(said) >= 7
    assert {name: words for name, words in said.items() if words != "passed"} == {}


def test_accumulated_batches_are_one_step(found: dict[str, Any]) -> None:
    """80 batches, four a step."""
    assert found["accumulates"] == {"steps": 20}


def test_the_plateau_scheduler_lowers_where_the_loss_is_level(found: dict[str, Any]) -> None:
    """On a loss below zero, with its state saved and read again; and `averaged_validation` validates with the
    averaged weights."""
    run = found["plateau"]
    assert run["rates"][0] == pytest.approx(0.05)
    assert any("level at -6." in reason for reason in run["decisions"])
    assert run["same"]
    assert run["val"][0] == pytest.approx(run["val"][1], rel=1e-5)


def test_misuse_is_refused(found: dict[str, Any]) -> None:
    """Each sentence names what was wrong and what to do."""
    said = found["misuse"]
    assert "schedule" in said["schedule"]
    assert "gone through again" in said["iterator"]
    assert "after 40 steps" in said["moment"]
    assert "state of a GapScheduler" in said["another"]
