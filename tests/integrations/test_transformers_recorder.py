"""The recorder in a real run of Hugging Face's Trainer."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="needs the extra `transformers`")
pytest.importorskip("accelerate", reason="needs the extra `transformers`")
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

import lrscope

pytestmark = [pytest.mark.torch, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    torch.set_num_threads(1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what transformers and accelerate deprecate among themselves
        yield


def run(folder: Path, callbacks: list[Any], accumulate: int = 1) -> tuple[Any, list[float]]:
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=11, n_positions=8, n_embd=8, n_layer=1, n_head=2)
    rows = [
        {
            "input_ids": (ids := torch.randint(11, (8,), generator=torch.Generator().manual_seed(i))),
            "labels": ids,
        }
        for i in range(96)
    ]
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=24,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=accumulate,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        learning_rate=1e-2,
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(model=GPT2LMHeadModel(config), args=arguments, train_dataset=rows, callbacks=callbacks)
    trainer.train()
    return trainer.model, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()][1:]


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
