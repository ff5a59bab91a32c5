"""`lrscope range-test`: run a ramp, or read one that a finder logged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from lrscope.cli.answer import chatter_on_stderr, check_outputs, give
from lrscope.cli.options import (
    debug_option,
    fresh_option,
    json_option,
    out_option,
    plot_option,
    report_option,
)
from lrscope.cli.parameters import folder_suffix, parameters_option, read_parameters
from lrscope.cli.place import default_folder
from lrscope.errors import UsageError

_RUNNING = ("low", "high", "steps", "ramps", "jobs", "parameters", "out", "fresh")


@click.command("range-test", context_settings={"max_content_width": 110})
@click.argument("what", nargs=-1, required=True, metavar="FILE:FUNCTION | LOG…", type=click.Path())
@click.option("--low", type=float, default=1e-5, show_default=True, help="Rate of the first step.")
@click.option("--high", type=float, default=10.0, show_default=True, help="Rate of the last step.")
@click.option("--steps", type=int, default=100, show_default=True, help="Steps of a ramp.")
@click.option("--ramps", type=int, default=5, show_default=True, help="Ramps, each with a seed of its own.")
@click.option("--metric", metavar="NAME", help="Loss to read. Default: the loss that is reported most often.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Ramps that are run at the same time.")
@parameters_option
@out_option
@fresh_option
@json_option
@plot_option
@report_option
@debug_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    what: tuple[str, ...],
    metric: str | None,
    as_json: bool,
    plot: Path | None,
    report: Path | None,
    debug: bool,  # noqa: ARG001  (read in main, which shows the errors)
    **running: Any,
) -> int:
    """Read a learning rate off a ramp, by every known rule, with the spread of each.

    \b
      lrscope range-test train.py:train
      lrscope range-test lr_find.csv
      lrscope range-test ramp-0.csv ramp-1.csv ramp-2.csv

    FILE:FUNCTION is a Python function that follows a changing rate: lrscope runs it for a few short ramps. LOG holds
    losses and a rising learning rate, in any format that `lrscope diagnose` reads; several logs are taken for
    repetitions with other seeds.

    Exit status: as of `lrscope scan`.
    """
    check_outputs(plot=plot, report=report)

    import lrscope

    if _is_function(what):
        parameters = read_parameters(running.pop("parameters"))
        folder = running.pop("out") or default_folder(what[0], f"{folder_suffix(parameters)}-range-test")

        from lrscope.views.scan.progress import make_progress

        with chatter_on_stderr(), make_progress(sys.stderr) as observer:
            result = lrscope.range_test(
                what[0], metric=metric, config=parameters, out=folder, progress=observer, **running
            )
    else:
        given = [n for n in _RUNNING if ctx.get_parameter_source(n) is click.core.ParameterSource.COMMANDLINE]
        if given:
            raise UsageError(
                f"--{given[0].replace('parameters', 'param')} is for ramps that are run, and {what[0]!r} is read as a "
                "log. To run one, name a function as FILE:FUNCTION."
            )
        result = lrscope.read_range_test(list(what) if len(what) > 1 else what[0], metric=metric)
    status = give(result, as_json=as_json, plot=plot, report=report)
    if not result.finished:
        raise KeyboardInterrupt
    return status


def _is_function(what: tuple[str, ...]) -> bool:
    return len(what) == 1 and ":" in what[0] and not Path(what[0]).exists()
