"""TensorBoard's event files."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest

from lrscope.errors import UsageError
from lrscope.readers import read
from lrscope.readers.tensorboard import masked_crc


def framed(payload: bytes) -> bytes:
    """One TFRecord, written by the book and not by the reader's code."""

    def crc(data: bytes) -> int:
        value = 0xFFFFFFFF
        for byte in data:
            value ^= byte
            for _ in range(8):
                value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        value ^= 0xFFFFFFFF
        return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF

    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", crc(length)) + payload + struct.pack("<I", crc(payload))


def scalar(step: int, value: float, tag: bytes = b"loss") -> bytes:
    """An Event with one simple_value, framed."""
    inner = b"\x0a" + bytes([len(tag)]) + tag + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + bytes([len(inner)]) + inner
    return framed(
        b"\x09" + struct.pack("<d", 1.0) + b"\x10" + bytes([step]) + b"\x2a" + bytes([len(summary)]) + summary
    )


def test_all_points_are_read_and_the_later_start_wins(log, truth):
    """A run's two event files are one run: the second start's values replace the first's from step 20 on."""
    (run,) = read(log("tensorboard", "tensorboard"))
    assert run.format == "tensorboard"
    assert set(run.curves) == {"train/loss", "val/loss"}
    curve = run.curves["train/loss"]
    assert curve.step.tolist() == list(range(truth.STEPS))
    np.testing.assert_allclose(curve.loss, [truth.train_loss(k) for k in range(truth.STEPS)], rtol=1e-6)
    assert math.isnan(curve.loss[truth.WITH_NAN])
    assert run.lr is not None
    assert np.allclose(run.lr.loss, truth.RATE)
    assert curve.lr is not None
    assert np.allclose(curve.lr, truth.RATE)
    assert not run.warnings


def test_scalars_written_as_tensors_are_read_and_wider_tensors_are_not(log, truth):
    """TensorFlow 2's kind of scalar is a tensor of one element; a tensor of two is something else."""
    (run,) = read(log("tensorboard", "tensorboard"))
    steps = list(range(0, truth.STEPS, truth.EVERY))
    assert run.curves["val/loss"].step.tolist() == steps
    np.testing.assert_allclose(run.curves["val/loss"].loss, [truth.val_loss(k) for k in steps], rtol=1e-6)


def test_more_points_than_the_owners_reader_keeps(tmp_path):
    """Nothing is thinned out: 12,000 points go in, 12,000 come out."""
    path = tmp_path / "events.out.tfevents.1.host"
    one = scalar(1, 0.5)
    with path.open("wb") as file:
        for k in range(12_000):
            varint = struct.pack("<BB", (k & 0x7F) | 0x80, k >> 7)
            payload = one[12:-4].replace(b"\x10\x01", b"\x10" + varint, 1)
            file.write(framed(payload))
    assert len(read(path)[0].curves["loss"]) == 12_000


def test_the_checksum_is_the_published_one():
    """CRC-32C of "123456789" is 0xE3069283 (RFC 3720), masked as TFRecord does it."""
    crc = 0xE3069283
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    assert int(masked_crc(np.frombuffer(b"123456789", dtype=np.uint8)[None, :])[0]) == masked


def test_a_half_written_end_is_no_damage(tmp_path):
    """A live file ends anywhere: every whole record before is read, and nothing is said about it."""
    whole = b"".join(scalar(k, k / 2) for k in range(5))
    last = scalar(5, 2.5)
    path = tmp_path / "events.out.tfevents.1.host"
    for cut in range(len(last)):
        path.write_bytes(whole + last[:cut])
        (run,) = read(path)
        assert len(run.curves["loss"]) == 5
        assert not [w for w in run.warnings if "checksum" in w]


@pytest.mark.parametrize("place", [0, 3, 9, 11])
def test_after_a_damaged_length_reading_goes_on_at_the_next_record(tmp_path, place):
    """A broken header costs one record, and the run says that something was passed over."""
    records = [scalar(k, float(k)) for k in range(10)]
    broken = bytearray(records[4])
    broken[place] ^= 0xFF
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(b"".join([*records[:4], bytes(broken), *records[5:]]))
    (run,) = read(path)
    assert run.curves["loss"].step.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert "passed over" in run.warnings[0]


def test_a_value_that_was_altered_is_not_believed(tmp_path):
    """A flipped bit in a payload fails its checksum: that point is left out and counted."""
    records = [scalar(k, float(k)) for k in range(10)]
    broken = bytearray(records[4])
    broken[-6] ^= 0x01
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(b"".join([*records[:4], bytes(broken), *records[5:]]))
    (run,) = read(path)
    assert 4 not in run.curves["loss"].step
    assert "1 record(s) fail their checksum" in run.warnings[0]


def test_a_length_far_beyond_the_file_takes_no_memory(tmp_path):
    """A header with a right checksum that claims 2**40 bytes is passed over."""
    length = struct.pack("<Q", 1 << 40)
    head = length + struct.pack("<I", int(masked_crc(np.frombuffer(length, dtype=np.uint8)[None, :])[0]))
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(scalar(1, 1.0) + head + scalar(2, 2.0))
    (run,) = read(path)
    assert run.curves["loss"].step.tolist() == [1, 2]
    path.write_bytes(head)
    with pytest.raises(UsageError, match="TensorBoard"):
        read(path)


def test_a_file_that_is_broken_everywhere_is_given_up(tmp_path, monkeypatch):
    """Looking for the next record costs time; after a thousand breaks the rest is given up, and the run says
    so."""
    monkeypatch.setattr("lrscope.readers.tensorboard._MOST_BREAKS", 20)
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(scalar(3, 1.0) + (b"\x07" + framed(b"")) * 40 + scalar(4, 1.0))
    (run,) = read(path)
    assert run.curves["loss"].step.tolist() == [3]
    assert "given up after 21 records" in run.warnings[0]


def test_nested_folders_are_runs_and_keras_pairs_are_one(tmp_path):
    """Each folder with event files is a run; "train" and "validation" side by side are one run of two
    metrics."""
    for place in ("a/v1", "a/v2", "k/train", "k/validation"):
        (tmp_path / place).mkdir(parents=True)
        Path(tmp_path / place / "events.out.tfevents.1.host").write_bytes(scalar(1, 1.0) + scalar(2, 0.5))
    runs = read(tmp_path)
    assert [r.name for r in runs] == ["a/v1", "a/v2", "k"]
    assert set(runs[2].curves) == {"loss", "val_loss"}
