"""`PlateauScheduler`: in the place of ``ReduceLROnPlateau``, with evidence in the place of patience."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from lrscope.control.base import Action, RateChange, from_json, to_json
from lrscope.control.plateau import Plateau
from lrscope.errors import UsageError
from lrscope.integrations.torch.rates import Rates


class PlateauScheduler:
    """Lowers the rates when a metric has, with confidence, levelled out, and takes back a drop that bought nothing.

    Use it as ``torch.optim.lr_scheduler.ReduceLROnPlateau``: ``scheduler.step(val_loss)`` once an epoch. That
    one counts values that are no new best, and the best of noisy values is the luckiest; this one asks whether
    as long again at the present pace could still bring 5 % of what was gained (an equivalence test). Negative
    metrics and metrics to be maximised are judged alike, values that are not finite are passed over.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        All its parameter groups are scaled together.
    mode : {"min", "max"}
        Whether less or more is better.
    factor : float
        What the rates are multiplied by. 0.3 unless told: a drop can be followed by another.
    patience : int
        Values to see at least, at the start and after each change; 8 unless told, for in the first epochs a
        loss stands on shelves, and fewer values give no test. Not a count of failures.
    threshold : float
        What counts as nothing more to come, as a share of all that was gained so far.
    min_lr : float
        The first group's rate is not lowered below.
    take_back : bool
        Whether a drop that bought nothing is taken back; in any case the next one then waits twice as long.

    Raises
    ------
    UsageError
        If an argument is out of its range.

    Attributes
    ----------
    decisions : list of RateChange
        What was changed, each with its reason and the numbers behind it.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.3,
        patience: int = 8,
        threshold: float = 0.06,
        *,
        min_lr: float = 0.0,
        take_back: bool = True,
    ) -> None:
        if mode not in ("min", "max"):
            raise UsageError(f'mode must be "min" or "max"; got {mode!r}.')
        if not 0 < factor < 1:
            raise UsageError(f"factor must lie between 0 and 1; got {factor}.")
        if patience < 6 or not 0 < threshold < 1:
            raise UsageError(
                f"patience must be 6 or more (fewer values give no test) and threshold between 0 and 1; got "
                f"{patience} and {threshold}."
            )
        self.optimizer = optimizer
        self.mode = mode
        self.decisions: list[RateChange] = []
        self.last_epoch = 0
        self._rates = Rates(optimizer)
        self._rule = Plateau(factor, threshold, 1, patience, min_lr, take_back)
        self._state = self._rule.init(self._rates.first)

    @property
    def lr(self) -> float:
        """The rate of the first parameter group."""
        return self._state.history.lr

    def get_last_lr(self) -> list[float]:
        """The rates of all parameter groups."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def step(self, metrics: Tensor | float) -> RateChange | None:
        """Take in the next value of the metric; returns what was changed, if anything was."""
        self.last_epoch += 1
        value = float(metrics) if self.mode == "min" else -float(metrics)
        self._state, decision = self._rule.update(self._state, self.last_epoch, value)
        if decision is not None:
            self.decisions.append(decision)
            self._rates.set(decision.lr)
        return decision

    def state_dict(self) -> dict[str, Any]:
        """All that an exact resume needs."""
        return {
            "last_epoch": self.last_epoch,
            "control": to_json(self._state),
            "ratios": list(self._rates.ratios),
            "decisions": [decision.to_json() for decision in self.decisions],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self.last_epoch = int(state_dict["last_epoch"])
        self._state = from_json(state_dict["control"], self._rule.init(self._rates.first))
        self._rates.ratios = [float(r) for r in state_dict["ratios"]]
        self.decisions = [RateChange(**{**d, "action": Action(d["action"])}) for d in state_dict["decisions"]]
        self._rates.set(self.lr)
