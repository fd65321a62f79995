"""Print the built site as one PDF: every page in order, links inside, page numbers in the contents.

The articles of the site are joined into one page, which Chromium prints twice: the first print
tells on which page each chapter starts. Explorers are left out; a static figure stands beside each.
The code of folded cells is left out too, what it prints and draws is not; of the description of a
function the first paragraph is printed, the rest is read on the site.
"""

from __future__ import annotations

import argparse
import html
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import lxml.html
import matplotlib
import yaml
from playwright.sync_api import Error, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
NOT_PRINTED = (
    "descendant::a[contains(@class, 'headerlink') or contains(@class, 'full-size')]"
    " | descendant::script | descendant::button"
    " | descendant::div[contains(@class, 'toctree-wrapper')]"
    " | descendant::span[@class='section-number']"  # "Chapter 8" stands above the heading
)
PATIENCE = 300_000  # milliseconds that a slow machine may take over the whole book


def contents(root=ROOT):
    """Caption and pages of each part, the landing page first, from the table of contents."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    parts = [(part["caption"], [c["file"] for c in part["chapters"]]) for part in toc["parts"]]
    return [("", [toc["root"]]), *parts]


def _config(root):
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))


def article(name, names, site=SITE):
    """Article of a page as it is printed; every id and every link within the book made unique."""
    path = site / f"{name}.html"
    parser = lxml.html.HTMLParser(encoding="utf-8")
    (section,) = lxml.html.fromstring(path.read_bytes(), parser=parser).xpath("//article/section")
    for node in section.xpath(NOT_PRINTED):
        node.drop_tree()
    for explorer in section.find_class("explorer"):
        note = lxml.html.fromstring(
            "<p><em>Here the site and the notebook have an explorer.</em></p>"
        )
        explorer.getparent().replace(explorer, note)
    drop_folded(section)
    shorten_descriptions(section)
    for node in section.xpath("descendant-or-self::*[@id]"):
        node.set("id", _anchor(name, node.get("id")))
    for node in list(section.iter("a")):
        target = _printed_link(node.get("href", ""), path, names, site)
        if target:
            node.set("href", target)
        else:
            node.drop_tag()
    for node in section.iter("img"):
        for attribute in ("loading", "decoding"):
            node.attrib.pop(attribute, None)
        node.set("src", _address(path.parent / unquote(node.get("src")), site))
    for node in section.iter("details"):
        node.set("open", "")
    return section


def drop_folded(section):
    """Leave out the code of folded cells, and the cells of which nothing remains."""
    for folded in section.find_class("hide"):
        for node in folded.find_class("cell_input"):
            node.drop_tree()
        if not folded.find_class("cell_output"):
            folded.drop_tree()
    for cell in section.find_class("cell"):
        if not len(cell):
            cell.drop_tree()


def shorten_descriptions(section):
    """Leave of each described function or class its first paragraph; links still find a place."""
    for description in section.xpath(
        "descendant::dl[contains(@class, 'py') and not(ancestor::dl[contains(@class, 'py')])]/dd"
    ):
        rest = list(description)[1:]
        ids = [i for node in rest for i in node.xpath("descendant-or-self::*/@id")]
        for node in rest:
            description.remove(node)
        for identifier in ids:
            description.append(lxml.html.Element("span", id=identifier))


def _anchor(name, identifier=""):
    """Id of a page, or of something on it, in the printed book."""
    return f"{Path(name).name}--{identifier}" if identifier else Path(name).name


def _address(path, site):
    """Address of a file of the site, seen from the folder beside it."""
    return Path("..", site.name, os.path.relpath(path, site)).as_posix()


def _printed_link(address, path, names, site):
    """Where a link leads in print: to a page of the book or elsewhere; None for other files."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
    if target.suffix == ".html" and target.is_relative_to(site.resolve()):
        name = target.relative_to(site.resolve()).with_suffix("").as_posix()
        if name in names:
            return "#" + _anchor(name, unquote(parts.fragment))
    return None


