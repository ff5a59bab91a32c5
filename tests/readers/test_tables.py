"""CSV, TSV, JSON lines and JSON: columns, steps, several runs in one file, and damage."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrscope.errors import UsageError
from lrscope.readers import read
from lrscope.readers.json_parts import salvage

FUNCTION_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def text(tmp_path):
    """`text(content)` is the runs in a file of this content; its name gives nothing away."""

    def write(content, name="exp7"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(path)

    return write


def points(run, name="loss"):
    return list(zip(run.curves[name].step.tolist(), run.curves[name].loss.tolist(), strict=True))


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", " ", "   "])
def test_any_separator(text, separator):
    """The separator shows itself, whatever the file is called."""
    rows = [("step", "loss", "lr"), (1, 2.5, 0.1), (2, 1.5, 0.1), (3, math.nan, 0.05)]
    (run,) = text("\n".join(separator.join(map(str, row)) for row in rows))
    assert points(run)[:2] == [(1, 2.5), (2, 1.5)]
    assert math.isnan(run.curves["loss"].loss[2])
    assert run.curves["loss"].lr is not None
    assert run.curves["loss"].lr.tolist() == [0.1, 0.1, 0.05]
    assert run.format == ("tsv" if separator == "\t" else "csv")


def test_a_decimal_comma(text):
    """A spreadsheet of a country that writes 0,5 separates by semicolons."""
    (run,) = text("step;loss\n1;2,5\n2;1,25e-1\n")
    assert points(run) == [(1, 2.5), (2, 0.125)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(text, encoding):
    """What spreadsheets and PowerShell put in front of a file is no part of the first column's name."""
    (run,) = text("step,loss\r\n1,2.5\r\n2,1.5\r\n".encode(encoding))
    assert points(run) == [(1, 2.5), (2, 1.5)]


def test_no_header(text):
    """Bare numbers are losses; in two columns of which the first one counts, steps and losses."""
    assert points(text("0.5\n0.25\nnan\n0.125\n")[0])[:2] == [(1, 0.5), (2, 0.25)]
    assert points(text("10 0.5\n20 0.25\n")[0]) == [(10, 0.5), (20, 0.25)]
    assert points(text("# step loss\n10 0.5\n20 0.25\n")[0]) == [(10, 0.5), (20, 0.25)]


def test_empty_cells_and_na_are_absent_and_nan_was_measured(text):
    """Keras' NA and an empty cell say that nothing was measured; nan says that it was, and what came out."""
    (run,) = text("epoch,loss,val_loss\n0,1.0,NA\n1,nan,0.5\n2,inf,\n")
    assert run.curves["loss"].step.tolist() == [0, 1, 2]
    assert points(run, "val_loss") == [(1, 0.5)]
    assert math.isnan(run.curves["loss"].loss[1])
    assert run.curves["loss"].loss[2] == math.inf


def test_quoted_cells_and_text_columns(text):
    """Quotes may hold the separator; a column of text is left out; a tensor's print is its number."""
    (run,) = text(
        'step,note,"train, loss",x\n1,"a, b",2.5,"tensor(0.5, device=\'cuda:0\')"\n2,"c",1.5,0.25\n'
    )
    assert points(run, "train, loss") == [(1, 2.5), (2, 1.5)]
    assert points(run, "x") == [(1, 0.5), (2, 0.25)]
    assert "note" not in run.curves


def test_batches_that_begin_again_each_epoch_are_laid_end_to_end(text):
    """A counter within the epoch becomes one step: epoch 1 goes on where epoch 0 ended."""
    rows = [(e, b, 1.0) for e in range(3) for b in range(0, 50, 10)]
    (run,) = text("epoch,batch,loss\n" + "\n".join(f"{e},{b},{v}" for e, b, v in rows))
    assert run.curves["loss"].step.tolist() == list(range(0, 150, 10))
    assert not run.warnings


def test_a_restart_replaces_what_it_repeats(text):
    """Steps that go back without a new epoch are a restart from a checkpoint: the later value wins, and is
    told."""
    (run,) = text("step,loss\n1,4\n2,3\n3,2\n2,2.5\n3,1.5\n4,1\n")
    assert points(run) == [(1, 4.0), (2, 2.5), (3, 1.5), (4, 1.0)]
    assert "2 value(s) were logged for a step that had one already" in run.warnings[0]


def test_several_rows_an_epoch_are_counted(text):
    """Where an epoch has many rows and there is no step, the rows are counted, and the epochs are kept."""
    (run,) = text("epoch,loss\n0,4\n0,3\n1,2\n1,1\n")
    assert run.curves["loss"].step.tolist() == [1, 2, 3, 4]
    assert run.epoch is not None
    assert run.epoch.loss.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("key", ["run", "seed", "lr"])
