"""The tool that executes chapters: the same bytes each time, whole or not at all."""

import subprocess
import sys
import time
from pathlib import Path

import execute
import fingerprint
import nbformat
import pytest

SOURCE = """
import sys, time
from IPython.display import HTML, display

print("one"); sys.stdout.flush(); time.sleep(0.01); print("two")
display(HTML("<b>three</b>"))
"""


FILES = {
    "noiseprune/__init__.py": "",
    "noiseprune/rule.py": '"""The rule."""\nfrom .sums import total\nK = f"{total}" + "#"\n',
    "noiseprune/sums.py": "def total():\n    from noiseprune import late\n    return late.x\n",
    "noiseprune/late.py": "x = 1\n",
    "noiseprune/other.py": "y = 1\n",
    "replication/figure.py": "from noiseprune import other\n",
    "replication/scorecard.py": "used = dict(costs=1)\n",
    "replication/reader.py": "from replication.result import load\nload('theorem')\n",
    "replication/result.py": "def load(name): ...\nnot_read = 'other'\n",
    "replication/found/__init__.py": "import importlib as i\ni.import_module(__name__ + '.one')\n",
    "replication/found/one.py": "z = 1\n",
    "results/spectrum_lab.json": "{}",
    "results/theorem.json": "{}",
    "results/costs.json": "{}",
    "results/other.json": "{}",
    "results/data/worm/edges.csv": "1,2\n",
}


@pytest.fixture
def project(tmp_path):
    """A folder with packages, results and a chapter of three cells."""
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "book").mkdir()
    chapter(tmp_path, SOURCE, "name = 'spectrum_lab'")
    return tmp_path


def chapter(root, *sources):
    cells = [nbformat.v4.new_markdown_cell("# A chapter")]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "book" / "chapter.ipynb")
    return root / "book" / "chapter.ipynb"


def test_two_executions_give_the_same_notebook(project):
    path = project / "book" / "chapter.ipynb"
    first, stored = execute.execute(path), path.read_bytes()
    assert execute.execute(path) | {"seconds": 0} == first | {"seconds": 0}
    assert path.read_bytes() == stored
    fresh = chapter(project, SOURCE, "name = 'spectrum_lab'")  # new random cell ids
    execute.execute(fresh)
    assert path.read_bytes() == stored


def test_outputs_are_joined_and_numbered_and_nothing_else_is_left(project):
    path = project / "book" / "chapter.ipynb"
    execution = execute.execute(path)
    stored = nbformat.read(path, 4)
    first, second = execute.code_cells(stored)
    assert (first.execution_count, second.execution_count) == (1, 2)
    assert [o.output_type for o in first.outputs] == ["stream", "display_data"]
    assert first.outputs[0].text == "one\ntwo\n"
    assert set(stored.metadata) == {"kernelspec", "language_info"}
    assert set(execution) == {"executed", "seconds", "versions", "inputs", "outputs"}
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
        execute.execute(path)
    assert "RuntimeError: no luck" in str(info.value)
    assert "\x1b" not in str(info.value)
    assert path.read_bytes() == before
    assert list((project / "book").iterdir()) == [path]


@pytest.mark.parametrize("failures", [1, 2])
def test_a_kernel_that_does_not_start_is_started_once_more(project, monkeypatch, failures):
    run, left = execute.NotebookClient.execute, [RuntimeError("Kernel died")] * failures

    def start(client, **options):
        if left:
            raise left.pop()
        return run(client, **options)

    monkeypatch.setattr(execute.NotebookClient, "execute", start)
    path = chapter(project, "x = 1")
    if failures == 1:
        assert execute.execute(path)["outputs"]
    else:
        with pytest.raises(execute.ExecutionError, match="Kernel died"):
            execute.execute(path)


def test_an_error_reported_by_a_display_is_a_failure_too(project):
    path = chapter(
        project,
        "class Broken:\n    def _repr_html_(self):\n        raise ValueError('odd')\nBroken()",
    )
    with pytest.raises(execute.ExecutionError, match="odd"):
        execute.execute(path)


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
        execute.execute(path)
    assert path.read_text().endswith(" ")


def test_command_line_records_what_it_executed(project, capsys):
    path = project / "book" / "chapter.ipynb"
    execute.record(path.with_stem("gone"), {"seconds": 1})
    assert execute.is_stale(path)
    assert execute.main([str(path)]) == 0
    assert not execute.is_stale(path)
    assert list(execute.executions(project)) == ["chapter"]


def test_modules_elsewhere_on_a_users_path_do_not_reach_a_chapter(project, monkeypatch):
    (project / "numpy.py").write_text("raise RuntimeError('not NumPy')\n")
    monkeypatch.setenv("PYTHONPATH", str(project))
    execute.execute(chapter(project, "import numpy\nnumpy.ones(1)"))


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for processes in /proc")
def test_nothing_runs_on_when_the_command_is_killed(project):
    mark = project / "pid"
    path = chapter(
        project,
        f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(99)",
    )
    command = subprocess.Popen([sys.executable, execute.__file__, path], start_new_session=True)
    try:
        wait(lambda: mark.exists() and mark.read_text())
    finally:
        command.kill()
        command.wait()
    pids = [path.name for path in Path("/proc").glob("[0-9]*") if "chapter.ipynb" in cmdline(path)]
    wait(lambda: not any(running(pid) for pid in [*pids, mark.read_text()]))


