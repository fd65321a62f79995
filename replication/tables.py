"""Tables that pages show as HTML and terminals as text: fixed digits, what is compared first."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from numbers import Integral


@dataclass(frozen=True)
class Table:
    """A table whose cells are text already; a notebook shows it by `_repr_html_`.

    Attributes
    ----------
    columns : tuple of str
        Headings; the first column holds the names of the rows.
    rows : tuple of tuple of str
        The cells.
    caption : str
        Says what is compared, and under which settings.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str

    def _repr_html_(self):
        heads = "".join(
            f'<th scope="col">{_unbroken(name)}</th>' if name else "<td></td>"
            for name in self.columns
        )
        body = "\n".join(
            f'<tr><th scope="row">{_unbroken(name)}</th>'
            + "".join(f"<td>{_unbroken(cell)}</td>" for cell in cells)
            + "</tr>"
            for name, *cells in self.rows
        )
        return (
            f'<table class="comparison">\n<caption>{_unbroken(self.caption)}</caption>\n'
            f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
        )

    def __repr__(self):
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = (
            "  ".join([cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])])
            for cells in lines
        )
        return "\n".join([self.caption, *(line.rstrip() for line in aligned)])


def table(rows, columns, caption):
    """Table of the same text on every machine.

    Parameters
    ----------
    rows : iterable of iterables
        One cell for each column; the first names the row. A cell is text, a whole number, or None
        where there is nothing to show. Other numbers come as text, so that their digits are fixed.
    columns : iterable of str
        Headings: what names the rows, then what is compared (the rules first).
    caption : str
        Says what is compared, and under which settings.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If there are no columns, or a row has not one cell for each.
    TypeError
        If a cell is no text, whole number or None, or `columns` or a row is a single text.

    Examples
    --------
    >>> from replication.tables import table
    >>> error = {"noise": 0.0131, "weight": 0.24}
    >>> table([["error", *(f"{e:.3f}" for e in error.values())], ["synapses", 1000, None]],
    ...       ["", *error], "Two rules on one network, 20 % kept")
    Two rules on one network, 20 % kept
              noise  weight
    error     0.013   0.240
    synapses   1000       –
    """
    if isinstance(columns, str):
        raise TypeError(f"columns must be a list of headings, got {columns!r}")
    columns = tuple(map(typeset, columns))
    if not columns:
        raise ValueError("a table needs columns, got none")
    shown = []
    for number, row in enumerate(rows):
        if isinstance(row, str):
            raise TypeError(f"row {number} must be a list of cells, got {row!r}")
        cells = tuple(_cell(cell, number) for cell in row)
        if len(cells) != len(columns):
            raise ValueError(f"row {number} has {len(cells)} cells for {len(columns)} columns")
        shown.append(cells)
    return Table(columns, tuple(shown), typeset(caption))


def curly(text):
    """Text with apostrophes as the pages have them."""
    return re.sub(r"(?<=\w)'(?=s\b| )", "’", text)


def _unbroken(text):
    """HTML of a text in which no line ends between a number and its sign or unit."""
    return re.sub(r" (?=[±%])|(?<=[±≤=]) ", "\u00a0", html.escape(curly(text)))


def typeset(text):
    """Text as the book sets it: a minus as wide as a plus before a digit, a space before %."""
    return re.sub(r"(?<=\d)%", " %", re.sub(r"(?<![\w.])-(?=\d)", "−", text))


def _cell(cell, number):
    """Text of a cell."""
    if cell is None:
        return "–"
    if isinstance(cell, Integral):
        cell = str(cell)
    if not isinstance(cell, str):
        raise TypeError(f"row {number} has the cell {cell!r}: say its digits: f'{{x:.2f}}'")
    return typeset(cell)
