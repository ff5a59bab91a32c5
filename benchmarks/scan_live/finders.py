"""The learning-rate finders that people use, run from their own packages with their own defaults.

Each takes a task and a seed and gives the rates that it suggests, by the name of the rule, for 100 steps of training. A
finder that raises, or suggests nothing, gives None: its user would be left alone too. Schedules are left out, as
finders leave them out.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from tasks import Task
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

Suggestions = dict[str, float | None]
STEPS = 100


def fastai(task: Task, seed: int) -> Suggestions:
    """fastai's `Learner.lr_find` with its four rules on one ramp from 1e-7 to 10."""
    from fastai.callback.schedule import minimum, slide, steep, valley
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    learner = Learner(
        DataLoaders(_loader(task, seed), _loader(task, seed)),
        _model(task, seed),
        loss_func=task.loss,
        opt_func=partial(OptimWrapper, opt=task.optimiser),
        path=Path(tempfile.mkdtemp()),
    )
    found = learner.lr_find(num_it=STEPS, show_plot=False, suggest_funcs=(valley, minimum, steep, slide))
    return {
        "fastai valley (default)": found.valley,
        "fastai minimum / 10": found.minimum,
        "fastai steep": found.steep,
        "fastai slide": found.slide,
    }


def torch_lr_finder(task: Task, seed: int) -> Suggestions:
    """torch-lr-finder's `range_test` from 1e-7 to 10, and the steepest point that its `plot` suggests."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from torch_lr_finder import LRFinder

    model = _model(task, seed)
    finder = LRFinder(model, task.optimiser(model.parameters(), lr=1e-7), task.loss, device="cpu")
    finder.range_test(_loader(task, seed), end_lr=10, num_iter=STEPS)
    answer = finder.plot(ax=pyplot.figure().subplots())
    pyplot.close("all")
    return {"torch-lr-finder": answer[1] if isinstance(answer, tuple) else None}


def ignite(task: Task, seed: int) -> Suggestions:
    """Ignite's `FastaiLRFinder` from 1e-7 to 10."""
    from ignite.engine import create_supervised_trainer
    from ignite.handlers import FastaiLRFinder

    model = _model(task, seed)
    optimiser = task.optimiser(model.parameters(), lr=1e-7)
    trainer = create_supervised_trainer(model, optimiser, task.loss)
    finder = FastaiLRFinder()
    with finder.attach(
        trainer, {"model": model, "optimizer": optimiser}, num_iter=STEPS, start_lr=1e-7, end_lr=10.0
    ) as finding:
        finding.run(_loader(task, seed))
    return {"ignite FastaiLRFinder": float(finder.lr_suggestion())}


def lightning(task: Task, seed: int) -> Suggestions:
    """Lightning's `Tuner.lr_find` from 1e-8 to 1."""
    import lightning as host
    from lightning.pytorch.tuner import Tuner

    class Module(host.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = _model(task, seed)
            self.lr = 1e-3

        def training_step(self, batch: tuple[Tensor, Tensor], _index: int) -> Tensor:
            return task.loss(self.model(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return task.optimiser(self.parameters(), lr=self.lr)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    folder = tempfile.mkdtemp()
    trainer = host.Trainer(
        max_epochs=100, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=folder,
    )  # fmt: skip
    found = Tuner(trainer).lr_find(Module(), train_dataloaders=_loader(task, seed), num_training=STEPS)
    return {"Lightning Tuner": None if found is None else found.suggestion()}


FINDERS: dict[str, tuple[Callable[[Task, int], Suggestions], tuple[str, ...]]] = {
    "fastai": (fastai, ("fastai valley (default)", "fastai minimum / 10", "fastai steep", "fastai slide")),
    "torch_lr_finder": (torch_lr_finder, ("torch-lr-finder",)),
    "ignite": (ignite, ("ignite FastaiLRFinder",)),
    "lightning": (lightning, ("Lightning Tuner",)),
}
"""By the package that has to be installed: the finder and the names of its rules."""


def suggest(package: str, task: Task, seed: int) -> tuple[Suggestions, str | None]:
    """What a package suggests, quietly; with the error, where it raised one."""
    finder, rules = FINDERS[package]
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            found = finder(task, seed)
    except Exception as error:
        return dict.fromkeys(rules), f"{type(error).__name__}: {error}".splitlines()[0]
    return {rule: _usable(found.get(rule)) for rule in rules}, None


def _usable(lr: float | None) -> float | None:
    return float(lr) if lr is not None and math.isfinite(lr) and lr > 0 else None


def _model(task: Task, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return task.model()


def _loader(task: Task, seed: int) -> DataLoader:
    x, y, _, _ = task.data()
    order = torch.Generator().manual_seed(seed)
    make = partial(DataLoader, TensorDataset(x, y), batch_size=task.batch, shuffle=True, drop_last=True)
    return make(generator=order)
