"""The recorder in a real Lightning run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lightning", reason="needs the extra `lightning`")
import lightning.pytorch as pl
import torch
from hosts import fit_lightning, lines
from torch.nn import functional

import lrscope

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.usefixtures("quiet_host")]


class Module(pl.LightningModule):
    """Logs and counts what it sees, so that a second look at a batch would show."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Dropout(0.1), torch.nn.Linear(8, 3)
        )
        self.losses: list[float] = []

    def training_step(self, batch: Any, number: int) -> Any:
        x, y = batch
        loss = functional.cross_entropy(self.net(x), y)
        self.log("loss", loss, on_step=True)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, number: int) -> None:
        self.losses.append(float(self.trainer.logged_metrics["loss"]))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def run(folder: Path, callbacks: list[Any], steps: int = 40, **settings: Any) -> Module:
    pl.seed_everything(1, verbose=False)
    x = torch.randn(320, 6)
    data = torch.utils.data.TensorDataset(x, x[:, :3].argmax(dim=1))
    module = Module()
    loader = torch.utils.data.DataLoader(data, batch_size=16)
    module.ended = fit_lightning(module, folder, callbacks, steps, loader, **settings)
    return module


def test_a_run_is_recorded_and_does_not_notice(tmp_path: Path) -> None:
    """Losses are those that Lightning logs, gaps are there, and weights end up as without the callback."""
    plain = run(tmp_path, [])
    module = run(tmp_path, [lrscope.lightning.Recorder()])
    rows = lines(tmp_path / "record.jsonl")
    assert [r["step"] for r in rows] == list(range(1, 41))
    assert [r["loss"] for r in rows] == pytest.approx(module.losses, rel=1e-5)
    assert module.losses == plain.losses
    assert len([r for r in rows if "gap" in r]) == 7
    assert any("cos" in r for r in rows)
    for mine, other in zip(module.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert "log" not in vars(module)


def test_accumulated_batches_count_whole(tmp_path: Path) -> None:
    """With four batches a step, the line holds the mean of the undivided losses."""
    module = run(
        tmp_path, [lrscope.lightning.Recorder(tmp_path / "a.jsonl")], steps=10, accumulate_grad_batches=4
    )
    rows = lines(tmp_path / "a.jsonl")
    means = [sum(module.losses[i : i + 4]) / 4 for i in range(0, 40, 4)]
    assert [r["loss"] for r in rows] == pytest.approx(means, rel=1e-5)


def test_a_checkpoint_carries_the_record_on(tmp_path: Path) -> None:
    """A run resumed from a checkpoint continues its record."""
    first = run(tmp_path, [lrscope.lightning.Recorder()], steps=20)
    first.ended.save_checkpoint(tmp_path / "last.ckpt")
    run(tmp_path, [lrscope.lightning.Recorder()], steps=30, resume=tmp_path / "last.ckpt")
    rows = lines(tmp_path / "record.jsonl")
    assert [r["step"] for r in rows] == list(range(1, 31))
    assert [r["step"] for r in rows if "gap" in r] == [16, 20, 24, 28]
