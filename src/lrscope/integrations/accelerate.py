"""`lrscope.accelerate`: the gap scheduler, for loops with Accelerate.

model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
scheduler = lrscope.accelerate.GapScheduler(accelerator, optimizer, model, loss_fn, held_out=spare)
for x, y in loader:
    with accelerator.accumulate(model):
        loss = loss_fn(model(x), y)
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step(loss)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import nn

from lrscope.errors import UsageError
from lrscope.integrations.torch import GapScheduler as _GapScheduler


class GapScheduler(_GapScheduler):
    """`lrscope.torch.GapScheduler` for what `accelerator.prepare` returned.

    It need not be prepared itself. It counts steps of the optimiser, neither accumulated batches nor skipped steps,
    and is part of what ``accelerator.save_state`` saves and ``load_state`` loads.

    Parameters
    ----------
    accelerator : Accelerator
    optimizer : AcceleratedOptimizer
        As prepared.
    model : module
        As prepared.
    loss_fn, **settings
        As for `lrscope.torch.GapScheduler`. Held-out batches are a list or a loader of their own that was not
        prepared.

    Raises
    ------
    UsageError
        If the optimiser was not prepared, and as for `lrscope.torch.GapScheduler`.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        optimizer: AcceleratedOptimizer,
        model: nn.Module,
        loss_fn: Callable[..., Any] | None = None,
        **settings: Any,
    ) -> None:
        if not isinstance(optimizer, AcceleratedOptimizer):
            raise UsageError(
                "lrscope.accelerate.GapScheduler needs the optimiser that accelerator.prepare returned; got a "
                f"{type(optimizer).__name__}."
            )
        super().__init__(optimizer.optimizer, model, loss_fn, **settings)
        accelerator.register_for_checkpointing(self)
