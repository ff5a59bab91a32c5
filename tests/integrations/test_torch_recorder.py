"""The recorder: what it writes is what happened, and training does not notice it."""

from __future__ import annotations

import copy
import io
import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `torch`")
from hosts import lines  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

import lrscope  # noqa: E402
from lrscope.errors import UsageError  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]


def network(dropout: float = 0.0, norm: bool = False) -> nn.Module:
    parts: list[nn.Module] = [nn.Linear(6, 12)]
    if norm:
        parts.append(nn.BatchNorm1d(12))
    parts += [nn.ReLU(), nn.Dropout(dropout), nn.Linear(12, 3)]
    return nn.Sequential(*parts)


def batches(count: int, seed: int = 1) -> list[tuple[Any, Any]]:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        x = torch.randn(16, 6, generator=generator)
        found.append((x, x[:, :3].argmax(dim=1)))
    return found


def train(model: Any, optimizer: Any, data: list[Any], loss_fn: Any) -> list[float]:
    losses = []
    for x, y in data:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_numbers_are_what_a_plain_twin_computes(tmp_path: Path) -> None:
    """Loss, rate, norms, dot product, cosine and gap agree with a slow loop that keeps every weight."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    twin = copy.deepcopy(model)
    data = batches(40)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with lrscope.torch.Recorder(
        optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn, every=1, gap_every=8
    ):
        train(model, optimizer, data, loss_fn)
    rows = lines(tmp_path / "r.jsonl")
    assert [r["step"] for r in rows] == list(range(1, 41))

    def flat(tensors: Any) -> Any:
        return torch.cat([t.detach().double().reshape(-1) for t in tensors])

    mine = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9)
    average, update = None, None
    for step, ((x, y), row) in enumerate(zip(data, rows, strict=True), start=1):
        mine.zero_grad()
        loss = loss_fn(twin(x), y)
        loss.backward()
        before, gradient = flat(twin.parameters()), flat(p.grad for p in twin.parameters())
        assert row["loss"] == pytest.approx(loss.item(), rel=1e-6)
        assert row["lr"] == 0.1
        assert row["grad_norm"] == pytest.approx(float(gradient.norm()), rel=1e-5)
        if update is not None:
            dot = float(gradient @ update)
            assert row["grad_dot_update"] == pytest.approx(dot, rel=1e-3, abs=1e-6)
            assert row["cos"] == pytest.approx(
                dot / float(gradient.norm() * update.norm()), rel=1e-3, abs=1e-5
            )
        if "gap" in row:
            other = copy.deepcopy(twin)
            nn.utils.vector_to_parameters(average.float(), other.parameters())
            expected = loss.item() - loss_fn(other(x), y).item()
            assert row["gap"] == pytest.approx(expected, abs=2e-6)
        mine.step()
        after = flat(twin.parameters())
        update = before - after
        assert row["update_norm"] == pytest.approx(float(update.norm()), rel=1e-4)
        average = after if average is None else average + (1 - (1 - 1 / step) ** 2) * (after - average)
    assert [r["step"] for r in rows if "gap" in r] == [16, 20, 24, 28, 32, 36, 40]


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
def test_training_does_not_notice(make: Any, tmp_path: Path) -> None:
    """With dropout and BatchNorm, a recorded run has the same losses and weights bit for bit as one alone."""
    results = []
    for recorded in (False, True):
        torch.manual_seed(3)
        model, loss_fn = network(dropout=0.3, norm=True), nn.CrossEntropyLoss()
        optimizer = make(model.parameters(), lr=0.05)
        if recorded:
            lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn, every=2)
        results.append((train(model, optimizer, batches(50), loss_fn), copy.deepcopy(model.state_dict())))
    assert results[0][0] == results[1][0]
    for name, value in results[0][1].items():
        assert torch.equal(value, results[1][1][name]), name


def test_the_gap_points_down_at_the_noise_floor_and_up_on_the_way(tmp_path: Path) -> None:
    """On a noisy quadratic the gap is positive at too high a rate, and negative at too low a one."""
    found = {}
    for rate in (1.5, 0.001):
        weight = nn.Parameter(torch.full((20,), 3.0 if rate < 1 else 0.0))
        optimizer = torch.optim.SGD([weight], lr=rate)
        path = tmp_path / f"{rate}.jsonl"
        holder = nn.ParameterList([weight])
        recorder = lrscope.torch.Recorder(optimizer, holder, path, gap_every=4)
        for _ in range(300):
            centre = 0.3 * torch.randn(20)
            optimizer.zero_grad()
            recorder.loss(lambda w=weight, c=centre: 0.5 * ((w - c) ** 2).sum()).backward()
            optimizer.step()
        recorder.close()
        gaps = torch.tensor([r["gap"] for r in lines(path) if "gap" in r])
        found[rate] = float(gaps.mean() / (gaps.std() / math.sqrt(len(gaps))))
    assert found[1.5] > 5
    assert found[0.001] < -5


def test_a_loss_after_the_step_is_recorded_and_gives_no_gap(tmp_path: Path) -> None:
    """Measured on the batch just learnt, the gap would be upside down: it is refused, with a warning."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl")

    def wrong_loop() -> None:
        for x, y in batches(30):
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            recorder.loss(lambda x=x, y=y: functional.cross_entropy(model(x), y))

    with pytest.warns(RuntimeWarning, match="before optimizer.step"):
        wrong_loop()
    recorder.close()
    assert not [r for r in lines(tmp_path / "r.jsonl") if "gap" in r]


