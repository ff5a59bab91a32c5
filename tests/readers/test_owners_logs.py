"""W&B, MLflow, Trackio, Optuna, Hugging Face, Lightning and Keras: every point that the owner's package
logged."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lrscope.config import Config, RunKey
from lrscope.errors import UsageError
from lrscope.readers import LoggedRun, read
from lrscope.training.store.base import Points
from lrscope.training.store.sqlite import SqliteStore


def same_as_logged(run: LoggedRun, truth, loss: str, val: str) -> None:
    """The run holds the curves that the script logged, with NaN, and the learning rate from its settings."""
    steps = list(range(truth.STEPS))
    assert run.curves[loss].step.tolist() == steps
    np.testing.assert_allclose(run.curves[loss].loss, [truth.train_loss(k) for k in steps], rtol=1e-12)
    assert math.isnan(run.curves[loss].loss[truth.WITH_NAN])
    assert run.curves[val].step.tolist() == steps[:: truth.EVERY]
    np.testing.assert_allclose(
        run.curves[val].loss, [truth.val_loss(k) for k in steps[:: truth.EVERY]], rtol=1e-12
    )
    rates = run.curves[loss].lr
    assert rates is not None
    assert np.all(rates == truth.RATE)
    assert not run.warnings


def test_wandb(log, truth):
    """An offline run is read with its name, its settings' learning rate and nested keys; histograms are
    not."""
    (run,) = read(log("wandb", "wandb"))
    assert (run.name, run.format) == ("a run", "wandb")
    assert set(run.curves) == {"loss", "val/loss"}
    same_as_logged(run, truth, "loss", "val/loss")


def test_wandb_with_a_broken_block_goes_on_at_the_next(kept, truth, tmp_path):
    """Framing that breaks costs the rest of its 32 KiB block, which is counted; later blocks are read."""
    source = kept("wandb") / "run-abc.wandb"
    data = bytearray(source.read_bytes())
    # Blocks of filler after the header push the owner's records behind a block border of our making.
    data_records = bytes(data[7:])
    block = 32 << 10
    first = bytes(data[:7]) + b"\xff" * (block - 7)
    shifted = _reframed(data_records, block)
    path = tmp_path / "broken.wandb"
    path.write_bytes(first + shifted)
    (run,) = read(path)
    assert run.curves["loss"].step.tolist() == list(range(truth.STEPS))
    assert "1 broken place(s)" in run.warnings[0]


def _reframed(records: bytes, at: int) -> bytes:
    """The same payloads as whole records from a block border on (LevelDB's log format, written anew)."""
    payloads, parts, k, offset = [], b"", 0, 7
    while k + 7 <= len(records):
        size = int.from_bytes(records[k + 4 : k + 6], "little")
        kind = records[k + 6]
        parts += records[k + 7 : k + 7 + size]
        if kind in (1, 4):
            payloads.append(parts)
            parts = b""
        k += 7 + size
        offset += 7 + size
        room = (32 << 10) - offset % (32 << 10)
        if room < 7:
            k, offset = k + room, offset + room
    out = b""
    for payload in payloads:
        room = (32 << 10) - (at + len(out)) % (32 << 10)
        if room < 7 + len(payload):
            out += b"\x00" * room
        out += (
            zlib.crc32(b"\x01" + payload).to_bytes(4, "little")
            + len(payload).to_bytes(2, "little")
            + b"\x01"
            + payload
        )
    return out


def test_wandb_with_an_altered_byte_loses_what_it_hit_and_says_so(kept):
    """A flipped byte in a record fails its checksum: no altered number comes through."""
    path = kept("wandb") / "run-abc.wandb"
    data = bytearray(path.read_bytes())
    whole = read(path)[0].curves["loss"]
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    (run,) = read(path)
    n = len(run.curves["loss"])
    assert n < len(whole)
    np.testing.assert_array_equal(run.curves["loss"].loss, whole.loss[:n])
    assert "damaged" in run.warnings[0]


@pytest.mark.parametrize("place", ["mlflow.db", "mlruns"])
def test_mlflow(log, truth, place):
    """Database and folders give the same run, with NaN and infinity, although both write them in their own
    way."""
    (run,) = read(log("mlflow", "mlflow") / place)
    assert (run.name, run.format) == ("a run", "mlflow")
    assert run.curves["diverged"].loss.tolist() == [math.inf]
    same_as_logged(run, truth, "train/loss", "val_loss")


def test_one_metric_file_of_mlflow(kept, truth):
    """A metric's own file is read too, without the rest of its run."""
    (file,) = kept("mlflow").glob("mlruns/*/*/metrics/val_loss")
    (run,) = read(file)
    assert run.curves["val_loss"].loss.tolist() == [
        truth.val_loss(k) for k in range(0, truth.STEPS, truth.EVERY)
    ]


def test_a_damaged_metric_file_of_mlflow_gives_its_whole_lines(kept):
    """Lines that make no sense are counted."""
    folder = kept("mlflow")
    (file,) = folder.glob("mlruns/*/*/metrics/val_loss")
    file.write_text(file.read_text() + "17000\x00\x00garbage\n")
    (run,) = read(folder / "mlruns")
    assert len(run.curves["val_loss"]) == 8
    assert "1 line(s)" in run.warnings[0]


def test_trackio(log, truth):
    """A project's database gives each run, with nested keys joined and NaN kept."""
    (run,) = read(log("trackio", "trackio") / "p.db")
    assert (run.name, run.format) == ("a run", "trackio")
    same_as_logged(run, truth, "loss", "val/loss")


@pytest.mark.parametrize("place", ["optuna.db", "journal.log"])
def test_optuna(log, truth, place):
    """A study gives one run a trial, at the trial's learning rate; infinity is kept."""
    runs = read(log("optuna", "optuna") / place)
    assert [r.name for r in runs] == [f"a study/trial {k}" for k in range(3)]
    for number, run in enumerate(runs):
        curve = run.curves["intermediate value"]
        expected = [truth.train_loss(k) + number for k in range(truth.STEPS - 1)] + [math.inf]
        assert curve.step.tolist() == list(range(truth.STEPS))
        np.testing.assert_allclose(curve.loss, expected, rtol=1e-12)
        assert curve.lr is not None
        assert np.all(curve.lr == truth.RATE)


def test_a_cut_journal_gives_what_was_written(kept):
    """A half line at the end of Optuna's journal is passed over and counted."""
    path = kept("optuna") / "journal.log"
    path.write_bytes(path.read_bytes()[:-20])
    assert "1 line(s) are damaged" in read(path)[0].warnings[0]


def test_trainer_state(log):
    """Hugging Face's history is read from the checkpoint that knows most; folders of one training are one
    run."""
    folder = log("trainer_state", "transformers", "accelerate", "torch")
    history = json.loads((folder / "truth").read_text())
    (run,) = read(folder)
    assert run.format == "trainer_state"
    assert not run.warnings
    losses = [(row["step"], row["loss"]) for row in history if "loss" in row]
    evals = [(row["step"], row["eval_loss"]) for row in history if "eval_loss" in row]
    assert list(zip(run.curves["loss"].step, run.curves["loss"].loss, strict=True)) == losses
    assert list(zip(run.curves["eval_loss"].step, run.curves["eval_loss"].loss, strict=True)) == evals
    rates = [row["learning_rate"] for row in history if "loss" in row]
    assert run.lr is not None
    assert run.lr.loss.tolist() == rates
    assert run.epoch is not None
    assert run.epoch.loss[0] == history[0]["epoch"]


def test_a_cut_trainer_state_gives_the_rows_before_the_cut(kept):
    """A JSON document that was cut is read up to there, and says so."""
    path = kept("trainer_state") / "checkpoint-30" / "trainer_state.json"
    text = path.read_text()
    path.write_text(text[: text.index('"step": 20')])
    (run,) = read(path)
    assert run.curves["loss"].step.tolist() == list(range(2, 19, 2))
    assert "cut short" in run.warnings[0]


def test_lightnings_sparse_columns(log, truth):
    """A row of Lightning's metrics.csv has the rate, the training loss or the validation loss, never all."""
    (run,) = read(log("lightning", "lightning", "torch") / "lightning.csv")
    assert set(run.curves) == {"train_loss", "val_loss"}
    steps = range(truth.STEPS)
    np.testing.assert_allclose(run.curves["train_loss"].loss, [truth.train_loss(k) for k in steps], rtol=1e-6)
    assert run.curves["val_loss"].step.tolist() == [
        k - 1 for k in range(truth.EVERY, truth.STEPS + 1, truth.EVERY)
    ]
    assert run.curves["train_loss"].lr is not None
    assert np.allclose(run.curves["train_loss"].lr, truth.RATE)
    assert run.epoch is not None
    assert run.epoch.loss[-1] == truth.STEPS / truth.EVERY - 1
    assert not run.warnings


def test_keras_csv_logger(log):
    """Epochs are Keras' steps, counted from 0 as it writes them."""
    folder = log("keras", "keras", "torch")
    history = json.loads((folder / "truth").read_text())
    (run,) = read(folder / "keras.csv")
    assert set(run.curves) == set(history)
    for name, values in history.items():
        np.testing.assert_allclose(run.curves[name].loss, values, rtol=1e-6)
        assert run.curves[name].step.tolist() == list(range(len(values)))


def scan_file(path: Path) -> None:
    """A scan's file as the session's store lays it out."""
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE runs (id INTEGER PRIMARY KEY, lr REAL NOT NULL, seed INTEGER NOT NULL, state TEXT);
        CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE points (run INTEGER NOT NULL, metric INTEGER NOT NULL, step INTEGER NOT NULL, value REAL,
            PRIMARY KEY (run, metric, step)) WITHOUT ROWID;
        INSERT INTO runs VALUES (1, 0.1, 0, 'complete'), (2, 0.2, 1, 'diverged');
        INSERT INTO metrics VALUES (1, 'loss'), (2, 'val_loss');
        INSERT INTO points VALUES (1, 1, 1, 2.0), (1, 1, 2, 1.0), (1, 2, 2, 1.5), (2, 1, 1, 3.0), (2, 1, 2,
        NULL); PRAGMA application_id = 1819439971;
        """
    )
    connection.close()


def test_a_scan_of_our_own(tmp_path):
    """A scan gives one run a rate and seed; NULL is NaN; the logs of its programs are not runs again."""
    scan_file(tmp_path / "scan.sqlite")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "lr-0.1-seed-0.log").write_text("step 1: loss 2.0\nstep 2: loss 1.0\n")
    first, second = read(tmp_path)
    assert (first.name, second.name) == ("lr 0.1, seed 0", "lr 0.2, seed 1")
    assert first.curves["loss"].loss.tolist() == [2.0, 1.0]
    assert first.curves["val_loss"].step.tolist() == [2]
    assert math.isnan(second.curves["loss"].loss[1])
    assert first.curves["loss"].lr is not None
    assert first.curves["loss"].lr.tolist() == [0.1, 0.1]


def test_a_scan_of_todays_schema_is_read_too(tmp_path):
    """Its runs are told by their configurations; one whose configuration is damaged keeps its points."""
    store = SqliteStore(tmp_path / "scan.sqlite")
    keys = [RunKey(Config(lr=lr, batch_size=32), 0) for lr in (0.1, 0.2)]
    store.append([Points(key, [(1, "loss", 2.0), (2, "loss", 1.0)]) for key in keys])
    store.close()
    with closing(sqlite3.connect(tmp_path / "scan.sqlite")) as connection:
        connection.execute("UPDATE runs SET config = '{' WHERE id = 2")
        connection.commit()
    whole, damaged = read(tmp_path)
    assert whole.name == "batch_size 32, lr 0.1, seed 0"
    assert whole.curves["loss"].lr.tolist() == [0.1, 0.1]
    assert damaged.curves["loss"].loss.tolist() == [2.0, 1.0]


def test_a_database_of_something_else_is_named_as_such(tmp_path):
    """A SQLite file without any of the known tables is refused, with what was tried."""
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE people (name)")
    connection.close()
    with pytest.raises(UsageError, match=r"Optuna database.*MLflow database.*Trackio project"):
        read(tmp_path / "other.db")


def test_a_view_that_never_ends_is_not_looked_at(tmp_path):
    """Only real tables are read: a view by the right name could compute for ever."""
    connection = sqlite3.connect(tmp_path / "trap.db")
    connection.execute(
        "CREATE VIEW metrics AS WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n) "
        "SELECT 'loss' AS key, 1.0 AS value, 0 AS timestamp, 'r' AS run_uuid, k AS step, 0 AS is_nan FROM n"
    )
    connection.close()
    with pytest.raises(UsageError):
        read(tmp_path / "trap.db")


def test_reading_a_database_leaves_no_files_beside_it(kept):
    """A database in WAL mode is read without making its helper files, as in a folder that may not be
    written."""
    path = kept("trackio") / "p.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    for helper in path.parent.glob("p.db-*"):
        helper.unlink()
    before = sorted(p.name for p in path.parent.iterdir())
    assert len(read(path)) == 1
    assert sorted(p.name for p in path.parent.iterdir()) == before


def test_rows_in_a_databases_log_are_read_while_it_is_written(kept, truth):
    """What a live writer has committed to its log counts, though it is not in the main file yet."""
    path = kept("trackio") / "p.db"
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute(
        "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) "
        "SELECT run_id, timestamp, run_name, 99, '{\"loss\": 7.5}' FROM metrics LIMIT 1"
    )
    writer.commit()
    curve = read(path)[0].curves["loss"]
    assert (curve.step[-1], curve.loss[-1]) == (99, 7.5)
    writer.close()


def test_formats_in_one_folder_are_all_read(kept, tmp_path):
    """A folder of many runs in many formats gives each of them, by the place where it lies."""
    for name in ("tensorboard", "wandb", "lightning"):
        shutil.copytree(kept(name), tmp_path / "all" / name)
    runs = read(tmp_path / "all")
    assert [(r.name, r.format) for r in runs] == [
        ("lightning/lightning", "csv"),
        ("tensorboard", "tensorboard"),
        ("a run", "wandb"),
    ]
