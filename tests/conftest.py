"""What tests anywhere in the tree may ask for."""

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT as in a program at a terminal, here and in what the test starts.

    A shell has SIGINT ignored by what it starts in the background of a script, and children inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
