"""The built site in a real browser, with the network cut and opened from a folder."""

import os
import shutil
from pathlib import Path

import axe_playwright_python
import pytest
from test_site import SITE, made, toc

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
WITH_EXPLORER = [
    name
    for name in toc()
    if (SITE / f"{name}.html").exists()
    and 'class="explorer"' in (SITE / f"{name}.html").read_text(encoding="utf-8")
]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no chromium on this machine"
)


@pytest.fixture
def visit(browser):
    """Open a page of the site; what it complains about or asks from elsewhere fails the test."""
    contexts, complaints = [], []

    def open_page(name, **settings):
        context = browser.new_context(offline=True, **settings)
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


SCREENS = [  # width, theme, rules of axe-core (all of them if empty)
    (1280, "light", []),
    (1280, "dark", ["color-contrast"]),
    (320, "dark", ["color-contrast", "scrollable-region-focusable", "target-size"]),
]


# What is wider than its box: cut off, or to be scrolled although it is what a cell prints.
WIDER = """width => [...document.querySelectorAll("article *:not(mjx-container *)")].filter(
node => {
  const style = getComputedStyle(node), printed = node.matches(".cell_output pre");
  const cut = style.display !== "inline" && ["hidden", "clip"].includes(style.overflowX);
  return (cut || (printed && width >= 1280)) && node.scrollWidth > node.clientWidth + 1;
}).map(node => node.outerHTML.slice(0, 200))"""


MADE = ["search", "genindex", "prf-prf", "py-modindex"]
SOURCES = ["_modules/index", "_modules/noiseprune/pruning", "_modules/replication/figures/spectrum"]


@pytest.mark.parametrize("name", [*toc(), *MADE, *SOURCES])
def test_page_is_accessible_and_fits_every_screen(visit, name):
    page = visit(name)
    page.add_style_tag(content="* { content-visibility: visible !important }")  # axe asks for all
    page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    for width, theme, rules in SCREENS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("t => document.documentElement.dataset.theme === t", arg=theme)
        page.wait_for_timeout(500)  # colours fade, and the theme looks a little later what scrolls
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(WIDER, width) == []
        options = {"resultTypes": ["violations"], "preload": False}  # no second look at styles
        options["rules"] = {"label-content-name-mismatch": {"enabled": True}}
        if rules:
            options["runOnly"] = rules
        context = {"exclude": [["mjx-container > *"]]}  # presentation: the container has the words
        found = page.evaluate("([c, o]) => axe.run(c, o)", [context, options])["violations"]
        assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found] == []


def test_every_source_of_a_module_loads_without_complaint(visit):
    for name in made():
        if name.startswith("_modules/"):
            assert visit(name).locator("h1").count() > 0


@pytest.mark.parametrize("name", [f"book/{n}" for n in ("06_theorem", "08_spectrum")])
def test_formulas_need_no_script_and_say_themselves_in_words(visit, name):
    page = visit(name, java_script_enabled=False)
    formulas = page.locator("article mjx-container[role=img]")
    assert formulas.count() > 20
    assert formulas.count() == page.locator("article .math").count()
    for formula in formulas.all()[:20]:
        assert formula.get_attribute("aria-label").strip()
        assert formula.bounding_box()["width"] > 0


@pytest.mark.parametrize(
    ("words", "chapter"),
    [
        ("effective resistance", "05_effective_resistance"),
        ("Foster", "05_effective_resistance"),
        ("Lyapunov", "03_noise_and_covariance"),
    ],
)
def test_search_finds_the_words_of_the_field(visit, words, chapter):
    page = visit("search")
    page.goto(f"{page.url}?q={words}")
    page.locator(f"#search-results a[href*='{chapter}']").first.wait_for()


@pytest.mark.parametrize("name", WITH_EXPLORER[:2])
def test_print_shows_figures_and_frames_and_no_sidebar(visit, name):
    page = visit(name)
    page.emulate_media(media="print")
    assert not page.locator("#pst-primary-sidebar").is_visible()
    images = page.locator("article img")
    assert images.count() > 1
    assert all(image.is_visible() for image in images.all())
    assert page.locator("article p").last.is_visible()


def test_keyboard_focus_is_visible(visit):
    page = visit("book/intro")
    for _ in range(6):
        page.keyboard.press("Tab")
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 2


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
def test_explorers_follow_a_finger(visit, name):
    page = visit(name, has_touch=True, viewport={"width": 390, "height": 844})
    for explorer in page.locator(".explorer").all():
        for slider in explorer.get_by_role("slider").all():
            seen = state(page, explorer)
            end = slider.bounding_box()["width"] - 5 if slider.input_value() == "0" else 5
            slider.tap(position={"x": end, "y": 10})
            assert state(page, explorer) != seen
        for group in explorer.get_by_role("group").all():
            seen = state(page, explorer)
            group.get_by_role("radio", checked=False).first.tap()
            assert state(page, explorer) != seen


@pytest.mark.parametrize("name", WITH_EXPLORER)
def test_explorers_show_a_frame_without_script(visit, name):
    page = visit(name, java_script_enabled=False)
    for explorer in page.locator(".explorer").all():
        assert explorer.locator("img").is_visible()
        assert explorer.locator(".explorer-text").inner_text()
        assert explorer.locator("input").count() == 0
