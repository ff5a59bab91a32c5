"""The answer as text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from view_outcomes import KINDS, make, one_point

from lrscope.curves import RunState
from lrscope.views.scan.sections import report as scan_report
from lrscope.views.shared import text as texts


def render(outcome, **options):
    """The text of an outcome."""
    return texts.render(scan_report(outcome), **options)


ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("kind", KINDS)
def test_no_line_is_wider_than_asked(kind, width):
    """Whatever the outcome, lines keep to the width, and there are no control characters in plain text."""
    text = render(make(kind), width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert all(c.isprintable() or c == "\n" for c in text)
    assert text.endswith("\n")


def test_the_answer_comes_first_with_range_band_and_cliff():
    """The first line says rate, interval and band; the price follows in the same breath, then why, then
    caveats."""
    outcome = make("network")
    text = render(outcome, width=120)
    first, second, *_ = text.splitlines()
    assert first == "   ".join(
        [
            "Learning rate 0.63",
            "90 % interval: 0.4 to 1",
            "Anything from 0.4 to 0.63 does about as well",
            "Training diverges above 2",
        ]
    )
    assert second.startswith("Cost: 3.8 full runs")
    order = [
        text.index(part) for part in (outcome.recommendation.reason[:30], "! Only one seed", "Rate  State")
    ]
    assert order == sorted(order)
    assert "A full grid would have cost 27.1." in " ".join(text.split())


def test_every_run_has_a_row_with_its_rate_in_full():
    """The table holds each run: rate as on the grid, state, steps; a failure's reason is never cut off."""
    text = render(make("network"), width=80)
    assert re.search(r"^ *1\.585e-5  +stopped +10 +1\.913", text, re.MULTILINE)
    assert re.search(r"^ *0\.631 ◆ +complete +320", text, re.MULTILINE)
    assert len(re.findall(r"^ *\S+( ◆)? +(stopped|complete|diverged) +\d+", text, re.MULTILINE)) == 31
    outcome = make("three")
    failed = replace(
        outcome.scan.runs[0],
        state=RunState.FAILED,
        reason="The program exited with status 1: " + "word " * 40 + "end.",
    )
    text = render(
        replace(outcome, scan=replace(outcome.scan, runs=[failed, *outcome.scan.runs[1:]])), width=60
    )
    assert "end." in text


def test_no_answer_is_said_first():
    """Where nothing can be recommended, the first line says so, and the reason follows."""
    text = render(make("hopeless"), width=80)
    assert text.startswith("No learning rate can be recommended\n")
    assert "Every run diverged" in text


def test_an_interrupted_scan_says_so():
    """An answer from part of a scan is not taken for the whole."""
    assert render(make("interrupted"), width=80).startswith("Not finished")


def test_colour_is_only_added_and_no_color_takes_it_away(monkeypatch):
    """Coloured text without its codes is the plain text; with NO_COLOR no colour code is left."""
    outcome = make("network")
    plain = render(outcome, width=80)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = render(outcome, width=80, colour=True)
    assert "\x1b[" in coloured
    assert "\n".join(line.rstrip() for line in ANSI.sub("", coloured).split("\n")) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])[0-9;]*m", render(outcome, width=80, colour=True))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "no-such-encoding"])
def test_it_can_be_printed_in_poor_encodings(encoding):
    """Where the encoding lacks a character, plain ASCII stands for it, and the picture is still one."""
    text = render(make("network"), width=80, encoding=encoding)
    text.encode("ascii" if encoding == "no-such-encoding" else encoding)
    assert "?" not in text
    assert "# recommended" in text


def test_hostile_names_and_reasons_stay_one_line_and_harmless():
    """Escape codes, markup and line breaks from outside neither colour the terminal nor break the table."""
    outcome = make("three")
    runs = [replace(r, reason="[red]a\x1b[2Jb\nc[/red]\r") for r in outcome.scan.runs]
    answer = replace(outcome.recommendation, warnings=("[bold]x\x1b[31m",), reason="\x1b]0;title\x07 [/] why")
    text = render(replace(outcome, scan=replace(outcome.scan, runs=runs), recommendation=answer), width=80)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]a [2Jb c[/red]" in text


def test_one_run_needs_no_picture():
    """The least scan renders: one run, no answer."""
    text = render(one_point(1.5), width=80)
    assert "1 rate" in text
    assert "1.500" in text


def test_a_line_of_the_answer_breaks_between_its_parts():
    """On a narrow terminal, the band and the cliff each stay on one line."""
    lines = render(make("network"), width=60).splitlines()
    assert lines[:3] == [
        "Learning rate 0.63   90 % interval: 0.4 to 1",
        "Anything from 0.4 to 0.63 does about as well",
        "Training diverges above 2",
    ]


def test_what_most_stopped_runs_say_is_not_said_in_each_row():
    """A reason that most of the stopped runs share is left out of the table; another one stays."""
    outcome = make("network")
    stopped = [r for r in outcome.scan.runs if r.state is RunState.STOPPED]
    odd = stopped[0].lr
    runs = [
        replace(r, reason="an odd one" if r.lr == odd else "others were better")
        if r.state is RunState.STOPPED
        else r
        for r in outcome.scan.runs
    ]
    text = render(replace(outcome, scan=replace(outcome.scan, runs=runs)), width=80)
    assert "others were better" not in text
    assert text.count("an odd one") == 1


def test_an_interval_that_ends_at_the_edge_of_the_range_is_open():
    """Where the interval reaches the last rate that was looked at, more than that is not known."""
    outcome = make("network")
    lr = outcome.recommendation.lr
    wide = replace(lr, low=outcome.scan.plan.rates[0] / 1.3, high=outcome.scan.plan.rates[-1])
    text = render(replace(outcome, recommendation=replace(outcome.recommendation, lr=wide)), width=110)
    assert "90 % interval: 1e-5 or lower to 10 or higher" in text


def test_a_scan_that_spent_too_much_says_why():
    """More than a tenth above the budget is said, with what was done twice and what was done too far."""
    outcome = make("network")
    horizon = outcome.scan.plan.horizon
    dear = replace(outcome.cost, full_runs=5.0, steps=5 * horizon, rework=20, overshoot=30)
    text = " ".join(render(replace(outcome, cost=dear), width=110).split())
    assert (
        "That is more than the budget of 4: 20 steps had to be repeated and 30 steps were trained beyond "
        "where runs were to pause." in text
    )
    fair = replace(outcome.cost, full_runs=4.2, rework=0, overshoot=30)
    assert "more than the budget" not in render(replace(outcome, cost=fair), width=110)
