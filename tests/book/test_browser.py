"""The built site in a real browser, with the network cut and opened from a folder."""

import base64
import colorsys
import io
import os
import re
import shutil
from pathlib import Path

import axe_playwright_python
import numpy as np
import pytest
from PIL import Image
from test_site import SITE, made, toc

import noiseprune as npr
from replication.figures import style
from replication.living import living_network

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")


def pages_with(mark):
    """Pages of the site that hold this text."""
    pages = {name: SITE / f"{name}.html" for name in toc()}
    return [n for n, p in pages.items() if p.exists() and mark in p.read_text(encoding="utf-8")]


WITH_EXPLORER = pages_with('class="explorer"')
WITH_LIVING = pages_with('class="living"')
WITH_IMAGE = pages_with("<img")

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


def alive(page):
    """The living networks of a page, each once it has been near the screen."""
    found = page.locator(".living").all()
    for living in found:
        living.scroll_into_view_if_needed()
        living.locator(".living-body").wait_for()
    page.evaluate("scrollTo(0, 0)")
    return found


SCREENS = [  # width, theme, rules of axe-core (all of them if empty)
    (1280, "light", []),
    (1280, "dark", ["color-contrast"]),
    (320, "dark", ["color-contrast", "scrollable-region-focusable", "target-size"]),
]


# What is wider than its box: cut off, or code and what it prints, on a screen that has room for it.
WIDER = """width => [...document.querySelectorAll("article *:not(mjx-container *)")].filter(
node => {
  const style = getComputedStyle(node), code = node.matches("pre");
  const cut = style.display !== "inline" && ["hidden", "clip"].includes(style.overflowX);
  return (cut || (code && width >= 1280)) && node.scrollWidth > node.clientWidth + 1;
}).map(node => node.outerHTML.slice(0, 200))"""


UNFOLD = "open => { for (const cell of document.querySelectorAll('details')) cell.open = open; }"


# Formulas and tables that scroll sideways.
SCROLLED = """() => [...document.querySelectorAll(
  "div.math > mjx-container, .text_html:has(table), .pst-scrollable-table-container"
)].filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.textContent)"""


# Displays that cut signs off at their upper or lower edge (half a pixel may be lost by rounding).
CUT_OFF = """() => [...document.querySelectorAll("div.math > mjx-container")].filter(formula => {
  const box = formula.getBoundingClientRect();
  const signs = [...formula.querySelectorAll("mjx-c")].map(sign => sign.getBoundingClientRect());
  return signs.some(s => s.height && (s.top < box.top + 1 || s.bottom > box.bottom - 1));
}).map(formula => formula.ariaLabel)"""


# Short code on two lines, but at a seam of its names in a table.
TORN = """() => [...document.querySelectorAll("article code.short")].filter(code => {
  const range = document.createRange();
  const texts = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    range.selectNodeContents(text);
    const tops = [...range.getClientRects()].map(box => box.top);
    if (Math.max(...tops) - Math.min(...tops) > 5) return true;
  }
}).map(code => code.textContent)"""


# Words and numbers of tables that stand on two lines.
BROKEN = """() => [...document.querySelectorAll(
  "article table:not(.indextable) :is(td, th)"
)].flatMap(cell => {
  const found = [], range = document.createRange();
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (text.parentElement.closest("code, a, em")) continue;
    for (const word of text.data.matchAll(/[\\p{L}\\d.]{2,14}/gu)) {
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (range.getClientRects().length > 1) found.push(word[0]);
    }
  }
  return found;
})"""


# Axe takes a minute on the contrasts of a page, so one text of each kind is marked: a kind has a
# colour, size and weight, and the grounds and opacities of all that it stands in.
MARK_KINDS = """() => {
  const grounds = new Map(), kinds = new Set();
  const ground = node => {
    if (!node) return "";
    if (!grounds.has(node)) {
      const s = getComputedStyle(node), under = ground(node.parentElement);
      const own = [s.backgroundColor, s.backgroundImage, s.opacity, s.filter, s.zIndex, s.position];
      const same = own.join() === "rgba(0, 0, 0, 0),none,1,none,auto,static";
      grounds.set(node, same ? under : under + "/" + own);
    }
    return grounds.get(node);
  };
  for (const node of document.querySelectorAll("body, body *")) {
    node.removeAttribute("data-kind");
    const input = node.matches("input, select, textarea, button");
    const text = [...node.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!(input || text) || !node.getClientRects().length || node.closest("mjx-math")) continue;
    const s = getComputedStyle(node);
    const letters = [s.color, s.fontSize, s.fontWeight, s.textShadow];
    const kind = [node.tagName, ...letters, ground(node)].join();
    if (input || !kinds.has(kind)) node.setAttribute("data-kind", "");
    kinds.add(kind);
  }
  axe.configure({rules: [{id: "color-contrast", selector: "[data-kind]"}]});
}"""


