"""`lrscope scan`: which learning rate?"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
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
from lrscope.search.planners import registry

ENGINES = ("serial", "processes", "ray")

BOTH_FORMS = (
    "a Python function:  lrscope scan {script}:FUNCTION\n"
    "  a program:          lrscope scan -- python {script} --lr {{lr}}"
)


class _ScanCommand(click.Command):
    """A command that keeps apart what stands before `--` (ours) and after it (the user's program)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            cut = args.index("--")
            ctx.meta["lrscope.program"] = args[cut + 1 :]
            args = args[:cut]
        given = list(args)  # click consumes the list
        program = next((a for a in args if not a.startswith("-") and ":" not in a), None)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as unknown:
            if "lrscope.program" in ctx.meta or program is None or not any("{lr}" in a for a in given):
                raise
            # The most likely slip: a program's own options, read as ours.
            line = _as_typed(given[given.index(program) :])
            raise click.UsageError(
                f"{unknown.format_message()} If it is your program's, put -- before the program:\n"
                f"  lrscope scan -- {line}",
                ctx,
            ) from None


@click.command(
    "scan",
    cls=_ScanCommand,
    context_settings={"max_content_width": 110},
)
@click.argument("source", nargs=-1, metavar="SOURCE | -- PROGRAM ARGS… {lr} …")
@click.option("--low", type=float, default=1e-5, show_default=True, help="Lowest learning rate to try.")
@click.option("--high", type=float, default=10.0, show_default=True, help="Highest learning rate to try.")
@click.option("--per-decade", type=int, default=5, show_default=True, help="Rates in each factor of ten.")
@click.option(
    "--steps",
    type=int,
    metavar="N",
    help="Length of a full run. Default: where a run ends, as its output or a first run tells.",
)
@click.option(
    "--budget",
    type=float,
    metavar="N",
    help="What may be spent, in full training runs. Default: 4; for a plain function, 12 calls.",
)
@click.option(
    "--metric",
    metavar="NAME",
    help="What to judge by. Default: a reward, else a validation loss, else a loss, else a score.",
)
@click.option(
    "--goal",
    type=click.Choice(["min", "max"]),
    help="Whether less or more of it is better. Default: by its name, else as the runs show.",
)
@click.option(
    "--objective",
    type=click.Choice(["last", "best"]),
    default="last",
    show_default=True,
    help="Judge a run by its end, or by the best it reached (with early stopping).",
)
@click.option(
    "--tolerance",
    type=float,
    default=0.05,
    show_default=True,
    help="Width of the band of good rates, as a share of the improvement (what training gains from its start to the "
    "best end).",
)
@click.option("--seeds", type=int, default=1, show_default=True, help="Seeds to confirm the best rates on.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Runs that train at the same time.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="Where runs are executed. Default: this process for one job, worker processes for more.",
)
@click.option(
    "--planner",
    type=click.Choice(registry.names()),
    default=registry.DEFAULT_PLANNER,
    show_default=True,
    help="flow: trains the run that settles most, by a model of all curves. halving: trains all rates a little and the "
    "better half further. grid: trains every rate to its end.",
)
@parameters_option
@click.option(
    "--metrics-file",
    metavar="PATH",
    help="Read losses from the JSONL or CSV file that the program writes there, as {out}/metrics.csv.",
)
@click.option("--pattern", metavar="REGEX", help="Read losses from output lines that match; name its groups.")
@click.option(
    "--max-paused", type=int, metavar="N", help="Runs that may wait in memory, or 0. Default: as many as fit."
)
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
    source: tuple[str, ...],
    as_json: bool,
    plot: Path | None,
    report: Path | None,
    out: Path | None,
    parameters: tuple[str, ...],
    debug: bool,  # noqa: ARG001  (read in main, which shows the errors)
    **settings: Any,
) -> int:
    """Find a learning rate: for a Python function, or for any program that prints its loss.

    \b
      lrscope scan train.py:train
      lrscope scan package.module:train --budget 8 --jobs 2
      lrscope scan -- python train.py --lr {lr} --seed {seed}
      lrscope scan --metric val_acc -- ./train --learning-rate={lr}

    Many rates are trained for a short while, and the promising ones for longer, by pausing and resuming.
    {lr} stands where the learning rate belongs; {seed} and {out} (a folder for each run) may stand anywhere, and
    {NAME} for what --param gives.

    Results are kept in lrscope-out/NAME, the report among them. The same command line continues there
    after an interruption, and does no finished work twice.

    \b
    Exit status: 0 done, 2 wrong use, 3 nothing could be concluded, 130 interrupted,
    1 anything else (results could not be read or written).
    """
    wanted = _what_to_train(source, ctx.meta.get("lrscope.program"))
    check_outputs(plot=plot, report=report)
    config = read_parameters(parameters)
    folder = out if out is not None else default_folder(wanted, folder_suffix(config))

    import lrscope
    from lrscope.views.scan.progress import make_progress

    with chatter_on_stderr():
        with make_progress(sys.stderr) as observer:
            result = lrscope.scan(wanted, config=config, out=folder, progress=observer, **settings)
        page = folder / "report.html"
        result.report(page)
    status = give(result, as_json=as_json, plot=plot, report=report)
    click.echo(f"Report: {page}", err=as_json)
    if not result.outcome.finished:
        raise KeyboardInterrupt
    return status


def _what_to_train(source: Sequence[str], program: Sequence[str] | None) -> str | list[str]:
    """The one thing to train, from what stands before `--` and after it.

    Raises
    ------
    UsageError
        If there is nothing, or both, or something that is neither a function nor (behind `--`) a program.
    """
    if program is not None:
        if source:
            raise UsageError(
                f"{source[0]!r} stands before -- and a program behind it. "
                "Give one of them: a function or a program."
            )
        if not program:
            raise UsageError(
                "No program follows behind --. Put it there: lrscope scan -- python train.py --lr {lr}"
            )
        return list(program)
    if not source:
        raise UsageError("There is nothing to train. Give either\n  " + BOTH_FORMS.format(script="train.py"))
    if len(source) > 1 or ":" not in source[0]:
        script = next((word for word in source if word.endswith(".py")), "train.py")
        raise UsageError(
            f"{_as_typed(source)!r} names no function. Either\n  " + BOTH_FORMS.format(script=script)
        )
    return source[0]


def _as_typed(words: Sequence[str]) -> str:
    """A command line as a person would type it: quoted where a shell needs it, which {lr} does not."""
    bare = (word.replace("{", "").replace("}", "") for word in words)
    return " ".join(
        word if shlex.quote(b) == b else shlex.quote(word) for word, b in zip(words, bare, strict=True)
    )