def cmdline(path):
    try:
        return (path / "cmdline").read_text()
    except OSError:
        return ""


def running(pid):
    try:
        return (Path("/proc") / pid / "stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


def wait(ready, seconds=60):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.1)


def executed(root, *sources):
    """A chapter with outputs, as if it had been executed."""
    path = chapter(root, *sources)
    notebook = execute.read(path)
    for count, cell in enumerate(execute.code_cells(notebook), start=1):
        cell.execution_count = count
        cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": "aaaa"})]
    execute.write(notebook, path)
    hashes = {
        "inputs": fingerprint.inputs(notebook, root),
        "outputs": fingerprint.outputs(notebook),
    }
    execute.record(path, hashes)
    return path


def test_a_chapter_is_stale_when_its_cells_or_outputs_were_edited(project):
    def edit(change):
        path = executed(project, "print('one line')")
        notebook = execute.read(path)
        change(*notebook.cells)
        execute.write(notebook, path)
        return execute.is_stale(path)

    assert not edit(lambda text, code: None)
    assert not edit(lambda text, code: text.update(source="# Another title"))
    assert edit(lambda text, code: code.update(source="print('another line')"))
    assert edit(lambda text, code: code.update(execution_count=None))
    assert edit(lambda text, code: code.outputs.clear())
    assert edit(lambda text, code: code.outputs[0].data.update({"image/png": "bbbb"}))


RULE = FILES["noiseprune/rule.py"]
USES = ("import noiseprune.rule as r", "name = 'spectrum_lab'")


@pytest.mark.parametrize(
    ("file", "content", "cells", "stale"),
    [
        ("noiseprune/rule.py", RULE.replace('"#"', '"%"'), USES, True),
        ("noiseprune/rule.py", RULE.replace("{total}", "{total} "), USES, True),
        ("noiseprune/rule.py", RULE.replace("The rule", "What the rule is"), USES, False),
        ("noiseprune/rule.py", RULE.replace("\nK", "  # why\n\nK"), USES, False),
        ("noiseprune/rule.py", RULE.replace("\n", "\r\n"), USES, False),
        ("noiseprune/late.py", "x = 2\n", USES, True),  # imported inside a function
        ("noiseprune/late.py", "x = 2\n", ["from noiseprune.late import x"], True),
        ("noiseprune/late.py", "x = 2\n", ["import noiseprune"], False),
        ("noiseprune/__init__.py", "x = 2\n", USES, True),  # the package of what is imported
        ("noiseprune/other.py", "y = 2\n", USES, False),
        ("noiseprune/other.py", "y = 2\n", ["%time import noiseprune.other"], True),
        ("noiseprune/other.py", "y = 2\n", ["from replication import figure"], True),
        ("noiseprune/other.py", "y = 2\n", ["!python -m noiseprune"], True),
        ("noiseprune/more.py", "", USES, False),
        ("replication/found/one.py", "z = 2\n", ["from replication import found"], True),
        ("results/spectrum_lab.json", "[]", USES, True),
        ("results/other.json", "[]", USES, False),
        ("results/other.json", "[]", ["another = ''"], False),
        ("results/theorem.json", "[]", ["from replication import reader"], True),
        ("results/other.json", "[]", ["from replication import reader"], False),
        ("results/costs.json", "[]", ["from replication import scorecard"], True),
        ("results/costs.json", "[]", ["from replication.scorecard import STORED"], True),
        ("results/costs.json", "[]", ["from replication import result"], False),
        ("results/stray.json", "[]", ["from replication import scorecard"], False),
        ("results/spectrum_lab.txt", "", USES, False),
        ("results/.ipynb_checkpoints/spectrum_lab.json", "", USES, False),
        ("results/data/worm/edges.csv", "2,2\n", ["read('worm')"], True),
        ("results/data/worm/edges.csv", "2,2\n", ["read('data/edges.csv')"], True),
        ("results/data/worm/edges.csv", "2,2\n", ["read('worms')"], False),
        ("results/data/worm/.edges.csv.swp", "", ["read('worm')"], False),
        ("results/data/worm/edges.csv~", "", ["read('worm')"], False),
    ],
)
def test_what_makes_a_chapter_stale(project, file, content, cells, stale):
    path = executed(project, *cells)
    assert not execute.is_stale(path)
    (project / file).parent.mkdir(exist_ok=True)
    (project / file).write_bytes(content.encode())
    assert execute.is_stale(path) is stale


def test_a_module_has_one_hash_on_every_python():
    source = "def f(a, /, *, b: int = 1) -> str:\n"
    source += '    return f"{a!r:>{b}}" f"" "\u00fc" if a else ...'
    assert fingerprint._parsed(source).hash.startswith("62fd0d78")


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