MADE = ["search", "genindex", "prf-prf", "py-modindex"]
SOURCES = ["_modules/index", "_modules/noiseprune/pruning", "_modules/replication/figures/spectrum"]


@pytest.mark.parametrize("name", [*toc(), *MADE, *SOURCES])
def test_page_is_accessible_and_fits_every_screen(visit, name):
    page = visit(name)
    alive(page)
    page.add_style_tag(content="* { content-visibility: visible !important }")  # axe asks for all
    page.add_style_tag(content="*, *::before, *::after { transition: none !important }")
    page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    for width, theme, rules in SCREENS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("t => document.documentElement.dataset.theme === t", arg=theme)
        page.wait_for_timeout(500)  # the theme looks a little later what scrolls
        page.evaluate(MARK_KINDS)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(UNFOLD, True)
        assert page.evaluate(WIDER, width) == []
        page.evaluate(UNFOLD, False)
        assert page.evaluate(BROKEN) == []
        assert page.evaluate(SCROLLED) == []
        assert page.evaluate(CUT_OFF) == []
        assert page.evaluate(TORN) == []
        options = {"resultTypes": ["violations"], "preload": False}  # no second look at styles
        options["rules"] = {"label-content-name-mismatch": {"enabled": True}}
        if rules:
            options["runOnly"] = rules
        context = {"exclude": [["mjx-container > *"]]}  # presentation: the container has the words
        found = page.evaluate("([c, o]) => axe.run(c, o)", [context, options])["violations"]
        assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found] == []


def test_every_source_of_a_module_loads_without_complaint(visit):
    page = visit("_modules/index")
    for name in made():
        if name.startswith("_modules/"):
            page.goto((SITE / f"{name}.html").as_uri())
            assert page.locator("h1").count() > 0


@pytest.mark.parametrize("name", [f"book/{n}" for n in ("06_theorem", "08_spectrum")])
def test_formulas_need_no_script_and_say_themselves_in_words(visit, name):
    page = visit(name, java_script_enabled=False)
    formulas = page.locator("article mjx-container[role=img]")
    assert formulas.count() > 20
    assert formulas.count() == page.locator("article .math").count()
    for formula in formulas.all()[:20]:
        assert formula.get_attribute("aria-label").strip()
        assert formula.bounding_box()["width"] > 0


@pytest.mark.parametrize("width", [320, 1280])
def test_formulas_that_scroll_are_reached_by_keyboard_and_no_others(visit, width):
    page = visit("book/06_theorem", viewport={"width": width, "height": 900})
    page.add_style_tag(content="* { content-visibility: visible !important }")  # all are laid out
    page.wait_for_timeout(500)
    wrong = page.evaluate(
        """() => [...document.querySelectorAll("div.math > mjx-container")].filter(
            n => (n.scrollWidth > n.clientWidth + 1) !== (n.tabIndex === 0)
        ).map(n => n.ariaLabel)"""
    )
    assert wrong == []


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


@pytest.mark.parametrize("name", ["book/01_why_prune", "book/04_the_rule", "book/09_dynamics"])
def test_print_breaks_long_lines_of_code_and_waits_for_no_image(visit, name):
    page = visit(name, viewport={"width": 700, "height": 900})  # about A4
    page.emulate_media(media="print")
    cut = page.locator("article pre").evaluate_all(
        """nodes => nodes.filter(node => {
          const style = getComputedStyle(node), shown = node.getClientRects().length;
          const faded = style.animationName !== "none" || style.maskImage !== "none";
          return shown && (faded || node.scrollWidth > node.clientWidth + 1);
        }).map(node => node.textContent)"""
    )
    assert cut == []
    assert page.locator("article pre").count() > 5
    page.wait_for_function("!document.querySelector('img[loading=lazy]')")


