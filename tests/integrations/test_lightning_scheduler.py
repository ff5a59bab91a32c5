"""`lrscope.lightning.GapScheduler` in real Lightning runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("lightning", reason="needs the extra `lightning`")
import lightning.pytorch as pl
import torch
from hosts import fit_lightning, lines
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import lrscope
from lrscope.testing.scheduler_suite import GapSchedulerSuite, PlateauSchedulerSuite, Trained

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.usefixtures("quiet_host")]


class Module(pl.LightningModule):
    """A small net with dropout, which keeps the losses and rates that Lightning sees."""

    def __init__(self, lr: float, schedule: bool = False, dropout: float = 0.05) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Dropout(dropout), torch.nn.Linear(16, 1)
        )
        self.lr, self.schedule = lr, schedule
        self.losses: list[float] = []
        self.rates: list[float] = []
        self.validated: list[float] = []

    def training_step(self, batch: Any, number: int) -> Any:
        x, y = batch
        loss = functional.mse_loss(self.net(x), y)
        self.log("loss", loss, on_step=True)
        return loss

    def validation_step(self, batch: Any, number: int) -> None:
        x, y = batch
        self.validated.append(float(functional.mse_loss(self.net(x), y)))
        self.log("val_loss", self.validated[-1])

    def on_train_batch_start(self, batch: Any, number: int) -> None:
        self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, outputs: Any, batch: Any, number: int) -> None:
        self.losses.append(float(self.trainer.logged_metrics["loss"]))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.5)
        if self.schedule:
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 10)]
        return optimizer


def data() -> tuple[DataLoader[Any], DataLoader[Any], DataLoader[Any]]:
    """Batches to train on, spare ones, and ones to report."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(960, 8, generator=generator)
    y = torch.tanh(x @ torch.randn(8, 1, generator=generator)) + 0.4 * torch.randn(
        960, 1, generator=generator
    )
    return tuple(  # type: ignore[return-value]
        DataLoader(TensorDataset(x[a:b], y[a:b]), batch_size=n)
        for a, b, n in ((0, 640, 16), (640, 800, 32), (800, 960, 160))
    )


def run(
    folder: Path, callbacks: list[Any], steps: int = 200, module: Module | None = None, **settings: Any
) -> tuple[Module, pl.Trainer]:
    pl.seed_everything(1, verbose=False)
    module = module or Module(0.02)
    train, _, test = data()
    loaders = (train,) if "limit_val_batches" in settings else (train, test)
    settings = {"num_sanity_val_steps": 0, **settings}
    trainer = fit_lightning(module, folder, callbacks, steps, *loaders, **settings)
    return module, trainer


def loss_of(module: Module) -> float:
    x, y = next(iter(data()[2]))
    module.eval()
    with torch.no_grad():
        return float(functional.mse_loss(module.net(x), y))


def test_a_rate_far_off_is_found(tmp_path: Path) -> None:
    """From starts three decades apart, on the spare batches of a loader, both end near each other and better
    than constant rates; what `averaged` has chosen is there inside the block only."""
    ends = {}
    for lr in (1e-3, 1.0):
        callback = lrscope.lightning.GapScheduler(data()[1])
        module, _ = run(tmp_path, [callback], 600, Module(lr))
        plain, _ = run(tmp_path, [], 600, Module(lr))
        before = [w.clone() for w in module.parameters()]
        with callback.averaged():
            ends[lr] = loss_of(module)
        assert all(torch.equal(a, b) for a, b in zip(module.parameters(), before, strict=True))
        assert not ends[lr] >= loss_of(plain)  # which may be NaN
        assert callback.decisions
    assert max(ends.values()) < 1.4 * min(ends.values())


@pytest.mark.parametrize("held_out", [True, False], ids=["held out", "training"])
def test_control_is_recorded(tmp_path: Path, held_out: bool) -> None:
    """One callback both sets the rate and records: losses and rates are those that Lightning sees, with gaps
    from either source, and what Lightning logs is of its own batches."""
    path = tmp_path / "record.jsonl"
    callback = lrscope.lightning.GapScheduler(data()[1] if held_out else None, record=path)
    module, _ = run(tmp_path, [callback], 120)
    rows = lines(path)
    assert [r["step"] for r in rows] == list(range(1, 121))
    assert [r["loss"] for r in rows] == pytest.approx(module.losses, rel=1e-5)
    assert [r["lr"] for r in rows] == pytest.approx(module.rates)
    assert sum("gap" in r for r in rows) > 5
    assert lrscope.diagnose(path)


