"""Where a scan's results go when nobody says: a folder that the same command line finds again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

ROOT = Path("lrscope-out")


def default_folder(source: str | Sequence[str], suffix: str = "") -> Path:
    """``lrscope-out/<name>``, the same for the same source and suffix.

    A function `dir/train.py:main` is called `train-main`. A program is called by its script, with six digits
    that stand for all of its arguments, so that other arguments (another model, other data) get a folder of
    their own: `train-3f9a01`.
    """
    if isinstance(source, str):
        module, _, function = source.partition(":")
        stem = module.removesuffix(".py").rpartition("/")[2]
        return ROOT / _plain(f"{stem}-{function}{suffix}")
    digits = hashlib.sha256("\0".join(source).encode("utf-8", "surrogateescape")).hexdigest()[:6]
    return ROOT / _plain(f"{_script(source)}-{digits}{suffix}")


def _script(arguments: Sequence[str]) -> str:
    """What a person would call the program: its script rather than the interpreter that runs it."""
    for i, argument in enumerate(arguments):
        if argument == "-m" and i + 1 < len(arguments):
            return arguments[i + 1]
        if i and re.search(r"\.(py|sh|jl|R|rb|pl|js|lua)$", argument):
            return Path(argument).stem
    return Path(arguments[0]).stem


def _plain(name: str) -> str:
    """A name that is one plain component of a path on every system."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80] or "scan"
