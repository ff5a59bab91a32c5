"""The page of a diagnosis in a real browser: it draws, answers, runs nothing of a hostile name and asks nothing of
any network."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import lrscope

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright belongs to the test extra")
CHROMIUM = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(p).exists()), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> loss"


def test_the_page_draws_and_runs_nothing_but_itself(tmp_path):
    """Every picture has ink, hovering names a point, the log scale redraws, and no script, dialog or request
    comes of a hostile metric name."""
    losses = [3 * math.exp(-k / 30) + 0.3 + 0.02 * math.sin(7 * k) for k in range(300)]
    path = lrscope.diagnose({HOSTILE: losses}).report(tmp_path / "d.html")
    trouble: list[str] = []
    asked: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text))
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=yes]")
        ink = "() => new Set(document.querySelector('canvas').getContext('2d').getImageData(0,0,300,300).data).size"
        assert page.evaluate(ink) > 20
        before = page.evaluate("() => document.querySelector('canvas').toDataURL()")
        page.locator("[data-log]").click()
        assert page.evaluate("() => document.querySelector('canvas').toDataURL()") != before
        box = page.locator(".u-over").bounding_box()
        page.locator(".u-over").scroll_into_view_if_needed()
        box = page.locator(".u-over").bounding_box()
        tip = page.locator(".tip")
        for k in range(10, int(box["height"]), 10):
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + k)
            if tip.is_visible():
                break
        assert "step" in tip.inner_text()
        wider = page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wider <= 0
        browser.close()
    assert trouble == []
    assert len(asked) == 1
