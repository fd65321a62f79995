"""The stored outputs of the chapters: there, up to date, whole, and readable without seeing.

nbval compares numbers, but passes a notebook without outputs and a figure without data. What it
does not see is looked for here; the second half takes notebooks apart to show that it is found.
"""

import base64
import copy
import io
import json
import math
import re

import execute
import fingerprint
import fold
import lxml.html
import nbformat
import numpy as np
import pytest
import yaml
from PIL import Image

CHAPTERS = execute.chapters()
FOLDING = {"hide-input", "hide-cell"}  # the second for solutions: it folds what is printed too
SUMMARY_LENGTH = 8  # words
UNWANTED = {
    "a machine path": re.compile(r"(?<![\w.])(/(home|root|tmp|work|Users|var|usr)/|[A-Z]:\\)"),
    "a memory address": re.compile(r" at 0x[0-9a-f]{6,}"),
    "a warning": re.compile(r"\w*Warning\b"),
    "a list of artists": re.compile(r"\[<matplotlib|^(Text|\(?array)\(", re.MULTILINE),
}
PAGE_WEIGHT = 1_000_000  # bytes of frames
LINE_LENGTH = 92  # characters beside both sidebars of a screen 1,280 pixels wide


def problems(notebook):
    """Everything that is wrong with the stored notebook, as sentences."""
    found = []
    if "widgets" in notebook.metadata:
        found.append("the notebook holds widget state")
    cells = execute.code_cells(notebook)
    if not cells:
        found.append("the chapter computes nothing")
    for number, cell in enumerate(cells, start=1):
        found += [f"code cell {number}: {what}" for what in _cell_problems(cell, number)]
    weight = sum(len(html) for cell in cells for html in _explorers(cell))
    if weight > PAGE_WEIGHT:
        found.append(f"the frames of the explorers weigh {weight} bytes")
    return found


def _cell_problems(cell, number):
    tags = set(cell.metadata.get("tags", []))
    explorers = _explorers(cell)
    if not cell.source.strip():
        yield "it is empty"
    if cell.execution_count != number:
        yield f"its execution count is {cell.execution_count}"
    if removed := {t for t in tags - FOLDING if re.match("(remove|hide)[-_]", t)}:
        yield f"it has {', '.join(sorted(removed))}: fold it (`book/_tools/fold.py`), nothing goes"
    summary = cell.metadata.get("mystnb", {}).get("code_prompt_show", "")
    if tags & FOLDING and not 1 <= len(summary.split()) <= SUMMARY_LENGTH:
        yield f"it is folded; a summary of up to {SUMMARY_LENGTH} words says what is in it"
    if "nbval-skip" in tags or ("nbval-ignore-output" in tags and not explorers):
        yield "its outputs are not compared"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"it raised {output.ename}"
        if output.get("name") == "stderr":
            yield f"it wrote to stderr: {output.text[:80]!r}"
        data = output.get("data", {})
        text = output.get("text", "") + data.get("text/plain", "") + data.get("text/html", "")
        for what, pattern in UNWANTED.items():
            if pattern.search(text):
                yield f"its output holds {what}: {pattern.search(text)[0]!r}"
        if execute.WIDGET_VIEW in data:
            yield "it holds a live widget"
        shown = output.get("text", "") or ("" if len(data) > 1 else data.get("text/plain", ""))
        longest = max(map(len, shown.splitlines()), default=0)
        if longest > LINE_LENGTH:
            yield f"it prints a line of {longest} characters; more than {LINE_LENGTH} do not fit"
    yield from _figure_problems(cell)
    if re.search(r"\bexplore\(", cell.source) and len(explorers) != 1:
        yield f"it holds {len(explorers)} explorers"
    for html in explorers:
        yield from _explorer_problems(html)


def _figure_problems(cell):
    images = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
    mystnb = cell.metadata.get("mystnb", {})
    figure, alt = mystnb.get("figure"), mystnb.get("image", {}).get("alt", "")
    if figure and len(images) != 1:
        yield f"it should draw one figure and holds {len(images)}"
    if images and not (figure and figure.get("caption") and figure.get("name")):
        yield "its figure has no caption or no name"
    if images and (len(alt) < 20 or re.match(r"(?i)an? (plot|figure|image|graph) of", alt)):
        yield f"its figure has no alt text that says what is seen: {alt!r}"
    for png in images:
        yield from _image_problems(base64.b64decode(png), 300, 150)


def _image_problems(content, width, height):
    try:
        image = Image.open(io.BytesIO(content)).convert("RGBA")
    except OSError:
        yield "its figure cannot be decoded"
        return
    if image.width < width or image.height < height:
        yield f"its figure has only {image.width} x {image.height} pixels"
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image)
    if np.asarray(page.convert("L"), dtype=float).std() < 2:
        yield "its figure is blank"


