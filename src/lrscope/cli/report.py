"""`lrscope report`: look at a scan again."""

from __future__ import annotations

from pathlib import Path

import click

from lrscope.cli.answer import FILE, check_outputs, give
from lrscope.cli.options import debug_option, json_option


@click.command("report", context_settings={"max_content_width": 110})
@click.argument("scan", type=click.Path(path_type=Path))
@click.option(
    "-o", "--report", type=FILE, metavar="FILE", help="Write the HTML report there (one file, no network)."
)
@click.option("--plot", type=FILE, metavar="FILE", help="Draw a figure (png, svg, pdf; needs matplotlib).")
@json_option
@debug_option
def command(scan: Path, report: Path | None, plot: Path | None, as_json: bool, debug: bool) -> int:  # noqa: ARG001
    """Show what a scan has found so far. SCAN is its folder (lrscope-out/NAME).

    \b
      lrscope report lrscope-out/train-train
      lrscope report lrscope-out/train-train -o scan.html --plot scan.png
      lrscope report lrscope-out/train-train --json

    Nothing is trained, and nothing in the folder changes. Exit status as of `lrscope scan`.
    """
    check_outputs(plot=plot, report=report)

    import lrscope

    return give(lrscope.load(scan), as_json=as_json, plot=plot, report=report)
