"""The public names are one list, guarded here: a change of it is meant, or a mistake."""

import importlib

import pytest

import lrscope

NAMES = [
    "Advice",
    "Band",
    "Config",
    "Diagnosis",
    "DiagnosisResult",
    "Estimate",
    "InconclusiveError",
    "LossCurve",
    "LrscopeError",
    "RangeTestResult",
    "Recommendation",
    "Regime",
    "Reporter",
    "Run",
    "RunState",
    "Scan",
    "ScanResult",
    "SettingsError",
    "SourceError",
    "StopRun",
    "StoreError",
    "UsageError",
    "backtest",
    "check_stepping",
    "diagnose",
    "load",
    "patience",
    "range_test",
    "read_range_test",
    "scan",
]


def test_the_public_names_are_these():
    """`lrscope.__all__` holds these names, and `dir` shows them."""
    assert sorted(lrscope.__all__) == NAMES
    assert set(NAMES) <= set(dir(lrscope))


@pytest.mark.parametrize("name", NAMES)
def test_each_public_name_exists_and_is_documented(name):
    """Each name leads to something with a docstring of its own."""
    thing = getattr(importlib.import_module("lrscope"), name)
    assert thing.__doc__
    assert thing.__doc__.strip()


def test_an_unknown_name_is_an_attribute_error():
    """A name that is not public fails as Python's own modules do."""
    with pytest.raises(AttributeError, match="no attribute 'scam'"):
        lrscope.scam  # noqa: B018
