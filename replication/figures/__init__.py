"""Figures of the book: they draw results and compute nothing. Every function returns a Figure."""

from replication.figures.style import (
    ACCENT,
    COLORS,
    LABELS,
    LINES,
    MARKERS,
    STYLE,
    styled,
)

__all__ = ["ACCENT", "COLORS", "LABELS", "LINES", "MARKERS", "STYLE", "styled"]
