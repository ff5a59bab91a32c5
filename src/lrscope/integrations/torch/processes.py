"""The processes of a distributed run."""

from __future__ import annotations

from torch import distributed


def process_count() -> int:
    """How many train together; 1 unless `torch.distributed` is in use."""
    return distributed.get_world_size() if _in_use() else 1


def is_first_process() -> bool:
    """Whether this is the process that writes."""
    return not _in_use() or distributed.get_rank() == 0


def _in_use() -> bool:
    return distributed.is_available() and distributed.is_initialized()
