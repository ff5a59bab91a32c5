"""`Recorder`: writes down what diagnosis needs to know of a PyTorch training run, one line a step.

    recorder = lrscope.torch.Recorder(optimizer, model, loss_fn=loss_fn)

It works by the optimiser's own step hooks, so the training loop stays as it is. The fields of a line are explained
in `docs/recorder.md`. There is a line for each step of the first 1,024; from then on fewer where steps are so quick
that writing each down would take more than 1 % of their time. Norms, product and cosine come in pairs of lines (the
update of one step and the gradient of the next), and the gap alone, at the steps that `cadence` names.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from lrscope.control.base import require
from lrscope.control.gap import EARLY_STEPS, FIRST_STEP
from lrscope.errors import UsageError
from lrscope.integrations.torch.arithmetic import can_pack, dot, norm, pack
from lrscope.integrations.torch.average import PowerAverage, values_like
from lrscope.integrations.torch.cadence import Cadence
from lrscope.integrations.torch.gap import GapMeter
from lrscope.integrations.torch.lines import Lines, mean_loss, rates, warn
from lrscope.integrations.torch.loss_capture import LossCapture
from lrscope.integrations.torch.processes import process_count
from lrscope.integrations.torch.step_observer import StepObserver, observable_weights, weights_of

_DENSEST_UPDATES = 4  # steps between measurements of the update, at the densest: more brings little
_DENSEST_GAPS = 16  # steps between gaps, at the densest; of both also the spacing in several processes
_TIME_SHARE = 0.01  # of the run's time that each of lines, updates and gaps may take: three per cent together
_FEWEST_LINES = 512  # while a run doubles
_LINE_UNSEEN = 2.0  # what a line costs by what is seen here: capturing the loss comes on top


class Recorder:
    """Writes a line of JSON at each step of an optimiser; its fields are explained in `docs/recorder.md`.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Whose steps are recorded. All its parameter groups count.
    model : module, optional
        Needed for the gap. A compiled model or one in DistributedDataParallel is given as it is called.
    path : path
        Where to write, ``lrscope-out/record.jsonl`` by default. An earlier record of that name is moved
        aside, unless `load_state_dict` says that this run continues it.
    loss_fn : module, optional
        The loss, if it is a module such as ``nn.CrossEntropyLoss()`` that is called with the model's output:
        then nothing else is needed. If the loss is computed by functions, write
        ``loss = recorder.loss(lambda: F.cross_entropy(model(x), y))`` in the loop, in place of the
        computation. Models whose output has a `loss` need neither.
    every : int, optional
        Steps between measurements of gradient and update (norms, dot product, cosine) and of the average,
        each of which reads all weights a few times. By default every 4th, and more rarely when a run of
        more than 256 steps shows that this would take more than 1 % of its time (`Cadence`). When given,
        every step has its line as well.
    gap_every : int, optional
        Steps between measurements of the gap, each of which costs one or two forward passes; 0 for none.
        By default every 4th from step 16 to step 64, then every 16th, and more rarely in a run of more than
        1,024 steps of whose time it would take more than 1 %.
    scaler : torch.amp.GradScaler, optional
        Then steps that it skips are recorded as such. Without it they leave no line.

    Raises
    ------
    UsageError
        If `every` or `gap_every` is out of its range, the optimiser has no step hooks (it is none of PyTorch's), or
        the weights are sharded.
    StoreError
        If the folder cannot be made. Trouble with writing later gives one warning and does not stop training.

    Notes
    -----
    All processes of a distributed run measure, by default every 4th step and gaps every 16th, as collective
    operations need all of them at once; the first one writes. On a graphics card, lines are written 32 at a
    time, so that it need not be waited for at each step.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        model: nn.Module | None = None,
        path: str | os.PathLike[str] = "lrscope-out/record.jsonl",
        *,
        loss_fn: Callable[..., Any] | None = None,
        every: int | None = None,
        gap_every: int | None = None,
        scaler: Any = None,
    ) -> None:
        check_spacing(every, gap_every)
        self._weights = observable_weights(
            optimizer, "Recorder", "Log the loss by itself, which `lrscope diagnose` reads as well."
        )
        self.optimizer = optimizer
        self.step = 0
        if process_count() > 1:
            # measuring is collective: spacings found by each process's own clock would hang them
            every = _DENSEST_UPDATES if every is None else every
            gap_every = _DENSEST_GAPS if gap_every is None else gap_every
        self._line = Cadence(None if every is None else 1, 1, _TIME_SHARE, _FEWEST_LINES)
        self._cadence = Cadence(every, _DENSEST_UPDATES, _TIME_SHARE)
        self._gap_cadence = Cadence(gap_every or None, _DENSEST_GAPS, _TIME_SHARE, early=EARLY_STEPS)
        self._packs = can_pack(self._weights)
        self._lines = Lines(path, optimizer)
        self._capture = LossCapture(model, loss_fn, self._weights[0].device.type if self._weights else "cpu")
        self._average = PowerAverage()
        self._meter = GapMeter(model, self._average) if model is not None and gap_every != 0 else None
        self._update: list[Tensor] = []  # theta before the step, then the update; one buffer for both
        self._update_norm: Tensor | None = None
        self._fresh = False  # whether _update holds the update of the step just done
        self._averaged = 0  # the last step that went into the average
        self._spent = 0.0  # seconds on the measurement of the update that is under way
        self._gap_spent = 0.0  # seconds on the gap of this step
        self._written = 0.0  # seconds on the line that is under way, measurements left out
        self._marked = time.perf_counter()  # when the last step was done
        self._row: dict[str, Any] | None = None
        self._observer = StepObserver(
            optimizer, self._before_step, self._after_step, scaler=scaler, skipped=self._skipped
        )
        self._expect()

    # -- what a training loop calls -------------------------------------------------------------------------

    def loss(self, loss: Any) -> Any:
        """Give the loss of the coming step, and get it back.

        Parameters
        ----------
        loss : tensor, float, or function without arguments
            A function that computes the loss (``lambda: F.cross_entropy(model(x), y)``) is called once,
            here, and again when the gap is measured. Give it before `optimizer.step()`, and before the loss
            is divided for gradient accumulation.

        Returns
        -------
        loss
            As given, or as computed.
        """
        return self._capture.give(loss)

    def capture(self, loss: Tensor, recompute: Callable[[], Any], parts: int = 1) -> None:
        """For frameworks that own the loop: a loss before its `backward`, how to compute it again undivided,
        and the number that it was divided by for gradient accumulation."""
        self._capture.add(loss, recompute, parts=parts)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: the step and the running average of the weights."""
        return {
            "step": self.step,
            "average_steps": self._average.steps,
            "average": [a.clone() for a in self._average.values],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`; the record is continued, and of steps written twice the last counts."""
        if not {"step", "average_steps", "average"} <= set(state):
            raise UsageError("This is no saved state of a recorder: give what its `state_dict()` returned.")
        self.step = self._averaged = int(state["step"])
        if self._meter is not None:
            self._average.values = values_like(state["average"], self._weights, "recorder")
            self._average.steps = int(state["average_steps"]) if self._average.values else 0
        for cadence in (self._line, self._cadence, self._gap_cadence):
            cadence.go_on(self.step)
        self._lines.go_on()
        self._expect()

    def close(self) -> None:
        """Write what waits, and remove all hooks. Leaving `with` does it; at the end of a program nothing is
        lost without it."""
        self._observer.close()
        self._capture.close()
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- around a step --------------------------------------------------------------------------------------

    def _before_step(self, loss: Any) -> None:
        entered = time.perf_counter()
        spent = self._spent
        step = self.step + 1
        captured = self._capture.of_the_step()
        row: dict[str, Any] = {"step": step}
        if not captured and loss is not None and not isinstance(loss, Mapping):
            row["loss"] = loss.detach() if isinstance(loss, Tensor) else loss
        else:
            row.update(mean_loss(captured))
        row.update(rates(self.optimizer))
        due = self._cadence.due(step)
        if due or self._fresh:
            begun = time.perf_counter()
            self._measure_gradient(row)
            if due:
                self._keep_weights()
            self._spent += time.perf_counter() - begun
        if self._gap_due(step):
            row["gap"] = self._gap()
        self._row = row
        self._capture.muted = loss is not None  # later calls of a closure are at other weights
        self._written = time.perf_counter() - entered - (self._spent - spent)

    def _after_step(self, skipped: bool) -> None:
        row, self._row = self._row, None
        if row is None and not self._observer.resting:
            return
        entered = time.perf_counter()
        self._capture.muted = False
        self.step += 1
        if row is None:
            if skipped:
                self._lines.add({"step": self.step, **rates(self.optimizer), "skipped": 1})
            self._expect()
            self._marked = entered
            return
        spent = self._spent
        if skipped:
            row["skipped"] = 1
        elif self._cadence.due(self.step):
            self._measure_update(row)
        self._lines.add(row)
        self._pass(time.perf_counter() - entered - (self._spent - spent))
        self._expect()

    @torch.no_grad()
    def _measure_gradient(self, row: dict[str, Any]) -> None:
        gradients: list[Tensor | None] = [w.grad for w in self._weights]
        if self._packs:
            gradients = [*pack(gradients, self._weights)]
        size = norm([g for g in gradients if g is not None])
        scale = getattr(self.optimizer, "grad_scale", None)  # fused optimisers unscale inside the step
        row["grad_norm"] = size if scale is None else size / scale
        if self._fresh:
            self._fresh = False
            product = dot(gradients, self._update)
            row["grad_dot_update"] = product if scale is None else product / scale
            row["cos"] = (product, size, self._update_norm)  # divided when it is written

    @torch.no_grad()
    def _keep_weights(self) -> None:
        weights = self._weights
        if sum(len(g["params"]) for g in self.optimizer.param_groups) != len(weights):
            weights = self._weights = weights_of(self.optimizer)  # a group was added: begin the average anew
            self._packs = can_pack(weights)
            self._update = []
            self._average.forget()
        data = [w.detach() for w in weights]
        if self._packs:
            self._update = pack(data, data)
        elif self._update:
            torch._foreach_copy_(self._update, data)
        else:
            self._update = [d.clone() for d in data]

    @torch.no_grad()
    def _measure_update(self, row: dict[str, Any]) -> None:
        begun = time.perf_counter()
        data = [w.detach() for w in self._weights]
        torch._foreach_sub_(self._update, pack(data, data) if self._packs else data)
        self._update_norm = row["update_norm"] = norm(self._update)
        self._fresh = True
        # Weights that are not finite must not enter the average, which would never be finite again.
        if self._meter is not None and math.isfinite(float(self._update_norm)):
            self._average.update(data, self.step - self._averaged)
            self._averaged = self.step
        self._spent += time.perf_counter() - begun

    def _pass(self, writing: float) -> None:
        """A step with a line is done: tell each cadence what its part cost, and how long the step took."""
        now = time.perf_counter()
        line = self._written + writing - self._gap_spent
        pace, self._marked = max(now - self._marked - self._spent - self._gap_spent - line, 1e-9), now
        if self._line.due(self.step):
            self._line.passed(self.step, _LINE_UNSEEN * line, pace)
        if self._cadence.due(self.step):
            self._cadence.passed(self.step, self._spent, pace)
            self._spent = 0.0
        if self._gap_cadence.due(self.step):
            self._gap_cadence.passed(self.step, self._gap_spent, pace)
            self._gap_spent = 0.0

    def _gap_due(self, step: int) -> bool:
        known = self._meter is not None and step >= FIRST_STEP and bool(self._average.values)
        return known and self._gap_cadence.due(step)

    def _gap(self) -> float | None:
        captured, meter = self._capture.recomputable(), self._meter
        if captured is None or meter is None:
            if any(c.given and c.recompute is not None for c in self._capture.losses):
                warn(
                    "The gap is not recorded: backward did not run through the loss of recorder.loss(). "
                    "Call it before optimizer.step(), and call backward() on what it returns."
                )
            return None
        begun = time.perf_counter()
        try:
            return meter.on_training_batch(captured, self._weights)
        except (
            Exception
        ) as error:  # a user's model in another mode can fail in any way, and training must go on
            self._meter = None
            warn(f"The gap is not recorded any more: evaluating the model failed with {error!r}.")
            return None
        finally:
            self._gap_spent = time.perf_counter() - begun

    # -- lines ----------------------------------------------------------------------------------------------

    def _expect(self) -> None:
        """Get ready for the next step."""
        coming = self.step + 1
        gap = self._gap_due(coming)
        due = gap or self._fresh or self._line.due(coming) or self._cadence.due(coming)
        self._observer.resting = not due
        self._capture.forget(keep_batch=gap, hooked=due)

    def _skipped(self) -> None:
        self.step += 1
        self._fresh = False
        self._pass(0.0)
        row: dict[str, Any] = {"step": self.step, **mean_loss(self._capture.losses)}
        row.update(rates(self.optimizer))
        row["skipped"] = 1
        self._lines.add(row)
        self._expect()


def check_spacing(every: int | None, gap_every: int | None) -> None:
    """Raise a `UsageError` unless these are steps between measurements, or None."""
    require(every is None or every >= 1, "every", "1 or more", every)
    require(gap_every is None or gap_every >= 0, "gap_every", "0 or more", gap_every)
