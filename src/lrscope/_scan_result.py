"""What the public functions give back: an outcome, with its views one call away."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrscope.curves import Run, Scan
from lrscope.search.outcome import Cost, Outcome
from lrscope.search.rate.recommendation import Band, Recommendation
from lrscope.statistics.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lrscope.views.shared.sections import Report


class ScanResult:
    """What a scan found.

    Attributes
    ----------
    outcome : Outcome
        Everything: plan, runs with their curves, recommendation, cost, the ledger of decisions.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    @property
    def lr(self) -> Estimate | None:
        """The recommended rate (`lr.value`) with its interval; None where nothing could be concluded."""
        return self.recommendation.lr

    @property
    def band(self) -> Band | None:
        """The rates whose result is within the tolerance of the best."""
        return self.recommendation.band

    @property
    def cliff(self) -> Estimate | None:
        """The rate from which on training diverges; None where it did not within the range."""
        return self.recommendation.cliff

    @property
    def recommendation(self) -> Recommendation:
        """The answer with its intervals, its reason and its warnings."""
        return self.outcome.recommendation

    @property
    def warnings(self) -> tuple[str, ...]:
        """Every caveat that applies, one sentence each."""
        return self.recommendation.warnings

    @property
    def cost(self) -> Cost:
        """What the scan cost, and what a full grid would have cost."""
        return self.outcome.cost

    @property
    def scan(self) -> Scan:
        """The plan, with what was learned, and the runs."""
        return self.outcome.scan

    @property
    def runs(self) -> Sequence[Run]:
        """All runs, by learning rate, then seed."""
        return self.outcome.scan.runs

    @property
    def finished(self) -> bool:
        """False where Ctrl-C ended the scan before its budget was spent."""
        return self.outcome.finished

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw loss against rate, with band and cliff, and the curves; write it where a path is given.

        Needs matplotlib (``pip install 'lrscope[plot]'``).
        """
        from lrscope.views.scan.facts import collect
        from lrscope.views.scan.figure import draw

        figure = draw(collect(self.outcome))
        if path is not None:
            figure.savefig(path)
        return figure

    def plot_decisions(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw how it was decided: which run advanced when, and what the forecast was on the way.

        Needs matplotlib (``pip install 'lrscope[plot]'``).
        """
        from lrscope.views.scan.history_figure import draw

        figure = draw(self.outcome)
        if path is not None:
            figure.savefig(path)
        return figure

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: one HTML file that opens without network."""
        from lrscope.views.shared.page import write

        return write(self.told(), path)

    def told(self) -> Report:
        """The result in sections, from which text and page are made."""
        from lrscope.views.scan.sections import report

        return report(self.outcome)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``lrscope scan --json`` prints, schema ``lrscope.scan/1``."""
        from lrscope.views.scan.document import scan_document
        from lrscope.views.scan.facts import collect

        return scan_document(collect(self.outcome))

    def __str__(self) -> str:
        return self._text()

    def __repr__(self) -> str:
        found = "nothing concluded" if self.lr is None else f"lr={self.lr.value:g}"
        return f"<ScanResult of {self.outcome.name}: {found}, {len(self.runs)} runs>"

    def _repr_html_(self) -> str:
        # A notebook is as wide as its page, whatever the terminal that its server was started in.
        return f"<pre>{html.escape(self._text(width=110, encoding='utf-8'))}</pre>"

    def _text(self, **options: Any) -> str:
        from lrscope.views.shared.text import render

        return render(self.told(), **options)