def test_forward_passes_that_are_not_learnt_from_do_not_count(tmp_path: Path) -> None:
    """An accuracy pass after the step, with gradients on and on the same batch, is not the next step's
    loss."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    with lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn):
        for x, y in batches(20):
            losses += train(model, optimizer, [(x, y)], loss_fn)
            loss_fn(model(x), y)
    rows = lines(tmp_path / "r.jsonl")
    assert [r["loss"] for r in rows] == pytest.approx(losses, rel=1e-6)
    assert not any("batches" in r for r in rows)


def test_gradient_accumulation_is_one_line_a_step(tmp_path: Path) -> None:
    """Four micro-batches make one line, with their mean loss, also where the loss is divided in place."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    means = []
    with lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn):
        for step in range(20):
            losses = []
            optimizer.zero_grad()
            for x, y in batches(4, seed=step):
                loss = loss_fn(model(x), y)
                losses.append(loss.item())
                loss /= 4
                loss.backward()
            optimizer.step()
            means.append(sum(losses) / 4)
    rows = lines(tmp_path / "r.jsonl")
    assert [r["loss"] for r in rows] == pytest.approx(means, rel=1e-5)
    assert {r["batches"] for r in rows} == {4}
    assert any("gap" in r for r in rows)


def test_skipped_steps_are_recorded_as_skipped(tmp_path: Path) -> None:
    """A GradScaler that meets an infinite gradient skips the step; the line says so and the numbers go on."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    with lrscope.torch.Recorder(
        optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn, scaler=scaler, every=1
    ):
        for step, (x, y) in enumerate(batches(24), start=1):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = loss_fn(model(x), y)
            scaler.scale(loss).backward()
            if step in (5, 6, 20):
                model[0].weight.grad[0, 0] = math.inf
            scaler.step(optimizer)
            scaler.update()
    rows = lines(tmp_path / "r.jsonl")
    assert [r["step"] for r in rows] == list(range(1, 25))
    assert [r["step"] for r in rows if r.get("skipped")] == [5, 6, 20]
    assert all(r["grad_norm"] < 10 for r in rows if not r.get("skipped"))  # unscaled
    assert all("loss" in r for r in rows)
    assert not any("cos" in r for r in rows if r["step"] in (7, 21))  # no update came before these
    assert "step" not in vars(scaler)


def test_groups_have_their_own_rates(tmp_path: Path) -> None:
    """Each parameter group's rate is written, as a scheduler moves it."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(
        [{"params": model[0].parameters()}, {"params": model[3].parameters(), "lr": 0.5}], lr=0.1
    )
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    with lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn):
        for pair in batches(3):
            train(model, optimizer, [pair], loss_fn)
            scheduler.step()
    rows = lines(tmp_path / "r.jsonl")
    assert [r["lr"] for r in rows] == pytest.approx([0.1, 0.05, 0.025])
    assert [r["lr_1"] for r in rows] == pytest.approx([0.5, 0.25, 0.125])


