"""`lrscope.lightning`: schedulers that set the rate by evidence, and the recorder, as Lightning callbacks."""

from __future__ import annotations

from lrscope.integrations.lightning.plateau import PlateauScheduler as PlateauScheduler
from lrscope.integrations.lightning.recorder import Recorder as Recorder
from lrscope.integrations.lightning.scheduler import GapScheduler as GapScheduler

__all__ = ["GapScheduler", "PlateauScheduler", "Recorder"]
