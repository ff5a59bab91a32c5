"""How the processors are shared out among runs that train at the same time."""

from __future__ import annotations

import os


def processor_share(jobs: int) -> dict[str, str]:
    """Environment variables that give each of `jobs` processes its part of the processors.

    Libraries take one thread a processor each, and when several do so at once their threads wait for each
    other: two PyTorch runs on two busy processors took over 40 times as long. What the user has set stays.
    """
    if "OMP_NUM_THREADS" in os.environ:
        return {}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"OMP_NUM_THREADS": str(max(1, cores // jobs))}
