"""The site as a reader takes it along (`make zip`): unpacked, opened from a folder, read."""

import functools
import http.server
import json
import threading
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import noiseprune_takeaway as takeaway
import pytest
from test_site import ROOT
from test_takeaway import is_current

ARCHIVE = ROOT / "_build" / "noiseprune-book.zip"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    if not is_current(ARCHIVE):
        pytest.skip("the site is not packed, or changed since: `make zip`")
    folder = tmp_path_factory.mktemp("offline")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    return folder / "noiseprune-book"


@pytest.fixture(scope="module")
def tab(unpacked, browser):
    """First page of the unpacked site; a request to elsewhere fails the test."""
    elsewhere = []
    local = ("file:", "data:", "http://localhost:")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("request", lambda r: None if r.url.startswith(local) else elsewhere.append(r.url))
    page.goto((unpacked / "index.html").as_uri())
    yield page
    context.close()
    assert elsewhere == []


@pytest.fixture
def server(unpacked):
    """Address at which the unpacked site is served on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Quiet, directory=unpacked)
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as site:
        threading.Thread(target=site.serve_forever).start()
        yield f"http://localhost:{site.server_address[1]}"
        site.shutdown()


def click(page, button):
    """Open the menu of downloads and choose one."""
    page.get_by_role("button", name="Download this page").click()
    page.locator(f".btn-{button}").click()


def first_cell(text):
    return json.loads(text)["cells"][0]


def test_first_page_leads_to_a_chapter_and_its_notebook(tab):
    tab.get_by_role("link", name="The rule", exact=True).first.click()
    tab.wait_for_url("**/book/04_the_rule.html")
    with tab.context.expect_page() as waiting:  # Chromium shows a file of its own disk as text
        click(tab, "download-source-button")
    waiting.value.wait_for_url("**/04_the_rule.ipynb")
    notebook = Path(unquote(urlsplit(waiting.value.url).path))
    assert first_cell(notebook.read_text(encoding="utf-8")) == takeaway.install_cell("")
    waiting.value.close()


def test_all_notebooks_come_in_one_archive(tab):
    with tab.expect_download() as waiting:
        click(tab, "download-all-button")
    with zipfile.ZipFile(waiting.value.path()) as file:
        assert "noiseprune/book/04_the_rule.ipynb" in file.namelist()


def test_citation_opens_and_can_be_read(tab):
    entry = tab.locator("details.cite pre")
    assert not entry.is_visible()
    tab.get_by_text("Cite this page").click()
    assert "@misc{noiseprune_" in entry.inner_text()


def test_notebook_downloads_from_a_server(tab, server):
    tab.goto(f"{server}/book/08_spectrum.html")
    with tab.expect_download() as waiting:
        click(tab, "download-source-button")
    assert waiting.value.suggested_filename == "08_spectrum.ipynb"
    text = waiting.value.path().read_text(encoding="utf-8")
    assert first_cell(text) == takeaway.install_cell("")
