"""What a reader takes along: notebooks that install, citations, cards for links, launch buttons.

`BOOK_REPOSITORY` and `BOOK_URL` in the environment say where code and site are public. Without the
first there are no launch buttons, without the second no absolute addresses: the book has no home
of its own.
"""

from __future__ import annotations

import html
import json
import os
import re
import zipfile
from pathlib import Path

import noiseprune_cards as cards
import yaml
from docutils import nodes
from noiseprune_pages import EXECUTED, NAMES, executions
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
BRANCH = "main"  # where the code is
PAGES_BRANCH = "gh-pages"  # where the built site is
ARCHIVE = "noiseprune-notebooks.zip"
PACKAGE = (
    *("noiseprune/**/*.py", "replication/**/*.py", "results/*.json", "results/data/**/*.*"),
    *("book/_static/living.js", "pyproject.toml", "README.md", "LICENSE"),
)
PAPER = "moore2020"
NEEDED = "matplotlib pillow tqdm threadpoolctl anywidget"  # beside what the package needs
INSTALL = """\
# Installs what is needed where it is missing, as on Colab; elsewhere this cell does nothing.
import importlib.util, os, sys

if importlib.util.find_spec("replication") is None:
    {source}
    %pip install --quiet --editable "$source[networks]" {needed}
    sys.path.append(source)  # found without a restart"""
CLONE = """\
source = os.path.abspath("noiseprune-source")
    !git clone --quiet --depth 1 --branch {branch} {url} $source"""
BESIDE = 'source = os.path.abspath("..")  # the folder of the archive with all notebooks'


def configure(app, config):
    """Take over where code and site are public, and what a citation says."""
    base = os.environ.get("BOOK_URL", "").strip()
    if base:
        config.html_baseurl = base.rstrip("/") + "/"
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    sources = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    config.noiseprune_citation = {
        "version": citation["version"],
        "authors": " and ".join(_author(a) for a in citation["authors"]),
        "paper": re.search(rf"^@\w+{{{PAPER},.*?^}}", sources, re.M | re.S).group(),
    }
    # Pages are written anew when an extension changed, as when the settings did.
    config.noiseprune_code = [
        p.read_text("utf-8") for p in sorted(Path(__file__).parent.glob("*.[pj]*"))
    ]
    config.noiseprune_repository = url = _repository()
    if not url:
        return
    options = config.html_theme_options
    options.update(repository_url=url, repository_branch=BRANCH, path_to_docs="")
    options["use_repository_button"] = True
    buttons = {"notebook_interface": "jupyterlab", "binderhub_url": "https://mybinder.org"}
    if url.startswith("https://github.com/"):  # Colab opens no other
        buttons["colab_url"] = "https://colab.research.google.com"
    options["launch_buttons"] = buttons


def _repository():
    """Address of the public repository, empty if there is none."""
    url = os.environ.get("BOOK_REPOSITORY", "").strip().rstrip("/").removesuffix(".git")
    if url and not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", url):
        raise ExtensionError(f"BOOK_REPOSITORY must be https://HOST/OWNER/NAME, got {url!r}")
    return url


def _author(author):
    """Author of CITATION.cff for BibTeX; braces keep a name that is no person's whole."""
    if "name" in author:
        return f"{{{author['name']}}}"
    return f"{author['family-names']}, {author['given-names']}"


def complete_page(app, pagename, templatename, context, doctree):
    """Add card, citation, and what the buttons on top lack."""
    if doctree is None:
        return
    title = next(doctree.findall(nodes.title)).astext()
    context["metatags"] += _social(app, pagename, title, context, doctree)
    footer = context.get("theme_extra_footer") or ""
    context["theme_extra_footer"] = footer + _cite(app, pagename, title)
    for group in context["header_buttons"]:
        if group.get("label") == "download-buttons":
            group["buttons"].append(
                {
                    "type": "link",
                    "url": context["pathto"](f"_downloads/{ARCHIVE}", 1),
                    "text": "all .ipynb",
                    "icon": "fas fa-download",
                    "tooltip": "Download all notebooks with package and results",
                    "label": "download-all-button",
                }
            )
        for button in group.get("buttons", ()):
            if button.get("text") == "Colab":  # opens the copy that installs the package
                old = f"/blob/{BRANCH}/"
                button["url"] = button["url"].replace(old, f"/blob/{PAGES_BRANCH}/_sources/")


def _social(app, pagename, title, context, doctree):
    """Open Graph tags, by which a link to the page becomes a card."""
    found = re.search(r'<meta name="description" content="([^"]*)"', context["metatags"])
    if not found:
        raise ExtensionError(f"{pagename} has no paragraph that describes it")
    description, book = found[1], app.config.html_title
    image = f"_static/cards/{Path(pagename).name}.png"
    picture = _first_picture(app, doctree)
    cards.draw(Path(app.outdir, image), title, html.unescape(description), book, picture)
    tags = {
        "og:type": "article",
        "og:site_name": html.escape(book),
        "og:title": html.escape(title),
        "og:description": description,
        "og:image:width": cards.WIDTH,
        "og:image:height": cards.HEIGHT,
        "og:image:alt": html.escape(f"{title} ({book})"),
    }
    if base := app.config.html_baseurl:
        tags["og:url"] = base + app.builder.get_target_uri(pagename)
        tags["og:image"] = base + image
    else:
        tags["og:image"] = context["pathto"](image, 1)
    lines = [f'<meta property="{name}" content="{value}">' for name, value in tags.items()]
    return "\n".join([*lines, '<meta name="twitter:card" content="summary_large_image">', ""])


