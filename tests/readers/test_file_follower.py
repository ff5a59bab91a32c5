# ruff: noqa: E501 - what programs print is quoted whole
"""A file of records is followed while it is written."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrscope.curves import Point
from lrscope.readers.follow import FileFollower


def follow(path: Path, data: str | bytes) -> tuple[list[Point], FileFollower]:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    follower = FileFollower(path)
    return follower.poll() + follower.finish(), follower


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.log"


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ('{"step": 1, "loss": 0.5}\n{"step": 2, "loss": NaN, "ok": true, "note": "x"}\n', [(1, "loss", 0.5), (2, "loss", math.nan)]),
        ('{"loss": 0.5}\n{"loss": 0.25}\n', [(1, "loss", 0.5), (2, "loss", 0.25)]),
        ('{"_step": 3, "train": {"loss": 0.5}, "val": {"loss": 0.75}}', [(3, "train/loss", 0.5), (3, "val/loss", 0.75)]),
        ('{"loss": "0.5", "epoch": 0.25}\n{"loss": "0.25", "epoch": 0.5}\n', [(1, "loss", 0.5), (2, "loss", 0.25)]),
        ("step,loss\n1,0.5\n2,inf\n", [(1, "loss", 0.5), (2, "loss", math.inf)]),
        ("step\tloss\tval loss\r\n1\t0.5\t0.6\r\n", [(1, "loss", 0.5), (1, "val loss", 0.6)]),
        ("epoch;loss\n1;0.5\n", [(1, "loss", 0.5)]),
        ("epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.6\n1,19,0.4,\n", [(9, "train_loss", 0.5), (9, "val_loss", 0.6), (19, "train_loss", 0.4)]),
        ("0.5\n0.25\n", [(1, "loss", 0.5), (2, "loss", 0.25)]),
        ("loss\n0.5\n0.25\n", [(1, "loss", 0.5), (2, "loss", 0.25)]),
        ('"step","Loss, mean"\n"1","0.5"\n', [(1, "Loss, mean", 0.5)]),
        ("\ufeffstep,loss\n5,0.5\n", [(5, "loss", 0.5)]),
        ("# made by a program\nstep loss\n5 0.5\n", [(5, "loss", 0.5)]),
        ("", []),
    ],
)  # fmt: skip
def test_the_format_is_seen_from_the_content(path: Path, text: str, points: list[Point]) -> None:
    """JSON lines, and rows with commas, tabs, semicolons or blanks; with or without a header or a step."""
    found, follower = follow(path, text)
    assert [(s, n, repr(v)) for s, n, v in found] == [(s, n, repr(v)) for s, n, v in points]
    assert follower.notes == ()
    assert follower.step == max((p[0] for p in points), default=0)


def test_a_file_that_does_not_exist_yet_has_no_points(path: Path) -> None:
    """Following may begin before the program has made its file."""
    follower = FileFollower(path)
    assert follower.poll() == []
    path.write_text('{"step": 1, "loss": 0.5}\n')
    assert follower.poll() == [(1, "loss", 0.5)]
    assert follower.poll() == []


def test_half_a_line_waits_for_its_end(path: Path) -> None:
    """A line is read when it is complete; what the file ends with is read at the end."""
    follower = FileFollower(path)
    with path.open("w") as file:
        file.write("step,loss\n1,0.")
        file.flush()
        assert follower.poll() == []
        file.write("5\n2,0.25")
        file.flush()
        assert follower.poll() == [(1, "loss", 0.5)]
    assert follower.finish() == [(2, "loss", 0.25)]
    assert follower.finish() == []


def test_a_file_written_anew_is_read_from_its_beginning_and_nothing_is_told_twice(path: Path) -> None:
    """A CSV that gains a column is written anew by its program; only what is new comes out."""
    follower = FileFollower(path)
    path.write_text("step,loss\n1,0.5\n2,0.4\n")
    assert follower.poll() == [(1, "loss", 0.5), (2, "loss", 0.4)]
    path.write_text("step,loss,val\n1,0.5,\n2,0.4,0.9\n3,0.3,0.8\n")
    assert follower.poll() == [(2, "val", 0.9), (3, "loss", 0.3), (3, "val", 0.8)]
    path.write_text("step,loss\n1,9\n")
    assert follower.poll() == []
    assert "written anew" in follower.notes[0]


def test_columns_may_be_added_by_a_second_header(path: Path) -> None:
    """A new header within the file names the columns from there on."""
    found, follower = follow(path, "step,loss\n1,0.5\nstep,loss,lr\n2,0.4,0.1\n")
    assert found == [(1, "loss", 0.5), (2, "loss", 0.4), (2, "lr", 0.1)]
    assert follower.notes == ()


def test_bad_lines_are_counted_and_the_first_is_shown(path: Path) -> None:
    """Lines that cannot be read are passed over and told of."""
    found, follower = follow(
        path, 'x\n{"step": 1, "loss": 0.5}\n'[2:] + '{"step": 2, "lo\nnot json\n{"step": 3, "loss": 1}\n'
    )
    assert found == [(1, "loss", 0.5), (3, "loss", 1.0)]
    [note] = follower.notes
    assert note == '2 lines of metrics.log could not be read, the first is line 2: \'{"step": 2, "lo\'.'
    assert note in follower.summary().text()


def test_mixed_types_and_steps_that_go_back(path: Path) -> None:
    """Text in a numeric column is passed over; a late step that repeats a metric is left out."""
    text = "step,loss\n10,0.5\n20,oops\n30,0.3\n40,0.2\n30,0.3\n50,0.1\n"
    found, _ = follow(path, text)
    assert found == [(10, "loss", 0.5), (30, "loss", 0.3), (40, "loss", 0.2), (50, "loss", 0.1)]


def test_binary_rubbish_does_not_raise(path: Path) -> None:
    """A file that is no text at all gives no points, and a note."""
    found, follower = follow(path, bytes(range(256)) * 20)
    assert found == []
    assert follower.notes


def test_the_metric_asked_for_is_found_under_any_spelling(path: Path) -> None:
    """Columns that look like bookkeeping are metrics when asked for."""
    path.write_text("step,loss,wall time\n1,0.5,3\n")
    follower = FileFollower(path, metric="Wall_Time")
    assert (1, "wall time", 3.0) in follower.poll()
    assert follower.summary().metric("wall-time") == "wall time"


@settings(max_examples=40)  # each example writes a file
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["loss", "val_loss", "acc"]), st.floats(), min_size=1),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.integers(0, 800), max_size=6),
)
def test_what_was_written_comes_back_in_any_pieces(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, float]], cuts: list[int]
) -> None:
    """However the file grows, every number of every record comes back bit for bit."""
    path = tmp_path_factory.mktemp("follow") / "log.jsonl"
    data = "".join(json.dumps({"step": i, **r}) + "\n" for i, r in enumerate(records)).encode()
    follower = FileFollower(path)
    found: list[Point] = []
    last = 0
    with path.open("wb") as file:
        for cut in [*sorted(cuts), len(data)]:
            file.write(data[last:cut])
            file.flush()
            last = max(last, cut)
            found += follower.poll()
    found += follower.finish()
    assert [(s, n, repr(v)) for s, n, v in found] == [
        (i, n, repr(v)) for i, r in enumerate(records) for n, v in r.items()
    ]
