"""The reaper: a small process that outlives a scan for a moment, and ends what the scan left behind.

It is started by `guardian.py` and reads its standard input, the end of a pipe that only the scan writes to:

    protect PID BORN     this process, its session and all its descendants belong to the scan
    release PID          no longer (it has been ended)
    done                 the scan comes to its end in good order

When the pipe closes, by whatever way the scan ended (`kill -9` included), everything that belongs to it is
killed, also what carries its mark and was never registered: the scan may have died between starting a program
and saying so. A process may be in the middle of becoming another just then, so the table is read again until
nothing has been found for a while.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

from lrscope.training.source.program.process_table import (
    end_descriptor,
    family,
    look_up,
    own_groups,
    processes,
)

_KILLING_SECONDS = (
    30.0  # seconds after which a process that does not die of SIGKILL (a lost disk) is given up
)


def main(arguments: list[str] | None = None) -> None:
    """Run as a process of its own: ``main([mark, pid of the scan])``."""
    mark, scan = (sys.argv[-2:] if arguments is None else arguments)[:2]
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # it ends when the scan ends, and not before
    roots, orderly = _listen(int(scan))
    _sweep(roots, mark.encode(), quiet=0.0 if orderly else 0.5)


def _listen(scan: int) -> tuple[dict[int, int], bool]:
    """What is registered when the scan has gone, and whether it went in good order."""
    roots: dict[int, int] = {}
    orderly = False
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    fd = end_descriptor(scan)
    if fd is not None:
        poll.register(fd, select.POLLIN)
    buffer = b""
    while True:
        # A process that the scan forked may hold the pipe open after its death: so look at the scan, too.
        events = dict(poll.poll(None if fd is not None else 200))
        if 0 in events:
            part = os.read(0, 1 << 16)
            *lines, buffer = (buffer + part).split(b"\n")
            for line in lines:
                match line.split():
                    case [b"protect", pid, born]:
                        roots[int(pid)] = int(born)
                    case [b"release", pid]:
                        roots.pop(int(pid), None)
                    case [b"done"]:
                        orderly = True
            if not part:
                return roots, orderly
        elif os.getppid() != scan or (fd is not None and fd in events):
            return roots, orderly


def _sweep(roots: dict[int, int], mark: bytes, quiet: float) -> None:
    """Kill the whole family, until none of it has been seen for `quiet` seconds and three looks."""
    strangers: set[tuple[int, int]] = set()
    start = last_seen = time.monotonic()
    empty = 0
    while time.monotonic() - start < _KILLING_SECONDS:
        table = processes()
        members = family(table, roots, mark, strangers, spared=(os.getpid(),))
        for group in own_groups(table, members):
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)
        for member in members:
            now = look_up(member.pid)
            if now is not None and now.born == member.born:
                with contextlib.suppress(OSError):
                    os.kill(member.pid, signal.SIGKILL)
        if members:
            empty, last_seen = 0, time.monotonic()
        else:
            empty += 1
            if empty >= 3 and time.monotonic() - last_seen >= quiet:
                return
        time.sleep(0.002 if members or empty < 3 else 0.02)


if __name__ == "__main__":
    main()
