"""The report: one HTML file that holds all it needs and asks nothing of any network.

Markup, style and script lie in `web/static`; this file fills them with facts. Everything that came from
outside (names, reasons, lines of logs) is escaped where it enters the page, and the page's own policy
forbids it to load anything or to run any script but the two that are in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from lrscope.errors import StoreError
from lrscope.search.outcome import Outcome
from lrscope.views.range_test.facts import collect_ramp
from lrscope.views.range_test.page import section
from lrscope.views.scan.facts import collect
from lrscope.views.scan.history_facts import collect_story
from lrscope.views.scan.history_page import story_blanks, story_data
from lrscope.views.scan.pagedata import page_data
from lrscope.views.shared.pageparts import blanks


def html(outcome: Outcome) -> str:
    """The whole report as text. The same outcome always gives the same page."""
    facts = collect(outcome)
    data, thinned = page_data(facts)
    told = collect_story(outcome)
    data["story"] = story_data(told)
    uplot = static("uPlot.iife.min.js")
    script = static("charts.js") + static("report.js") + static("story.js")
    return Template(static("report.html")).substitute(
        {**blanks(facts, outcome.scan.plan, thinned), **story_blanks(told)},
        ramp=section(facts, collect_ramp(outcome)),
        policy=policy(uplot, script),
        style=static("uPlot.min.css") + static("report.css"),
        data=script_safe(data),
        licence=static("uPlot.LICENSE.txt"),
        uplot=uplot,
        script=script,
    )


def write(outcome: Outcome, path: str | os.PathLike[str]) -> Path:
    """Write the report to `path`, whole or not at all, and return the path. Folders on the way are made.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    return write_page(html(outcome), path)


def write_page(page: str, path: str | os.PathLike[str]) -> Path:
    """Write any page as `write` does."""
    target = Path(path)
    draft = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(page, encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreError(
            f"The report could not be written to {target}: {error.strerror or error}."
        ) from error
    return target


def script_safe(data: object) -> str:
    """JSON that can stand inside a `<script>` element: no `<`, `>` or `&` that could end it or begin
    another, and none of the two line breaks that JSON allows and older scripts do not."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    # A lone surrogate (a name that was no UTF-8) cannot be written to a file; JSON has an escape for it.
    return "".join(f"\\u{ord(c):04x}" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def policy(*scripts: str) -> str:
    """Nothing may be loaded, and of scripts only these may run."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts
    )
    rules = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:"
    return escape(f"{rules}; base-uri 'none'; form-action 'none'", quote=False)


@cache
def static(name: str) -> str:
    """A file of `web/static` as text."""
    return (files("lrscope.web") / "static" / name).read_text(encoding="utf-8")
