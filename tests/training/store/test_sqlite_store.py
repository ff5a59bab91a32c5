"""The store that survives: one SQLite file."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

import lrscope
from lrscope.config import at_rate
from lrscope.curves import RunState
from lrscope.errors import SettingsError, StoreError
from lrscope.testing.store_suite import StoreSuite
from lrscope.training.store.base import Change, Decision, Points, Settings
from lrscope.training.store.sqlite import SqliteStore
from lrscope.training.store.sqlite_read import read_store

A = at_rate(1e-3)


class TestSqliteStore(StoreSuite):
    def open(self, place: Path) -> SqliteStore:
        return SqliteStore(place / "results" / "scan.sqlite")


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_clean_end_leaves_one_file(tmp_path):
    """After `close` there is the database and nothing beside it: no log, no index, no lock."""
    store = SqliteStore(tmp_path / "scan.sqlite")
    store.append([Points(A, [(1, "loss", 1.0)])])
    store.close()
    assert files(tmp_path) == ["scan.sqlite"]


def test_others_read_while_a_scan_writes(tmp_path):
    """A reader sees what was appended, before the writer has closed, and does not disturb it."""
    store = SqliteStore(tmp_path / "scan.sqlite")
    store.append([Settings({"budget": 4}), Points(A, [(1, "loss", 1.0)])])
    assert len(read_store(tmp_path / "scan.sqlite").runs[0].curves["loss"]) == 1
    store.append([Points(A, [(2, "loss", 0.5)])])
    assert len(read_store(tmp_path / "scan.sqlite").runs[0].curves["loss"]) == 2
    store.close()
    assert files(tmp_path) == ["scan.sqlite"]


def test_two_threads_of_readers_and_the_writer_agree(tmp_path):
    """Whatever moment a reader hits, it sees whole transactions: two runs that always grow together."""
    path = tmp_path / "scan.sqlite"
    store = SqliteStore(path)
    store.append([Points(A, [(0, "loss", 0.0)]), Points(at_rate(1.0), [(0, "loss", 0.0)])])
    stop = threading.Event()
    uneven: list[object] = []

    def look() -> None:
        while not stop.is_set():
            lengths = {len(run.curves["loss"]) for run in read_store(path).runs}
            if len(lengths) != 1:
                uneven.append(lengths)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for step in range(1, 200):
        store.append([Points(A, [(step, "loss", 1.0)]), Points(at_rate(1.0), [(step, "loss", 1.0)])])
    stop.set()
    for reader in readers:
        reader.join()
    store.close()
    assert uneven == []


def test_records_go_in_all_or_none(tmp_path):
    """Where one record of a call cannot be written, none of that call is, and the store goes on working."""
    store = SqliteStore(tmp_path / "scan.sqlite")
    with pytest.raises(TypeError):
        store.append([Points(A, [(1, "loss", 1.0)]), Decision("note", "x", detail={"value": object()})])
    assert list(store.read().runs) == []
    store.append([Points(A, [(1, "loss", 2.0)])])
    assert store.read().runs[0].curves["loss"].loss.tolist() == [2.0]
    store.close()


def test_one_writer_at_a_time_in_this_process(tmp_path):
    """A second writer is told who has the scan; after the first has closed, it may write."""
    first = SqliteStore(tmp_path / "scan.sqlite")
    with pytest.raises(SettingsError, match=rf"in use by another scan \(process {os.getpid()}\)"):
        SqliteStore(tmp_path / "scan.sqlite")
    first.append([Change(A, RunState.PAUSED, 1)])
    first.close()
    second = SqliteStore(tmp_path / "scan.sqlite")
    assert second.read().runs[0].step == 1
    second.close()


HOLDER = """
import sys, time
from lrscope.config import at_rate
from lrscope.training.store.base import Points
from lrscope.training.store.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
for step in range(5000):
    store.append([Points(at_rate(1e-3), [(step, "loss", 1.0)])])
    print(step, flush=True)
