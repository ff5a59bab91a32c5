"""`PlateauScheduler`: in the place of `keras.callbacks.ReduceLROnPlateau`, with evidence in the place of patience."""

from __future__ import annotations

import os
import warnings
from typing import Any, Literal

from lrscope.control.base import from_json, to_json
from lrscope.control.plateau import Plateau, PlateauState
from lrscope.errors import UsageError
from lrscope.integrations.keras.base import Arrays, RateCallback


class PlateauScheduler(RateCallback):
    """Lowers the rate when a metric has, with confidence, levelled out, and takes back a drop that bought nothing.

    `ReduceLROnPlateau` counts epochs that are no new best, and the best of noisy values is the luckiest. This one
    asks whether as long again at the present pace could still bring 5 % of what was gained. Negative metrics and
    metrics to be maximised are judged alike; values that are not finite are passed over.

    Parameters
    ----------
    monitor : str
        The metric, as Keras names it.
    factor : float
        What the rate is multiplied by. 0.3 unless told: a drop can be followed by another.
    patience : int
        Epochs to see at least, at the start and after each change; 8 unless told, for in the first epochs a
        loss stands on shelves, and fewer values give no test. Not a count of failures.
    mode : {"auto", "min", "max"}
        Whether less or more is better. "auto" takes names with "acc" or "auc" in them for "max".
    threshold : float
        What counts as nothing more to come, as a share of all that was gained so far.
    min_lr : float
        The rate is not lowered below.
    take_back : bool
        Whether a drop that bought nothing is taken back; in any case the next one then waits twice as long.
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
        if mode not in ("auto", "min", "max"):
            raise UsageError(f'mode must be "auto", "min" or "max"; got {mode!r}.')
        if not 0 < factor < 1 or patience < 6 or not 0 < threshold < 1:
            raise UsageError(
                "factor and threshold must lie between 0 and 1, and patience be 6 or more (fewer values give no "
                f"test); got {factor}, {threshold} and {patience}."
            )
        self.monitor = monitor
        self.most_is_best = mode == "max" or (mode == "auto" and ("acc" in monitor or "auc" in monitor))
        self._rule = Plateau(factor, threshold, 1, patience, min_lr, take_back)
        self._state: PlateauState | None = None
        self._epochs = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin at the optimiser's rate, or go on."""
        if self._state is None:
            self._state = self._rule.init(self.lr)
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take in the metric of this epoch."""
        logs = logs if logs is not None else {}
        value = logs.get(self.monitor)
        if value is None or self._state is None:
            warnings.warn(
                f"PlateauScheduler follows {self.monitor!r}, which this epoch did not give; it gave: "
                f"{', '.join(logs) or 'nothing'}.",
                stacklevel=2,
            )
        else:
            self._epochs += 1
            signed = -float(value) if self.most_is_best else float(value)
            self._state, decision = self._rule.update(self._state, self._epochs, signed)
            if decision is not None:
                self.decisions.append(decision)
                self.set_lr(decision.lr)
        logs["learning_rate"] = self.lr
        super().on_epoch_end(epoch, logs)

    def _facts(self) -> tuple[dict[str, Any], Arrays]:
        return {"control": to_json(self._state), "epochs": self._epochs}, {}

    def _recall(self, facts: dict[str, Any], arrays: Arrays) -> None:
        self._epochs = int(facts["epochs"])
        self._state = from_json(facts["control"], self._rule.init(self.lr))
        self.set_lr(self._state.history.lr if self._state is not None else self.lr)
