"""Tables of the pages: whole, the same on every machine, readable by ear."""

import lxml.html
import numpy as np
import pytest

from replication.tables import curly, table

ROWS = [("slowest <mode>", "0.013", "-0.24"), ("synapses", np.int64(1000), None)]
COLUMNS = ["measure", "noise", "weight & leak"]


def test_html_has_every_cell_its_headings_and_caption():
    tree = lxml.html.fromstring(table(ROWS, COLUMNS, "A < B")._repr_html_())
    assert tree.find("caption").text == "A < B"
    assert [(h.text, h.get("scope")) for h in tree.xpath("thead//th")] == [
        (name, "col") for name in COLUMNS
    ]
    assert [(h.text, h.get("scope")) for h in tree.xpath("tbody//th")] == [
        ("slowest <mode>", "row"),
        ("synapses", "row"),
    ]
    assert tree.xpath("//td/text()") == ["0.013", "−0.24", "1000", "–"]


def test_the_corner_is_no_heading_when_it_says_nothing():
    tree = lxml.html.fromstring(table(ROWS, ["", "noise", "weight"], "Rules")._repr_html_())
    assert [node.tag for node in tree.xpath("thead/tr/*")] == ["td", "th", "th"]


def test_text_is_aligned():
    lines = repr(table(ROWS, COLUMNS, "Rules")).splitlines()
    assert lines[0] == "Rules"
    assert len(set(map(len, lines[1:]))) == 1


def test_apostrophes_are_those_of_the_pages_and_code_keeps_its_quotes():
    assert curly("the lab's, two networks' own") == "the lab’s, two networks’ own"
    assert curly("rule='noise', x['a']") == "rule='noise', x['a']"
    assert "band’s edge" in table([["band's edge"]], [""], "x")._repr_html_()


def test_only_a_sign_becomes_a_minus():
    (row,) = table([["up-to-date", "1e-14", "-1 to -0.5"]], ["a", "b", "c"], "x").rows
    assert row == ("up-to-date", "1e-14", "−1 to −0.5")


def test_no_line_ends_between_a_number_and_its_sign():
    tree = lxml.html.fromstring(table([("a", "1 ± 2")], ["", "≤ 3"], "20 % of = 4")._repr_html_())
    shown = [tree.find("caption").text, tree.find("thead").find(".//th").text]
    assert shown == ["20\u00a0% of =\u00a04", "≤\u00a03"]
    assert tree.find("tbody").find(".//td").text == "1\u00a0±\u00a02"


def test_no_rows_are_a_table_too():
    assert table([], ["a"], "Nothing").rows == ()


@pytest.mark.parametrize(
    ("rows", "columns", "error", "message"),
    [
        ([("a", 0.1)], ["", "b"], TypeError, "row 0 has the cell 0.1: say its digits"),
        ([("a", True), ("a",)], ["", "b"], ValueError, "row 1 has 1 cells for 2 columns"),
        ([("a", "b", "c")], ["", "b"], ValueError, "row 0 has 3 cells for 2 columns"),
        (["ab"], ["", "b"], TypeError, "row 0 must be a list of cells, got 'ab'"),
        ([], "ab", TypeError, "columns must be a list of headings, got 'ab'"),
        ([], [], ValueError, "a table needs columns"),
    ],
)
def test_what_cannot_be_shown_is_refused(rows, columns, error, message):
    with pytest.raises(error, match=message):
        table(rows, columns, "Rules")
