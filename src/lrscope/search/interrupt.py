"""Ctrl-C and its like, at moments at which they do no harm.

While the user's code trains in this thread, a signal is a KeyboardInterrupt at once, as everywhere in Python.
While runs train elsewhere, and while the session writes or tidies up, it is noted, and the scan ends at the next
look, when what runs have reported is written. Somebody who asks again five seconds later,
while the tidying hangs, is obeyed: what was measured is safe by then.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

TIDYING_SECONDS = 5.0
"""After so long a further signal breaks the tidying up off."""


class Interrupt:
    """Takes over, for its `with` block, the signals that would raise here: SIGINT, and those to which the
    program has given a handler of its own (the command line makes SIGTERM and SIGHUP a KeyboardInterrupt).

    Signals that are ignored, or would end the process without Python, are left alone: a shell has SIGINT
    ignored by what it starts in the background of a script. Outside the main thread there is nothing to
    take over.
    """

    def __init__(self) -> None:
        self.asked = False
        self._exposed = False
        self._since: float | None = None
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], Any]] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                handler = signal.getsignal(number)
                if callable(handler) and not isinstance(handler, signal.Handlers):
                    self._before[number] = handler
                    signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come."""
        if self.asked:
            raise KeyboardInterrupt

    @contextmanager
    def exposed(self) -> Iterator[None]:
        """Within this block a signal raises KeyboardInterrupt at once."""
        self._exposed = True
        try:
            self.check()  # one that came just before the block
            yield
        finally:
            self._exposed = False

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if self._exposed or now - self._since > TIDYING_SECONDS:
            self._exposed = False
            raise KeyboardInterrupt
