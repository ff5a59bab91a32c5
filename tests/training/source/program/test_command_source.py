"""A command as the user types it: placeholders, and a clear sentence where it cannot work."""

from __future__ import annotations

import json
import pickle
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrscope.config import Config, number_text
from lrscope.errors import SourceError
from lrscope.training.source.program.placeholders import check_rate, command_name, fill
from lrscope.training.source.program.source import CommandSource

VALUES = {"lr": "0.01", "seed": "3", "out": "/runs/a b"}


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_a_rate_loses_no_digit(lr: float):
    """Whatever reads the text as a number gets exactly the rate back."""
    assert float(number_text(lr)) == lr


@given(st.floats(min_value=1e-15, max_value=1e15))
def test_a_rate_is_written_as_a_plain_decimal(lr: float):
    """Every program reads it: digits, one point, digits; no exponent, no bare integer."""
    whole, point, part = number_text(lr).partition(".")
    assert whole.isdigit()
    assert point == "."
    assert part.isdigit()


@pytest.mark.parametrize(
    ("lr", "text"),
    [(1e-3, "0.001"), (1e-5, "0.00001"), (10.0, "10.0"), (1e-20, "1.0e-20"), (1.5e20, "1.5e+20")],
)
def test_rates_as_people_write_them(lr: float, text: str):
    """No digit more than needed, and a point in front of every exponent, as YAML wants it."""
    assert number_text(lr) == text


@pytest.mark.parametrize(
    ("word", "filled"),
    [
        ("{lr}", "0.01"),
        ("--lr={lr}", "--lr=0.01"),
        ("optim.lr={lr},seed={seed}", "optim.lr=0.01,seed=3"),
        ('{"optim": {"lr": {lr}, "betas": {}}}', '{"optim": {"lr": 0.01, "betas": {}}}'),
        ("{{lr}}", "{0.01}"),
        ("{out}/x", "/runs/a b/x"),
        ("${HOME} {LR} { lr } {0} %s", "${HOME} {LR} { lr } {0} %s"),
    ],
)
def test_only_the_three_placeholders_are_filled_in(word: str, filled: str):
    """Also inside longer words; every other brace is the user's own."""
    assert fill(word, VALUES) == filled


@given(st.text())
def test_what_is_filled_in_is_not_read_again(text: str):
    """A value that looks like a placeholder stays as it is."""
    assert fill("{out}", {**VALUES, "out": "{lr}" + text}) == "{lr}" + text


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["python", "t.py", "--lr", "0.1"], "python t.py --lr {lr}"),
        (["python", "t.py", "--learning-rate=1e-3", "-v"], "python t.py --learning-rate={lr} -v"),
        (["python", "t.py", "optim.lr=0.1"], "python t.py optim.lr={lr}"),
        (["python", "t.py", "--lr", "{learning_rate}"], "python t.py --lr {lr}"),
        (["python", "t.py", "--lr={LR}"], "python t.py --lr={lr}"),
        (["python", "t.py", "--lr", "$lr"], "python t.py --lr {lr}"),
        (["python", "t.py"], "python t.py --lr {lr}"),
    ],
)
def test_a_command_without_a_rate_is_told_where_to_put_it(arguments: list[str], advice: str):
    """The sentence holds the user's own command, put right."""
    with pytest.raises(SourceError, match=r"has no \{lr\}") as error:
        check_rate(arguments)
    assert error.value.message.endswith(f": lrscope scan -- {advice}")


def test_a_program_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each way of not being a program has its own advice, and nothing is started."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("print(1)")
    (tmp_path / "train.sh").write_text("echo 1")
    (tmp_path / "folder").mkdir()
    for arguments, said in {
        ("no-such-program-x", "{lr}"): "'no-such-program-x' was not found on the PATH",
        ("./nothing", "{lr}"): "'./nothing' does not exist",
        ("train.py", "--lr", "{lr}"): "write: lrscope scan -- python train.py --lr {lr}",
        ("./train.py", "{lr}"): "write: lrscope scan -- python ./train.py {lr}",
        ("train.sh", "{lr}"): "write ./train.sh",
        (
            "./train.sh",
            "{lr}",
        ): "is not executable; put the program that runs it in front (such as sh ./train.sh)",
        ("./folder", "{lr}"): "is a folder",
        (
            "python train.py --lr {lr}",
        ): "leave out the quotes around it: lrscope scan -- python train.py --lr {lr}",
        ("", "{lr}"): "There is no program to run",
        (): "There is no program to run",
    }.items():
        with pytest.raises(SourceError) as error:
            CommandSource(arguments)
        assert said in error.value.message


def test_a_script_that_says_no_interpreter(tmp_path: Path):
    """An executable text without a first line `#!` is refused by the system; the sentence says what to do."""
    script = tmp_path / "train"
    script.write_bytes(b"\x00\x01 not a program")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    run = CommandSource([str(script), "{lr}"]).start(Config(lr=0.1), 0)
    with pytest.raises(SourceError, match="cannot be started"):
        run.advance(1, 1.0)
    run.close()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["python", "-u", "src/train_gpt.py", "{lr}"], "train_gpt"),
        (["python", "-m", "package.fit", "{lr}"], "fit"),
        (["./run.sh", "{lr}"], "run"),
        (["/usr/bin/my prog", "{lr}"], "my-prog"),
        (["torchrun", "--nproc=2", "train.py", "{lr}"], "train"),
    ],
)
def test_the_name_is_the_scripts(arguments: list[str], name: str):
    """The results folder is called after what trains, not after Python."""
    assert command_name(arguments) == name


def test_the_identity_is_the_command():
    """Another command, pattern or metrics file is another scan."""
    source = CommandSource([sys.executable, "-c", "pass", "{lr}"])
    assert json.loads(source.identity()["command"])[-1] == "{lr}"
    other = CommandSource([sys.executable, "-c", "pass", "{lr}"], metrics_file="{out}/m.csv")
    assert other.identity() != source.identity()
    assert source.own_process
    assert source.pausable
    assert not source.takes_seed
    assert CommandSource([sys.executable, "{lr}", "s={seed}"]).takes_seed


def test_the_fingerprint_changes_with_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What the command names is hashed, a configuration behind an equals sign too; the interpreter is not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("1")
    (tmp_path / "conf.yaml").write_text("a: 1")
    source = CommandSource(["python", "train.py", "--config=conf.yaml", "{lr}"])
    before = source.fingerprint()
    assert set(before) == {"train.py", "conf.yaml"}
    (tmp_path / "train.py").write_text("2")
    after = source.fingerprint()
    assert after["train.py"] != before["train.py"]
    assert after["conf.yaml"] == before["conf.yaml"]


def test_a_source_travels_to_another_process():
    """Engines may pickle sources."""
    source = CommandSource([sys.executable, "-c", "pass", "{lr}"], metrics_file="{out}/m.csv")
    assert pickle.loads(pickle.dumps(source)).identity() == source.identity()
