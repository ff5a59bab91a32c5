"""How a program's end is told to a person: one sentence, and the last lines that it printed."""

from __future__ import annotations

import re
import signal

TAIL_BYTES = 16_384  # of output kept for this
_TAIL_LINES = 20
_TAIL_WIDTH = 200
# Colour and cursor codes, window titles, and whatever else of control characters would disturb a terminal.
_ESCAPE_SEQUENCE = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]?")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def last_lines(output: bytes) -> list[str]:
    """The last lines that hold anything, without control characters; of a redrawn line, its last state."""
    lines = []
    for line in _ESCAPE_SEQUENCE.sub("", output.decode("utf-8", "replace")).split("\n"):
        drawn = [part for part in line.split("\r") if part.strip()]
        if drawn:
            text = _CONTROL_CHARACTERS.sub("", drawn[-1].expandtabs(4)).rstrip()
            lines.append(text if len(text) <= 500 else text[:499] + "…")
    return [line for line in lines if line.strip()][-_TAIL_LINES:]


def failure(code: int, seconds: float, output: bytes) -> tuple[str, str | None]:
    """Reason (one line) and detail (up to 20 lines) for a program that ended with another status than 0."""
    after = _seconds(seconds)
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        what = f"was ended by signal {name} after {after}"
        if -code == signal.SIGKILL:
            what += " (somebody killed it; the system does so when memory runs out)"
    else:
        what = f"exited with status {code} after {after}"
    return _with_lines(what, output)


def no_numbers(where: str, seconds: float, output: bytes, hint: str) -> tuple[str, str | None]:
    """Reason and detail for a program that ended well and showed no loss."""
    return _with_lines(f"{where} no loss that could be recognised in {_seconds(seconds)} ({hint})", output)


def _with_lines(what: str, output: bytes) -> tuple[str, str | None]:
    lines = last_lines(output)
    if not lines:
        return f"{what}; it printed nothing", None
    last = lines[-1].strip()
    return (
        f"{what}; its last line: {last if len(last) <= _TAIL_WIDTH else last[: _TAIL_WIDTH - 1] + '…'}",
        "\n".join(lines),
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
