# ruff: noqa: E501 - what programs print is quoted whole
"""What holds for every output, whatever it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.curves import Point
from lrscope.curves.curve import curves_from_points
from lrscope.readers.console import Parser

WORDS = st.sampled_from(
    ["loss", "val_loss", "Loss:", "step", "epoch", "Epoch 1/3", "iter", "batch", "=", ":", "|", "[", "]", "(", "/", "%",
     "train", "test", "lr", "1", "2", "3", "10", "0.5", "-0.25", "1e-3", "nan", "inf", "1,000", "40/100", "{", "}", "'loss'",
     '"step"', ",", "\t", "\n", "\n", "\r", "\b", "\x1b[2K", "\x1b[A", "━━", "time", "3s", "best", "acc", "it/s", " "]
)  # fmt: skip
TEXT = st.lists(WORDS, max_size=60).map(lambda words: " ".join(words).encode())


def read(data: bytes, cuts: list[int] | None = None) -> list[Point]:
    parser = Parser()
    points: list[Point] = []
    last = 0
    for cut in [*sorted(cuts or []), len(data)]:
        points += parser.feed(data[last:cut])
        last = max(last, cut)
    return points + parser.finish()


def same(a: list[Point], b: list[Point]) -> bool:
    return [(s, n, repr(v)) for s, n, v in a] == [(s, n, repr(v)) for s, n, v in b]


@given(TEXT | st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=12))
def test_points_do_not_depend_on_the_pieces(data: bytes, cuts: list[int]) -> None:
    """Any cutting of any bytes gives the points of the whole."""
    assert same(read(data, [min(c, len(data)) for c in cuts]), read(data))


@given(TEXT | st.binary(max_size=400))
def test_steps_never_go_back_and_make_curves(data: bytes) -> None:
    """Arbitrary output never raises; its steps never decrease; its points make curves."""
    points = read(data)
    steps = [p[0] for p in points]
    assert steps == sorted(steps)
    assert all(isinstance(p[0], int) and p[0] >= 0 and isinstance(p[2], float) and p[1] for p in points)
    curves_from_points(points)


@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_a_printed_float_comes_back_exactly(losses: list[float]) -> None:
    """Every float that Python prints is read bit for bit, in a line, a JSON object and a dict."""
    for form in ("step {} loss {!r}\n", "step={} loss={!r}\n", "{{'step': {}, 'loss': {!r}}}\n"):
        points = read("".join(form.format(i, v) for i, v in enumerate(losses)).encode())
        assert same(points, [(i, "loss", v) for i, v in enumerate(losses)])


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20, unique=True))
def test_printed_steps_come_back(steps: list[int]) -> None:
    """Increasing steps are taken as printed, with and without thousands separators."""
    steps.sort()
    plain = read("".join(f"step {s} loss {i}.5\n" for i, s in enumerate(steps)).encode())
    commas = read("".join(f"step {s:,} loss {i}.5\n" for i, s in enumerate(steps)).encode())
    assert [p[0] for p in plain] == steps
    assert plain == commas


@given(st.integers(1, 5), st.integers(2, 40), st.integers(1, 7))
def test_batches_count_on_over_epochs(epochs: int, batches: int, every: int) -> None:
    """A batch counter of known length gives (epoch - 1) x length + batch, and the run's length."""
    parser = Parser()
    wanted = []
    text = ""
    for epoch in range(1, epochs + 1):
        for batch in range(every, batches + 1, every):
            text += f"Epoch [{epoch}/{epochs}] Batch [{batch}/{batches}] loss: {epoch}.{batch}\n"
            wanted.append((epoch - 1) * batches + batch)
    points = parser.feed(text.encode()) + parser.finish()
    assert [p[0] for p in points] == wanted
    assert parser.total == (epochs * batches if wanted else None)


@given(st.integers(1, 6), st.integers(2, 30), st.booleans(), st.sampled_from(["step", "iter", "update"]))
def test_a_total_beside_an_epoch_is_never_told_wrongly(
    epochs: int, length: int, through: bool, word: str
) -> None:
    """Steps with a total, beside an epoch, may count the epoch or the whole run: at every moment the run's
    length is the right one or not known, and from the second epoch on it is known."""
    parser = Parser()
    whole = epochs * length
    for epoch in range(1, epochs + 1):
        for n in range(1, length + 1):
            at, of = ((epoch - 1) * length + n, whole) if through else (n, length)
            parser.feed(f"epoch {epoch}/{epochs} {word} {at}/{of} loss 0.{n}\n".encode())
            assert parser.total == whole or (parser.total is None and epoch == 1)


@pytest.mark.timeout(120)  # what hangs here would hang a scan
@pytest.mark.parametrize(
    "data",
    [b"x" * 10**6, b"1 " * 500_000, b"loss: " * 170_000, b"loss: 0.5 " * 100_000, b'{"a":' * 200_000, b"[1," * 300_000,
     b"1,000" * 200_000, b"-" * 10**6, b"a_" * 500_000, b"/" * 10**6, b". " * 500_000, b"1." * 500_000, b"(" * 10**6,
     b"a:b" * 300_000, b"\xe2\x96\x88" * 300_000]
)  # fmt: skip
def test_a_line_of_a_megabyte_does_not_hang(data: bytes) -> None:
    """After a very long line of any sort, the next is read as ever."""
    found = read(data + b"\nstep 3000000 loss 0.5\n", list(range(0, len(data), 65_536)))
    assert found[-1][1:] == ("loss", 0.5)


def test_nothing_is_lost_to_a_very_long_line() -> None:
    """After a line of a megabyte the next is read as ever."""
    assert read(b"y" * 10**6 + b"\nstep 3 loss 0.5\n") == [(3, "loss", 0.5)]


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "-nan", "-nan(ind)", "1.#QNAN", "1.#IND00", "nan(snan)", "NAN"]
)
def test_nan_in_every_spelling(text: str) -> None:
    """C, Python, NumPy, JSON and Windows print NaN in their own ways."""
    [(step, name, value)] = read(f"step 3 loss: {text}\n".encode())
    assert (step, name) == (3, "loss")
    assert math.isnan(value)
