"""Light pages: one style sheet, a font of the icons in use, figures and frames as small files."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
import shutil
from pathlib import Path

import pydata_sphinx_theme
import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image

# The theme's own sheets, which its templates name; those of the extensions follow.
THEME_STYLES = ("basic.css", "styles/pydata-sphinx-theme.css")
ICON_FONTS = ("fa-solid-900", "fa-regular-400", "fa-brands-400")
# What the theme brings and nothing on a page asks for.
ON_LOAD = {"search.html", "domainindex.html", "genindex.html"}
UNUSED = ("scripts/fontawesome.js", "scripts/fontawesome.js.LICENSE.txt", "locales", "vendor")
ICON_RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"([^"]*)"\}')
FINE_PRINT = 800  # pixels; a drawing that is wider has letters too small for a phone
DATA_URI = re.compile(r"data:image/(png|webp);base64,([A-Za-z0-9+/=]+)")
IMG = re.compile(r"<img\b[^>]*>")
FIGURE = re.compile(r"<figure\b.*?</figure>", re.DOTALL)

# Long names of code, and any in a table, break first where their parts meet.
PARTS = re.compile(r'<td\b.*?</td>|<span class="pre">[^<]{25,}</span>', re.DOTALL)
PRE = re.compile(r'(?<=<span class="pre">)[^<]+')
SEAM = re.compile(r"(?<=\w)[._/](?=\w)")

# What screen readers and validators find fault with in the pages that Sphinx writes.
HIDDEN = ' aria-label="Toggle hidden content"'  # would hide the visible words
OPENED = re.compile(r'<p class="[^"]*\bexpanded\b[^"]*">.*?</p>', re.DOTALL)
REPAIRS = [
    (re.compile(r'<th class="head[^"]*">(<p></p>)?</th>'), "<td></td>"),
    (re.compile(r'<th class="head'), '<th scope="col" class="head'),
    (re.compile(r' role="(doc-biblioentry|list)"'), ""),
    (re.compile(r"<p>(<[uo]l\b.*?</[uo]l>)\s*</p>", re.DOTALL), r"\1"),  # what a function returns
    # Lines of a signature end between its parts: after the bracket, after a comma.
    (
        re.compile(r'(<span class="sig-name.*?</span></span><span class="sig-paren">\(</span>)'),
        r'<span class="sig-head">\1</span>',
    ),
    (
        re.compile(r'(<em class="sig-param">(?:(?!</em>).)*</em>(?:,|(?=<span class="sig-p)))'),
        r'<span class="sig-item">\1</span>',
    ),
    (re.compile(r"<summary\b.*?</summary>", re.DOTALL), lambda found: _summary(found[0])),
]


def _summary(tag):
    """The line that opens something hidden: the same words before and after."""
    return re.sub(r"(</?)p\b", r"\1span", OPENED.sub("", tag.replace(HIDDEN, "")))


# Images


def lighten_body(app, pagename, templatename, context, doctree):
    """Frames of explorers become files, figures smaller files of known size that load when near."""
    body = context.get("body")
    if not body or app.builder.format != "html":
        return
    folder = Path(app.outdir, app.builder.imagedir)
    folder.mkdir(parents=True, exist_ok=True)
    address = context["pathto"](app.builder.imagedir, 1)

    def frame(found):
        content = base64.b64decode(found[2])
        return f"{address}/{_store(folder, content, found[1])}"

    sources = {name: Path(app.srcdir, path) for path, name in app.builder.images.items()}
    count = 0

    def figure(found):
        nonlocal count
        count += 1
        return _img(found[0], folder, address, sources, first=count == 1)

    body = IMG.sub(figure, DATA_URI.sub(frame, body))
    body = FIGURE.sub(_with_link_to_image, body)
    for pattern, replacement in REPAIRS:
        body = pattern.sub(replacement, body)
    body = PARTS.sub(_with_seams, body)
    context["body"] = body


def _with_seams(found):
    """The code with places where a line may end."""
    return PRE.sub(lambda name: SEAM.sub(r"\g<0><wbr/>", name[0]), found[0])


def _store(folder, content, kind):
    """Name of a file with this content."""
    name = f"{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
    path = folder / name
    if not path.exists():
        path.write_bytes(content)
    return name


def _img(tag, folder, address, sources, *, first):
    """The tag of an image with its size; drawings without loss as WebP."""
    src = html.unescape(re.search(r'src="([^"]*)"', tag)[1])
    if not src.startswith(f"{address}/"):
        return tag
    name = src.removeprefix(f"{address}/")
    path = sources.get(name, folder / name)
    if path.suffix not in {".png", ".webp"}:
        return tag
    with Image.open(path) as image:
        width, height = image.size
        if path.suffix == ".png":
            small = _store(folder, _webp(path), "webp")
            tag = tag.replace(f"{address}/{name}", f"{address}/{small}")
    attributes = ' decoding="async"' if first else ' decoding="async" loading="lazy"'
    if " width=" not in tag:
        attributes += f' width="{width}" height="{height}"'
    if width > FINE_PRINT and " class=" not in tag:
        attributes += ' class="fine-print"'
    return tag.replace("<img", f"<img{attributes}", 1)


def _webp(path):
    """Content of the image without loss in a smaller file; made once for each content."""
    with Image.open(path) as image:
        mode = (
            "RGBA" if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info else "RGB"
        )
        picture = image.convert(mode)
    if mode == "RGBA" and picture.getextrema()[3] == (255, 255):
        picture = picture.convert("RGB")
    content = io.BytesIO()
    picture.save(content, "webp", lossless=True, method=2)
    return content.getvalue()


def _with_link_to_image(found):
    """The figure, with a link in its caption to the image alone: small screens need it.

    One with fine print stands in a link, as images of a given width do: there it can scroll.
    """
    figure = found[0]
    sources = re.findall(r'<img\b[^>]*?\bsrc="([^"]*)"', figure)
    number = re.search(r'caption-number">([^<]*)<', figure)
    if len(sources) != 1 or not number or "</figcaption>" not in figure:
        return figure
    if "fine-print" in figure and "image-reference" not in figure:
        image = IMG.search(figure)[0]
        figure = figure.replace(
            image, f'<a class="image-reference" href="{sources[0]}">{image}</a>'
        )
    link = f'<a class="full-size" href="{sources[0]}">Full size of {number[1].strip()}</a>'
    return figure.replace("</figcaption>", f"{link}</figcaption>")


# Scripts and styles


def defer_scripts(app, pagename, templatename, context, doctree):
    """Let no script hold up the page, and leave out what the page has no use for."""
    body = context.get("body", "")
    needed = {
        "design-tabs": "sd-tab",
        "living.js": 'class="living"',
        "scroll.js": 'display="true"',
        "tables.js": 'class="comparison"',
    }
    kept, inline = [], set()
    for script in context["script_files"]:
        name, code = str(script.filename or ""), script.attributes.get("body", "")
        if "thebe" in name + code or (not name and "DOCUMENTATION_OPTIONS" in code):
            continue  # no live kernel; no script asks which page this is
        if any(file in name and mark not in body for file, mark in needed.items()):
            continue
        if code in inline:
            continue
        if templatename in ON_LOAD:  # what stands on the page needs these at once
            script.attributes.pop("defer", None)
        elif name:
            script.attributes["defer"] = "defer"
        if code:
            inline.add(code)
        kept.append(script)
    context["script_files"] = kept


def write_styles(app, exception):
    """Join all style sheets into one and make a font of the icons that any page shows."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    for folder in app.config.html_static_path:  # Sphinx copies them only when a page has changed
        if not Path(folder).is_absolute():  # ours, not an extension's
            shutil.copytree(Path(app.srcdir, folder), static, dirs_exist_ok=True)
    names = [*THEME_STYLES, *(str(sheet.filename) for sheet in app.builder._css_files)]
    names = dict.fromkeys(name.removeprefix("_static/") for name in names if "thebe" not in name)
    sheets = [static / name for name in names]
    text = "\n".join(_style(sheet, static) for sheet in sheets)

    shown = set()
    for path in (*Path(app.outdir).rglob("*.html"), *static.rglob("*.js")):
        if path.name != "fontawesome.js":
            shown |= set(re.findall(r"\bfa-[a-z0-9-]+", path.read_text(encoding="utf-8")))
    characters = set(re.findall(r'--pst-icon-[\w-]+:\s*"([^"]*)"', text))

    def icon(found):
        if not shown & set(re.findall(r"\.(fa-[\w-]+)", found[1])):
            return ""
        characters.add(found[2])
        return found[0]

    text = _in_use(ICON_RULE.sub(icon, text), _names(app.outdir))
    fonts = static / "fonts" / "icons"
    source = (
        Path(pydata_sphinx_theme.__file__).with_name("theme") / "pydata_sphinx_theme" / "static"
    )
    source = source / "vendor" / "fontawesome" / "webfonts"
    for name in ICON_FONTS:
        _subset(source / f"{name}.ttf", fonts / f"{name}.woff", {_character(c) for c in characters})
    (static / "site.css").write_text(text, encoding="utf-8")
    for name in UNUSED:
        path = static / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in static.rglob("*.map"):
        path.unlink()