def _first_picture(app, doctree):
    """Path of the first figure of a page, None without one."""
    sources = {name: source for source, name in app.builder.images.items()}
    for image in doctree.findall(nodes.image):
        if source := sources.get(Path(image["uri"]).name):
            return Path(app.srcdir, source)
    return None


def bibtex(pagename, title, config):
    """BibTeX entry of a page, and that of the paper."""
    citation = config.noiseprune_citation
    fields = {
        "author": citation["authors"],
        "title": re.sub(r"([&%$#_])", r"\\\1", title),
        "howpublished": f"Chapter of ``{config.html_title}'', noiseprune {citation['version']}",
        "year": config.copyright,
    }
    if config.html_baseurl:
        fields["url"] = f"{config.html_baseurl}{pagename}.html"
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    key = re.sub(r"\W", "_", f"noiseprune_{Path(pagename).name}")
    return f"@misc{{{key},\n{lines}\n}}\n\n{citation['paper']}\n"


def _cite(app, pagename, title):
    """Citation of a page in its footer; it opens and can be copied without any script."""
    entry = html.escape(bibtex(pagename, title, app.config))
    return (
        '<details class="cite"><summary>Cite this page</summary>'
        "<p>BibTeX of this page, and of the paper that the book replicates.</p>"
        f'<div class="highlight"><pre>{entry}</pre></div></details>'
    )


def install_cell(repository):
    """Cell that comes first in a notebook that is taken along."""
    source = CLONE.format(branch=BRANCH, url=repository) if repository else BESIDE
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "install",
        "metadata": {},
        "outputs": [],
        "source": INSTALL.format(source=source, needed=NEEDED),
    }


def write_notebooks(app, exception):
    """Put the installing cell first in the copies to download, and all of them in one archive."""
    if exception or app.builder.name != "html":
        return
    pages = [p for p in app.env.all_docs if Path(app.env.doc2path(p)).suffix == ".ipynb"]
    archive = Path(app.outdir, "_downloads", ARCHIVE)
    archive.parent.mkdir(exist_ok=True)
    Path(app.outdir, ".nojekyll").touch()  # or GitHub Pages drops the folders with underscores
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for page in sorted(pages):
            notebook = json.loads(Path(app.env.doc2path(page)).read_text(encoding="utf-8"))
            notebook["cells"].insert(0, install_cell(app.config.noiseprune_repository))
            text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
            Path(app.outdir, "_sources", f"{page}.ipynb").write_text(text, encoding="utf-8")
            for cell in notebook["cells"]:  # the copies of single notebooks have the outputs
                if cell["cell_type"] == "code":
                    cell.update(outputs=[], execution_count=None)
            bare = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
            file.writestr(f"noiseprune/{page}.ipynb", bare)
        for path in sorted(p for pattern in PACKAGE for p in ROOT.glob(pattern)):
            file.write(path, f"noiseprune/{path.relative_to(ROOT).as_posix()}")


class RunTimes(SphinxDirective):
    """Table of when, how long and with what each chapter was executed."""

    has_content = True  # the title of the table
    option_spec = {"name": str}  # noqa: RUF012

    def run(self):
        """Read what is known of the executions; the page is written anew when that changes."""
        rows, versions = [], []
        self.env.note_dependency(EXECUTED)
        for name, execution in executions(self.env.app).items():
            used = ", ".join(f"{tool} {execution['versions'][key]}" for key, tool in NAMES.items())
            versions.append(used)
            rows.append((f"{{doc}}`{name}`", execution["executed"], execution["seconds"]))
        rows.append(("all pages", "", sum(seconds for *_, seconds in rows)))
        lines = [f"```{{list-table}} {' '.join(self.content)}", ":header-rows: 1"]
        if "name" in self.options:
            lines.append(f":name: {self.options['name']}")
        lines.append("")
        for row in [("Page", "Executed on", "Seconds"), *rows]:
            lines += [f"{'* -' if k == 0 else '  -'} {cell}".rstrip() for k, cell in enumerate(row)]
        lines += ["```", "", "Versions:", ""]
        lines += [f"- {used} ({versions.count(used)} pages)" for used in dict.fromkeys(versions)]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app):
    """Connect the functions above to the build."""
    app.add_config_value("noiseprune_citation", {}, "html", dict)
    app.add_config_value("noiseprune_code", [], "html", list)
    app.add_config_value("noiseprune_repository", "", "html", str)
    app.add_directive("run-times", RunTimes)
    app.connect("config-inited", configure, priority=900)
    app.connect("html-page-context", complete_page, priority=950)
    app.connect("build-finished", write_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