def _explorers(cell):
    html = [o.get("data", {}).get("text/html", "") for o in cell.outputs]
    return [text for text in html if 'class="explorer"' in text]


def _explorer_problems(html):
    tree = lxml.html.fromstring(html)
    try:
        data = json.loads(tree.find("script").text)
        controls, frames = data["controls"], data["frames"]
    except (AttributeError, TypeError, ValueError, KeyError):
        yield "its explorer has no frames"
        return
    if len(frames) != math.prod(len(control["options"]) for control in controls):
        yield f"its explorer has {len(frames)} frames, not one for each combination"
    if not all(control["label"] for control in controls):
        yield "its explorer has a control without a label"
    texts = [frame["text"].strip() for frame in frames]
    if len(set(texts)) != len(texts) or not all(texts):
        yield "its explorer has frames with the same text, or without"
    image = tree.find("img")
    if image is None or (image.get("src"), image.get("alt")) not in [
        (frame["src"], frame["text"]) for frame in frames
    ]:
        yield "its explorer shows no frame without script"
    for frame in frames:
        yield from _image_problems(base64.b64decode(frame["src"].split(",")[-1]), 300, 150)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_is_whole(path):
    assert problems(execute.read(path)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_is_up_to_date(path):
    assert not execute.is_stale(path), "`make book` executes it again"


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_outputs_are_those_of_the_execution(path):
    stored = execute.executions()[path.stem]["outputs"]
    assert fingerprint.outputs(execute.read(path)) == stored, "`make book` executes it again"


def test_every_execution_is_that_of_a_chapter():
    assert list(execute.executions()) == [path.stem for path in CHAPTERS]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_is_stored_in_normal_form(path):
    notebook = execute.read(path)
    execute.normalise(notebook)
    assert execute.text(notebook) == path.read_text(encoding="utf-8"), (
        "`python book/_tools/execute.py --stale` puts it right"
    )


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_begins_with_its_title_and_a_plain_description(path):
    first = execute.read(path).cells[0]
    assert first.cell_type == "markdown"
    title, description = re.sub(r"(?m)^\([\w-]+\)=\n", "", first.source).split("\n\n")[:2]
    assert re.fullmatch(r"# .+", title)
    assert re.match(r"[A-Z\"“]", description), "the first paragraph describes the page"
    assert not re.search(r"\$|\{\w+(:\w+)?\}`", description[:160]), "no formula, no reference"


def test_names_of_figures_are_unique():
    names = [
        cell.metadata["mystnb"]["figure"]["name"]
        for path in CHAPTERS
        for cell in execute.code_cells(execute.read(path))
        if "figure" in cell.metadata.get("mystnb", {})
    ]
    assert len(set(names)) == len(names)


def test_code_names_parts_of_the_book_that_exist():
    """Book, "A heading", "another": in docstrings and comments."""
    cells = [cell for path in execute.chapters() for cell in execute.read(path).cells]
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    headings = set(re.findall(r"^#+ (.*?)\s*$", text, re.MULTILINE))
    named = {
        (path.name, title)
        for folder in ("noiseprune", "replication")
        for path in (execute.ROOT / folder).rglob("*.py")
        for found in re.findall(
            r'[Bb]ook,((?:\s+(?:and )?"[^"]+"[,;]?)+)', path.read_text(encoding="utf-8")
        )
        for title in re.findall(r'"([^"]+)"', found)
    }
    assert len(named) > 50
    assert not [where for where in named if " ".join(where[1].split()) not in headings]


def test_every_chapter_is_in_the_table_of_contents():
    toc = yaml.safe_load((execute.ROOT / "_toc.yml").read_text())
    files = [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]
    listed = {file.removeprefix("book/") for file in files}
    assert {path.stem for path in CHAPTERS} <= listed


# The guards themselves, on notebooks taken apart.


@pytest.fixture(scope="module")
def whole():
    """A notebook without problems: text, a figure and an explorer."""
    from matplotlib.figure import Figure

    from replication.explore import explore

    def draw(keep):
        figure = Figure(figsize=(6, 4))
        figure.subplots().plot([0, 1], [0, keep])
        return figure, f"A line that rises to {keep}."

    png = io.BytesIO()
    draw(1)[0].savefig(png, format="png")
    shown = explore(draw, keep=[1, 2])._repr_mimebundle_()["text/html"]
    new = nbformat.v4
    cells = [
        new.new_code_cell("print(1)", outputs=[new.new_output("stream", text="1\n")]),
        new.new_code_cell(
            "figure = draw()",
            metadata={
                "mystnb": {
                    "figure": {"caption": "A line.", "name": "fig-line"},
                    "image": {"alt": "A straight line that rises to the right."},
                }
            },
            outputs=[
                new.new_output(
                    "display_data", {"image/png": base64.b64encode(png.getvalue()).decode()}
                )
            ],
        ),
        new.new_code_cell(
            "explore(draw, keep=[1, 2])",
            metadata={"tags": ["nbval-ignore-output"]},
            outputs=[new.new_output("execute_result", {"text/html": shown}, execution_count=3)],
        ),
    ]
    for number, cell in enumerate(cells, start=1):
        cell.execution_count = number
    return new.new_notebook(cells=cells)


def test_guards_pass_a_whole_notebook(whole):
    assert problems(whole) == []


def test_guards_pass_a_folded_cell(whole):
    notebook = copy.deepcopy(whole)
    fold.fold(notebook.cells[1], "Drawing the line")
    assert problems(notebook) == []


def stripped(notebook):
    for cell in notebook.cells:
        cell.outputs, cell.execution_count = [], None


def blank(notebook):
    png = io.BytesIO()
    Image.new("RGB", (600, 400), "white").save(png, format="png")
    notebook.cells[1].outputs[0].data["image/png"] = base64.b64encode(png.getvalue()).decode()


def frames(change):
    def doctor(notebook):
        data = notebook.cells[2].outputs[0].data
        before, content, after = re.split(
            r"(?<=json\">)(.*)(?=</script>)", data["text/html"], flags=re.DOTALL
        )
        content = json.loads(content)
        change(content["frames"])
        data["text/html"] = before + json.dumps(content) + after

    return doctor


@pytest.mark.parametrize(
    ("doctor", "message"),
    [
        (stripped, "code cell 1: its execution count is None"),
        (stripped, "code cell 2: it should draw one figure and holds 0"),
        (stripped, "code cell 3: it holds 0 explorers"),
        (lambda n: n.cells.clear(), "computes nothing"),
        (lambda n: n.cells[1].outputs[0].data.clear(), "one figure and holds 0"),
        (lambda n: n.cells[1].outputs[0].data.update({"image/png": "aGVsbG8="}), "be decoded"),
        (blank, "its figure is blank"),
        (lambda n: n.cells[1].metadata.mystnb.image.update(alt="A plot of a line."), "alt text"),
        (lambda n: n.cells[1].metadata.mystnb.pop("image"), "alt text"),
        (lambda n: n.cells[1].metadata.mystnb.figure.update(caption=""), "no caption"),
        (lambda n: n.cells[1].metadata.clear(), "no caption"),
        (lambda n: n.cells[0].outputs[0].update(name="stderr"), "wrote to stderr"),
        (lambda n: n.cells[0].outputs[0].update(text="saved /tmp/x.npz"), "machine path"),
        (lambda n: n.cells[0].outputs[0].update(text="UserWarning: no"), "a warning"),
        (lambda n: n.cells[0].outputs[0].update(text="<f at 0x7f00aa11>"), "memory address"),
        (lambda n: n.cells[0].outputs[0].update(text="1\n" + "1" * 93), "a line of 93 characters"),
        (
            lambda n: n.cells[0].outputs.append(
                nbformat.v4.new_output("error", ename="KeyError", evalue="", traceback=[])
            ),
            "it raised KeyError",
        ),
        (lambda n: n.cells[0].update(metadata={"tags": ["remove-input"]}), "has remove-input"),
        (lambda n: n.cells[0].update(metadata={"tags": ["hide_output"]}), "has hide_output"),
        (lambda n: n.cells[0].update(metadata={"tags": ["hide-input"]}), "it is folded; a summary"),
        (lambda n: fold.fold(n.cells[0], " ".join("abcdefghi")), "it is folded; a summary"),
        (lambda n: n.cells[0].update(metadata={"tags": ["nbval-ignore-output"]}), "not compared"),
        (lambda n: n.cells[0].update(source=" "), "it is empty"),
        (lambda n: n.metadata.update(widgets={}), "widget state"),
        (frames(lambda f: f.pop()), "1 frames, not one for each"),
        (frames(lambda f: f[0].update(text=f[1]["text"])), "the same text"),
        (frames(lambda f: f[1].update(src="data:,AAAA")), "be decoded"),
        (frames(lambda f: f[0].update(src=f[1]["src"])), "no frame without script"),
    ],
)
def test_guards_find_what_is_broken(whole, doctor, message):
    notebook = copy.deepcopy(whole)
    doctor(notebook)
    assert any(message in problem for problem in problems(notebook)), problems(notebook)
