"""Measures what a gap scheduler decides by: running averages, and gaps at the weights before the step.

Three ways to a gap, and each is right whatever batch it uses:

- on a held-out batch, before the step;
- on the batch of the step itself, before the step, by computing the loss again that `backward` ran through;
- by a closure that comes after the step: then the weights are wound back to before it for the while.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from lrscope.integrations.averages import AveragePair
from lrscope.integrations.torch.arithmetic import norm
from lrscope.integrations.torch.average import PowerAverage, values_like
from lrscope.integrations.torch.gap import GapMeter
from lrscope.integrations.torch.held_out import HeldOut
from lrscope.integrations.torch.loss_capture import LossCapture
from lrscope.integrations.torch.measuring import Precision, measuring, number, weights_replaced
from lrscope.integrations.torch.processes import process_count
from lrscope.integrations.torch.suspend import suspend

_MOST_JUDGED = 32  # held-out batches that averages are compared on


class GapMonitor:
    """Averages of the weights that an optimiser changes, and the gap: on a held-out batch where there are such."""

    def __init__(
        self, model: nn.Module, weights: list[Tensor], capture: LossCapture, held_out: HeldOut | None
    ) -> None:
        self.weights = weights
        self.held_out = held_out
        self.averages: AveragePair[Tensor] = AveragePair(PowerAverage)
        self._model = model
        self._capture = capture
        self._meter = GapMeter(model, self.averages.long, self.averages.short)
        self._found: float | None = None  # the gap of the coming step
        self._before: list[Tensor] | None = None  # weights before the step, for a closure that comes after it

    def before_step(self) -> None:
        """A gap is wanted: measure it now, or keep the weights for a closure that comes after the step."""
        self._found = self._before = None
        if not self.averages.long.values:
            return
        if self.held_out is not None:
            self._found = self._meter.on_other_batch(self.held_out.next(), self.weights)
        elif (captured := self._capture.recomputable()) is not None:
            self._found = self._meter.on_training_batch(captured, self.weights)
        else:
            self._before = [w.detach().clone() for w in self.weights]

    def after_step(self, closure: Callable[[], Any] | None) -> float | None:
        """The gap that was wanted, if there was a way to it."""
        before, self._before = self._before, None
        found, self._found = self._found, None
        if found is None and before is not None and closure is not None:
            with weights_replaced(self.weights, before):
                found = self._meter.on_other_batch(closure, self.weights)
        return found

    def take_in(self, new: int, total: int) -> None:
        """The weights after `new` more steps, of `total` so far, into the averages."""
        self.averages.take_in(new, total, self._finite_weights)

    def best(self) -> list[Tensor]:
        """What to evaluate and save: the weights, or the one of their averages that is best on held-out
        batches. Without such batches, or in several processes, whose batches differ, the short average.

        Which is best depends on the curvature: along directions in which a run moves slowly, the long average
        lags behind; where it does not, a longer average holds less noise.
        """
        long, short = self.averages.long.values, self.averages.short.values
        if self.held_out is None or not short or process_count() > 1:
            return short
        candidates = [short, long, [w.detach().clone() for w in self.weights]]
        totals = [0.0] * len(candidates)
        precision = Precision.now(self.weights[0].device.type)
        with suspend(), measuring(self._model) as rewind:
            for loss in self.held_out.first(_MOST_JUDGED):
                for place, values in enumerate(candidates):
                    with weights_replaced(self.weights, values), precision.again():
                        totals[place] += number(loss())
                    rewind()
        totals = [t if math.isfinite(t) else math.inf for t in totals]
        return candidates[totals.index(min(totals))]

    def state_dict(self) -> dict[str, Any]:
        """Everything, for an exact resume."""
        pair = self.averages
        return {
            "averages": [(a.steps, [v.clone() for v in a.values]) for a in (pair.long, pair.short)],
            "waiting": pair.waiting,
            "found": self._found,
            "before": None if self._before is None else [b.clone() for b in self._before],
            "position": self.held_out.position if self.held_out is not None else 0,
            "trust": self._meter.trust,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        pair = self.averages
        for average, (steps, values) in zip((pair.long, pair.short), state["averages"], strict=True):
            average.values, average.steps = self._like_weights(values), int(steps)
        pair.waiting = int(state["waiting"])
        self._found = state["found"]
        self._before = None if state["before"] is None else self._like_weights(state["before"])
        if self.held_out is not None:
            self.held_out.position = int(state["position"])
        self._meter.trust = (int(state["trust"][0]), int(state["trust"][1]))

    @torch.no_grad()
    def _finite_weights(self) -> list[Tensor] | None:
        finite = math.isfinite(float(norm([w.detach() for w in self.weights])))
        return self.weights if finite else None

    def _like_weights(self, values: list[Tensor]) -> list[Tensor]:
        return values_like(values, self.weights, "scheduler")
