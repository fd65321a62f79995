"""What the theme leaves undone on a page: description, when its numbers were computed, repairs."""

from __future__ import annotations

import html
import json
from collections import Counter
from pathlib import Path

from docutils import nodes

NAMES = {"noiseprune": "noiseprune", "numpy": "NumPy", "scipy": "SciPy", "matplotlib": "Matplotlib"}
EXECUTED = "book/executed.json"
DESCRIPTION_LENGTH = 160  # characters that search engines show
FIRST_PAGE = """\
<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="refresh" content="0; url={address}">
    <link rel="canonical" href="{address}">
    <title>{title}</title>
  </head>
  <body><p><a href="{address}">{title}</a></p></body>
</html>
"""


def number_proofs(app, doctree):
    """Give every proof and every theorem's content an id of its own; sphinx-proof repeats them."""
    counts = Counter()
    for node in doctree.findall(nodes.Element):
        if node["ids"] in (["proof"], ["proof-content"]):
            (name,) = node["ids"]
            counts[name] += 1
            node["ids"] = [f"{name}-{counts[name]}"]


def drop_thebe_settings(app, doctree, docname):
    """Take out the settings of a live kernel; the book has none."""
    for node in list(doctree.findall(nodes.raw)):
        if "text/x-thebe-config" in node.astext():
            node.parent.remove(node)


def complete_page(app, pagename, templatename, context, doctree):
    """Add description and footer."""
    if doctree is None:
        return
    description = _description(doctree)
    if description and 'name="description"' not in context["metatags"]:
        context["metatags"] += f'<meta name="description" content="{html.escape(description)}">\n'
    execution = executions(app).get(Path(pagename).name)
    if execution:
        tools = ", ".join(f"{name} {execution['versions'][key]}" for key, name in NAMES.items())
        computed = f"Numbers computed on {execution['executed']} with {tools}, "
        computed += f"in {execution['seconds']} s."
        context["theme_extra_footer"] = f'<p class="computed-with">{html.escape(computed)}</p>'


def _description(doctree):
    """First paragraph of the running text, cut at a word."""
    for node in doctree.findall(nodes.paragraph):
        if isinstance(node.parent, nodes.section):
            text = " ".join(node.astext().split())
            if len(text) > DESCRIPTION_LENGTH:
                text = text[: DESCRIPTION_LENGTH - 1].rsplit(" ", 1)[0] + "…"
            return text
    return ""


def executions(app):
    """When and with what each chapter was executed, by its name, from `book/executed.json`."""
    path = Path(app.srcdir, EXECUTED)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def executed_anew(app, env):
    """Pages to write again: those whose execution is not the one that they tell."""
    told, now = getattr(env, "noiseprune_executions", {}), executions(app)
    env.noiseprune_executions = now
    return [n for n in env.found_docs if told.get(Path(n).name) != now.get(Path(n).name)]


def write_first_page(app, exception):
    """Lead from the folder of the site to its landing page, by a page that is valid HTML."""
    if exception or app.builder.format != "html" or app.config.root_doc == "index":
        return
    address = app.builder.get_target_uri(app.config.root_doc)
    page = FIRST_PAGE.format(address=address, title=html.escape(app.config.html_title))
    Path(app.outdir, "index.html").write_text(page, encoding="utf-8")


def setup(app):
    """Connect the functions above to the build."""
    app.connect("doctree-read", number_proofs, priority=400)  # before the table of contents
    app.connect("doctree-resolved", drop_thebe_settings, priority=900)
    app.connect("env-updated", executed_anew)
    app.connect("html-page-context", complete_page, priority=900)
    app.connect("build-finished", write_first_page, priority=900)  # over that of the toc extension
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
