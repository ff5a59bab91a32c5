"""Planners are found by the name of their file."""

from __future__ import annotations

import pytest

from lrscope.errors import UsageError
from lrscope.search.planners import registry


def test_each_planner_goes_by_the_name_it_is_found_by():
    """The default first; what makes decisions equal is that name."""
    assert registry.names()[0] == registry.DEFAULT_PLANNER
    assert [registry.make(name).identity for name in registry.names()] == list(registry.names())


def test_an_unknown_planner_is_told_with_those_there_are():
    """In one sentence."""
    with pytest.raises(UsageError, match="must be one of 'flow', 'grid', 'halving', not 'race'"):
        registry.make("race")
