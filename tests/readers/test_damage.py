"""Damaged and hostile files: never anything but what could be read, or one clear sentence; never a hang."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrscope.errors import UsageError
from lrscope.readers import LoggedRun, read

KEPT = (
    "tensorboard/events.out.tfevents.1700000000.host",
    "wandb/run-abc.wandb",
    "mlflow/mlflow.db",
    "trackio/p.db",
    "optuna/optuna.db",
    "optuna/journal.log",
    "trainer_state/checkpoint-30/trainer_state.json",
    "lightning/lightning.csv",
    "keras/keras.csv",
)
QUICK = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=60,
)


def survives(path: Path) -> list[LoggedRun]:
    """The runs in the file, none where it is refused; any other end fails the test."""
    try:
        runs = read(path)
    except UsageError as error:
        sentence = str(error).partition("\nThe most frequent kinds of line")[0]
        if not sentence.startswith(str(path)) or "\n" in sentence:
            raise
        return []
    assert runs
    assert all(run.curves for run in runs)
    return runs


@pytest.fixture
def file(kept):
    """`file(place)` is one kept log, by format and place."""

    def make(place: str) -> Path:
        format, _, rest = place.partition("/")
        return kept(format) / rest

    return make


@pytest.mark.parametrize("place", KEPT)
def test_cut_off_anywhere(file, tmp_path, place):
    """A file cut off at any byte (for long ones: at a hundred) gives a beginning of what was logged."""
    data = file(place).read_bytes()
    whole = {run.name: run for run in read(file_copy(tmp_path, place, data))}
    cuts = range(len(data)) if len(data) < 400 else sorted(random.Random(0).sample(range(len(data)), 120))
    for cut in cuts:
        for run in survives(file_copy(tmp_path, place, data[:cut])):
            if run.format == "console" or run.name not in whole:
                continue
            for name, curve in run.curves.items():
                full = whole[run.name].curves.get(name)
                if (
                    full is not None and len(curve) > 1
                ):  # a number cut in its middle stands in the last row only
                    values = dict(zip(full.step.tolist(), full.loss.tolist(), strict=True))
                    for step, loss in list(zip(curve.step.tolist(), curve.loss.tolist(), strict=True))[:-1]:
                        assert values[step] == loss or loss != loss, (cut, name, step)


def file_copy(folder: Path, place: str, data: bytes) -> Path:
    path = folder / Path(place).name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("place", KEPT)
@QUICK
@given(data=st.data())
def test_flipped_bytes(file_bytes, tmp_path, place, data):
    """Any few bytes replaced by any others never make the reader fail in another way than by refusing."""
    content = bytearray(file_bytes(place))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    survives(file_copy(tmp_path, place, bytes(content)))


@pytest.fixture
def file_bytes(kept):
    """A kept log's bytes, made once a test."""
    known: dict[str, bytes] = {}

    def content(place: str) -> bytes:
        if place not in known:
            format, _, rest = place.partition("/")
            known[place] = (kept(format) / rest).read_bytes()
        return known[place]

    return content


@QUICK
@given(
    head=st.sampled_from(
        [
            b"",
            b":W&B\xe1\xbe\x00",
            b"SQLite format 3\x00",
            b"{",
            b"[",
            b'{"log_history": [',
            b"step,loss\n",
            b"step\tloss\n1\t",
            b'{"op_code":4,"worker_id":"a"}\n',
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"step 1 loss 0.5\n",
            b"\x18\x00\x00\x00\x00\x00\x00\x00",
        ]
    ),
    tail=st.one_of(
        st.binary(max_size=400), st.text(max_size=300).map(lambda t: t.encode("utf-8", "replace"))
    ),
    name=st.sampled_from(
        ["x", "x.csv", "x.jsonl", "x.wandb", "events.out.tfevents.1.h", "trainer_state.json", "x.db"]
    ),
)
def test_arbitrary_bytes(tmp_path, head, tail, name):
    """Any bytes after any format's beginning, under any name."""
    path = tmp_path / name
    path.write_bytes(head + tail)
    survives(path)
    path.unlink()


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.wandb", "a.db", "events.out.tfevents.1.h", "noname"])
def test_an_empty_file_says_so(tmp_path, name):
    """Nothing to read is said, and not that something is damaged."""
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match="is empty"):
        read(tmp_path / name)


