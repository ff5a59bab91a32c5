"""A diagnosis of a metric whose better side nobody said."""

from __future__ import annotations

import numpy as np

from lrscope.curves.curve import LossCurve
from lrscope.diagnosis.diagnose import diagnose_curves


def test_what_was_taken_to_be_better_is_told():
    """Of an unknown metric less is taken to be better, with a sentence that says so; not where name or user tells."""
    values = 1 + np.exp(-np.arange(60) / 10)
    curves = {name: LossCurve(np.arange(60), values, name=name) for name in ("quux", "loss")}
    told = "`quux` is not a metric that lrscope knows; less was taken to be better. If more is better, give --goal max."
    assert told in diagnose_curves(curves, metric="quux").warnings
    assert told not in diagnose_curves(curves, metric="quux", goal="min").warnings
    assert told not in diagnose_curves(curves).warnings
