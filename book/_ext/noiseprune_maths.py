"""Mathematics typeset while the book is built: pages need no script, and say formulas in words."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

TYPESET = Path(__file__).with_name("typeset.js")
STYLESHEET = "maths.css"
# What may not end a line: the spaces of "5 %", "3 s", "7 May", "1 ± 0.2", "N = 80", "[1, 2]" and
# "Theorem 3"; the dash of "0.1–0.2", which a joiner of no width follows.
NUMBER = re.compile(
    r"(?<=\d)\s(?=(?:%|±|(?:s|ms|min|h|kB|MB|GB|seconds?|minutes?|hours?|January|February|March|April"
    r"|May|June|July|August|September|October|November|December)\b))|(?<=±)\s(?=\d)"
    r"|(?<=\b\w)\s(?=[=≤]\s\d)|(?<=\w\s[=≤])\s(?=\d)"
)
RANGE = re.compile(r"(?<=\d)\u2013(?=[\d−])")
INTERVAL = re.compile(r"(\[[\d.,−]+,)\s([\d.,−]+\])")
NUMBERED = re.compile(
    r"\b((?:Theorem|Proposition|Lemma|Definition|Corollary|Property|Figure|Table|[Cc]hapter)s?"
    r"|Python|NumPy|SciPy|Matplotlib|PyTorch)\s(?=\d)"
)
SHOWN = ('class="comparison"', 'class="verdict"')  # HTML that is text
TAG = re.compile(r"(<code\b.*?</code>|<[^>]*>)", re.DOTALL)
VERBATIM = (nodes.literal, nodes.FixedTextElement, nodes.math)
logger = logging.getLogger(__name__)


def node_program():
    """Path of Node.js: the one that comes with playwright, or the one of this machine."""
    try:
        from playwright._impl._driver import compute_driver_executable

        found = compute_driver_executable()[0]
    except ImportError:
        found = shutil.which("node")
    if not found or not Path(found).exists():
        raise ExtensionError("mathematics needs Node.js: install playwright (extra `book`) or node")
    return found


def typeset_all(app, env):
    """Typeset every formula of the book in one go, and store the styles that they share."""
    if app.builder.format != "html":
        return
    formulas = {}
    for name in sorted(env.found_docs):
        for node in env.get_doctree(name).findall(_is_math):
            formulas.setdefault((_source(node), isinstance(node, nodes.math_block)), name)
    asked = json.dumps([{"tex": tex, "display": display} for tex, display in formulas])
    done = subprocess.run(
        [node_program(), TYPESET], input=asked, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        raise ExtensionError(f"typesetting failed:\n{done.stderr}")
    answer = json.loads(done.stdout)
    app.typeset_formulas = dict(zip(formulas, answer["formulas"], strict=True))
    for ((tex, _display), name), formula in zip(formulas.items(), answer["formulas"], strict=True):
        if "error" in formula:
            logger.warning("formula %r: %s", tex, formula["error"], location=name)
    stylesheet = Path(app.outdir, "_static", STYLESHEET)
    stylesheet.parent.mkdir(parents=True, exist_ok=True)
    stylesheet.write_text(answer["css"], encoding="utf-8")


def keep_together(app, doctree, docname):
    """Join a formula in a line to the sign after it and the bracket before: browsers part them."""
    if app.builder.format != "html":
        return
    for formula in list(doctree.findall(nodes.math)):
        parent, whole = formula.parent, nodes.inline(classes=["with-formula"])
        at = parent.index(formula)
        before, after = (parent[k] if 0 <= k < len(parent) else None for k in (at - 1, at + 1))
        if formula.astext() == r"\blacksquare" and isinstance(before, nodes.Text):
            parent[at - 1] = nodes.Text(re.sub(r"\s$", "\u00a0", before))
        opening = isinstance(before, nodes.Text) and re.search(r"[(\[]$", before)
        closing = isinstance(after, nodes.Text) and re.match(r"[.,;:!?)\]]+", after)
        if not (opening or closing):
            continue
        whole += [nodes.Text(opening[0])] if opening else []
        whole += formula.deepcopy()
        whole += [nodes.Text(closing[0])] if closing else []
        if closing:
            parent[at + 1] = nodes.Text(after[closing.end() :])
        if opening:
            parent[at - 1] = nodes.Text(before[: opening.start()])
        parent[at] = whole


def keep_numbers_whole(app, doctree, docname):
    """Join a number in running text to its unit, spread or name, and the two ends of a range."""
    if app.builder.format != "html":
        return
    for text in list(doctree.findall(nodes.Text)):
        parent = text.parent
        if isinstance(parent, nodes.raw) and any(mark in text for mark in SHOWN):
            parts = TAG.split(text)
            parts[::2] = map(_whole, parts[::2])
            parent.replace(text, nodes.Text("".join(parts)))
        elif not isinstance(parent, (nodes.raw, *VERBATIM)):
            at = parent.index(text)  # a link may follow, of the number alone
            after = parent[at + 1].astext() if at + 1 < len(parent) else ""
            parent[at] = nodes.Text(_whole(text, after))


def _whole(text, after=""):
    """The text, which another follows, with spaces and dashes at which no line ends."""
    whole = RANGE.sub("\u2013\u2060", NUMBER.sub("\u00a0", text + after[:1]))
    whole = NUMBERED.sub("\\1\u00a0", INTERVAL.sub("\\1\u00a0\\2", whole))
    return whole[: -1 if after else None]


def _is_math(node):
    return isinstance(node, nodes.math | nodes.math_block)


def _source(node):
    """TeX of a formula; lines of a display are aligned as Sphinx does it."""
    tex = node.astext()
    if isinstance(node, nodes.math) or node.get("nowrap"):
        return tex
    parts = [part for part in tex.split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    if len(parts) == 1:
        return parts[0]
    lines = r"\\".join(parts)
    return rf"\begin{{align}}\begin{{aligned}}{lines}\end{{aligned}}\end{{align}}"


def _formula(translator, node):
    """HTML of a formula: an image to a screen reader, which reads its words."""
    display = isinstance(node, nodes.math_block)
    formula = translator.builder.app.typeset_formulas.get((_source(node), display), {})
    if "html" not in formula:  # reported when it was typeset
        return f"<code>{html.escape(node.astext())}</code>"
    speech = html.escape(formula["speech"], quote=True)
    attributes = ' display="true"' if display else ""
    return (
        f'<mjx-container class="MathJax" jax="CHTML"{attributes} role="img" aria-label="{speech}">'
        f"{formula['html']}</mjx-container>"
    )


def visit_inline(translator, node):
    """Write a formula in running text."""
    classes = "math notranslate nohighlight"
    translator.body.append(translator.starttag(node, "span", "", CLASS=classes))
    translator.body.append(_formula(translator, node) + "</span>")
    raise nodes.SkipNode


def visit_display(translator, node):
    """Write a formula on a line of its own, with its number and a link to it."""
    translator.body.append(translator.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        translator.body.append("</span>")
    translator.body.append(_formula(translator, node) + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Make this the way in which HTML shows mathematics."""
    app.add_html_math_renderer("noiseprune", (visit_inline, None), (visit_display, None))
    app.add_css_file(STYLESHEET)
    app.connect("env-updated", typeset_all)
    app.connect("doctree-resolved", keep_together)
    app.connect("doctree-resolved", keep_numbers_whole)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
