"""What the rules say of ramps, as a table for a terminal and as a JSON document."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lrscope.search.range_test.audit import Reading
from lrscope.views.shared import numbers
from lrscope.views.shared.console import caveats, columns_for, console_on, finished_text
from lrscope.views.shared.words import one_line

SCHEMA = "lrscope.ramp/1"


def rules_table(readings: Sequence[Reading]) -> Padding:
    """A row a rule: the rate on the mean of all ramps, its interval, and the range over single ramps."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("rule", no_wrap=True)
    for name in ("rate", numbers.share(readings[0].lr.level), "on each ramp alone"):
        table.add_column(name, justify="right", no_wrap=True)
    for place, one in enumerate(readings):
        interval = f"{numbers.rate(one.lr.low)} to {numbers.rate(one.lr.high)}"
        alone = f"{numbers.rate(one.alone[0])} to {numbers.rate(one.alone[-1])}"
        cells = [one.rule + (" ◆" if place == 0 else ""), numbers.rate(one.lr.value), interval, alone]
        table.add_row(*(Text(cell, style="bold" if place == 0 else "") for cell in cells))
    return Padding(table, 0)


def rules_document(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """The same as JSON values."""
    return [
        {
            "rule": one.rule,
            "lr": one.lr.value,
            "low": one.lr.low,
            "high": one.lr.high,
            "level": one.lr.level,
            "alone": list(one.alone),
        }
        for one in readings
    ]


def render(
    metric: str,
    ramps: int,
    readings: Sequence[Reading],
    warnings: Sequence[str],
    *,
    colour: bool = False,
    encoding: str | None = None,
) -> str:
    """The answer of `read_ramp` as text, ending in a line break."""
    buffer = io.StringIO()
    console = console_on(buffer, columns_for(None), colour)
    console.print(Text(f"{one_line(metric)} over {numbers.plural(ramps, 'ramp')}", style="bold"))
    console.print()
    console.print(rules_table(readings))
    caveats(console, warnings)
    return finished_text(buffer, encoding)


def document(
    source: str, metric: str, ramps: int, readings: Sequence[Reading], warnings: Sequence[str]
) -> dict[str, Any]:
    """The answer of `read_ramp` as JSON values."""
    return {
        "schema": SCHEMA,
        "source": source,
        "metric": metric,
        "ramps": ramps,
        "rules": rules_document(readings),
        "warnings": list(warnings),
    }
