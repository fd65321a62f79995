"""Execute chapters and store their outputs: the same numbers give the same bytes.

A chapter is stale when its code cells, what they import of this repository, or the results that
they read differ from what its stored outputs were made with, or when these outputs were edited.
`book/executed.json` holds the hashes of both, with the day, the versions and the seconds of the
execution. Prose can change without executing anything.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import hashlib
import importlib.metadata
import json
import os
import re
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import fingerprint
import nbformat
from fingerprint import code_cells
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from replication.result import write_atomically

ROOT = Path(__file__).resolve().parents[2]
EXECUTED = Path("book", "executed.json")
VERSIONS = ("noiseprune", "numpy", "scipy", "matplotlib")
CELL_TIMEOUT = 1800  # seconds; a chapter should need far less
# A backend makes the figures of a notebook vanish; a path may lead to modules of another project.
KEPT_OUT = ("MPLBACKEND", "PYTHONPATH")
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


def executions(root=ROOT):
    """Day, seconds, versions and hashes of each chapter's execution, by the chapter's name."""
    path = root / EXECUTED
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def record(path, execution):
    """Store what is known of the execution of a chapter; forget the chapters that are gone."""
    root = path.parents[1]
    known = executions(root) | {path.stem: execution}
    present = [path.stem for path in chapters(root)]
    kept = {name: known[name] for name in present if name in known}
    write_atomically(root / EXECUTED, json.dumps(kept, indent=1) + "\n")


def is_stale(path):
    """Whether the stored outputs are not those that today's code and results gave."""
    notebook, root = read(path), path.parents[1]
    stored = executions(root).get(path.stem, {})
    return (
        any(cell.execution_count is None for cell in code_cells(notebook))
        or stored.get("outputs") != fingerprint.outputs(notebook)
        or stored.get("inputs") != fingerprint.inputs(notebook, root)
    )


def normalise(notebook):
    """Drop from a notebook, in place, all that differs between two equal executions."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(KERNEL)
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


def execute(path):
    """Execute one chapter and store it whole, or leave it untouched and raise ExecutionError.

    Gives what `record` stores of the execution.
    """
    before, notebook, root = path.read_bytes(), read(path), path.parents[1]
    key = fingerprint.inputs(notebook, root)
    start = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name not in KEPT_OUT}
    for tries_left in (1, 0):
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
        try:
            client.execute(env=environment)
            break
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise ExecutionError(_failed(notebook, path) or f"{path.name}: {error}") from None
        except RuntimeError as error:  # the kernel did not start: another had just taken its port
            if not tries_left:
                raise ExecutionError(f"{path.name}: {error}") from None
    if message := _failed(notebook, path):  # reported by a display, not by the cell
        raise ExecutionError(message)
    seconds = round(time.perf_counter() - start)
    normalise(notebook)
    if path.read_bytes() != before:
        raise ExecutionError(f"{path.name} was edited while it was executed; execute it again.")
    if fingerprint.inputs(notebook, root) != key:
        raise ExecutionError(f"The package changed while {path.name} was executed; do it again.")
    write(notebook, path)
    return {
        "executed": datetime.date.today().isoformat(),
        "seconds": seconds,
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        "inputs": key,
        "outputs": fingerprint.outputs(notebook),
    }


def tidy(path):
    """Store a notebook in its normal form if an editor left it otherwise; nothing is executed."""
    notebook, found = read(path), path.read_text(encoding="utf-8")
    normalise(notebook)
    if text(notebook) != found:
        write(notebook, path)


def text(notebook):
    """Text of a notebook file."""
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def write(notebook, path):
    """Store a notebook."""
    nbformat.validate(notebook)
    write_atomically(path, text(notebook))


def _failed(notebook, path):
    """Chapter, cell and traceback of the first cell with an error; empty if there is none."""
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                trace = ANSI.sub("", "\n".join(output.traceback))
                number = sum(c.cell_type == "code" for c in notebook.cells[: index + 1])
                return f"{path.name}: code cell {number} (cell {index + 1}) failed:\n{trace}"
    return ""


def _end_with_parent():
    """End a worker, and with it its kernel, when the command that started it is gone."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _try(path):
    """Execute for a worker process: what is to be recorded, or the message of what went wrong."""
    try:
        return execute(path)
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
        for path in paths:
            tidy(path)
        paths = [path for path in paths if is_stale(path)]
    if not paths:
        print("Every chapter's outputs are up to date.")
    if options.list:
        print(*(path.name for path in paths), sep="\n")
        return 0

    failed = 0
    jobs = max(1, options.jobs)
    with ProcessPoolExecutor(max_workers=jobs, initializer=_end_with_parent) as pool:
        for path, outcome in zip(paths, pool.map(_try, paths), strict=True):
            if isinstance(outcome, str):
                failed += 1
                print(outcome, flush=True)
            else:
                record(path, outcome)
                print(f"{path.name}: {outcome['seconds']} s", flush=True)
    if failed:
        print(f"{failed} of {len(paths)} chapters failed; their stored outputs are unchanged.")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