def document(site=SITE, root=ROOT):
    """Text of the one page that is printed."""
    config = _config(root)
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    parts = contents(root)
    names = {name for _, pages in parts for name in pages}
    lines, articles = [], []
    for caption, pages in parts:
        lines.append(f"<li>{html.escape(caption)}<ol>")
        for name in pages:
            section = article(name, names, site)
            title = section.find("h1").text_content().strip()
            label = _number(name)
            lines.append(
                f'<li><span class="number">{label}</span> '
                f'<a href="#{_anchor(name)}">{html.escape(title)}</a> '
                f'<span class="page" data-of="{_anchor(name)}"></span></li>'
            )
            chapter = f'<p class="chapter-number">Chapter {label}</p>' if label else ""
            text = lxml.html.tostring(section, encoding="unicode")
            articles.append(f'<main id="{_anchor(name)}">{chapter}{text}</main>')
        lines.append("</ol></li>")
    title, static = html.escape(config["title"]), f"../{site.name}/_static"
    style = _faces() + Path(__file__).with_name("printed.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="{static}/pygments.css"><style>{style}</style>
<link rel="stylesheet" href="{static}/maths.css"></head>
<body class="document"><header><h1>{title}</h1><p>{html.escape(citation["title"])}</p>
<p>{html.escape(config["author"])}, {config["copyright"]}</p>
<p>Version {citation["version"]}</p>
<p>Code under the BSD 3-clause license, text and figures under CC BY 4.0.</p>
</header><nav><h1>Contents</h1><ol>{"".join(lines)}</ol></nav>
{"".join(articles)}</body></html>"""


def _faces():
    """Style sheet that names the faces of STIX, which Matplotlib brings."""
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    return "".join(
        f"@font-face {{ font-family: STIX; font-weight: {weight}; font-style: {style}; "
        f'src: url("{(folder / f"STIXGeneral{name}.ttf").as_uri()}"); }}\n'
        for name, weight, style in (
            ("", "normal", "normal"),
            ("Italic", "normal", "italic"),
            ("Bol", "bold", "normal"),
            ("BolIta", "bold", "italic"),
        )
    )


def _number(name):
    """Number of a chapter, as in the name of its file; empty for other pages."""
    number = Path(name).name.split("_")[0]
    return str(int(number)) if number.isdigit() else ""


def print_book(target, site=SITE, browser="chromium"):
    """Write the book to a PDF file, whole or not at all; give its number of pages."""
    folder = site.with_name("print")
    folder.mkdir(exist_ok=True)
    page_file, draft = folder / "index.html", folder / "draft.pdf"
    page_file.write_text(document(site), encoding="utf-8")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which(browser), args=["--no-sandbox", "--disable-gpu"]
        )
        page = chromium.new_page()
        complaints = []
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.goto(page_file.resolve().as_uri(), timeout=PATIENCE)
        page.evaluate("document.fonts.ready.then(() => 0)")
        if complaints:
            raise RuntimeError(f"the page says {complaints}")
        settings = {"path": draft, "prefer_css_page_size": True, "tagged": True, "outline": True}
        page.pdf(**settings)
        reader = PdfReader(draft)
        starts = {
            name.lstrip("/"): reader.get_destination_page_number(place) + 1
            for name, place in reader.named_destinations.items()
        }
        page.evaluate(
            "starts => document.querySelectorAll('nav .page').forEach("
            "  node => { node.textContent = starts[node.dataset.of]; })",
            starts,
        )
        page.pdf(**settings)
        headings = page.locator("h1, h2, h3, h4").all_inner_texts()
        chromium.close()
    writer = PdfWriter(draft, incremental=True)
    writer.add_metadata({"/Title": _config(ROOT)["title"], "/Author": _config(ROOT)["author"]})
    _space_outline(writer.root_object["/Outlines"], headings)
    writer.write(draft)
    draft.replace(target)
    return len(writer.pages)


def _space_outline(item, headings):
    """Give the words of a heading their spaces back where Chromium saw the end of a line."""
    spaced = {"".join(heading.split()): " ".join(heading.split()) for heading in headings}
    pending = [item]
    while pending:
        item = pending.pop().get_object()
        if "/Title" in item:
            title = spaced.get("".join(item["/Title"].split()), item["/Title"])
            item[NameObject("/Title")] = TextStringObject(title)
        pending += [item[key] for key in ("/First", "/Next") if key in item]


def main(arguments=None):
    """Command line: print the site that is built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", nargs="?", type=Path, default=ROOT / "_build" / "noiseprune.pdf")
    target = parser.parse_args(arguments).target
    browser = next(
        (b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), None
    )
    if browser is None:
        print("Printing needs Chromium: `apt-get install chromium`, then again.", file=sys.stderr)
        return 1
    try:
        print(f"{target}: {print_book(target, browser=browser)} pages")
    except (Error, RuntimeError) as error:
        print(f"The book was not printed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
