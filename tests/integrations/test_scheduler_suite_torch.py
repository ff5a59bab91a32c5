"""`lrscope.torch` and `lrscope.accelerate` pass the suite of every host."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `torch`")

import lrscope  # noqa: E402
from lrscope.testing.scheduler_suite import GapSchedulerSuite, PlateauSchedulerSuite, Trained  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def network() -> Any:
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Linear(6, 12), torch.nn.BatchNorm1d(12), torch.nn.ReLU(), torch.nn.Linear(12, 3)
    )


def batches(count: int, seed: int) -> list[Any]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 16, 6, generator=generator)
    y = (x[..., :3] + 0.5 * torch.randn(count, 16, 3, generator=generator)).argmax(dim=2)
    return list(zip(x, y, strict=True))


def names(model: Any) -> frozenset[str]:
    """Attributes, hooks and state of all modules."""
    found = set(model.state_dict())
    for name, module in model.named_modules():
        found |= {f"{name}.{attribute}" for attribute in vars(module)}
        found |= {f"{name}.{k}: {len(v)}" for k, v in vars(module).items() if k.endswith("_hooks")}
    return frozenset(found)


def flat(model: Any) -> list[float]:
    return torch.cat([v.double().reshape(-1) for v in model.state_dict().values()]).tolist()


class TestTorch(GapSchedulerSuite):
    """In a loop of one's own."""

    def make(self, **settings: Any) -> Any:
        return lambda optimizer, model, loss_fn: lrscope.torch.GapScheduler(
            optimizer, model, loss_fn, held_out=batches(8, 9), **settings
        )

    def train(
        self, scheduler: Any, steps: int, *, folder: Path, save: bool = False, resume: bool = False
    ) -> Trained:
        folder.mkdir(exist_ok=True)
        model, loss_fn = network(), torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.5)
        acting = scheduler(optimizer, model, loss_fn) if scheduler else None
        parts = [part for part in (model, optimizer, acting) if part is not None]
        begin = 0
        if resume:
            begin, states = torch.load(folder / "kept.pt", weights_only=True)
            for part, state in zip(parts, states, strict=True):
                part.load_state_dict(state)
        rates = []
        for x, y in batches(self.steps, 1)[begin:steps]:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if acting is not None:
                acting.step(loss)
        if save:
            torch.save((steps, [part.state_dict() for part in parts]), folder / "kept.pt")
        if acting is not None:
            acting.close()
        return Trained(rates, optimizer.param_groups[0]["lr"], flat(model), names(model))


class TestAccelerate(GapSchedulerSuite):
    """In a loop with Accelerate."""

    def make(self, **settings: Any) -> Any:
        return lambda *prepared: lrscope.accelerate.GapScheduler(
            *prepared, held_out=batches(8, 9), **settings
        )

    @pytest.fixture(autouse=True)
    def _needs(self) -> None:
        pytest.importorskip("accelerate", reason="needs the extra `accelerate`")

    def train(
        self, scheduler: Any, steps: int, *, folder: Path, save: bool = False, resume: bool = False
    ) -> Trained:
        from accelerate import Accelerator

        accelerator = Accelerator(cpu=True)
        model, loss_fn = network(), torch.nn.CrossEntropyLoss()
        model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.01, momentum=0.5))
        acting = scheduler(accelerator, optimizer, model, loss_fn) if scheduler else None
        if resume:
            accelerator.load_state(str(folder / "kept"))
        rates = []
        for x, y in batches(self.steps, 1)[self.middle if resume else 0 : steps]:
            loss = loss_fn(model(x), y)
            accelerator.backward(loss)
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            optimizer.zero_grad()
            if acting is not None:
                acting.step(loss)
        if save:
            accelerator.save_state(str(folder / "kept"))
        if acting is not None:
            acting.close()
        return Trained(rates, optimizer.param_groups[0]["lr"], flat(model), names(model))


class TestTorchPlateau(PlateauSchedulerSuite):
    """In the place of `ReduceLROnPlateau`."""

    def make(self, **settings: Any) -> Any:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
        return lrscope.torch.PlateauScheduler(optimizer, **settings)

    def feed(
        self, scheduler: Any, values: Any, *, folder: Path, save: bool = False, resume: bool = False
    ) -> list[float]:
        folder.mkdir(exist_ok=True)
        if resume:
            scheduler.load_state_dict(torch.load(folder / "kept.pt", weights_only=True))
        rates = []
        for value in values:
            scheduler.step(value)
            rates.append(scheduler.optimizer.param_groups[0]["lr"])
        if save:
            torch.save(scheduler.state_dict(), folder / "kept.pt")
        return rates


def test_a_foreign_state_is_refused() -> None:
    """What is no state of the scheduler, or one with a part missing, and the state of another model, are refused in one
    sentence each."""
    suite = TestTorch()
    model, loss_fn = network(), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    acting = suite.make()(optimizer, model, loss_fn)
    state = acting.state_dict()
    for foreign in ({"last_epoch": 3}, {k: v for k, v in state.items() if k != "monitor"}, None):
        with pytest.raises(lrscope.UsageError, match="no saved state of the scheduler"):
            acting.load_state_dict(foreign)
    other = torch.nn.Linear(6, 3)
    small = suite.make()(torch.optim.SGD(other.parameters(), 0.01), other, loss_fn)
    for x, y in batches(3, 1):
        loss = loss_fn(other(x), y)
        loss.backward()
        small.optimizer.step()
        small.step(loss)
    with pytest.raises(lrscope.UsageError, match="another model"):
        acting.load_state_dict(copy.deepcopy(small.state_dict()))
