"""Formulas on the pages."""

import json
import re
import subprocess
from types import SimpleNamespace

import pytest
from docutils import nodes, utils
from noiseprune_maths import TYPESET, keep_numbers_whole, keep_together, node_program

HTML = SimpleNamespace(builder=SimpleNamespace(format="html"))


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [("so (", "), and", "(x),"), ("so ", ".", "x."), ("so (", " and", "(x"), ("so ", " and", None)],
)
def test_a_formula_stays_with_the_signs_beside_it(before, after, joined):
    document, formula = utils.new_document(""), nodes.math("", "x")
    paragraph = nodes.paragraph("", "", nodes.Text(before), formula, nodes.Text(after))
    document += paragraph
    keep_together(HTML, document, "")
    assert paragraph.astext() == f"{before}x{after}"
    assert [whole.astext() for whole in paragraph.findall(nodes.inline)] == [joined] * bool(joined)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("keeps 60 % of", "keeps 60\u00a0% of"),
        ("keeps 60\n% of", "keeps 60\u00a0% of"),
        ("1.5 ± 0.2 in 8 min, 3 months", "1.5\u00a0±\u00a00.2 in 8\u00a0min, 3 months"),
        ("so (N = 80, p ≤ 0.5), a = b", "so (N\u00a0=\u00a080, p\u00a0≤\u00a00.5), a = b"),
        ("from 0.29–0.31 [0.2, 0.4] on", "from 0.29–\u20600.31 [0.2,\u00a00.4] on"),
        ("Ornstein–Uhlenbeck, 3 samples", "Ornstein–Uhlenbeck, 3 samples"),
        ("[1,010,452, 1,010,608] on 7\nMay", "[1,010,452,\u00a01,010,608] on 7\u00a0May"),
        ("Theorem 14, chapter\n11, SciPy 1", "Theorem\u00a014, chapter\u00a011, SciPy\u00a01"),
    ],
)
def test_a_number_stays_with_its_unit_but_not_in_code(text, whole):
    document, code = utils.new_document(""), nodes.literal("", text)
    document += nodes.paragraph("", "", nodes.Text(text), code)
    keep_numbers_whole(HTML, document, "")
    assert [found.astext() for found in document.findall(nodes.Text)] == [whole, text]


def test_a_number_stays_with_what_it_numbers_in_a_link_and_in_a_verdict():
    document, number = utils.new_document(""), nodes.reference("", "11", refuri="#")
    document += nodes.paragraph("", "", nodes.Text("in chapter "), number)
    document += nodes.raw("", '<p class="verdict" title="4 min">4 min, <code>N = 3</code></p>')
    keep_numbers_whole(HTML, document, "")
    link, verdict = document
    assert link.astext() == "in chapter\u00a011"
    joined = '<p class="verdict" title="4 min">4\u00a0min, <code>N = 3</code></p>'
    assert verdict.astext() == joined


@pytest.mark.parametrize(
    ("tex", "spans"),
    [
        (r"a_{\text{first}} = b_{\text{second}} + c", "part part part"),
        (
            r"a = b \bigl(c + d\bigr), \qquad e \quad\text{if so}",
            "groups group part part piece piece group group",
        ),
        (r"\|x - y\| = \bigl\| m - n \bigr\| + z^2", "part piece piece part piece piece part"),
        (r"|a_{\text{first}}| + |b - c| = |d + e|^2", "part part piece piece part piece piece"),
        (r"P(a_{\text{first}} | b) + c_{\text{second}} + d", "part part part"),
        (r"a_{\text{first}} - b = -\sum_i c_i d_i", "part part part"),
        (r"a_{\text{first}} + b_{\text{second}} = 0.", "part part"),
        (r"\begin{aligned} a - b &= c + d \\ &\le e + f \end{aligned}", "rows part part part part"),
    ],
)
def test_a_display_may_end_its_lines_beside_operators(tex, spans):
    assert divided(tex, display=True) == spans


def test_a_line_of_text_does_not_end_within_short_brackets():
    assert divided(r"(1 - \varepsilon) M_{\text{sparse}} + M", display=False) == "part part"
    assert divided(r"|\lambda + D_i| \le \sum_{j \ne i} |W_{ij}|", display=False) == "part part"
    assert divided(r"\|x - x_{\text{sparse}}\| / \|x\|", display=False) == ""
    assert (
        divided(r"(a + b + c + d + e + f + g + h + i + j + k + l + m)", display=False).count("part")
        == 13
    )


def divided(tex, *, display):
    """Names of the spans in which a formula is wrapped."""
    asked = json.dumps([{"tex": tex, "display": display}])
    done = subprocess.run([node_program(), TYPESET], input=asked, capture_output=True, text=True)
    (formula,) = json.loads(done.stdout)["formulas"]
    return " ".join(re.findall(r"mjx-(group|groups|part|piece|rows)\b", formula["html"]))
