"""`lrscope.keras`: callbacks for Keras 3 that set the learning rate by evidence, on any backend."""

from __future__ import annotations

from lrscope.integrations.keras.gap import GapScheduler as GapScheduler
from lrscope.integrations.keras.plateau import PlateauScheduler as PlateauScheduler

__all__ = ["GapScheduler", "PlateauScheduler"]
