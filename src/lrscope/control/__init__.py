"""When to change the learning rate: pure controllers, state in and state out, for any training loop.

    control = Guarded(Gap())
    state = control.init(lr=0.1)
    for step in range(1, steps + 1):
        gap = loss_at(weights, batch) - loss_at(average, batch) if control.wants_gap(state, step) else None
        loss = train_step(batch, lr=control.lr(state))
        state, decision = control.update(state, step, loss, gap=gap)

`lrscope.torch.GapScheduler` and its like do this for a framework.
"""

from __future__ import annotations

from lrscope.control.average import share as share
from lrscope.control.base import Action as Action
from lrscope.control.base import Controller as Controller
from lrscope.control.base import RateChange as RateChange
from lrscope.control.base import from_json as from_json
from lrscope.control.base import to_json as to_json
from lrscope.control.compose import Guarded as Guarded
from lrscope.control.gap import Gap as Gap
from lrscope.control.guard import Guard as Guard
from lrscope.control.plateau import Plateau as Plateau
from lrscope.control.record_writer import RecordWriter as RecordWriter

__all__ = [
    "Action",
    "Controller",
    "Gap",
    "Guard",
    "Guarded",
    "Plateau",
    "RateChange",
    "RecordWriter",
    "from_json",
    "share",
    "to_json",
]
