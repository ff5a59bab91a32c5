"""The command `lrscope`: finds the subcommand, and turns every way of ending into a message and a status.

A subcommand's module is imported only when it is wanted, and imports nothing heavier than click itself at
its top: `lrscope --help` has to answer at once.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

import click

from lrscope._version import __version__
from lrscope.errors import LrscopeError

INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended

_COMMANDS = {  # name: (module, the command in it, one line of help)
    "scan": ("lrscope.cli.scan", "command", "Find a learning rate for a function or a program."),
    "diagnose": (
        "lrscope.cli.diagnose",
        "command",
        "Say from any log what state training is in, and what would help.",
    ),
    "patience": (
        "lrscope.cli.diagnose",
        "patience",
        "How long should a plateau rule wait? Settings to paste.",
    ),
    "backtest": ("lrscope.cli.diagnose", "backtest", "Where would each plateau rule have cut the rate?"),
    "stepping": (
        "lrscope.cli.diagnose",
        "stepping",
        "Was the schedule stepped as intended? Read from the logged rate.",
    ),
    "range-test": (
        "lrscope.cli.range_test",
        "command",
        "Read a rate off a ramp, run or logged, by every rule.",
    ),
    "report": ("lrscope.cli.report", "command", "Show a finished or interrupted scan or range test again."),
}


class _LazyGroup(click.Group):
    """A group that knows its commands by name and one line of help, and imports a module only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101  (our own modules)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lrscope", message="%(prog)s %(version)s")
def cli() -> None:
    """Which learning rate? Answers with evidence, from your own training.

    \b
      lrscope scan train.py:train                          a Python function
      lrscope scan -- python train.py --lr {lr}            any program
      lrscope diagnose runs/exp7                           any log: what state is training in?
      lrscope report lrscope-out/train-train -o scan.html  look at a scan again

    Every command explains itself with --help.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status.

    0 done, 1 broken surroundings, 2 wrong use, 3 nothing could be concluded, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # The ends that a scheduler or a closed terminal makes are as tidy as Ctrl-C. What is ignored when we start
    # stays so: `nohup lrscope scan … &` goes on when its terminal is closed.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    sys.exit(run(arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status; messages are on standard error by then."""
    debug = "--debug" in _before_program(arguments)
    try:
        # Not `cli.main`: that turns a broken pipe into status 1 before it can be seen here.
        with cli.make_context("lrscope", list(arguments)) as context:
            status = cli.invoke(context)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as mistake:
        mistake.show()
        return mistake.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("Interrupted. What was measured is kept; the same command continues from here.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has seen enough. Whatever is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except LrscopeError as error:
        _say(f"Error: {error.message}")
        if error.detail and debug:
            _say(error.detail.rstrip())
        elif error.detail:
            _say("(--debug shows the details.)")
        return error.exit_status
    except OSError as broken:
        _say(f"Error: {broken}.")
        if debug:
            _say(traceback.format_exc().rstrip())
        return 1
    except Exception as bug:
        _say(f"Error: lrscope itself failed, which is a bug in lrscope. {type(bug).__name__}: {bug}")
        _say(traceback.format_exc().rstrip() if debug else "Please report it, with the output of --debug.")
        return 1


def _before_program(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments that are ours: those after `--` belong to the user's program."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _say(text: str) -> None:
    click.echo(text, err=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> Any:
    raise KeyboardInterrupt