time.sleep(60)
"""


def hold(path: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": str(Path(lrscope.__file__).parent.parent)}
    command = [sys.executable, "-c", HOLDER, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)


def test_the_lock_and_the_records_outlive_nothing_but_the_process(tmp_path):
    """Another process's lock is reported with its number; killed with SIGKILL, it leaves the scan free, and
    every record whose `append` had returned is there."""
    path = tmp_path / "scan.sqlite"
    with hold(path) as process:
        try:
            assert process.stdout is not None
            last = -1
            for line in process.stdout:
                last = int(line)
                if last == 300:
                    break
            with pytest.raises(SettingsError, match=rf"process {process.pid}\)"):
                SqliteStore(path)
            os.kill(process.pid, signal.SIGKILL)
            rest = process.stdout.read().split("\n")
            done = max([last, *(int(line) for line in rest[:-1])])
        finally:
            process.kill()
    assert len(read_store(path).runs[0].curves["loss"]) >= done + 1  # from the log that the killed one left
    store = SqliteStore(path)
    assert store.read().runs[0].curves["loss"].step.tolist()[: done + 1] == list(range(done + 1))
    store.close()
    assert files(tmp_path) == ["scan.sqlite"]


def test_a_killed_scan_is_read_where_nothing_can_be_written(tmp_path):
    """File and log of a killed scan are read where SQLite cannot make its index, and nothing is left."""
    store = SqliteStore(tmp_path / "a" / "scan.sqlite")
    store.append([Points(A, [(1, "loss", 1.0)])])
    frozen = tmp_path / "b"
    frozen.mkdir()
    for name in ("scan.sqlite", "scan.sqlite-wal"):
        shutil.copy(tmp_path / "a" / name, frozen / name)
    store.close()
    with read_only(frozen):
        assert len(read_store(frozen / "scan.sqlite").runs[0].curves["loss"]) == 1
        assert files(frozen) == ["scan.sqlite", "scan.sqlite-wal"]


def test_a_finished_scan_is_read_from_a_read_only_folder(tmp_path):
    """A scan that ended cleanly needs no writing to be read; to write it there is refused in one sentence."""
    folder = tmp_path / "a"
    store = SqliteStore(folder / "scan.sqlite")
    store.append([Points(A, [(1, "loss", 1.0)])])
    store.close()
    with read_only(folder):
        assert len(read_store(folder / "scan.sqlite").runs[0].curves["loss"]) == 1
        assert files(folder) == ["scan.sqlite"]
        with pytest.raises(StoreError, match=r"Results cannot be written to .*--out") as raised:
            SqliteStore(folder / "scan.sqlite")
        assert raised.value.exit_status == 1


class read_only:  # noqa: N801
    """Makes a folder read-only for everyone: immutable for root, without write bits for others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        self.folder.chmod(0o555)
        if os.geteuid() == 0:
            subprocess.run(["chattr", "-R", "+i", str(self.folder)], check=True)

    def __exit__(self, *_: object) -> None:
        if os.geteuid() == 0:
            subprocess.run(["chattr", "-R", "-i", str(self.folder)], check=True)
        self.folder.chmod(0o755)


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE plants (name TEXT)")


def newer(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def noise(path: Path) -> None:
    path.write_bytes(b"this is no database at all " * 400)


def torn(path: Path) -> None:
    store = SqliteStore(path)
    store.append([Points(at_rate(10.0**-k), [(s, "loss", 1.0) for s in range(2000)]) for k in range(5)])
    store.close()
    content = bytearray(path.read_bytes())
    content[4096 : len(content)] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (foreign, "another program"),
        (newer, "newer lrscope"),
        (noise, "damaged or is not a database"),
        (torn, "damaged or is not a database"),
        (Path.mkdir, "is a folder"),
    ],
)
def test_a_file_that_is_no_scan_gives_one_sentence(tmp_path, spoil, says):
    """Foreign, newer and damaged files, and folders, are refused by name, by readers and writers alike,
    unharmed, and the folder is not left locked."""
    path = tmp_path / "scan.sqlite"
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    for attempt in (lambda: SqliteStore(path).read(), lambda: read_store(path)):
        with pytest.raises(StoreError) as raised:
            attempt()
        assert says in raised.value.message
        assert str(path) in raised.value.message
        assert "\n" not in raised.value.message
    if before is not None:
        assert path.read_bytes()[4096:] == before[4096:]


def test_what_is_not_there_cannot_be_read(tmp_path):
    """Reading a missing file says so, and makes none."""
    with pytest.raises(StoreError, match="does not exist"):
        read_store(tmp_path / "scan.sqlite")
    assert files(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_harms_nothing(tmp_path):
    """When the file may not grow (a real limit in SQLite), `append` says so; what was there stays, and once
    there is room the store goes on."""
    path = tmp_path / "scan.sqlite"
    store = SqliteStore(path)
    store.append([Points(A, [(1, "loss", 1.0)])])
    connection = store._connection
    assert connection is not None
    connection.execute("PRAGMA max_page_count = 12")
    with pytest.raises(StoreError, match="is the disk full"):
        store.append([Points(A, [(s, "loss", 1.0) for s in range(2, 50_000)])])
    assert len(store.read().runs[0].curves["loss"]) == 1
    connection.execute("PRAGMA max_page_count = 1000000")
    store.append([Points(A, [(2, "loss", 0.5)])])
    store.close()
    assert len(read_store(path).runs[0].curves["loss"]) == 2


def test_a_closed_store_takes_nothing(tmp_path):
    """Appending to a closed store, or reading it, is refused instead of lost."""
    store = SqliteStore(tmp_path / "scan.sqlite")
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.append([Settings({"a": 1})])
    with pytest.raises(StoreError, match="closed"):
        store.read()
