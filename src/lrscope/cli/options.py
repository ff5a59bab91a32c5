"""Options that several commands have: each is declared here once, so that they read alike in every help text."""

from __future__ import annotations

from pathlib import Path

import click

from lrscope.cli.answer import FILE

out_option = click.option(
    "--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Folder of results."
)
fresh_option = click.option(
    "--fresh", is_flag=True, help="Start over instead of continuing; what was measured is moved aside."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
plot_option = click.option(
    "--plot", type=FILE, metavar="FILE", help="Also draw a figure (png, svg, pdf; needs matplotlib)."
)
report_option = click.option("--report", type=FILE, metavar="FILE", help="Also write the HTML report there.")
debug_option = click.option("--debug", is_flag=True, help="On an error, show its details too.")
"""Read in `main`, which shows the errors; a command itself takes it and leaves it."""
