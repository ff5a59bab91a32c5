"""`GapScheduler`: sets the learning rate of a PyTorch training loop by the gap.

    scheduler = lrscope.torch.GapScheduler(optimizer, model, loss_fn, held_out=spare_batches)
    for x, y in loader:
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step(loss)
    with scheduler.averaged():
        evaluate(model)

The gap is always taken at the weights as they were *before* the step. Weights that have just been stepped on
a batch fit it; measured there, the gap would read negative and the rate would rise for ever. So whatever
batch a closure uses, this step's own included, the answer is right.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from lrscope.control.base import RateChange
from lrscope.control.compose import Guarded, guarded_gap
from lrscope.control.gap import memory_of
from lrscope.control.record_writer import decision_fields
from lrscope.errors import UsageError
from lrscope.integrations.delegate import GuardedDelegate
from lrscope.integrations.torch.gap_monitor import GapMonitor
from lrscope.integrations.torch.held_out import HeldOut
from lrscope.integrations.torch.lines import Lines, rates, warn
from lrscope.integrations.torch.loss_capture import LossCapture
from lrscope.integrations.torch.measuring import number, weights_replaced
from lrscope.integrations.torch.processes import process_count
from lrscope.integrations.torch.rates import Rates
from lrscope.integrations.torch.snapshot import Snapshot
from lrscope.integrations.torch.step_observer import StepObserver, observable_weights
from lrscope.integrations.torch.suspend import suspend

_STEPS_WITHOUT_GAP = 128  # after which a warning says that there is no way to one


class GapScheduler:
    """Raises and lowers the rates of an optimiser by the gap.

    It needs no number of steps, no patience and no well-chosen rate: it starts from the optimiser's own.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        All its parameter groups are scaled together; the ratios between their rates stay.
    model : module
        As it is called in training: compiled or in DistributedDataParallel, too.
    loss_fn : callable, optional
        ``loss_fn(model(x), y)``. With it, nothing else has to be given: the losses of a module such as
        ``nn.CrossEntropyLoss()`` are captured, and held-out batches are judged by it.
    held_out : iterable of batches, optional
        Spare batches ``(x, y)``, kept from training, on which the gap is measured, one each time, over and
        over. Recommended whenever a model can overfit: the gap of training batches balances the training
        loss, which is not what you want then. A few hundred examples are enough. They are used up for judging:
        report results on others. Give ``held_out_loss`` where batches are not pairs.
    held_out_loss : callable, optional
        ``held_out_loss(batch)``, the loss on a batch of `held_out`.
    every : int
        Steps between measurements, each of two forward passes (one where the loss of training can stand for
        the other): a quarter of it in the first 64 steps, twice after 1024, four times after 4096.
    warmup : int
        Steps on which the rate climbs to the optimiser's. On the way up divergence shows before it does
        harm; 0 for none.
    control : Guarded, optional
        Another controller, instead of the one that `every` and `warmup` describe: `Guarded(Plateau())` decides by
        the loss alone.
    record : path, optional
        Where a line is written at each step: loss, rate, gap and decisions, as `Recorder` writes it, for
        ``lrscope diagnose``.

    Raises
    ------
    UsageError
        If an argument is out of its range, the optimiser has no step hooks or no rate above zero, or the weights
        are sharded.

    Notes
    -----
    Losses may come several times a step (gradient accumulation): they are averaged, and steps of the optimiser
    count, not calls. Steps that mixed precision skips do not count. With DistributedDataParallel all processes see
    the mean of their losses and gaps, and so decide alike. Reading a loss waits for the device once a step.

    Memory beyond the optimiser's: two averages, and two snapshots of weights and optimiser state; for Adam eight times
    the weights.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        model: nn.Module,
        loss_fn: Callable[..., Any] | None = None,
        *,
        held_out: Iterable[Any] | None = None,
        held_out_loss: Callable[[Any], Any] | None = None,
        every: int = 8,
        warmup: int = 50,
        control: Guarded | None = None,
        record: str | os.PathLike[str] | None = None,
    ) -> None:
        weights = observable_weights(
            optimizer, "GapScheduler", "Use PlateauScheduler, which needs the loss alone."
        )
        self.optimizer = optimizer
        self.model = model
        memory = memory_of(_momentum(optimizer))
        self.control = guarded_gap(control, every=every, warmup=warmup, memory=memory)
        self._rates = Rates(optimizer)
        device = weights[0].device
        self._capture = LossCapture(model, loss_fn, device.type)
        batches = None
        if held_out is not None:
            batches = HeldOut(held_out, held_out_loss or _pair_loss(model, loss_fn), device)
        self._monitor = GapMonitor(model, weights, self._capture, batches)
        self._delegate = GuardedDelegate(
            self.control, self._rates.first, self._rates.set, self._keep, self._restore
        )
        self._rates.set(self.lr)
        self._losses: list[float] = []
        self._made = 0  # steps of the optimiser since the last decision
        self._without = 0  # steps without a gap; below zero once there was one
        self._wanted = False  # whether a gap is to be measured before the next step
        self._given = False  # whether losses come by `step`, so that they need not be captured
        self._lines = (
            Lines(record, optimizer, {"controller": type(self.control.rule).__name__}) if record else None
        )
        self._observer = StepObserver(optimizer, self._before_step, self._after_step)
        self._expect()

    # -- what a training loop calls -------------------------------------------------------------------------

    @property
    def lr(self) -> float:
        """The rate of the first parameter group at the next step."""
        return self._delegate.lr

    @property
    def step_count(self) -> int:
        """Steps of the optimiser taken in so far."""
        return self._delegate.step_count

    @property
    def decisions(self) -> list[RateChange]:
        """What was changed so far, each with its reason; not the single steps of a warm-up or cool-down."""
        return self._delegate.decisions

    def get_last_lr(self) -> list[float]:
        """The rates of all parameter groups, as PyTorch's schedulers give them."""
        return self._rates.now()

    def loss(self, loss: Any) -> Any:
        """Give the loss of the coming step, or a function that computes it, before `backward`; returns the loss.

        With a function (``lambda: F.cross_entropy(model(x), y)``) the gap can be measured on this very batch.
        """
        return self._capture.give(loss)

    def capture(self, loss: Tensor, recompute: Callable[[], Any], parts: int = 1) -> None:
        """For frameworks that own the loop: a loss before its `backward`, how to compute it again undivided,
        and the number that it was divided by for gradient accumulation."""
        self._capture.add(loss, recompute, parts=parts)

    def step(
        self, loss: Tensor | float | None = None, closure: Callable[[], Any] | None = None
    ) -> RateChange | None:
        """Decide, after `optimizer.step()`. Call it after each batch; where no step was made, it waits for one.

        Parameters
        ----------
        loss : scalar tensor or float, optional
            The training loss of this batch. Not needed where the scheduler captures it (`loss_fn` a module, a
            model whose output has a `loss`, or `loss`).
        closure : function, optional
            Gives the loss on a batch, this one or better one that the model is not trained on. Called now and
            then, twice, without gradient, in evaluation mode, with the weights wound back to before the step.

        Returns
        -------
        decision : RateChange or None
            What changed after this step, the single steps of a warm-up or cool-down included.
        """
        if loss is not None:
            self._losses.append(number(loss))
            self._given = True
        if not self._made:
            return None  # gradients are being accumulated, or mixed precision skipped the step
        delegate = self._delegate
        made, self._made = self._made, 0
        delegate.step_count += made
        gap = self._monitor.after_step(closure)
        value, gap = self._over_processes(self._mean_loss(), gap)
        self._monitor.take_in(made, delegate.step_count)
        self._note_missing(gap)
        before = rates(self.optimizer) if self._lines is not None else {}
        decision = delegate.decide(value, gap)
        if self._lines is not None:
            row = {"step": delegate.step_count, "loss": value, **before, "gap": gap}
            self._lines.add({n: v for n, v in row.items() if v is not None} | decision_fields(decision))
        self._expect()
        return decision

    def finish(self, steps: int) -> None:
        """Take the rate to zero in a straight line over the coming `steps` steps, about a tenth of the run:
        then the weights themselves are as good as their average."""
        self._delegate.finish(steps)
        self._wanted = False

    @contextmanager
    def averaged(self, loader: Iterable[Any] | None = None) -> Iterator[nn.Module]:
        """The model with averaged weights inside the block, as it was afterwards: evaluate and save there.

        There are two averages, over the last ninth and the last third of the run. With `held_out` batches it is
        the one that is better on (at most 32 of) them, or the last weights if those are better still, as they
        may be at the end of a cool-down. Else it is the short one.

        Parameters
        ----------
        loader : iterable of batches, optional
            For models with BatchNorm, training batches (20 are enough) from which its statistics are computed anew:
            those at hand belong to other weights. Each batch is the model's input, or a tuple that begins
            with it.
        """
        weights = self._monitor.weights
        if not self._monitor.averages.short.values:
            yield self.model
            return
        buffers = [(b, b.detach().clone()) for b in self.model.buffers()]
        with suspend(), weights_replaced(weights, self._monitor.best()):
            try:
                if loader is not None:
                    update_bn(loader, self.model, device=weights[0].device)
                elif _has_statistics(self.model):
                    warn(
                        "The running statistics of BatchNorm belong to other weights than the averaged ones. Give "
                        "`averaged(loader)` some training batches, from which they are computed anew."
                    )
                yield self.model
            finally:
                for buffer, value in buffers:
                    buffer.data.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """All that an exact resume needs. Its tensors are copies: for Adam about eight times the weights."""
        newest, proven = self._delegate.newest, self._delegate.proven
        return {
            **self._delegate.to_json(),
            "ratios": list(self._rates.ratios),
            "monitor": self._monitor.state_dict(),
            "newest": newest.copied() if newest else None,
            "proven": proven.copied() if proven else None,
            "losses": list(self._losses),
            "made": self._made,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`, with the model's and the optimiser's own state loaded as well."""
        self._delegate.from_json(state, "ratios", "monitor", "newest", "proven", "losses", "made")
        self._rates.ratios = [float(r) for r in state["ratios"]]
        self._monitor.load_state_dict(state["monitor"])
        self._delegate.newest = Snapshot.from_parts(state["newest"])
        self._delegate.proven = Snapshot.from_parts(state["proven"])
        self._losses = list(state["losses"])
        self._made = int(state["made"])
        self._rates.set(self.lr)
        if self._lines is not None:
            self._lines.go_on()
        self._expect()

    def close(self) -> None:
        """Remove all hooks, and write what waits."""
        self._observer.close()
        self._capture.close()
        if self._lines is not None:
            self._lines.close()

    # -- around a step --------------------------------------------------------------------------------------

    def _before_step(self, _: Any) -> None:
        self._delegate.keep_start()
        if self._wanted and not self._made:
            self._monitor.before_step()

    def _after_step(self, skipped: bool) -> None:
        if not skipped:
            self._made += 1

    def _mean_loss(self) -> float:
        losses = self._losses or [number(c.value) for c in self._capture.of_the_step()]
        self._losses = []
        if not losses:
            raise UsageError(
                "The scheduler has no loss of this step: write `scheduler.step(loss)`, with the loss of the batch."
            )
        finite = [x for x in losses if math.isfinite(x)]
        return math.fsum(finite) / len(finite) if finite else losses[-1]

    def _over_processes(self, loss: float, gap: float | None) -> tuple[float, float | None]:
        """The mean over all processes, so that they decide alike."""
        size = process_count()
        if size == 1:
            return loss, gap
        device = self._monitor.weights[0].device
        known = torch.tensor([loss, 0.0 if gap is None else gap, float(gap is not None)], device=device)
        torch.distributed.all_reduce(known)
        total, gaps, count = known.tolist()
        return total / size, (gaps / size if count == size else None)

    def _note_missing(self, gap: float | None) -> None:
        if gap is not None or self._without < 0:
            self._without = -1
            return
        self._without += 1
        if self._without == _STEPS_WITHOUT_GAP and self.control.measures_gap:
            warn(
                "The scheduler has no way to measure the gap, so it only watches for divergence. Give it held_out "
                "batches, or write `scheduler.step(loss, lambda: loss_fn(model(x), y))`."
            )

    def _keep(self, spare: Snapshot | None) -> Snapshot:
        return Snapshot.take(self._monitor.weights, self.model, self.optimizer, spare)

    def _restore(self, kept: Snapshot) -> None:
        kept.restore(self._monitor.weights, self.model, self.optimizer)
        self._monitor.averages.forget()

    def _expect(self) -> None:
        """Get ready for the next step."""
        self._wanted = self._delegate.wants_gap()
        batch = self._wanted and self._monitor.held_out is None
        self._capture.forget(keep_batch=batch)
        self._capture.muted = self._given and not batch


def _momentum(optimizer: torch.optim.Optimizer) -> float:
    """The optimiser's momentum, or Adam's beta_1."""
    group = optimizer.param_groups[0]
    return float(group.get("momentum") or (group["betas"][0] if "betas" in group else 0.0))


def _pair_loss(model: nn.Module, loss_fn: Callable[..., Any] | None) -> Callable[[Any], Any]:
    if loss_fn is None:
        raise UsageError("held_out needs a loss_fn(model(x), y), or a held_out_loss(batch).")

    def loss(batch: Any) -> Any:
        x, y = batch
        return loss_fn(model(x), y)

    return loss


def _has_statistics(model: nn.Module) -> bool:
    return any(getattr(module, "running_mean", None) is not None for module in model.modules())
