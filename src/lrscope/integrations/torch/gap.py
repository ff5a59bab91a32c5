"""Measures the gap in PyTorch: the loss at the weights minus the loss at their running average, on one batch.

`lrscope.control.gap` says what it means. The batch has to be one on which the weights have not just been
stepped: after the step they fit it, the gap reads negative, and the answer turns upside down. So everything here
is called with the weights as they were before the step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from lrscope.control.average import RunningAverage
from lrscope.control.gap import gap_of
from lrscope.integrations.torch.loss_capture import CapturedLoss
from lrscope.integrations.torch.measuring import Precision, measuring, number, weights_replaced
from lrscope.integrations.torch.suspend import suspend

_TRUSTED_AGREEMENTS = 3  # agreements in a row, from which on the loss of training stands for its repetition
_CHECK_EVERY_GAPS = 16  # the two are compared again


class GapMeter:
    """Measures gaps against the long average of the weights; where the short one is given, the weights count as ahead
    only as far as they are ahead of both."""

    def __init__(
        self, model: nn.Module, long: RunningAverage[Tensor], short: RunningAverage[Tensor] | None = None
    ) -> None:
        self._model = model
        self._long = long
        self._short = short
        self._measured = 0  # gaps on batches of training
        self._agreed = 0  # how often in a row the loss of training agreed with its repetition

    @property
    def trust(self) -> tuple[int, int]:
        """What a resumed run has to know to go on alike: gaps measured on batches of training, and how often in a
        row the loss of training agreed with its repetition."""
        return self._measured, self._agreed

    @trust.setter
    def trust(self, value: tuple[int, int]) -> None:
        self._measured, self._agreed = value

    def on_training_batch(self, captured: CapturedLoss, weights: Sequence[Tensor]) -> float:
        """The gap on the batch of a loss that was computed at these weights.

        The loss of training stands for the loss at the weights, unless dropout or the like is on. That is found
        out by computing it again at first, and now and then later.
        """
        if captured.recompute is None:
            raise ValueError("the loss of this step cannot be computed again")
        trained = number(captured.value)
        trusted = self._agreed >= _TRUSTED_AGREEMENTS and self._measured % _CHECK_EVERY_GAPS != 0
        gap, here = self._measure(
            captured.recompute, weights, captured.precision, trained if trusted else None
        )
        if not trusted:
            self._agreed = self._agreed + 1 if math.isclose(here, trained, rel_tol=1e-5) else 0
        self._measured += 1
        return gap

    def on_other_batch(self, loss: Callable[[], Any], weights: Sequence[Tensor]) -> float:
        """The gap on the batch of a function that computes the loss."""
        return self._measure(loss, weights, None, None)[0]

    def _measure(
        self,
        loss: Callable[[], Any],
        weights: Sequence[Tensor],
        precision: Precision | None,
        here: float | None,
    ) -> tuple[float, float]:
        """The gap, and the loss at the weights, which is computed unless it is given."""
        precision = precision or Precision.now(weights[0].device.type)
        with suspend(), measuring(self._model) as rewind:
            if here is None:
                with precision.again():
                    here = number(loss())

            def at(average: RunningAverage[Tensor]) -> float:
                rewind()
                with weights_replaced(weights, average.values), precision.again():
                    return number(loss())

            there, short = at(self._long), self._short
            gap = here - there if short is None else gap_of(here, there, lambda: at(short))
        return gap, here
