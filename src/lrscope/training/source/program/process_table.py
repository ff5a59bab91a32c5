"""The table of processes, and who in it belongs together.

A program is more than the process that was started: it has children, and some of them leave home (a daemon
has another parent and a session of its own). So a family is everything that

- is one of its roots, or carries its mark: an environment variable that every descendant inherits;
- shares a session or process group with a root, also when the root itself is gone;
- is a child of any of these.

Only the standard library is used, because the reaper (`reaper.py`) has to start within milliseconds. On
Linux /proc is read directly, which is several times faster than through psutil: a program is paused in the
middle of a step, and each millisecond of looking is a millisecond that it runs on. Elsewhere psutil does it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from typing import NamedTuple

_HAS_PROC = sys.platform.startswith("linux")


class Process(NamedTuple):
    """One line of the table. `(pid, born)` names a process for ever, `pid` alone is used again some day."""

    pid: int
    parent: int
    group: int
    session: int
    state: str  # one letter, as in /proc: R S D T Z …
    born: int  # Linux: clock ticks since boot; elsewhere: milliseconds since the epoch

    @property
    def dead(self) -> bool:
        """A zombie: it runs no more, and waits for its parent to take note."""
        return self.state in "ZX"

    @property
    def stopped(self) -> bool:
        return self.state in "Tt"


def look_up(pid: int) -> Process | None:
    """One process, or None where there is none."""
    if not _HAS_PROC:
        return _look_up_with_psutil(pid)
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        line = os.read(fd, 1024)
    except OSError:  # it ended between the two calls
        return None
    finally:
        os.close(fd)
    # The name in parentheses may itself hold spaces and parentheses.
    fields = line[line.rfind(b")") + 2 :].split()
    if len(fields) < 20:
        return None
    return Process(pid, int(fields[1]), int(fields[2]), int(fields[3]), fields[0].decode(), int(fields[19]))


def processes() -> dict[int, Process]:
    """All processes now, by process id. Not one instant: the table changes while it is read."""
    if _HAS_PROC:
        # The youngest first: who lives for a moment only is gone by the time the others have been read.
        names = os.listdir("/proc")  # noqa: PTH208 - speed
        pids = sorted((int(name) for name in names if name.isdigit()), reverse=True)
    else:
        import psutil

        pids = psutil.pids()
    found = (look_up(pid) for pid in pids)
    return {process.pid: process for process in found if process is not None}


def end_descriptor(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends, where the system has such a thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def carries(pid: int, mark: bytes) -> bool | None:
    """Whether the environment that a process was started with has an entry that begins with `mark`.

    Each entry is ``NAME=value`` and a zero byte: ``b"NAME="`` asks for a name, ``b"NAME=value\\0"`` for a
    value, too.

    None where it cannot be told now: no permission, or the process is just becoming another program.
    """
    if not _HAS_PROC:
        return _carries_with_psutil(pid, mark)
    try:
        fd = os.open(f"/proc/{pid}/environ", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = b""
        while part := os.read(fd, 1 << 16):
            text += part
    except OSError:
        return None
    finally:
        os.close(fd)
    return (b"\0" + mark) in (b"\0" + text) if text else None


def family(
    table: Mapping[int, Process],
    roots: Mapping[int, int],
    mark: bytes,
    strangers: set[tuple[int, int]] | None = None,
    spared: Collection[int] = (),
) -> list[Process]:
    """Everything alive that belongs to the roots, parents before children; never a pid of `spared`, who asks.

    `roots` holds a birth for each pid: one that belongs to somebody else now counts for nothing. `mark` is as for
    `carries`. `strangers`, each (pid, born), are known not to carry it, and are added to: reading an environment is the
    slow part, and nobody comes to carry a mark later, because it is inherited at birth.
    """
    known = strangers if strangers is not None else set()
    homes = {pid for pid, born in roots.items() if pid not in table or table[pid].born == born}
    inside: dict[int, Process] = {}
    rest: list[Process] = []
    for process in table.values():
        if process.dead or process.pid in spared:
            continue
        if process.pid in homes or process.session in homes or process.group in homes:
            inside[process.pid] = process
            continue
        identity = (process.pid, process.born)
        if identity not in known:
            marked = carries(process.pid, mark)
            if marked:
                inside[process.pid] = process
                continue
            if marked is False:
                known.add(identity)
        rest.append(process)
    grew = True
    while grew and inside:
        grew = False
        remaining = []
        for process in rest:
            if process.parent in inside:
                inside[process.pid] = process
                grew = True
            else:
                remaining.append(process)
        rest = remaining
    return sorted(inside.values(), key=lambda process: (_depth(process, inside), process.born, process.pid))


def own_groups(table: Mapping[int, Process], members: Collection[Process]) -> set[int]:
    """Process groups in which nobody but members is alive: one signal to the group reaches them all at once.

    That is how a chain of processes is caught, each of which starts the next and ends: by its number none of
    them is there any more when a signal is sent.
    """
    inside = {process.pid for process in members}
    shared = {process.group for process in table.values() if not process.dead and process.pid not in inside}
    return {process.group for process in members} - shared - {0}


def _depth(process: Process, inside: Mapping[int, Process]) -> int:
    depth, seen = 0, {process.pid}
    while process.parent in inside and process.parent not in seen:
        process = inside[process.parent]
        seen.add(process.pid)
        depth += 1
    return depth


_STATE_LETTERS = {
    "zombie": "Z",
    "dead": "X",
    "stopped": "T",
    "tracing-stop": "t",
    "disk-sleep": "D",
    "running": "R",
}


def _look_up_with_psutil(pid: int) -> Process | None:
    import psutil

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            state = _STATE_LETTERS.get(process.status(), "S")
            born = int(process.create_time() * 1000)
            return Process(pid, process.ppid(), os.getpgid(pid), os.getsid(pid), state, born)
    except (psutil.Error, OSError):
        return None


def _carries_with_psutil(pid: int, mark: bytes) -> bool | None:
    import psutil

    try:
        variables = psutil.Process(pid).environ()
    except (psutil.Error, OSError):
        return None
    return any(f"{name}={value}\0".encode().startswith(mark) for name, value in variables.items())
