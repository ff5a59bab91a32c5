"""`lrscope.torch`: schedulers that set the rate by evidence, a recorder for training loops, and a probe that tries
out other rates and puts everything back."""

from __future__ import annotations

from lrscope.diagnosis.branches import BranchVerdict as BranchVerdict
from lrscope.integrations.torch.plateau import PlateauScheduler as PlateauScheduler
from lrscope.integrations.torch.probe import probe as probe
from lrscope.integrations.torch.recorder import Recorder as Recorder
from lrscope.integrations.torch.scheduler import GapScheduler as GapScheduler

__all__ = ["BranchVerdict", "GapScheduler", "PlateauScheduler", "Recorder", "probe"]
