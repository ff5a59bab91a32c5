"""`PlateauScheduler`: in the place of ``ReduceLROnPlateau``, with evidence in the place of patience."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from lrscope.control.base import RateChange
from lrscope.control.plateau import epoch_plateau, sign_of
from lrscope.integrations.delegate import Delegate
from lrscope.integrations.torch.rates import Rates


class PlateauScheduler:
    """Lowers the rates when a metric has, with confidence, levelled out, and takes back a drop that brought nothing.

    Use it as ``torch.optim.lr_scheduler.ReduceLROnPlateau``: ``scheduler.step(val_loss)`` once an epoch. That
    one counts values that are no new best, and the best of noisy values is the luckiest; this one asks whether
    as long again at the present rate could still bring 6 % of the improvement so far (an equivalence test).
    Negative metrics and metrics to be maximised are judged alike; values that are not finite are passed over.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        All its parameter groups are scaled together.
    mode : {"min", "max"}
        Whether less or more is better.
    factor : float
        What the rates are multiplied by. 0.3 by default, for a drop can be followed by another.
    patience : int
        Values to see at least, at the start and after each change; not a count of failures. 8 by default, for in
        the first epochs a loss stands on shelves; fewer than 6 give no test.
    threshold : float
        What counts as nothing more to come, as a share of the improvement so far.
    min_lr : float
        The first group's rate is not lowered below.
    take_back : bool
        Whether a drop that brought nothing is taken back; in any case the next one then waits twice as long.

    Raises
    ------
    UsageError
        If an argument is out of its range, or the optimiser's rate is not above zero.

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
        self._sign = sign_of(mode)
        rule = epoch_plateau(factor, patience, threshold, min_lr=min_lr, take_back=take_back)
        self.optimizer = optimizer
        self.mode = mode
        self._rates = Rates(optimizer)
        self._delegate = Delegate(rule, self._rates.first, self._rates.set)

    @property
    def lr(self) -> float:
        """The rate of the first parameter group."""
        return self._delegate.state.history.lr

    @property
    def last_epoch(self) -> int:
        """Values taken in so far."""
        return self._delegate.step_count

    @property
    def decisions(self) -> list[RateChange]:
        """What was changed so far, each with its reason."""
        return self._delegate.decisions

    def get_last_lr(self) -> list[float]:
        """The rates of all parameter groups."""
        return self._rates.now()

    def step(self, metrics: Tensor | float) -> RateChange | None:
        """Take in the next value of the metric; returns what was changed, if anything was."""
        self._delegate.step_count += 1
        return self._delegate.decide(self._sign * float(metrics))

    def state_dict(self) -> dict[str, Any]:
        """All that an exact resume needs."""
        return {**self._delegate.to_json(), "ratios": list(self._rates.ratios)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self._delegate.from_json(state_dict, "ratios")
        self._rates.ratios = [float(r) for r in state_dict["ratios"]]
        self._rates.set(self.lr)