def test_accumulated_batches_are_one_step(tmp_path: Path) -> None:
    """Four batches a step: as many decisions as steps, each on the mean of undivided losses."""
    path = tmp_path / "record.jsonl"
    callback = lrscope.lightning.GapScheduler(record=path)
    module, _ = run(tmp_path, [callback], 30, accumulate_grad_batches=4)
    means = [sum(module.losses[i : i + 4]) / 4 for i in range(0, 120, 4)]
    assert [r["loss"] for r in lines(path)] == pytest.approx(means, rel=1e-5)


def test_validation_sees_the_averaged_weights_on_request(tmp_path: Path) -> None:
    """And training goes on with its own. (With held-out batches the best of averages and weights is taken, which may be
    the weights; without, it is the short average.)"""
    callback = lrscope.lightning.GapScheduler(averaged_validation=True)
    module, _ = run(tmp_path, [callback], 80)
    assert module.validated[-1] != pytest.approx(loss_of(module), rel=1e-6)
    with callback.averaged():
        assert module.validated[-1] == pytest.approx(loss_of(module), rel=1e-6)


def test_misuse_is_refused(tmp_path: Path) -> None:
    """A scheduler beside this one, and a question before the start."""
    with pytest.raises(lrscope.UsageError, match="StepLR"):
        run(tmp_path, [lrscope.lightning.GapScheduler()], 10, Module(0.1, schedule=True))
    with pytest.raises(lrscope.UsageError, match="before training has started"):
        lrscope.lightning.GapScheduler().finish(10)


def test_the_plateau_callback_lowers_and_resumes(tmp_path: Path) -> None:
    """On validation losses that have levelled out the rate comes down, with a reason; a run that is resumed from
    a checkpoint takes the same rates."""

    def module() -> Module:
        pl.seed_everything(1, verbose=False)
        return Module(0.1, dropout=0.0)

    callback = lrscope.lightning.PlateauScheduler("val_loss", patience=6)
    whole, _ = run(tmp_path, [callback], 40 * 30, module())
    assert "level at" in callback.decisions[0].reason
    assert min(whole.rates) < 0.05
    _, trainer = run(
        tmp_path, [lrscope.lightning.PlateauScheduler("val_loss", patience=6)], 40 * 10, module()
    )
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    again = lrscope.lightning.PlateauScheduler("val_loss", patience=6)
    rest, _ = run(tmp_path, [again], 40 * 30, module(), resume=tmp_path / "last.ckpt")
    assert rest.rates == whole.rates[40 * 10 :]
    assert again.decisions == callback.decisions
    with pytest.warns(UserWarning, match="'other'.*logged: loss, val_loss"):
        run(tmp_path, [lrscope.lightning.PlateauScheduler("other")], 40, module())


class TestGapScheduler(GapSchedulerSuite):
    """Lightning passes the suite of every host."""

    def make(self, **settings: Any) -> Any:
        return lrscope.lightning.GapScheduler(data()[1], **settings)

    def train(
        self, scheduler: Any, steps: int, *, folder: Path, save: bool = False, resume: bool = False
    ) -> Trained:
        pl.seed_everything(1, verbose=False)
        module = Module(0.002, dropout=0.0)
        kept = folder / "kept.ckpt"
        callbacks = [scheduler] if scheduler else []
        _, trainer = run(folder, callbacks, steps, module, resume=kept if resume else None)
        if save:
            trainer.save_checkpoint(kept)
        names = {f"{name}.{attribute}" for name, part in module.named_modules() for attribute in vars(part)}
        weights = torch.cat([w.detach().reshape(-1) for w in module.parameters()]).tolist()
        return Trained(module.rates, trainer.optimizers[0].param_groups[0]["lr"], weights, frozenset(names))


class TestPlateauScheduler(PlateauSchedulerSuite):
    """So does the callback for a validation metric, here called as Lightning calls it."""

    def make(self, **settings: Any) -> Any:
        return lrscope.lightning.PlateauScheduler("val_loss", **settings)

    def feed(
        self, scheduler: Any, values: Any, *, folder: Path, save: bool = False, resume: bool = False
    ) -> list[float]:
        folder.mkdir(exist_ok=True)
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
        trainer: Any = SimpleNamespace(
            optimizers=[optimizer], lr_scheduler_configs=[], sanity_checking=False, callback_metrics={}
        )
        if resume:
            states = torch.load(folder / "kept.pt", weights_only=True)
            optimizer.load_state_dict(states[0])
            scheduler.load_state_dict(states[1])
        scheduler.on_train_start(trainer, None)
        rates = []
        for value in values:
            trainer.callback_metrics = {"val_loss": torch.tensor(value, dtype=torch.float64)}
            scheduler.on_validation_end(trainer, None)
            rates.append(optimizer.param_groups[0]["lr"])
        if save:
            torch.save([optimizer.state_dict(), scheduler.state_dict()], folder / "kept.pt")
        return rates
