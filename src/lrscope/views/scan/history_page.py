"""How a scan was decided, for the report: its data as JSON values, and its words, escaped."""

from __future__ import annotations

import math
from typing import Any

from lrscope.views.scan.history_facts import HistoryFacts
from lrscope.views.shared import numbers
from lrscope.views.shared.pageparts import text

_STRETCHES = 2000


def story_data(facts: HistoryFacts) -> dict[str, Any]:
    """What `web/static/story.js` draws; at most 2000 advances, the last ones."""
    return {
        "metric": facts.metric,
        "named": facts.named,
        "stretches": [
            {
                "lr": s.lr,
                "from": s.from_step,
                "to": s.to_step,
                "share": s.to_step / (facts.horizon or 1),
                "begin": round(s.begin, 6),
                "end": round(s.end, 6),
                "reason": s.reason,
                "lost": s.lost,
            }
            for s in facts.stretches[-_STRETCHES:]
        ],
        "moments": [
            {
                "spent": m.spent,
                "rates": list(m.rates),
                "middle": _short(m.middle),
                "low": _short(m.low),
                "high": _short(m.high),
                "best": _short(m.best),
                "named": m.named,
            }
            for m in facts.moments
            if all(math.isfinite(v) for v in (*m.middle, *m.low, *m.high))
        ],
    }


def story_blanks(facts: HistoryFacts) -> dict[str, str]:
    """What the pictures show, in words, for those who do not see them."""
    advances = numbers.plural(len(facts.stretches), "advance")
    names = ", ".join(f"after {m.spent:.2g} full runs {numbers.rate(m.named)}" for m in facts.moments)
    return {
        "path_alt": text(f"{advances} of runs, each at its learning rate against what had been spent."),
        "model_alt": text(
            f"Forecast of each rate's end at {len(facts.moments)} moments. Named {names}." if names else ""
        ),
    }


def _short(values: tuple[float, ...]) -> list[float]:
    return [float(f"{v:.5g}") for v in values]
