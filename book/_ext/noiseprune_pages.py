"""What the theme leaves undone on a page: description, when its numbers were computed, repairs.

Functions that a chapter calls lead to their source, and the page of the API lists what is public.
"""

from __future__ import annotations

import html
import importlib
import inspect
import json
import pkgutil
import re
from collections import Counter
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import noiseprune

NAMES = {"noiseprune": "noiseprune", "numpy": "NumPy", "scipy": "SciPy", "matplotlib": "Matplotlib"}
EXECUTED = "book/executed.json"
# Lines of a cell that import of this repository; brackets where there are many names.
IMPORT = re.compile(
    r"^import noiseprune.*|^from (?:noiseprune|replication)[\w.]* import (?:\([^)]*\)|.+)",
    re.MULTILINE,
)
# A name in highlighted code, and that of the module before it.
NAME = re.compile(
    r'(?:<span class="n">(\w+)</span><span class="o">\.</span>)?<span class="n">(\w+)</span>'
)
SHORT_CODE = 24  # characters that stay on one line
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


def keep_short_code_whole(app, doctree, docname):
    """Mark short code, which would break at its hyphens."""
    for code in doctree.findall(nodes.literal):
        if len(code.astext()) <= SHORT_CODE:
            code["classes"].append("short")


def complete_page(app, pagename, templatename, context, doctree):
    """Add description and footer."""
    if doctree is None:
        return
    description = _description(doctree)
    if description and 'name="description"' not in context["metatags"]:
        context["metatags"] += f'<meta name="description" content="{html.escape(description)}">\n'
    execution = executions(app).get(Path(pagename).name)
    if execution:
        versions = execution["versions"]
        tools = ", ".join(f"{name}\u00a0{versions[key]}" for key, name in NAMES.items())
        computed = f"Numbers computed on {execution['executed']} with {tools}, "
        computed += f"in {execution['seconds']}\u00a0s."
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


def link_code(app, pagename, templatename, context, doctree):
    """Lead from functions in the code of a chapter to their description, or to their source."""
    path = Path(app.env.doc2path(pagename)) if doctree else Path()
    if path.suffix != ".ipynb":
        return
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    known = {}
    exec("\n".join(IMPORT.findall(code)), known)
    listed = app.env.get_domain("py").objects

    def link(found):
        owner, name = found.groups()
        target = getattr(known.get(owner), name, None) if owner else known.get(name)
        module, within = getattr(target, "__module__", ""), getattr(target, "__qualname__", "")
        entry = listed.get(f"{module}.{within}")
        if entry is None:
            return found[0]
        if module.startswith("noiseprune."):
            address = f"{context['pathto'](entry.docname)}#{entry.node_id}"
        else:
            page = "_modules/" + module.replace(".", "/")
            address = f"{context['pathto'](page)}#{within}"
        start, word, end = found[0].rpartition(f'<span class="n">{name}</span>')
        return f'{start}<a href="{address}">{word}</a>{end}'

    context["body"] = NAME.sub(link, context["body"])


def keep_out_internals(app, what, name, obj, skip, options):
    """Leave functions of the package that it does not export out of its description."""
    module = getattr(obj, "__module__", None) or ""
    if what != "module" or not module.startswith("noiseprune."):
        return None
    public = getattr(noiseprune, module.split(".")[1], None)  # a file whose name is exported
    exported = module.split(".")[1] in noiseprune.__all__ and inspect.ismodule(public)
    return None if exported or name in noiseprune.__all__ else True


def stay_in_torch(app, module, attribute):
    """Source of what needs PyTorch, where it can't be found by importing the module."""
    return module if module == "noiseprune.torch" else None


class ModulesOf(SphinxDirective):
    """Description of every module of a package, one after the other."""

    required_arguments = 1

    def run(self):
        """Describe the modules that are there; a new one needs no entry."""
        package = importlib.import_module(self.arguments[0])
        lines = []
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.ispkg and not found.name.endswith("__main__"):
                heading = f"### `{found.name}`"
                automodule = f".. automodule:: {found.name}\n   :members:"
                lines += [heading, "", "```{eval-rst}", automodule, "```", ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


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
    app.connect("doctree-resolved", keep_short_code_whole)
    app.add_directive("modules-of", ModulesOf)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", keep_out_internals)
    app.setup_extension("sphinx.ext.viewcode")
    app.connect("viewcode-follow-imported", stay_in_torch)
    app.connect("env-updated", executed_anew)
    app.connect("html-page-context", link_code)
    app.connect("html-page-context", complete_page, priority=900)
    app.connect("build-finished", write_first_page, priority=900)  # over that of the toc extension
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
