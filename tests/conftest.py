"""What tests anywhere in the tree may ask for."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def terminal_signals() -> Iterator[None]:
    """Signals as in a program at a terminal, here and in what the test starts.

    A shell has SIGINT ignored by what it starts in the background of a script, `nohup` has SIGHUP ignored, and
    children inherit that.
    """
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGTERM)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