def test_a_pipe_is_not_waited_for(tmp_path):
    """A FIFO that nobody writes to is refused at once, by itself and in a folder."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match="no regular file"):
        read(tmp_path / "pipe.csv")
    (tmp_path / "a.csv").write_text("step,loss\n1,2\n2,1\n")
    assert [r.name for r in read(tmp_path)] == ["a"]


def test_a_device_without_end_is_not_read():
    """/dev/zero is no log."""
    with pytest.raises(UsageError, match="no regular file"):
        read("/dev/zero")


def test_folders_that_contain_themselves(tmp_path):
    """A loop of links is entered once; each run in it is there once."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "x.csv").write_text("step,loss\n1,2\n2,1\n")
    (tmp_path / "z").symlink_to(tmp_path / "a")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert [r.name for r in read(tmp_path)] == ["a/x"]


def test_permission_denied(tmp_path, monkeypatch):
    """A file that may not be read is named as such; in a folder, the others are read and the run says what
    is not.

    The refusal is played, because the tests may run as root, who may read everything.
    """
    (tmp_path / "a.csv").write_text("step,loss\n1,2\n2,1\n")
    (tmp_path / "b.csv").write_text("step,loss\n1,2\n2,1\n")
    real = os.open

    def refuse(path, *rest, **more):
        if str(path).endswith("b.csv"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    (run,) = read(tmp_path)
    assert run.name == "a"
    assert "b.csv (Permission denied)" in run.warnings[-1]
    with pytest.raises(UsageError, match="permission denied"):
        read(tmp_path / "b.csv")


def test_what_cannot_be_understood_lists_what_was_tried(tmp_path):
    """A file of prose is refused in one sentence that names the formats it was tried as."""
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary,\ntoday I trained nothing.\n")
    with pytest.raises(UsageError, match="tried as console output"):
        read(path)
    path.write_bytes(random.Random(1).randbytes(5000))
    with pytest.raises(UsageError, match=r"binary data of no known kind.*TensorBoard"):
        read(path)
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "missing.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="nothing in it"):
        read(tmp_path / "empty")


def test_a_long_file_is_read_up_to_the_bound(tmp_path, monkeypatch):
    """Beyond the bound nothing is read, and the run says so."""
    monkeypatch.setattr("lrscope.readers.files.MOST_BYTES", 1000)
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n" + "".join(f"{k},{k}.5\n" for k in range(1000)))
    (run,) = read(path)
    assert 50 < len(run.curves["loss"]) < 200
    assert any("Only the first" in w for w in run.warnings)


def test_checkpoints_and_copies_are_one_run(kept, tmp_path):
    """The states of three checkpoints are one run; the console's output beside metrics is not another."""
    shutil.copytree(kept("trainer_state"), tmp_path / "out" / "run1")
    (tmp_path / "out" / "run1" / "train.log").write_text(
        "step 1: loss 2.0\nstep 2: loss 1.0\nstep 3: loss 0.5\n"
    )
    (tmp_path / "out" / "run2").mkdir()
    (tmp_path / "out" / "run2" / "train.log").write_text(
        "step 1: loss 2.0\nstep 2: loss 1.0\nstep 3: loss 0.5\n"
    )
    runs = read(tmp_path / "out")
    assert [
        (r.name, r.format) for r in runs if r.name.startswith("run1") and r.format == "trainer_state"
    ] == [("run1", "trainer_state")]
    assert [(r.format, len(r.curves["loss"])) for r in runs if r.name.startswith("run2")] == [("console", 3)]
