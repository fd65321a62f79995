"""Experiments: settings in, rows out; stored as JSON, run and compared from the command line."""

import concurrent.futures
import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import noiseprune as npr
from replication import __main__, experiments
from replication import registry as stored
from replication import result as record
from replication.experiments import Result, theorem

SMALL = {"sizes": (40, 20), "long_range": 60, "seeds": (3, 1)}
SPECTRUM = experiments.SpectrumSettings(**SMALL, keep=(0.5, 0.3), slow=4)
LAB = experiments.LabRecordSettings(**SMALL)
IMPORTANT = experiments.ImportantSettings(**SMALL, strongest=0.05)
TRAJECTORIES = experiments.TrajectorySettings(
    **SMALL, keep=(0.5,), steps=200, every=50, simulations=4
)
EVERY = [
    (experiments.spectrum, SPECTRUM),
    (experiments.lab_record, LAB),
    (experiments.important_synapses, IMPORTANT),
    (experiments.trajectories, TRAJECTORIES),
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


@pytest.mark.parametrize("name", [run.__name__ for run, _ in EVERY])
def test_json_round_trip_is_exact(results, name, tmp_path):
    path = results[name].save(tmp_path / "folder" / f"{name}.json")
    assert Result.load(path) == results[name]
    text = path.read_text()
    assert text.endswith("}\n")
    assert "NaN" not in text
    assert "Infinity" not in text
    assert len(text.splitlines()) < 100 + len(results[name].rows)  # one line for each row
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(("run", "settings"), EVERY)
def test_an_executor_gives_the_rows_of_a_serial_run(results, run, settings):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert run(settings, executor=pool, progress=False).rows == results[run.__name__].rows


def test_the_progress_bar_counts_seeds(capsys):
    experiments.lab_record(dataclasses.replace(LAB, seeds=(0, 1, 2)), name="lab_trial")
    shown = capsys.readouterr()
    assert "lab_trial" in shown.err
    assert "3/3" in shown.err
    assert not shown.out
    experiments.lab_record(dataclasses.replace(LAB, seeds=(0,)), progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "demo.json"
    good = Result("demo", {}, [{"seed": 0}], {})
    good.save(path)
    with pytest.raises(ValueError, match=r"Out of range float|not JSON compliant"):
        Result("demo", {}, [{"seed": 0, "error": float("nan")}], {}).save(path)

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        Result("demo", {}, [{"seed": 1}], {}).save(path)
    assert Result.load(path) == good
    assert [p.name for p in tmp_path.iterdir()] == ["demo.json"]


@pytest.mark.parametrize(
    "text", ["", "{", '{"experiment": "demo"}', "[1, 2]", '{"experiment": 1, "rows": [']
)
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "demo.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"demo\.json is not a stored result"):
        Result.load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"demo\.json"):
        Result.load(tmp_path / "demo.json")


def test_rows_are_selected_by_their_conditions():
    rows = [{"seed": s, "rule": r, "error": [s, s]} for s in (0, 1) for r in ("noise", "weight")]
    result = Result("demo", {}, rows, {})
    assert result.select(rule="noise", seed=1) == [rows[2]]
    assert result.column("error", rule="weight").tolist() == [[0, 0], [1, 1]]
    assert len(result.select()) == 4
    with pytest.raises(KeyError, match=r"demo has no row with.*uniform.*noise"):
        result.select(rule="uniform")


def test_only_plain_values_are_stored_to_nine_digits():
    mixed = {
        "a": np.float64(1 / 3),
        "b": (np.int64(2), True, np.bool_(False)),
        3: np.arange(2.0),
        "n": None,
        "s": "x",
    }
    plain = record.plain(mixed)
    assert plain == {"a": 0.333333333, "b": [2, True, False], "3": [0.0, 1.0], "n": None, "s": "x"}
    assert json.loads(json.dumps(plain)) == plain


def test_streams_are_different_and_do_not_depend_on_how_many_are_asked_for():
    assert record.streams(5, 3)[:2] == record.streams(5, 2)
    assert len({*record.streams(5, 100), *record.streams(6, 100)}) == 200


def test_an_experiment_needs_a_seed():
    with pytest.raises(ValueError, match="at least one seed"):
        experiments.spectrum(dataclasses.replace(SPECTRUM, seeds=()), progress=False)


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SPECTRUM.keep = (0.1,)


# ---------------------------------------------------------------- what the rows say


def test_spectrum_rows_are_those_of_the_package(results):
    result = results["spectrum"]
    assert len(result.rows) == 2 * 2 * 3
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
    result = results["trajectories"]
    assert len(result.rows) == 2 * 3 * 2
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
        experiments.trajectories(dataclasses.replace(TRAJECTORIES, simulations=simulations))


def test_the_closed_form_can_be_left_out_for_large_networks(results):
    settings = dataclasses.replace(TRAJECTORIES, exact=False)
    rows = experiments.trajectories(settings, progress=False).rows
    assert rows == [
        {k: v for k, v in row.items() if k != "exact"} for row in results["trajectories"].rows
    ]


# ---------------------------------------------------------------- stored runs and command line


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An empty folder for results, and one small experiment in place of the stored ones."""
    monkeypatch.setattr(stored, "STORED", {"lab_record": (experiments.lab_record, LAB)})
    return tmp_path


def command(shelf, *arguments):
    return __main__.main(["--results", str(shelf), *arguments])


def test_run_stores_check_agrees_and_a_second_run_does_nothing(shelf, capsys):
    assert command(shelf, "list") == 0
    assert "lab_record" in (line := capsys.readouterr().out)
    assert "not stored" in line
    assert command(shelf, "run", "lab_record") == 0
    assert "lab_record: 4 rows" in capsys.readouterr().out
    first = (shelf / "lab_record.json").read_bytes()
    assert command(shelf, "check", "lab_record") == 0
    assert "lab_record: seed 3: agrees" in capsys.readouterr().out
    assert command(shelf, "run", "--all") == 0
    assert "stored already" in capsys.readouterr().out
    assert (shelf / "lab_record.json").read_bytes() == first
    assert command(shelf, "list") == 0
    assert "not stored" not in capsys.readouterr().out


def test_run_again_and_check_with_worker_processes_give_the_same_rows(shelf, capsys):
    command(shelf, "run", "lab_record")
    before = stored.load("lab_record", shelf)
    assert (
        __main__.main(["--results", str(shelf), "--workers", "2", "run", "--again", "lab_record"])
        == 0
    )
    assert stored.disagreements(before, stored.load("lab_record", shelf)) == []
    capsys.readouterr()


def test_check_tells_what_differs(shelf, capsys):
    command(shelf, "run", "lab_record")
    path = shelf / "lab_record.json"
    tampered = Result.load(path)
    tampered.rows[0]["kept"] += 2
    tampered.save(path)
    assert command(shelf, "check", "--all") == 1
    out = capsys.readouterr().out
    assert "seed 3: differs" in out
    assert "seed=3, rule=noise" in out
    assert "kept stored" in out


def test_results_of_other_settings_are_told_and_run_anew(shelf, capsys):
    experiments.lab_record(dataclasses.replace(LAB, keep=0.3), progress=False).save(
        shelf / "lab_record.json"
    )
    command(shelf, "list")
    assert "with other settings" in capsys.readouterr().out
    command(shelf, "run", "lab_record")
    assert stored.is_current(stored.load("lab_record", shelf))
    assert stored.load("lab_record", shelf).settings["keep"] == 0.2


def test_compare_holds_two_folders_against_each_other(shelf, capsys, tmp_path_factory):
    other = tmp_path_factory.mktemp("rerun")
    for folder in (shelf, other):
        command(folder, "run", "lab_record")
    assert command(shelf, "compare", str(other)) == 0
    assert "lab_record: 2 seeds: agrees" in capsys.readouterr().out
    experiments.lab_record(dataclasses.replace(LAB, density=0.5), progress=False).save(
        other / "lab_record.json"
    )
    assert command(shelf, "compare", str(other)) == 1
    assert "lab_record: 2 seeds: differs" in capsys.readouterr().out


def test_quick_check_runs_the_quick_ones(shelf, capsys, monkeypatch):
    monkeypatch.setattr(stored, "QUICK", ("lab_record",))
    command(shelf, "run", "--all")
    assert command(shelf, "check", "--quick") == 0
    assert "lab_record: seed 3: agrees" in capsys.readouterr().out


def test_the_quick_ones_are_stored_ones():
    assert set(stored.QUICK) < set(stored.STORED)


def test_a_worker_process_uses_one_thread():
    with threadpool_limits(2):
        record.one_thread()
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "command"),
        (["run"], "name at least one experiment"),
        (["check"], "name at least one experiment"),
        (["run", "figure_7"], "figure_7"),
        (["--workers", "0", "run", "lab_record"], "--workers must be at least 1"),
        (["forget", "lab_record"], "forget"),
    ],
)
def test_commands_that_make_no_sense(shelf, capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        command(shelf, *arguments)
    assert message in capsys.readouterr().err


def test_checking_what_was_never_run_says_so(shelf, capsys):
    assert command(shelf, "check", "lab_record") == 2
    assert "lab_record.json is not there: run the experiment first" in capsys.readouterr().err


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "replication", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "run the first seed" in done.stdout
    assert not done.stderr


def test_names_that_are_not_stored():
    for function in (stored.load, stored.run):
        with pytest.raises(
            ValueError, match="no stored experiment is called 'figure_7'; there are"
        ):
            function("figure_7")


def test_every_stored_experiment_is_a_function_of_frozen_settings():
    for run, settings in stored.STORED.values():
        assert run is getattr(experiments, run.__name__)
        assert settings.seeds
        assert dataclasses.is_dataclass(settings)
        assert settings.__dataclass_params__.frozen
        assert dataclasses.replace(settings) == settings


@pytest.mark.parametrize(
    ("old", "new", "agree"),
    [
        ({"error": 1e-15}, {"error": -2e-15}, True),  # two zeros, rounded
        ({"error": 1e-6}, {"error": 2e-6}, False),
        ({"error": 1.0}, {"error": 1.0 + 1e-7}, True),
        ({"error": 1.0}, {"error": 1.0 + 1e-5}, False),
        ({"error": [1e-9, 1.0]}, {"error": [2e-9, 1.0]}, True),  # relative to the largest
        ({"error": [1.0, 2.0]}, {"error": [1.0, 2.0, 3.0]}, False),
        ({"error": 0.0}, {"error": 0.0}, True),
        ({"error": 0.0}, {"error": 1e-6}, False),
        ({"rule": "noise"}, {"rule": "weight"}, False),
        ({"error": 1.0}, {}, False),
        ({}, {"error": 1.0}, False),
    ],
)
def test_what_counts_as_agreement(old, new, agree):
    before, after = (Result("demo", {}, [{"seed": 0, **row}], {}) for row in (old, new))
    assert (stored.disagreements(before, after) == []) == agree


def test_a_different_number_of_rows_is_a_disagreement():
    before = Result("demo", {}, [{"seed": 0}, {"seed": 0}, {"seed": 1}], {})
    after = Result("demo", {}, [{"seed": 0}], {})
    assert stored.disagreements(before, after) == ["demo: 2 rows stored, 1 rows rerun"]
    assert stored.disagreements(before, Result("demo", {}, [{"seed": 1}], {})) == []
