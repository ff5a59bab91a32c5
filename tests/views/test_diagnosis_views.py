"""The views of a diagnosis: text, JSON, figure and page of the same facts."""

import json
import math

import numpy as np
import pytest

import lrscope
from lrscope.readers import LoggedRun
from lrscope.views.diagnosis import facts as diagnosis_facts
from lrscope.views.diagnosis.sections import report
from lrscope.views.shared.page import html
from lrscope.views.shared.text import render

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m$money"


def levelled(n: int = 400, noise: float = 0.02, seed: int = 0) -> list[float]:
    """A loss that falls and then stands at 0.4."""
    rng = np.random.default_rng(seed)
    return (0.4 + 2 * np.exp(-np.arange(n) / 25) + noise * rng.standard_normal(n)).tolist()


def falling(n: int = 200) -> list[float]:
    return [3.0 - 0.01 * k + 0.01 * math.sin(7 * k) for k in range(n)]


@pytest.fixture(scope="module")
def level():
    return lrscope.diagnose({"train_loss": levelled()})


@pytest.fixture(scope="module")
def several():
    losses = {"a": levelled(), "b": falling(), HOSTILE: [1.0, float("nan")] * 10}
    runs = [
        LoggedRun(name, "test", {"loss": lrscope.LossCurve(range(1, len(y) + 1), y)})
        for name, y in losses.items()
    ]
    result = lrscope.diagnose(runs[0])
    return lrscope.DiagnosisResult(
        "three", [r for run in runs for r in lrscope.diagnose(run).runs], result.skipped
    )


def test_the_first_line_is_the_verdict(level):
    """State, advice and how sure stand in the first line, and a plateau is never called a zig-zag there."""
    first = str(level).splitlines()[0]
    assert first.startswith("Plateau: lower the learning rate")
    assert "sure" in first
    assert "zig" not in first


def test_the_text_holds_each_part(level):
    """Reason, what is left with its interval, segments, settings to paste and the replayed rules are told."""
    words = " ".join(str(level).split())
    assert "Gain expected from as many steps again" in words
    assert "80 % interval:" in words
    assert "descending" in words
    assert "ReduceLROnPlateau(optimizer," in words
    assert "transformers GreedyLR" in words


def test_a_setting_to_paste_is_never_broken_into_lines(level):
    """However narrow the terminal, each setting stays on one line."""
    text = render(report("x", level.runs, level.reason, ()), width=40)
    patience = level.runs[0].patience
    assert all(
        any(s in line for line in text.splitlines()) for s in (patience.torch, patience.keras, patience.optax)
    )


def test_several_runs_have_a_row_each(several):
    """Of several runs the text counts the states first, then gives one row a run."""
    text = str(several)
    assert text.startswith("3 runs: ")
    assert any(line.startswith("b ") and "descending" in line for line in text.splitlines())


def test_the_document_is_strict_json_with_the_promised_keys(level, several):
    """The document has the keys that were promised, and neither NaN nor Infinity, even where values were."""
    for result in (level, several):
        document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert document["schema"] == "lrscope.diagnosis/1"
        assert {
            "source",
            "format",
            "points",
            "regime",
            "advice",
            "reason",
            "segments",
            "evidence",
            "warnings",
        } <= set(document)
    assert level.to_dict()["regime"] == "plateau"
    assert level.to_dict()["segments"][-1]["stop"] == level.runs[0].curve.step[-1]
    assert [run["regime"] for run in several.to_dict()["runs"]][:2] == ["plateau", "descending"]


def test_parts_of_the_document_have_exactly_the_keys_that_were_promised():
    """Parts that are written field by field keep their keys, whatever the classes behind them are called inside."""
    rates = [1e-2] * 200 + [1e-3] * 5 + [1e-2] * 195
    document = lrscope.diagnose({"train_loss": levelled(), "lr": rates}).to_dict()
    assert set(document["segments"][0]) == {"start", "stop", "regime", "level", "slope"}
    assert set(document["gain_left"]) == {"value", "low", "high", "level", "method"}
    assert set(document["patience"]) == {
        "patience", "window", "fall", "noise", "memory", "false_cuts", "typical_delay", "horizon", "torch", "keras",
        "optax", "reason", "warnings",
    }  # fmt: skip
    assert set(document["backtest"][0]) == {
        "rule", "cuts", "raises", "left_at_cut", "delay", "verdict", "final_factor", "notes"
    }  # fmt: skip
    assert document["stepping"]
    assert set(document["stepping"][0]) == {"mistake", "step", "reason", "confidence", "evidence"}


def test_the_page_holds_nothing_of_a_name_as_markup(several):
    """A name that is markup comes out as text, in the page's words and in its data alike."""
    page = html(report(HOSTILE, several.runs, HOSTILE, [HOSTILE]))
    assert "<img" not in page
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert page.count("<script") == 3


def test_the_page_names_the_hashes_of_its_own_scripts(level):
    """The page's policy forbids everything but the two scripts in it, by their hashes."""
    page = html(report("x", level.runs, level.reason, ()))
    assert "default-src 'none'" in page
    assert page.count("'sha256-") == 2
    assert page == html(report("x", level.runs, level.reason, ()))


def test_the_figure_says_the_verdict_and_survives_any_name(several, tmp_path):
    """The figure's titles are the verdicts, and dollar signs or angle brackets in names do no harm."""
    pytest.importorskip("matplotlib")
    figure = several.plot(tmp_path / "d.png")
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0].startswith("Plateau")
    assert titles[1].startswith("Descending")
    assert (tmp_path / "d.png").stat().st_size > 10_000


def test_the_expected_value_lies_below_a_falling_loss_and_above_a_growing_score():
    """The value expected after as many steps again lies on the better side of the last level, whichever way that is."""
    loss = diagnosis_facts.collect(lrscope.diagnose({"loss": falling()}).runs[0])
    score = diagnosis_facts.collect(lrscope.diagnose({"val_acc": [-y for y in falling()]}).runs[0])
    assert loss.run.goal == "min"
    assert score.run.goal == "max"
    assert loss.found.gain_left.value > 0
    assert score.found.gain_left.value > 0
    assert loss.last == pytest.approx(-score.last, rel=1e-6)
    assert loss.expected.value < loss.last
    assert score.expected.value > score.last


@pytest.mark.parametrize(
    "values", [[1.0], [math.nan] * 5, [1.0] * 30, [math.inf, 1.0, 2.0], [-1e300, 1e300] * 10]
)
def test_odd_curves_have_every_view(values, tmp_path):
    """One point, no finite point, one value all along, and huge values: each view says something, none fails."""
    result = lrscope.diagnose(values)
    assert str(result)
    json.dumps(result.to_dict(), allow_nan=False)
    assert result.report(tmp_path / "r.html").stat().st_size > 50_000
    pytest.importorskip("matplotlib")
    result.plot()


def test_cuts_on_a_curve_that_only_rose_are_not_judged():
    """Where nothing was ever gained, no cut is called right or wrong."""
    rising = lrscope.diagnose([1 + 0.01 * k + 0.01 * math.sin(7 * k) for k in range(120)])
    facts = diagnosis_facts.collect(rising.runs[0])
    assert facts.rules
    assert {rule.good for rule in facts.rules} == {None}
    assert "in time" not in str(rising)
