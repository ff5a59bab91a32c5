"""What a gap scheduler perceives: the running averages, and the gap, always at the weights before the step.

Three ways to a gap, and each is right whatever batch it uses:

- on a held-out batch, before the step;
- on the batch of the step itself, before the step, by computing the loss again that `backward` ran through;
- by a closure that comes after the step: then the weights are wound back to before it for the while.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lrscope.control.average import CONTROL, OUTPUT, due
from lrscope.control.gap import gap_of
from lrscope.errors import UsageError
from lrscope.integrations.torch.arithmetic import dot, norm
from lrscope.integrations.torch.average import PowerAverage
from lrscope.integrations.torch.gap import GapMeter
from lrscope.integrations.torch.held_out import HeldOut
from lrscope.integrations.torch.loss_capture import Hearing
from lrscope.integrations.torch.measuring import Precision, measuring, number, weights_replaced
from lrscope.integrations.torch.suspend import looking_away

_COSINE_EVERY = 4  # a cosine reads all weights three times
_JUDGED = 32  # held-out batches that averages are compared on


class GapMonitor:
    """Averages of the weights, and the gap.

    Parameters
    ----------
    model : module
    weights : list of tensors
        What the optimiser changes.
    hearing : Hearing
        Knows the losses of the coming step and how to compute them again.
    held_out : HeldOut or None
        Preferred to every other batch where there is one.
    """

    def __init__(
        self, model: nn.Module, weights: list[Tensor], hearing: Hearing, held_out: HeldOut | None
    ) -> None:
        self.model = model
        self.weights = weights
        self.hearing = hearing
        self.held_out = held_out
        self.control = PowerAverage(CONTROL)
        self.output = PowerAverage(OUTPUT)
        self.by_closure = False
        self.found: float | None = None
        self._meter = GapMeter(model, 1, 1.0)  # when to measure is the controller's to say
        self._meter.average, self._meter.short = self.control, self.output
        self._before: list[Tensor] | None = None
        self._kept: list[Tensor] | None = None  # weights before the step whose update is wanted
        self._waiting = 0  # steps that are not in the averages yet

    @property
    def averages(self) -> tuple[PowerAverage, PowerAverage]:
        """Both."""
        return self.control, self.output

    def before_step(self) -> None:
        """A gap is wanted: measure it now, or keep the weights for a closure that comes after the step."""
        self.found = self._before = None
        if not self.control.values:
            return
        if self.held_out is not None:
            self.found = self._difference(self.held_out.next())
            return
        heard = next((h for h in reversed(self.hearing.losses) if h.again is not None and h.walked), None)
        if heard is not None:
            with looking_away():
                self.found = self._meter.measure(heard, self.weights)
        else:
            self._before = [w.detach().clone() for w in self.weights]

    def cosine(self, coming: int) -> float | None:
        """Before the step `coming`: the cosine between its gradient and the update before it, every fourth step.

        An update is old weights minus new, so a cosine above zero says that the last step stopped short. The weights
        are kept one step ahead, for the update that comes with it.
        """
        data = [w.detach() for w in self.weights]
        kept, self._kept = self._kept, None
        found = None
        if kept:
            update = torch._foreach_sub(kept, data)
            gradients = [w.grad for w in self.weights]
            lengths = float(norm([g for g in gradients if g is not None])) * float(norm(update))
            found = (
                float(dot(gradients, update)) / lengths if lengths > 0 and math.isfinite(lengths) else None
            )
        if (coming + 1) % _COSINE_EVERY == 0:
            self._kept = [d.clone() for d in data]
        return found

    def after_step(self, closure: Callable[[], Any] | None) -> float | None:
        """The gap that was wanted, if there was a way to it."""
        before, self._before = self._before, None
        found, self.found = self.found, None
        if found is None and before is not None and closure is not None:
            with weights_replaced(self.weights, before):
                found = self._difference(closure)
        return found

    def take_in(self, steps: int, total: int) -> None:
        """The weights after `steps` more steps, of `total` so far, into the averages. Weights that are not
        finite are left out: an average that has taken in one NaN stays NaN."""
        self._waiting += steps
        if not due(total):
            return
        with torch.no_grad():
            if math.isfinite(float(norm([w.detach() for w in self.weights]))):
                for average in self.averages:
                    average.update(self.weights, self._waiting)
        self._waiting = 0

    def best(self) -> list[Tensor]:
        """What to evaluate and save: the weights, or the one of their averages that is best on held-out
        batches. Without such batches, or in several processes, whose batches differ, the short average.

        Which is best depends on the curvature: along directions in which a run moves slowly, the long average
        lags behind; where it does not, a longer average holds less noise.
        """
        if self.held_out is None or not self.output.values or _distributed():
            return self.output.values
        candidates = [self.output.values, self.control.values, [w.detach().clone() for w in self.weights]]
        totals = [0.0] * len(candidates)
        precision = Precision.now(self.weights[0].device.type)
        with looking_away(), measuring(self.model) as rewind, precision.again():
            for loss in self.held_out.first(_JUDGED):
                for place, values in enumerate(candidates):
                    with weights_replaced(self.weights, values):
                        totals[place] += number(loss())
                    rewind()
        totals = [t if math.isfinite(t) else math.inf for t in totals]
        return candidates[totals.index(min(totals))]

    def _difference(self, loss: Callable[[], Any]) -> float:
        """The gap on the batch of a loss."""
        precision = Precision.now(self.weights[0].device.type)
        with looking_away(), measuring(self.model) as rewind, precision.again():
            here = number(loss())

            def at(average: PowerAverage) -> float:
                rewind()
                with weights_replaced(self.weights, average.values):
                    return number(loss())

            return gap_of(here, at(self.control), lambda: at(self.output))

    def state_dict(self) -> dict[str, Any]:
        """Everything, for an exact resume."""
        return {
            "averages": [(a.steps, [v.clone() for v in a.values]) for a in self.averages],
            "waiting": self._waiting,
            "by_closure": self.by_closure,
            "found": self.found,
            "before": None if self._before is None else [b.clone() for b in self._before],
            "kept": None if self._kept is None else [k.clone() for k in self._kept],
            "position": self.held_out.position if self.held_out is not None else 0,
            "trust": self._meter.trust,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        for average, (steps, values) in zip(self.averages, state["averages"], strict=True):
            average.steps, average.values = int(steps), self._like_weights(values)
        self._waiting = int(state["waiting"])
        self.by_closure = bool(state["by_closure"])
        self.found = state["found"]
        self._before = None if state["before"] is None else self._like_weights(state["before"])
        self._kept = None if state["kept"] is None else self._like_weights(state["kept"])
        if self.held_out is not None:
            self.held_out.position = int(state["position"])
        self._meter.trust = (int(state["trust"][0]), int(state["trust"][1]))

    def _like_weights(self, values: Sequence[Tensor]) -> list[Tensor]:
        if len(values) not in (0, len(self.weights)):
            raise UsageError(
                f"The scheduler's state has {len(values)} averaged tensors, and the optimiser has "
                f"{len(self.weights)}: it belongs to another model."
            )
        return [v.detach().to(w.device, copy=True) for v, w in zip(values, self.weights, strict=False)]


def _distributed() -> bool:
    distributed = torch.distributed
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
