"""What `make` does around the tools: the right Python, no modules of others, clean starts."""

import os
import shutil
import subprocess
import sys

import pytest
from test_environment import ROOT


@pytest.fixture
def folder(tmp_path):
    """A checkout with the Makefile alone, its environment made up of empty programs."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    program(tmp_path / ".venv" / "bin" / "python", ":")
    for mark in ("synced", "ready"):
        (tmp_path / ".venv" / mark).touch()
    return tmp_path


def program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def make(folder, *arguments, **environment):
    command = [shutil.which("make"), "--no-print-directory", *arguments]
    variables = {**os.environ, **environment}
    for name in ("MAKEFLAGS", "MAKELEVEL"):  # set where make runs the tests
        variables.pop(name, None)
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


def test_an_old_python_is_named_before_anything_is_installed(folder):
    shutil.rmtree(folder / ".venv")
    old = "import sys; sys.version_info = (3, 10, 13); exec(sys.argv[1])"
    program(folder / "python3.10", f"{sys.executable} -c '{old}' \"$2\"")
    done = make(folder, "book", "PYTHON=./python3.10")
    assert done.returncode
    assert done.stdout == ""
    message, *rest = done.stderr.splitlines()
    assert message == "Python 3.11 or newer is needed, this is 3.10: make PYTHON=python3.11"
    assert all(line.startswith("make: ***") for line in rest)
    assert not (folder / ".venv").exists()


def test_pythonpath_does_not_reach_the_tools(folder):
    for tool in ("python", "jupyter-book"):
        program(
            folder / ".venv" / "bin" / tool, f'echo "{tool} sees [$PYTHONPATH]"; mkdir -p _build'
        )
    done = make(folder, "book", PYTHONPATH="/some/where")
    assert done.returncode == 0, done.stderr
    assert "python sees []" in done.stdout
    assert "jupyter-book sees []" in done.stdout


def test_a_build_that_did_not_finish_starts_clean(folder):
    tool, site = folder / ".venv" / "bin" / "jupyter-book", folder / "_build" / "html"
    build = "mkdir -p _build/.doctrees _build/html && ls -A _build/html && touch _build/html/$$"

    def left_by(script):
        """Number of files of earlier builds that a build finds."""
        program(tool, f"{build} && {script}")
        make(folder, "book")
        return len(list(site.iterdir())) - 1

    assert left_by("true") == 0
    assert left_by("true") == 1  # it goes on from the one before
    assert left_by("kill -KILL $$") == 2  # stopped in the middle
    assert left_by("exit 1") == 0  # failed
    assert left_by("true") == 0
    assert left_by("true") == 1
