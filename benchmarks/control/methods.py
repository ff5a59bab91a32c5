"""Who sets the rate. Opponents come from their own packages, with the settings that those call default."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from run import Run, loss_on
from tasks import Pair

from lrscope.integrations.torch.average import PowerAverage
from lrscope.integrations.torch.measuring import weights_replaced


class Method:
    """A constant rate, and the base of all: a step, a check on spare points now and then, and the weights at
    the end, which are the last ones or their running average (the same for all, over the last ninth)."""

    optimizers: ClassVar[tuple[str, ...]] = ("sgd", "momentum", "adamw")
    starts: ClassVar[bool] = True  # whether the rate to start from means anything to it

    def __init__(self, run: Run) -> None:
        self.run = run
        self.optimizer = self.make()
        self.weights = list(run.model.parameters())
        self.average = PowerAverage(8.0)

    def make(self) -> Any:
        return self.run.optimizer()

    def step(self, step: int, loss: torch.Tensor, batch: Pair) -> None:
        self.optimizer.step()
        self.after(step, loss)
        if step % 4 == 0:
            self.average.update(self.weights, 4)

    def after(self, step: int, loss: torch.Tensor) -> None:
        """What a scheduler does after each step."""

    def check(self, step: int) -> None:
        """What a scheduler does with a validation loss."""

    def spare_loss(self) -> float:
        self.run.model.eval()
        loss = loss_on(self.run, self.run.points.spare)
        self.run.model.train()
        return loss

    @contextlib.contextmanager
    def at_end(self, averaged: bool) -> Iterator[None]:
        with weights_replaced(self.weights, self.average.values) if averaged else contextlib.nullcontext():
            yield

    def notes(self) -> dict[str, Any]:
        return {"lr_end": float(self.optimizer.param_groups[0]["lr"])}


class Scheduled(Method):
    """One of transformers' schedules: 3 % warm-up, and knows the number of steps."""

    def make(self) -> Any:
        optimizer = super().make()
        steps = self.run.task.steps
        self.scheduler = self.schedule(optimizer, round(0.03 * steps), steps)
        return optimizer

    def schedule(self, optimizer: Any, warmup: int, steps: int) -> Any:
        raise NotImplementedError

    def after(self, step: int, loss: torch.Tensor) -> None:
        self.scheduler.step()


class Cosine(Scheduled):
    def schedule(self, optimizer: Any, warmup: int, steps: int) -> Any:
        from transformers import get_cosine_schedule_with_warmup

        return get_cosine_schedule_with_warmup(optimizer, warmup, steps)


class Linear(Scheduled):
    def schedule(self, optimizer: Any, warmup: int, steps: int) -> Any:
        from transformers import get_linear_schedule_with_warmup

        return get_linear_schedule_with_warmup(optimizer, warmup, steps)


class WSD(Scheduled):
    """Warm-up, stable, then down to zero in a straight line over the last fifth."""

    def schedule(self, optimizer: Any, warmup: int, steps: int) -> Any:
        from transformers import get_wsd_schedule

        return get_wsd_schedule(
            optimizer, warmup, num_decay_steps=steps // 5, num_training_steps=steps, decay_type="linear"
        )


class Plateau(Method):
    """torch's ReduceLROnPlateau on the spare points."""

    settings: ClassVar[dict[str, Any]] = {}

    def make(self) -> Any:
        optimizer = super().make()
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **self.settings)
        return optimizer

    def check(self, step: int) -> None:
        self.scheduler.step(self.spare_loss())


def plateau(patience: int, factor: float) -> type[Method]:
    return type("Plateau", (Plateau,), {"settings": {"patience": patience, "factor": factor}})


class Greedy(Method):
    """transformers' GreedyLR on the spare points, published defaults."""

    def make(self) -> Any:
        from transformers.optimization import GreedyLR

        optimizer = super().make()
        self.scheduler = GreedyLR(optimizer)
        return optimizer

    def check(self, step: int) -> None:
        self.scheduler.step(self.spare_loss())


class ScheduleFree(Method):
    """schedulefree's SGD or AdamW; the weights at the end are its own average, in either column."""

    def make(self) -> Any:
        import schedulefree

        task, weights = self.run.task, self.run.model.parameters()
        warmup = round(0.03 * task.steps)
        if self.run.optimizer_name == "adamw":
            made = schedulefree.AdamWScheduleFree(
                weights, lr=self.run.lr, warmup_steps=warmup, weight_decay=task.decay
            )
        else:
            made = schedulefree.SGDScheduleFree(
                weights, lr=self.run.lr, warmup_steps=warmup, weight_decay=task.decay
            )
        made.train()
        return made

    @contextlib.contextmanager
    def at_end(self, averaged: bool) -> Iterator[None]:
        self.optimizer.eval()
        yield
        self.optimizer.train()


class Prodigy(Method):
    """prodigyopt with its rate of 1, which it is meant to be left at."""

    optimizers = ("adamw",)
    starts = False

    def make(self) -> Any:
        import prodigyopt

        return prodigyopt.Prodigy(
            self.run.model.parameters(), lr=1.0, weight_decay=self.run.task.decay, safeguard_warmup=True
        )


class ProdigyCosine(Cosine):
    """Prodigy under a cosine, as its authors recommend."""

    optimizers = ("adamw",)
    starts = False

    def make(self) -> Any:
        optimizer = Prodigy.make(self)  # type: ignore[arg-type]
        steps = self.run.task.steps
        self.scheduler = self.schedule(optimizer, round(0.03 * steps), steps)
        return optimizer


class SALSA(Method):
    """statopt's SALSA. Its momentum damps the gradient by 1 - momentum, for which the rate makes up."""

    optimizers = ("sgd", "momentum")

    def make(self) -> Any:
        from statopt import SALSA as Optimizer  # noqa: N811

        task, momentum = self.run.task, 0.9 if self.run.optimizer_name == "momentum" else 0.0
        return Optimizer(
            self.run.model.parameters(),
            lr=self.run.lr / (1 - momentum),
            momentum=momentum,
            weight_decay=task.decay,
            gamma=task.batch / len(self.run.points.train[0]),
        )

    def step(self, step: int, loss: torch.Tensor, batch: Pair) -> None:
        x, y = batch

        @torch.no_grad()
        def closure(eval_mode: bool = True) -> torch.Tensor:
            if eval_mode:
                self.run.model.eval()
            return self.run.task.loss(self.run.model(x), y)

        # it says that it switched on standard output, and divides by the gradient's norm, which is zero once
        # all units are dead; then there is no step to take
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(ZeroDivisionError):
            self.optimizer.step(closure)
        self.run.model.train()
        if step % 4 == 0:
            self.average.update(self.weights, 4)


OPPONENTS: dict[str, type[Method]] = {
    "constant": Method,
    "cosine": Cosine,
    "linear": Linear,
    "wsd": WSD,
    "plateau": Plateau,
    "plateau-p2-f0.3": plateau(2, 0.3),
    "plateau-p5-f0.3": plateau(5, 0.3),
    "plateau-p5-f0.1": plateau(5, 0.1),
    "schedule-free": ScheduleFree,
    "prodigy": Prodigy,
    "prodigy-cosine": ProdigyCosine,
    "greedy": Greedy,
    "salsa": SALSA,
}
