"""The built site (`make test` builds it first): whole, linked, and sufficient to itself."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import lxml.html
import noiseprune_assets as assets
import pytest
import yaml
from execute import executions

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
RELATED = {"canonical", "next", "prev", "search", "index", "author", "help"}  # links, not loaded


def toc():
    """Pages of the book in order, as paths without extension."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [contents["root"], *(c["file"] for part in contents["parts"] for c in part["chapters"])]


def made():
    """Pages that no file of the book stands for: indices, search, sources of modules."""
    found = {p.relative_to(SITE).with_suffix("").as_posix() for p in SITE.rglob("*.html")}
    templates = {name for name in found if name.startswith("_static/")}  # the theme's own
    return sorted(found - templates - {"index", *toc()})


@cache
def page(path):
    """Parsed page, its text kept as UTF-8."""
    return lxml.html.fromstring(path.read_bytes(), parser=lxml.html.HTMLParser(encoding="utf-8"))


@cache
def anchors(path):
    """Everything in a page that a link can point to."""
    return {*page(path).xpath("//@id"), *page(path).xpath("//a/@name")}


def heading(name):
    """Number (empty for pages that are no chapters) and title of a page, from its heading."""
    (node,) = page(SITE / f"{name}.html").xpath("//article//h1")  # the theme has another for print
    number, rest = "", node.text_content().strip().rstrip("#")
    if spans := node.xpath("span[@class='section-number']"):
        rest = rest.removeprefix(spans[0].text_content())
        number = spans[0].text_content().strip().rstrip(".")
    return number, rest


def is_elsewhere(address):
    return bool(urlsplit(address).netloc) or address.startswith("//")


@pytest.fixture(scope="session", autouse=True)
def site():
    assert (SITE / "index.html").exists(), "build the site first: `make book`"


def test_site_has_the_pages_of_the_table_of_contents_and_no_others():
    assert all((SITE / f"{name}.html").exists() for name in toc())
    others = [name for name in made() if not name.startswith("_modules/")]
    assert others == ["genindex", "prf-prf", "py-modindex", "search"], "`make clean` removes others"


def test_site_names_no_place_on_this_machine():
    kinds = {".html", ".js", ".css", ".ipynb", ".md", ".txt"}
    for path in (p for p in SITE.rglob("*") if p.suffix in kinds):
        text = path.read_text(encoding="utf-8")
        assert str(ROOT) not in text, path
        assert str(Path.home()) + "/" not in text, path
        assert not re.search(r"(Posix|Windows)Path\(", text), path


@pytest.mark.parametrize("name", [*toc(), *made()])
def test_links_lead_somewhere(name):
    path = SITE / f"{name}.html"
    broken = []
    for address in page(path).xpath("//a/@href | //link/@href | //img/@src | //script/@src"):
        parts = urlsplit(address)
        if parts.scheme or is_elsewhere(address):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        anchored = parts.fragment and target.suffix == ".html"
        if not target.exists() or (anchored and unquote(parts.fragment) not in anchors(target)):
            broken.append(address)
    assert broken == []


@pytest.mark.parametrize("name", [*toc(), *made()])
def test_page_loads_nothing_from_elsewhere_and_nothing_twice(name):
    loaded = [
        node.get(attribute)
        for tag, attribute in LOADS.items()
        for node in page(SITE / f"{name}.html").iter(tag)
        if node.get(attribute) and not set(node.get("rel", "").split()) & RELATED
    ]
    assert [address for address in loaded if is_elsewhere(address)] == []
    scripts = Counter(page(SITE / f"{name}.html").xpath("//script/@src"))
    assert [script for script, count in scripts.items() if count > 1] == []


def test_styles_load_nothing_from_elsewhere():
    for style in SITE.rglob("*.css"):
        for address in re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")]+)", style.read_text()):
            assert not is_elsewhere(address) or address.startswith("data:"), (style, address)


@pytest.mark.parametrize("name", toc())
def test_page_has_title_description_heading_and_unique_ids(name):
    tree = page(SITE / f"{name}.html")
    number, text = heading(name)
    assert text
    file_number = name.removeprefix("book/").split("_")[0]
    assert number == (str(int(file_number)) if file_number.isdigit() else "")
    (title,) = tree.xpath("//head/title")
    assert title.text_content().strip()
    if name != "book/bibliography":  # no running text
        (description,) = tree.xpath("//meta[@name='description']/@content")
        assert 40 <= len(description) <= 160
    repeated = [i for i, count in Counter(tree.xpath("//*/@id")).items() if count > 1]
    assert repeated == []


