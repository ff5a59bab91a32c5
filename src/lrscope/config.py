"""What a training run is given: its hyperparameters by name, and the seed. Frozen, so that a run can be told by it.

The bottom of the house, without NumPy: worker processes receive these before anything heavy is loaded.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lrscope.errors import UsageError

Value = float | int | str | bool
"""What a hyperparameter can be: something that a program can be told as text."""


class Config(Mapping[str, Value]):
    """Hyperparameters of a run, by name: a frozen mapping that can be hashed, ordered and written as text.

    Parameters
    ----------
    values : mapping of str to float, int, str or bool
        Names are Python identifiers, because they are keyword arguments of a function and placeholders ``{name}`` of a
        command. NumPy's scalars are taken for the numbers they are.

    Raises
    ------
    UsageError
        If a name is no identifier, or a value cannot be written as text: not one of these types, NaN or infinite,
        or a text that holds a NUL or cannot be encoded.

    Examples
    --------
    >>> Config(lr=0.1, batch_size=32)["lr"]
    0.1
    """

    __slots__ = ("_hash", "_items")

    def __init__(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        given = {**(values or {}), **named}
        self._items: dict[str, Value] = {name: checked(name, given[name]) for name in sorted(given)}
        self._hash = hash(tuple(self._items.items()))

    def __getitem__(self, name: str) -> Value:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self._items == other._items if isinstance(other, Config) else NotImplemented

    def __lt__(self, other: Config) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[tuple[str, bool, Any], ...]:
        return tuple((name, isinstance(value, str), value) for name, value in self._items.items())

    def __or__(self, more: Mapping[str, Any]) -> Config:
        """These hyperparameters, with `more` in place of or beside them."""
        return Config({**self._items, **more})

    def without(self, name: str) -> Config:
        """All but one of them."""
        return Config({other: value for other, value in self._items.items() if other != name})

    def to_json(self) -> str:
        """As one line of JSON, the same for equal configurations; `from_json` reads it, with no digit lost."""
        return json.dumps(self._items, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Config:
        """The configuration that `to_json` wrote."""
        return cls(json.loads(text))

    def __repr__(self) -> str:
        return f"Config({', '.join(f'{name}={value!r}' for name, value in self._items.items())})"

    def __str__(self) -> str:
        return ", ".join(f"{name} {short_value(value)}" for name, value in self._items.items())

    def __reduce__(self) -> tuple[type[Config], tuple[dict[str, Value]]]:
        return Config, (self._items,)


@dataclass(frozen=True, order=True, slots=True)
class RunKey:
    """What tells one run from another: its configuration and its seed. Values are compared exactly."""

    config: Config
    seed: int

    @property
    def lr(self) -> float:
        """The learning rate of the configuration."""
        return float(self.config["lr"])

    def __str__(self) -> str:
        return f"{self.config}, seed {self.seed}"


def at_rate(lr: float, seed: int = 0) -> RunKey:
    """The key of a run that differs from others in its learning rate and seed alone."""
    return RunKey(Config(lr=lr), seed)


def number_text(number: float) -> str:
    """A number as every program reads it, with no digit lost: ``0.001``, ``0.00001``, ``10.0``.

    Plain decimals, because `1e-05` is text to YAML and to `bc`; with a point, because `10` is an integer to
    strictly typed configurations. Only outside 1e-15 … 1e16 an exponent is used, with a point: `1.0e-16`.
    """
    if 1e-15 <= abs(number) < 1e16:
        text = f"{Decimal(repr(number)):f}"
        return text if "." in text else text + ".0"
    mantissa, _, exponent = repr(number).partition("e")
    if not exponent:
        return mantissa
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"


def value_text(value: Value) -> str:
    """A hyperparameter as programs read it: numbers in plain decimals, `true` and `false` as in YAML and JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, float) else str(value)


def run_name(key: RunKey) -> str:
    """A name for files of a run: ``lr-0.001-seed-0``. No digit is lost; what a file name cannot hold is replaced."""
    parts = (
        f"{name}-{re.sub(r'[^A-Za-z0-9._+-]+', '_', value_text(value))[:40]}"
        for name, value in key.config.items()
    )
    return f"{'-'.join(parts)}-seed-{key.seed}"


def checked(name: str, value: Any) -> Value:
    """The value of a hyperparameter, as a plain Python number, text or truth value.

    Raises
    ------
    UsageError
        If it cannot be one: see `Config`.
    """
    if not (isinstance(name, str) and name.isidentifier()):
        raise UsageError(f"A hyperparameter is named like a Python variable (batch_size), not {name!r}.")
    if not isinstance(value, float | int | str) and hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()  # a NumPy scalar, or a tensor of one value
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"The hyperparameter {name} must be a finite number, not {value!r}.")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"The hyperparameter {name} holds text that cannot be encoded: {value!r}."
            ) from None
        if "\0" in value:
            raise UsageError(
                f"The hyperparameter {name} holds a NUL, which no program can be told: {value!r}."
            )
        return str(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise UsageError(
        f"The hyperparameter {name} must be a number, a text or true or false, so that it can be written down and "
        f"told to a program, not {type(value).__name__}."
    )


def short_value(value: Value) -> str:
    """A value for a sentence: numbers with few digits."""
    return f"{value:g}" if isinstance(value, float) else str(value)
