"""`GapScheduler`: the learning rate in the hands of the gap, for a training loop in PyTorch.

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

from lrscope.control.base import Action, RateChange, from_json, to_json
from lrscope.control.compose import Guarded
from lrscope.control.gap import Gap
from lrscope.control.record_writer import decision_fields
from lrscope.errors import UsageError
from lrscope.integrations.torch.gap_monitor import GapMonitor
from lrscope.integrations.torch.held_out import HeldOut
from lrscope.integrations.torch.lines import Lines, rates, warn
from lrscope.integrations.torch.loss_capture import Hearing
from lrscope.integrations.torch.measuring import number, weights_replaced
from lrscope.integrations.torch.rates import Rates
from lrscope.integrations.torch.snapshot import Snapshot
from lrscope.integrations.torch.suspend import attentive, looking_away

_WITHOUT = 128  # steps without a way to a gap, after which that is said


class GapScheduler:
    """Raises and lowers the rates of an optimiser by the gap.

    It needs no number of steps, no patience and no well-chosen rate: the optimiser's own is where it starts.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        All its parameter groups are scaled together; the ratios between their rates stay.
    model : module
        As it is called in training: compiled or in DistributedDataParallel, too.
    loss_fn : callable, optional
        ``loss_fn(model(x), y)``. With it, nothing else has to be said: a module such as
        ``nn.CrossEntropyLoss()`` is listened to, and held-out batches are judged by it.
    held_out : iterable of batches, optional
        Spare batches ``(x, y)``, kept from training, on which the gap is measured, one each time, over and
        over. Recommended whenever a model can overfit: the gap of training batches balances the training
        loss, which is not what you want then. A few hundred examples do. They are used up for judging: report
        results on others. Give ``held_out_loss`` where batches are not pairs.
    held_out_loss : callable, optional
        ``held_out_loss(batch)``, the loss on a batch of `held_out`.
    every : int
        Steps between measurements, each of two forward passes (one where the loss of training can stand for
        the other): a quarter of it in the first 64 steps, twice after 1024, four times after 4096.
    warmup : int
        Steps on which the rate climbs to the optimiser's. On the way up divergence shows before it does
        harm; 0 for none.
    control : Guarded, optional
        Another controller, instead of the one that `every` and `warmup` describe: `Guarded(ZigZag())` lives by the
        cosine between gradients and updates, measured every fourth step, and `Guarded(Plateau())` by the loss.
    record : path, optional
        Where a line is written at each step: loss, rate, gap and decisions, as `Recorder` writes it, for
        ``lrscope diagnose``.

    Raises
    ------
    UsageError
        If the optimiser has no step hooks or no rate above zero, or the weights are sharded.

    Notes
    -----
    Losses may come several times a step (gradient accumulation): they are averaged, and steps of the optimiser
    count, not calls. Steps that mixed precision skips are none. With DistributedDataParallel all processes see
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
        if not hasattr(optimizer, "register_step_pre_hook"):
            raise UsageError(
                f"A scheduler needs a PyTorch optimiser with step hooks, and got {type(optimizer).__name__}; "
                "give it the optimiser that is wrapped inside."
            )
        weights = [p for group in optimizer.param_groups for p in group["params"]]
        if any(type(w).__name__ == "DTensor" for w in weights):
            raise UsageError(
                "GapScheduler cannot average sharded weights (FSDP): each process holds only a part of them. "
                "Use PlateauScheduler, which needs the loss alone."
            )
        self.optimizer = optimizer
        self.model = model
        self.step_count = 0
        self.decisions: list[RateChange] = []
        self._rates = Rates(optimizer)
        self.control = control or Guarded(Gap(every=every, memory=_memory(optimizer)), warmup=warmup)
        self._state = self.control.init(self._rates.first)
        self._rates.set(self.control.lr(self._state))
        device = weights[0].device
        self._hearing = Hearing(model, loss_fn, device.type)
        bench = None
        if held_out is not None:
            bench = HeldOut(held_out, held_out_loss or _pair_loss(model, loss_fn), device)
        self._sense = GapMonitor(model, weights, self._hearing, bench)
        self._newest: Snapshot | None = None
        self._proven: Snapshot | None = None  # followed by healthy steps: the one to go back to
        self._losses: list[float] = []
        self._made = 0  # steps of the optimiser since the last decision
        self._without = 0
        self._zigzag: float | None = None  # the cosine of this step, where the controller lives by it
        self._wanted = False  # whether a gap is to be measured before the next step
        self._told = False  # whether losses come by `step`, so that they need not be listened for
        self._lines = (
            Lines(record, optimizer, {"controller": type(self.control.rule).__name__}) if record else None
        )
        self._handles = [
            optimizer.register_step_pre_hook(self._on_step),
            optimizer.register_step_post_hook(self._on_stepped),
        ]
        self._expect()

    # -- what a training loop calls -------------------------------------------------------------------------

    @property
    def lr(self) -> float:
        """The rate of the first parameter group at the next step."""
        return self.control.lr(self._state)

    def get_last_lr(self) -> list[float]:
        """The rates of all parameter groups, as PyTorch's schedulers give them."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def loss(self, loss: Any) -> Any:
        """Tell the loss of the coming step, or a function that computes it, before `backward`; get the loss.

        ``loss = scheduler.loss(lambda: F.cross_entropy(model(x), y))`` is a way to a gap for losses that are
        computed by functions; `step` then needs no argument.
        """
        return self._hearing.told(loss)

    def heard(self, loss: Tensor, again: Callable[[], Any], parts: int = 1) -> None:
        """For frameworks that own the loop: a loss before its `backward`, how to compute it again undivided,
        and the number that it was divided by for gradient accumulation."""
        self._hearing.add(loss, again, parts=parts)

    def step(
        self, loss: Tensor | float | None = None, closure: Callable[[], Any] | None = None
    ) -> RateChange | None:
        """After each batch: take in its loss, and change the rate if the evidence says so.

        Parameters
        ----------
        loss : scalar tensor or float, optional
            The training loss of this batch. Not needed where the scheduler hears it (`loss_fn` a module, a
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
            self._told = True
        if closure is not None:
            self._sense.by_closure = True
        if not self._made:
            return None  # gradients are being accumulated, or mixed precision skipped the step
        made, self._made = self._made, 0
        self.step_count += made
        gap = self._sense.after_step(closure)
        value, gap = self._agreed(self._mean_loss(), gap)
        self._sense.take_in(made, self.step_count)
        self._note_missing(gap)
        before = rates(self.optimizer) if self._lines is not None else {}
        self._state, decision = self.control.update(
            self._state, self.step_count, value, gap=gap, zigzag=self._zigzag
        )
        if decision is not None:
            self._act(decision)
        elif self.control.wants_snapshot(self._state):
            self._keep()
        if self._lines is not None:
            row = {"step": self.step_count, "loss": value, **before, "gap": gap}
            self._lines.add({n: v for n, v in row.items() if v is not None} | decision_fields(decision))
        self._expect()
        return decision

    def finish(self, steps: int) -> None:
        """Take the rate to zero in a straight line over the coming `steps` steps, about a tenth of the run:
        then the weights themselves are as good as their average."""
        if steps < 1:
            raise UsageError(f"finish needs the number of steps to come, at least 1; got {steps}.")
        self._state = self.control.finish(self._state, steps)
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
            For models with BatchNorm, training batches (20 do) from which its statistics are computed anew:
            those at hand belong to other weights. Each batch is the model's input, or a tuple that begins
            with it.
        """
        if not self._sense.output.values:
            yield self.model
            return
        buffers = [(b, b.detach().clone()) for b in self.model.buffers()]
        with looking_away(), weights_replaced(self._sense.weights, self._sense.best()):
            try:
                if loader is not None:
                    update_bn(loader, self.model, device=self._sense.weights[0].device)
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
        return {
            "step": self.step_count,
            "control": to_json(self._state),
            "ratios": list(self._rates.ratios),
            "sense": self._sense.state_dict(),
            "newest": self._newest.copied() if self._newest else None,
            "proven": self._proven.copied() if self._proven else None,
            "losses": list(self._losses),
            "made": self._made,
            "decisions": [decision.to_json() for decision in self.decisions],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`, with the model's and the optimiser's own state loaded as well."""
        self._state = from_json(state["control"], self.control.init(self._rates.first))
        self.step_count = int(state["step"])
        self._rates.ratios = [float(r) for r in state["ratios"]]
        self._sense.load_state_dict(state["sense"])
        self._newest = Snapshot(Snapshot(state["newest"]).copied()) if state["newest"] else None
        self._proven = Snapshot(Snapshot(state["proven"]).copied()) if state["proven"] else None
        self._losses = list(state["losses"])
        self._made = int(state["made"])
        self.decisions = [RateChange(**{**d, "action": Action(d["action"])}) for d in state["decisions"]]
        self._rates.set(self.control.lr(self._state))
        if self._lines is not None:
            self._lines.go_on()
        self._expect()

    def close(self) -> None:
        """Stop listening, and write what waits."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._hearing.close()
        if self._lines is not None:
            self._lines.close()

    # -- around a step --------------------------------------------------------------------------------------

    def _on_step(
        self, _: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if not attentive():
            return None
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self._before_step()
            return None

        # The loss is computed inside the step, by the closure: after its first call the weights are still
        # those before the step.
        called = False

        def listening() -> Any:
            nonlocal called
            loss = closure()
            if not called:
                called = True
                self._before_step()
            return loss

        if len(args) > 1:
            return (args[0], listening, *args[2:]), kwargs
        return args, {**kwargs, "closure": listening}

    def _before_step(self) -> None:
        if self._newest is None:
            self._newest = self._proven = self._take()
        if self.control.measures_zigzag and not self._made:
            self._zigzag = self._sense.cosine(self.step_count + 1)
        if self._wanted and not self._made:
            self._sense.before_step()

    def _on_stepped(self, *_: Any) -> None:
        found_inf = getattr(self.optimizer, "found_inf", None)
        if attentive() and not (found_inf is not None and float(found_inf)):
            self._made += 1

    def _mean_loss(self) -> float:
        losses = self._losses or [number(h.value) for h in self._hearing.losses if h.walked or h.told]
        self._losses = []
        if not losses:
            raise UsageError(
                "The scheduler knows no loss of this step: write `scheduler.step(loss)`, with the loss of the batch."
            )
        finite = [x for x in losses if math.isfinite(x)]
        return math.fsum(finite) / len(finite) if finite else losses[-1]

    def _agreed(self, loss: float, gap: float | None) -> tuple[float, float | None]:
        """The mean over all processes, so that they decide alike."""
        distributed = torch.distributed
        if not (distributed.is_available() and distributed.is_initialized()):
            return loss, gap
        device = self._sense.weights[0].device
        known = torch.tensor([loss, 0.0 if gap is None else gap, float(gap is not None)], device=device)
        distributed.all_reduce(known)
        size = distributed.get_world_size()
        total, gaps, count = known.tolist()
        return total / size, (gaps / size if count == size else None)

    def _act(self, decision: RateChange) -> None:
        if decision.action not in (Action.WARM, Action.COOL):
            self.decisions.append(decision)
        if decision.restore is not None:
            self._newest = self._proven
            if self._proven is not None:
                self._proven.restore(self._sense.weights, self.model, self.optimizer, self._sense.averages)
        self._rates.set(decision.lr)

    def _keep(self) -> None:
        spare, self._proven = self._proven, self._newest
        if spare is self._newest:  # at first, and after a roll-back, both are one
            spare = None
        self._newest = self._take(spare)
        self._state = self.control.took_snapshot(self._state)

    def _take(self, into: Snapshot | None = None) -> Snapshot:
        return Snapshot.take(self._sense.weights, self.model, self.optimizer, into)

    def _note_missing(self, gap: float | None) -> None:
        if gap is not None or self._without < 0:
            self._without = -1
            return
        self._without += 1
        if self._without == _WITHOUT and self.control.measures_gap:
            warn(
                "The scheduler has found no way to measure the gap, so it only watches for divergence. Give it "
                "held_out batches, or write `scheduler.step(loss, lambda: loss_fn(model(x), y))`."
            )

    def _expect(self) -> None:
        """Get ready for the next step."""
        self._wanted = self.control.wants_gap(self._state, self.step_count + 1)
        batch = self._wanted and self._sense.held_out is None
        self._hearing.forget(keep_batch=batch)
        self._hearing.deaf = self._told and not batch


def _memory(optimizer: torch.optim.Optimizer) -> float:
    """Steps that an optimiser's direction remembers: 1 / (1 - momentum)."""
    group = optimizer.param_groups[0]
    beta = group.get("momentum") or (group["betas"][0] if "betas" in group else 0.0)
    return 1.0 / (1.0 - min(float(beta), 0.99))


def _pair_loss(model: nn.Module, loss_fn: Callable[..., Any] | None) -> Callable[[Any], Any]:
    def loss(batch: Any) -> Any:
        x, y = batch
        return loss_fn(model(x), y)  # type: ignore[misc]

    if loss_fn is None:
        raise UsageError("held_out needs a loss_fn(model(x), y), or a held_out_loss(batch).")
    return loss


def _has_statistics(model: nn.Module) -> bool:
    return any(getattr(module, "running_mean", None) is not None for module in model.modules())
