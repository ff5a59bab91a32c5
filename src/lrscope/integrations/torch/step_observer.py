"""Observes the steps of an optimiser of PyTorch, by the optimiser's own hooks: the training loop stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lrscope.errors import UsageError
from lrscope.integrations.torch.suspend import suspended


class StepObserver:
    """Calls ``before(loss)`` and ``after(skipped)`` around each step, except while suspended.

    `before` comes at the weights before the step, with their gradients. Its loss is what the closure of the step
    returned at its first call, for later calls (line searches) are at other weights; None where there is no closure.
    `after` says whether a fused optimiser left the weights as they were, for gradients that are not finite.
    `skipped` is called where the `scaler` skips a step: it then never calls the optimiser.

    While `resting` is set, there is no `before`.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        before: Callable[[Any], None],
        after: Callable[[bool], None],
        *,
        scaler: Any = None,
        skipped: Callable[[], None] | None = None,
    ) -> None:
        self.resting = False
        self._optimizer = optimizer
        self._before = before
        self._after = after
        self._scaler = scaler
        self._steps = 0
        self._handles = [
            optimizer.register_step_pre_hook(self._on_step),
            optimizer.register_step_post_hook(self._on_stepped),
        ]
        if scaler is not None and skipped is not None:
            scaler.step = self._watched(scaler.step, skipped)

    def close(self) -> None:
        """Stop observing."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        if self._scaler is not None:
            self._scaler.__dict__.pop("step", None)

    def _on_step(
        self, _: torch.optim.Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if self.resting or suspended():
            return None
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self._before(None)
            return None
        called = False

        def observed() -> Any:
            nonlocal called
            loss = closure()
            if not called:
                called = True
                self._before(loss)
            return loss

        if len(args) > 1:
            return (args[0], observed, *args[2:]), kwargs
        return args, {**kwargs, "closure": observed}

    def _on_stepped(self, *_: Any) -> None:
        if suspended():
            return
        self._steps += 1
        found_inf = getattr(self._optimizer, "found_inf", None)  # fused optimisers skip by themselves
        self._after(found_inf is not None and bool(float(found_inf)))

    def _watched(self, scaled_step: Callable[..., Any], skipped: Callable[[], None]) -> Callable[..., Any]:
        def step(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
            before = self._steps
            result = scaled_step(optimizer, *args, **kwargs)
            if optimizer is self._optimizer and self._steps == before and not suspended():
                skipped()
            return result

        return step


def observable_weights(optimizer: torch.optim.Optimizer, user: str, instead: str) -> list[Tensor]:
    """The weights that an optimiser changes. Where they are sharded, or the optimiser is none of PyTorch's, a
    `UsageError` says what `user` needs, and what to do `instead`."""
    if not hasattr(optimizer, "register_step_pre_hook"):
        raise UsageError(
            f"{user} needs a PyTorch optimiser with step hooks; got {type(optimizer).__name__}. If that wraps an "
            "optimiser, give the one inside."
        )
    weights = weights_of(optimizer)
    if any(type(w).__name__ == "DTensor" for w in weights):
        raise UsageError(
            f"{user} cannot read sharded weights (FSDP): each process holds only a part of them. {instead}"
        )
    return weights


def weights_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """The weights of all parameter groups."""
    return [p for group in optimizer.param_groups for p in group["params"]]
