"""Sections: any kind of result that lists its own is rendered as text and as a page, without being known to either."""

from __future__ import annotations

import pytest
from rich.text import Text
from test_view_page import Page

from lrscope.views.shared import text as texts
from lrscope.views.shared.page import fragment, html
from lrscope.views.shared.sections import (
    Caveats,
    Cell,
    Chart,
    Fold,
    Group,
    KeyFigures,
    Pairs,
    Paragraph,
    Report,
    Table,
    row,
)

HOSTILE = "<img src=x onerror=alert(1)>\x1b[2J"


def every_section(words="some words"):
    """One section of each kind, with the same words in all of its places."""
    cells = row(words, Cell("3", state="complete"), named=True)
    return [
        Paragraph(words, title=f"Prose {words}"),
        KeyFigures([(words, words, words)], title=f"Figures {words}"),
        Caveats([words], title=f"Caveats {words}"),
        Pairs([(words, words)], title=f"Pairs {words}"),
        Pairs([(words, words)], title=f"Settings {words}", paste=True),
        Table([words, "n"], [cells], numeric=(1,), title=f"Table {words}"),
        Chart(markup=lambda: "<svg></svg>", lines=lambda _: [Text("ink")], title=f"Chart {words}"),
        Group(lambda: [Paragraph(words)], title=f"Group {words}"),
        Fold([Paragraph(words)], title=f"Fold {words}", note=words),
    ]


def report(sections, **more):
    """A report of a kind that no renderer knows."""
    return Report("Tuning", "train", ("Batch size ", "64", " is best"), sections, **more)


def test_headings_stand_in_one_order_in_text_and_page():
    """What a kind of result lists is read in that order in both media; key figures are for pages alone."""
    titles = [section.title for section in every_section()]
    text, page = texts.render(report(every_section())), html(report(every_section()))
    in_text = [t for t in titles if t in text]
    assert in_text == [t for t in titles if not t.startswith("Figures")]
    assert [text.index(t) for t in in_text] == sorted(text.index(t) for t in in_text)
    assert [page.index(t) for t in titles] == sorted(page.index(t) for t in titles)


@pytest.mark.parametrize("medium", ["text", "page"])
def test_a_section_for_one_medium_is_left_out_of_the_other(medium):
    """`only` holds for sections, for those inside others, and for cells."""
    told = report(
        [
            Paragraph("section-alone", only=medium),
            Group(lambda: [Paragraph("section-inside", only=medium)], title="Group"),
            Table(["a", "b"], [row("both", Cell("cell-alone", only=medium))]),
        ]
    )
    shown = {"text": texts.render(told), "page": html(told)}
    other = "page" if medium == "text" else "text"
    for words in ("section-alone", "section-inside", "cell-alone"):
        assert words in shown[medium]
        assert words not in shown[other]
    assert all("both" in words for words in shown.values())


def test_nothing_from_outside_is_markup_or_steers_a_terminal():
    """In every place of every section, a name that is markup comes out as text, and control characters not at all."""
    told = report(every_section(HOSTILE), details=[HOSTILE], lead=HOSTILE, unfinished=HOSTILE)
    plain = report(every_section(), details=["a"], lead="b", unfinished="c")
    assert {tag for tag, _ in Page(html(told)).elements} == {tag for tag, _ in Page(html(plain)).elements}
    assert "\x1b" not in html(told)
    assert "\x1b" not in texts.render(told)
    assert fragment("diagnosis.html", index="0", metric=HOSTILE, hint="", alt="").count("<img") == 0


def test_what_is_only_for_a_page_is_not_made_for_a_terminal():
    """Charts, their data and sections that stand on a page alone cost a terminal nothing."""

    def refuse():
        raise AssertionError("made")

    told = report(
        [Chart(markup=refuse), Group(refuse, title="Group", only="page")],
        data=refuse,
        scripts=("scan.js",),
    )
    assert texts.render(told) == "Batch size 64 is best\n"


def test_a_section_without_content_leaves_no_heading():
    """A table without rows, pairs without pairs, caveats without sentences and a chart without a picture vanish."""
    empty = [
        Table(["a"], [], title="vanished"),
        Pairs([], title="vanished"),
        Caveats([], title="vanished"),
        Chart(title="vanished"),
        Fold([Table(["a"], [])], title="vanished", only="page"),
    ]
    assert "vanished" not in texts.render(report(empty))
    assert "vanished" not in html(report(empty))


def test_settings_to_paste_stay_on_one_line_and_other_pairs_wrap():
    """However narrow the terminal, what is there to be copied is not broken."""
    setting = "Rule(" + "argument=1, " * 20 + ")"
    lines = texts.render(report([Pairs([("Library", setting)], paste=True)]), width=40).splitlines()
    assert f"  Library: {setting}" in lines


def test_a_page_without_charts_has_no_script():
    """Where nothing is drawn by a script, none is in the page and its policy allows none."""
    page = Page(html(report([Paragraph("words")])))
    assert page.scripts == []
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv"))
    assert "script-src 'none'" in policy


def test_headings_go_down_by_one_level_inside_a_group():
    """h1 is the answer, h2 a section, h3 a section of a group."""
    inner = Paragraph("words", title="Inner")
    page = html(report([Group(lambda: [inner], title="Outer")]))
    assert "<h2>Outer</h2>" in page
    assert "<h3>Inner</h3>" in page
