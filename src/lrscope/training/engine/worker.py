"""The inside of a worker process: one live run, advanced by messages over a pipe.

Kept light: it is started once a run, and imports only what the run itself needs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import select
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from lrscope.errors import LrscopeError

BOOT_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from lrscope.training.engine.worker import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)
"""What a worker's interpreter is told to run: the session's import path first, so that it finds what that
finds."""


def main(pipe: int, lifeline: int) -> None:
    """Serve one run over `pipe` until told to close, or until the session is gone.

    Messages in: the run (source, rate, seed, watch, log), then ``(to_step, within)`` any number of times,
    then None. Messages out: for each advance a Progress, or the exception that it raised.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the session's to handle
    _die_with_session(lifeline)
    connection = Connection(pipe)
    run: Any = None
    trouble: BaseException | None = None
    with contextlib.suppress(EOFError, OSError):
        order = connection.recv_bytes()
        try:
            source, config, seed, watch, log = pickle.loads(order)  # noqa: S301 - from our own session, over our own pipe
            run = source.start(config, seed, watch=watch, log=log)
        except Exception as error:
            trouble = error
        while (message := connection.recv()) is not None:
            try:
                if trouble is not None:
                    raise trouble
                answer = run.advance(*message)
            except Exception as error:
                answer = _sendable(error)
            _flush()
            connection.send(answer)
    if run is not None:
        run.close()
    _flush()


def _sendable(error: BaseException) -> BaseException:
    """Our errors travel as they are; another exception (a fault of ours) as its text."""
    if isinstance(error, LrscopeError):
        return error
    return RuntimeError(f"{type(error).__name__} in a worker: {error}")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _die_with_session(lifeline: int) -> None:
    """End this process and its children when the session's process ends, whatever goes on here.

    The session holds the other end of `lifeline` and never writes. When it ends, even by SIGKILL, the pipe
    closes: a thread sees that; and where the kernel offers it, the kernel itself sends SIGKILL to the process
    group, which also works while a step of the user's code holds the interpreter lock.
    """
    group = os.getpgid(0)
    if group != os.getpid():  # not started by the engine as the head of its own group
        return
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)  # type: ignore[attr-defined,unused-ignore]  # Linux
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -group)
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)  # type: ignore[attr-defined,unused-ignore]
    session = os.getppid()
    watched = [lifeline]
    with contextlib.suppress(OSError, AttributeError):
        watched.append(os.pidfd_open(session))  # a child that the session forked may keep the lifeline open

    def wait() -> None:
        select.select(watched, [], [])
        os.killpg(group, signal.SIGKILL)

    threading.Thread(target=wait, name="lrscope: lifeline", daemon=True).start()
