"""lrscope's schedulers as methods of the tournament."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from methods import Method
from tasks import Pair

import lrscope


class Gap(Method):
    """`GapScheduler` on the batches of training; the average at the end is its own, as `averaged` gives it."""

    held: ClassVar[bool] = False
    cool: ClassVar[float] = 0.0  # share of the steps on which `finish` takes the rate to zero

    def make(self) -> Any:
        optimizer = super().make()
        run = self.run
        held_out = None
        if self.held:
            x, y = run.points.spare
            rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(run.seed))
            held_out = [(x[part], y[part]) for part in rows.split(max(run.task.batch, 100))]
        self.scheduler = lrscope.torch.GapScheduler(optimizer, run.model, run.task.loss, held_out=held_out)
        return optimizer

    def step(self, step: int, loss: torch.Tensor, batch: Pair) -> None:
        self.optimizer.step()
        if self.held:
            self.scheduler.step(loss)
        else:
            x, y = batch
            self.scheduler.step(loss, lambda: self.run.task.loss(self.run.model(x), y))
        if self.cool and step == round((1 - self.cool) * self.run.task.steps):
            self.scheduler.finish(self.run.task.steps - step)

    @contextlib.contextmanager
    def at_end(self, averaged: bool) -> Iterator[None]:
        if averaged:
            loader = self.run.points.train[0].split(250)
            with self.scheduler.averaged(loader):
                yield
        else:
            yield

    def notes(self) -> dict[str, Any]:
        acts = [str(d.action) for d in self.scheduler.decisions]
        return super().notes() | {act: acts.count(act) for act in sorted(set(acts))}


class GapHeldOut(Gap):
    """The same on spare points."""

    held = True


class GapHeldOutFinish(GapHeldOut):
    cool = 0.1


OURS: dict[str, type[Method]] = {
    "gap": Gap,
    "gap-held-out": GapHeldOut,
    "gap-held-out-finish": GapHeldOutFinish,
}
