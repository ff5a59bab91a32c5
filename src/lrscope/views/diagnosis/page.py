"""The report of a diagnosis: one HTML file that holds all it needs and asks nothing of any network.

Built as the scan's report is (`page`): markup, style and script lie in `web/static`, and everything from
outside is escaped where it enters.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from lrscope._version import __version__
from lrscope.diagnosis.examine import Examined
from lrscope.views.diagnosis.facts import (
    ADVICE,
    NAMES,
    DiagnosisFacts,
    answer_line,
    collect,
    gain_words,
    patience_lines,
    rule_words,
    stepping_words,
)
from lrscope.views.scan.pagedata import rounded
from lrscope.views.shared import numbers, reading
from lrscope.views.shared.page import policy, script_safe, static, write_page
from lrscope.views.shared.pageparts import caveats, chip, text

MOST_RUNS = 40  # a page of more would be slow to open; the table on top holds the rest
_POINTS = 1500


def html(source: str, runs: Sequence[Examined], warnings: Sequence[str]) -> str:
    """The whole report as text. The same runs always give the same page."""
    facts = [collect(run) for run in runs[:MOST_RUNS]]
    uplot, script = static("uPlot.iife.min.js"), static("charts.js") + static("diagnosis.js")
    one = facts[0].diagnosis if len(runs) == 1 else None
    headline = f"<strong>{text(_capital(NAMES[one.regime]))}</strong>" if one else f"{len(runs)} runs"
    return Template(static("diagnosis.html")).substitute(
        policy=policy(uplot, script),
        version=text(__version__),
        title=text(f"{source}: " + (NAMES[one.regime] if one else f"{len(runs)} runs")),
        style=static("uPlot.min.css") + static("report.css") + static("diagnosis.css"),
        name=text(source),
        headline=headline + (f": {text(ADVICE[one.advice])}" if one else ""),
        caveats=caveats(warnings),
        overview=_overview(runs) if len(runs) > 1 else "",
        runs="\n".join(_run(i, f, titled=len(runs) > 1) for i, f in enumerate(facts)),
        left_out=f'<p class="note">The first {MOST_RUNS} of {len(runs)} runs are drawn.</p>'
        if len(runs) > MOST_RUNS
        else "",
        data=script_safe([_data(f) for f in facts]),
        licence=static("uPlot.LICENSE.txt"),
        uplot=uplot,
        script=script,
    )


def write(
    source: str, runs: Sequence[Examined], warnings: Sequence[str], path: str | os.PathLike[str]
) -> Path:
    """Write the report to `path`, whole or not at all, and return the path.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    return write_page(html(source, runs, warnings), path)


def _overview(runs: Sequence[Examined]) -> str:
    rows = [
        [
            text(run.run.name),
            text(run.diagnosis.metric),
            numbers.count(len(run.curve)),
            numbers.value(float(run.curve.loss[-1])),
            _state(run.diagnosis.regime.value, NAMES[run.diagnosis.regime]),
            text(ADVICE[run.diagnosis.advice]),
            numbers.share(run.diagnosis.confidence),
        ]
        for run in runs
    ]
    return "<section><h2>All runs</h2>" + _table(
        ["Run", "Metric", "Points", "Last value", "State", "Advice", "Sure"], rows, numeric={2, 3, 6}
    ) + "</section>"  # fmt: skip


def _run(index: int, facts: DiagnosisFacts, *, titled: bool) -> str:
    found = facts.diagnosis
    title = f"<h2>{text(facts.name)}</h2>" if titled else ""
    alt = f"{facts.metric} of {facts.name} against step, coloured by verdict. {answer_line(found)}."
    hint = "Triangles: where plateau rules would have cut." if any(r.cuts for r in facts.rules) else ""
    return f"""<section class="run">
{title}<p class="sentence">{text(answer_line(found) + "." if titled else found.reason)}</p>
<p class="why">{text(found.reason + " " if titled else "")}{text(gain_words(found))}</p>
<ul class="chips" aria-label="Key figures">{"".join(_chips(facts))}</ul>
<figure class="wide">
<figcaption><h2>{text(facts.metric)}</h2><span>{hint}</span></figcaption>
<form class="tools" data-tools="{index}" hidden><label><input type="checkbox" data-log> log scale</label></form>
<div class="plot" data-run="{index}" role="img" aria-label="{text(alt)}"></div>
<ul class="key">{_key(facts)}</ul>
</figure>
{_segments(facts)}{_stepping(facts)}{_patience(facts)}{_rules(facts)}{_evidence(facts)}
</section>"""


def _key(facts: DiagnosisFacts) -> str:
    kinds = dict.fromkeys(s.regime for s in facts.segments)
    items = [f'<li class="state {kind.value}">{text(NAMES[kind])}</li>' for kind in kinds]
    if facts.diagnosis.gain_left is not None and facts.last is not None:
        items.append(
            "<li>◆ where it would stand after as long again, at this pace (at the edge: beyond it)</li>"
        )
    return "".join(items)


