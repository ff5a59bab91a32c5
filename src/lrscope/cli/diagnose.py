"""`lrscope diagnose`, and the tools that answer one question of a log each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lrscope.cli.answer import (
    FILE,
    INCONCLUSIVE,
    check_outputs,
    name_files,
    print_json,
    print_text,
    write_files,
)
from lrscope.cli.options import debug_option, json_option, plot_option

if TYPE_CHECKING:
    from lrscope._diagnose import DiagnosisResult

_SETTINGS = {"max_content_width": 110}


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command on logs has."""
    for option in reversed(
        (
            click.argument("path", metavar="LOG", type=click.Path()),
            click.option(
                "--metric", metavar="NAME", help="Curve to judge. Default: a validation loss, else a loss."
            ),
            click.option(
                "--pattern",
                metavar="REGEX",
                help="How to read the lines of console output: named groups are metrics, or `step` and `epoch`.",
            ),
            click.option(
                "--goal",
                type=click.Choice(["min", "max"]),
                help="Whether less or more is better. Default: by its name.",
            ),
            click.option(
                "--epoch-steps", type=float, metavar="N", help="Steps in an epoch. Default: as logged."
            ),
            json_option,
            debug_option,
        )
    ):
        function = option(function)
    return function


def _patience(function: Callable[..., Any]) -> Callable[..., Any]:
    percent = click.option(
        "--percent",
        type=float,
        default=1.0,
        show_default=True,
        help="Descent per report that a plateau rule is to see, in per cent of the improvement.",
    )
    wrong = click.option(
        "--false-cuts",
        type=float,
        default=0.05,
        show_default=True,
        help="Share of wrong cuts that is allowed.",
    )
    return percent(wrong(function))


def _stepping(function: Callable[..., Any]) -> Callable[..., Any]:
    processes = click.option("--processes", type=int, metavar="N", help="Processes in the run.")
    batches = click.option(
        "--accumulation", type=int, metavar="N", help="Micro-batches in an optimiser step."
    )
    return processes(batches(function))


@click.command("diagnose", context_settings=_SETTINGS)
@_common
@click.option(
    "--plain-sgd/--no-plain-sgd", default=None, help="Whether the optimiser is SGD without momentum."
)
@_patience
@_stepping
@plot_option
@click.option("-o", "--report", type=FILE, metavar="FILE", help="Also write the HTML report there.")
def command(
    path: str,
    as_json: bool,
    debug: bool,  # noqa: ARG001
    plot: Path | None,
    report: Path | None,
    **asked: Any,
) -> int:
    """Say what state training is in, and what would help. LOG is a file or folder of any known format.

    \b
      lrscope diagnose metrics.csv
      lrscope diagnose runs/exp7 --metric val_loss --report diagnosis.html
      lrscope diagnose train.log --json

    CSV, TSV, JSON lines, JSON, console output, TensorBoard, trainer_state.json, W&B, MLflow, Trackio, Optuna and
    lrscope's own scans are recognised from their content. A folder of many runs gives one row a run.

    Exit status: 0 done, 2 wrong use, 3 nothing could be decided.
    """
    check_outputs(plot=plot, report=report)
    result = _diagnose(path, asked)
    write_files(result, plot=plot, report=report)
    if as_json:
        print_json(result.to_dict())
    else:
        print_text(result.told())
    name_files(plot, report, err=as_json)
    return 0 if result.decided else INCONCLUSIVE


@click.command("patience", context_settings=_SETTINGS)
@_common
@_patience
def patience(path: str, as_json: bool, debug: bool, **asked: Any) -> int:  # noqa: ARG001
    """Say how long a plateau rule should wait on this curve, as settings to paste for PyTorch, Keras and optax.

    Exit status: 0 done, 2 wrong use, 3 no patience would do, or too few points tell.
    """
    result = _diagnose(path, asked)
    _tool(result, "patience", as_json)
    return 0 if any(run.patience.patience is not None for run in result.runs) else INCONCLUSIVE


@click.command("backtest", context_settings=_SETTINGS)
@_common
def backtest(path: str, as_json: bool, debug: bool, **asked: Any) -> int:  # noqa: ARG001
    """Replay plateau rules over logged curves: where would each have cut the rate, and was that right?

    PyTorch's, Keras's and optax's rules with their defaults, GreedyLR, dlib's rule, and ours.

    Exit status: 0 done, 2 wrong use, 3 too few points to replay.
    """
    result = _diagnose(path, asked)
    _tool(result, "backtest", as_json)
    return 0 if any(run.replays for run in result.runs) else INCONCLUSIVE


@click.command("stepping", context_settings=_SETTINGS)
@_common
@_stepping
def stepping(path: str, as_json: bool, debug: bool, **asked: Any) -> int:  # noqa: ARG001
    """Check from the logged learning rate whether the schedule was stepped as it was meant.

    Exit status: 0 done, 2 wrong use, 3 no learning rate was logged.
    """
    result = _diagnose(path, asked)
    _tool(result, "stepping", as_json)
    return 0 if any(run.stepping is not None for run in result.runs) else INCONCLUSIVE


def _diagnose(path: str, asked: dict[str, Any]) -> DiagnosisResult:
    import lrscope

    result: DiagnosisResult = lrscope.diagnose(path, **asked)
    return result


def _tool(result: DiagnosisResult, part: str, as_json: bool) -> None:
    if as_json:
        from lrscope.views.diagnosis.document import tool_document

        print_json(tool_document(result.to_dict(), part))
    else:
        from lrscope.views.diagnosis.sections import report

        print_text(report(result.source, result.runs, result.reason, result.warnings, (part,)))
