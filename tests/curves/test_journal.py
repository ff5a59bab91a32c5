"""The journal: lines of JSON that survive what happens to programs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.curves.journal import Journal, line_of
from lrscope.errors import StoreError

VALUES = st.one_of(st.floats(), st.integers(-(10**12), 10**12), st.text(max_size=20))


@given(st.dictionaries(st.text(min_size=1, max_size=10), VALUES, max_size=6))
def test_a_line_is_strict_json_and_says_what_was_given(fields: dict) -> None:
    """Whatever the names and numbers are, a line is one line of strict JSON that gives them back."""

    def refuse(token: str) -> float:
        raise AssertionError(f"{token} is no JSON")

    line = line_of(fields)
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    back = json.loads(line, parse_constant=refuse)
    assert back.keys() == fields.keys()
    for name, value in fields.items():
        if isinstance(value, float) and not math.isfinite(value):
            assert math.isnan(value) if math.isnan(float(back[name])) else float(back[name]) == value
        else:
            assert back[name] == value


def test_what_was_not_measured_is_left_out() -> None:
    """A field that is None is not written."""
    assert line_of({"step": 1, "gap": None}) == '{"step": 1}\n'


def test_lines_are_in_the_file_at_once(tmp_path: Path) -> None:
    """Nothing waits for a close: a kill right after a write costs nothing."""
    journal = Journal(tmp_path / "deep" / "run.jsonl")
    journal.write({"step": 1, "loss": 0.5})
    journal.write({"step": 2, "loss": math.nan}, {"step": 3, "loss": -math.inf})
    lines = (tmp_path / "deep" / "run.jsonl").read_text().splitlines()
    assert [json.loads(line)["loss"] for line in lines] == [0.5, "NaN", "-Infinity"]
    journal.close()


def test_an_earlier_record_is_moved_aside(tmp_path: Path) -> None:
    """A new record never mixes with an old one, and deletes none."""
    path = tmp_path / "run.jsonl"
    for number in range(3):
        journal = Journal(path)
        journal.write({"step": number})
        journal.close()
    assert path.read_text() == '{"step": 2}\n'
    assert (tmp_path / "run.1.jsonl").read_text() == '{"step": 0}\n'
    assert (tmp_path / "run.2.jsonl").read_text() == '{"step": 1}\n'


def test_a_half_written_line_spoils_no_other(tmp_path: Path) -> None:
    """What a kill cut short is ended before the continued record goes on."""
    path = tmp_path / "run.jsonl"
    path.write_text('{"step": 1}\n{"step": 2, "lo')
    journal = Journal(path, continuing=True)
    journal.write({"step": 2})
    journal.close()
    assert path.read_text().splitlines() == ['{"step": 1}', '{"step": 2, "lo', '{"step": 2}']


def test_a_closed_journal_goes_on_at_its_end(tmp_path: Path) -> None:
    """Writing after a close neither loses nor moves what is there."""
    journal = Journal(tmp_path / "run.jsonl")
    journal.write({"step": 1})
    journal.close()
    journal.write({"step": 2})
    journal.close()
    assert (tmp_path / "run.jsonl").read_text() == '{"step": 1}\n{"step": 2}\n'
    assert len(list(tmp_path.iterdir())) == 1


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    """A folder as the file, and a file as the folder, are said in a sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a folder"):
        Journal(tmp_path)
    with pytest.raises(StoreError, match="cannot be made"):
        Journal(tmp_path / "file" / "run.jsonl")
