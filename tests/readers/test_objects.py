"""Losses in memory, and the histories of other libraries by their shape."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from lrscope.config import Config
from lrscope.curves import LossCurve, Run, Scan
from lrscope.curves.scan import Plan
from lrscope.errors import UsageError
from lrscope.readers import LoggedRun, from_object


def points(run, name="loss"):
    return list(zip(run.curves[name].step.tolist(), run.curves[name].loss.tolist(), strict=True))


THREE = [(1, 3.0), (2, 2.0), (3, 1.0)]


@pytest.mark.parametrize(
    "obj",
    [
        [3, 2, 1],
        (3.0, 2.0, 1.0),
        np.array([3, 2, 1]),
        np.array([[3.0], [2.0], [1.0]]),
        np.array([[1, 3.0], [2, 2.0], [3, 1.0]]),
        {"loss": [3, 2, 1]},
        {"step": [1, 2, 3], "loss": np.array([3, 2, 1])},
        [{"step": 1, "loss": 3}, {"step": 2, "loss": np.float32(2)}, {"step": 3, "loss": np.array([1.0])}],
        [(1, "loss", 3.0), (2, "loss", 2.0), (3, "loss", 1.0)],
        np.array([(1, 3.0), (2, 2.0), (3, 1.0)], dtype=[("step", int), ("loss", float)]),
        LossCurve([1, 2, 3], [3, 2, 1]),
        LoggedRun("x", "csv", {"loss": LossCurve([1, 2, 3], [3, 2, 1])}),
        Scan(Plan((0.1,)), [Run(Config(lr=0.1), 0, {"loss": LossCurve([1, 2, 3], [3, 2, 1])})]),
    ],
)
def test_numbers_in_every_wrapping(obj):
    """Lists, arrays, columns, rows, points and our own objects are the same curve."""
    (run,) = from_object(obj)
    assert points(run) == THREE
    assert not run.warnings


def test_nan_in_a_list_is_kept():
    """A loss that was not a number is an observation."""
    (run,) = from_object([1.0, math.nan, math.inf])
    assert math.isnan(run.curves["loss"].loss[1])
    assert run.curves["loss"].loss[2] == math.inf


def test_a_path_is_read(tmp_path):
    """A path, or its text, is a log."""
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n1,3\n2,2\n3,1\n")
    assert points(from_object(path)[0]) == points(from_object(str(path))[0]) == THREE


def test_keras_history():
    """`.history` and `.epoch`, as fit() gives back; epochs from 0."""
    history = SimpleNamespace(
        history={"loss": [3, 2], "val_loss": [4, 3]}, epoch=[0, 1], params={}, model=object()
    )
    (run,) = from_object(history)
    assert run.format == "keras"
    assert points(run, "val_loss") == [(0, 4.0), (1, 3.0)]


@pytest.mark.parametrize("attribute", ["history", "results"])
def test_finders_keep_smoothed_losses_and_that_is_said(attribute):
    """torch-lr-finder and Lightning keep {"lr", "loss"}, smoothed: read, with the rate, and with a
    warning."""
    (run,) = from_object(SimpleNamespace(**{attribute: {"lr": [0.1, 0.2, 0.4], "loss": [3, 2, 1]}}))
    assert points(run) == THREE
    assert run.curves["loss"].lr is not None
    assert run.curves["loss"].lr.tolist() == [0.1, 0.2, 0.4]
    assert "smoothed" in run.warnings[0]


def test_fastai_recorder():
    """Losses each batch, values each epoch at the epoch's last batch; the Learner leads to its recorder."""
    recorder = SimpleNamespace(
        losses=[np.float32(v) for v in (4, 3, 2, 1)],
        lrs=[0.1] * 4,
        values=[[3.5, 3.25, 0.5], [1.5, 1.25, 0.75]],
        metric_names=["epoch", "train_loss", "valid_loss", "accuracy", "time"],
        iters=[2, 4],
    )
    for obj in (recorder, SimpleNamespace(recorder=recorder)):
        (run,) = from_object(obj)
        assert run.curves["train_loss"].loss.tolist() == [4, 3, 2, 1]
        assert points(run, "valid_loss") == [(2, 3.25), (4, 1.25)]
        assert points(run, "accuracy") == [(2, 0.5), (4, 0.75)]


