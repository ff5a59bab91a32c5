"""Notebooks, compressed files, NumPy's arrays, CatBoost's folder, and a detector's results without a header."""

import gzip
import json
import pickle

import numpy as np
import pytest

from lrscope import UsageError
from lrscope.readers import read

KERAS = [f"Epoch {k}/6\n10/10 - 1s - loss: {2 / k:.4f} - val_loss: {3 / k:.4f}\n" for k in range(1, 7)]


def notebook(*outputs):
    cells = [
        {"cell_type": "markdown", "source": ["loss 0.5"], "metadata": {"executionInfo": {"timestamp": 17}}}
    ]
    cells += [{"cell_type": "code", "execution_count": 3, "source": [], "outputs": out} for out in outputs]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 2})


def stream(lines):
    return [{"output_type": "stream", "name": "stdout", "text": lines}]


def test_a_notebook_is_what_its_cells_printed(tmp_path):
    """Fields of the notebook itself (counts of executions, timestamps) are no metrics."""
    file = tmp_path / "digits.ipynb"
    file.write_text(notebook(stream(["hello\n"]), stream(KERAS)))
    (run,) = read(file)
    assert (run.name, run.format, set(run.curves)) == ("digits", "notebook", {"loss", "val_loss"})
    assert run.curves["val_loss"].loss.tolist() == [3 / k if k != 4 else 0.75 for k in (1, 2, 3, 4, 5, 6)]
    assert run.epoch is not None


def test_each_cell_that_trained_is_a_run(tmp_path):
    """Two trainings in one notebook are two runs, called by their cells."""
    file = tmp_path / "digits.ipynb"
    file.write_text(notebook(stream(KERAS), stream(KERAS[:4])))
    assert [run.name for run in read(file)] == ["digits/cell 2", "digits/cell 3"]


def test_a_table_in_html_is_read_row_by_row(tmp_path):
    """fastai shows its epochs as a table in HTML and nothing else."""
    rows = "".join(
        f"<tr><td>{k}</td><td>{2 / (k + 1)}</td><td>{3 / (k + 1)}</td><td>00:0{k}</td></tr>" for k in range(4)
    )
    head = "<tr><th>epoch</th><th>train_loss</th><th>valid_loss</th><th>time</th></tr>"
    shown = {"text/html": f"<table>{head}{rows}</table>", "text/plain": "<IPython.core.display.HTML object>"}
    file = tmp_path / "lesson.ipynb"
    file.write_text(notebook([{"output_type": "display_data", "data": shown}]))
    (run,) = read(file)
    assert run.curves["valid_loss"].step.tolist() == [0, 1, 2, 3]


def test_a_notebook_that_printed_no_loss_says_so(tmp_path):
    """It is not read as JSON instead."""
    file = tmp_path / "empty.ipynb"
    file.write_text(notebook(stream(["hello\n"]), []))
    with pytest.raises(UsageError, match="of its 3 cells 1 printed something, and no losses"):
        read(file)


def test_a_compressed_file_is_read_as_what_is_in_it(tmp_path):
    """gzip around a log changes nothing, not even the run's name."""
    text = "epoch,loss\n" + "".join(f"{k},{1 / (k + 1)}\n" for k in range(50))
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    (plain,), (packed,) = read(tmp_path / "a.csv"), read(tmp_path / "b.csv.gz")
    assert packed.name == "b"
    assert packed.format == plain.format
    assert packed.curves["loss"].loss.tolist() == plain.curves["loss"].loss.tolist()
    assert {run.name for run in read(tmp_path)} == {"a", "b.csv"}


