"""What `progress` means to the public functions: a display, a callable of the caller's own, or nothing."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from lrscope.search.progress import Observer


def observer_of(progress: bool | Observer | None, stack: ExitStack) -> Observer | None:
    """The observer to give to a session; a display is shown until `stack` is closed."""
    if progress is True:
        from lrscope.views.scan.progress import make_progress

        display = make_progress(sys.stderr)
        stack.enter_context(display)
        return display
    return progress or None
