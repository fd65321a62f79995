"""Every figure of the book, drawn from small data: something is seen, labelled, in one style."""

import importlib
import inspect
import io
import pkgutil

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.image import imread

import noiseprune as npr
from noiseprune import figures
from noiseprune.figures import style

mpl.use("agg")

RULES = ("noise", "weight", "uniform")
SIZES = (14, 10, 6)
rng = np.random.default_rng(0)
W = npr.clustered(SIZES, long_range=30, rng=1)
A = npr.add_leak(W, excess=0.05)
C = npr.stationary_covariance(A)
CLUSTERS = np.repeat(np.arange(3), SIZES)
VALUES, MODES = np.linalg.eigh(A)
TIMES = np.linspace(0, 4, 21)
PRUNED = {rule: npr.noise_prune(A, 0.5, rule=rule, rng=2) for rule in RULES}
COMPARISONS = {rule: npr.compare_spectra(A, pruned.A) for rule, pruned in PRUNED.items()}
FAST = np.full((3, 21), 0.1) + 0.01 * rng.random((3, 21))
SEEDS = {rule: 0.1 + rng.random((3, 20)) for rule in RULES}
FEW = {rule: 0.1 + rng.random((3, 4)) for rule in RULES}
KEEP = np.array([0.5, 0.2, 0.1, 0.05])
FOUR = np.array([[0, 1.5, -0.7, 0.4], [1.5, 0, 2, 0], [-0.7, 2, 0, 0], [0.4, 0, 0, 0]])
SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1.0]])
FOUR_P = np.abs(FOUR) / 2
FOUR_C = npr.stationary_covariance(npr.add_leak(FOUR, excess=0.1))
CURVES = {rule: {k: 0.1 + rng.random(21) for k in ("exact", "mean", "std")} for rule in RULES}
PARTS = {
    rule: {k: 0.1 + rng.random(21) for k in ("initial", "input", "noise", "total")}
    for rule in RULES
}
BOUNDS = {k: np.array([0.9, 0.5, 0.1, 0.01]) for k in ("share", "low", "high", "bound")}

