"""Execute chapters and store their outputs: the same numbers give the same bytes.

A chapter is stale when its code cells, the package, or a file of results/ that its code names
differ from what its stored outputs were made with; a hash of these stands in the notebook's
metadata, beside the day, the versions and the seconds of the execution. Prose can change without
executing anything.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import hashlib
import importlib.metadata
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ("noiseprune", "numpy", "scipy", "matplotlib")
CELL_TIMEOUT = 1800  # seconds; a chapter should need far less
CELL_METADATA = ("mystnb", "tags")
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "name": "python", "pygments_lexer": "ipython3"},
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class ExecutionError(Exception):
    """A chapter did not run to its end; the message says where and why."""


def chapters(root=ROOT):
    """Paths of all chapters, in reading order."""
    return sorted((root / "book").glob("*.ipynb"))


def read(path):
    """Notebook of a path, in the current format."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """Code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def fingerprint(notebook, root=ROOT):
    """Hash of everything that the outputs depend on: code, package, results that the code reads.

    Code reads the results that it names, and all of them through the scorecard or `STORED`.
    """
    code = "\0".join(cell.source.rstrip() for cell in code_cells(notebook))
    files = sorted(p for part in ("noiseprune", "replication") for p in (root / part).rglob("*.py"))
    every = "scorecard" in code or "STORED" in code
    files += [p for p in sorted((root / "results").rglob("*.*")) if every or p.stem in code]
    digest = hashlib.sha256(code.encode())
    for path in files:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


def is_stale(notebook, root=ROOT):
    """Whether the stored outputs were made from something else than what is there now."""
    stored = notebook.metadata.get("noiseprune", {}).get("hash")
    return stored != fingerprint(notebook, root) or any(
        cell.execution_count is None for cell in code_cells(notebook)
    )


def normalise(notebook):
    """Drop from a notebook, in place, all that differs between two equal executions."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    block = {k: v for k, v in notebook.metadata.items() if k == "noiseprune"}
    notebook.metadata = nbformat.from_dict({**KERNEL, **block})
    seen = {}
    for cell in notebook.cells:
        cell.source = cell.source.rstrip()
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in CELL_METADATA if cell.metadata.get(key)}
        )
        name = hashlib.sha256(f"{cell.cell_type}\0{cell.source}".encode()).hexdigest()[:8]
        seen[name] = seen.get(name, 0) + 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"
        if cell.cell_type == "code":
            cell.outputs = _normal_outputs(cell.outputs)


def _normal_outputs(outputs):
    """Join neighbouring pieces of one stream; leave out widget views and their random ids."""
    result = []
    for output in outputs:
        data = output.get("data", {})
        data.pop(WIDGET_VIEW, None)
        for kind in ("image/png", "image/jpeg"):
            if kind in data:  # one line, however the kernel wrapped it
                data[kind] = base64.b64encode(base64.b64decode(data[kind])).decode()
        last = result[-1] if result else None
        if output.output_type == "stream" and last and last.get("name") == output.name:
            last.text += output.text
        else:
            result.append(output)
    return result


def execute(path, root=ROOT):
    """Execute one chapter and store it whole, or leave it untouched and raise ExecutionError."""
    path = Path(path)
    before = path.read_bytes()
    notebook = read(path)
    key = fingerprint(notebook, root)
    start = time.perf_counter()
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        startup_timeout=300,  # seconds, for a busy machine
        extra_arguments=["--log-level=40"],  # errors only: no advice on transport encryption
        resources={"metadata": {"path": str(path.parent)}},
    )
    # A backend named in the environment makes the figures of a notebook vanish.
    environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
    try:
        client.execute(env=environment)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise ExecutionError(_failed(notebook, path) or f"{path.name}: {error}") from None
    if message := _failed(notebook, path):  # reported by a display, not by the cell
        raise ExecutionError(message)
    notebook.metadata["noiseprune"] = {
        "hash": key,
        "executed": datetime.date.today().isoformat(),
        "seconds": round(time.perf_counter() - start),
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
    }
    normalise(notebook)
    if path.read_bytes() != before:
        raise ExecutionError(f"{path.name} was edited while it was executed; execute it again.")
    if fingerprint(notebook, root) != key:
        raise ExecutionError(f"The package changed while {path.name} was executed; do it again.")
    write(notebook, path)
    return notebook


def tidy(path):
    """Store a notebook in its normal form if an editor left it otherwise; nothing is executed."""
    notebook, found = read(path), path.read_text(encoding="utf-8")
    normalise(notebook)
    if text(notebook) != found:
        write(notebook, path)
    return notebook


def text(notebook):
    """Text of a notebook file."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def write(notebook, path):
    """Store a notebook in one step: a reader finds the old file or the new one."""
    nbformat.validate(notebook)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text(notebook))
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _failed(notebook, path):
    """Chapter, cell and traceback of the first cell with an error; empty if there is none."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                trace = ANSI.sub("", "\n".join(output.traceback))
                number = sum(c.cell_type == "code" for c in notebook.cells[: index + 1])
                return f"{path.name}: code cell {number} (cell {index + 1}) failed:\n{trace}"
    return ""


def _try(path):
    """Execute for a worker process: the seconds it took, or the message of what went wrong."""
    try:
        return execute(path).metadata.noiseprune.seconds
    except ExecutionError as error:
        return str(error)


def main(arguments=None):
    """Command line; the number of chapters that failed is reported, the exit status is 0 or 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*", type=Path, help="notebooks (default: all)")
    parser.add_argument("--stale", action="store_true", help="only those that need it")
    parser.add_argument("--list", action="store_true", help="say which, execute nothing")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="notebooks at a time")
    options = parser.parse_args(arguments)

    paths = [path.resolve() for path in options.chapters] or chapters()
    if options.stale:
        paths = [path for path in paths if is_stale(tidy(path))]
    if not paths:
        print("Every chapter's outputs are up to date.")
    if options.list:
        print(*(path.name for path in paths), sep="\n")
        return 0

    failed = 0
    with ProcessPoolExecutor(max_workers=max(1, options.jobs)) as pool:
        for path, outcome in zip(paths, pool.map(_try, paths), strict=True):
            failed += isinstance(outcome, str)
            print(outcome if isinstance(outcome, str) else f"{path.name}: {outcome} s", flush=True)
    if failed:
        print(f"{failed} of {len(paths)} chapters failed; their stored outputs are unchanged.")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
