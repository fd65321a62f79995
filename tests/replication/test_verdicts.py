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
        "rules": ["noise", "weight", "uniform"],
    } | (settings)
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
def test_the_trajectory_error_is_small_and_below_the_controls(
    key, name, noise, weight, uniform, held
):
    noise = per_seed(noise[0], 0.1001, noise[1])
    rows = [
        {"seed": s, "keep": keep, "rule": rule, "diagonal": diagonal,
         "mean": [0.0, value if (keep, diagonal) == (0.2, "matched") else 9.0, 0.01]}
        for s in SEEDS
        for rule, value in (("noise", noise[s]), ("weight", weight), ("uniform", uniform))
        for keep in (0.2, 0.05)
        for diagonal in (("matched", "original") if key == "6" else ("matched",))
    ]  # fmt: skip
    assert judge(key, made(name, rows, keep=[0.2, 0.05])) == held


# ---------------------------------------------------------------- 8: below the weight control


MEASURES = ("slow modes", "all modes", "worst case", "trajectory")


def pair(key, bad, values):
    """Results of the rule and the control; measure `bad` of the last seed takes the values."""
    spectrum, paths = [], []
    for s in SEEDS:
        for k, rule in enumerate(("noise", "weight")):
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
            spectrum.append(row | (path if key in ("8b", "8c") else {}) | {"keep": 0.2})
            paths.append({"seed": s, "rule": rule, "keep": 0.2, **path})
    if key == "8a":
        return made("spectrum_paper", spectrum), made("trajectories_lab", paths)
    return (made({"8b": "ten_thousand", "8c": "ten_thousand_lab"}[key], spectrum, keep=0.03),)


@pytest.mark.parametrize("key", ["8a", "8b", "8c"])
@pytest.mark.parametrize("bad", MEASURES)
@pytest.mark.parametrize(
    ("values", "held"), [((0.199, 0.2), True), ((0.2, 0.2), False), ((0.201, 0.2), False)]
)
def test_each_measure_is_below_the_control_in_every_seed(key, bad, values, held):
    assert judge(key, *pair(key, bad, values)) == tuple(held or m != bad for m in MEASURES)


# ---------------------------------------------------------------- 9: the diagonal


@pytest.mark.parametrize(
    ("ratio", "held"),
    [(1.0, True), (1.49, True), (1.51, False), (1 / 1.49, True), (1 / 1.51, False)],
)
@pytest.mark.parametrize("keep", [0.2, 0.05])
@pytest.mark.parametrize("which", [ALL, ONE])
def test_the_diagonal_changes_the_error_by_less_than_half_in_every_network(
    ratio, held, keep, which
):
    rows = []
    for s, rule, k in itertools.product(SEEDS, ("noise", "weight", "uniform"), (0.2, 0.05)):
        changed = rule == "noise" and k == keep and (which is ALL or s == SEEDS[-1])
        factor = ratio if changed else 5.0 if rule != "noise" else 1.1
        rows += [
            {"seed": s, "rule": rule, "keep": k, "diagonal": "matched", "mean": [0.0, 0.1]},
            {
                "seed": s,
                "rule": rule,
                "keep": k,
                "diagonal": "original",
                "mean": [0.0, 0.1 * factor],
            },
        ]
    held = tuple(held or k != keep for k in (0.2, 0.05))
    assert judge("9", made("trajectories_lab", rows, keep=[0.2, 0.05])) == held


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
