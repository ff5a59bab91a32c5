"""What to say when the user's own code raises: which exception, where in *their* code, and their traceback
alone."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path
from types import FrameType, TracebackType

_PACKAGE_FOLDER = str(
    Path(__file__).resolve().parents[2]
)  # …/lrscope/training: the toys in lrscope/testing count as the user's
_LIBRARY_FOLDERS = tuple(
    {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_LONGEST_REASON = 300


def tell(error: BaseException) -> tuple[str, str]:
    """One sentence and a traceback for an exception out of the user's code.

    Returns
    -------
    reason : str
        ``ValueError in train (model.py, line 31): message``. The place is the innermost line that the user
        wrote: an error deep inside a library is told at the line that called the library.
    detail : str
        The traceback, from the user's first frame on.
    """
    own = _cut(error.__traceback__)
    detail = "".join(traceback.format_exception(type(error), error, own)).rstrip()
    message = " ".join(str(error).split())
    if len(message) > _LONGEST_REASON:
        message = message[:_LONGEST_REASON] + " …"
    place = _place(error, own)
    sentence = f"{type(error).__name__}{f' in {place}' if place else ''}"
    return (f"{sentence}: {message}" if message else f"{sentence}."), detail


def _cut(trace: TracebackType | None) -> TracebackType | None:
    """Without the frames of ours (and of the import machinery) that lead to the user's first one."""
    step = trace
    while step is not None and not _is_theirs(step.tb_frame):
        step = step.tb_next
    return step


def _place(error: BaseException, trace: TracebackType | None) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}"
    frames = [(step.tb_frame, step.tb_lineno) for step in _steps(trace) if _is_theirs(step.tb_frame)]
    if not frames:
        return ""
    written = [f for f in frames if not _in_library(f[0])]
    first = frames[0][0].f_code.co_filename
    frame, line = written[-1] if written else [f for f in frames if f[0].f_code.co_filename == first][-1]
    return f"{frame.f_code.co_name} ({Path(frame.f_code.co_filename).name}, line {line})"


def _steps(trace: TracebackType | None) -> list[TracebackType]:
    steps = []
    while trace is not None:
        steps.append(trace)
        trace = trace.tb_next
    return steps


def _is_theirs(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    if name.startswith("<frozen"):
        return False
    if frame.f_globals.get("__name__", "").partition(".")[0] == "importlib":
        return False
    return not name.startswith(_PACKAGE_FOLDER)


def _in_library(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return "site-packages" in name or name.startswith(_LIBRARY_FOLDERS)
