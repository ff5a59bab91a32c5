"""Whether a run failed for want of something that the runs that wait beside it hold: memory, a port, a lock, a device.

A suspended run keeps all of these. So such a failure says nothing of the learning rate, and may not come again once the
waiting runs have been ended.
"""

from __future__ import annotations

import re

_WANTS = re.compile(
    r"""
    out\s+of\s+(?:\w+\s+)?memory | OutOfMemory | MemoryError | cannot\s+allocate | failed\s+to\s+allocate | bad_alloc
    | RESOURCE_EXHAUSTED | memory\s+runs\s+out
    | address\s+(?:is\s+)?already\s+in\s+use | EADDRINUSE | port\s+.{0,20}(?:in\s+use|occupied|taken)
    | no\s+space\s+left | disk\s+quota\s+exceeded | too\s+many\s+open\s+files
    | resource\s+(?:is\s+)?(?:temporarily\s+unavailable|busy) | devices?\b.{0,30}\b(?:busy|unavailable|in\s+use)
    | BlockingIOError | database\s+is\s+locked | lock\b.{0,40}\b(?:held|taken|acquire) | already\s+locked
    """,
    re.IGNORECASE | re.VERBOSE,
)


def wants_resource(*words: str | None) -> bool:
    """Whether a run's last words (its reason, the last lines that it printed) speak of a resource that it lacked."""
    return any(_WANTS.search(text) for text in words if text)
