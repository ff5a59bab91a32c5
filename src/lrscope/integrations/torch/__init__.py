"""`lrscope.torch`: a recorder for training loops in PyTorch, and a probe that tries out other rates and
takes it all back."""

from __future__ import annotations

from lrscope.diagnosis.branches import BranchVerdict as BranchVerdict
from lrscope.integrations.torch.probe import probe as probe
from lrscope.integrations.torch.recorder import Recorder as Recorder

__all__ = ["BranchVerdict", "Recorder", "probe"]