def pixels(image):
    """Colours of an image as the page shows it, from 0 to 1."""
    image.scroll_into_view_if_needed()  # it loads when it is near
    image.evaluate("node => node.decode()")
    with Image.open(io.BytesIO(image.screenshot())) as shown:
        return np.asarray(shown.convert("RGB")) / 255


def luminance(colours):
    """Relative luminance of sRGB colours as WCAG defines it."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def rgb(colour):
    """Parts from 0 to 1 of a colour as a page tells it."""
    return np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255


def contrast(colour, ground):
    low, high = sorted([luminance(colour), luminance(ground)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", WITH_IMAGE)
def test_figures_are_dark_on_a_dark_page(visit, name):
    page = visit(name, color_scheme="dark")
    for image in page.locator("article img:visible").all():
        shown = pixels(image)
        border = np.concatenate([shown[0], shown[-1], shown[:, 0], shown[:, -1]])
        # The median: here and there a line or a bar reaches the edge.
        assert np.median(luminance(border)) < 0.02, image.get_attribute("alt")


@pytest.mark.parametrize("name", WITH_IMAGE)
def test_letters_of_figures_are_read_on_a_phone(visit, name):
    page = visit(name, viewport={"width": 390, "height": 844})
    scales = page.locator("article figure img").evaluate_all(
        "nodes => nodes.map(n => n.getBoundingClientRect().width / n.getAttribute('width'))"
    )
    letters = style.STYLE["font.size"] / 72 * style.STYLE["figure.dpi"]  # pixels of the image
    assert min(scales, default=1) * letters > 8


def test_colours_of_figures_keep_hue_and_contrast_on_a_dark_page(visit):
    colours = [*style.COLORS.values(), style.ACCENT, style.SECOND, style.INK, *style.PARTS]
    colours += [colour for _, colour in style.FAMILIES.values()]
    drawn = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in colours], np.uint8)
    picture = io.BytesIO()
    Image.fromarray(drawn[:, None].repeat(20, axis=0).repeat(20, axis=1)).save(picture, "png")
    page = visit(WITH_IMAGE[0], color_scheme="dark")
    image = page.locator("article figure img").first
    image.evaluate(
        "(node, code) => { node.style.width = ''; node.removeAttribute('height');"
        "  node.removeAttribute('width'); node.src = 'data:image/png;base64,' + code; }",
        base64.b64encode(picture.getvalue()).decode(),
    )
    shown = pixels(image)[10::20, 10]
    assert len(shown) == len(drawn)
    ground = rgb(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    for before, after in zip(drawn / 255, shown, strict=True):
        assert min(contrast(before, np.ones(3)), contrast(after, ground)) > 3
        if np.ptp(before) > 0:  # greys have no hue
            turn = abs(hue(after) - hue(before))
            assert min(turn, 1 - turn) < 10 / 360


def hue(colour):
    return colorsys.rgb_to_hsv(*colour)[0]


def test_a_dark_page_is_printed_light(visit):
    page = visit("book/08_spectrum", color_scheme="dark")
    theme = "document.documentElement.dataset.theme === "
    page.wait_for_function(theme + "'dark'")
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_function(theme + "'light'")
    filters = page.locator("article img").evaluate_all(
        "nodes => nodes.map(node => getComputedStyle(node).filter)"
    )
    assert set(filters) == {"none"}
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_function(theme + "'dark'")
    for event, shown in (("beforeprint", "light"), ("afterprint", "dark")):  # all that some tell
        page.evaluate("name => dispatchEvent(new Event(name))", event)
        assert page.evaluate(theme + f"'{shown}'")


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


def lifetime(living):
    """Lifetime that a living network shows, and what it was before the last change."""
    shown = re.findall(r"[\d.]+|∞", living.locator(".living-life").inner_text())
    return shown[0], shown[-1]


def middle(living, names):
    """Middle of the neurons of these names, in pixels of the page."""
    boxes = [
        living.locator(".living-neuron", has=living.page.get_by_text(name, exact=True))
        .locator(".living-disc")
        .bounding_box()
        for name in names
    ]
    return [
        sum(box[side] + box[size] / 2 for box in boxes) / len(boxes)
        for side, size in (("x", "width"), ("y", "height"))
    ]


def mouse(page):
    """Drag by the mouse along points."""

    def drag(first, *others):
        page.mouse.move(*first)
        page.mouse.down()
        for point in others:
            page.mouse.move(*point, steps=3)
        page.mouse.up()

    return drag


def finger(page):
    """Drag by a finger along points."""
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        points = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def drag(first, *others):
        touch("touchStart", first)
        for point in others:
            touch("touchMove", point)
        touch("touchEnd")

    return drag


@pytest.mark.parametrize("name", WITH_LIVING)
def test_tours_of_living_networks_lead_through_and_change_something(visit, name):
    page = visit(name)
    (living,) = alive(page)
    steps = int(living.locator(".living-step").inner_text().strip().split("/")[1])
    for step in range(1, steps + 1):
        assert living.locator(".living-step").inner_text().startswith(f"{step}/")
        before = living.locator("svg.living-drawing").inner_html()
        living.locator(".living-tour .living-main").click()
        assert living.locator("svg.living-drawing").inner_html() != before
        living.locator(".living-tour button").last.click()
    assert living.locator(".living-step").inner_text().startswith("1/")  # and again


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
def test_living_network_is_cut_joined_and_weighed_by_hand(visit, touch):
    screen = {"width": 390, "height": 844} if touch else {"width": 1280, "height": 900}
    page = visit("book/intro", has_touch=touch, viewport=screen)
    (living,) = alive(page)
    living.locator(".living-stage").scroll_into_view_if_needed()
    press = page.touchscreen.tap if touch else page.mouse.click
    status = living.locator(".living-said")
    whole = lifetime(living)

    press(*middle(living, ["5", "6"]))
    assert living.get_by_role("combobox").input_value() == "4,5"
    box = living.locator(".living-badge path").bounding_box()
    press(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # its cross
    assert lifetime(living) == ("50", whole[0])
    page.wait_for_timeout(700)
    assert "lives 50" in status.inner_text()

    drag = finger(page) if touch else mouse(page)
    drag(*(middle(living, names) for names in (["4"], ["4", "7"], ["7"])))
    assert living.get_by_role("combobox").input_value() == "3,6"
    joined = lifetime(living)
    assert joined[0] != "50"

    press(*middle(living, ["8"]))  # its leak, by the end of its stem
    assert living.locator(".living-editor output").inner_text() == "0.02"
    disc = middle(living, ["8"])
    box = living.locator(".living-drop .living-hit").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    drag((x, y), (x + 0.7 * (x - disc[0]), y + 0.7 * (y - disc[1])))
    assert float(living.locator(".living-editor output").inner_text()) > 0.02
    assert float(lifetime(living)[0]) < float(joined[0])

    if not touch:  # where a finger scrolls the page
        joined = lifetime(living)
        page.mouse.move(*middle(living, ["4", "7"]))
        page.mouse.down()
        x, y = middle(living, ["4", "7"])
        page.mouse.move(x, y + 40, steps=4)
        page.mouse.up()
        assert float(living.locator(".living-editor output").inner_text().replace("−", "-")) < 1
        assert lifetime(living)[0] != joined[0]
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + 150, steps=150)  # through 0, where a link ends, and back
        assert living.locator(".living-editor output").inner_text() == "−2"
        for step in range(150, 0, -1):
            page.mouse.move(x, y + step)
            if living.locator(".living-editor output").inner_text() == "0":
                break
        assert living.locator(".living-link").count() == 22
        page.mouse.up()
        assert living.locator(".living-link").count() == 21
    living.get_by_role("button", name="Start again").click()
    assert lifetime(living) == whole


def test_living_network_is_moved_by_keyboard_alone(visit):
    page = visit("book/intro")
    (living,) = alive(page)
    what, value = living.get_by_role("combobox"), living.get_by_role("slider").first
    whole = lifetime(living)

    value.press("Home")  # weight -2
    assert value.get_attribute("aria-valuetext") == "−2"
    assert living.locator(".living-minus").count() == 1
    living.get_by_role("button", name="Cut", exact=True).press("Enter")
    assert lifetime(living)[0] == "50"
    assert what.input_value() == "4,5"
    living.get_by_role("button", name="Link", exact=True).press("Enter")
    assert lifetime(living)[0] == whole[0]

    what.select_option(label="neuron 6")
    value.press("End")
    assert value.get_attribute("aria-valuetext") == "2"
    assert float(lifetime(living)[0]) < float(whole[0])
    living.get_by_role("button", name="Start again").press("Enter")

    radio = living.get_by_role("radio", name="noise")
    radio.press("ArrowRight")
    assert living.get_by_role("radio", name="leak").is_checked()
    page.wait_for_timeout(700)
    assert (
        "Rule leak keeps link 5–6 with probability 0.28"
        in living.locator(".living-said").inner_text()
    )
    keep = living.get_by_role("slider").last
    keep.press("End")
    assert keep.get_attribute("aria-valuetext") == "100 % of the links"
    living.get_by_role("button", name="Prune").press("Enter")
    page.wait_for_timeout(700)
    assert "21 of 21 links kept" in living.locator(".living-said").inner_text()
    keep.press("Home")
    page.wait_for_timeout(700)
    kept = int(living.locator(".living-said").inner_text().split()[0])
    assert kept < 8
    assert living.locator(".living-lost").count() == 21 - kept
    drawing = living.locator("svg.living-drawing").get_attribute("aria-label")
    assert drawing.startswith(f"Network of 10 neurons and {kept} links. {kept} of 21 links kept")
    charts = living.locator(".living-side")
    assert "before" in charts.get_by_role("img").last.text_content()
    after = charts.locator(".living-frame ~ .living-frame ~ rect").evaluate_all(
        "cells => cells.map(cell => Number(cell.getAttribute('fill-opacity')))"
    )
    assert len(after) == 100
    assert after.count(0) > 50, "pruned apart, most pairs do not covary"
    living.get_by_role("checkbox").press("Space")
    page.wait_for_timeout(700)
    assert "inputs balanced" in living.locator(".living-said").inner_text()
    living.get_by_role("button", name="Undo").press("Enter")
    assert living.locator(".living-lost").count() == 0
    assert living.get_by_role("button", name="Prune").evaluate(
        "node => node === document.activeElement"
    )


def words_of_covariance(living):
    return living.locator(".living-side svg").last.get_attribute("aria-label")


def prune_until(living, rule, keep, found):
    """Prune at random until `found` is true of the living network."""
    living.get_by_role("radio", name=rule).press("Space")
    living.get_by_role("slider").last.fill(str(keep))
    for _ in range(30):
        living.get_by_role("button", name=re.compile("Prune|Toss again")).press("Enter")
        if found():
            return
    raise AssertionError("never found")


def test_links_lost_and_covariances_are_told_in_words(visit):
    page = visit("book/04_the_rule")
    (living,) = alive(page)
    C = npr.stationary_covariance(living_network("four neurons").A)
    rows = words_of_covariance(living).removeprefix("Exactly, covariance: ").split(". None is")[0]
    told = [row.replace("−", "-").split(", ") for row in rows.split("; ")]
    np.testing.assert_allclose(np.array(told, dtype=float), C, rtol=0.05, atol=1e-9)
    prune_until(living, "uniform", 25, lambda: lifetime(living)[0] == "∞")
    assert words_of_covariance(living) == (
        f"Before pruning, covariance: {rows}. After it, no covariance: a mode never fades"
    )
    lost = 0
    for name in ("1–2", "1–3", "2–3", "3–4"):
        living.get_by_role("combobox").select_option(label=f"link {name}")
        page.wait_for_timeout(700)
        said = living.locator(".living-said").inner_text()
        assert f"Link {name} is kept." in said or f"Link {name} is lost." in said
        lost += "lost" in said
    assert lost == living.locator(".living-lost").count() > 0


def test_without_excess_leak_no_covariance_is_claimed(visit):
    page = visit("book/intro")
    (living,) = alive(page)
    for name in range(1, 11):
        living.get_by_role("combobox").select_option(label=f"neuron {name}")
        living.get_by_role("slider").first.press("Home")
    page.wait_for_timeout(700)
    assert "no excess leak" in living.locator(".living-said").inner_text()
    none = "no covariance: a mode never fades"
    assert words_of_covariance(living) == f"Exactly, {none}"
    prune_until(living, "uniform", 50, lambda: True)
    assert words_of_covariance(living) == f"Before pruning, {none}. After it, {none}"


@pytest.mark.parametrize("width", [320, 1280])
def test_fast_rates_stay_in_their_chart(visit, width):
    page = visit("book/intro", viewport={"width": width, "height": 900})
    (living,) = alive(page)
    chart = living.locator(".living-side svg").first

    def beyond():
        rates = re.findall(r"[\d.]+", chart.get_attribute("aria-label").split(";")[0])
        return float(rates[-1]) > 29  # the axis ends at 20

    prune_until(living, "uniform", 10, beyond)
    box = chart.bounding_box()
    for dot in chart.locator("circle").all():
        inner = dot.bounding_box()
        assert box["x"] <= inner["x"]
        assert inner["x"] + inner["width"] <= box["x"] + box["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_and_names_of_a_living_network_stand_out(visit, theme):
    """Kept links of both signs, however unlikely; what pairs rates; names, by their rim."""
    page = visit("book/04_the_rule", color_scheme=theme, reduced_motion="reduce")
    (living,) = alive(page)
    style_of = "node => (s => [s.stroke, s.strokeOpacity, s.fill])(getComputedStyle(node))"
    ground = rgb(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    living.get_by_role("slider").last.press("Home")
    living.get_by_role("combobox").select_option(label="neuron 1")
    living.get_by_role("slider").first.press("Home")  # rates differ from those at the start
    lines = living.locator(".living-kept .living-line, .living-move").all()
    assert len(lines) == 8
    for line in lines:
        stroke, opacity, _ = line.evaluate(style_of)
        seen = float(opacity) * rgb(stroke) + (1 - float(opacity)) * ground
        assert contrast(seen, ground) > 3
    for name in living.locator(".living-neuron text").all():
        rim, _, ink = name.evaluate(style_of)
        assert contrast(rgb(ink), rgb(rim)) > 4.5
        assert name.evaluate("node => getComputedStyle(node).paintOrder") == "stroke"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_choices_of_a_living_network_show_in_forced_colours(visit, theme):
    page = visit("book/intro", forced_colors="active", color_scheme=theme)
    (living,) = alive(page)
    living.locator(".living-main").click()
    ground = "node => getComputedStyle(node).backgroundColor"
    chosen, *others = (rule.evaluate(ground) for rule in living.locator(".living-rules span").all())
    assert chosen not in others
    first, now = (key.evaluate(ground) for key in living.locator(".living-key i").all())
    assert first != now


def test_noise_shows_the_covariance_of_a_living_network(visit):
    page = visit("book/intro")
    (living,) = alive(page)
    shake = living.locator(".living-controls").get_by_role("button", name="Shake")
    shake.click()
    off = re.compile(r"Noise for (\d+) time units; the covariance is off by (\d+) %")
    page.wait_for_timeout(1500)
    first, _ = map(int, off.search(living.locator(".living-said").inner_text()).groups())
    page.wait_for_timeout(2500)
    living.get_by_role("button", name="Stop").click()
    page.wait_for_timeout(700)
    later, error = map(int, off.search(living.locator(".living-said").inner_text()).groups())
    assert later > first > 0
    assert error < 200
    page.wait_for_timeout(700)
    assert str(later) in living.locator(".living-said").inner_text(), "stopped is stopped"


def test_living_network_does_not_move_by_itself_where_motion_is_unwelcome(visit):
    page = visit("book/intro", reduced_motion="reduce")
    (living,) = alive(page)
    errors = []
    for _ in range(4):
        living.locator(".living-controls").get_by_role("button", name="Shake").click()
        page.wait_for_timeout(700)
        errors.append(
            int(living.locator(".living-said").inner_text().split(" off by ")[1].split()[0])
        )
    assert living.get_by_role("button", name="Stop").count() == 0
    still = living.locator("svg.living-drawing").inner_html()
    page.wait_for_timeout(500)
    assert living.locator("svg.living-drawing").inner_html() == still
    assert errors[-1] < 40, errors  # 8,000 time units, lifetime 12: standard deviation about 6 %


@pytest.mark.parametrize("name", WITH_LIVING)
def test_living_networks_show_a_drawing_without_script_and_in_print(visit, name):
    page = visit(name, java_script_enabled=False)
    for living in page.locator(".living").all():
        assert living.get_by_role("img").is_visible()
        assert "links" in living.get_by_role("img").get_attribute("aria-label")
    page = visit(name, color_scheme="dark")
    (living,) = alive(page)
    page.emulate_media(media="print", color_scheme="dark")
    colours = "node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
    ink, ground = (int(c[4:].split(",")[0]) for c in living.evaluate(colours))
    assert ink < 100 < 250 < ground, "dark on white, also from a dark page"
    assert living.locator("svg.living-drawing").is_visible()
    assert not living.get_by_role("button").first.is_visible()
