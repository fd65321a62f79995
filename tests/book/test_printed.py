"""The printed book (of `make pdf`): every chapter, every figure, links that lead somewhere."""

import lxml.html
import printed
import pytest
from pypdf import PdfReader
from test_site import ROOT, SITE, heading, page, toc
from test_takeaway import is_current

PDF = ROOT / "_build" / "noiseprune.pdf"


@pytest.fixture(scope="module")
def book():
    if not is_current(PDF):
        pytest.skip("the book is not printed, or changed since: `make pdf`")
    return PdfReader(PDF)


def squeeze(text):
    """Text without white space, which a line break may add or remove."""
    return "".join(text.split())


def title(name):
    return squeeze(heading(name)[1])


def test_book_is_of_a_length_that_is_printed(book):
    assert 120 < len(book.pages) < 200


def test_contents_name_the_page_on_which_each_chapter_starts(book):
    contents = squeeze(book.pages[1].extract_text())
    for name in toc():
        place = book.named_destinations["/" + name.removeprefix("book/")]
        number = book.get_destination_page_number(place)
        assert title(name) in squeeze(book.pages[number].extract_text())
        assert f"{title(name)}{number + 1}" in contents


def test_outline_has_every_chapter_in_order(book):
    titles = [squeeze(item.title) for item in book.outline if not isinstance(item, list)]
    assert [t for t in titles if t != "Contents"][1:] == [title(name) for name in toc()]


def test_links_lead_into_the_book_or_to_the_web(book):
    annotations = [a.get_object() for p in book.pages for a in p.get("/Annots", [])]
    inside = [a["/Dest"] for a in annotations if "/Dest" in a]
    outside = [a["/A"]["/URI"] for a in annotations if "/A" in a]
    assert len(inside) > 400
    assert {place for place in inside if place not in book.named_destinations} == set()
    assert [address for address in outside if not address.startswith("https://")] == []


@pytest.mark.parametrize("name", toc())
def test_page_is_printed_whole(name):
    before = page(SITE / f"{name}.html").xpath("//article/section")[0]
    after = printed.article(name, set(toc()))
    assert len(after.xpath(".//figure//img")) == len(before.xpath(".//figure//img"))
    assert len(after.find_class("math")) == len(before.find_class("math"))
    assert after.find_class("explorer") == []
    assert len(after.find_class("cell_output")) == len(before.find_class("cell_output"))
    folder = SITE.with_name("print")
    assert all((folder / source).resolve().is_file() for source in after.xpath(".//img/@src"))


def test_ids_of_the_printed_book_are_unique_and_its_links_whole():
    ids, targets = [], set()
    for name in toc():
        section = printed.article(name, set(toc()))
        ids += [name.removeprefix("book/"), *section.xpath("descendant-or-self::*/@id")]
        targets |= {a[1:] for a in section.xpath(".//a/@href") if a.startswith("#")}
    assert len(ids) == len(set(ids))
    assert targets - set(ids) == set()


def test_code_of_folded_cells_is_not_printed_and_their_outputs_are():
    section = lxml.html.fromstring(
        """<section>
        <div class="cell"><details class="hide above-input"><summary>Imports</summary>
          <div class="cell_input">import numpy</div></details></div>
        <div class="cell"><details class="hide above-input"><summary>Drawing</summary>
          <div class="cell_input">draw()</div></details><div class="cell_output">drawn</div></div>
        <div class="cell"><details class="hide above-input"><summary>Solution</summary>
          <div class="cell_input">solve()</div><div class="cell_output">solved</div></details></div>
        <div class="cell"><div class="cell_input">1 + 1</div></div>
        </section>"""
    )
    printed.drop_folded(section)
    assert section.text_content().split() == ["drawn", "Solution", "solved", "1", "+", "1"]
    assert len(section.find_class("cell")) == 3


def test_of_a_description_the_first_paragraph_is_printed_and_links_find_a_place():
    section = lxml.html.fromstring(
        """<section><dl class="py class"><dt id="a">A</dt><dd><p>One.</p><p>Two.</p>
        <dl class="py attribute"><dt id="a.b">b</dt><dd><p>Three.</p></dd></dl>
        </dd></dl></section>"""
    )
    printed.shorten_descriptions(section)
    assert section.text_content().strip() == "AOne."
    assert section.xpath("descendant::*/@id") == ["a", "a.b"]
