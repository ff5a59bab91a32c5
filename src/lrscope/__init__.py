"""lrscope: which learning rate, and when to change it.

The public names are listed here once. Everything heavy loads on first use: `import lrscope` itself loads no
framework and not even NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lrscope._version import __version__ as __version__

if TYPE_CHECKING:
    from lrscope._diagnose import DiagnosisResult as DiagnosisResult
    from lrscope._diagnose import backtest as backtest
    from lrscope._diagnose import check_stepping as check_stepping
    from lrscope._diagnose import diagnose as diagnose
    from lrscope._diagnose import patience as patience
    from lrscope._load import load as load
    from lrscope._range_test import RangeTestResult as RangeTestResult
    from lrscope._range_test import range_test as range_test
    from lrscope._range_test import read_range_test as read_range_test
    from lrscope._scan import scan as scan
    from lrscope._scan_result import ScanResult as ScanResult
    from lrscope.config import Config as Config
    from lrscope.curves import LossCurve as LossCurve
    from lrscope.curves import Run as Run
    from lrscope.curves import RunState as RunState
    from lrscope.curves import Scan as Scan
    from lrscope.diagnosis.base import Advice as Advice
    from lrscope.diagnosis.base import Diagnosis as Diagnosis
    from lrscope.diagnosis.base import Regime as Regime
    from lrscope.errors import InconclusiveError as InconclusiveError
    from lrscope.errors import LrscopeError as LrscopeError
    from lrscope.errors import SettingsError as SettingsError
    from lrscope.errors import SourceError as SourceError
    from lrscope.errors import StoreError as StoreError
    from lrscope.errors import UsageError as UsageError
    from lrscope.integrations import accelerate as accelerate
    from lrscope.integrations import keras as keras
    from lrscope.integrations import lightning as lightning
    from lrscope.integrations import optax as optax
    from lrscope.integrations import torch as torch
    from lrscope.integrations import transformers as transformers
    from lrscope.search.rate.recommendation import Band as Band
    from lrscope.search.rate.recommendation import Recommendation as Recommendation
    from lrscope.statistics.estimate import Estimate as Estimate
    from lrscope.training.source.function.live import StopRun as StopRun
    from lrscope.training.source.function.reporting import Reporter as Reporter

_HOME = {
    "scan": "lrscope._scan",
    "load": "lrscope._load",
    "ScanResult": "lrscope._scan_result",
    "range_test": "lrscope._range_test",
    "read_range_test": "lrscope._range_test",
    "RangeTestResult": "lrscope._range_test",
    "diagnose": "lrscope._diagnose",
    "patience": "lrscope._diagnose",
    "backtest": "lrscope._diagnose",
    "check_stepping": "lrscope._diagnose",
    "DiagnosisResult": "lrscope._diagnose",
    "Diagnosis": "lrscope.diagnosis.base",
    "Regime": "lrscope.diagnosis.base",
    "Advice": "lrscope.diagnosis.base",
    "Config": "lrscope.config",
    "LossCurve": "lrscope.curves",
    "Run": "lrscope.curves",
    "RunState": "lrscope.curves",
    "Scan": "lrscope.curves",
    "Estimate": "lrscope.statistics.estimate",
    "Band": "lrscope.search.rate.recommendation",
    "Recommendation": "lrscope.search.rate.recommendation",
    "Reporter": "lrscope.training.source.function.reporting",
    "StopRun": "lrscope.training.source.function.live",
    "LrscopeError": "lrscope.errors",
    "UsageError": "lrscope.errors",
    "SourceError": "lrscope.errors",
    "SettingsError": "lrscope.errors",
    "StoreError": "lrscope.errors",
    "InconclusiveError": "lrscope.errors",
}

_FRAMEWORKS = ("accelerate", "keras", "lightning", "optax", "torch", "transformers")
"""`lrscope.torch` and its like: modules that load the framework they are named after, on first use."""

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _FRAMEWORKS:
        return _integration(name)
    raise AttributeError(f"module 'lrscope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_FRAMEWORKS, "__version__"]


def _integration(name: str) -> Any:
    try:
        module = importlib.import_module(f"lrscope.integrations.{name}")
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("lrscope"):
            raise
        from lrscope.errors import UsageError

        raise UsageError(
            f"lrscope.{name} needs {missing.name}, which is not installed: pip install 'lrscope[{name}]'."
        ) from missing
    globals()[name] = module
    return module
