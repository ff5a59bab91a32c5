"""The environment that a program is started with: the present one, and what makes its output come at once.

A program that prints into a pipe is not on a terminal, and most languages then print in blocks of some
kilobytes: a pause comes hundreds of lines late, and what ran on meanwhile is spent in vain. Nobody who starts
a program can switch that off from outside for every language; these can be told by a variable:

    Python      PYTHONUNBUFFERED=1
    Fortran     GFORTRAN_UNBUFFERED_ALL=1 (programs built by gfortran)
    C and C++   the variables of coreutils' `stdbuf -oL`, which make the C library print line by line
    Rich        TTY_COMPATIBLE=1: without it, a progress bar of this Python library is printed once, at the end,
                and cut to 80 columns
    tqdm        TQDM_MININTERVAL=0.02: its bars count on five times as often as by themselves, so that quick steps
                are seen near where they are; at 50 drawings a second it costs a program nothing to speak of

What the user has set stays as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_PYTHON_NAME = re.compile(r"(?:python|pypy)w?[\d.]*")
_ALWAYS_SET = {
    "PYTHONUNBUFFERED": "1",
    "GFORTRAN_UNBUFFERED_ALL": "1",
    "TTY_COMPATIBLE": "1",
    "TQDM_MININTERVAL": "0.02",
    "COLUMNS": "240",
}
_SHEBANG_BYTES = 256  # bytes of a script in which its interpreter is looked for


def line_by_line(program: str, cwd: Path, present: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables, on top of the `present` ones, with which `program` prints each line as soon as it is whole.

    Python programs are spared the preloaded library of `stdbuf`: they do not print through the C library.
    """
    wanted = {name: value for name, value in _ALWAYS_SET.items() if not present.get(name)}
    if not is_python(program, cwd) and "_STDBUF_O" not in present:
        wanted |= _stdbuf(shutil.which("stdbuf"))
        if "LD_PRELOAD" in wanted:
            # A program built with the address sanitizer refuses to start behind another preloaded library.
            wanted["ASAN_OPTIONS"] = "verify_asan_link_order=0"
            for name in ("LD_PRELOAD", "ASAN_OPTIONS"):
                if present.get(name):
                    wanted[name] = f"{present[name]}:{wanted[name]}"
    return wanted


def is_python(program: str, cwd: Path) -> bool:
    """Whether the program is a Python interpreter, or a script that names one in its first line."""
    found = str(cwd / program) if "/" in program else shutil.which(program)
    if found is None:
        return False
    if any(_PYTHON_NAME.fullmatch(path.name) for path in (Path(found), Path(found).resolve())):
        return True
    try:
        with Path(found).open("rb") as file:
            first = file.read(_SHEBANG_BYTES).split(b"\n", 1)[0]
    except OSError:
        return False
    return first.startswith(b"#!") and any(
        _PYTHON_NAME.fullmatch(Path(word).name) for word in first[2:].decode("utf-8", "replace").split()
    )


@cache
def _stdbuf(stdbuf: str | None) -> dict[str, str]:
    """The variables that `stdbuf -oL` sets, asked of itself; none where there is no (working) stdbuf."""
    env = shutil.which("env")
    if stdbuf is None or env is None:
        return {}
    try:
        told = subprocess.run(
            [stdbuf, "-oL", env], env={}, capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}
    lines = (line.partition("=") for line in told.stdout.splitlines())
    found = {name: value for name, _, value in lines if name == "LD_PRELOAD" or name.startswith("_STDBUF_")}
    library = found.get("LD_PRELOAD", "")
    return found if Path(library).is_file() else {}  # some keep the library only as long as they run
