"""A program with everything it has started, as one thing: found, suspended, resumed, ended.

Suspending is by signal (SIGSTOP), which no program can catch or refuse. Each of these actions races with a
program that starts and ends processes meanwhile; so each is repeated until it finds nothing left to do.
One thing can slip through: a daemon that lives for milliseconds only, starting its own successor each time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence

import psutil

from lrscope.training.source.program.process_table import Process, family, look_up, own_groups, processes

_SETTLE_SECONDS = 1.0  # seconds to wait at most until every process has taken note of being stopped
_WAIT_SECONDS = 0.02  # the same for those in an uninterruptible wait: they use no processor time anyway
_KILL_SECONDS = 10.0  # seconds after which a process that does not die of SIGKILL is given up


class Tree:
    """The processes of one program: of its `root`, which leads a session and a process group of its own, and of whoever
    carries the `mark`, an environment variable ``NAME=value`` that the program was started with."""

    def __init__(self, root: int, mark: str) -> None:
        self.root = root
        first = look_up(root)
        self._roots = {root: first.born} if first is not None else {}
        self._mark = mark.encode() + b"\0"
        self._strangers: set[tuple[int, int]] = set()
        self._stopped: list[Process] = []
        # Process groups that are wholly its own, and how many looks ago somebody was last seen there.
        self._groups: dict[int, int] = {}
        self._halted: set[int] = set()  # groups stopped as a whole: somebody in them may not have been seen

    def members(self, table: dict[int, Process] | None = None) -> list[Process]:
        """Every process of it that is alive, parents before children; `table` is a look taken just now."""
        table = processes() if table is None else table
        if len(self._strangers) > 4 * len(table) + 1000:
            self._strangers.clear()  # nearly all of them are dead by now
        found = family(table, self._roots, self._mark, self._strangers, spared=(os.getpid(),))
        for process in found:
            # Who has been seen once is known, also when it later leaves home and clears its environment.
            self._roots.setdefault(process.pid, process.born)
        self._roots = {pid: born for pid, born in self._roots.items() if pid == self.root or pid in table}
        taken = {process.group for process in table.values() if not process.dead}
        kept = {
            group: unseen + 1 for group, unseen in self._groups.items() if group not in taken and unseen < 200
        }
        self._groups = kept | dict.fromkeys(own_groups(table, found), 0)
        return found

    def suspend(self) -> None:
        """Stop all of it, at once and for as long as it takes; the children born meanwhile included."""
        _send_group(self.root, signal.SIGSTOP)  # in one call what is most often all of it
        known = {(process.pid, process.born) for process in self._stopped}
        halted = self._halted
        halted.add(self.root)
        start = time.monotonic()
        while True:
            moving = waiting = False
            members = self.members()
            still = {process.group for process in members} - {p.group for p in members if not p.stopped}
            for group in self._groups.keys() - still:
                halted.add(group)
                _send_group(group, signal.SIGSTOP)
            for process in members:
                identity = (process.pid, process.born)
                if identity not in known:
                    if process.stopped and process.group not in halted:
                        continue  # somebody else has stopped it (a scan inside this one): not ours to resume
                    known.add(identity)
                    self._stopped.append(process)
                    moving |= not process.stopped
                    _send(process, signal.SIGSTOP)
                elif process.state == "D":
                    waiting = True  # for a disk; or for a child that was stopped between fork and exec
                elif not process.stopped:
                    moving = True  # it was told, and is still on its way out of a system call
            limit = _SETTLE_SECONDS if moving else _WAIT_SECONDS if waiting else 0.0
            if time.monotonic() - start >= limit:
                return
            time.sleep(0.0005)

    def resume(self) -> None:
        """Let everything go on that `suspend` has stopped, the last one first."""
        stopped, self._stopped = self._stopped, []
        halted, self._halted = self._halted, set()
        for process in reversed(stopped):
            _send(process, signal.SIGCONT)
        for group in halted:
            _send_group(group, signal.SIGCONT)

    def ask(self) -> None:
        """Ask all of it to end (SIGTERM), also where it is suspended."""
        members = self.members()
        for process in members:
            _send(process, signal.SIGTERM)  # a stopped process gets it when it is resumed, next
        for process in reversed(members):
            _send(process, signal.SIGCONT)

    def kill(self, table: dict[int, Process]) -> list[int]:
        """Kill whoever of it is in the table; their process ids."""
        self._stopped.clear()
        members = self.members(table)
        for group in self._groups:
            _send_group(group, signal.SIGKILL)
        for process in members:
            _send(process, signal.SIGKILL)
        return [process.pid for process in members]

    def memory(self) -> int:
        """Bytes that would come free if it ended: what is shared is counted once, where that can be told."""
        total = 0
        for process in self.members():
            with contextlib.suppress(psutil.Error, OSError):
                total += _bytes(psutil.Process(process.pid))
        return total


def end_all(trees: Sequence[Tree], grace: float, reap: Callable[[], object]) -> list[bool]:
    """End all of them at once: ask (SIGTERM), wait for up to `grace` seconds together, then kill whatever is left.

    `reap` is called again and again to take note of the roots' ends, so that they do not stay zombies. For each tree
    it says whether it went by itself when asked.
    """
    table = processes()
    alive = [tree for tree in trees if tree.members(table)]
    if grace > 0 and alive:
        for tree in alive:
            tree.ask()
        deadline = time.monotonic() + grace
        pause = 0.001
        while alive and time.monotonic() < deadline:
            reap()
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
            table = processes()
            alive = [tree for tree in alive if tree.members(table)]
        willing = [tree not in alive for tree in trees]
    else:
        willing = [True] * len(trees)
    deadline = time.monotonic() + _KILL_SECONDS
    quiet = dict.fromkeys(trees, 0)  # looks in a row that found nobody
    killed: set[int] = set()
    while (left := [tree for tree in trees if quiet[tree] < 3]) and time.monotonic() < deadline:
        table = processes()
        found = False
        for tree in left:
            members = tree.kill(table)
            quiet[tree] = 0 if members else quiet[tree] + 1
            killed.update(members)
            found = found or bool(members)
        reap()
        if found:
            time.sleep(0.001)
    for pid in killed - {tree.root for tree in trees}:
        # Where this process is the first of a container, orphans become its children and need burying.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return willing


def _bytes(process: psutil.Process) -> int:
    try:
        info = process.memory_full_info()
    except (psutil.AccessDenied, NotImplementedError):
        return int(process.memory_info().rss)
    # PSS shares out what several processes hold together (forked workers), so that a sum over them is right.
    return int(getattr(info, "pss", 0) or getattr(info, "uss", 0) or info.rss)


def _send(process: Process, number: signal.Signals) -> None:
    now = look_up(process.pid)
    if now is not None and now.born == process.born:  # not somebody else who was given the number since
        with contextlib.suppress(OSError):
            os.kill(process.pid, number)


def _send_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, number)