# One call for each drawing function: its arguments by position, then by name.
EXAMPLES = {
    "linear.discs": (([-1, -2 + 0.5j, -2 - 0.5j], [-1, -2, -2], [0.5, 1, 1]), {}),
    "linear.mode_bars": ((MODES[:, -4:], -1 / VALUES[-4:]), {}),
    "linear.traces": (
        (TIMES, FAST.T, "abc"),
        {"ylabel": "activity", "levels": [0.1, 0.2], "log": True},
    ),
    "linear.euler_steps": ((TIMES, np.exp(-TIMES), [(0.2, TIMES, np.exp(-TIMES) + 0.01)]), {}),
    "linear.spectrum_histogram": ((VALUES, VALUES[-2:], ["slow", "slower"]), {}),
    "linear.mode_profiles": ((MODES[:, -2:], ["slow", "slower"], [14, 24]), {}),
    "linear.covariances": (([FOUR_C, FOUR_C / 2, FOUR_C], ["a", "b", "c"]), {}),
    "linear.walk_sum": ((np.arange(21), FAST.T, [0.1, 0.1, 0.1], "abc"), {}),
    "linear.chain_explorer": ((FOUR_C / 2, FOUR_C, np.arange(21), FAST[0], 5), {}),
    "linear.sampling_error": (([10, 100], [[0.4, 0.5], [0.1, 0.2]], "ab"), {}),
    "linear.cluster_covariance": ((C[:6, :6], 5, [14, 24]), {"label": "covariance", "limit": 1.0}),
    "networks.wiring": ((FOUR, {(0, 1): "0.5", (0, 2): "0.1"}, SQUARE), {}),
    "networks.cluster_map": ((W, CLUSTERS), {"title": "network"}),
    "networks.cluster_maps": (
        (
            {"original": W, "noise": PRUNED["noise"].A},
            CLUSTERS,
            {"original": "all", "noise": "half"},
        ),
        {},
    ),
    "networks.figure_one": (
        (W, C, npr.synapse_variances(A, C), PRUNED["noise"].probabilities, CLUSTERS),
        {},
    ),
    "networks.rank_strips": (([{rule: 100 * rng.random(9) for rule in RULES}] * 2, ["a", "b"]), {}),
    "networks.chance_curve": (
        (np.array([1, 10, 100, 1000]), FEW),
        {"xlabel": "links", "marked": 10},
    ),
    "resistance.signed_networks": (
        ([("a", FOUR, FOUR_P), ("b", FOUR, FOUR_P)], [SQUARE, SQUARE]),
        {},
    ),
    "resistance.current_flow": (([("a", np.triu(FOUR_P), [1, 0.5, 0.2, 0], (0, 3))], SQUARE), {}),
    "resistance.network_and_covariance": ((SQUARE, FOUR, FOUR_P, FOUR_C), {"limit": 2.0}),
    "resistance.error_against_exponent": (
        (np.linspace(-0.5, 1.5, 21), 1 + FAST[0], 1 + FAST[1]),
        {},
    ),
    "resistance.mode_errors": ((np.arange(1, 21), {rule: v[0] for rule, v in SEEDS.items()}), {}),
    "resistance.message": ((TIMES, {"before": FAST[0], "without": FAST[1], "pruned": FAST[2]}), {}),
    "resistance.time_constants": (({rule: v[0] for rule, v in SEEDS.items()}, 0.5), {}),
    "spectrum.network_maps": (([np.abs(W[:6, :6])] * 2, ["a", "b"], [SIZES, SIZES]), {}),
    "spectrum.eigenvalue_scatter": (
        (VALUES, {r: c.eigenvalues_sparse for r, c in COMPARISONS.items()}),
        {"slow": 5},
    ),
    "spectrum.measure_violins": ((COMPARISONS,), {"slow": 5}),
    "spectrum.measure_boxes": (
        (
            {
                "a": {
                    m: {r: [-0.2, -0.1, 0, 0.1, 0.2] for r in RULES}
                    for m in ("eigenvalue_error", "quadratic_form_error", "alignment")
                }
            },
        ),
        {},
    ),
    "spectrum.slow_modes": (({"a": SEEDS, "b": SEEDS},), {}),
    "spectrum.against_kept": (
        (KEEP, {"a": FEW, "b": FEW}),
        {"ylabel": "error", "log": True, "line": 1.0, "limits": (0.01, 10)},
    ),
    "spectrum.kept_by_group": ((["inside", "across"], {rule: [0.2, 0.5] for rule in RULES}), {}),
    "spectrum.spectrum_frame": (
        (VALUES, COMPARISONS["noise"].eigenvalues_sparse, "noise"),
        {"slow": 5},
    ),
    "theorem.directions": ((-VALUES, 0.1 + rng.random(30)), {"bound": 0.5, "worst": 2.0}),
    "theorem.failures": (([2, 5, 10, 20], {0.5: BOUNDS, 1.0: BOUNDS}), {}),
    "theorem.growing_networks": (
        ([100, 200, 400, 800],),
        {
            "rates": {"measured": FEW["noise"], "theorem": KEEP},
            "pruned": {"measured": FEW["noise"] / 2, "theorem": KEEP},
        },
    ),
    "theorem.guarantee": (
        (KEEP, FEW),
        {"guaranteed": np.array([0.5, 1, 2, np.nan]), "predicted": 1 / KEEP},
    ),
    "theorem.relaxation": ((TIMES[1:], {rule: v[0] for rule, v in SEEDS.items()}), {"bound": 1.2}),
    "trajectories.relative_errors": (
        (TIMES, {"a": {r: FAST for r in RULES}}),
        {"log": True, "reference": 1.0},
    ),
    "trajectories.exact_beside_sampled": ((TIMES, {"a": CURVES, "b": CURVES}), {}),
    "trajectories.error_parts": ((TIMES, PARTS), {}),
    "trajectories.slow_activity": (
        (
            TIMES,
            {r: FAST.T for r in ("original", *RULES)},
            {r: FAST[0, :5] for r in ("original", *RULES)},
        ),
        {"now": 1.0},
    ),
}
# Drawings of networks, which have no axes.
WITHOUT_AXES = {
    "networks.wiring",
    "networks.cluster_map",
    "networks.cluster_maps",
    "resistance.signed_networks",
    "resistance.current_flow",
}


