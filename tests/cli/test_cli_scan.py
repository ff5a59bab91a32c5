"""What `lrscope scan` understands, and what it hands on."""

import inspect

import pytest

import lrscope
from lrscope.cli.main import run
from lrscope.cli.scan import ENGINES, command
from lrscope.errors import InconclusiveError
from lrscope.search.planners import registry


@pytest.fixture
def handed_on(monkeypatch, tmp_path):
    """What the command calls `lrscope.scan` with."""
    calls = []

    def scan(source, **settings):
        calls.append((source, settings))
        raise InconclusiveError("Far enough for this test.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lrscope, "scan", scan, raising=False)
    return calls


def test_a_function_is_handed_on_as_text(handed_on):
    """SOURCE reaches `lrscope.scan` as it was typed."""
    run(["scan", "dir/train.py:train"])
    assert handed_on[0][0] == "dir/train.py:train"


def test_a_program_is_handed_on_word_by_word(handed_on):
    """What stands behind -- is the program, unread: its options and even its own -- are left alone."""
    words = ["./train", "--lr={lr}", "--budget", "7", "--json", "a b", "--", "$HOME;*"]
    run(["scan", "--budget", "3", "--", *words])
    source, settings = handed_on[0]
    assert source == words
    assert settings["budget"] == 3.0


def test_without_options_the_defaults_are_those_of_the_function():
    """The command's defaults are the Python function's, so that both say the same of the same training."""
    of_function = {n: p.default for n, p in inspect.signature(lrscope.scan).parameters.items()}
    ours = {p.name: p.default for p in command.params if p.name in of_function and p.name != "source"}
    given_by_us = {"out"}  # a folder of its own, where the function keeps nothing
    for name, default in ours.items():
        if name not in given_by_us and not (default is None or type(default).__name__ == "Sentinel"):
            assert default == of_function[name], name
    assert set(of_function) - set(ours) == {"source", "progress", "config"}  # --param, told as config


def test_every_option_arrives(handed_on):
    """Each option reaches `lrscope.scan` under its own name."""
    options = {
        "low": 1e-3, "high": 0.5, "per_decade": 3, "steps": 70, "budget": 2.5, "metric": "val_acc",
        "goal": "max", "objective": "best", "seeds": 2, "jobs": 2, "engine": "processes", "planner": "grid",
        "pattern": "x(.)", "metrics_file": "{out}/m.csv", "max_paused": 4, "tolerance": 0.1,
    }  # fmt: skip
    words = [w for n, v in options.items() for w in (f"--{n.replace('_', '-')}", str(v))]
    run(["scan", *words, "--param", "size=32", "--param", "model=net", "--fresh", "--out", "here", "a.py:f"])
    settings = {n: v for n, v in handed_on[0][1].items() if n != "progress"}
    assert str(settings.pop("out")) == "here"
    assert settings.pop("fresh") is True
    assert settings.pop("config") == {"size": 32, "model": "net"}
    assert settings == options


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scan"], ["train.py:FUNCTION", "-- python train.py --lr {lr}"]),
        (["scan", "net.py"], ["net.py:FUNCTION", "-- python net.py --lr {lr}"]),
        (["scan", "python", "net.py"], ["net.py:FUNCTION", "-- python net.py --lr {lr}"]),
        (
            ["scan", "python", "net.py", "--lr", "{lr}"],
            ["--lr", "put -- before", "-- python net.py --lr {lr}"],
        ),
        (["scan", "a.py:f", "--", "train"], ["a.py:f", "Give one of them"]),
        (["scan", "--"], ["behind --"]),
        (["scan", "--lwo", "1", "a.py:f"], ["--lwo", "--low"]),
        (["scan", "--low", "tiny", "a.py:f"], ["--low", "tiny"]),
        (["scan", "--planner", "magic", "a.py:f"], ["--planner", "flow", "halving", "grid"]),
        (["scan", "--param", "size", "a.py:f"], ["--param batch_size=32", "not 'size'"]),
        (["scan", "--param", "a=1", "--param", "a=2", "a.py:f"], ["--param a was given twice"]),
        (["scan", "--plot", "no/such/x.png", "a.py:f"], ["--plot", "does not exist"]),
        (["scan", "--report", "no/such/x.html", "a.py:f"], ["--report", "does not exist"]),
    ],
)
def test_a_slip_is_told_before_anything_starts(handed_on, capfd, arguments, words):
    """Wrong use is status 2 and one message that says what to type instead; no training was started."""
    assert run(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    for word in words:
        assert word in err
    assert "Traceback" not in err
    assert handed_on == []


@pytest.mark.parametrize(("option", "names"), [("planner", registry.names()), ("engine", ENGINES)])
def test_help_names_every_choice(capfd, option, names):
    """What may be chosen can be read in the help."""
    assert run(["scan", "--help"]) == 0
    text = capfd.readouterr().out
    assert f"--{option}" in text
    for name in names:
        assert name in text


def test_every_option_has_a_help_text():
    """No option is left unexplained."""
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert parameter.help, parameter.name