def _names(outdir):
    """Classes and ids of all pages, and every word of a script, which may give some later."""
    names = set()
    for path in Path(outdir).rglob("*.html"):
        for value in re.findall(r'\b(?:class|id)="([^"]*)"', path.read_text(encoding="utf-8")):
            names |= set(html.unescape(value).split())
    for path in Path(outdir, "_static").rglob("*.js"):
        names |= set(re.findall(r"[\w-]+", path.read_text(encoding="utf-8")))
    return names


def _in_use(text, names):
    """Rules of a style sheet whose classes and ids some page has; the theme brings many more."""
    kept = []
    for rule in tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule":
            if not any(_may_match(selector, names) for selector in _selectors(rule.prelude)):
                continue
        elif rule.type == "at-rule" and rule.lower_at_keyword in {"media", "supports"}:
            inside = _in_use(tinycss2.serialize(rule.content), names)
            if inside:
                prelude = tinycss2.serialize(rule.prelude)
                kept.append(f"@{rule.at_keyword}{prelude}{{\n{inside}\n}}")
            continue
        kept.append(rule.serialize())
    return "\n".join(kept)


def _selectors(prelude):
    """The selectors of a list, as lists of tokens."""
    found = [[]]
    for token in prelude:
        if token == ",":
            found.append([])
        else:
            found[-1].append(token)
    return found


