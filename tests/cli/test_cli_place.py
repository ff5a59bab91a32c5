"""The default folder of a scan."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.cli.place import default_folder

WORDS = st.lists(st.text(string.printable, min_size=1), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("examples/digits.py:train", "digits-train"),
        ("/abs/path/net.py:main", "net-main"),
        ("package.module:fit", "package.module-fit"),
    ],
)
def test_a_function_is_called_by_its_file_and_name(source, name):
    """The folder of a function says which file and which function."""
    assert default_folder(source) == Path("lrscope-out") / name


@pytest.mark.parametrize(
    ("program", "stem"),
    [
        (["python", "train.py", "--lr", "{lr}"], "train"),
        (["python", "-u", "src/fit.py", "--lr", "{lr}"], "fit"),
        (["python", "-m", "pkg.train", "--lr={lr}"], "pkg.train"),
        (["./trainer", "{lr}"], "trainer"),
        (["torchrun", "--nproc", "2", "run.py", "{lr}"], "run"),
        (["Rscript", "model.R", "{lr}"], "model"),
    ],
)
def test_a_program_is_called_by_its_script(program, stem):
    """The folder of a program says which script, and six hexadecimal digits stand for its arguments."""
    name = default_folder(program).name
    head, _, digits = name.rpartition("-")
    assert head == stem
    assert len(digits) == 6
    assert set(digits) <= set("0123456789abcdef")


@given(WORDS, WORDS)
def test_other_arguments_get_another_folder(one, other):
    """Two commands share a folder exactly if they are the same, wherever the spaces are."""
    assert (default_folder(one) == default_folder(other)) == (one == other)


@given(WORDS)
def test_a_folder_is_one_plain_component(words):
    """Whatever is typed, the results stay directly below lrscope-out."""
    folder = default_folder(words)
    assert folder.parent == Path("lrscope-out")
    assert folder.name not in {"", ".", ".."}
    assert "/" not in folder.name
