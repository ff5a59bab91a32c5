"""How the recorder learns of losses, and how to compute the last one again on the same batch.

Three ways, and none needs more than the line that makes the recorder:

- `loss_fn` is a module that is called with the model's output: its result is the loss, and the batch is what
  the model and `loss_fn` were called with;
- the model's output has a `loss` (Transformers): likewise;
- `recorder.loss(...)` in the loop, with a loss or with a function that computes it.

A loss counts for a step only when `backward` has run through it before that step. So a forward pass for an
accuracy, or one after the step on the batch that was just learnt, is never mistaken for the step's own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lrscope.integrations.torch.measuring import Precision
from lrscope.integrations.torch.suspend import attentive

_BATCHES = 2  # of a step with many micro-batches, how many are held on to
_LOSSES = 10_000  # told without a step ever coming; the oldest are dropped


@dataclass(slots=True)
class CapturedLoss:
    """One loss: its value, how to compute it again, and whether `backward` has run through it."""

    value: Tensor | float
    again: Callable[[], Any] | None
    precision: Precision | None
    walked: bool
    told: bool  # said by the user, so counted whether walked or not

    def __call__(self, _: Tensor) -> None:
        """Autograd calls this when the loss's gradient is known."""
        self.walked = True


class Hearing:
    """Losses since the last step.

    Parameters
    ----------
    model, loss_fn : module or None
        Where to listen.
    device : str
        Type of the device that the model is on.
    """

    def __init__(self, model: nn.Module | None, loss_fn: Any, device: str) -> None:
        self._model = model
        self._loss_fn = loss_fn
        self._device = device
        self._last_output: tuple[Any, tuple[Any, ...], dict[str, Any], Precision] | None = None
        self._warned = False
        self.losses: list[CapturedLoss] = []
        self.deaf = False
        self.keep_batch = False
        self._listen = True
        self._model_handle: Any = None
        self._loss_handle: Any = None
        self._place_hooks()

    def close(self) -> None:
        """Stop listening."""
        self.forget(listen=False)

    def forget(self, keep_batch: bool = False, listen: bool = True) -> None:
        """A new step begins. Batches are held on to only before a step that measures the gap; and where
        nothing is to be heard, modules go without their hooks, which cost time on small models."""
        self.losses = []
        self._last_output = None
        if keep_batch is not self.keep_batch or listen is not self._listen:
            self.keep_batch = keep_batch
            self._listen = listen
            self._place_hooks()

    def _place_hooks(self) -> None:
        on_model = self._listen and (self._loss_fn is None or self.keep_batch) and self._model is not None
        if on_model and self._model_handle is None and self._model is not None:
            self._model_handle = self._model.register_forward_hook(self._on_model, with_kwargs=True)
        elif not on_model and self._model_handle is not None:
            self._model_handle.remove()
            self._model_handle = None
        if self._listen and self._loss_handle is None and isinstance(self._loss_fn, nn.Module):
            self._loss_handle = self._loss_fn.register_forward_hook(self._on_loss_fn, with_kwargs=True)
        elif not self._listen and self._loss_handle is not None:
            self._loss_handle.remove()
            self._loss_handle = None

    def told(self, loss: Any) -> Any:
        """Take a loss, or a function that computes it, from the training loop; return the loss."""
        again = None
        if callable(loss) and not isinstance(loss, Tensor):
            again = loss
            loss = self._quietly(loss)
        self.add(loss, again, told=True)
        return loss

    def _quietly(self, compute: Callable[[], Any]) -> Any:
        self.deaf = True  # the hooks must not count it a second time
        try:
            return compute()
        finally:
            self.deaf = False

    def _on_model(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        if not self._listens():
            return
        loss = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
        if isinstance(loss, Tensor) and self._loss_fn is None:
            self.add(loss, (lambda: _loss_of(module(*args, **kwargs))) if self.keep_batch else None)
        elif self.keep_batch:
            self._last_output = (output, args, kwargs, Precision.now(self._device))

    def _on_loss_fn(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        if not self._listens() or not isinstance(output, Tensor) or output.dim():
            return
        again = precision = None
        if self._last_output is not None:
            precision = self._last_output[3]  # the loss itself is often computed outside of autocast
        if self.keep_batch and args and self._model is not None:
            again = self._replay(module, args, kwargs)
            if again is None and not self._warned:
                self._warned = True
                warnings.warn(
                    "lrscope cannot record the gap: the loss is not computed from the model's output itself. "
                    "Write `loss = recorder.loss(lambda: loss_fn(model(x), y))` in the loop instead.",
                    stacklevel=2,
                )
        self.add(output, again, precision)

    def _replay(
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

        def again() -> Any:
            fresh = model(*model_args, **model_kwargs)
            return loss_fn(fresh if shape is None else fresh.reshape(shape), *others, **kwargs)

        return again

    def _listens(self) -> bool:
        # Inside a compiled graph a hook could not speak to us; there it is compiled to nothing.
        return not (self.deaf or torch.compiler.is_compiling()) and torch.is_grad_enabled() and attentive()

    def add(
        self,
        loss: Any,
        again: Callable[[], Any] | None,
        precision: Precision | None = None,
        told: bool = False,
        parts: int = 1,
    ) -> None:
        """Take in a loss that was divided by `parts`, with the way to compute it again undivided."""
        if not (self._listen and attentive()):
            return
        if not isinstance(loss, Tensor):
            heard = CapturedLoss(float(loss), None, None, False, told)
        else:
            # A copy, as `loss /= 4` is common in gradient accumulation.
            value = loss.detach()
            value = value.clone() if parts == 1 else value * parts
            heard = CapturedLoss(value, again if self.keep_batch else None, None, False, told)
            if heard.again is not None:
                heard.precision = precision or Precision.now(self._device)
                held = [h for h in self.losses if h.again is not None]
                if len(held) >= _BATCHES:
                    held[0].again = None
            if loss.requires_grad:
                loss.register_hook(heard)  # type: ignore[no-untyped-call]
        self.losses.append(heard)
        if len(self.losses) > _LOSSES:
            del self.losses[: _LOSSES // 2]

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy of the model carries a copy of its hooks; that one listens to nothing."""
        return _deaf, (self._device,)


def _deaf(device: str) -> Hearing:
    hearing = Hearing(None, None, device)
    hearing.deaf = True
    return hearing


def _loss_of(output: Any) -> Any:
    return output["loss"] if isinstance(output, Mapping) else output.loss
