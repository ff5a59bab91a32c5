"""The chart of a diagnosed run on its page: what its script draws, as JSON values, and the markup around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lrscope.views.diagnosis.facts import COLOURS, CUT_COLOURS, NAMES, DiagnosisFacts
from lrscope.views.diagnosis.words import answer_line
from lrscope.views.shared.curves import curve_values, window_values
from lrscope.views.shared.page import fragment
from lrscope.views.shared.values import strict

_POINTS = 1500  # of one curve at most


def chart_markup(facts: DiagnosisFacts, index: int) -> str:
    """The chart of the run with that index in the data, and in words what it shows."""
    return fragment(
        "diagnosis.html",
        index=str(index),
        metric=facts.found.metric,
        hint="Triangles: first cuts of plateau rules" if any(r.replay.cuts for r in facts.rules) else "",
        alt=f"{facts.found.metric} of {facts.name} against step, coloured by state. "
        f"{answer_line(facts.found)}.",
    )


def chart_data(runs: Sequence[DiagnosisFacts]) -> dict[str, Any]:
    """What `web/static/diagnosis.js` draws."""
    values: dict[str, Any] = strict(
        {
            "regimes": {regime.value: {"name": NAMES[regime], "colour": COLOURS[regime]} for regime in NAMES},
            "runs": [_run(facts) for facts in runs],
        }
    )
    return values


def _run(facts: DiagnosisFacts) -> dict[str, Any]:
    expected = facts.expected
    return {
        "metric": facts.found.metric,
        "curve": curve_values(facts.curve, _POINTS),
        "window": window_values(facts.window, facts.run.curve.loss.tolist()),
        "noise": facts.noise,
        "segments": [asdict(segment) for segment in facts.found.segments],
        "expected": None if expected is None else asdict(expected),
        "cuts": [
            {"rule": r.name, "at": r.cut, "words": r.verdict, "colour": CUT_COLOURS[r.good]}
            for r in facts.rules
            if r.cut is not None
        ],
    }
