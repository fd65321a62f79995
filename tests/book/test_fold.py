"""Folding cells from the command line: it changes what is shown, nothing else."""

import execute
import fingerprint
import fold
import nbformat
import pytest


@pytest.fixture
def chapter(tmp_path):
    new = nbformat.v4
    output = new.new_output("stream", text="2\n")
    cells = [
        new.new_markdown_cell("# Sums"),
        new.new_code_cell("import numpy", execution_count=1),
        new.new_code_cell("print(1 + 1)", execution_count=2, outputs=[output]),
    ]
    cells[2].metadata.tags = ["nbval-ignore-output"]
    path = tmp_path / "01_sums.ipynb"
    notebook = new.new_notebook(cells=cells)
    execute.normalise(notebook)
    execute.write(notebook, path)
    return path


def test_cells_are_folded_listed_and_opened_again(chapter, capsys):
    before = chapter.read_text()
    fold.main([str(chapter), "1=Imports and seeds", "2=A sum"])
    lines = ["  1 [Imports and seeds] import numpy", "  2 [A sum] print(1 + 1)"]
    assert capsys.readouterr().out.splitlines() == lines
    first, second = execute.code_cells(execute.read(chapter))
    assert first.metadata == {
        "tags": ["hide-input"],
        "mystnb": {"code_prompt_show": "Imports and seeds"},
    }
    assert second.metadata.tags == ["nbval-ignore-output", "hide-input"]
    fold.main([str(chapter), "--all", "2=A sum"])
    assert execute.code_cells(execute.read(chapter))[1].metadata.tags[-1] == "hide-cell"
    fold.main([str(chapter), "1=", "2="])
    assert chapter.read_text() == before


def test_folding_makes_no_chapter_stale(chapter):
    def hashes():
        notebook = execute.read(chapter)
        return fingerprint.inputs(notebook, execute.ROOT), fingerprint.outputs(notebook)

    before = hashes()
    fold.main([str(chapter), "1=Imports"])
    assert hashes() == before


@pytest.mark.parametrize("entry", ["3=Imports", "0=Imports", "Imports", "1"])
def test_a_cell_that_is_not_there_is_named(chapter, entry, capsys):
    with pytest.raises(SystemExit):
        fold.main([str(chapter), entry])
    assert f"{entry!r} is not NUMBER=SUMMARY with a number from 1 to 2" in capsys.readouterr().err