def drawing_functions():
    """Public functions of every module of noiseprune.figures, by module and name."""
    found = {}
    for module in pkgutil.iter_modules(figures.__path__):
        if module.name == "style":
            continue
        content = importlib.import_module(f"noiseprune.figures.{module.name}")
        for name, function in inspect.getmembers(content, inspect.isfunction):
            if function.__module__ == content.__name__ and not name.startswith("_"):
                found[f"{module.name}.{name}"] = function
    return found


DRAW = drawing_functions()


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_every_drawing_function_has_an_example_here():
    assert sorted(EXAMPLES) == sorted(DRAW)


def arrays(value):
    """All NumPy arrays inside nested lists, dicts, sparse arrays and dataclasses."""
    if isinstance(value, np.ndarray):
        yield value
    elif hasattr(value, "indptr"):
        yield value.data
    elif isinstance(value, dict):
        for v in value.values():
            yield from arrays(v)
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from arrays(v)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_figure_draws_labels_and_leaves_everything_else_alone(name):
    args, options = EXAMPLES[name]
    given = [*arrays(args), *arrays(options)]
    before = [a.copy() for a in given]
    settings = dict(mpl.rcParams)
    figure = DRAW[name](*args, **options)
    assert isinstance(figure, mpl.figure.Figure)
    assert dict(mpl.rcParams) == settings
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(given, before, strict=True))

    figure.draw_without_rendering()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    file.seek(0)
    pixels = imread(file)[..., :3]
    assert pixels[0, 0].tolist() == [1, 1, 1]  # a white ground, to be read in dark mode too
    assert np.mean(np.any(pixels < 0.9, axis=-1)) > 0.005  # not empty
    shown = [ax for ax in figure.axes if ax.axison and ax.get_label() != "<colorbar>"]
    assert bool(shown) == (name not in WITHOUT_AXES)
    for ax in shown:
        # Inner panels of a grid read the labels of the outer ones.
        row = [other for other in shown if spans(other, "rowspan") == spans(ax, "rowspan")]
        column = [other for other in shown if spans(other, "colspan") == spans(ax, "colspan")]
        assert any(other.get_ylabel() or has_words(other.yaxis) for other in row)
        assert any(other.get_xlabel() or has_words(other.xaxis) for other in column)


def spans(ax, which):
    """Rows or columns of the grid that a panel takes."""
    return list(getattr(ax.get_subplotspec(), which))


def has_words(axis):
    """Whether the ticks are names and need no label."""
    return any(
        tick.get_text().strip("\N{MINUS SIGN}0123456789. ") for tick in axis.get_ticklabels()
    )


def linear(color):
    """Linear RGB of a colour."""
    channels = np.array(to_rgb(color))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def test_each_network_has_a_colour_a_mark_a_line_and_a_name_of_its_own():
    assert list(style.COLORS) == ["original", *RULES]
    assert style.COLORS.keys() == style.LABELS.keys() == style.MARKERS.keys() == style.LINES.keys()
    assert len({to_hex(c) for c in (*style.COLORS.values(), style.ACCENT)}) == 5
    assert len(set(style.LABELS.values())) == 4
    for looks in (style.MARKERS, style.LINES):  # the rules apart without colour
        assert len({looks[rule] for rule in RULES}) == 3


@pytest.mark.parametrize("color", style.COLORS.values())
def test_lines_stand_out_from_their_white_ground(color):
    luminance = linear(color) @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 3  # WCAG 2.1, graphical objects


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
    for k in range(3):
        assert np.linalg.norm(seen[k] - seen[k - 1]) > 15


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
    _, ax = plt.subplots()
    samples = np.array([[1.0, 2.0], [5.0, 6.0], [2.0, 4.0]])
    style.band(ax, [0, 1], samples, "noise")
    (line,) = ax.lines
    assert line.get_ydata().tolist() == [2, 4]
    assert line.get_label() == "noise-prune"
    assert to_hex(line.get_color()).upper() == style.COLORS["noise"]
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (1, 6)
