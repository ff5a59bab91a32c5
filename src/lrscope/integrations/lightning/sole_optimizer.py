"""One scheduler follows one optimiser, whose rate nothing else may set."""

from __future__ import annotations

from lightning.pytorch import Trainer
from torch.optim import Optimizer

from lrscope.errors import UsageError


def sole_optimizer(trainer: Trainer, asking: type) -> Optimizer:
    """The only optimiser of a run that has no scheduler of its own; a `UsageError` where there are several
    optimisers, or a scheduler."""
    if len(trainer.optimizers) != 1:
        raise UsageError(
            f"lrscope.lightning.{asking.__name__} works with one optimiser, and configure_optimizers returns "
            f"{len(trainer.optimizers)}; use the scheduler of the same name in lrscope.torch for each of them."
        )
    if trainer.lr_scheduler_configs:
        other = type(trainer.lr_scheduler_configs[0].scheduler).__name__
        raise UsageError(
            f"configure_optimizers returns a scheduler ({other}), which would set the rate as well: return the "
            "optimiser alone."
        )
    return trainer.optimizers[0]
