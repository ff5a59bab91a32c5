"""`PlateauScheduler`: in the place of `keras.callbacks.ReduceLROnPlateau`, with evidence in the place of patience."""

from __future__ import annotations

import os
from typing import Any, Literal

from lrscope.control.plateau import epoch_plateau, sign_of
from lrscope.integrations.delegate import Delegate, warn_missing
from lrscope.integrations.keras.base import Arrays, RateCallback


class PlateauScheduler(RateCallback):
    """Lowers the rate when a metric has, with confidence, levelled out, and takes back a drop that brought nothing.

    `ReduceLROnPlateau` counts epochs that are no new best, and the best of noisy values is the luckiest. This one
    asks whether as long again at the present rate could still bring 6 % of the improvement so far. Negative metrics
    and metrics to be maximised are judged alike; values that are not finite are passed over.

    Parameters
    ----------
    monitor : str
        The metric, as Keras names it.
    factor : float
        What the rate is multiplied by. 0.3 by default, for a drop can be followed by another.
    patience : int
        Epochs to see at least, at the start and after each change; not a count of failures. 8 by default, for in
        the first epochs a loss stands on shelves; fewer than 6 give no test.
    mode : {"auto", "min", "max"}
        Whether less or more is better. "auto" takes names with "acc" or "auc" in them for "max".
    threshold : float
        What counts as nothing more to come, as a share of the improvement so far.
    min_lr : float
        The rate is not lowered below.
    take_back : bool
        Whether a drop that brought nothing is taken back; in any case the next one then waits twice as long.
    backup : path, optional
        As for `GapScheduler`.

    Raises
    ------
    UsageError
        If an argument is out of its range; when training begins, if the optimiser follows a schedule.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.3,
        patience: int = 8,
        mode: Literal["auto", "min", "max"] = "auto",
        *,
        threshold: float = 0.06,
        min_lr: float = 0.0,
        take_back: bool = True,
        backup: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(backup)
        if mode == "auto":
            mode = "max" if "acc" in monitor or "auc" in monitor else "min"
        self.monitor = monitor
        self._sign = sign_of(mode)
        self._rule = epoch_plateau(factor, patience, threshold, min_lr=min_lr, take_back=take_back)

    def _make_delegate(self) -> Delegate[Any]:
        return Delegate(self._rule, self.lr, self.set_lr)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take in the metric of this epoch."""
        logs = logs if logs is not None else {}
        value = logs.get(self.monitor)
        if value is None:
            warn_missing(self.monitor, "epoch", logs)
        else:
            delegate = self._at_work()
            delegate.step_count += 1
            delegate.decide(self._sign * float(value))
        logs["learning_rate"] = self.lr
        super().on_epoch_end(epoch, logs)

    def _load_arrays(self, facts: dict[str, Any], arrays: Arrays) -> None:
        self.set_lr(self._at_work().state.history.lr)
