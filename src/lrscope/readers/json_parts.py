"""JSON that may be cut off, damaged or built to do harm, and what is still to be had from it."""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST_JSON = 32
"""Nesting that is looked into where the text is damaged."""

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def loads(text: str) -> Any:
    """Like json.loads. Whatever is wrong (even nesting beyond the stack) is a ValueError."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def salvage(text: str, at: int = 0) -> tuple[Any, bool, int]:
    """The JSON value that begins at `at`, as far as it can be read.

    Returns
    -------
    value : anything that JSON can hold
        The value; of a broken one, as much as stands before the break.
    whole : bool
        Whether it was whole.
    end : int
        Where the text goes on after a whole value and blanks; the text's length for a broken one.

    Raises
    ------
    ValueError
        If not even the beginning is JSON.
    """
    value, whole, end = _salvage(text, _skip(text, at), 0)
    return value, whole, _skip(text, end) if whole else len(text)


def _salvage(text: str, at: int, depth: int) -> tuple[Any, bool, int]:
    try:
        value, end = _DECODER.raw_decode(text, at)
        return value, True, end
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError:
        if depth >= DEEPEST_JSON or text[at : at + 1] not in ("[", "{"):
            raise
    if text[at] == "[":
        return _items(text, at + 1, depth)
    return _members(text, at + 1, depth)


def _items(text: str, at: int, depth: int) -> tuple[list[Any], bool, int]:
    found: list[Any] = []
    at = _skip(text, at)
    while at < len(text):
        try:
            value, whole, at = _salvage(text, at, depth + 1)
        except ValueError:
            break
        at = _skip(text, at)
        if not whole:
            found.append(value)
            break
        if text[at : at + 1] not in (",", "]"):  # "0.3" of a "0.31" that was cut must not pass for the number
            if isinstance(value, (dict, list)):
                found.append(value)
            break
        found.append(value)
        if text[at] == "]":
            return found, True, at + 1
        at = _skip(text, at + 1)
    return found, False, at


def _members(text: str, at: int, depth: int) -> tuple[dict[str, Any], bool, int]:
    found: dict[str, Any] = {}
    at = _skip(text, at)
    while text[at : at + 1] == '"':
        try:
            name, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at)
            if text[at : at + 1] != ":":
                break
            value, whole, at = _salvage(text, _skip(text, at + 1), depth + 1)
        except ValueError:
            break
        at = _skip(text, at)
        if whole and text[at : at + 1] not in (",", "}") and not isinstance(value, (dict, list)):
            break
        found[str(name)] = value
        if not whole or text[at : at + 1] not in (",", "}"):
            break
        if text[at] == "}":
            return found, True, at + 1
        at = _skip(text, at + 1)
    return found, False, at


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()
