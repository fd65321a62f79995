"""Formulas on the pages."""

from types import SimpleNamespace

import pytest
from docutils import nodes, utils
from noiseprune_maths import keep_together


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [("so (", "), and", "(x),"), ("so ", ".", "x."), ("so (", " and", "(x"), ("so ", " and", None)],
)
def test_a_formula_stays_with_the_signs_beside_it(before, after, joined):
    document, formula = utils.new_document(""), nodes.math("", "x")
    paragraph = nodes.paragraph("", "", nodes.Text(before), formula, nodes.Text(after))
    document += paragraph
    keep_together(SimpleNamespace(builder=SimpleNamespace(format="html")), document, "")
    assert paragraph.astext() == f"{before}x{after}"
    assert [whole.astext() for whole in paragraph.findall(nodes.inline)] == [joined] * bool(joined)
