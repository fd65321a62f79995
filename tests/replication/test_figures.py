"""The one look of all figures, and the figure of the landing page."""

import itertools
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from noiseprune import report
from replication.experiments import Result
from replication.figures import style
from replication.figures.headline import headline

RULES = ("noise", "leak", "weight", "uniform")


def linear(color):
    """Linear RGB of a colour."""
    channels = np.array(to_rgb(color))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def test_each_network_has_a_colour_a_mark_a_line_and_a_name_of_its_own():
    assert list(style.COLORS) == ["original", *RULES]
    assert style.COLORS.keys() == style.LABELS.keys() == style.MARKERS.keys() == style.LINES.keys()
    assert len({to_hex(c) for c in (*style.COLORS.values(), style.ACCENT)}) == 6
    assert len(set(style.LABELS.values())) == 5
    for looks in (style.MARKERS, style.LINES):  # the rules apart without colour
        assert len({looks[rule] for rule in RULES}) == 4


def test_reports_of_the_command_line_have_the_colours_of_the_book():
    assert {rule: color.upper() for rule, color in report.COLOURS.items()} == {
        rule: style.COLORS[rule] for rule in RULES
    }


@pytest.mark.parametrize("color", style.COLORS.values())
def test_lines_stand_out_from_their_white_ground(color):
    luminance = linear(color) @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 3  # WCAG 2.1, graphical objects


def test_every_colour_stands_in_the_style():
    for path in Path(style.__file__).parent.glob("*.py"):
        found = re.findall(r"#[0-9a-fA-F]{6}", path.read_text(encoding="utf-8"))
        assert path.stem == "style" or not found, path.name


def test_ticks_are_plain_numbers_and_alone():
    figure, ax = plt.subplots()
    ax.set(xscale="log", xlim=(0.1, 10), yscale="log", ylim=(1, 10_000))
    style.ticks(ax.xaxis, [0.2, 1, 5])
    style.ticks(ax.yaxis, [10, 5000])
    figure.canvas.draw()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.2", "1", "5"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["10", "5,000"]
    assert not any(label.get_text() for label in ax.get_xticklabels(minor=True))
    plt.close(figure)


# What dichromats see, as matrices on linear RGB (Machado et al. 2009, severity 1).
DICHROMATS = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(linear):
    """CIE L*a*b* of a linear RGB colour, where a distance of 10 is easily seen."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ np.clip(linear, 0, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", DICHROMATS)
def test_colours_of_the_rules_differ_under_every_colour_vision(vision):
    seen = [lab(np.array(DICHROMATS[vision]) @ linear(style.COLORS[rule])) for rule in RULES]
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(one - other) > 15


def test_the_style_comes_back_also_when_drawing_fails():
    @style.styled
    def fails():
        raise RuntimeError("no data")

    settings = dict(mpl.rcParams)
    with pytest.raises(RuntimeError, match="no data"):
        fails()
    assert dict(mpl.rcParams) == settings
    assert fails.__name__ == "fails"


def test_band_shows_the_median_between_least_and_greatest():
    figure, ax = plt.subplots()
    samples = np.array([[1.0, 2.0], [5.0, 6.0], [2.0, 4.0]])
    style.band(ax, [0, 1], samples, "noise")
    (line,) = ax.lines
    assert line.get_ydata().tolist() == [2, 4]
    assert line.get_label() == "noise-prune"
    assert to_hex(line.get_color()).upper() == style.COLORS["noise"]
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (1, 6)
    plt.close(figure)


def test_headline_shows_medians_of_the_slow_modes_against_keep_and_links():
    spectrum = Result(
        "spectrum",
        {"keep": [0.5, 0.2], "sizes": [6, 4]},
        [
            {"keep": keep, "rule": rule, "eigenvalue_error_slow": [-0.1 / keep, 0.9, seed]}
            for seed in (0, 0, 1)
            for keep in (0.5, 0.2)
            for rule in RULES
        ],
        {},
    )
    gains = Result(
        "gains",
        {"keep": 0.5},
        [
            {"family": family, "value": value, "rule": rule, "error": [9.0, error / value, 0.001]}
            for error in (1.0, 1.0, 3.0)
            for family, value in (("clusters", 10), ("clusters", 1), ("random", 5))
            for rule in RULES
        ],
        {},
    )
    left, right = headline(spectrum, gains).axes
    labels = [style.LABELS[rule] for rule in RULES]
    assert [line.get_label() for line in left.lines] == labels
    for line in left.lines:
        assert np.allclose(line.get_xydata(), [[0.2, 0.5], [0.5, 0.2]])
    for line in right.lines:
        assert np.allclose(line.get_xydata(), [[1, 1], [10, 0.1]])
    assert [text.get_text() for text in left.figure.legends[0].get_texts()] == labels
    assert "N = 10" in left.get_title()
    assert "50 %" in right.get_title()