def _may_match(selector, names):
    """Whether every class and id that a selector asks for is a known name."""
    for before, token in zip([None, *selector], selector, strict=False):
        asked = token.value if token.type == "ident" and before == "." else None
        if token.type == "hash":
            asked = token.value
        if asked is not None and asked not in names:
            return False
        if token.type == "function" and token.lower_name in {"is", "where"}:
            inside = _selectors(token.arguments)
            if not any(_may_match(part, names) for part in inside):
                return False
    return True


def _style(path, static):
    """A style sheet without comments, its addresses seen from `_static`."""
    text = path.read_text(encoding="utf-8")
    if path.parent != static:
        text = re.sub(
            r"url\(\.\./vendor/fontawesome/webfonts/([\w-]+)\.woff2\)[^}]*",
            r'url(fonts/icons/\1.woff) format("woff")',
            text,
        )
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", text).strip()


def _character(text):
    r"""Character of a CSS string that is the character itself or its escape, as in "\f0c9"."""
    return chr(int(text[1:], 16)) if text.startswith("\\") else text


def _subset(source, target, characters):
    """Write a font with these characters alone; its names keep author and licence."""
    font = TTFont(source)
    options = subset.Options(layout_features=[], name_IDs=["*"], notdef_outline=True)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=map(ord, characters))
    cutter.subset(font)
    font.flavor = "woff"
    target.parent.mkdir(parents=True, exist_ok=True)
    font.save(target)


def setup(app):
    """Connect the functions above to the build."""
    app.connect("html-page-context", defer_scripts, priority=900)
    app.connect("html-page-context", lighten_body, priority=900)
    app.connect("build-finished", write_styles, priority=900)  # after the theme has written its own
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
