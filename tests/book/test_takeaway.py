"""What a reader takes along, in the built site: cards, citations, notebooks, maps of the book."""

import json
import os
import re
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import noiseprune_takeaway as takeaway
import pytest
from execute import chapters, executions, read
from PIL import Image
from test_site import ROOT, SITE, heading, page, toc

NOTEBOOKS = [name for name in toc() if (ROOT / f"{name}.ipynb").exists()]


def is_current(made):
    """Whether a file that a target of the Makefile gave is there and newer than the pages."""
    pages = [ROOT / "_toc.yml", *(p for name in toc() for p in ROOT.glob(f"{name}.*"))]
    return made.exists() and made.stat().st_mtime > max(p.stat().st_mtime for p in pages)


def meta(name):
    """Open Graph and Twitter tags of a page."""
    tree = page(SITE / f"{name}.html")
    return {
        node.get("property") or node.get("name"): node.get("content")
        for node in tree.xpath("//head/meta[@property or starts-with(@name, 'twitter:')]")
    }


@pytest.mark.parametrize("name", toc())
def test_page_has_a_card(name):
    tags, tree = meta(name), page(SITE / f"{name}.html")
    assert tags["og:title"] == heading(name)[1]
    (description,) = tree.xpath("//meta[@name='description']/@content")
    assert tags["og:description"] == description
    assert 40 <= len(description) <= 160
    assert tags["twitter:card"] == "summary_large_image"
    card = Image.open((SITE / f"{name}.html").parent / tags["og:image"])
    assert card.size == (int(tags["og:image:width"]), int(tags["og:image:height"]))
    assert len(card.convert("RGB").getcolors(2**24)) > 50  # something is drawn


def test_descriptions_differ():
    descriptions = [meta(name)["og:description"] for name in toc()]
    assert len(set(descriptions)) == len(descriptions)


@pytest.mark.parametrize("name", toc())
def test_page_can_be_cited(name):
    (entry,) = page(SITE / f"{name}.html").xpath("//details[@class='cite']//pre")
    text = entry.text_content()
    assert re.findall(r"^@(\w+)\{(\w+),", text, re.M) == [
        ("misc", f"noiseprune_{name.removeprefix('book/')}"),
        ("inproceedings", "moore2020"),
    ]
    assert text.count("{") == text.count("}")
    version = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)[1]
    assert f"noiseprune {version}" in text
    assert "url" not in text  # the book has no address of its own


def test_bibtex_escapes_and_names_the_address():
    citation = {"version": "1", "authors": "{us}", "paper": "@misc{p,}"}
    config = SimpleNamespace(
        noiseprune_citation=citation,
        html_title="T",
        copyright="2026",
        html_baseurl="https://b.org/",
    )
    entry = takeaway.bibtex("book/a-b", "5 % of A_1 & more", config)
    assert entry.startswith("@misc{noiseprune_a_b,\n  author = {{us}},")
    assert r"title = {5 \% of A\_1 \& more}" in entry
    assert "url = {https://b.org/book/a-b.html}" in entry


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_downloaded_notebook_installs_first_and_is_otherwise_the_same(name):
    notebook = json.loads((SITE / "_sources" / f"{name}.ipynb").read_text(encoding="utf-8"))
    stored = json.loads((ROOT / f"{name}.ipynb").read_text(encoding="utf-8"))
    first, *others = notebook["cells"]
    assert first == takeaway.install_cell("")
    assert others == stored["cells"]
    assert not any("%pip" in "".join(cell["source"]) for cell in stored["cells"])


@pytest.mark.parametrize("name", toc())
def test_page_offers_all_notebooks(name):
    (address,) = page(SITE / f"{name}.html").xpath(
        "//a[contains(@class, 'btn-download-all-button')]/@href"
    )
    assert ((SITE / f"{name}.html").parent / address).is_file()


def test_archive_of_notebooks_runs_on_its_own(tmp_path):
    with zipfile.ZipFile(SITE / "_downloads" / takeaway.ARCHIVE) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "noiseprune"
    packed = {path.stem: read(path) for path in (folder / "book").glob("*.ipynb")}
    assert packed.keys() == {p.stem for p in chapters()}
    for path in chapters():  # outputs are in the copies of single notebooks
        _, *cells = packed[path.stem].cells
        assert [cell.source for cell in cells] == [cell.source for cell in read(path).cells]
        assert not any(cell.get("outputs") for cell in cells)
    code = "from replication import scorecard as s; print(s.__file__); print(len(s.claims()))"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(folder), "MPLBACKEND": "agg"}
    done = subprocess.run(
        command, cwd=folder / "book", env=environment, capture_output=True, text=True, check=True
    )
    where, claims = done.stdout.split()
    assert where.startswith(str(folder))
    assert int(claims) >= 10


