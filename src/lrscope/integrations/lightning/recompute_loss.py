"""Computes the loss of a batch again; what Lightning logs and counts stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn


def recompute_loss(trainer: Trainer, module: LightningModule, batch: Any, number: int) -> Callable[[], Any]:
    """How to compute the loss of a batch by `training_step`; what that logs and counts is dropped."""

    def recompute() -> Any:
        with _muted(module), trainer.precision_plugin.train_step_context():
            result = module.training_step(batch, number)
        return result["loss"] if isinstance(result, Mapping) else result

    return recompute


def given_elsewhere(*_: Any) -> None:
    """Stands for a loss function where losses come from `on_before_backward`, not from whatever modules compute."""


_MISSING = object()


@contextmanager
def _muted(module: LightningModule) -> Iterator[None]:
    """Nothing is logged, and what torchmetrics have counted is as before."""
    metrics = [
        (m, _copy(m)) for m in module.modules() if hasattr(m, "_update_count") and hasattr(m, "_defaults")
    ]
    for name in ("log", "log_dict"):
        object.__setattr__(module, name, _dropped)
    try:
        yield
    finally:
        for name in ("log", "log_dict"):
            object.__delattr__(module, name)
        for metric, attributes in metrics:
            metric.__dict__.update(attributes)


def _dropped(*_: Any, **__: Any) -> None:
    """A `log` that drops what it gets."""


def _copy(metric: nn.Module) -> dict[str, Any]:
    names = [*metric._defaults, "_update_count", "_computed", "_forward_cache"]  # type: ignore[misc]
    return {
        name: list(value)
        if isinstance(value, list)
        else value.clone()
        if isinstance(value, Tensor)
        else value
        for name in names
        if (value := metric.__dict__.get(name, _MISSING)) is not _MISSING
    }
