"""One program under way: started without a shell, its output in one pipe, suspended and ended as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from lrscope.training.source.program import guardian
from lrscope.training.source.program.tree import Tree, end_all

# What fits into the pipe is printed before anybody can look at it, so a small pipe keeps a program that
# prints fast close to the step that it is to be paused at: 4 KiB are some hundred lines, and the usual 64 KiB
# thousands.
_PIPE_BYTES = 4096


class Program:
    """A program and all its children; an `OSError` if it cannot be started.

    No shell reads the `arguments`; `run` is a name that no other run of this process has; `variables` of the
    environment come on top of the present ones. `output` is a non-blocking descriptor that delivers what is printed.
    Standard output and standard error share one pipe: only so does a line keep its place between its neighbours.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        run: str,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        mark = guardian.environment(run)
        self.output, write = os.pipe()
        try:
            with contextlib.suppress(
                AttributeError, OSError
            ):  # Linux only, and a limit of the system may forbid it
                fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            os.set_blocking(self.output, False)
            self._popen = subprocess.Popen(
                list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **(variables or {}), **mark},
                start_new_session=True,  # so Ctrl-C in the terminal is the scan's alone
            )
        except BaseException:
            os.close(self.output)
            raise
        finally:
            os.close(write)
        self.pid = self._popen.pid
        guardian.protect(self.pid)
        self._tree = Tree(self.pid, "=".join(next(iter(mark.items()))))
        self._closed = False
        self._one_at_a_time = threading.RLock()  # its reader may suspend it while its owner ends it

    def poll(self) -> int | None:
        """Its exit status once it has ended (negative: the signal that ended it), else None."""
        return self._popen.poll()

    def suspend(self) -> None:
        """Stop it and all its children; they keep their memory and use no processor time."""
        with self._one_at_a_time:
            if self.poll() is None:
                self._tree.suspend()

    def resume(self) -> None:
        """Let it go on after `suspend`."""
        with self._one_at_a_time:
            self._tree.resume()

    def leftovers(self) -> int:
        """How many of its processes are alive."""
        with self._one_at_a_time:
            return len(self._tree.members())

    def end(self, grace: float) -> bool:
        """End it; see `end_together`."""
        return end_together([self], grace)[0]

    def close(self) -> None:
        """Close the pipe. The program should have been ended."""
        if not self._closed:
            self._closed = True
            os.close(self.output)

    def memory(self) -> int:
        """Bytes that it and its children hold."""
        with self._one_at_a_time:
            return self._tree.memory()


def end_together(programs: Sequence[Program], grace: float) -> list[bool]:
    """End programs with all their children, all at the same time; see `tree.end_all`.

    Nothing of them is left then, not even a zombie. For each, whether it went by itself when asked.
    """
    with contextlib.ExitStack() as stack:
        for program in programs:
            stack.enter_context(program._one_at_a_time)
        trees = [program._tree for program in programs]
        willing = end_all(trees, grace, lambda: [program.poll() for program in programs])
        for program in programs:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program._popen.wait(10)
    for program in programs:
        guardian.release(program.pid)
    return willing
