"""The views of a range test: text, JSON, figure and page of the same facts, whether it was run or read."""

from __future__ import annotations

import json

import pytest
from test_view_page import Page

import lrscope
from lrscope.views.shared.page import html


def train(lr, seed):
    """A bowl that listens to its rate."""
    x = 10.0 + seed / 10
    while True:
        x -= lr * 2 * x
        lr = (yield x * x) or lr


@pytest.fixture(scope="module")
def result():
    return lrscope.range_test(train, low=1e-4, high=10)


def test_the_text_gives_the_rate_and_each_rule(result):
    """The answer comes first, then what it cost in ramps, caveats, and a row a rule, the first of them marked."""
    lines = str(result).splitlines()
    assert lines[0].startswith("Learning rate ")
    assert any(line.startswith("Cost: 5 ramps, ") for line in lines)
    rules = [one.rule for one in result.readings]
    rows = [next(line for line in lines if line.startswith(rule)) for rule in rules]
    assert [("◆" in row) for row in rows] == [True, False, False, False]


def test_the_page_draws_ramps_and_needs_no_script(result):
    """One line a ramp and one through their mean, a heading and a row a rule, and no chart of constant rates."""
    page = html(result.told())
    assert page.count("<polyline") == len(result.ramps) + 1
    assert Page(page).scripts == []
    assert all(one.rule in page for one in result.readings)
    assert 'id="left"' not in page


def test_the_document_holds_every_rule(result):
    """`rules` holds each rule in order, and the rate is that of the first; runs and cost are told of what was run."""
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert document["schema"] == "lrscope.range-test/1"
    assert [rule["rule"] for rule in document["rules"]] == [r.rule for r in result.readings]
    assert document["rules"][0]["lr"] == document["lr"] == result.lr.value
    assert (document["ramps"], len(document["runs"]), document["cost"]["steps"] >= 500) == (5, 5, True)


def test_a_ramp_that_was_read_has_the_same_views(tmp_path, result):
    """The answer, the rules and the picture; no runs and no cost, which are somebody else's."""
    rates, losses = result.ramps[0]
    read = lrscope.read_range_test({"lr": rates, "loss": losses})
    assert str(read).splitlines()[0].startswith("Learning rate ")
    document = read.to_dict()
    assert document["schema"] == "lrscope.range-test/1"
    assert (document["runs"], document["cost"], document["ramps"]) == (None, None, 1)
    assert read.report(tmp_path / "page.html").read_text().count("<polyline") == 2
    figure = pytest.importorskip("matplotlib.figure")
    assert isinstance(read.plot(), figure.Figure)


def test_no_run_is_marked_as_the_recommended_one(result):
    """Every ramp went through all rates, so none is the run at the rate that was recommended."""
    elements = Page(html(result.told())).elements
    rows = [attributes for tag, attributes in elements if tag == "tr"]
    assert len(rows) > len(result.ramps)
    assert sum(attributes.get("class") == "named" for attributes in rows) == 1  # the rule that names the rate


def test_the_figure_has_a_line_for_each_rule(result, tmp_path):
    """The legend names each rule with its rate and interval."""
    pytest.importorskip("matplotlib")
    figure = result.plot(tmp_path / "ramp.png")
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert sum(word.startswith(tuple(r.rule for r in result.readings)) for word in words) == 4
    assert (tmp_path / "ramp.png").stat().st_size > 10_000


def test_a_ramp_that_was_read_has_the_same_table():
    """Text and document of somebody else's ramp hold the rules as those of our own do."""
    lr = [1e-4 * 10 ** (k / 20) for k in range(81)]
    found = lrscope.read_range_test({"lr": lr, "loss": [1 / (1 + 30 * r) + r**3 for r in lr]})
    assert [rule["rule"] for rule in found.to_dict()["rules"]] == [one.rule for one in found.readings]
    assert "90 % interval" in str(found)