def test_transformers_trainer():
    """The Trainer's state holds what trainer_state.json does."""
    state = SimpleNamespace(
        log_history=[{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}, {"step": 3, "loss": 1.0}]
    )
    assert points(from_object(state)[0]) == points(from_object(SimpleNamespace(state=state))[0]) == THREE


def test_optuna_study():
    """A study's trials are runs, at their learning rate."""
    trial = SimpleNamespace(
        number=0, intermediate_values={1: 3.0, 2: 2.0, 3: 1.0}, params={"lr": 0.1, "depth": 3}
    )
    (run,) = from_object(SimpleNamespace(trials=[trial], study_name="s"))
    assert run.name == "s/trial 0"
    assert points(run, "intermediate value") == THREE
    assert run.curves["intermediate value"].lr is not None
    assert set(run.curves["intermediate value"].lr) == {0.1}


def test_boosting_and_scikit_learn():
    """`evals_result_`, `evals_result()` and `loss_curve_`."""
    results = {"validation_0": {"logloss": [3.0, 2.0, 1.0]}}
    for obj in (SimpleNamespace(evals_result_=results), SimpleNamespace(evals_result=lambda: results)):
        assert points(from_object(obj)[0], "validation_0/logloss") == THREE
    assert points(from_object(SimpleNamespace(loss_curve_=[3, 2, 1]))[0]) == THREE


def test_several_runs_by_name():
    """A mapping of runs is each of them."""
    runs = from_object({"a": {"loss": [3, 2, 1]}, "b": {"loss": [3, 2, 1]}})
    assert [points(r) for r in runs] == [THREE, THREE]
    assert len({r.name for r in runs}) == 2


@pytest.mark.parametrize(
    "obj",
    [
        None, 3.0, object(), b"abc", [], {}, "", [object()], ["a"], np.zeros((2, 2, 2)), [[1, 2], [1, 2]],
        {"a": object()},
    ],
)  # fmt: skip
def test_what_holds_no_losses_is_refused_in_a_sentence(obj):
    """One sentence, and no exception of anyone else's."""
    with pytest.raises(UsageError):
        from_object(obj)


def test_an_object_whose_attributes_fail_is_refused():
    """A property that raises does not break the reading."""

    class Trap:
        def __getattr__(self, name):
            raise RuntimeError(name)

    with pytest.raises(UsageError, match="no log"):
        from_object(Trap())


def test_pandas():
    """A Series counts by its index, a DataFrame by its columns; sparse columns are not NaN, a diverged end
    is."""
    pd = pytest.importorskip("pandas", reason="pandas is not installed (extra `test-formats`)")
    (run,) = from_object(pd.Series([3, 2, 1], index=[10, 20, 30], name="loss"))
    assert points(run) == [(10, 3.0), (20, 2.0), (30, 1.0)]
    (run,) = from_object(pd.DataFrame({"step": [1, 2, 3], "loss": [3, 2, 1], "note": list("abc")}))
    assert points(run) == THREE
    nan = math.nan
    sparse = pd.DataFrame(
        {
            "step": range(8),
            "loss": [3, 2, nan, 1, nan, nan, nan, nan],
            "val_loss": [nan, nan, 4, nan, nan, 3, nan, nan],
        }
    )
    (run,) = from_object(sparse)
    assert run.curves["val_loss"].step.tolist() == [2, 5]
    assert run.curves["loss"].step.tolist() == [0, 1, 3, 4, 5, 6, 7]
    assert np.isnan(run.curves["loss"].loss[3:]).all()


def test_torch():
    """Tensors, with their history too, and lists of them."""
    torch = pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")
    losses = torch.tensor([3.0, 2.0, 1.0], requires_grad=True)
    assert points(from_object(losses)[0]) == THREE
    assert points(from_object(list(losses))[0]) == THREE
