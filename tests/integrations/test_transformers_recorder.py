"""The recorder in a real run of Hugging Face's Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="needs the extra `transformers`")
pytest.importorskip("accelerate", reason="needs the extra `transformers`")
import torch
from hosts import lines, train_transformers

import lrscope

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.usefixtures("quiet_host")]


def run(folder: Path, callbacks: list[Any], accumulate: int = 1) -> tuple[Any, list[float]]:
    rows = [
        {
            "input_ids": (ids := torch.randint(11, (8,), generator=torch.Generator().manual_seed(i))),
            "labels": ids,
        }
        for i in range(96)
    ]
    trainer = train_transformers(
        8,
        rows,
        folder,
        callbacks,
        max_steps=24,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=accumulate,
    )
    return trainer.model, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def test_a_run_is_recorded_and_does_not_notice(tmp_path: Path) -> None:
    """A small GPT with dropout: losses and rates are the Trainer's own, gaps are there, weights end the
    same."""
    plain, _ = run(tmp_path / "plain", [])
    model, losses = run(tmp_path, [lrscope.transformers.Recorder()])
    rows = lines(tmp_path / "record.jsonl")
    assert [r["step"] for r in rows] == list(range(1, 25))
    assert [r["loss"] for r in rows] == pytest.approx(losses, abs=2e-4)
    assert [r["step"] for r in rows if "gap" in r] == [16, 20, 24]
    assert rows[0]["lr"] == pytest.approx(1e-2)
    assert rows[-1]["lr"] < 1e-3
    for mine, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine, other)
