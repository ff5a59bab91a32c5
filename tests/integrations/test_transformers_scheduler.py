"""`lrscope.transformers.GapScheduler` in real runs of Hugging Face's Trainer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("transformers", reason="needs the extra `transformers`")
pytest.importorskip("accelerate", reason="needs the extra `transformers`")
import torch
from hosts import lines, train_transformers
from transformers import Trainer, TrainerCallback

import lrscope
from lrscope.testing.scheduler_suite import GapSchedulerSuite, PlateauSchedulerSuite, Trained

pytestmark = [pytest.mark.torch, pytest.mark.slow, pytest.mark.usefixtures("quiet_host")]


def rows(start: int, end: int) -> list[dict[str, Any]]:
    """Sequences that count on, with a mistake now and then."""
    out = []
    for i in range(start, end):
        generator = torch.Generator().manual_seed(i)
        ids = (torch.randint(11, (1,), generator=generator) + torch.arange(8)) % 11
        wrong = torch.rand(8, generator=generator) < 0.1
        ids = torch.where(wrong, torch.randint(11, (8,), generator=generator), ids)
        out.append({"input_ids": ids, "labels": ids})
    return out


def spare() -> list[dict[str, Any]]:
    """Batches for the gap."""
    kept = rows(1000, 1064)
    return [{k: torch.stack([r[k] for r in kept[i : i + 16]]) for k in kept[0]} for i in range(0, 64, 16)]


def train(folder: Path, callbacks: list[Any], lr: float = 1e-2, **settings: Any) -> Trainer:
    chosen = {
        "max_steps": 120,
        "per_device_train_batch_size": 8,
        "lr_scheduler_type": "constant",
        "learning_rate": lr,
        "evaluate": rows(2000, 2200),
        **settings,
    }
    return train_transformers(16, rows(0, 480), folder, callbacks, **chosen)


def logged(trainer: Trainer, name: str) -> list[float]:
    return [entry[name] for entry in trainer.state.log_history if name in entry]


def test_a_rate_that_is_too_low_is_raised_and_the_trainer_logs_it(tmp_path: Path) -> None:
    """A start fifty times too low ends well below a constant rate; the record holds the rates and losses that
    the Trainer logs, and evaluation can see the averaged weights."""
    path = tmp_path / "record.jsonl"
    scheduler = lrscope.transformers.GapScheduler(spare(), record=path)
    trainer = train(tmp_path / "run", [scheduler], lr=2e-4, max_steps=400)
    plain = train(tmp_path / "plain", [], lr=2e-4, max_steps=400)
    found = lines(path)
    assert [r["step"] for r in found] == list(range(1, 401))
    assert [r["lr"] for r in found] == pytest.approx(logged(trainer, "learning_rate"))
    assert [r["loss"] for r in found] == pytest.approx(logged(trainer, "loss"), abs=2e-3)
    assert any(d.action == "raise" for d in scheduler.decisions)
    own = trainer.evaluate()["eval_loss"]
    with scheduler.averaged():
        averaged = trainer.evaluate()["eval_loss"]
    assert (
        averaged < 1.02 * own
    )  # the best of averages and weights on other batches, so at most a little worse
    assert trainer.evaluate()["eval_loss"] == own
    assert averaged < 0.95 * plain.evaluate()["eval_loss"]
    assert lrscope.diagnose(path)


def test_accumulated_batches_are_one_step(tmp_path: Path) -> None:
    """Steps of the optimiser count; the gap comes from batches of training here."""
    path = tmp_path / "record.jsonl"
    scheduler = lrscope.transformers.GapScheduler(record=path)
    train(tmp_path / "run", [scheduler], max_steps=90, gradient_accumulation_steps=2)
    found = lines(path)
    assert [r["step"] for r in found] == list(range(1, 91))
    assert sum("gap" in r for r in found) >= 2


def test_misuse_is_refused(tmp_path: Path) -> None:
    """Another schedule, and a checkpoint that knows nothing of this callback."""
    with pytest.raises(lrscope.UsageError, match='lr_scheduler_type="constant"'):
        train(tmp_path / "a", [lrscope.transformers.GapScheduler()], lr_scheduler_type="linear")
    train(tmp_path / "b", [], save_strategy="steps", save_steps=5, max_steps=5)
    with pytest.raises(lrscope.UsageError, match="step 5 holds no lrscope_scheduler"):
        train(
            tmp_path / "b",
            [lrscope.transformers.GapScheduler()],
            resume=str(tmp_path / "b" / "checkpoint-5"),
        )


def test_the_plateau_callback_lowers_and_resumes(tmp_path: Path) -> None:
    """Each evaluation is a value; the rate comes down where they are level, the Trainer logs it, and a resumed
    run does the same."""
    settings = {
        "max_steps": 150,
        "eval_strategy": "steps",
        "eval_steps": 5,
        "save_strategy": "steps",
        "save_steps": 75,
    }

    def callback() -> Any:
        return lrscope.transformers.PlateauScheduler(patience=6, threshold=0.2)

    first = callback()
    whole = train(tmp_path / "run", [first], lr=3e-2, **settings)
    again = callback()
    rest = train(
        tmp_path / "run", [again], lr=3e-2, resume=str(tmp_path / "run" / "checkpoint-75"), **settings
    )
    assert first.decisions
    assert again.decisions == first.decisions
    assert logged(whole, "learning_rate")[-1] < 3e-2
    assert logged(rest, "learning_rate") == logged(whole, "learning_rate")


class Rates(TrainerCallback):
    """Keeps the optimiser's own rate at each step."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.found.append(kwargs["optimizer"].param_groups[0]["lr"])


