"""Experiments: settings in, rows out; stored as JSON, run and compared from the command line."""

import concurrent.futures
import dataclasses
import importlib
import json
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import noiseprune as npr
import replication
from replication import experiments, recorded
from replication import result as record
from replication.experiments import theorem

FOLDER = Path(replication.__file__).parent
SMALL = {"sizes": (40, 20), "long_range": 60, "seeds": (3, 1)}
SPECTRUM = experiments.SpectrumSettings(**SMALL, keep=(0.5, 0.3), slow=4)
LAB = experiments.LabRecordSettings(**SMALL)
IMPORTANT = experiments.ImportantSettings(**SMALL, strongest=0.05)
TRAJECTORIES = experiments.TrajectorySettings(
    **SMALL, keep=(0.5,), steps=200, every=50, simulations=4
)
EVERY = [
    (experiments.spectra, SPECTRUM),
    (experiments.lab_record, LAB),
    (experiments.important_synapses, IMPORTANT),
    (experiments.trajectory_errors, TRAJECTORIES),
    (
        theorem.failure_rate,
        theorem.FailureSettings(
            sizes=(20, 10), long_range=30, rates=(1, 8, 64), draws=10, seeds=(3, 1)
        ),
    ),
    (theorem.pruned_fraction, theorem.PrunedFractionSettings(neurons=(40, 60), seeds=(3, 1))),
]


@pytest.fixture(scope="module")
def results():
    """Each experiment at a small size, run once for this file."""
    return {run.__name__: run(settings, progress=False) for run, settings in EVERY}


# ---------------------------------------------------------------- results


@pytest.mark.parametrize("name", [run.__name__ for run, _ in EVERY])
def test_a_result_holds_all_it_was_made_from(results, name):
    result = results[name]
    settings = next(settings for run, settings in EVERY if run.__name__ == name)
    assert result.experiment == name
    assert result.settings == json.loads(json.dumps(dataclasses.asdict(settings)))
    assert result.provenance["command"].endswith(f"run {name}")
    assert result.provenance["versions"]["noiseprune"] == npr.__version__
    assert result.provenance["versions"]["numpy"] == np.__version__
    assert result.provenance["seconds"] >= 0
    assert {"date", "machine"} <= result.provenance.keys()
    assert [row["seed"] for row in result.rows] == sorted(
        [row["seed"] for row in result.rows], key=(3, 1).index
    )


@pytest.mark.parametrize(("run", "settings"), EVERY)
def test_an_executor_gives_the_rows_of_a_serial_run(results, run, settings):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert run(settings, executor=pool, progress=False).rows == results[run.__name__].rows


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SPECTRUM.keep = (0.1,)


# ---------------------------------------------------------------- what the rows say


@pytest.mark.filterwarnings("ignore:the pruned network is unstable")
def test_spectrum_rows_are_those_of_the_package(results):
    result = results["spectra"]
    assert len(result.rows) == 2 * 2 * 4
    A = SPECTRUM.draw(1)
    seed = record.streams(1, 2)[1]
    for rule in ("noise", "weight", "uniform"):
        (row,) = result.select(seed=1, keep=0.3, rule=rule)
        pruned = npr.noise_prune(A, 0.3, rule=rule, rng=seed)
        comparison = npr.compare_spectra(A, pruned.A)
        assert row["synapses"] == np.count_nonzero(A) - len(A)
        assert row["kept"] == pruned.kept.nnz
        assert row["epsilon"] == pytest.approx(npr.spectral_epsilon(A, pruned.A), rel=1e-6)
        assert row["largest_eigenvalue"] == pytest.approx(
            comparison.eigenvalues_sparse[-1], rel=1e-6
        )
        for measure in ("eigenvalue_error", "quadratic_form_error", "alignment"):
            values = getattr(comparison, measure)
            assert np.allclose(row[f"{measure}_slow"], values[-4:], rtol=1e-5, atol=1e-8)
            assert row[f"{measure}_percentiles"][0] == pytest.approx(values.min(), rel=1e-6)
            assert row[f"{measure}_percentiles"][10] == pytest.approx(np.median(values), rel=1e-6)
            assert row[f"{measure}_median_size"] == pytest.approx(np.median(abs(values)), rel=1e-6)
        original = npr.noise_prune(A, 0.3, rule=rule, diagonal="original", rng=seed).A.toarray()
        largest = np.linalg.eigvalsh(original)[-1]
        assert row["largest_eigenvalue_original_diagonal"] == pytest.approx(largest, rel=1e-6)


def test_networks_depend_on_the_seed_alone():
    assert np.array_equal(SPECTRUM.draw(1), LAB.draw(1))
    assert not np.array_equal(SPECTRUM.draw(1), SPECTRUM.draw(3))
    assert SPECTRUM.clusters().tolist() == [0] * 40 + [1] * 20


