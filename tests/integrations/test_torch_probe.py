"""The probe: it says what helps, and what it borrowed it gives back bit for bit."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `torch`")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import lrscope  # noqa: E402
from lrscope.errors import UsageError  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]

Batch = tuple[Any, Any]
OPTIMIZERS: dict[str, Callable[..., Any]] = {
    name: kind
    for name, kind in vars(torch.optim).items()
    if isinstance(kind, type)
    and issubclass(kind, torch.optim.Optimizer)
    and kind is not torch.optim.Optimizer
}


class Net(nn.Module):
    """Embedding, BatchNorm and dropout: everything that a step can change."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 6)
        self.norm, self.drop, self.out = nn.BatchNorm1d(18), nn.Dropout(0.2), nn.Linear(18, 4)

    def forward(self, x: Any) -> Any:
        return self.out(self.drop(self.norm(self.embedding(x).flatten(1))))


def some_batches(count: int, seed: int = 1) -> list[Batch]:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        x = torch.randint(10, (16, 3), generator=generator)
        found.append((x, x[:, 0] % 4))
    return found


def loss_of(model: nn.Module, batch: Batch) -> Any:
    return functional.cross_entropy(model(batch[0]), batch[1])


def step(model: nn.Module, optimizer: Any, batch: Batch) -> None:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model, batch)
        loss.backward()
        return loss

    optimizer.step(closure)


def everything(model: nn.Module, optimizer: Any, *others: Any) -> dict[str, Any]:
    """All that must not change, as plain values."""

    def plain(thing: Any) -> Any:
        if isinstance(thing, torch.Tensor):
            dense = thing.detach().to_dense() if thing.is_sparse else thing.detach()
            return (
                str(thing.dtype),
                tuple(thing.shape),
                dense.clone().reshape(-1).view(torch.uint8).tolist(),
            )
        if isinstance(thing, dict):
            return {str(k): plain(v) for k, v in thing.items()}
        if isinstance(thing, list | tuple):
            return [plain(v) for v in thing]
        return repr(thing)

    return {
        "weights": plain(dict(model.named_parameters())),
        "buffers": plain(dict(model.named_buffers())),
        "gradients": [plain(p.grad) for p in model.parameters()],
        "trained": [p.requires_grad for p in model.parameters()],
        "modes": [m.training for m in model.modules()],
        "optimizer": plain(optimizer.state_dict()),
        "others": [plain(other.state_dict()) for other in others],
        "random": [random.getstate(), plain(list(np.random.get_state())), plain(torch.get_rng_state())],
        "objects": [id(p) for p in model.parameters()] + [id(p.grad) for p in model.parameters()],
    }


def make(name: str) -> tuple[nn.Module, Any]:
    """A network that this optimiser accepts: SparseAdam wants sparse gradients alone, Muon matrices alone."""
    model: nn.Module = Net()
    weights = list(model.parameters())
    if name == "SparseAdam":
        model = _Sparse()
        weights = list(model.parameters())
    if name == "Muon":
        weights = [w for w in weights if w.ndim == 2]
    return model, OPTIMIZERS[name](weights, lr=0.01)


class _Sparse(nn.Module):
    """A bag of embeddings whose gradients are all sparse."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4, sparse=True)

    def forward(self, x: Any) -> Any:
        return self.embedding(x).sum(dim=1)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimiser_is_given_back_bit_for_bit(name: str) -> None:
    """Weights, state, gradients, statistics, modes and random states are the same; and so is the next
    step."""
    model, optimizer = make(name)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.02, 50, cycle_momentum=False)
    data = some_batches(40)
    for batch in data[:3]:
        step(model, optimizer, batch)
        scheduler.step()
    twin, twins_optimizer = make(name)
    twin.load_state_dict(copy.deepcopy(model.state_dict()))
    twins_optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    before = everything(model, optimizer, scheduler)
    verdict = lrscope.torch.probe(
        model, optimizer, data, loss_of, schedulers=[scheduler], steps=3, cool=2, eval_batches=4
    )
    assert verdict.steps == 15
    assert everything(model, optimizer, scheduler) == before
    state = torch.get_rng_state()
    step(model, optimizer, data[5])
    torch.set_rng_state(state)
    step(twin, twins_optimizer, data[5])
    for mine, other in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("moment", ["first", "middle", "evaluation"])
def test_an_exception_gives_everything_back(moment: str) -> None:
    """Wherever the user's own loss function fails, its error goes through and the state is as it was."""
    model, optimizer = make("Adam")
    data = some_batches(30)
    step(model, optimizer, data[0])
    model.eval()
    model.embedding.weight.requires_grad_(False)
    before = everything(model, optimizer)
    calls = {"first": 1, "middle": 7, "evaluation": 12}[moment]
    seen = []

    def failing(model: nn.Module, batch: Batch) -> Any:
        seen.append(1)
        random.random()
        np.random.rand()
        if len(seen) == calls:
            raise KeyboardInterrupt
        return loss_of(model, batch)

    with pytest.raises(KeyboardInterrupt):
        lrscope.torch.probe(model, optimizer, data, failing, steps=6, cool=4, eval_batches=5)
    assert everything(model, optimizer) == before


