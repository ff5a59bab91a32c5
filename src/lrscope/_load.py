"""The public function `load`: what a results folder holds, as what it is."""

from __future__ import annotations

import os
from pathlib import Path

from lrscope._range_test import RangeTestResult
from lrscope._scan_result import ScanResult
from lrscope.search.range_test.result import RangeTest
from lrscope.search.stored import load_outcome

__all__ = ["load"]


def load(path: str | os.PathLike[str]) -> ScanResult | RangeTestResult:
    """Read a scan or a range test from its folder, or from the file in it. Also while it is still running.

    Its answer is the one that was given when it was made.

    Raises
    ------
    StoreError
        If there is none, or it cannot be read.
    """
    kind, outcome = load_outcome(Path(path))
    return ScanResult(outcome) if kind == "scan" else RangeTestResult(RangeTest.of(outcome))