def test_lab_record_counts_with_the_labs_order_of_normalising(results):
    for row in results["lab_record"].rows:
        assert row["kept_fraction"] == pytest.approx(row["kept"] / row["synapses"], rel=1e-6)
        assert row["expected_fraction"] <= 0.2 + 1e-9
        assert row["smallest_eigenvalue"] < row["largest_eigenvalue"] < 0
        assert row["largest_rescale"] > 1
        S = npr.synapse_scores(LAB.draw(row["seed"]), rule=row["rule"])
        P = npr.keep_probabilities(S, keep=0.2, normalise="clipped")
        assert row["expected_fraction"] == pytest.approx(P.data.mean(), rel=1e-6)
        # Directed synapses in pairs: 6 standard deviations of the number kept.
        spread = np.sqrt(2 * (P.data * (1 - P.data)).sum())
        assert row["kept"] == pytest.approx(P.sum(), abs=6 * spread)


def test_the_rule_ranks_long_range_synapses_higher_than_the_control_does(results):
    for seed in SMALL["seeds"]:
        noise, weight = (
            results["important_synapses"].select(seed=seed, rule=rule)[0]
            for rule in ("noise", "weight")
        )
        assert noise["auc_between"] > weight["auc_between"] + 0.05
        assert noise["median_p_between"] > weight["median_p_between"]
        assert noise["auc_strong"] > 0.9
        assert weight["auc_strong"] == 1.0
        assert noise["between"] == weight["between"] > 0
        assert noise["correlation_inside"] > noise["correlation_across"]
        for row in (noise, weight):
            assert all(
                0 <= row[k] <= 1 for k in row if k.startswith(("median_p", "always_kept", "auc"))
            )


@pytest.mark.parametrize("strongest", [0, -0.1, 0.6, np.nan])
def test_a_share_of_exceptionally_strong_synapses_that_is_none(strongest):
    with pytest.raises(ValueError, match="strongest must lie in"):
        experiments.important_synapses(
            dataclasses.replace(IMPORTANT, strongest=strongest), progress=False
        )


def test_trajectories_agree_with_their_closed_form(results):
    result = results["trajectory_errors"]
    assert len(result.rows) == 2 * 4 * 2
    for row in result.rows:
        assert np.allclose(row["times"], TRAJECTORIES.times)
        assert np.allclose(row["times"], [0, 0.25, 0.5, 0.75, 1.0])
        assert row["mean"][0] == row["std"][0] == 0
        # Little noise: the four simulations scatter by the initial activity, some percent.
        assert np.allclose(row["mean"], row["exact"], rtol=0.1, atol=1e-6)
        assert np.all(np.array(row["std"][1:]) > 0)


@pytest.mark.parametrize("simulations", [1, 0, -2])
def test_one_simulation_has_no_spread(simulations):
    with pytest.raises(ValueError, match="simulations must be at least 2"):
        experiments.trajectory_errors(dataclasses.replace(TRAJECTORIES, simulations=simulations))


def test_the_closed_form_can_be_left_out_for_large_networks(results):
    settings = dataclasses.replace(TRAJECTORIES, exact=False)
    rows = experiments.trajectory_errors(settings, progress=False).rows
    assert rows == [
        {k: v for k, v in row.items() if k != "exact"} for row in results["trajectory_errors"].rows
    ]


def test_network_of_the_lab_notebook():
    on_record = {number.column: number.value for number in recorded.LAB_OUTPUT}
    W = npr.clustered(
        recorded.LAB_SIZES, density=recorded.DENSITY, long_range=recorded.LONG_RANGE, rng=2020
    )
    # 503,400 pairs inside the clusters of 1,999,000; of the 2,500 long-range pairs a hypergeometric
    # number falls on new ones: 1,010,541 directed synapses on average, standard deviation 43.
    # 6 of them leave a false-alarm rate below 1e-8, and hold the recorded number too.
    for count in (np.count_nonzero(W), on_record["synapses"]):
        assert count == pytest.approx(1_010_541, abs=6 * 43)
    values = np.linalg.eigvalsh(npr.add_leak(W))
    assert values[0] == pytest.approx(on_record["smallest_eigenvalue"], rel=0.02)
    assert values[-1] == pytest.approx(on_record["largest_eigenvalue"], rel=0.1)


def test_of_what_is_private_to_the_package_four_modules_are_imported():
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.py"))
    found = re.findall(r"^from noiseprune\.(_\w+)", text, re.MULTILINE)
    for names in re.findall(r"^from noiseprune import (?:\(([^)]*)\)|(.*))", text, re.MULTILINE):
        found += re.findall(r"\b_\w+", " ".join(names))
    assert set(found) == {"_checks", "_matrix", "_device", "_refit"}


def test_no_dataclass_can_be_changed_and_none_compares_arrays():
    found = {
        thing
        for module in pkgutil.walk_packages(replication.__path__, "replication.")
        if module.name not in ("replication.__main__", "replication.train")
        for thing in vars(importlib.import_module(module.name)).values()
        if dataclasses.is_dataclass(thing) and thing.__module__.startswith("replication")
    }
    assert len(found) > 20
    with_arrays = {t for t in found if any("array" in str(f.type) for f in dataclasses.fields(t))}
    assert {thing.__name__ for thing in with_arrays} >= {"Attempt", "Network", "Trials"}
    assert [t for t in with_arrays if t.__dataclass_params__.eq] == []  # == would be ambiguous
    assert all(thing.__dataclass_params__.frozen for thing in found)
