"""Nothing is left behind: whichever way this process ends, what it started for a scan is ended, too.

For whoever starts processes (programs here, workers in the engines), three calls:

    environment = {**os.environ, **guardian.environment("a name of the run")}   # 1. start it with this
    guardian.protect(pid)                                                       # 2. directly after the start
    guardian.release(pid)                                                       # 3. after it has been ended

The environment holds a mark, a variable with a random name that every descendant inherits, so that a process
which has left its parent and its session is found, and also one that was started but not yet registered when
this process was killed. Whoever is protected should lead a session of its own (`start_new_session=True`):
then Ctrl-C in a terminal reaches the scan alone, and everything in that session is found at once.

`shutdown()` runs by itself at the end of the interpreter; `kill -9`, SIGTERM or a closed terminal are noticed
by the reaper (`reaper.py`), a process of about 10 MB that is started with the first call. It cannot find a
process that left its parents and its session *and* emptied its environment, all before it was first seen.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import subprocess
import sys
import threading
from pathlib import Path

from lrscope.training.source.program.process_table import look_up

_SOURCE_FOLDER = str(Path(__file__).resolve().parents[4])
_SHUTDOWN_SECONDS = 10.0  # that the reaper has to see to the end
# -S -E -s: without site-packages, the user's variables and start-up files it is up in some 15 ms, and nothing
# that a user has installed can keep it from starting. Outside Linux it needs psutil, and so site-packages.
_PYTHON_OPTIONS = ["-S", "-E", "-s"] if sys.platform.startswith("linux") else ["-s"]
_REAPER_CODE = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from lrscope.training.source.program.reaper import main; main(sys.argv[2:])"
)


class Guardian:
    """The reaper of this process, and what it has been told. Safe to use from several threads.

    One a process is enough: use the functions of this module, which share one.
    """

    def __init__(self) -> None:
        self.token = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._reaper: subprocess.Popen[bytes] | None = None
        self._protected: dict[int, int] = {}

    @property
    def variable(self) -> str:
        """The name of the environment variable that is the mark of this scan."""
        return f"LRSCOPE_{self.token}"

    def environment(self, run: str) -> dict[str, str]:
        """Variables to start a process with; `run` tells the processes of one run from those of another."""
        with self._lock:
            self._start()
        return {self.variable: run}

    def protect(self, pid: int) -> None:
        """From now on this process, its session and all its descendants end when the scan ends."""
        process = look_up(pid)
        if process is None:
            return  # already over and taken note of; its children carry the mark
        with self._lock:
            self._start()
            self._protected[pid] = process.born
            self._say(f"protect {pid} {process.born}")

    def release(self, pid: int) -> None:
        """The process has been ended, with all it had: its number may be used again."""
        with self._lock:
            if self._protected.pop(pid, None) is not None:
                self._say(f"release {pid}")

    def shutdown(self) -> None:
        """Tell the reaper that the end has come in good order, and wait until it has seen to it.

        Whatever is still protected is killed. May be called twice; a later call of another method starts
        anew.
        """
        with self._lock:
            reaper, self._reaper = self._reaper, None
            self._protected.clear()
            if reaper is None or reaper.stdin is None or os.getpid() != self._owner:
                return
            with contextlib.suppress(OSError):
                reaper.stdin.write(b"done\n")
            with contextlib.suppress(OSError):
                reaper.stdin.close()
        try:
            reaper.wait(_SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            # a process that cannot be killed; the reaper goes on trying by itself
            reaper.returncode = 0  # and is not this process's to wait for any more

    def forget(self) -> None:
        """Called in a forked child: the reaper and the runs are the parent's, and stay so."""
        reaper, self._reaper = self._reaper, None
        if reaper is not None and reaper.stdin is not None:
            with contextlib.suppress(OSError):
                reaper.stdin.close()  # or the reaper would wait for this child as well
            reaper.returncode = 0
        self.__init__()  # type: ignore[misc]

    def _start(self) -> None:
        if self._reaper is not None and self._reaper.poll() is None:
            return
        if self._reaper is not None and self._reaper.stdin is not None:
            with contextlib.suppress(OSError):
                self._reaper.stdin.close()
        # Its output goes nowhere: holding ours would keep `lrscope scan | head` waiting for it.
        self._reaper = subprocess.Popen(
            [
                sys.executable,
                *_PYTHON_OPTIONS,
                "-c",
                _REAPER_CODE,
                _SOURCE_FOLDER,
                f"{self.variable}=",
                str(self._owner),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env={name: value for name, value in os.environ.items() if name != self.variable},
            start_new_session=True,
        )
        for pid, born in self._protected.items():  # somebody ended the reaper before this one
            self._say(f"protect {pid} {born}")

    def _say(self, line: str) -> None:
        if self._reaper is None or self._reaper.stdin is None:
            return
        # Where the reaper has just died, the next start tells its successor everything.
        with contextlib.suppress(BrokenPipeError):
            self._reaper.stdin.write(line.encode() + b"\n")


_guardian = Guardian()
environment = _guardian.environment
protect = _guardian.protect
release = _guardian.release
shutdown = _guardian.shutdown
atexit.register(_guardian.shutdown)
os.register_at_fork(after_in_child=_guardian.forget)


def variable() -> str:
    """The name of the environment variable that is the mark of everything this process has started."""
    return _guardian.variable