def test_a_group_added_later_counts_from_then_on(tmp_path: Path) -> None:
    """Unfreezing layers by `add_param_group` neither breaks the record nor mixes the averages."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model[3].parameters(), lr=0.1)
    with lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn):
        train(model, optimizer, batches(21), loss_fn)
        optimizer.add_param_group({"params": model[0].parameters()})
        train(model, optimizer, batches(21), loss_fn)
    rows = lines(tmp_path / "r.jsonl")
    assert rows[-1]["lr_1"] == 0.1
    assert all(math.isfinite(r["gap"]) for r in rows if "gap" in r)
    assert any("cos" in r for r in rows[30:])


def test_sparse_gradients_have_the_norms_and_products_of_dense_ones(tmp_path: Path) -> None:
    """An embedding with sparse gradients is recorded like the same one with dense gradients."""
    rows = []
    for sparse in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Embedding(9, 4, sparse=sparse), nn.Flatten(), nn.Linear(12, 3))
        loss_fn = nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        path = tmp_path / f"{sparse}.jsonl"
        generator = torch.Generator().manual_seed(5)
        with lrscope.torch.Recorder(optimizer, model, path, loss_fn=loss_fn, every=1):
            for _ in range(20):
                x = torch.randint(9, (8, 3), generator=generator)
                train(model, optimizer, [(x, x[:, 0] % 3)], loss_fn)
        rows.append(lines(path))
    for dense, sparse in zip(*rows, strict=True):
        assert dense.keys() == sparse.keys()
        for name, value in dense.items():
            assert sparse[name] == pytest.approx(value, rel=1e-4, abs=1e-6)


def test_closures_count_at_their_first_call(tmp_path: Path) -> None:
    """LBFGS computes its loss many times a step; the line holds the one before the weights moved."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=5)
    firsts = []
    with lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn, every=1):
        for x, y in batches(20):
            seen = []

            def closure(x: Any = x, y: Any = y, seen: list[float] = seen) -> Any:
                optimizer.zero_grad()
                loss = loss_fn(model(x), y)
                loss.backward()
                seen.append(loss.item())
                return loss

            optimizer.step(closure)
            firsts.append(seen[0])
    rows = lines(tmp_path / "r.jsonl")
    assert [r["loss"] for r in rows] == pytest.approx(firsts, rel=1e-6)
    assert all("batches" not in r for r in rows)
    assert any("gap" in r for r in rows)


def test_averages_leave_out_weights_that_are_not_finite(tmp_path: Path) -> None:
    """After a step to NaN and back, gaps are finite again."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn, every=1):
        train(model, optimizer, batches(20), loss_fn)
        good = copy.deepcopy(model.state_dict())
        x, y = batches(1)[0]
        train(model, optimizer, [(x * math.nan, y)], loss_fn)
        model.load_state_dict(good)
        train(model, optimizer, batches(12), loss_fn)
    rows = lines(tmp_path / "r.jsonl")
    assert rows[20]["loss"] == "NaN"
    assert [isinstance(r["gap"], float) for r in rows[21:] if "gap" in r] == [True] * 3


def test_a_resumed_run_continues_its_record(tmp_path: Path) -> None:
    """State saved at step 20 and loaded in a new recorder gives the lines that one run would have given."""
    data = batches(40)
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"

    def start() -> tuple[nn.Module, Any, Any]:
        torch.manual_seed(2)
        model = network()
        return model, torch.optim.SGD(model.parameters(), lr=0.2), nn.CrossEntropyLoss()

    model, optimizer, loss_fn = start()
    with lrscope.torch.Recorder(optimizer, model, whole, loss_fn=loss_fn):
        train(model, optimizer, data, loss_fn)
    model, optimizer, loss_fn = start()
    with lrscope.torch.Recorder(optimizer, model, parts, loss_fn=loss_fn) as recorder:
        train(model, optimizer, data[:20], loss_fn)
        file = io.BytesIO()
        torch.save((recorder.state_dict(), model.state_dict()), file)
    file.seek(0)
    state, weights = torch.load(file, weights_only=True)
    model, optimizer, loss_fn = start()
    model.load_state_dict(weights)
    with lrscope.torch.Recorder(optimizer, model, parts, loss_fn=loss_fn) as recorder:
        recorder.load_state_dict(state)
        train(model, optimizer, data[20:], loss_fn)
    missing = {
        "grad_norm",
        "grad_dot_update",
        "cos",
    }  # of the first step after resuming: the update before it is unknown
    for one, other in zip(lines(whole), lines(parts), strict=True):
        if one["step"] == 21:
            one = {k: v for k, v in one.items() if k not in missing}
        assert one.keys() == other.keys()
        assert other == pytest.approx(one, rel=1e-4, abs=1e-6)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["parts.jsonl", "whole.jsonl"]


def test_compiled_models_are_recorded(tmp_path: Path) -> None:
    """A compiled model gives the lines that the plain one gives."""
    rows = []
    for compiled in (False, True):
        torch.manual_seed(0)
        model, loss_fn = network(norm=True), nn.CrossEntropyLoss()
        called = torch.compile(model, backend="eager") if compiled else model
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        path = tmp_path / f"{compiled}.jsonl"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, while it traces
            with lrscope.torch.Recorder(optimizer, called, path, loss_fn=loss_fn):
                train(called, optimizer, batches(24), loss_fn)
        rows.append(lines(path))
    for one, other in zip(*rows, strict=True):
        assert other == pytest.approx(one, rel=1e-3, abs=1e-5)


def test_a_loss_of_a_flattened_output_gives_the_gap(tmp_path: Path) -> None:
    """`loss_fn(logits.view(-1, n), y.view(-1))`, as for language models, is computed again as it was."""
    model = nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 5))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    with lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn):
        for _ in range(24):
            x = torch.randint(5, (4, 7))
            optimizer.zero_grad()
            loss_fn(model(x).view(-1, 5), x.view(-1)).backward()
            optimizer.step()
    assert [r["step"] for r in lines(tmp_path / "r.jsonl") if "gap" in r] == [16, 20, 24]


def test_a_loss_of_something_else_says_that_there_is_no_gap(tmp_path: Path) -> None:
    """Where the loss cannot be computed again, that is said once, and everything else is recorded."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    recorder = lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn)
    with pytest.warns(UserWarning, match="cannot measure the gap") as caught:
        train(lambda x: 2.0 * model(x), optimizer, batches(30), loss_fn)
    recorder.close()
    assert len(caught) == 1
    assert len([r for r in lines(tmp_path / "r.jsonl") if "loss" in r and "gap" not in r]) == 30


