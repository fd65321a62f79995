"""Fold cells of a chapter behind a line that says what is in them, or list the cells.

    python book/_tools/fold.py book/08_spectrum.ipynb
    python book/_tools/fold.py book/08_spectrum.ipynb 1="Imports and seeds" 5="Drawing the modes" 7=

lists the code cells; folds cells 1 and 5, and opens cell 7 again. Cells are counted from 1, code
cells alone, as the tests count them. Nothing becomes stale: neither code nor outputs change. The
output of a folded cell stays in sight; `--all` folds it too, for the solution of an exercise.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import execute

TAGS = ("hide-input", "hide-cell")
SUMMARY = "code_prompt_show"


def fold(cell, summary, *, output=False):
    """Fold a cell, in place, behind its summary; an empty summary opens it."""
    tags = [tag for tag in cell.metadata.get("tags", []) if tag not in TAGS]
    mystnb = {k: v for k, v in cell.metadata.get("mystnb", {}).items() if k != SUMMARY}
    if summary:
        tags.append(TAGS[bool(output)])
        mystnb[SUMMARY] = summary
    cell.metadata.update(tags=tags, mystnb=mystnb)


def listing(cells):
    """One line for each cell: its number, its summary where it is folded, how it begins."""
    for number, cell in enumerate(cells, start=1):
        summary = cell.metadata.get("mystnb", {}).get(SUMMARY)
        folded = f"[{summary}] " if summary else ""
        yield f"{number:3d} {folded}{cell.source.splitlines()[0]}"


def main(arguments=None):
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapter", type=Path)
    parser.add_argument("cells", nargs="*", metavar="NUMBER=SUMMARY")
    parser.add_argument("--all", action="store_true", help="fold what the cells print too")
    options = parser.parse_intermixed_args(arguments)
    notebook = execute.read(options.chapter)
    cells = execute.code_cells(notebook)
    for entry in options.cells:
        number, equals, summary = entry.partition("=")
        if not (equals and number.isdigit() and 1 <= int(number) <= len(cells)):
            parser.error(f"{entry!r} is not NUMBER=SUMMARY with a number from 1 to {len(cells)}")
        fold(cells[int(number) - 1], summary.strip(), output=options.all)
    if options.cells:
        execute.normalise(notebook)
        execute.write(notebook, options.chapter)
    print(*listing(cells), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
