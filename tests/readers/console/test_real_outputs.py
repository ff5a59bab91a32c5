"""The true bytes of real programs (tests/data/console/make.py) are read right."""

from pathlib import Path

import pytest

from lrscope.curves import Point
from lrscope.curves.curve import curves_from_points
from lrscope.readers.console import Parser

SAMPLES = Path(__file__).parents[2] / "data" / "console"


def read(name: str) -> tuple[list[Point], Parser]:
    parser = Parser()
    points = parser.feed((SAMPLES / f"{name}.txt").read_bytes())
    return points + parser.finish(), parser


# name, metric, points of its curve, last step, last value, the run's length
EXPECTED = [
    ("keras", "loss", 24, 24, None, 24),
    ("keras", "val_loss", 3, 24, None, 24),
    ("keras-tty", "accuracy", 24, 24, None, 24),
    ("keras-verbose2", "loss", 4, 32, 0.4333, 32),
    ("keras-verbose2", "val_loss", 4, 32, 0.4394, 32),
    ("tqdm", "val_loss", 3, 120, 0.1948, None),
    ("tqdm-tty", "val_loss", 3, 120, 0.1948, None),
    ("transformers", "loss", 12, 12, None, None),
    ("transformers", "eval_loss", 3, 12, 0.6818, None),
    ("transformers-tty", "loss", 12, 12, None, None),
    ("xgboost", "train-logloss", 20, 19, 0.05497, None),
    ("xgboost", "eval-logloss", 20, 19, 0.30084, None),
    ("lightgbm", "valid_1_binary_logloss", 29, 29, 0.241679, None),
    ("sklearn-mlp", "loss", 12, 12, 0.97227087, None),
    ("sklearn-mlp", "validation_score", 12, 12, 0.5, None),
    ("sklearn-sgd", "loss", 8, 8, 0.425726, None),
    ("sklearn-boosting", "train_loss", 20, 20, 0.5091, None),
    ("fastprogress", "train_loss", 4, 3, 0.397298, None),
    ("fastprogress-tty", "valid_loss", 4, 3, 0.437027, None),
    ("torch-print", "loss", 20, 19, 0.0029, None),
]


@pytest.mark.parametrize(("name", "metric", "count", "step", "value", "total"), EXPECTED)
def test_curves_of_real_programs(
    name: str, metric: str, count: int, step: int, value: float | None, total: int | None
) -> None:
    """The right number of points, the last step and value, and the run's length."""
    points, parser = read(name)
    curve = curves_from_points(points)[metric]
    assert len(curve) == count
    assert curve.step[-1] == step
    assert parser.step == step
    if value is not None:
        assert curve.loss[-1] == value
    assert parser.total == total


@pytest.mark.parametrize("name", sorted(p.stem for p in SAMPLES.glob("*.txt")))
def test_real_programs_in_pieces(name: str) -> None:
    """Read a few bytes at a time, as a pipe delivers them, the points are the same; steps never go back."""
    whole, _ = read(name)
    data = (SAMPLES / f"{name}.txt").read_bytes()
    parser = Parser()
    pieces = [p for i in range(0, len(data), 7) for p in parser.feed(data[i : i + 7])] + parser.finish()
    assert pieces == whole
    steps = [p[0] for p in whole]
    assert steps == sorted(steps)


@pytest.mark.parametrize("name", ["lightning", "lightning-tty", "lightning-rich-tty"])
def test_lightning_bars_count_through_epochs(name: str) -> None:
    """Bars of three epochs of ten batches give thirty steps, and each step's training loss once."""
    points, parser = read(name)
    curve = curves_from_points(points)["train_loss"]
    assert parser.step == 30
    assert curve.step[-1] == 30
    assert 28 <= len(curve) == len([p for p in points if p[1] == "train_loss"])


@pytest.mark.parametrize("name", ["tqdm", "tqdm-tty", "tqdm-nested", "tqdm-nested-tty"])
def test_tqdm_losses_fall_with_the_step(name: str) -> None:
    """The loss of these programs falls at every step, and so does what is read, whichever steps are drawn."""
    curve = curves_from_points(read(name)[0])["loss"]
    assert len(curve) >= 20
    assert (curve.loss[1:] <= curve.loss[:-1]).all()


def test_a_program_that_prints_only_times_has_no_loss() -> None:
    """Histogram boosting without a score prints sizes and times, and none of them is a loss."""
    points, parser = read("sklearn-histboosting")
    assert points == []
    assert parser.summary().text().startswith("No loss was recognised")
