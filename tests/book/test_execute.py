"""The tool that executes chapters: the same bytes each time, whole or not at all."""

import json

import execute
import nbformat
import pytest

SOURCE = """
import sys, time
from IPython.display import HTML, display

print("one"); sys.stdout.flush(); time.sleep(0.01); print("two")
display(HTML("<b>three</b>"))
"""


@pytest.fixture
def project(tmp_path):
    """A folder with a package, a result and a chapter of three cells."""
    for folder in ("book", "noiseprune", "results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "noiseprune" / "rule.py").write_text("K = 1\n")
    (tmp_path / "results" / "spectrum_lab.json").write_text("{}")
    (tmp_path / "results" / "other.json").write_text("{}")
    chapter(tmp_path, SOURCE, "name = 'spectrum_lab'")
    return tmp_path


def chapter(root, *sources):
    cells = [nbformat.v4.new_markdown_cell("# A chapter")]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "book" / "chapter.ipynb")
    return root / "book" / "chapter.ipynb"


def without_time(path):
    stored = json.loads(path.read_text())
    del stored["metadata"]["noiseprune"]["seconds"], stored["metadata"]["noiseprune"]["executed"]
    return stored


def test_two_executions_give_the_same_notebook(project):
    path = project / "book" / "chapter.ipynb"
    execute.execute(path, project)
    first = without_time(path)
    execute.execute(path, project)
    assert without_time(path) == first
    fresh = chapter(project, SOURCE, "name = 'spectrum_lab'")  # new random cell ids
    execute.execute(fresh, project)
    assert without_time(path) == first


def test_outputs_are_joined_and_numbered_and_nothing_else_is_left(project):
    path = project / "book" / "chapter.ipynb"
    execute.execute(path, project)
    stored = nbformat.read(path, 4)
    first, second = execute.code_cells(stored)
    assert (first.execution_count, second.execution_count) == (1, 2)
    assert [o.output_type for o in first.outputs] == ["stream", "display_data"]
    assert first.outputs[0].text == "one\ntwo\n"
    assert set(stored.metadata) == {"kernelspec", "language_info", "noiseprune"}
    assert set(stored.metadata.noiseprune) == {"hash", "executed", "seconds", "versions"}
    assert all(set(cell.metadata) <= set(execute.CELL_METADATA) for cell in stored.cells)
    assert list((project / "book").iterdir()) == [path]


def test_widget_views_are_left_out():
    output = nbformat.v4.new_output(
        "display_data", {execute.WIDGET_VIEW: {"model_id": "ab12"}, "text/html": "<p>frame</p>"}
    )
    cell = nbformat.v4.new_code_cell("1", outputs=[output], execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    execute.normalise(notebook)
    assert "ab12" not in execute.text(notebook)
    assert "frame" in execute.text(notebook)
    assert "widgets" not in notebook.metadata


def test_a_failing_cell_leaves_the_chapter_as_it_was_and_says_where(project):
    path = chapter(project, "x = 1", "raise RuntimeError('no luck')")
    before = path.read_bytes()
    with pytest.raises(
        execute.ExecutionError, match=r"chapter.ipynb: code cell 2 .cell 3."
    ) as info:
        execute.execute(path, project)
    assert "RuntimeError: no luck" in str(info.value)
    assert "\x1b" not in str(info.value)
    assert path.read_bytes() == before
    assert list((project / "book").iterdir()) == [path]


def test_an_error_reported_by_a_display_is_a_failure_too(project):
    path = chapter(
        project,
        "class Broken:\n    def _repr_html_(self):\n        raise ValueError('odd')\nBroken()",
    )
    with pytest.raises(execute.ExecutionError, match="odd"):
        execute.execute(path, project)


def test_command_line_reports_failures(project, capfd):
    path = chapter(project, "1 / 0")
    assert execute.main([str(path)]) == 1
    printed = capfd.readouterr().out
    assert "ZeroDivisionError" in printed
    assert "1 of 1 chapters failed" in printed


def test_a_chapter_edited_meanwhile_is_not_overwritten(project):
    path = project / "book" / "chapter.ipynb"
    chapter(project, f"open({str(path)!r}, 'a').write(' ')")
    with pytest.raises(execute.ExecutionError, match="edited"):
        execute.execute(path, project)
    assert path.read_text().endswith(" ")


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        (lambda root: None, False),
        (lambda root: (root / "noiseprune" / "rule.py").write_text("K = 2\n"), True),
        (lambda root: (root / "noiseprune" / "rule.py").write_bytes(b"K = 1\r\n"), False),
        (lambda root: (root / "noiseprune" / "more.py").write_text(""), True),
        (lambda root: (root / "results" / "spectrum_lab.json").write_text("{}\n"), True),
        (lambda root: (root / "results" / "other.json").write_text("{}\n"), False),
        (lambda root: edit(root, "markdown", "# Another title"), False),
        (lambda root: edit(root, "code", "print('another line')"), True),
        (lambda root: edit(root, "count", None), True),
    ],
    ids=["nothing", "package", "line ends", "new file", "result", "other", "prose", "code", "bare"],
)
def test_what_makes_a_chapter_stale(project, change, stale):
    path = project / "book" / "chapter.ipynb"
    notebook = execute.read(path)
    for count, cell in enumerate(execute.code_cells(notebook), start=1):
        cell.execution_count = count
    notebook.metadata["noiseprune"] = {"hash": execute.fingerprint(notebook, project)}
    execute.write(notebook, path)
    change(project)
    assert execute.is_stale(execute.read(path), project) is stale


def edit(root, what, value):
    path = root / "book" / "chapter.ipynb"
    notebook = execute.read(path)
    if what == "count":
        notebook.cells[1].execution_count = value
    else:
        notebook.cells[what == "code"].source = value
    execute.write(notebook, path)


def test_tidy_restores_the_normal_form_without_executing(project):
    path = project / "book" / "chapter.ipynb"
    execute.tidy(path)
    normal = path.read_bytes()
    notebook = execute.read(path)
    notebook.cells[1].metadata["editable"] = True
    notebook.cells[1].id = "random-id"
    notebook.metadata["jupytext"] = {"formats": "md"}
    nbformat.write(notebook, path)
    assert path.read_bytes() != normal
    execute.tidy(path)
    assert path.read_bytes() == normal


def test_chapters_of_the_book_are_in_reading_order():
    names = [path.stem for path in execute.chapters()]
    assert names == sorted(names)
