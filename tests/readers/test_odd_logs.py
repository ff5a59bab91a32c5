"""Logs that count in odd ways, as they are met in the wild."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lrscope import diagnose

LOSS = 2 * np.exp(-np.arange(60) / 10) + 0.5 + 0.02 * np.random.default_rng(0).normal(size=60)


def points(path: Path) -> float:
    return diagnose(path).diagnosis.evidence["points"]


def test_a_resumed_run_that_counts_from_zero_again_goes_on(tmp_path):
    """Epochs 0 to 29 twice, the loss going on: 60 points. A run begun anew has the loss of a beginning: 30."""
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n" + "".join(f"{i % 30},{v:.4f}\n" for i, v in enumerate(LOSS)))
    result = diagnose(path).diagnosis
    assert result.evidence["points"] == 60
    told = diagnose(path).warnings
    assert any("resumed" in w for w in told)
    path.write_text("epoch,loss\n" + "".join(f"{i % 30},{LOSS[i % 30]:.4f}\n" for i in range(60)))
    assert points(path) == 30


def test_objects_under_their_numbers_are_rows(tmp_path):
    """{"0": {"train": {"loss": ...}}, "1": ...} is a history, on one line or on many."""
    history = {str(i): {"train": {"loss": v}, "val": {"loss": v + 0.1}} for i, v in enumerate(LOSS)}
    for indent in (None, 1):
        path = tmp_path / f"{indent}.json"
        path.write_text(json.dumps(history, indent=indent))
        assert points(path) == 60


def test_fractional_epochs_that_begin_at_zero_are_no_steps(tmp_path):
    """The Trainer prints 'epoch': 0.0, then 0.05: the lines are counted, and none is lost."""
    path = tmp_path / "out.txt"
    path.write_text("".join(f"{{'loss': {v:.4f}, 'epoch': {i / 20:.2f}}}\n" for i, v in enumerate(LOSS)))
    assert points(path) == 60


def test_one_infinity_at_the_end_is_an_end_also_after_a_stray_nan(tmp_path):
    """Training that ends in inf has broken off, whatever was once missing before."""
    path = tmp_path / "log.csv"
    cells = [*(f"{v:.4f}" for v in LOSS), "inf"]
    cells[10] = "nan"
    path.write_text("epoch,loss\n" + "".join(f"{i},{c}\n" for i, c in enumerate(cells)))
    assert diagnose(path).diagnosis.regime == "diverging"


def test_the_whole_loss_is_judged_before_its_parts(tmp_path):
    """total_loss, though loss_cls has the shorter name."""
    path = tmp_path / "log.csv"
    path.write_text(
        "step,total_loss,loss_cls\n" + "".join(f"{i},{v:.4f},{v / 2:.4f}\n" for i, v in enumerate(LOSS))
    )
    assert diagnose(path).diagnosis.metric == "total_loss"
