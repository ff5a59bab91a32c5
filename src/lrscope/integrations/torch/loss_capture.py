"""Captures the losses of a training loop, and how to compute the last one again on the same batch.

Three ways, and none needs more than the line that makes the recorder or scheduler:

- `loss_fn` is a module that is called with the model's output: its result is the loss, and the batch is what
  the model and `loss_fn` were called with;
- the model's output has a `loss` (Transformers): likewise;
- `recorder.loss(...)` in the loop, with a loss or with a function that computes it.

A loss counts for a step only if `backward` has run through it before that step. So a forward pass for an
accuracy, or one after the step on the same batch, is never mistaken for the step's own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lrscope.integrations.torch.measuring import Precision
from lrscope.integrations.torch.suspend import suspended

_MOST_BATCHES = 2  # of a step with many micro-batches, so many are held on to
_MOST_LOSSES = 10_000  # without a step ever coming; the oldest are dropped


@dataclass(slots=True)
class CapturedLoss:
    """One loss: its value, how to compute it again, and whether `backward` has run through it."""

    value: Tensor | float
    recompute: Callable[[], Any] | None
    precision: Precision | None
    learnt: bool  # `backward` has run through it
    given: bool  # by the training loop itself, so counted whether learnt or not

    def __call__(self, _: Tensor) -> None:
        """Autograd calls this when the loss's gradient is known."""
        self.learnt = True


class LossCapture:
    """Losses since the last step, from hooks on the model and on `loss_fn` where that is a module."""

    def __init__(self, model: nn.Module | None, loss_fn: Any, device: str) -> None:
        self._model = model
        self._loss_fn = loss_fn
        self._device = device
        self._last_output: tuple[Any, tuple[Any, ...], dict[str, Any], Precision] | None = None
        self._warned = False
        self.losses: list[CapturedLoss] = []
        self.muted = False
        self.keep_batch = False
        self._hooked = True
        self._model_handle: Any = None
        self._loss_handle: Any = None
        self._place_hooks()

    def close(self) -> None:
        """Remove all hooks."""
        self.forget(hooked=False)

    def forget(self, keep_batch: bool = False, hooked: bool = True) -> None:
        """A new step begins. Batches are held on to only before a step that measures the gap; and where no loss is
        wanted, modules go without hooks, which cost time on small models."""
        self.losses = []
        self._last_output = None
        if keep_batch is not self.keep_batch or hooked is not self._hooked:
            self.keep_batch = keep_batch
            self._hooked = hooked
            self._place_hooks()

    def _place_hooks(self) -> None:
        on_model = self._hooked and (self._loss_fn is None or self.keep_batch) and self._model is not None
        if on_model and self._model_handle is None and self._model is not None:
            self._model_handle = self._model.register_forward_hook(self._on_model, with_kwargs=True)
        elif not on_model and self._model_handle is not None:
            self._model_handle.remove()
            self._model_handle = None
        if self._hooked and self._loss_handle is None and isinstance(self._loss_fn, nn.Module):
            self._loss_handle = self._loss_fn.register_forward_hook(self._on_loss_fn, with_kwargs=True)
        elif not self._hooked and self._loss_handle is not None:
            self._loss_handle.remove()
            self._loss_handle = None

    def give(self, loss: Any) -> Any:
        """Take a loss, or a function that computes it, from the training loop; return the loss."""
        recompute = None
        if callable(loss) and not isinstance(loss, Tensor):
            recompute = loss
            self.muted = True  # the hooks must not count it a second time
            try:
                loss = recompute()
            finally:
                self.muted = False
        self.add(loss, recompute, given=True)
        return loss

    def _on_model(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        if not self._captures():
            return
        loss = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
        if isinstance(loss, Tensor) and self._loss_fn is None:
            self.add(loss, (lambda: _loss_of(module(*args, **kwargs))) if self.keep_batch else None)
        elif self.keep_batch:
            self._last_output = (output, args, kwargs, Precision.now(self._device))

    def _on_loss_fn(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        if not self._captures() or not isinstance(output, Tensor) or output.dim():
            return
        recompute = precision = None
        if self._last_output is not None:
            precision = self._last_output[3]  # the loss itself is often computed outside of autocast
        if self.keep_batch and args and self._model is not None:
            recompute = self._recomputation(module, args, kwargs)
            if recompute is None and not self._warned:
                self._warned = True
                warnings.warn(
                    "lrscope cannot measure the gap: the loss is not computed from the model's output itself. Write "
                    "`loss = recorder.loss(lambda: loss_fn(model(x), y))` in the loop (or `scheduler.loss`).",
                    stacklevel=2,
                )
        self.add(output, recompute, precision)

    def _recomputation(
        self, loss_fn: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[], Any] | None:
        """How to compute `loss_fn(model(...), ...)` again, if that is what was computed."""
        if self._last_output is None or self._model is None:
            return None
        model = self._model
        output, model_args, model_kwargs, _ = self._last_output
        given, others = args[0], args[1:]
        shape = None
        if given is not output:
            # A flattened view of the output is what language models hand to the loss.
            if not (
                isinstance(output, Tensor)
                and isinstance(given, Tensor)
                and given.data_ptr() == output.data_ptr()
                and given.numel() == output.numel()
                and given.is_contiguous()
                and output.is_contiguous()
            ):
                return None
            shape = given.shape
        self._last_output = None

        def recompute() -> Any:
            fresh = model(*model_args, **model_kwargs)
            return loss_fn(fresh if shape is None else fresh.reshape(shape), *others, **kwargs)

        return recompute

    def _captures(self) -> bool:
        # Inside a compiled graph a hook cannot keep anything; there it is compiled to nothing.
        if self.muted or torch.compiler.is_compiling():
            return False
        return torch.is_grad_enabled() and not suspended()

    def add(
        self,
        loss: Any,
        recompute: Callable[[], Any] | None,
        precision: Precision | None = None,
        given: bool = False,
        parts: int = 1,
    ) -> None:
        """Take in a loss that was divided by `parts`, with the way to compute it again undivided."""
        if not self._hooked or suspended():
            return
        if not isinstance(loss, Tensor):
            captured = CapturedLoss(float(loss), None, None, False, given)
        else:
            # A copy, as `loss /= 4` is common in gradient accumulation.
            value = loss.detach()
            value = value.clone() if parts == 1 else value * parts
            captured = CapturedLoss(value, recompute if self.keep_batch else None, None, False, given)
            if captured.recompute is not None:
                captured.precision = precision or Precision.now(self._device)
                held = [c for c in self.losses if c.recompute is not None]
                if len(held) >= _MOST_BATCHES:
                    held[0].recompute = None
            if loss.requires_grad:
                loss.register_hook(captured)  # type: ignore[no-untyped-call]
        self.losses.append(captured)
        if len(self.losses) > _MOST_LOSSES:
            del self.losses[: _MOST_LOSSES // 2]

    def of_the_step(self) -> list[CapturedLoss]:
        """Those that the coming step was made from, or that the training loop gave."""
        return [c for c in self.losses if c.learnt or c.given]

    def recomputable(self) -> CapturedLoss | None:
        """The latest that the coming step was made from and that can be computed again."""
        return next((c for c in reversed(self.losses) if c.learnt and c.recompute is not None), None)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy of the model carries a copy of its hooks; that one captures nothing."""
        return _muted, (self._device,)


def _muted(device: str) -> LossCapture:
    capture = LossCapture(None, None, device)
    capture.muted = True
    return capture


def _loss_of(output: Any) -> Any:
    return output["loss"] if isinstance(output, Mapping) else output.loss
