"""How a command gives its answer: standard output holds that and nothing else."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lrscope.errors import StoreError, UsageError

if TYPE_CHECKING:
    from lrscope._diagnose import DiagnosisResult
    from lrscope._range_test import RangeTestResult
    from lrscope._scan_result import ScanResult
    from lrscope.views.shared.sections import Report

FILE = click.Path(dir_okay=False, path_type=Path)
"""Type of an option that names a file."""

INCONCLUSIVE = 3


@contextmanager
def chatter_on_stderr() -> Iterator[None]:
    """While this lasts, what the user's code and its child processes print goes to standard error.

    The file descriptor is turned round too, not only `sys.stdout`: compiled code and worker processes
    write to the descriptor.
    """
    stdout = sys.stdout
    stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        stdout.flush()  # what was written to an old reference of sys.stdout has to leave before the way back
        os.dup2(kept, 1)
        os.close(kept)


def check_outputs(*, plot: Path | None, report: Path | None) -> None:
    """Refuse before the work what could only fail after it.

    Raises
    ------
    UsageError
        If a file's folder does not exist, or a figure is asked for without matplotlib.
    """
    for option, path in (("--plot", plot), ("--report", report)):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{option} {path}: the folder {path.absolute().parent} does not exist.")
    if plot is not None and importlib.util.find_spec("matplotlib") is None:
        raise UsageError("--plot draws with matplotlib, which is not installed: pip install 'lrscope[plot]'.")


def write_files(
    result: ScanResult | RangeTestResult | DiagnosisResult, *, plot: Path | None, report: Path | None
) -> None:
    """Write the figure and the page, where they are asked for.

    Raises
    ------
    StoreError
        If one cannot be written.
    """
    for path, write in ((plot, result.plot), (report, result.report)):
        if path is not None:
            try:
                write(path)
            except StoreError:
                raise
            except OSError as error:
                raise StoreError(f"{path} could not be written: {error.strerror or error}.") from error


def give(
    result: ScanResult | RangeTestResult, *, as_json: bool, plot: Path | None, report: Path | None
) -> int:
    """Write the files asked for, print the answer, and return the status: 0, or 3 where no rate was found."""
    write_files(result, plot=plot, report=report)
    if as_json:
        print_json(result.to_dict())
    else:
        print_text(result.told())
    name_files(plot, report, err=as_json)
    return 0 if result.lr is not None else INCONCLUSIVE


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document."""
    from lrscope.views.shared.values import dumps

    # A path that is no UTF-8 came in as lone surrogates, which no stream takes.
    click.echo(dumps(document).encode("utf-8", "backslashreplace").decode())


def print_text(report: Report) -> None:
    """Print a report, in colour where the terminal has it."""
    from lrscope.views.shared.text import render

    click.echo(render(report, colour=wants_colour()).rstrip())


def name_files(*paths: Path | None, err: bool) -> None:
    """Say which files were written."""
    for path in paths:
        if path is not None:
            click.echo(f"Written: {path}", err=err)


def wants_colour() -> bool:
    """Whether standard output is a terminal that shows colours, and the user wants them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