def test_mixed_precision_on_a_processor_is_given_back() -> None:
    """bfloat16 autocast with a GradScaler: its scale and counters are as they were, and its work was done."""
    model, optimizer = make("SGD")
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=3)

    def loss(model: nn.Module, batch: Batch) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return loss_of(model, batch)

    data = some_batches(40)
    for batch in data[:2]:
        optimizer.zero_grad()
        scaler.scale(loss(model, batch)).backward()
        scaler.step(optimizer)
        scaler.update()
    before = everything(model, optimizer, scaler)
    clipped = []
    verdict = lrscope.torch.probe(
        model,
        optimizer,
        data,
        loss,
        scaler=scaler,
        before_step=lambda: clipped.append(float(nn.utils.clip_grad_norm_(model.parameters(), 1.0))),
        steps=6,
        cool=2,
        eval_batches=4,
    )
    assert np.isfinite([b.loss for b in verdict.branches]).all()
    assert everything(model, optimizer, scaler) == before
    assert len(clipped) == 24
    assert max(clipped) < 8  # unscaled before clipping


def test_a_loader_shuffles_on_as_if_nothing_had_been() -> None:
    """A data loader with its own generator gives the same batches after a probe as without it."""

    def loader() -> Any:
        data = torch.utils.data.TensorDataset(*map(torch.cat, zip(*some_batches(40), strict=True)))
        return torch.utils.data.DataLoader(
            data, batch_size=16, shuffle=True, generator=torch.Generator().manual_seed(4)
        )

    one, other = loader(), loader()
    model, optimizer = make("SGD")
    lrscope.torch.probe(model, optimizer, one, nn.CrossEntropyLoss(), steps=3, cool=2, eval_batches=4)
    for mine, its in zip(one, other, strict=True):
        assert torch.equal(mine[0], its[0])


def test_a_recorder_and_other_hooks_look_away(tmp_path: Any) -> None:
    """Steps of a probe are neither recorded nor seen by hooks on the optimiser's steps."""
    model, optimizer = make("SGD")
    loss_fn = nn.CrossEntropyLoss()
    seen: list[int] = []
    optimizer.register_step_post_hook(lambda *_: seen.append(1))
    with lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn) as recorder:
        lrscope.torch.probe(model, optimizer, some_batches(40), loss_fn, steps=4, cool=2, eval_batches=3)
        step(model, optimizer, some_batches(1)[0])
        assert recorder.step == 1
    assert seen == [1]


def quadratic(rate: float, start: float) -> tuple[nn.Module, Any, list[Any], Callable[..., Any]]:
    """Minimise |theta - xi|^2 / 2 with xi scattered about 0."""
    model = nn.Linear(20, 1, bias=False)
    nn.init.constant_(model.weight, start)
    generator = torch.Generator().manual_seed(3)
    data = [0.5 * torch.randn(1, 20, generator=generator) for _ in range(200)]
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    return model, optimizer, data, lambda model, centre: 0.5 * ((model.weight - centre) ** 2).sum() + 1.0


def test_raising_is_advised_far_from_the_goal() -> None:
    """At a rate a hundred times too low, raising helps, and the verdict says by how much at what price."""
    verdict = lrscope.torch.probe(*quadratic(0.003, 3.0))
    assert verdict.advice == "raise"
    assert str(verdict).startswith("raising helps: -")
    assert verdict.steps == 180


def test_lowering_is_advised_at_the_edge_of_stability() -> None:
    """Where the rate keeps the iterates swinging, lowering helps."""
    model, optimizer, data, loss = quadratic(1.95, 0.5)
    for centre in data[:50]:
        optimizer.zero_grad()
        loss(model, centre).backward()
        optimizer.step()
    verdict = lrscope.torch.probe(model, optimizer, data[50:], loss)
    assert verdict.advice == "lower"


def test_too_few_batches_and_senseless_settings_are_told() -> None:
    """What cannot be done is said before anything is touched."""
    model, optimizer = make("SGD")
    before = everything(model, optimizer)
    with pytest.raises(UsageError, match="needs 60 batches"):
        lrscope.torch.probe(model, optimizer, some_batches(61), loss_of)
    with pytest.raises(UsageError, match="factors"):
        lrscope.torch.probe(model, optimizer, some_batches(80), loss_of, factors=(1.0,))
    with pytest.raises(UsageError, match="eval_batches"):
        lrscope.torch.probe(model, optimizer, some_batches(80), loss_of, eval_batches=1)
    assert everything(model, optimizer) == before
