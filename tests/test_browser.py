"""The built site in a real browser, with the network cut and opened from a folder."""

import os
import shutil

import pytest
from test_site import SITE, toc

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WITH_EXPLORER = [
    name
    for name in toc()
    if (SITE / f"{name}.html").exists()
    and 'class="explorer"' in (SITE / f"{name}.html").read_text(encoding="utf-8")
]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no chromium on this machine"
)


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Open a page of the site; what it complains about or asks from elsewhere fails the test."""
    contexts, complaints = [], []

    def open_page(name, **settings):
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:")) else complaints.append(r.url),
        )
        page.goto((SITE / f"{name}.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("name", toc())
def test_page_opens_quietly_and_fits_a_phone(visit, name):
    page = visit(name, viewport={"width": 390, "height": 844}, color_scheme="dark")
    formulas = page.locator(".math").count()
    if formulas:
        page.wait_for_function(
            "n => document.querySelectorAll('mjx-container').length >= n", arg=formulas
        )
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def state(page, explorer):
    image = explorer.locator("img")
    assert image.is_visible()
    text = explorer.locator(".explorer-text").inner_text()
    assert image.get_attribute("alt") == text
    return image.get_attribute("src"), text


@pytest.mark.parametrize("name", WITH_EXPLORER)
def test_explorers_follow_keyboard_and_pointer(visit, name):
    page = visit(name)
    for explorer in page.locator(".explorer").all():
        seen = state(page, explorer)
        for slider in explorer.get_by_role("slider").all():
            assert slider.get_attribute("aria-valuetext")
            for move in (
                lambda s: s.press("End" if s.input_value() == "0" else "Home"),
                lambda s: s.click(position={"x": s.bounding_box()["width"] / 2, "y": 10}),
                lambda s: s.press("ArrowLeft" if s.input_value() != "0" else "ArrowRight"),
            ):
                before, value = seen, slider.input_value()
                move(slider)
                seen = state(page, explorer)
                assert (seen != before) == (slider.input_value() != value)
            assert seen != before
        for group in explorer.get_by_role("group").all():
            first, second = group.get_by_role("radio").all()[:2]
            second.click()
            clicked = state(page, explorer)
            second.press("ArrowUp")
            assert first.is_checked()
            assert state(page, explorer) != clicked


@pytest.mark.parametrize("name", WITH_EXPLORER)
def test_explorers_show_a_frame_without_script(visit, name):
    page = visit(name, java_script_enabled=False)
    for explorer in page.locator(".explorer").all():
        assert explorer.locator("img").is_visible()
        assert explorer.locator(".explorer-text").inner_text()
        assert explorer.locator("input").count() == 0
