"""Which views an outcome has: those of a scan at constant rates, or those of a range test. Only here is that asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrscope.search.outcome import Outcome
from lrscope.views.range_test import document as range_test_document
from lrscope.views.range_test import facts as range_test_facts
from lrscope.views.range_test import figure as range_test_figure
from lrscope.views.range_test import sections as range_test_sections
from lrscope.views.scan import document as scan_document
from lrscope.views.scan import facts as scan_facts
from lrscope.views.scan import figure as scan_figure
from lrscope.views.scan import sections as scan_sections
from lrscope.views.shared.sections import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def report(outcome: Outcome) -> Report:
    """The outcome as sections, for `shared.text.render` and `shared.page.write`."""
    if _is_range_test(outcome):
        return range_test_sections.report(outcome)
    return scan_sections.report(outcome)


def document(outcome: Outcome) -> dict[str, Any]:
    """The outcome as one JSON document, `lrscope.scan/1`."""
    if _is_range_test(outcome):
        return range_test_document.range_test_document(range_test_facts.collect(outcome))
    return scan_document.scan_document(scan_facts.collect(outcome))


def figure(outcome: Outcome) -> Figure:
    """The outcome as a matplotlib figure.

    Raises
    ------
    UsageError
        If matplotlib is not installed.
    """
    if _is_range_test(outcome):
        return range_test_figure.draw(range_test_facts.collect(outcome))
    return scan_figure.draw(scan_facts.collect(outcome))


def _is_range_test(outcome: Outcome) -> bool:
    return outcome.scan.plan.ramp