def test_of_a_compressed_file_that_is_cut_short_the_beginning_is_read(tmp_path):
    """And the run says so."""
    rng = np.random.default_rng(0)
    data = gzip.compress("".join(f"step {k} loss {v}\n" for k, v in enumerate(rng.random(20_000))).encode())
    (tmp_path / "a.log.gz").write_bytes(data[: len(data) // 2])
    (run,) = read(tmp_path / "a.log.gz")
    assert 1_000 < len(run.curves["loss"]) < 20_000
    assert any("cut short or damaged" in warning for warning in run.warnings)


def test_arrays_that_numpy_saved(tmp_path):
    """One array is the loss; with steps in its first column, those; several have their own names."""
    losses = np.linspace(2, 1, 30)
    np.save(tmp_path / "a.npy", losses)
    np.save(tmp_path / "b.npy", np.column_stack([10 * np.arange(30), losses]))
    np.savez(tmp_path / "c.npz", loss=losses, val_loss=losses[:10])
    assert read(tmp_path / "a.npy")[0].curves["loss"].loss.tolist() == losses.tolist()
    assert read(tmp_path / "b.npy")[0].curves["loss"].step.tolist() == list(range(0, 300, 10))
    assert {n: len(c) for n, c in read(tmp_path / "c.npz")[0].curves.items()} == {"loss": 30, "val_loss": 10}


def test_a_pickle_is_refused_with_a_remedy(tmp_path):
    """Opening one can run any code, also where NumPy or Keras wrote it."""
    np.save(tmp_path / "a.npy", {"loss": [1.0, 0.5]}, allow_pickle=True)
    (tmp_path / "b.pkl").write_bytes(pickle.dumps({"loss": [1.0, 0.5]}))
    for name in ("a.npy", "b.pkl"):
        with pytest.raises(UsageError, match=r"pickled Python objects, which are not opened.*json.dump"):
            read(tmp_path / name)


def test_catboost_s_folder_is_one_run(tmp_path):
    """Its tables of errors are the curves; its copies for TensorBoard and its clock are not read beside them."""
    folder = tmp_path / "catboost_info"
    folder.mkdir()
    (folder / "learn_error.tsv").write_text("iter\tLogloss\tAUC\n0\t0.6\t0.7\n1\t0.5\t0.8\n2\t0.4\t0.9\n")
    (folder / "test_error.tsv").write_text("iter\tLogloss\tAUC\n0\t0.7\t0.6\n1\t0.6\t0.7\n2\t0.5\t0.8\n")
    (folder / "time_left.tsv").write_text("iter\tPassed\tRemaining\n0\t1\t2\n1\t2\t1\n2\t3\t0\n")
    (run,) = read(folder)
    assert (run.name, run.format) == ("catboost_info", "catboost")
    assert set(run.curves) == {"learn/Logloss", "learn/AUC", "test/Logloss", "test/AUC"}
    assert run.curves["test/Logloss"].step.tolist() == [0, 1, 2]


def test_results_of_a_detector_without_a_header(tmp_path):
    """Columns by their number; "0/19" counts, and "2.56G" is memory."""
    rows = [
        f"{k:>6}/19  2.56G  {0.1 / (k + 1):.5f}  {0.05 / (k + 1):.5f}  0.{k + 1:02d}00\n" for k in range(20)
    ]
    (tmp_path / "results.txt").write_text("".join(rows))
    (run,) = read(tmp_path / "results.txt")
    assert run.epoch is not None
    assert run.curves["column 3"].step.tolist() == list(range(20))
    assert "memory" in run.curves


def test_a_last_row_that_is_told_twice_does_not_spoil_the_steps(tmp_path):
    """LLaMA-Factory repeats current_steps at the end, with the time that training took."""
    rows = [{"current_steps": k, "total_steps": 60, "loss": 1 / k} for k in range(10, 61, 10)]
    rows.append({"current_steps": 60, "total_steps": 60, "elapsed_time": "0:10:00"})
    (tmp_path / "trainer_log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run,) = read(tmp_path / "trainer_log.jsonl")
    assert run.curves["loss"].step.tolist() == [10, 20, 30, 40, 50, 60]
    assert not run.warnings
