"""Folders of a run: its own one (`{out}`), and a copy of the user's working folder made of links."""

from __future__ import annotations

import os
import time
from pathlib import Path

from lrscope.errors import StoreError


def new_folder(wanted: Path) -> Path:
    """Make `wanted`; where it holds something already, the next free of `wanted-2`, `wanted-3`, …

    A run that is started anew must not find its own old checkpoints and metrics, and nothing that was written
    is ever deleted.
    """
    candidate, number = wanted, 1
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                candidate.mkdir()
                return candidate
            except FileExistsError:
                if candidate.is_dir() and not any(candidate.iterdir()):
                    return candidate
                number += 1
                candidate = wanted.with_name(f"{wanted.name}-{number}")
    except OSError as error:
        raise StoreError(f"The run's folder {str(candidate)!r} cannot be made: {error.strerror}.") from error


def linked_copy(of: Path, at: Path, metrics: Path) -> None:
    """Fill folder `at` with links to everything in folder `of`, except where `metrics` will be written.

    `metrics` is a relative path. Its first component is left out, so that the file is made anew in `at`;
    where that component is a folder, an empty one is made. What holds `at` itself is left out, too: no walk
    goes round in circles.
    """
    first = metrics.parts[0]
    for entry in os.scandir(of):
        if entry.name == first:
            if len(metrics.parts) > 1 and entry.is_dir():
                (at / first).mkdir()
        elif not at.is_relative_to(Path(entry.path).resolve()):
            (at / entry.name).symlink_to(Path(entry.path).absolute())


def move_aside(path: Path) -> Path | None:
    """Rename a file that is in the way; the new path, or None where nothing was."""
    if not path.is_file() or path.stat().st_size == 0:
        return None
    new = path.with_name(f"{path.name}.before-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03d}")
    path.rename(new)
    return new
