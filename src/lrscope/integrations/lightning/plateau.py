"""`PlateauScheduler` as a Lightning callback, in the place of ``ReduceLROnPlateau`` in `configure_optimizers`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer

from lrscope.control import RateChange
from lrscope.integrations.lightning.sole_optimizer import the_optimizer
from lrscope.integrations.torch import PlateauScheduler as _PlateauScheduler


class PlateauScheduler(Callback):
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
        When training starts: with several optimisers, or a scheduler beside this one.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: Literal["min", "max"] = "min", **settings: Any
    ) -> None:
        self.monitor = monitor
        self._settings: dict[str, Any] = {"mode": mode, **settings}
        self._scheduler: _PlateauScheduler | None = None
        self._kept: Mapping[str, Any] | None = None

    @property
    def decisions(self) -> list[RateChange]:
        """What was changed so far, each with its reason."""
        return self._scheduler.decisions if self._scheduler is not None else []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin, once the optimiser is there."""
        self._scheduler = _PlateauScheduler(the_optimizer(trainer, type(self)), **self._settings)
        if self._kept is not None:
            self._scheduler.load_state_dict(self._kept)
            self._kept = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take in the metric."""
        if trainer.sanity_checking or self._scheduler is None:
            return
        value = trainer.callback_metrics.get(self.monitor)
        if value is None:
            warnings.warn(
                f"lrscope's PlateauScheduler follows {self.monitor!r}, which this validation did not log; logged: "
                f"{', '.join(trainer.callback_metrics) or 'nothing'}.",
                stacklevel=2,
            )
            return
        self._scheduler.step(float(value))

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"scheduler": self._kept if self._scheduler is None else self._scheduler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint, once training starts."""
        self._kept = state_dict["scheduler"]
