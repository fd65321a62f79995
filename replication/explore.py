"""Explorers: a figure that follows a few controls, live in a notebook and precomputed on a page."""

from __future__ import annotations

import base64
import html
import io
import itertools
import json
import numbers
import traceback

import matplotlib.pyplot as plt
from PIL import Image

from replication.tables import curly, typeset

PIXELS_PER_UNIT = 1.5  # image pixels per CSS pixel: sharp on a phone, small enough for a page
COLOURS = 256


def explore(draw, *, labels=None, start=None, frames=None, width=640, **controls):
    """Show a figure that follows the given controls.

    In a running notebook the controls are ipywidgets, and `draw` computes each frame anew. On the
    static page they are plain HTML controls that choose among frames computed beforehand, one for
    each combination of the options. Numbers become a slider, anything else a row of buttons.

    Parameters
    ----------
    draw : callable
        ``draw(name=option, ...)`` gives a matplotlib figure and a text: one or two sentences with
        the numbers of this frame, different for each frame. The text stands below the figure and
        serves readers who do not see it.
    labels : dict, optional
        Name shown beside a control, with its unit, for each control whose keyword does not say it.
    start : dict, optional
        Option with which a control starts; the first one unless given here.
    frames : dict, optional
        Options of a control for which the static page has frames; all of them unless given here.
    width : int
        Width of the figure on the page in CSS pixels.
    **controls : sequence
        Options of each control, such as ``keep=[0.05, 0.1, 0.2]`` or ``rule=["noise", "weight"]``.

    Returns
    -------
    Explorer
        The last line of a cell displays it.

    Raises
    ------
    TypeError
        If `draw` does not give a figure and a text.
    ValueError
        If there are no controls or options, if `labels`, `start` or `frames` name a control or an
        option that does not exist, or if two frames have the same text.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> def draw(power):
    ...     figure = Figure(figsize=(4, 3))
    ...     figure.subplots().plot([0, 1, 2], [0, 1, 2**power])
    ...     return figure, f"Two to the power {power} is {2**power}."
    >>> explore(draw, power=[1, 2, 3])
    Explorer: power 1, 2, 3; 3 frames
    """
    if not controls:
        raise ValueError("explore needs at least one control, such as keep=[0.1, 0.2]")
    options = {name: list(values) for name, values in controls.items()}
    for name, values in options.items():
        if not values:
            raise ValueError(f"control {name!r} must have at least one option, got none")
    labels, start, frames = labels or {}, start or {}, frames or {}
    for what, given in (("labels", labels), ("start", start), ("frames", frames)):
        for name in given:
            if name not in options:
                raise ValueError(f"{what} names {name!r}, but the controls are {list(options)}")
    for name, given in [*((n, [v]) for n, v in start.items()), *frames.items()]:
        for value in given:
            if value not in options[name]:
                raise ValueError(f"{value!r} is no option of {name!r}: {options[name]}")
    labels = {name: labels.get(name, name.replace("_", " ")) for name in options}
    return Explorer(draw, options, labels, start, {**options, **frames}, width)


class Explorer:
    """What `explore` returns: frames computed beforehand, and on display a live view as well."""

    def __init__(self, draw, options, labels, start, frames, width):
        self._draw, self._options, self._labels = draw, options, labels
        self._start, self._width = start, width
        self._shown = frames
        self._frames = [self._frame(values) for values in _combinations(frames)]
        texts = [text for _, _, text in self._frames]
        for text in texts:
            if texts.count(text) > 1:
                raise ValueError(f"each frame must have a text of its own, got twice: {text!r}")

    def __repr__(self):
        controls = "; ".join(
            f"{self._labels[name]} {', '.join(map(_shown, values))}"
            for name, values in self._shown.items()
        )
        return f"Explorer: {controls}; {len(self._frames)} frames"

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": repr(self), "text/html": self._page()}
        try:
            view = self._live()
        except ImportError:  # without ipywidgets there is no live view
            return bundle
        return {**view._repr_mimebundle_(), **bundle}

    def _frame(self, values):
        """Image as a data URI, its size in CSS pixels, and the text."""
        drawn = self._draw(**values)
        if not (isinstance(drawn, tuple) and len(drawn) == 2 and hasattr(drawn[0], "savefig")):
            raise TypeError(f"draw must return a figure and a text, got {type(drawn).__name__}")
        figure, text = drawn
        if not isinstance(text, str) or not text.strip():
            raise TypeError(f"draw must return a text that describes the frame, got {text!r}")
        png = io.BytesIO()
        dpi = self._width * PIXELS_PER_UNIT / figure.get_figwidth()
        figure.savefig(png, format="png", dpi=dpi, facecolor="white")
        plt.close(figure)
        image = Image.open(png).convert("RGB")
        size = self._width, round(self._width * image.height / image.width)
        webp = io.BytesIO()
        image = image.quantize(COLOURS, dither=Image.Dither.NONE).convert("RGB")
        image.save(webp, format="webp", lossless=True, method=6)
        uri = "data:image/webp;base64," + base64.b64encode(webp.getvalue()).decode()
        return uri, size, curly(typeset(text.strip())).replace(" %", "\u00a0%")

    def _page(self):
        """HTML that shows the starting frame; the page's explorer.js adds the controls."""
        controls = [
            {
                "label": self._labels[name],
                "kind": "slider" if _is_numeric(self._options[name]) else "choice",
                "options": [_shown(value) for value in values],
                "start": values.index(self._start[name]) if self._start.get(name) in values else 0,
            }
            for name, values in self._shown.items()
        ]
        first = 0
        for control in controls:
            first = first * len(control["options"]) + control["start"]
        frames = [{"src": uri, "text": text} for uri, _, text in self._frames]
        data = json.dumps({"controls": controls, "frames": frames}, ensure_ascii=False)
        return (
            f'<div class="explorer">{_figure(*self._frames[first])}'
            f'<script type="application/json">{data.replace("<", chr(92) + "u003c")}</script></div>'
        )

    def _live(self):
        """Widgets that draw anew when a control moves; an error is shown in place of the figure."""
        import ipywidgets  # an extra: only a live view needs it

        inputs = {}
        for name, values in self._options.items():
            kind = ipywidgets.SelectionSlider if _is_numeric(values) else ipywidgets.ToggleButtons
            inputs[name] = kind(
                options=[(_shown(value), value) for value in values],
                value=self._start.get(name, values[0]),
                description=self._labels[name],
                style={"description_width": "initial"},
            )
            inputs[name].continuous_update = False
        view = ipywidgets.HTML()

        def update(change=None):
            try:
                view.value = _figure(*self._frame({n: i.value for n, i in inputs.items()}))
            except Exception:  # a callback has no other place to report to
                view.value = f'<pre role="alert">{html.escape(traceback.format_exc())}</pre>'

        for control in inputs.values():
            control.observe(update, names="value")
        update()
        return ipywidgets.VBox([*inputs.values(), view])


def _combinations(options):
    """Every combination of the options, the last control moving fastest."""
    for values in itertools.product(*options.values()):
        yield dict(zip(options, values, strict=True))


def _is_numeric(values):
    return all(isinstance(v, numbers.Real) and not isinstance(v, bool) for v in values)


def _shown(value):
    """Text of an option."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _figure(uri, size, text):
    width, height = size
    return (
        f'<img src="{uri}" width="{width}" height="{height}" alt="{html.escape(text)}">'
        f'<p class="explorer-text" aria-live="polite">{html.escape(text)}</p>'
    )
