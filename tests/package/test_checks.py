"""What is no matrix, is refused with what to do instead."""

import pathlib

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import noiseprune as npr


class Module:
    """What a torch.nn.Module looks like from outside."""

    def named_parameters(self):
        """Nothing."""


@pytest.fixture
def archive(tmp_path):
    np.savez(tmp_path / "nets.npz", first=-np.eye(2), second=-np.eye(3))
    with np.load(tmp_path / "nets.npz") as file:
        yield file


CALLS = {
    "stationary_covariance": npr.stationary_covariance,
    "synapse_scores": npr.synapse_scores,
    "noise_prune": lambda A: npr.noise_prune(A, 0.5),
    "sample_synapses": lambda A: npr.sample_synapses(A, np.eye(2)),
    "keep_probabilities": lambda A: npr.keep_probabilities(A, keep=0.5),
    "add_leak": npr.add_leak,
    "fixed_leak": npr.fixed_leak,
    "stabilise": npr.stabilise,
    "slowest_modes": npr.slowest_modes,
}

WRONG = {
    "nothing": (None, TypeError, "must be an array, got None"),
    "name": ("net.npy", TypeError, "got the str 'net.npy'; read the file first"),
    "path": (pathlib.PurePosixPath("net.npy"), TypeError, "read the file first"),
    "graph": (nx.path_graph(3), TypeError, "got the graph Graph; use networkx.to_scipy_sparse"),
    "directed graph": (nx.DiGraph([(0, 1)]), TypeError, "transposed if the graph is directed"),
    "module": (Module(), TypeError, "got the module Module; take a weight of it"),
    "masked": (np.ma.masked_array(-np.eye(2), np.eye(2)), ValueError, "must not be a masked array"),
    "nothing masked": (np.ma.masked_array(-np.eye(2)), ValueError, "must not be a masked array"),
    "masked rows": (list(np.ma.masked_array(-np.eye(2), np.eye(2))), ValueError, "masked array"),
    "dictionary": ({"A": -np.eye(2)}, TypeError, "must hold numbers"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_matrix_is_refused_with_what_to_do(call, wrong):
    value, error, message = WRONG[wrong]
    with pytest.raises(error, match=f"^[AWS] .*{message}"):
        CALLS[call](value)


@pytest.mark.parametrize("call", CALLS)
def test_an_archive_names_its_arrays(call, archive):
    with pytest.raises(TypeError, match=r"NpzFile of several: first, second; .*file\['first'\]"):
        CALLS[call](archive)


def test_a_sparse_matrix_with_a_masked_store_is_refused():
    A = sparse.csr_array(-np.eye(2))
    A.data = np.ma.masked_array(A.data, [0, 1])
    with pytest.raises(ValueError, match="masked"):
        npr.stationary_covariance(A)


def test_a_sparse_state_says_so():
    with pytest.raises(TypeError, match=r"x must be a dense array, .*use x.toarray\(\)"):
        npr.sample_covariance(sparse.csr_array(np.ones((3, 2))))


@pytest.mark.parametrize("rng", ["x", 1.0, True, [1, 2]])
def test_what_is_no_source_of_randomness(rng):
    with pytest.raises(TypeError, match="rng must be a numpy Generator, a BitGenerator"):
        npr.spatial(20, 4, rng=rng)


A = npr.add_leak([[0, 1.0], [1.0, 0]], excess=0.5)
SCORES = np.array([[0, 1.0], [1.0, 0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: npr.compare_spectra(A, A, eigenpairs=1), r"a pair \(values, vectors\), got int"),
        (lambda: npr.compare_spectra(A, A, eigenpairs=(np.ones(2),)), "a pair"),
        (lambda: npr.synapse_scores(A, rule=np.array(["noise", "leak"])), "rule must be one of"),
        (lambda: npr.diagnose(A, keep=[]), "keep must hold at least one fraction"),
        (lambda: npr.sample_covariance([[1e200], [-1e200]]), "scale x down"),
        (lambda: npr.sample_covariance([[1.5e308], [1.5e308]]), "scale x down"),
        (lambda: npr.keep_probabilities(1e-310 * SCORES, keep=0.5), "leave no K that is a number"),
        (lambda: npr.keep_probabilities(1e308 * SCORES, keep=0.5), "leave no K that is a number"),
        (lambda: npr.keep_probabilities(0 * SCORES, keep=0.5), "zero synapses|every score is 0"),
    ],
)
def test_what_nobody_meant_is_refused_in_words(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


@pytest.mark.parametrize("form", ["coo", "csr", "csc", "bsr", "dia", "lil", "dok"])
def test_every_sparse_format_is_taken_at_its_value(form):
    A = np.array([[-4, 1, 2], [1, -3, 0], [2, 0, -5]])
    given = sparse.coo_array(A, dtype=np.int8).asformat(form)
    assert (npr.synapse_scores(given).toarray() == npr.synapse_scores(A).toarray()).all()
    assert (npr.stationary_covariance(given) == npr.stationary_covariance(A)).all()


def test_entries_that_stand_twice_add_up_beyond_their_dtype():
    """100 + 100 is 200, also where the matrix holds integers of 8 bits."""

    def twice(value, dtype=np.int8):
        place = ([0, 0, 1, 1], [1, 1, 0, 0])
        return sparse.coo_array((np.full(4, value, dtype=dtype), place), shape=(2, 2))

    W = twice(100)
    assert npr.add_leak(W).toarray().tolist() == [[-200, 200], [200, -200]]
    assert npr.read(W).W.max() == 200
    assert np.allclose(npr.keep_probabilities(W, K=1e-3).max(), 0.2)
    assert npr.synapse_scores(twice(True, bool), rule="weight").max() == 2


def test_a_table_must_have_its_neurons_in_one_order():
    table = pd.DataFrame([[1.0, -3.0], [-3.0, 1.0]], index=["b", "a"], columns=["a", "b"])
    for call in (npr.stationary_covariance, npr.add_leak):
        with pytest.raises(ValueError, match=r"neurons in one order.*use [AW]\.loc\[[AW]\.columns"):
            call(table)
    A = table.loc[table.columns]
    assert (npr.stationary_covariance(A) == npr.stationary_covariance(A.to_numpy())).all()
    A.columns = ["x", "y"]  # names that say nothing of the order
    assert npr.stationary_covariance(A).shape == (2, 2)


def test_a_network_says_which_of_its_matrices_to_give():
    pruned = npr.noise_prune(A, 0.5, rng=0)
    with pytest.raises(
        TypeError, match=r"A_sparse must be an array, got a PrunedNetwork; use its \.A"
    ):
        npr.compare(A, pruned)
    with pytest.raises(TypeError, match=r"W must be an array, got a Network; use its \.W"):
        npr.add_leak(npr.read(SCORES))


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
def test_single_precision_draws_pairs_and_matches_the_leak(container):
    W = npr.clustered([20, 20], long_range=60, rng=0) / 3
    A = npr.add_leak(W, excess=0)
    pruned = npr.noise_prune(container(A.astype(np.float32)), 0.5, rng=0).A
    assert abs(pruned - pruned.T).max() == 0
    expected = npr.noise_prune(A, 0.5, rng=0).A
    assert abs(pruned - expected).max() < 1e-5


TABLE = pd.DataFrame(npr.add_leak([[0, 1, 2], [1, 0, 3], [2, 3, 0]], excess=1), [*"abc"], [*"abc"])
COVARIANCE = pd.DataFrame(npr.stationary_covariance(TABLE), [*"abc"], [*"abc"])
PAIRS = {
    "synapse_variances": (npr.synapse_variances, "C"),
    "synapse_scores": (lambda A, C: npr.synapse_scores(A, C=C), "C"),
    "noise_prune": (lambda A, C: npr.noise_prune(A, 0.9, C=C, rng=0), "C"),
    "sample_synapses": (lambda A, P: npr.sample_synapses(A, P, rng=0), "P"),
    "predicted_epsilon": (npr.theory.predicted_epsilon, "P"),
    "compare": (npr.compare, "A_sparse"),
    "compare_spectra": (npr.compare_spectra, "A_sparse"),
    "trajectory_error": (lambda A, B: npr.trajectory_error(A, B, [1.0], x0=[1, 0, 0]), "A_sparse"),
    "eigenvalue_errors": (npr.asymmetric.eigenvalue_errors, "A_sparse"),
    "inverse_error": (npr.asymmetric.inverse_error, "A_sparse"),
    "shared_noise_error": (npr.asymmetric.shared_noise_error, "A_sparse"),
}


@pytest.mark.parametrize("call", PAIRS)
def test_two_tables_must_have_their_neurons_in_one_order(call):
    call, name = PAIRS[call]
    second = {"C": COVARIANCE, "P": TABLE.abs() * (1 - np.eye(3)) / 20, "A_sparse": TABLE}[name]
    call(TABLE, second)
    call(TABLE, second.set_axis([*"xyz"]).set_axis([*"xyz"], axis=1))  # says nothing of the order
    call(TABLE.to_numpy(), second.loc[[*"cab"], [*"cab"]])
    with pytest.raises(ValueError, match=rf"{name} must .* order of A, .* use {name}\.loc\[A\.col"):
        call(TABLE, second.loc[[*"cab"], [*"cab"]])
