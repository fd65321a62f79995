"""Verdicts on small made-up results just above and just below every criterion."""

import itertools

import numpy as np
import pytest

from noiseprune import theory
from replication import scorecard
from replication.result import Result

SEEDS = (0, 1, 2)
ALL = [1, 1, 1]
ONE = [1, 1, 0]  # the last seed is otherwise


def made(name, rows, **settings):
    """A result with those rows, as if it had been run."""
    settings = {
        "sizes": [10, 10],
        "seeds": list(SEEDS),
        "rules": ["noise", "weight", "uniform", "leak"],
    } | settings
    return Result(name, settings, rows, {"seconds": 1.0})


def judge(key, *results):
    """What a claim's judge says of the parts of its criterion, given these stored results."""
    shelf = scorecard._Results(None)
    shelf.read = {result.experiment: result for result in results}
    row = scorecard.CLAIMS[key](shelf)
    assert row.key == key
    assert row.criterion
    return row.passed


def per_seed(value, other, which):
    """`value` for every seed, or `other` where `which` is 0."""
    return {seed: value if w else other for seed, w in zip(SEEDS, which, strict=True)}


# ---------------------------------------------------------------- 2 and 3: Figure 1


@pytest.mark.parametrize(
    ("here", "there", "held"),
    [
        ((1.001, ALL), (1.001, ALL), (True, True)),
        ((0.999, ALL), (1.001, ALL), (False, True)),
        ((1.001, ALL), (0.999, ALL), (True, False)),
        ((1.001, ONE), (1.001, ALL), (False, True)),
        ((1.000, ALL), (1.001, ONE), (False, False)),
    ],
)
def test_correlation_is_higher_inside_than_across_in_every_seed(here, there, held):
    results = []
    for name, (ratio, which) in zip(
        ("important_synapses", "important_synapses_paper"), (here, there), strict=True
    ):
        ratios = per_seed(ratio, 0.999, which)
        rows = [
            {"seed": s, "rule": "noise", "correlation_inside": ratios[s] / 2,
             "correlation_across": 0.5}
            for s in SEEDS
        ]  # fmt: skip
        results.append(made(name, rows))
    assert judge("2", *results) == held


GOOD = {"auc_between": (0.9, 0.9, ALL), "auc_strong": (0.9, 0.9, ALL), "weight": 0.899}


@pytest.mark.parametrize(
    ("change", "held"),
    [
        ({}, (True, True)),
        ({"auc_between": (0.899, 0.9, ALL), "weight": 0.5}, (False, True)),
        ({"auc_between": (0.95, 0.899, ONE), "weight": 0.5}, (False, True)),
        ({"weight": 0.9}, (False, True)),  # not above the control
        ({"auc_between": (0.95, 0.91, ONE), "weight": 0.92}, (False, True)),
        ({"auc_strong": (0.899, 0.9, ALL)}, (True, False)),
        ({"auc_strong": (0.95, 0.899, ONE)}, (True, False)),
    ],
)
@pytest.mark.parametrize("changed", [0, 1])
def test_important_synapses_outscore_ordinary_ones_in_every_seed(change, held, changed):
    results = []
    for k, name in enumerate(("important_synapses", "important_synapses_paper")):
        values = GOOD | (change if k == changed else {})
        between, strong = (per_seed(*values[c]) for c in ("auc_between", "auc_strong"))
        rows = []
        for s in SEEDS:
            rows += [
                {"seed": s, "rule": "noise", "auc_between": between[s], "auc_strong": strong[s]},
                {"seed": s, "rule": "weight", "auc_between": values["weight"], "auc_strong": 1.0},
            ]
        results.append(made(name, rows))
    expected = [True] * 4  # links of both networks, strong ones of both
    expected[changed], expected[2 + changed] = held
    assert judge("3", *results) == tuple(expected)


# ---------------------------------------------------------------- 4 and 5: the theorem


