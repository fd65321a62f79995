"""Cards that stand for a page where a link to it is shared: title, description, first figure."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure
from matplotlib.image import imread as read_image
from matplotlib.patches import Rectangle

WIDTH, HEIGHT = 1200, 630  # pixels, as the services that show cards ask
INK, PAPER, ACCENT = "#1b2733", "#ffffff", "#0b5394"


def draw(target, title, description, book, picture=None):
    """Write the card of a page as a PNG file.

    Parameters
    ----------
    target : Path
        File to write; its folder is made.
    title, description, book : str
        Title and description of the page, and the name of the book.
    picture : Path, optional
        PNG that takes the right half.
    """
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=PAPER)
    figure.add_artist(Rectangle((0, 0), 0.012, 1, color=ACCENT, linewidth=0))
    columns = (23, 42, 32, 15) if picture else (32, 66, 44, 18)  # characters, then points
    title, description = textwrap.fill(title, columns[0]), textwrap.fill(description, columns[1])
    top = {"va": "top", "weight": "bold", "linespacing": 1.2}
    figure.text(0.05, 0.9, title, size=columns[2], color=INK, **top)
    figure.text(0.05, 0.17, description, size=columns[3], color=INK, va="bottom", linespacing=1.4)
    figure.text(0.05, 0.07, book, size=17, color=ACCENT, weight="bold")
    if picture:
        axes = figure.add_axes((0.56, 0.06, 0.41, 0.88))
        axes.imshow(read_image(picture), interpolation="antialiased")
        axes.axis("off")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Software": None})
