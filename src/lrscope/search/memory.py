"""How many paused runs the memory has room for."""

from __future__ import annotations

from pathlib import Path

import psutil

_CGROUP_FOLDER = Path("/sys/fs/cgroup")


def available_memory() -> int:
    """Bytes that can still be used, by the machine's account or by the container's, whichever is less."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = (_CGROUP_FOLDER / "memory.max").read_text().strip()
        used = int((_CGROUP_FOLDER / "memory.current").read_text())
        return free if limit == "max" else max(0, min(free, int(limit) - used))
    except (OSError, ValueError):
        return free


def room_for(memory_of_one: int | None, open_now: int, available: int) -> int | None:
    """How many runs may wait: half of what is free (counting those that wait already), at least 2.

    None where a run's memory cannot be told: then there is no limit.
    """
    if not memory_of_one:
        return None
    return max(2, (available + open_now * memory_of_one) // 2 // memory_of_one)
