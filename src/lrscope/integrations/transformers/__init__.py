"""`lrscope.transformers`: schedulers that set the rate by evidence, and the recorder, for Hugging Face's Trainer."""

from __future__ import annotations

from lrscope.integrations.transformers.plateau import PlateauScheduler as PlateauScheduler
from lrscope.integrations.transformers.recorder import Recorder as Recorder
from lrscope.integrations.transformers.scheduler import GapScheduler as GapScheduler

__all__ = ["GapScheduler", "PlateauScheduler", "Recorder"]
