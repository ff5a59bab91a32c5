"""Jupyter notebooks: what their cells printed, read as console output. A cell that trained is a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lrscope.readers.base import LoggedRun, Reader, Unreadable
from lrscope.readers.console_log import ConsoleLog
from lrscope.readers.files import Sample
from lrscope.readers.json_file import load_document

_TABLE_ROW = re.compile(r"<tr\b[^>]*>(.*?)</tr>", re.DOTALL | re.IGNORECASE)
_TABLE_CELL = re.compile(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


class Notebook(Reader):
    """An .ipynb file.

    Parameters
    ----------
    metric, pattern : str or None
        As for `ConsoleLog`.
    """

    name = "notebook"
    title = "Jupyter notebook"
    certain = True

    def __init__(self, metric: str | None = None, pattern: str | None = None) -> None:
        self.console = ConsoleLog(metric, pattern)

    def asking(self, metric: str | None, pattern: str | None) -> Notebook:
        return Notebook(metric, pattern)

    def recognises(self, sample: Sample) -> bool:
        text = sample.text
        return text is not None and text.lstrip()[:1] == "{" and '"cell_type"' in text

    def read(self, path: Path, name: str) -> list[LoggedRun]:
        document, lost = load_document(path)
        cells = document.get("cells") if isinstance(document, Mapping) else None
        if not isinstance(cells, list):
            raise Unreadable("it holds no list of cells")
        runs: list[LoggedRun] = []
        printed, more = 0, ""
        for k, cell in enumerate(cells, start=1):
            lines = [line for text in _printed(cell) for line in text.split("\n")]
            printed += bool(lines)
            try:
                found = self.console.runs([lines], f"{name}/cell {k}", path, lost)
            except Unreadable as error:
                more = more or error.more
                continue
            runs += (replace(run, format=self.name) for run in found)
        if not runs:
            raise Unreadable(f"of its {len(cells)} cells {printed} printed something, and no losses", more)
        return runs if len(runs) > 1 else [replace(runs[0], name=name)]


def _printed(cell: Any) -> Iterator[str]:
    """The texts that a cell's outputs hold; of tables in HTML (fastai's) the rows, with tabs between cells."""
    outputs = cell.get("outputs") if isinstance(cell, Mapping) else None
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, Mapping):
            continue
        data = output.get("data")
        shown = data if isinstance(data, Mapping) else {}
        html = _joined(shown.get("text/html"))
        if "<table" in html:
            yield "\n".join(
                "\t".join(_TAG.sub("", text).strip() for text in _TABLE_CELL.findall(row))
                for row in _TABLE_ROW.findall(html)
            )
        yield _joined(output.get("text")) or _joined(shown.get("text/plain"))


def _joined(text: Any) -> str:
    """A text, which notebooks may keep as a list of its lines."""
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""
