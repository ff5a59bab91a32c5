"""The recorder: what diagnosis needs to know of a PyTorch training run, a line a step.

    recorder = lrscope.torch.Recorder(optimizer, model, loss_fn=loss_fn)

It listens to the optimiser's own step hooks, so the training loop stays as it is. What is in a line:

    step             attempted optimiser steps, from 1
    loss             mean of the losses that went into the step
    batches          how many losses that were, when more than one (gradient accumulation)
    lr, lr_1, …      the rate of each parameter group in this step
    grad_norm        Euclidean norm of the gradient g_t, of all parameters together, after unscaling and
                     clipping
    update_norm      norm of u_t = theta_(t-1) - theta_t, what the step took away from the weights
    grad_dot_update  <g_t, u_(t-1)>: positive while the last step's direction still leads downhill, negative
                     when it overshot. With plain SGD this is lr <g_t, g_(t-1)>
    cos              the same as a cosine, grad_dot_update / (grad_norm_t · update_norm_(t-1))
    gap              loss at the weights minus loss at their running average, on this step's batch, before
                     the step
    skipped          1 where mixed precision skipped the step

Step, loss and rate are in each line. There is a line for each step of the first 1,024; from then on fewer
where steps are so quick that writing each down would take more than 1 % of their time. The norms, the product
and the cosine come in pairs of lines (the update of one step and the gradient of the next), and the gap alone,
at the steps that `cadence` names. A field that was not measured at a step is left out.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from lrscope.errors import UsageError
from lrscope.integrations.torch.arithmetic import can_pack, dot, norm, pack
from lrscope.integrations.torch.average import PowerAverage
from lrscope.integrations.torch.cadence import Cadence
from lrscope.integrations.torch.gap import GapMeter
from lrscope.integrations.torch.lines import Lines, mean_loss, rates, warn
from lrscope.integrations.torch.loss_capture import CapturedLoss, Hearing
from lrscope.integrations.torch.suspend import attentive

_DENSEST = 4  # steps between measurements of the update, at the densest: more brings little (control notes)
_EVERY, _GAP_EVERY = 4, 16  # of a run in several processes, where the clock has no say
_SHARE = 0.01  # of the run's time that each of lines, updates and gaps may take: three per cent together
_LINES = 512  # at the least, while a run doubles
_LINE_UNSEEN = 2.0  # what a line costs by what is seen here: hearing the loss comes on top


class Recorder:
    """Writes a line of JSON at each step of an optimiser.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Whose steps are recorded. All its parameter groups count.
    model : module, optional
        Needed for the gap. A compiled model or one in DistributedDataParallel is given as it is called.
    path : path
        Where to write, ``lrscope-out/record.jsonl`` unless told. An earlier record of that name is moved
        aside, unless `load_state_dict` says that this run continues it.
    loss_fn : module, optional
        The loss, if it is a module such as ``nn.CrossEntropyLoss()`` that is called with the model's output:
        then nothing else is needed. If the loss is computed by functions, write
        ``loss = recorder.loss(lambda: F.cross_entropy(model(x), y))`` in the loop, in place of the
        computation. Models whose output has a `loss` need neither.
    every : int, optional
        Steps between measurements of gradient and update (norms, dot product, cosine) and of the average,
        each of which reads all weights a few times. Unless told, every 4th, and seldomer when a run of
        more than 256 steps shows that this would take more than 1 % of its time (`Cadence`). When told,
        every step has its line as well.
    gap_every : int, optional
        Steps between measurements of the gap, each of which costs one or two forward passes; 0 for none.
        Unless told, every 4th from step 16 to step 64, then every 16th, and seldomer in a run of more than
        1,024 steps of whose time it would take more than 1 %.
    scaler : torch.amp.GradScaler, optional
        Then steps that it skips are recorded as such. Without it they leave no line.

    Raises
    ------
    UsageError
        If the optimiser has no step hooks (it is none of PyTorch's), or the weights are sharded.
    StoreError
        If the folder cannot be made. Trouble with writing later is warned of once and does not stop training.

    Notes
    -----
    All processes of a distributed run measure, every 4th step and gaps every 16th unless told, as collective
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
        if not hasattr(optimizer, "register_step_pre_hook"):
            raise UsageError(
                f"A recorder needs a PyTorch optimiser with step hooks, and got {type(optimizer).__name__}; "
                "give it the optimiser that is wrapped inside."
            )
        if (every is not None and every < 1) or (gap_every is not None and gap_every < 0):
            raise UsageError(f"every must be 1 or more and gap_every 0 or more; got {every} and {gap_every}.")
        self.optimizer = optimizer
        self.step = 0
        if (
            _several_processes()
        ):  # measuring is collective: a cadence found by each process's clock would hang them
            every = _EVERY if every is None else every
            gap_every = _GAP_EVERY if gap_every is None else gap_every
        self._line = Cadence(None if every is None else 1, 1, _SHARE, _LINES)
        self._cadence = Cadence(every, _DENSEST, _SHARE)
        self._weights = self._all_weights()
        self._packs = can_pack(self._weights)
        if any(type(w).__name__ == "DTensor" for w in self._weights):
            raise UsageError("A recorder cannot read sharded weights (FSDP): each process holds only a part.")
        self._lines = Lines(path, optimizer)
        self._hearing = Hearing(model, loss_fn, self._weights[0].device.type if self._weights else "cpu")
        self._meter = GapMeter(model, gap_every, _SHARE) if model is not None and gap_every != 0 else None
        self._update: list[Tensor] = []  # theta before the step, then the update; one buffer for both
        self._update_norm: Tensor | None = None
        self._fresh = False  # whether _update holds the update of the step just done
        self._due = True  # whether the coming step gets a line
        self._averaged = 0  # the last step that went into the average
        self._spent = 0.0  # seconds on the measurement that is under way
        self._written = 0.0  # seconds on the line that is under way, measurements left out
        self._marked = time.perf_counter()  # when the last step was done
        self._row: dict[str, Any] | None = None
        self._handles = [
            optimizer.register_step_pre_hook(self._on_step),
            optimizer.register_step_post_hook(self._on_stepped),
        ]
        self._scaler = scaler
        if scaler is not None:
            self._watch(scaler)
        self._expect()

    # -- what a training loop calls -------------------------------------------------------------------------

    def loss(self, loss: Any) -> Any:
        """Tell the loss of the coming step, and get it back.

        Parameters
        ----------
        loss : tensor, float, or function without arguments
            A function that computes the loss (``lambda: F.cross_entropy(model(x), y)``) is called once,
            here, and again when the gap is measured. Tell it before `optimizer.step()`, and before the loss
            is divided for gradient accumulation.

        Returns
        -------
        loss
            As given, or as computed.
        """
        return self._hearing.told(loss)

    def heard(self, loss: Tensor, again: Callable[[], Any], parts: int = 1) -> None:
        """For frameworks that own the loop: a loss before its `backward`, how to compute it again undivided,
        and the number that it was divided by for gradient accumulation."""
        self._hearing.add(loss, again, parts=parts)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: the step and the running average of the weights."""
        average = self._meter.average if self._meter is not None else None
        return {
            "step": self.step,
            "average_steps": average.steps if average else 0,
            "average": [a.clone() for a in average.values] if average else [],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`; the record is continued, and steps told twice count as told last."""
        self.step = int(state["step"])
        if self._meter is not None:
            values = list(state["average"])
            if len(values) not in (0, len(self._weights)):
                raise UsageError(
                    f"The recorder's state has {len(values)} averaged tensors, "
                    f"and the optimiser has {len(self._weights)}."
                )
            self._meter.average.steps = int(state["average_steps"]) if values else 0
            self._meter.average.values = [
                v.detach().to(w.device, copy=True) for v, w in zip(values, self._weights, strict=False)
            ]
        self._averaged = self.step
        self._line.go_on(self.step)
        self._cadence.go_on(self.step)
        if self._meter is not None:
            self._meter.cadence.go_on(self.step)
        self._lines.go_on()
        self._expect()

    def close(self) -> None:
        """Write what waits, and stop listening. Leaving `with` does it; at the end of a program nothing is
        lost without it."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._hearing.close()
        if self._scaler is not None:
            self._scaler.__dict__.pop("step", None)
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- around a step --------------------------------------------------------------------------------------

    def _on_step(
        self, _: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if not attentive():
            return None
        self._row = None
        if not self._due:
            return None
        self._hearing.deaf = False
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self._before(None)
            return None

        # The gradient is computed inside the step, by the closure: what its first call finds is at the
        # weights before the step. Later calls (line searches) are at other weights and are not listened to.
        def listening() -> Any:
            if self._row is not None:
                return closure()
            loss = closure()
            self._before(loss)
            self._hearing.deaf = True
            return loss

        if len(args) > 1:
            return (args[0], listening, *args[2:]), kwargs
        return args, {**kwargs, "closure": listening}

    def _before(self, loss: Any) -> None:
        entered = time.perf_counter()
        spent = self._spent
        step = self.step + 1
        losses = self._hearing.losses
        heard = [h for h in losses if h.walked or h.told]
        row: dict[str, Any] = {"step": step}
        if not heard and loss is not None and not isinstance(loss, Mapping):
            row["loss"] = loss.detach() if isinstance(loss, Tensor) else loss
        else:
            row.update(mean_loss(heard))
        row.update(rates(self.optimizer))
        due = self._cadence.due(step)
        if due or self._fresh:
            begun = time.perf_counter()
            self._measure_gradient(row)
            if due:
                self._keep_weights()
            self._spent += time.perf_counter() - begun
        if self._meter is not None and self._meter.due(step):
            row["gap"] = self._gap(losses)
        self._row = row
        self._written = time.perf_counter() - entered - (self._spent - spent)

    def _on_stepped(self, *_: Any) -> None:
        if not attentive() or (self._due and self._row is None):
            return
        entered = time.perf_counter()
        row, self._row = self._row, None
        self.step += 1
        found_inf = getattr(self.optimizer, "found_inf", None)
        skipped = found_inf is not None and bool(float(found_inf))
        if row is None:
            if skipped:
                self._lines.add({"step": self.step, **rates(self.optimizer), "skipped": 1})
            self._expect()
            self._marked = entered
            return
        self._hearing.deaf = False
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
            weights = self._weights = self._all_weights()  # a group was added: start the average anew
            self._packs = can_pack(weights)
            self._update = []
            if self._meter is not None:
                self._meter.average = PowerAverage()
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
            self._meter.average.update(data, self.step - self._averaged)
            self._averaged = self.step
        self._spent += time.perf_counter() - begun

    def _pass(self, writing: float) -> None:
        """A step with a line is done: tell each cadence what its part cost, and how long the step took."""
        now = time.perf_counter()
        gap = self._meter.spent if self._meter is not None else 0.0
        line = self._written + writing - gap
        pace, self._marked = max(now - self._marked - self._spent - gap - line, 1e-9), now
        if self._line.due(self.step):
            self._line.passed(self.step, _LINE_UNSEEN * line, pace)
        if self._cadence.due(self.step):
            self._cadence.passed(self.step, self._spent, pace)
            self._spent = 0.0
        if self._meter is not None:
            self._meter.passed(self.step, pace)

    def _gap(self, losses: list[CapturedLoss]) -> float | None:
        replays = [h for h in losses if h.again is not None]
        chosen = next((h for h in reversed(replays) if h.walked), None)
        if chosen is None:
            if any(h.told for h in replays):
                warn(
                    "The gap is not recorded: backward did not run through the loss of recorder.loss(). "
                    "Call it before optimizer.step(), and call backward() on what it returns."
                )
            return None
        meter = self._meter
        assert meter is not None  # noqa: S101 - for the type checker
        self._hearing.deaf = True
        try:
            return meter.measure(chosen, self._weights)
        except (
            Exception
        ) as error:  # a user's model in another mode can fail in any way, and training must go on
            self._meter = None
            warn(f"The gap is not recorded any more: evaluating the model failed with {error!r}.")
            return None
        finally:
            self._hearing.deaf = False

    # -- lines ----------------------------------------------------------------------------------------------

    def _expect(self) -> None:
        """Get ready for the next step."""
        coming = self.step + 1
        gap = self._meter is not None and self._meter.due(coming)
        self._due = gap or self._fresh or self._line.due(coming) or self._cadence.due(coming)
        self._hearing.forget(keep_batch=gap, listen=self._due)

    def _skipped(self) -> None:
        self.step += 1
        self._fresh = False
        self._pass(0.0)
        row: dict[str, Any] = {"step": self.step, **mean_loss(self._hearing.losses)}
        row.update(rates(self.optimizer))
        row["skipped"] = 1
        self._lines.add(row)
        self._expect()

    def _watch(self, scaler: Any) -> None:
        """Notice the steps that a scaler skips: it then never calls the optimiser."""
        whole = scaler.step

        def step(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
            before = self.step
            result = whole(optimizer, *args, **kwargs)
            if attentive() and self.step == before and optimizer is self.optimizer:
                self._skipped()
            return result

        scaler.step = step

    def _all_weights(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]


def _several_processes() -> bool:
    distributed = torch.distributed
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
