"""`PlateauScheduler` as a Lightning callback, in the place of ``ReduceLROnPlateau`` in `configure_optimizers`."""

from __future__ import annotations

from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer

from lrscope.integrations.delegate import warn_missing
from lrscope.integrations.lightning.sole_optimizer import sole_optimizer
from lrscope.integrations.torch import PlateauScheduler as _PlateauScheduler
from lrscope.integrations.torch.hosted import HostedPlateauScheduler


class PlateauScheduler(HostedPlateauScheduler, Callback):
    """Lowers the rate when a validation metric has levelled out; see `lrscope.torch.PlateauScheduler`.

    Parameters
    ----------
    monitor : str
        The metric, as the module logs it; taken in after each validation.
    mode : {"min", "max"}
        Whether less or more is better.
    **settings
        `factor`, `patience`, `threshold`, `min_lr` and `take_back` of `lrscope.torch.PlateauScheduler`.

    Raises
    ------
    UsageError
        If an argument is out of its range. When training starts: with several optimisers, or a scheduler beside
        this one.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: Literal["min", "max"] = "min", **settings: Any
    ) -> None:
        super().__init__(monitor, mode, **settings)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, once the optimiser is there."""
        self._start(_PlateauScheduler(sole_optimizer(trainer, type(self)), **self._settings))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take in the metric."""
        if trainer.sanity_checking or self._scheduler is None:
            return
        value = trainer.callback_metrics.get(self.monitor)
        if value is None:
            warn_missing(self.monitor, "validation", trainer.callback_metrics)
        else:
            self._scheduler.step(float(value))
