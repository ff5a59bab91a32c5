"""How a scan was decided, told from the ledger: the advances in order, and what the forecast was."""

from __future__ import annotations

import pytest

import lrscope
from lrscope.testing.toys import noisy_quadratic
from lrscope.views.scan.chart import chart_data, history_markup
from lrscope.views.scan.facts import collect, history


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return lrscope.scan(
        noisy_quadratic, low=1e-3, high=10, steps=200, budget=1.5, out=tmp_path_factory.mktemp("scan")
    )


def test_the_advances_add_up_to_what_was_spent(result):
    """Each begins where the one before ended, each run where it had come to, and the last ends at the cost."""
    told = history(result.outcome)
    at, spent = {}, 0.0
    for s in told.stretches:
        assert s.begin == pytest.approx(spent)
        assert s.from_step == at.get(s.lr, 0)
        assert s.reason
        at[s.lr], spent = s.to_step, s.end
    assert {r.lr: r.step for r in result.runs} == at


def test_the_last_moment_is_the_answer(result):
    """What the forecast names at the end is what the scan names, and the middle lies in its 90 %."""
    last = history(result.outcome).moments[-1]
    assert last.named == result.lr.value
    assert all(low <= m <= high for low, m, high in zip(last.low, last.middle, last.high, strict=True))
    assert sum(last.best) == pytest.approx(1)


def test_page_and_figure_show_it(result, tmp_path):
    """The data are plain JSON values, the words are there, and the figure has both panels."""
    told = history(result.outcome)
    data = chart_data(collect(result.outcome), told)["history"]
    assert len(data["moments"]) == len(told.moments)
    assert data["stretches"][-1]["end"] == pytest.approx(told.stretches[-1].end)
    assert f"{len(told.stretches)} advances of runs" in history_markup(told)
    figure = result.plot_decisions(tmp_path / "history.png")
    assert len(figure.axes) == 2
    assert (tmp_path / "history.png").stat().st_size > 10_000


def test_without_a_model_only_the_path_is_shown(tmp_path):
    """Halving has no forecast; its advances are shown all the same."""
    made = lrscope.scan(
        noisy_quadratic, low=1e-3, high=10, steps=200, budget=1.5, planner="halving", out=tmp_path / "scan"
    )
    told = history(made.outcome)
    assert told.stretches
    assert told.moments == ()
