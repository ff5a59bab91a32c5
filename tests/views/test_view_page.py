"""The report's file: what is in it, and what cannot get out of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from view_outcomes import KINDS, make

from lrscope.config import Config, at_rate
from lrscope.curves.curve import curves_from_points
from lrscope.errors import StoreError
from lrscope.training.store.base import Decision
from lrscope.views.scan.sections import report as scan_report
from lrscope.views.shared import page as pages
from lrscope.views.shared.page import script_safe

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u2028${x}$name `"


def html(outcome):
    """The page of an outcome."""
    return pages.html(scan_report(outcome))


def write(outcome, path):
    """Write the page of an outcome."""
    return pages.write(scan_report(outcome), path)


class Page(HTMLParser):
    """Reads a page as a browser's parser would: the elements, and the text of each script."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self._in = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._in = tag == "script"
        if self._in:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._in = self._in and tag != "script"

    def handle_data(self, data):
        if self._in:
            self.scripts[-1] += data


def hostile():
    """An outcome whose every text is an attack."""
    outcome = make("three")
    runs = [
        replace(r, reason=HOSTILE, curves={HOSTILE: r.curves["loss"], "val\ud800": r.curves["loss"]})
        for r in outcome.scan.runs
    ]
    answer = replace(
        outcome.recommendation, metric=HOSTILE, reason=HOSTILE, rule=HOSTILE, warnings=(HOSTILE,)
    )
    decisions = (Decision(HOSTILE, HOSTILE, at_rate(0.1), {HOSTILE: HOSTILE}),)
    scan = replace(outcome.scan, runs=runs, plan=replace(outcome.scan.plan, metric=HOSTILE))
    return replace(outcome, name=HOSTILE, scan=scan, recommendation=answer, decisions=decisions)


@pytest.mark.parametrize("kind", KINDS)
def test_it_asks_nothing_of_any_network(kind):
    """No element names a source, a link or a style elsewhere, and the policy would forbid it all the same."""
    page = Page(html(make(kind)))
    named = [a[k] for _, a in page.elements for k in ("src", "href", "srcset", "action") if k in a]
    assert named == ["data:,"]
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    allowed = "'none'" if kind == "empty" else "'sha256-"
    assert policy.startswith(f"default-src 'none'; script-src {allowed}")
    assert "@import" not in html(make(kind))
    assert "url(" not in html(make(kind))


def test_only_the_two_scripts_of_the_page_may_run():
    """The policy holds the hash of exactly the scripts that are there, byte for byte."""
    page = Page(html(hostile()))
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    code = page.scripts[1:]
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in code]
    assert re.findall(r"sha256-([^']+)'", policy) == hashes
    assert len(code) == 2


def test_text_from_outside_stays_text():
    """Names, reasons, metrics, warnings and decisions that hold markup add no element to the page."""
    plain, attacked = Page(html(make("three"))), Page(html(hostile()))
    assert len(attacked.scripts) == 3
    assert {t for t, _ in attacked.elements} == {t for t, _ in plain.elements}
    assert not [a for _, a in attacked.elements if any(k.startswith("on") for k in a)]
    assert json.loads(attacked.scripts[0])["metrics"][0]["name"] == HOSTILE


def test_data_in_a_script_cannot_end_it():
    """No `<`, `>`, `&` or odd line break is left in the JSON, and it reads back as it was."""
    data = {"a": [HOSTILE, "<!--", "]]>", "\u2029", "\ud800"]}
    text = script_safe(data)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == data
    text.encode("utf-8")


def test_long_scans_stay_small():
    """Sixty runs of 20,000 points in two metrics make a page below a megabyte that says its curves are
    thinned."""
    outcome = make("three")
    base = outcome.scan.runs[-1]
    points = [(s, m, 1 / s + (s * 7919 % 1000) / 1e4) for s in range(1, 20_001) for m in ("loss", "val_loss")]
    curves = curves_from_points(points)
    runs = [replace(base, config=Config(lr=1e-5 * 1.2**i), curves=curves, step=20_000) for i in range(60)]
    text = html(replace(outcome, scan=replace(outcome.scan, runs=runs)))
    assert len(text.encode()) < 1_000_000
    assert "Long curves are thinned" in text


def test_it_says_what_the_answer_says():
    """Headline, interval, cliff, every warning and a row for each run are in the markup itself, script or
    no script."""
    text = html(make("network"))
    assert "<h1>Learning rate <strong>0.63</strong></h1>" in text
    assert "90 % interval: 0.4 to 1. Anything from 0.4 to 0.63 does about as well." in text
    assert "Training diverges above 2." in text
    assert "Only one seed was run" in text
    assert len(re.findall(r"<tr data-run=", text)) == 31
    assert "No learning rate can be recommended" in html(make("hopeless"))
    assert "Not finished" in html(make("interrupted"))


def test_the_same_outcome_gives_the_same_page():
    """Nothing in it depends on the clock."""
    assert html(make("three")) == html(make("three"))


def test_it_is_written_whole_or_not_at_all(tmp_path):
    """Folders on the way are made; a place that cannot be written is named in one sentence, and no part is
    left."""
    path = write(make("three"), tmp_path / "new" / "scan.html")
    assert path.read_text(encoding="utf-8") == html(make("three"))
    blocked = tmp_path / "folder.html"
    blocked.mkdir()
    with pytest.raises(StoreError, match=r"The report could not be written to .*folder\.html"):
        write(make("three"), blocked)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.html", "new"]


def test_the_library_that_draws_is_named_with_its_licence():
    """uPlot is vendored unchanged, and its licence lies beside it."""
    static = files("lrscope.web") / "static"
    assert "(v1.6.32)" in (static / "uPlot.iife.min.js").read_text(encoding="utf-8")
    licence = (static / "uPlot.LICENSE.txt").read_text(encoding="utf-8")
    assert "MIT License" in licence
    assert licence in html(make("three"))