@pytest.mark.parametrize("name", [*toc(), "index", *made()])
def test_page_closes_what_it_opens_and_says_what_it_is(name):
    parser = lxml.html.HTMLParser(encoding="utf-8")
    content = (SITE / f"{name}.html").read_bytes()
    root = lxml.html.document_fromstring(content, parser=parser)
    assert root.getroottree().docinfo.doctype == "<!DOCTYPE html>"
    assert root.get("lang") == "en"
    assert root.findtext("head/title").strip()
    known = [e for e in parser.error_log if e.type_name != "HTML_UNKNOWN_TAG"]  # newer than libxml2
    assert [f"line {error.line}: {error.message}" for error in known] == []


@pytest.mark.parametrize("name", [n for n in toc() if (ROOT / f"{n}.ipynb").exists()])
def test_chapter_says_when_and_with_what_it_was_computed(name):
    block = executions()[name.removeprefix("book/")]
    (line,) = page(SITE / f"{name}.html").xpath("//p[@class='computed-with']")
    assert block["executed"] in line.text
    for version in block["versions"].values():
        assert version in line.text


@pytest.mark.parametrize("name", toc())
def test_every_image_has_alt_text(name):
    images = page(SITE / f"{name}.html").xpath("//article//img")
    assert [image.get("src")[:80] for image in images if not image.get("alt", "").strip()] == []


@pytest.mark.parametrize("name", toc())
def test_images_have_their_size_and_pages_are_light(name):
    tree = page(SITE / f"{name}.html")
    images = tree.xpath("//article//img")
    assert [image.get("src") for image in images if not image.get("height")] == []
    frames = {
        frame["src"]
        for data in tree.xpath("//div[@class='explorer']/script/text()")
        for frame in json.loads(data)["frames"]
    }
    assert sum((SITE / "book" / frame).stat().st_size for frame in frames) < 1_000_000
    loaded = tree.xpath("//script/@src | //link[@rel='stylesheet']/@href")
    assert not any("fontawesome" in address or "mathjax" in address for address in loaded)
    most = 1_100_000 if name == "book/api" else 1_000_000  # it lists everything; 92 kB compressed
    assert (SITE / f"{name}.html").stat().st_size < most


@pytest.mark.parametrize("name", toc())
def test_every_formula_has_words(name):
    tree = page(SITE / f"{name}.html")
    formulas = tree.xpath("//mjx-container")
    assert len(formulas) == len(tree.xpath("//*[contains(@class, 'math notranslate')]"))
    assert all(formula.get("aria-label", "").strip() for formula in formulas)


@pytest.mark.parametrize("name", toc())
def test_tables_have_headers(name):
    for table in page(SITE / f"{name}.html").xpath("//article//table[not(@class='longtable')]"):
        assert table.xpath(".//th"), table.text_content()[:80]
    assert page(SITE / f"{name}.html").xpath("//article//thead//th[not(@scope)]") == []


def test_styles_are_those_that_some_page_needs():
    style = """.used, .gone { color: red } .gone.used { color: red } #gone p { color: red }
    @media print { .gone { color: red } } @media screen { p.used:is(.gone, .used) { color: red } }
    p:not(.gone) { color: red } .used:is(.gone) { color: red } @font-face { src: url(a.woff) }"""
    kept = assets._in_use(style, {"used"})
    assert re.sub(r"\s*\{[^{}]*\}", "", kept).split("\n") == [
        ".used, .gone",
        "@media screen {",
        "p.used:is(.gone, .used)",
        "}",
        "p:not(.gone)",
        "@font-face",
    ]
    assert (SITE / "_static" / "site.css").stat().st_size < 250_000


def test_icons_and_formulas_have_their_fonts():
    style = (SITE / "_static" / "site.css").read_text(encoding="utf-8")
    for address in re.findall(r"url\([\"']?([^\"')]+)", style):
        assert address.startswith("data:") or (SITE / "_static" / address).exists(), address
    for name in toc():
        for icon in re.findall(r"\bfa-[a-z0-9-]+", (SITE / f"{name}.html").read_text()):
            assert icon in {"fa-solid", "fa-regular", "fa-brands", "fa-lg"} or f".{icon}:" in style