def run_cell(repository, *, missing, monkeypatch):
    """Execute the installing cell; give what it would have run, and where it then looks."""
    from IPython.core.interactiveshell import InteractiveShell

    ran = []
    shell = InteractiveShell(history_length=0)
    shell.history_manager.enabled = False
    shell.register_magic_function(lambda line: ran.append("pip " + line), "line", "pip")
    shell.system = lambda line: ran.append(shell.var_expand(line))
    if missing:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = len(sys.path)
    shell.run_cell(takeaway.install_cell(repository)["source"]).raise_error()
    return ran, sys.path[before:]


def test_installing_cell_does_nothing_where_the_package_is(monkeypatch):
    assert run_cell("https://github.com/a/b", missing=False, monkeypatch=monkeypatch) == ([], [])


@pytest.mark.parametrize("repository", ["", "https://github.com/a/b"])
def test_installing_cell_fetches_and_installs(repository, monkeypatch, tmp_path):
    (tmp_path / "book").mkdir()
    monkeypatch.chdir(tmp_path / "book")
    ran, added = run_cell(repository, missing=True, monkeypatch=monkeypatch)
    source = str(tmp_path / "book" / "noiseprune-source" if repository else tmp_path)
    assert added == [source]
    needed = "matplotlib pillow tqdm threadpoolctl anywidget"
    assert ran.pop() == f'pip install --quiet --editable "{source}[networks]" {needed}'
    clone = f"git clone --quiet --depth 1 --branch main {repository} {source}"
    assert ran == ([clone] if repository else [])


def minutes(text):
    """Minutes in a text such as `1 h 50 min`."""
    hours, rest = re.search(r"(?:(\d+)\sh\s)?(\d+)\smin", text).groups()
    return 60 * int(hours or 0) + int(rest)


def reading_time(path, proofs=True):
    """Minutes that a chapter says it takes; the theorem says a second number, without proofs."""
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    line = re.search(r"\*\*Time\*\*:? (.+)", text)[1]
    return int(re.match(r"\d+", line)[0] if proofs else re.search(r", (\d+) without", line)[1])


def test_reading_map_adds_up():
    path = SITE / "book" / "intro.html"
    cards = page(path).xpath(
        "//*[contains(@class, 'reading-map')]//*[contains(@class, 'sd-card ')]"
    )
    assert len(cards) == 3
    for card in cards:
        total = 0
        for item in card.xpath(".//li[contains(., 'min')]"):
            (address,) = item.xpath(".//a/@href")
            chapter = (ROOT / "book" / address).with_suffix(".ipynb")
            told = minutes(item.text_content())
            assert told == reading_time(
                chapter, proofs="proofs left out" not in item.text_content()
            )
            total += told
        (footer,) = card.xpath(".//*[contains(@class, 'sd-card-footer')]")
        assert minutes(footer.text_content()) == total
    numbered = [p for p in chapters() if p.stem[:2].isdigit()]
    assert "about ten and a half hours" in page(path).text_content()
    assert round(sum(map(reading_time, numbered)) / 30) == 21  # half hours


def test_run_times_are_those_of_the_notebooks():
    path = SITE / "book" / "reproducibility.html"
    (table,) = page(path).xpath("//table[@id='tab-reproducibility-run-times']")
    rows = [[cell.text_content().strip() for cell in row] for row in table.xpath(".//tbody/tr")]
    blocks = [executions()[p.stem] for p in chapters()]
    assert [row[1:] for row in rows[:-1]] == [[b["executed"], str(b["seconds"])] for b in blocks]
    assert rows[-1][-1] == str(sum(b["seconds"] for b in blocks))
    assert f"NumPy\u00a0{blocks[0]['versions']['numpy']}" in page(path).text_content()


def test_every_symbol_leads_to_its_first_use():
    tables = page(SITE / "book" / "notation.html").xpath("//article//table")
    rows = [row for table in tables for row in table.xpath(".//tbody/tr")]
    assert len(rows) > 40
    for row in rows:
        links = row[-1].xpath(".//a/@href")
        assert links, row.text_content()
        assert all("#" in link for link in links)  # to a place, not to a page


def test_every_glossary_term_is_linked_from_a_chapter():
    terms = page(SITE / "book" / "notation.html").xpath("//dl[contains(@class, 'glossary')]/dt/@id")
    assert len(terms) > 25
    linked = {
        address.split("#")[1]
        for name in toc()
        if name != "book/notation"
        for address in page(SITE / f"{name}.html").xpath("//article//a/@href")
        if address.startswith("notation.html#")
    }
    assert set(terms) - linked == set()


@pytest.mark.parametrize("name", toc())
def test_explorers_are_light_and_have_a_figure_for_print_beside_them(name):
    explorers = page(SITE / f"{name}.html").xpath("//div[@class='explorer']")
    scripts = [e.find("script").text for e in explorers]
    assert sum(map(len, scripts)) < 1e6
    for explorer in explorers:
        section = next(explorer.iterancestors("section"))
        assert section.xpath(".//figure//img")
