"""What every result can do: show itself as text, in a notebook, as a page, as a picture and as JSON values."""

from __future__ import annotations

import html
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lrscope.views.shared.sections import Report


class Result(ABC):
    """A result whose views are one call away. A kind of result says what its sections, picture and document are."""

    @abstractmethod
    def told(self) -> Report:
        """The result in sections, from which text and page are made."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The JSON document that the command prints with ``--json``."""

    @abstractmethod
    def _drawn(self) -> Figure:
        """The picture."""

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the picture; write it where a path is given, in the format that its ending names.

        Needs matplotlib (``pip install 'lrscope[plot]'``).
        """
        figure = self._drawn()
        if path is not None:
            figure.savefig(path)
        return figure

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: one HTML file that opens without network."""
        from lrscope.views.shared.page import write

        return write(self.told(), path)

    def __str__(self) -> str:
        return self._text()

    def _repr_html_(self) -> str:
        # A notebook is as wide as its page, whatever the terminal that its server was started in.
        return f"<pre>{html.escape(self._text(width=110, encoding='utf-8'))}</pre>"

    def _text(self, **options: Any) -> str:
        from lrscope.views.shared.text import render

        return render(self.told(), **options)