def test_runs_one_below_the_other(text, key):
    """A column that tells runs apart makes one run of each."""
    names = {"run": ("a", "b"), "seed": (0, 1), "lr": (0.1, 0.2)}[key]
    rows = [f"{n},{k},{k * 1.0 + i}" for i, n in enumerate(names) for k in (1, 2, 3)]
    first, second = text(f"{key},step,loss\n" + "\n".join(rows))
    assert points(first) == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert points(second) == [
        (1, 2.0),
        (2, 3.0),
        (3, 4.0),
    ]
    assert first.name != second.name


def test_a_schedule_is_no_runs(text):
    """A learning rate that changes within one run does not split it."""
    (run,) = text("step,lr,loss\n" + "\n".join(f"{k},{0.1 if k < 5 else 0.01},1.0" for k in range(10)))
    assert len(run.curves["loss"]) == 10


def test_one_value_a_row(text):
    """A long table, with the metric's name beside its value, becomes one curve a metric."""
    (run,) = text("step,metric,value\n1,loss,2.0\n1,acc,0.5\n2,loss,1.0\n2,acc,0.75\n")
    assert points(run) == [(1, 2.0), (2, 1.0)]
    assert points(run, "acc") == [(1, 0.5), (2, 0.75)]


def test_one_run_a_column(text):
    """The table that W&B's page exports has one run a column, each with its MIN and MAX."""
    head = "Step," + ",".join(f'"{r} - loss","{r} - loss__MIN","{r} - loss__MAX"' for r in ("a", "b"))
    first, second = text(head + "\n1,2,2,2,3,3,3\n2,1,1,1,2,2,2\n")
    assert (first.name, second.name) == ("exp7/a", "exp7/b")
    assert points(second) == [(1, 3.0), (2, 2.0)]


def test_damaged_rows_are_counted(text):
    """A row with a cell too few is passed over, a cell that is no number is left out; both are told."""
    (run,) = text("step,loss\n1,2.5\n2\n3,oops\n4,1.0\n")
    assert points(run) == [(1, 2.5), (4, 1.0)]
    assert any("1 row(s)" in w for w in run.warnings)
    assert any("'loss'" in w for w in run.warnings)


def test_json_lines(text):
    """Objects, one a line, with nested ones joined, numbers in strings, and other lines passed over."""
    (run,) = text(
        '{"step": 1, "train": {"loss": 2.5}, "note": "x"}\nnot json\n{"step": 2, "train": {"loss": "NaN"}}\n'
        '{"step": 3, "train": {"loss": null}, "val_loss": 1}\n{"step": 4, "tr'
    )
    assert run.format == "jsonl"
    assert run.curves["train/loss"].step.tolist() == [1, 2]
    assert math.isnan(run.curves["train/loss"].loss[1])
    assert points(run, "val_loss") == [(3, 1.0)]
    assert "2 line(s) were passed over" in run.warnings[0]


def test_an_object_that_reaches_across_lines_is_not_two(text):
    """Joining lines for speed must not make one value of two halves."""
    (run,) = text(
        '{"step": 1, "loss": 1}\n{"a": [\n{"x": 1}]}\n{"step": 3, "loss": 3}\n{"step": 4, "loss": 4}\n'
    )
    assert points(run) == [(1, 1.0), (3, 3.0), (4, 4.0)]


def test_objects_one_after_another_over_several_lines(text):
    """Rows that were written with indentation, without an array around them, are rows still."""
    rows = [{"step": k, "loss": 3.0 - k} for k in (1, 2, 3)]
    (run,) = text("\n".join(json.dumps(r, indent=2) for r in rows) + '\n{\n "step": 4, "lo')
    assert points(run) == [(1, 2.0), (2, 1.0), (3, 0.0)]
    assert "cut short" in run.warnings[0]


def test_lines_that_begin_with_a_bracket_are_no_json(text):
    """Boosting libraries begin each line with the round in brackets."""
    (run,) = text("[1]\ttrain-logloss:0.48\teval-logloss:0.51\n[2]\ttrain-logloss:0.40\teval-logloss:0.50\n")
    assert run.format == "console"
    assert all(len(c) == 2 for c in run.curves.values())


@pytest.mark.parametrize(
    "document",
    [
        [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}],
        {"step": [1, 2], "loss": [2.0, 1.0]},
        {"loss": [2.0, 1.0]},
        [2.0, 1.0],
        [[1, 2.0], [2, 1.0]],
        {"settings": {"lr": 1}, "history": [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]},
        [[1.7e9, 1, 2.0], [1.7e9, 2, 1.0]],
    ],
)
def test_json_documents(text, document):
    """Rows, columns, bare losses, pairs, a history among other things, and TensorBoard's export."""
    (run,) = text(json.dumps(document, indent=1))
    name = "loss" if "loss" in run.curves else "value"
    assert points(run, name) == [(1, 2.0), (2, 1.0)]