def test_a_model_that_fails_in_evaluation_does_not_stop_training(tmp_path: Path) -> None:
    """A model that breaks outside of training loses the gap, with a warning, and nothing else."""

    class Fragile(nn.Linear):
        def forward(self, x: Any) -> Any:
            if not self.training:
                raise RuntimeError("only for training")
            return super().forward(x)

    model, loss_fn = Fragile(6, 3), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with (
        lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn),
        pytest.warns(RuntimeWarning, match="only for training"),
    ):
        train(model, optimizer, batches(30), loss_fn)
    assert model.training
    assert len(lines(tmp_path / "r.jsonl")) == 30


def test_a_killed_program_leaves_whole_lines(tmp_path: Path) -> None:
    """A program that ends without a word leaves its lines; only those of the last moment are missing."""
    script = f"""
import os, time, torch, lrscope
weight = torch.nn.Parameter(torch.ones(3))
optimizer = torch.optim.SGD([weight], lr=0.1)
recorder = lrscope.torch.Recorder(optimizer, path={str(tmp_path / "r.jsonl")!r})
for step in range(100):
    optimizer.zero_grad()
    recorder.loss((weight ** 2).sum()).backward()
    optimizer.step()
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script], check=False, env={"PYTHONPATH": "src"})
    rows = lines(tmp_path / "r.jsonl")
    assert len(rows) >= 96
    assert [r["step"] for r in rows] == list(range(1, len(rows) + 1))


def test_the_end_of_a_program_writes_what_waits(tmp_path: Path) -> None:
    """Without a close, all lines are there when the program has ended."""
    script = f"""
import torch, lrscope
weight = torch.nn.Parameter(torch.ones(3))
optimizer = torch.optim.SGD([weight], lr=0.1)
recorder = lrscope.torch.Recorder(optimizer, path={str(tmp_path / "r.jsonl")!r})
for step in range(7):
    optimizer.zero_grad()
    recorder.loss((weight ** 2).sum()).backward()
    optimizer.step()
"""
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": "src"})
    assert len(lines(tmp_path / "r.jsonl")) == 7


def test_a_copied_model_and_a_closed_recorder_record_nothing(tmp_path: Path) -> None:
    """Copies of a model (for averaging, or saving) can be made and used; after `close` nothing is written."""
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with lrscope.torch.Recorder(optimizer, model, tmp_path / "r.jsonl", loss_fn=loss_fn):
        train(model, optimizer, batches(15), loss_fn)
        twin = copy.deepcopy(model)
        other = torch.optim.SGD(twin.parameters(), lr=0.1)
        train(twin, other, batches(5), copy.deepcopy(loss_fn))
    train(model, optimizer, batches(5), loss_fn)
    assert len(lines(tmp_path / "r.jsonl")) == 15


def test_misuse_is_refused(tmp_path: Path) -> None:
    """What is no PyTorch optimiser, intervals below 1, and a foreign state are refused in a sentence each."""
    with pytest.raises(UsageError, match="step hooks"):
        lrscope.torch.Recorder(object(), path=tmp_path / "r.jsonl")
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    with pytest.raises(UsageError, match="every must be 1 or more"):
        lrscope.torch.Recorder(optimizer, path=tmp_path / "r.jsonl", every=0)
    with pytest.raises(UsageError, match="no saved state of a recorder"):
        lrscope.torch.Recorder(optimizer, path=tmp_path / "r.jsonl").load_state_dict({"epoch": 3})
