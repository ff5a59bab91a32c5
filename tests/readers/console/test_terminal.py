"""Bytes of a program's output become the lines a person would have seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.readers.console.terminal import LONGEST_LINE_CHARACTERS, Terminal

PIECES = st.lists(
    st.sampled_from(
        ["\r", "\n", "\r\n", "\b", "\b\b", "\x1b[2K", "\x1b[1A", "\x1b[31m", "\x1b[0m", "\x1b[K", "\x1b]0;title\x07",
         "\x1b[5D", "\x1b[3C", "\x1b[1G", "\x1b", "[", "loss 0.5", "é━", "x", " "]
    ),
    max_size=30,
)  # fmt: skip


def read(data: bytes, size: int | None = None) -> list[tuple[str, bool]]:
    terminal = Terminal()
    size = size or max(1, len(data))
    lines = [line for i in range(0, len(data), size) for line in terminal.feed(data[i : i + size])]
    return lines + terminal.finish()


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\ntwo\n", [("one", False), ("two", False)]),
        (b"one\r\ntwo\r\n", [("one", False), ("two", False)]),
        (b"one\r\r\ntwo", [("one", False), ("two", False)]),
        (b"a 1\ra 2\ra 3\n", [("a 1", True), ("a 2", True), ("a 3", True)]),
        (b"\ra 1\ra 2", [("a 1", True), ("a 2", True)]),
        (b"a 10\ra 2\n", [("a 10", True), ("a 2", True)]),
        (b"loss 0.5\b\b\b0.4\n", [("loss 0.5", True), ("loss 0.4", True)]),
        (b"\x1b[1;32mloss\x1b[0m 0.5\n", [("loss 0.5", False)]),
        (b"\x1b]0;epoch 3 loss 9\x07loss 0.5\n", [("loss 0.5", False)]),
        (b"a\x1b[2K\rb\n", [("a", True), ("b", True)]),
        (b"one\n\x1b[1A\x1b[2Ktwo\n", [("one", False), ("two", True)]),
        ("━ 0.5 é\n".encode(), [("━ 0.5 é", False)]),
        (b"\xff\xfe 0.5\n", [("�� 0.5", False)]),
    ],
)
def test_control_codes_are_obeyed(data: bytes, lines: list[tuple[str, bool]]) -> None:
    """Carriage returns, backspaces, colours, titles and cursor movements leave the lines that were seen."""
    assert read(data) == lines


@given(PIECES, st.integers(1, 7))
def test_lines_do_not_depend_on_the_pieces_they_come_in(pieces: list[str], size: int) -> None:
    """Cutting the bytes anywhere, also inside a character or a control code, changes nothing."""
    data = "".join(pieces).encode()
    assert read(data, size) == read(data)


@given(st.binary(max_size=300), st.integers(1, 5))
def test_any_bytes_are_read_in_any_pieces(data: bytes, size: int) -> None:
    """Arbitrary bytes never raise, and their lines do not depend on how they are cut."""
    assert read(data, size) == read(data)


def test_a_line_without_end_takes_bounded_memory() -> None:
    """Only the beginning of a very long line is kept."""
    terminal = Terminal()
    for _ in range(100):
        assert terminal.feed(b"x" * 10_000) == []
    [(line, redrawn)] = terminal.feed(b"\n")
    assert (line, redrawn) == ("x" * LONGEST_LINE_CHARACTERS, False)


@pytest.mark.timeout(120)  # what hangs here would hang a scan
@pytest.mark.parametrize("unit", [b"\x1b[", b"\x1b]", b"\b", b"\r", b"x\b", b"\x1b[2K", b"\x1b", b"\xc3"])
def test_many_control_codes_do_not_hang(unit: bytes) -> None:
    """After 200,000 bytes of odd control codes, the next line is read as ever."""
    assert read(unit * (200_000 // len(unit)) + b"\nnext\n", 65_536)[-1] == ("next", False)
