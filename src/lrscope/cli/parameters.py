"""`--param NAME=VALUE`: hyperparameters on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from lrscope.config import Value, value_text
from lrscope.errors import UsageError

parameters_option = click.option(
    "--param",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="A further hyperparameter, the same in every run: {NAME} of a command, an argument of a function.",
)


def read_parameters(given: Sequence[str]) -> dict[str, Value]:
    """The hyperparameters that `--param` options name.

    Raises
    ------
    UsageError
        If one has no name or no value, or a name comes twice.
    """
    found: dict[str, Value] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(
                f"--param takes a name and a value, such as --param batch_size=32, not {text!r}."
            )
        if name in found:
            raise UsageError(f"--param {name} was given twice; give it once.")
        found[name] = read_value(value)
    return found


def folder_suffix(given: Mapping[str, Value]) -> str:
    """What tells results with other hyperparameters apart: ``-batch_size-32``."""
    return "".join(f"-{name}-{value_text(value)}" for name, value in given.items())


def read_value(text: str) -> Value:
    """A value as it was typed: a whole number, a number, true or false, or else a text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