class TestGapScheduler(GapSchedulerSuite):
    """The Trainer passes the suite of every host."""

    def make(self, **settings: Any) -> Any:
        return lrscope.transformers.GapScheduler(spare(), **settings)

    def train(
        self, scheduler: Any, steps: int, *, folder: Path, save: bool = False, resume: bool = False
    ) -> Trained:
        rates = Rates()
        callbacks = [scheduler, rates] if scheduler else [rates]
        settings: dict[str, Any] = {"max_steps": steps}
        if save:
            settings |= {"save_strategy": "steps", "save_steps": steps}
        if resume:
            settings["resume"] = str(folder / f"checkpoint-{self.middle}")
        trainer = train(folder, callbacks, lr=1e-3, **settings)
        model = trainer.model
        names = {f"{name}.{attribute}" for name, part in model.named_modules() for attribute in vars(part)}
        weights = torch.cat([w.detach().reshape(-1) for w in model.parameters()]).tolist()
        return Trained(rates.found, trainer.optimizer.param_groups[0]["lr"], weights, frozenset(names))


class TestPlateauScheduler(PlateauSchedulerSuite):
    """So does the callback for a metric of evaluation, here called as the Trainer calls it."""

    def make(self, **settings: Any) -> Any:
        return lrscope.transformers.PlateauScheduler("eval_loss", **settings)

    def feed(
        self, scheduler: Any, values: Any, *, folder: Path, save: bool = False, resume: bool = False
    ) -> list[float]:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
        checkpoint = folder / "checkpoint-7"
        checkpoint.mkdir(parents=True, exist_ok=True)
        if resume:
            optimizer.load_state_dict(torch.load(checkpoint / "optimizer.pt", weights_only=True))
        args: Any = SimpleNamespace(
            lr_scheduler_type="constant", resume_from_checkpoint=None, output_dir=str(folder)
        )
        state: Any = SimpleNamespace(global_step=7 if resume else 0, is_world_process_zero=True)
        scheduler.on_train_begin(args, state, None, optimizer=optimizer, lr_scheduler=schedule)
        rates = []
        for value in values:
            scheduler.on_evaluate(args, state, None, metrics={"eval_loss": value})
            optimizer.step()
            schedule.step()
            rates.append(optimizer.param_groups[0]["lr"])
        if save:
            state.global_step = 7
            scheduler.on_save(args, state, None)
            torch.save(optimizer.state_dict(), checkpoint / "optimizer.pt")
        return rates
