"""The branch probe: tries lower and higher rates for a few steps, compares them, and puts everything back.

From the present state, each branch takes `steps` steps at its rate on the same batches and is cooled down to
near zero for `cool` more, because what counts is where a rate leads and not how much noise it shows on the
way. Then all branches are evaluated on the same batches, with dropout off. Weights, optimiser, schedulers,
scaler, random states, BatchNorm statistics and gradients are then as they were, bit for bit, on every way
out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lrscope.diagnosis.branches import BranchVerdict, judge_branches
from lrscope.errors import UsageError
from lrscope.integrations.torch.measuring import measuring, number
from lrscope.integrations.torch.saved_state import borrowed
from lrscope.integrations.torch.suspend import suspend


def probe(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterable[Any],
    loss_fn: Callable[..., Any],
    *,
    evaluate: Iterable[Any] | None = None,
    schedulers: Sequence[Any] = (),
    scaler: Any = None,
    before_step: Callable[[], Any] | None = None,
    steps: int = 40,
    factors: Sequence[float] = (1 / 3, 1.0, 3.0),
    cool: int = 20,
    repeats: int = 1,
    eval_batches: int = 20,
    level: float = 0.95,
) -> BranchVerdict:
    """Say whether a lower or a higher rate would help, by trying.

    Call it between two steps of training; training then goes on as if it had not been called.

    Parameters
    ----------
    model : module
    optimizer : torch.optim.Optimizer
        Each parameter group's rate is multiplied by the branch's factor.
    batches : iterable
        Training batches: a data loader or a list. The first ``repeats * (steps + cool)`` are trained on, and,
        unless `evaluate` is given, the next `eval_batches` are evaluated on. A loader's random generators
        are put back; a bare iterator cannot be, and loses the batches that are taken from it.
    loss_fn : callable or module
        ``loss_fn(model, batch)`` gives the loss, and does whatever else a step needs (moving the batch,
        autocast). A module such as ``nn.CrossEntropyLoss()`` stands for ``loss_fn(model(x), y)`` with ``x, y
        = batch``.
    evaluate : iterable, optional
        Batches to evaluate on instead: validation batches make the verdict one about validation loss.
    schedulers, scaler : optional
        Put back with everything else. Schedulers stand still in the branches; a `torch.amp.GradScaler` is
        used.
    before_step : callable, optional
        Called between backward and step: clip gradients here, if training does (they are unscaled by then).
        Hooks on the optimiser's steps do not run in the branches; they could change what cannot be put back.
    steps, cool : int
        Steps at the branch's rate, and steps in which it falls linearly to near zero. Half of the defaults
        costs half and decides about two thirds as often (`benchmarks/probe.py`).
    factors : sequence of float
        Rates to try, as multiples of the present one; 1 is added if it is missing.
    repeats : int
        How often, each time on other training batches. Once is blind to the luck of the batches.
    eval_batches : int
        How many batches to evaluate on, at most.
    level : float
        Coverage of the intervals.

    Returns
    -------
    BranchVerdict
        ``str()`` of it is a sentence: "lowering helps: -2.1 % +/- 0.4 at 0.333 x the rate, cost 180 steps".

    Raises
    ------
    UsageError
        If there are too few batches, or settings make no sense. What `model` or `loss_fn` raise goes through,
        after everything is put back.
    """
    if steps < 1 or cool < 0 or repeats < 1 or eval_batches < 2:
        raise UsageError(
            "steps and repeats must be 1 or more, cool 0 or more and eval_batches 2 or more; got "
            f"steps={steps}, repeats={repeats}, cool={cool}, eval_batches={eval_batches}."
        )
    rates = sorted({1.0, *map(float, factors)})
    if len(rates) < 2 or rates[0] <= 0:
        raise UsageError(f"factors must be positive and at least one other than 1; got {tuple(factors)}.")
    compute = _loss_function(loss_fn)
    others = [
        *schedulers,
        *(thing for thing in (scaler, batches, evaluate) if not isinstance(thing, Sequence)),
    ]
    length = steps + cool
    with suspend(), borrowed(model, optimizer, others) as before, _unhooked(optimizer):
        training, judging = _take(batches, evaluate, repeats * length, eval_batches)
        before.restore()
        losses = np.full((len(rates), repeats, len(judging)), np.nan)
        for repeat in range(repeats):
            mine = training[repeat * length : (repeat + 1) * length]
            for branch, factor in enumerate(rates):
                before.restore()
                shape = [factor] * steps + [factor * (1 - i / (cool + 1)) for i in range(1, cool + 1)]
                if _train(model, optimizer, zip(mine, shape, strict=True), compute, scaler, before_step):
                    losses[branch, repeat] = _evaluate(model, judging, compute)
    return judge_branches(rates, losses, repeats * len(rates) * length, level)


def _train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    plan: Iterable[tuple[Any, float]],
    compute: Callable[[nn.Module, Any], Tensor],
    scaler: Any,
    before_step: Callable[[], Any] | None,
) -> bool:
    """Take steps, each on a batch at a multiple of the present rates; whether all losses were finite."""
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    for weight in [*model.parameters(), *weights]:
        weight.grad = None
    for batch, factor in plan:
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate * factor)
            else:
                group["lr"] = rate * factor
        first: list[Tensor] = []

        def closure(batch: Any = batch, first: list[Tensor] = first) -> Tensor:
            optimizer.zero_grad(set_to_none=True)
            with torch.enable_grad():
                loss = compute(model, batch)
                (loss if scaler is None else scaler.scale(loss)).backward()
            if before_step is not None:
                if scaler is not None:
                    scaler.unscale_(optimizer)
                before_step()
            first.append(loss.detach())
            return loss

        if isinstance(optimizer, torch.optim.LBFGS):  # the one that must compute the loss again and again
            optimizer.step(closure)  # type: ignore[no-untyped-call]
        else:
            closure()
            if scaler is None:
                optimizer.step()
            else:
                scaler.step(optimizer)
                scaler.update()
        if not bool(torch.isfinite(first[0])):
            return False
    return True


def _evaluate(
    model: nn.Module, batches: Sequence[Any], compute: Callable[[nn.Module, Any], Tensor]
) -> list[float]:
    with measuring(model):
        return [number(compute(model, batch)) for batch in batches]


def _loss_function(loss_fn: Callable[..., Any]) -> Callable[[nn.Module, Any], Any]:
    if not isinstance(loss_fn, nn.Module):
        return loss_fn

    def compute(model: nn.Module, batch: Any) -> Any:
        if not isinstance(batch, Sequence) or len(batch) != 2:
            raise UsageError(
                f"A loss module needs batches of two, inputs and targets, and got {type(batch).__name__}; "
                "give a function loss_fn(model, batch) instead."
            )
        return loss_fn(model(batch[0]), batch[1])

    return compute


def _take(
    batches: Iterable[Any], evaluate: Iterable[Any] | None, train: int, judge: int
) -> tuple[list[Any], list[Any]]:
    """The batches to train on and those to evaluate on, all taken before anything is changed."""
    stream = iter(batches)
    training = list(islice(stream, train))
    judging = list(islice(stream if evaluate is None else iter(evaluate), judge))
    if len(training) < train or len(judging) < 2:
        raise UsageError(
            f"A probe needs {train} batches to train on and at least 2 others to evaluate on; there were "
            f"{len(training)} and {len(judging)}. Lower steps, cool or repeats, or give evaluate=..."
        )
    return training, judging


@contextmanager
def _unhooked(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """The optimiser without the hooks that others have put on its steps."""
    names = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks")
    kept = {name: getattr(optimizer, name) for name in names if hasattr(optimizer, name)}
    try:
        for name in kept:
            setattr(optimizer, name, OrderedDict())
        yield
    finally:
        for name, hooks in kept.items():
            setattr(optimizer, name, hooks)
