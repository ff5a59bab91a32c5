"""One writer at a time: a lock that the operating system takes back when its holder dies, however it dies.

POSIX record locks (`fcntl.lockf`) rather than `flock`: they are not inherited by forked workers, so a worker
that outlives a killed scan for a moment does not keep the scan locked. Within one process such locks do not
exclude each other, hence the list of paths held here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from pathlib import Path

from lrscope.errors import SettingsError

_held: set[str] = set()
_guard = threading.Lock()


class FileLock:
    """Holds `path`, a small file that contains the holder's process number, until `release`.

    Raises
    ------
    SettingsError
        If another scan, in this process or another, holds it.
    OSError
        If the file cannot be made (read-only folder, full disk).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = str(path.resolve())
        self._file: int | None = None
        self._pid = os.getpid()
        with _guard:
            if self._name in _held:
                raise _in_use(path, os.getpid())
            self._file = self._take()
            _held.add(self._name)

    def _take(self) -> int:
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The holder before may have removed the file between our open and our lock: then what we hold
                # is a file that nobody else will ever see, and the next one would hold another.
                if not _same_file(file, self._path):
                    os.close(file)
                    continue
                os.ftruncate(file, 0)
                os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
            except BlockingIOError:
                holder = os.pread(file, 32, 0).strip().decode("ascii", "replace")
                os.close(file)
                raise _in_use(self._path, holder or "unknown") from None
            except BaseException:
                os.close(file)
                raise
            return file

    def release(self) -> None:
        """Let go, and remove the file. May be called twice; does nothing in a forked child."""
        with _guard:
            if self._file is None or os.getpid() != self._pid:
                return
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._file)
            self._file = None
            _held.discard(self._name)


def _same_file(file: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(file)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _in_use(path: Path, holder: int | str) -> SettingsError:
    return SettingsError(
        f"{path.parent} is in use by another scan (process {holder}): wait for it to end, or name another "
        "folder with --out."
    )
