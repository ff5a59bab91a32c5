"""When to change the learning rate: pure controllers, state in, state out, for a training loop of any kind.

    control = Composed(Gap())
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
from lrscope.control.base import Decision as Decision
from lrscope.control.base import from_json as from_json
from lrscope.control.base import to_json as to_json
from lrscope.control.compose import Composed as Composed
from lrscope.control.gap import Gap as Gap
from lrscope.control.guard import Guard as Guard
from lrscope.control.ledger import Ledger as Ledger
from lrscope.control.plateau import Plateau as Plateau
from lrscope.control.zigzag import ZigZag as ZigZag

__all__ = [
    "Action",
    "Composed",
    "Controller",
    "Decision",
    "Gap",
    "Guard",
    "Ledger",
    "Plateau",
    "ZigZag",
    "from_json",
    "share",
    "to_json",
]