def _chips(facts: DiagnosisFacts) -> list[str]:
    found = facts.diagnosis
    first, last = found.span
    chips = [
        chip("Points", numbers.count(facts.points), f"read as {facts.format}"),
        chip(
            "How sure",
            numbers.share(found.confidence),
            f"steps {numbers.count(first)} to {numbers.count(last)}",
        ),
    ]
    if found.gain_left is not None:
        gain = found.gain_left
        span = f"{numbers.value(gain.low, 3)} to {numbers.value(gain.high, 3)}"
        chips.append(chip("Left to gain", numbers.value(gain.value, 3), f"in as long again; {span}"))
    if found.steps_per_percent is not None:
        steps = found.steps_per_percent
        words = numbers.count(max(1, round(steps))) if math.isfinite(steps) else "never"
        chips.append(
            chip(
                "Another 1 % of what was gained", words, "steps, at this pace" if math.isfinite(steps) else ""
            )
        )
    if facts.noise is not None:
        chips.append(chip("Noise of one point", f"±{numbers.value(facts.noise, 2)}", ""))
    return chips


def _segments(facts: DiagnosisFacts) -> str:
    rows = [
        [
            f"{numbers.count(s.start)} to {numbers.count(s.stop)}",
            _state(s.regime.value, NAMES[s.regime]),
            numbers.value(s.level),
            numbers.value(1000 * s.slope, 3),
        ]
        for s in facts.segments
    ]
    head = ["Steps", "State", "Level", "Change in 1,000 steps"]
    return f"<h3>Segments</h3>{_table(head, rows, numeric={2, 3})}" if len(rows) > 1 else ""


def _stepping(facts: DiagnosisFacts) -> str:
    words = "".join(f"<li>{text(w)}</li>" for w in stepping_words(facts.stepping))
    return f"<h3>Stepping of the learning rate</h3><ul>{words}</ul>" if words else ""


def _patience(facts: DiagnosisFacts) -> str:
    lines = patience_lines(facts.patience)
    pastes = "".join(f"<dt>{text(name)}</dt><dd><code>{text(words)}</code></dd>" for name, words in lines)
    doubt = "".join(f"<p>{text(w)}</p>" for w in facts.patience.warnings)
    return (
        "<h3>Patience for a plateau rule on this curve</h3>"
        f"<p>{text(facts.patience.reason)} {text(facts.reports)}</p>{doubt}<dl>{pastes}</dl>"
    )


def _rules(facts: DiagnosisFacts) -> str:
    if not facts.rules:
        return ""
    rows = [[text(r.name), *map(text, rule_words(r)), text(r.verdict)] for r in facts.rules]
    head = ["Rule", "First cut at step", "Still to come then", "Verdict"]
    traps = "".join(f"<li>{text(f'{r.name}: {note}')}</li>" for r in facts.rules for note in r.notes)
    return (
        "<h3>Where plateau rules would have cut the rate</h3>"
        + _table(head, rows, numeric={1, 2})
        + (f"<ul>{traps}</ul>" if traps else "")
    )


def _evidence(facts: DiagnosisFacts) -> str:
    rows = "".join(
        f"<dt>{text(k.replace('_', ' '))}</dt><dd>{text(numbers.value(v))}</dd>"
        for k, v in facts.diagnosis.evidence.items()
    )
    return f'<div class="folds"><details><summary>Evidence</summary><dl>{rows}</dl></details></div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: set[int]) -> str:
    """A table; `rows` are HTML already."""
    kind = ['class="num"' if i in numeric else "" for i in range(len(head))]
    top = "".join(f'<th scope="col" {k}>{text(h)}</th>' for k, h in zip(kind, head, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td {k}>{cell}</td>" for k, cell in zip(kind, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        '<div class="scroll plain" tabindex="0"><table><thead><tr>'
        f"{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _state(value: str, words: str) -> str:
    return f'<span class="state {value}">{text(words)}</span>'


def _data(facts: DiagnosisFacts) -> dict[str, Any]:
    step, loss = reading.thin(facts.curve.curve.step, facts.curve.curve.loss, _POINTS)
    gain, window = facts.diagnosis.gain_left, facts.window
    down = -1.0 if facts.goal == "min" else 1.0
    positive = [v for v in loss.tolist() if v > 0]
    return {
        "metric": facts.metric,
        "s": step.tolist(),
        "v": rounded(loss),
        "noisy": facts.curve.noisy,
        "noise": facts.noise,
        "low": window.low,
        "high": window.high,
        "log": window.log,
        "lowest": min(positive, default=0.0),
        "segments": [
            {
                "a": s.start,
                "b": s.stop,
                "regime": s.regime.value,
                "name": NAMES[s.regime],
                "level": s.level,
                "slope": s.slope,
            }
            for s in facts.segments
        ],
        "gain": None
        if gain is None or facts.last is None
        else {
            "at": _finite(facts.last + down * gain.value),
            "ends": [_finite(facts.last + down * v) for v in (gain.low, gain.high)],
        },
        "cuts": [
            {"rule": r.name, "at": r.cuts[0], "words": r.verdict, "good": r.good}
            for r in facts.rules
            if r.cuts
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
