"""Buttons and addresses of a site that has a home, built from one notebook with the extensions."""

import json
import subprocess
import sys
from types import SimpleNamespace

import lxml.html
import noiseprune_takeaway as takeaway
import pytest
from nbformat import v4
from nbformat import write as write_notebook
from sphinx.errors import ExtensionError

CONF = """
import sys
sys.path.insert(0, {extensions!r})
extensions = ["myst_nb", "noiseprune_pages", "noiseprune_takeaway"]
project, copyright, html_title = "Book", "2026", "Book"
html_theme, root_doc, nb_execution_mode = "sphinx_book_theme", "book/page", "off"
html_theme_options = {{}}
html_sourcelink_suffix = ""
exclude_patterns = ["html", "jupyter_execute"]
"""


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Build the small site with the given environment, always in the same folder; give its page."""
    folder = tmp_path_factory.mktemp("launch")
    extensions = str(takeaway.ROOT / "book" / "_ext")
    (folder / "conf.py").write_text(CONF.format(extensions=extensions))
    text = "# Title\n\nA paragraph that says what this page is about, in plain words.\n"
    notebook = v4.new_notebook(
        cells=[v4.new_markdown_cell(text)],
        metadata={"kernelspec": {"name": "python3", "display_name": "P"}},
    )
    (folder / "book").mkdir()
    write_notebook(notebook, folder / "book" / "page.ipynb")

    def run(executed="2026-01-01", **environment):
        stamp = {"executed": executed, "seconds": 1, "versions": dict.fromkeys(takeaway.NAMES, "1")}
        (folder / "book" / "executed.json").write_text(json.dumps({"page": stamp}))
        command = [sys.executable, "-m", "sphinx", "-q", "-W", str(folder), str(folder / "html")]
        path = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
        done = subprocess.run(command, env={**path, **environment}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return lxml.html.parse(folder / "html" / "book" / "page.html")

    return run


def elsewhere(tree):
    """Addresses outside of the site that its buttons lead to, by the word on them."""
    buttons = tree.xpath("//a[contains(@class, 'btn') and contains(@href, '://')]")
    return {button.text_content().strip() or "source": button.get("href") for button in buttons}


def test_a_home_gives_buttons_and_absolute_addresses(build):
    image = "//meta[@property='og:image']/@content"
    tree = build(
        BOOK_REPOSITORY="https://github.com/some-one/book.git", BOOK_URL="https://b.example/read"
    )
    assert elsewhere(tree) == {
        "Binder": "https://mybinder.org/v2/gh/some-one/book/main?urlpath=lab/tree/book/page.ipynb",
        "Colab": "https://colab.research.google.com/github/some-one/book/blob/gh-pages/"
        "_sources/book/page.ipynb",
        "source": "https://github.com/some-one/book",
    }
    address = "https://b.example/read/book/page.html"
    assert tree.xpath(image) == ["https://b.example/read/_static/cards/page.png"]
    assert tree.xpath("//meta[@property='og:url']/@content") == [address]
    assert tree.xpath("//link[@rel='canonical']/@href") == [address]
    (entry,) = tree.xpath("//details[@class='cite']//pre")
    assert f"url = {{{address}}}" in entry.text_content()

    tree = build()  # the same folder again
    assert elsewhere(tree) == {}
    assert tree.xpath(image) == ["../_static/cards/page.png"]
    assert tree.xpath("//meta[@property='og:url'] | //link[@rel='canonical']") == []


def test_a_page_tells_its_last_execution(build):
    for day in ("2026-01-01", "2026-02-02"):  # the notebook itself is the same
        (line,) = build(executed=day).xpath("//p[@class='computed-with']")
        words = f"Numbers computed on {day} with noiseprune\u00a01, NumPy\u00a01,"
        assert line.text.startswith(words)


def test_colab_is_left_out_where_it_cannot_open(monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY", "https://gitlab.com/some-one/book")
    config = SimpleNamespace(html_theme_options={})
    takeaway.configure(None, config)
    buttons = config.html_theme_options["launch_buttons"]
    assert buttons["binderhub_url"]
    assert "colab_url" not in buttons


@pytest.mark.parametrize(
    "url", ["github.com/a/b", "https://github.com/a", "git@github.com:a/b.git"]
)
def test_an_address_that_is_no_repository_is_refused(url, monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY", url)
    with pytest.raises(ExtensionError, match="BOOK_REPOSITORY must be https://HOST/OWNER/NAME"):
        takeaway.configure(None, SimpleNamespace())