@pytest.mark.parametrize(("extra", "held"), [(0, True), (-1, True), (1, False)])
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_misses_are_no_more_frequent_than_the_bound(extra, held, place):
    rates, epsilons, draws = (12, 14), (0.9, 1.0), 10_000
    bound = np.array([[theory.failure_probability(20, e, r) for e in epsilons] for r in rates])
    assert 0.005 < bound.min() < bound.max() < 0.95  # a bound of 1 could not be missed
    allowed = np.floor(len(SEEDS) * draws * bound).astype(int)
    allowed[place] += extra
    rows = [
        {"seed": s, "rate": r, "draws": draws,
         "failures": [int(m) // 3 + (s < int(m) % 3) for m in allowed[k]]}
        for s in SEEDS
        for k, r in enumerate(rates)
    ]  # fmt: skip
    assert judge("4", made("failure_rate", rows, rates=rates, epsilons=epsilons)) == (held,)


@pytest.mark.parametrize(
    ("measured", "by_theorem", "held"),
    [
        ((300, 299), (300, 299), (True, True)),
        ((300, 300), (300, 299), (False, True)),
        ((300, 301), (300, 299), (False, True)),
        ((300, 299), (300, 300), (True, False)),
        ((300, 299), (300, 301), (True, False)),
    ],
)
@pytest.mark.parametrize("seed", [None, 2])
def test_the_fraction_that_must_be_kept_falls_in_every_seed(measured, by_theorem, held, seed):
    rows = []
    for s in SEEDS:
        bad = seed in (None, s)
        for k, n in enumerate((100, 200)):
            rows.append(
                {"seed": s, "neurons": n, "pairs": 1000,
                 "smallest_pairs": (measured if bad else (300, 200))[k],
                 "theorem_pairs": (by_theorem if bad else (300, 200))[k]}
            )  # fmt: skip
    result = made("pruned_fraction", rows, neurons=[100, 200], sizes=[], epsilon=0.5)
    assert judge("5", result) == held


def test_the_fraction_that_must_be_kept_falls_at_every_size():
    rows = [
        {"seed": s, "neurons": n, "pairs": 1000, "smallest_pairs": kept, "theorem_pairs": 1000 - n}
        for s in SEEDS
        for n, kept in ((100, 300), (200, 310), (300, 200))
    ]
    result = made("pruned_fraction", rows, neurons=[100, 200, 300], sizes=[], epsilon=0.5)
    assert judge("5", result) == (False, True)


# ---------------------------------------------------------------- 6 and 7: trajectories


WORST = [
    ((0.1, ALL), 0.2, 0.2, (True, True, True)),
    ((0.1001, ALL), 0.2, 0.2, (False, True, True)),
    ((0.05, ONE), 0.2, 0.2, (False, True, True)),  # the other seed has 0.1001
    ((0.1, ALL), 0.1001, 0.2, (True, True, True)),
    ((0.1, ALL), 0.1, 0.2, (True, False, True)),
    ((0.1, ALL), 0.2, 0.1, (True, True, False)),
    ((0.05, ONE), 0.1, 0.2, (False, False, True)),
    ((0.05, ONE), 0.2, 0.1, (False, True, False)),
]


@pytest.mark.parametrize(("key", "name"), [("6", "trajectories_lab"), ("7", "rectified")])
@pytest.mark.parametrize(("noise", "weight", "uniform", "held"), WORST)
@pytest.mark.parametrize("changed", [0, 1])
def test_the_trajectory_error_is_small_and_below_the_controls(
    key, name, noise, weight, uniform, held, changed
):
    noise = per_seed(noise[0], 0.1001, noise[1])
    rows = []
    for s, k in itertools.product(SEEDS, (0, 1)):
        values = {"noise": 0.1, "weight": 0.2, "uniform": 0.2, "leak": 0.01}
        if k == changed:
            values |= {"noise": noise[s], "weight": weight, "uniform": uniform}
        for rule, diagonal in itertools.product(values, ("matched", "original")):
            if diagonal == "matched" or key == "6":
                path = [0.0, values[rule] if diagonal == "matched" else 9.0, 0.01]
                rows.append(
                    {"seed": s, "keep": (0.2, 0.05)[k], "rule": rule, "diagonal": diagonal,
                     "mean": path}
                )  # fmt: skip
    expected = [(True, True, True), (True, True, True)]
    expected[changed] = held
    assert judge(key, made(name, rows, keep=[0.2, 0.05])) == sum(expected, ())


# ---------------------------------------------------------------- 8: below the weight control


MEASURES = ("slow modes", "all modes", "worst case", "trajectory")
RUNS = {
    "8a": ("spectrum_paper", "trajectories_paper"),
    "8b": ("ten_thousand",),
    "8c": ("ten_thousand_lab",),
    "8d": ("spectrum_lab", "trajectories_lab"),
}


def pair(key, bad, values):
    """Results of the rule and the control; measure `bad` of the last seed takes the values."""
    spectrum, paths = [], []
    for s in SEEDS:
        for rule, k in {"noise": 0, "weight": 1, "uniform": 1, "leak": 0}.items():
            v = {m: values[k] if m == bad and s == SEEDS[-1] else (0.1, 0.2)[k] for m in MEASURES}
            slow = [-v["slow modes"], v["slow modes"], 9 * v["slow modes"]]
            row = {
                "seed": s,
                "rule": rule,
                "eigenvalue_error_slow": slow,
                "eigenvalue_error_median_size": v["all modes"],
                "epsilon": v["worst case"],
            }
            path = {"mean": [0.0, v["trajectory"]], "diagonal": "matched"}
            spectrum.append(row | (path if len(RUNS[key]) == 1 else {}) | {"keep": 0.2})
            paths.append({"seed": s, "rule": rule, "keep": 0.2, **path})
    if len(RUNS[key]) == 1:
        return (made(RUNS[key][0], spectrum, keep=0.03),)
    return made(RUNS[key][0], spectrum, keep=[0.2]), made(RUNS[key][1], paths)


@pytest.mark.parametrize("key", RUNS)
@pytest.mark.parametrize("bad", MEASURES)
@pytest.mark.parametrize(
    ("values", "held"), [((0.199, 0.2), True), ((0.2, 0.2), False), ((0.201, 0.2), False)]
)
def test_each_measure_is_below_the_control_in_every_seed(key, bad, values, held):
    assert judge(key, *pair(key, bad, values)) == tuple(held or m != bad for m in MEASURES)


# ---------------------------------------------------------------- 9: the diagonal


COUNTED = ("path at 0.2", "path at 0.05", "epsilon", "noise_error", "relaxation_error")


@pytest.mark.parametrize(
    ("ratio", "held"),
    [(1.0, True), (1.49, True), (1.51, False), (1 / 1.49, True), (1 / 1.51, False)],
)
@pytest.mark.parametrize("measure", COUNTED)
@pytest.mark.parametrize("which", [ALL, ONE])
def test_the_diagonal_changes_an_error_by_less_than_half_in_every_network(
    ratio, held, measure, which
):
    paths, coins = [], []
    for s, rule, k in itertools.product(SEEDS, ("noise", "weight"), (0.2, 0.05)):
        for diagonal in ("matched", "original", "homeostatic"):
            changed = which is ALL or s == SEEDS[-1]
            factors = {m: ratio if m == measure and changed else 1.1 for m in COUNTED}
            if rule == "weight" or diagonal != "original":
                factors = dict.fromkeys(COUNTED, 5.0 if rule == "weight" else 1.0)
            row = {"seed": s, "rule": rule, "keep": k, "diagonal": diagonal}
            paths.append(row | {"mean": [0.0, 0.1 * factors[f"path at {k:g}"]]})
            if k == 0.05:  # judged at 0.2 alone
                factors = dict.fromkeys(COUNTED, 1.0 if diagonal == "matched" else 5.0)
            coins.append(
                row
                | {"epsilon": factors["epsilon"], "noise_error": factors["noise_error"]}
                | {"relaxation_error": [0.0, factors["relaxation_error"], 0.5]}
            )
    held = tuple(held or m != measure for m in COUNTED)
    assert judge("9", made("trajectories_lab", paths), made("coins_lab", coins)) == held


# ---------------------------------------------------------------- what the noise adds


@pytest.mark.parametrize(
    ("gains", "held"),
    [
        ((1.1, 1.1, 1.1, 1.1), (True, True, True, True)),
        ((1.099, 1.1, 1.099, 1.1), (False, True, False, True)),
        ((1.1, 1.099, 1.1, 1.099), (True, False, True, False)),
        ((1.099, 1.099, 1.099, 1.099), (False, False, False, False)),
    ],
)
def test_noise_beats_leak_at_the_originals_settings_from_a_gain_on(gains, held):
    networks = [("original", 2000), ("original", 3000), ("original", 10_000), ("lab", 10_000)]
    rows = [
        {"seed": s, "family": family, "value": n, "rule": rule, "gain": shift + gain}
        for s, shift in zip(SEEDS, (0.0, -0.5, 0.5), strict=True)  # the median counts
        for (family, n), gain in zip(networks, gains, strict=True)
        for rule in ("leak", "weight")
    ]
    small = made("noise_gains_original", [r for r in rows if r["value"] < 10_000], keep=0.2)
    large = [row for row in rows if row["value"] == 10_000]
    assert judge("Q1", small, made("noise_gains_ten_thousand", large, keep=0.03)) == held


@pytest.mark.parametrize("network", scorecard.BOTTLENECKS)
@pytest.mark.parametrize(
    ("gains", "held"),
    [
        ((1.5, 1.001, 9), (True, True)),
        ((1.499, 1.001, 9), (False, True)),
        ((1.5, 1.0, 9), (True, False)),
        ((1.4, 0.9, 9), (False, False)),
    ],
)
def test_noise_beats_leak_at_every_bottleneck_and_in_every_seed(network, gains, held):
    rows = []
    for (family, value), s in itertools.product(
        [*scorecard.BOTTLENECKS, ("clusters", 1000), ("random", 5)], SEEDS
    ):
        gain = gains[s] if (family, value) == network else 2.0
        gain = gain if (family, value) in scorecard.BOTTLENECKS else 0.5  # not asked
        rows += [
            {"seed": s, "family": family, "value": value, "rule": "leak", "gain": gain},
            {"seed": s, "family": family, "value": value, "rule": "weight", "gain": 0.5},
        ]
    assert judge("Q2", made("noise_gains", rows, keep=0.5, neurons=800)) == held


# ---------------------------------------------------------------- real and trained networks


def connectomes(change):
    """Three real networks: errors of noise, leak, weight and uniform, then other conditions."""
    rows = []
    for s, name in itertools.product(SEEDS, ("worm", "fly", "mouse")):
        errors = {"slow_error": [0.1, 0.11, 0.2, 0.3], "trajectory_error": [0.1, 0.11, 0.2, 0.3]}
        if name == "mouse":
            errors |= change
        common = {"seed": s, "network": name, "form": "symmetric", "synapses": 9}
        judged = {"wiring": "real", "excess": 0.1, "keep": 0.2}
        values = {measure: [*four, *4 * [0.001]] for measure, four in errors.items()}
        rows.append(common | judged | values)
        others = ({"wiring": "rewired"}, {"excess": 0.01}, {"excess": None}, {"keep": 0.5})
        rows += [common | judged | other | {m: 8 * [9.0] for m in values} for other in others]
    return made("connectomes", rows, networks=["worm", "fly", "mouse"])


@pytest.mark.parametrize(
    ("change", "held"),
    [
        ({}, (True, True)),
        ({"slow_error": [0.199, 0.3, 0.2, 0.3]}, (True, True)),
        ({"slow_error": [0.2, 0.3, 0.2, 0.3]}, (False, True)),
        ({"slow_error": [0.0, 0.0, 0.0, 0.0]}, (False, True)),  # nothing to choose
        ({"slow_error": [0.0, 0.0, 1e-15, 0.0]}, (False, True)),  # but rounding
        ({"trajectory_error": [0.2, 0.3, 0.2, 0.3]}, (True, False)),
        ({"trajectory_error": [None, 0.3, 0.2, 0.3]}, (True, False)),  # unstable
        ({"trajectory_error": [0.2, 0.3, None, 0.3]}, (True, True)),
    ],
)
def test_real_networks_keep_more_than_under_the_weight_control_in_every_network(change, held):
    assert judge("Q3", connectomes(change)) == held


@pytest.mark.parametrize(
    ("leaks", "held"),
    [
        ((0.1101, 0.1101), (True, True)),
        ((0.1099, 0.1099), (False, True)),
        ((0.1101, 0.0999), (True, False)),
        ((0.1099, 0.0999), (False, False)),
    ],
)
def test_noise_beats_leak_on_real_networks_from_a_gain_on(leaks, held):
    rows = connectomes({}).rows
    for row in rows:
        leak = leaks[row["network"] == "mouse"]
        if {k: row[k] for k in scorecard.REAL} == scorecard.REAL:
            row["slow_error"][1] = leak
    assert judge("Q4", made("connectomes", rows, networks=["worm", "fly", "mouse"])) == held


def trained(keep, **change):
    """Two kinds of trained networks; at one fraction kept one of them takes other accuracies."""
    rows = []
    for s, kind, k in itertools.product(SEEDS, ("integrator", "memory"), (0.5, 0.2, 0.1)):
        value = {"rule": 0.9, "magnitude": 0.8, "refitted": 0.95, "surgeon": 0.9}
        value |= change if (kind, k) == ("memory", keep) else {}
        value = dict.fromkeys(value, 0.0) if k == 0.1 else value  # not asked
        for score, how, accuracy in (
            ("noise, origin", "divided by p", value["rule"]),
            ("noise, measured", "divided by p", value["rule"] - 0.3),
            ("noise, fixed points", "divided by p", None),
            ("noise, origin", "homeostatic", 1.0),
            ("weight", "divided by p", 1.0),
            ("weight", "top", value["magnitude"]),
            ("weight", "top, refit", 1.0),
            ("noise, measured", "top, refit", value["refitted"]),
            ("surgeon", "top, refit", value["surgeon"]),
        ):
            rows.append({"seed": s, "network": kind, "keep": k, "score": score, "how": how,
                         "accuracy": accuracy})  # fmt: skip
        if k == 0.5:
            rows.append({"seed": s, "network": kind, "keep": 1.0, "score": "", "how": "unpruned",
                         "accuracy": 1.0})  # fmt: skip
    return made("trained_networks", rows)


@pytest.mark.parametrize("keep", scorecard.TASK_KEEP)
@pytest.mark.parametrize(("accuracy", "held"), [(0.901, True), (0.899, False)])
def test_a_task_is_kept_up_to_a_small_loss_in_every_kind(keep, accuracy, held):
    expected = tuple(held or k != keep for k in scorecard.TASK_KEEP)
    assert judge("Q5", trained(keep, rule=accuracy)) == expected


@pytest.mark.parametrize("keep", scorecard.TASK_KEEP)
@pytest.mark.parametrize(
    ("change", "held"),
    [
        ({}, True),
        ({"magnitude": 0.899}, True),
        ({"magnitude": 0.9}, False),
        ({"surgeon": 0.949}, True),
        ({"surgeon": 0.95}, False),
    ],
)
def test_other_ways_of_pruning_are_beaten_in_every_kind(keep, change, held):
    expected = tuple(held or k != keep for k in scorecard.TASK_KEEP)
    assert judge("Q6", trained(keep, **change)) == expected


# ---------------------------------------------------------------- what the lab notebook recorded


@pytest.mark.parametrize("recorded", scorecard.LAB_OUTPUT, ids=lambda r: r.what)
@pytest.mark.parametrize(
    ("low", "high", "held"),
    [(0, 1, True), (-1, 0, True), (-1, 1, True), (0.01, 1, False), (-1, -0.01, False)],
)
def test_a_recorded_number_lies_between_the_least_and_the_greatest(recorded, low, high, held):
    rows = []
    for s, shift in zip(SEEDS, (low, high, (low + high) / 2), strict=True):
        for rule in ("noise", "weight"):
            row = dict.fromkeys({r.column for r in scorecard.LAB_OUTPUT}, 1e9)
            if rule == recorded.rule:
                row[recorded.column] = recorded.value + shift
            rows.append({"seed": s, "rule": rule, **row})
    shelf = scorecard._Results(None)
    shelf.read = {"lab_record": made("lab_record", rows)}
    (row,) = (r for r in scorecard._recorded(shelf) if r.claim.startswith(f"{recorded.what}: "))
    assert row.passed == (held,)