def test_an_object_of_runs(text):
    """An object of objects of arrays is one run each, but for parts of one run by their names."""
    runs = text(json.dumps({"a": {"loss": [2, 1]}, "b": {"loss": [3, 2]}}))
    assert [r.name for r in runs] == ["exp7/a", "exp7/b"]
    (run,) = text(json.dumps({"train": {"logloss": [2, 1]}, "validation_0": {"logloss": [3, 2]}}))
    assert set(run.curves) == {"train/logloss", "validation_0/logloss"}


def test_a_cut_document_never_invents_a_number():
    """ "0.3" of a "0.31" that was cut off is not taken for a value."""
    assert salvage('{"loss": [0.5, 0.3')[:2] == ({"loss": [0.5]}, False)
    assert salvage('[{"step": 1, "loss": 12')[:2] == ([{"step": 1}], False)


def test_json_that_is_nested_to_do_harm(text):
    """A hundred thousand brackets are refused in one sentence."""
    for bomb in ("[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "1" + "]" * 100_000):
        with pytest.raises(UsageError):
            text(bomb)


def test_numbers_beyond_any_float(text):
    """A number of five thousand digits, or 1e999, does not stop the reading."""
    (run,) = text(
        '{"step": 1, "loss": 1e999}\n{"step": 2, "loss": ' + "9" * 400 + '}\n{"step": 3, "loss": 1}\n'
    )
    assert run.curves["loss"].loss.tolist() == [math.inf, math.inf, 1.0]


def test_many_columns_are_bounded(text):
    """A table whose every row has a new name is cut off at a stated number of columns."""
    (run,) = text("".join(f'{{"step": {k}, "m{k}": 1.0}}\n' for k in range(10_100)))
    assert len(run.curves) < 10_001
    assert any("Only the first 10000 columns" in w for w in run.warnings)


def test_a_line_without_end_is_passed_over(text, monkeypatch):
    """A line longer than the bound is not kept in memory; lines before and after it are read."""
    monkeypatch.setattr("lrscope.readers.files.LONGEST_LINE_BYTES", 1 << 12)
    monkeypatch.setattr("lrscope.readers.files.BLOCK_BYTES", 1 << 12)
    (run,) = text('{"step": 1, "loss": 2}\n{"x": "' + "a" * 100_000 + '"}\n{"step": 2, "loss": 1}\n')
    assert points(run) == [(1, 2.0), (2, 1.0)]
    assert any("longer than" in w for w in run.warnings)


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)


@FUNCTION_FIXTURE
@given(
    losses=st.lists(numbers, min_size=2, max_size=30),
    start=st.integers(0, 2**40),
    stride=st.integers(1, 1000),
)
def test_every_format_of_rows_gives_back_what_was_written(text, losses, start, stride):
    """CSV, TSV, JSON lines, JSON rows and JSON columns all hold the same curve, bit for bit."""
    steps = [start + stride * k for k in range(len(losses))]
    rows = [{"step": s, "loss": v} for s, v in zip(steps, losses, strict=True)]
    for content in (
        "step,loss\n" + "".join(f"{s},{v!r}\n" for s, v in zip(steps, losses, strict=True)),
        "step\tloss\r\n" + "".join(f"{s}\t{v!r}\r\n" for s, v in zip(steps, losses, strict=True)),
        "".join(json.dumps(r) + "\n" for r in rows),
        json.dumps(rows),
        json.dumps({"step": steps, "loss": losses}),
    ):
        (run,) = text(content)
        assert run.curves["loss"].step.tolist() == steps
        np.testing.assert_array_equal(run.curves["loss"].loss, losses)


def test_a_first_column_that_counts_is_the_step_whatever_its_name(text):
    """Headers come in every language: what counts by equal amounts in front of the numbers is the step."""
    rows = "".join(f"{10 * k};{2 - k / 40:.3f};0.01\n".replace(".", ",") for k in range(40))
    (run,) = text("Schritt;Verlust;Lernrate\n" + rows)
    assert run.curves["Verlust"].step.tolist() == [10 * k for k in range(40)]
    assert "Schritt" not in run.curves


def test_rows_under_numbers(text):
    """An object with one row under each number is a table, on one line or over many."""
    document = {str(k): {"loss": 2 - k / 40} for k in range(30)}
    for content in (json.dumps(document), json.dumps(document, indent=2)):
        (run,) = text(content)
        assert points(run) == [(k, 2 - k / 40) for k in range(30)]


def test_a_table_in_markdown(text):
    """The rule below the header is no row, and nothing is said to be lost."""
    rows = "".join(f"| {k} | {2 - k / 40:.3f} |\n" for k in range(20))
    (run,) = text("| epoch | loss |\n|---|:---:|\n" + rows)
    assert len(points(run)) == 20
    assert not any("passed over" in warning for warning in run.warnings)
