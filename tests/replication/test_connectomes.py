"""The stored real networks, their twins, and the experiment that prunes them."""

import dataclasses

import numpy as np
import pytest

import noiseprune as npr
from replication import collect, experiments
from replication.experiments import connectomes
from replication.registry import RESULTS


@pytest.mark.parametrize("name", collect.SOURCES)
def test_every_network_says_where_it_comes_from(name):
    W, names, origin = collect.load(name)
    assert W.shape == (len(names), len(names))
    assert len(set(names)) == len(names)
    assert W.has_canonical_format
    assert W.data.all()
    assert np.isfinite(W.data).all()
    assert origin.keys() >= {"what", "unit", "licence", "reference", "package", "version"}
    assert origin["licence"] in {"MIT", "BSD 3-Clause"}


def test_every_file_of_data_stands_among_the_licences():
    page = (RESULTS.parent / "book" / "licences.md").read_text(encoding="utf-8")
    lines = {
        path.name: [line for line in page.splitlines() if f"`{path.name}`" in line]
        for path in collect.DATA.iterdir()
    }
    assert all(len(found) == 1 for found in lines.values()), lines
    for name in collect.SOURCES:
        origin = collect.load(name)[2]
        source = f"`{origin['package']}` {origin['version']}, {origin['licence']}"
        assert source in lines[f"{name}.npz"][0]


def test_row_is_target():
    """In the larva projection neurons (P) drive Kenyon cells (K), not the other way round."""
    W, names, _ = collect.load("larva_left")
    kind = np.array([name[0] for name in names])
    onto_kenyon = W[kind == "K"][:, kind == "P"].sum()
    assert onto_kenyon > 20 * W[kind == "P"][:, kind == "K"].sum()
    W, names, _ = collect.load("worm_chemical")
    place = {name: k for k, name in enumerate(names)}
    assert W[place["AVAL"], place["ASHL"]] > W[place["ASHL"], place["AVAL"]]  # sense to command


def test_unknown_network_is_refused():
    with pytest.raises(ValueError, match="worm_gap"):
        collect.load("cat")


@pytest.mark.parametrize("name", ["worm_gap", "worm_chemical"])
def test_a_twin_has_the_degrees_and_the_weights_of_the_network(name):
    for W in connectomes.forms(name).values():
        twin = connectomes.rewire(W, rng=0)
        for axis in (0, 1):
            np.testing.assert_array_equal((twin != 0).sum(axis=axis), (W != 0).sum(axis=axis))
        np.testing.assert_allclose(np.sort(twin.data), np.sort(W.data))
        assert not twin.diagonal().any()
        assert (twin != W).nnz > W.nnz / 4
        assert (abs(twin - twin.T).max() == 0) == (abs(W - W.T).max() == 0)


def test_leaks():
    (W,) = connectomes.forms("worm_gap").values()
    A = connectomes.with_leak(W, 0.1, 0.9)
    excess = -A.diagonal() - abs(W).sum(axis=1)
    np.testing.assert_allclose(excess, 0.1 * W.sum() / W.shape[0])
    fixed = connectomes.with_leak(W, None, 0.9)
    np.testing.assert_allclose(fixed.diagonal(), -1)


SMALL = connectomes.ConnectomeSettings(
    networks=("worm_gap",), excess=(0.1,), keep=(0.5,), rewired=(), seeds=(0,)
)


def test_rows_measure_every_condition():
    rows = experiments.connectome_pruning(SMALL, progress=False).rows
    assert [row["excess"] for row in rows] == [0.1, None]
    for row in rows:
        for measure in (*connectomes.MEASURES, "components", "stable"):
            assert len(row[measure]) == len(connectomes.CONDITIONS)
    balanced = dict(zip(connectomes.CONDITIONS, rows[0]["epsilon"], strict=True))
    (W,) = connectomes.forms("worm_gap").values()
    A = connectomes.with_leak(W, 0.1, 0.9)
    pruned = npr.noise_prune(A, 0.5, rng=experiments.streams(0, 2)[1]).A
    epsilon = npr.spectral_epsilon(A, pruned)
    assert balanced["noise, independent"] == pytest.approx(epsilon, rel=1e-3)
    assert balanced["top weight"] <= 1  # where the leak follows, an unscaled mask cannot exceed 1


def test_top_keeps_pairs_together():
    (W,) = connectomes.forms("worm_gap").values()
    kept = connectomes._top(W, npr.synapse_scores(npr.add_leak(W, excess=1.0)), 0.2, True)
    assert abs(kept - kept.T).max() == 0
    assert kept.nnz == pytest.approx(0.2 * W.nnz, abs=2)


def test_twins_are_pruned_beside_the_network():
    both = dataclasses.replace(SMALL, rewired=(0.5,))
    rows = experiments.connectome_pruning(both, progress=False).rows
    assert {row["wiring"] for row in rows} == {"real", "rewired"}


def test_a_result_is_stored_and_read_again(tmp_path):
    result = experiments.connectome_pruning(SMALL, progress=False)
    again = experiments.Result.load(result.save(tmp_path / "connectomes.json"))
    assert again.rows == result.rows
