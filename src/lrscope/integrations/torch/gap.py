"""The gap: the loss at the weights minus the loss at their running average, on one batch.

Positive: the average is the better point, so noise is what holds the loss up, and a lower rate would help.
Negative: the average lags behind weights that are still on their way. The sampling noise of the batch
cancels, so this asks the question itself, and no statistic that was tried answers it as well.

The batch has to be one on which the weights have not just been stepped. After the step they fit it, the gap
reads negative, and the answer turns upside down; so this is called before the step only, by the recorder.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from torch import Tensor, nn

from lrscope.control.gap import gap_of
from lrscope.integrations.torch.average import PowerAverage
from lrscope.integrations.torch.cadence import Cadence
from lrscope.integrations.torch.loss_capture import CapturedLoss
from lrscope.integrations.torch.measuring import measuring, number, weights_replaced

_EARLY = 64
_DENSEST = 16
_FIRST = 16
_TRUST_AFTER = 3
_CHECK_EVERY = 16


class GapMeter:
    """Keeps the average and measures the gap now and then.

    Parameters
    ----------
    model : module
        What is put into evaluation mode: dropout off, BatchNorm by the batch.
    every : int or None
        Steps between measurements; every 4th step from step 16 to step 64, when the average changes fast.
        None: every 16th, or seldomer as `Cadence` finds it.
    share : float
        The share of the run's time that measuring may take.
    """

    def __init__(self, model: nn.Module, every: int | None, share: float) -> None:
        self.model = model
        self.cadence = Cadence(every, _DENSEST, share, early=_EARLY)
        self.average = PowerAverage()
        self.short: PowerAverage | None = None  # where the gap is that of `lrscope.control.gap.gap_of`
        self._measured = 0
        self._agreed = 0
        self.spent = 0.0  # seconds on the measurement of this step

    @property
    def trust(self) -> tuple[int, int]:
        """How often the gap was measured, and how often in a row the loss of training agreed with its
        repetition: what a resumed run has to know to go on alike."""
        return self._measured, self._agreed

    @trust.setter
    def trust(self, value: tuple[int, int]) -> None:
        self._measured, self._agreed = value

    def due(self, step: int) -> bool:
        """Whether the gap is to be measured before this step."""
        return step >= _FIRST and bool(self.average.values) and self.cadence.due(step)

    def passed(self, step: int, pace: float) -> None:
        """This step is done, and steps take so many seconds."""
        if self.cadence.due(step):
            self.cadence.passed(step, self.spent, pace)
            self.spent = 0.0

    def measure(self, heard: CapturedLoss, weights: Sequence[Tensor]) -> float:
        """The gap on the batch of a loss that was computed at these weights.

        One forward pass at the average, and one at the weights where the loss of training cannot stand for it
        because dropout or the like was on. That is found out by comparing them at first, and now and then
        later.
        """
        again, precision = heard.again, heard.precision
        if again is None or precision is None:
            raise ValueError("the loss of this step cannot be computed again")
        begun = time.perf_counter()
        trained = number(heard.value)
        trusted = self._agreed >= _TRUST_AFTER and self._measured % _CHECK_EVERY != 0
        with measuring(self.model) as rewind:
            here = trained
            if not trusted:
                with precision.again():
                    here = number(again())
                same = math.isclose(here, trained, rel_tol=1e-5)
                self._agreed = self._agreed + 1 if same else 0
                rewind()
            with weights_replaced(weights, self.average.values), precision.again():
                there = number(again())

            def at(average: PowerAverage) -> float:
                rewind()
                with weights_replaced(weights, average.values), precision.again():
                    return number(again())

            short = self.short
            gap = here - there if short is None else gap_of(here, there, lambda: at(short))
        self._measured += 1
        self.spent = time.perf_counter() - begun
        return gap
