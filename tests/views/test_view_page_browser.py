"""The report in a real browser: it draws, it answers to mouse and keyboard, and it asks nothing of any
network."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from test_view_page import hostile, write
from view_outcomes import KINDS, make

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright belongs to the test extra")
CHROMIUM = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(p).exists()), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Write an outcome's report and open it from its file; afterwards nothing may have gone wrong or out."""
    contexts, trouble, asked = [], [], []

    def go(outcome, **options):
        path = write(outcome, tmp_path / "report.html")
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.route("**", lambda route: _only(path.as_uri(), route))
        page.goto(path.as_uri())
        if options.get("java_script_enabled", True) and outcome.scan.runs:
            page.wait_for_selector("html[data-ready=yes]")
        return page

    yield go
    for context in contexts:
        context.close()
    assert trouble == []
    assert len(asked) == len(contexts)


def _only(allowed, route):
    if route.request.url == allowed:
        route.continue_()
    else:
        route.abort()


def ink(page, side):
    """How many different colours a picture holds."""
    return page.evaluate(
        """side => { const c = document.querySelector(`#${side} canvas`);
        const image = c.getContext('2d').getImageData(0, 0, c.width, c.height);
        return new Set(new Uint32Array(image.data.buffer)).size }""",
        side,
    )


def pixels(page, side):
    """The picture itself."""
    return page.evaluate("side => document.querySelector(`#${side} canvas`).toDataURL()", side)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_outcome_opens_without_an_error(visit, kind):
    """No error, no message on the console, no request besides the file; pictures where there are values."""
    page = visit(make(kind))
    if kind == "empty":
        assert page.locator(".pictures").count() == 0
    else:
        assert ink(page, "left") > 10
        assert ink(page, "right") > 10


def test_hostile_text_is_shown_and_not_run(visit):
    """Text that attacks is on the page as text: no dialog opens, no script runs, the tools still work."""
    page = visit(hostile())
    assert page.locator("h1").inner_text().startswith("Learning rate")
    assert "<script>alert(1)</script>" in page.locator(".source b").inner_text()
    assert "onerror" in page.locator("#metric option").first.inner_text()
    page.select_option("#metric", "1")
    assert ink(page, "right") > 10


def test_a_row_picks_out_its_curve_and_escape_lets_go(visit):
    """Clicking a row marks it, changes the picture of curves, and is told to screen readers; Escape undoes
    it all."""
    page = visit(make("network"))
    before = pixels(page, "right")
    row = page.locator("#runs tbody tr").nth(3)
    row.locator("td").nth(2).click()
    assert "picked" in row.get_attribute("class")
    assert row.locator(".pick").get_attribute("aria-pressed") == "true"
    assert page.locator("#live").inner_text().startswith("Highlighted: rate 3.981e-5")
    assert pixels(page, "right") != before
    page.keyboard.press("Escape")
    assert page.locator("tr.picked").count() == 0
    page.mouse.move(0, 0)
    assert pixels(page, "right") == before


def test_a_point_picks_out_its_row_and_hovering_says_what_it_is(visit):
    """Over a point of the left picture stands its rate, value, step and state; a click picks its row out."""
    page = visit(make("network"))
    box = page.locator("#left .u-over").bounding_box()
    # The recommended run lies at 0.631 on a log axis from 1e-5 to 10, somewhere near the bottom.
    low, high = 1e-5 / 1.35, 10 * 1.35
    x = box["x"] + box["width"] * math.log(0.631 / low) / math.log(high / low)
    bottom = int(box["y"] + box["height"])
    heights = range(bottom - 4, int(box["y"]), -6)
    y = next(at for at in heights if _tip_at(page, x, at).startswith("rate 0.631"))
    assert "at step 320, complete" in _tip_at(page, x, y)
    page.mouse.click(x, y)
    assert page.locator("tr.picked").get_attribute("data-run") == "24"


def _tip_at(page, x, y):
    page.mouse.move(x, y)
    tip = page.locator("#left .tip")
    page.wait_for_timeout(20)
    return tip.inner_text() if tip.is_visible() else ""


def test_the_keyboard_reaches_everything(visit):
    """Tab comes to the tools, the table's headings and each run; Enter picks a run out."""
    page = visit(make("three"))
    seen = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            "() => { const e = document.activeElement; return [e.tagName, e.id || e.className] }"
        )
        seen.add(tuple(focus))
        if focus[1] == "pick":
            page.keyboard.press("Enter")
            break
    assert {("SELECT", "metric"), ("SELECT", "xaxis"), ("INPUT", "logy"), ("BUTTON", "pick")} <= seen
    assert page.locator("tr.picked").count() == 1


def test_each_tool_changes_the_picture(visit):
    """Metric, steps, runs, log scale and smoothing all redraw."""
    page = visit(make("network"))
    states = [pixels(page, "right")]
    for change in (
        lambda: page.select_option("#xaxis", "flow"),
        lambda: page.select_option("#shown", "full"),
        lambda: page.uncheck("#smooth"),
        lambda: page.uncheck("#logy"),
        lambda: page.select_option("#metric", label="val_acc"),
    ):
        change()
        states.append(pixels(page, "right"))
    assert len(set(states)) == len(states)


def test_the_table_sorts_by_number_both_ways(visit):
    """Values sort as numbers, and runs without one come last whichever way."""
    page = visit(make("network"))
    button = page.locator("#runs th button", has_text="loss")
    orders = []
    for _ in range(2):
        button.click()
        values = "rows => rows.map(r => r.children[3].dataset.v)"
        orders.append(page.eval_on_selector_all("#runs tbody tr", values))
    up, down = ([float(v) for v in order if v] for order in orders)
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
    assert all(order[-1] == "" for order in orders)


def test_phones_scroll_down_and_not_sideways(visit):
    """At 360 pixels the page is no wider than the screen, and the pictures are drawn."""
    page = visit(make("accuracy"), viewport={"width": 360, "height": 740})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert ink(page, "right") > 10


def test_dark_is_dark_and_print_is_light(visit):
    """A reader who prefers dark gets a dark page and pictures in other colours."""
    light, dark = visit(make("three")), visit(make("three"), color_scheme="dark")
    ground = [p.evaluate("() => getComputedStyle(document.body).backgroundColor") for p in (light, dark)]
    assert ground == ["rgb(251, 251, 250)", "rgb(18, 22, 27)"]
    assert pixels(light, "right") != pixels(dark, "right")
    before = pixels(dark, "right")
    dark.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    assert pixels(dark, "right") != before
    dark.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert pixels(dark, "right") == before


def test_without_script_the_page_still_answers(visit):
    """Answer, caveats and the table need no script, and the page says what is missing."""
    page = visit(make("network"), java_script_enabled=False)
    assert "0.63" in page.locator("h1").inner_text()
    assert page.locator("#runs tbody tr").count() == 31
    assert page.locator("noscript").count() == 1
    assert not page.locator("#tools").is_visible()


def test_another_seed_is_another_run(visit):
    """With two seeds, the words about a run name its seed."""
    page = visit(make("accuracy"))
    page.locator("#runs .pick").nth(1).click()
    assert "seed 1" in page.locator("#live").inner_text()


def test_an_outcome_without_horizon_opens(visit):
    """Before the length of a run is known, the page opens and says so with a dash."""
    outcome = make("three")
    page = visit(replace(outcome, scan=replace(outcome.scan, plan=replace(outcome.scan.plan, horizon=None))))
    assert ink(page, "left") > 10
