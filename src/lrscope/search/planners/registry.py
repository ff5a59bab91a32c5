"""The planners that come with lrscope, found by name: one a file in this folder, which holds it as `PLANNER`.

Adding one touches its own file only.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from lrscope.errors import UsageError
from lrscope.search import planners

if TYPE_CHECKING:  # the command line asks for names alone, and need not wait for NumPy because of a type
    from lrscope.search.planners.base import Planner

DEFAULT_PLANNER = "flow"
"""It names better rates than the others for the same cost (`docs/measured.md`)."""

_OTHER_MODULES = ("base", "registry")


def names() -> tuple[str, ...]:
    """What can be asked for, the default first."""
    found = {module.name for module in pkgutil.iter_modules(planners.__path__)} - set(_OTHER_MODULES)
    return (DEFAULT_PLANNER, *sorted(found - {DEFAULT_PLANNER}))


def make(name: str) -> Planner:
    """The planner of this name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in names():
        raise UsageError(f"planner must be one of {', '.join(map(repr, names()))}, not {name!r}.")
    planner: Planner = importlib.import_module(f"{planners.__name__}.{name}").PLANNER()
    return planner
