"""The three spectral measures, and the worst case over all directions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, sparse

import noiseprune as npr


@pytest.fixture(scope="module")
def pair(network):
    """A symmetric network and what pruning made of it."""

    def make(n=25, *, seed=0, diagonal="matched", keep=0.5):
        A = network(n, seed=seed)
        return A, npr.noise_prune(A, keep, diagonal=diagonal, rng=seed).A

    return make


# ---------------------------------------------------------------- three measures


@pytest.mark.parametrize("diagonal", ["matched", "original"])
def test_measures_follow_their_definitions_mode_by_mode(pair, diagonal):
    A, A_sparse = pair(diagonal=diagonal)
    comparison = npr.compare_spectra(A, A_sparse)
    dense = A_sparse.toarray()
    values, vectors = np.linalg.eigh(A)
    assert np.allclose(comparison.eigenvalues, values, rtol=1e-12)
    assert np.allclose(comparison.eigenvalues_sparse, np.linalg.eigvalsh(dense), rtol=1e-12)
    for i, v in enumerate(vectors.T):
        error = comparison.eigenvalues_sparse[i] / values[i] - 1
        assert comparison.eigenvalue_error[i] == pytest.approx(error, abs=1e-10)
        assert comparison.quadratic_form_error[i] == pytest.approx(
            v @ dense @ v / values[i] - 1, abs=1e-10
        )
        cosine = abs(v @ dense @ v) / np.linalg.norm(dense @ v)
        assert comparison.alignment[i] == pytest.approx(cosine, abs=1e-10)


def test_the_slowest_mode_comes_last(pair):
    comparison = npr.compare_spectra(*pair())
    for values in (comparison.eigenvalues, comparison.eigenvalues_sparse):
        assert np.all(np.diff(values) >= 0)
        assert values[-1] < 0


def test_a_network_is_like_itself_and_scaling_shows_as_scale(network):
    A = network(20)
    same = npr.compare_spectra(A, A)
    assert np.allclose(same.eigenvalue_error, 0, atol=1e-12)
    assert np.allclose(same.quadratic_form_error, 0, atol=1e-12)
    assert np.allclose(same.alignment, 1, atol=1e-12)
    scaled = npr.compare_spectra(A, 0.7 * A)
    assert np.allclose(scaled.eigenvalue_error, -0.3, atol=1e-12)
    assert np.allclose(scaled.quadratic_form_error, -0.3, atol=1e-12)
    assert np.allclose(scaled.alignment, 1, atol=1e-12)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.coo_array])
def test_measures_do_not_depend_on_container_scale_or_names_of_neurons(pair, container):
    A, A_sparse = pair()
    reference = npr.compare_spectra(A, A_sparse)
    order = np.random.default_rng(0).permutation(len(A))
    dense = A_sparse.toarray()
    for other in (
        npr.compare_spectra(container(A), container(dense)),
        npr.compare_spectra(container(1e4 * A), container(1e4 * dense)),
        npr.compare_spectra(A[np.ix_(order, order)], dense[np.ix_(order, order)]),
        npr.compare_spectra(A, A_sparse, eigenpairs=np.linalg.eigh(A)),
    ):
        assert np.allclose(other.eigenvalue_error, reference.eigenvalue_error, atol=1e-9)
        assert np.allclose(other.quadratic_form_error, reference.quadratic_form_error, atol=1e-9)
        assert np.allclose(other.alignment, reference.alignment, atol=1e-9)


def test_a_mode_that_the_pruned_network_annihilates_has_alignment_zero():
    comparison = npr.compare_spectra(-np.eye(3), np.zeros((3, 3)))
    assert comparison.alignment.tolist() == [0, 0, 0]
    assert comparison.eigenvalue_error.tolist() == [-1, -1, -1]


def test_an_unstable_original_can_be_compared(with_spectrum):
    A = with_spectrum([-2.0, -1.0, 0.5])
    assert np.allclose(npr.compare_spectra(A, 1.1 * A).eigenvalue_error, 0.1)


@pytest.mark.parametrize("function", [npr.compare_spectra, npr.spectral_epsilon])
def test_inputs_may_be_float32_or_read_only_and_stay_as_they_are(pair, function):
    A, A_sparse = pair()
    dense = A_sparse.toarray()
    for matrix in (A, dense, A_sparse.data):
        matrix.flags.writeable = False
    before = A.copy(), dense.copy()
    function(A, A_sparse), function(A, dense)
    function(np.asfortranarray(A), np.asfortranarray(dense))
    assert np.array_equal(A, before[0])
    assert np.array_equal(dense, before[1])
    rounded = A.astype(np.float32), dense.astype(np.float32)
    assert npr.spectral_epsilon(*rounded) == pytest.approx(npr.spectral_epsilon(A, dense), rel=1e-4)


# ---------------------------------------------------------------- worst case


@given(st.integers(5, 12), st.integers(0, 1000), st.floats(0.1, 1.0))
def test_epsilon_agrees_with_generalised_eigenvalues(pair, n, seed, keep):
    A, A_sparse = pair(n, seed=seed, keep=keep)
    mu = linalg.eigh(-A_sparse.toarray(), -A, eigvals_only=True)
    assert npr.spectral_epsilon(A, A_sparse) == pytest.approx(
        np.abs(mu - 1).max(), rel=1e-8, abs=1e-10
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("diagonal", ["matched", "original"])
def test_epsilon_is_the_least_that_satisfies_the_loewner_order(pair, seed, diagonal):
    A, A_sparse = pair(seed=seed, diagonal=diagonal)
    M, M_sparse = -A, -A_sparse.toarray()
    eps = npr.spectral_epsilon(A, A_sparse)

    def holds(e):
        lower = np.linalg.eigvalsh(M_sparse - (1 - e) * M)[0]
        upper = np.linalg.eigvalsh((1 + e) * M - M_sparse)[0]
        return min(lower, upper) >= 0

    assert holds(eps * (1 + 1e-9))
    assert not holds(eps * (1 - 1e-9))


@pytest.mark.parametrize("c", [0.0, 0.4, 1.0, 1.6, 3.0, -1.0])
def test_epsilon_of_a_scaled_network(network, c):
    A = network(15)
    assert npr.spectral_epsilon(A, c * A) == pytest.approx(abs(c - 1), abs=1e-12)


def test_epsilon_does_not_depend_on_container_scale_names_or_basis(pair):
    A, A_sparse = pair()
    dense = A_sparse.toarray()
    eps = npr.spectral_epsilon(A, A_sparse)
    order = np.random.default_rng(0).permutation(len(A))
    T = np.random.default_rng(1).normal(size=A.shape)
    congruent = [T.T @ B @ T for B in (A, dense)]
    for first, second in [
        (sparse.csc_array(A), dense),
        (1e-6 * A, 1e-6 * dense),
        (A[np.ix_(order, order)], dense[np.ix_(order, order)]),
        [(B + B.T) / 2 for B in congruent],
    ]:
        assert npr.spectral_epsilon(first, second) == pytest.approx(eps, rel=1e-6)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("diagonal", ["matched", "original"])
def test_epsilon_of_a_large_network_comes_from_an_iteration(pair, monkeypatch, diagonal, container):
    A, A_sparse = pair(seed=3, diagonal=diagonal)
    exact = npr.spectral_epsilon(A, A_sparse)
    monkeypatch.setattr("noiseprune.spectrum._DENSE_LIMIT", 0)
    A_sparse = container(A_sparse.toarray())
    assert npr.spectral_epsilon(container(A), A_sparse) == pytest.approx(exact, rel=1e-7)
    assert npr.spectral_epsilon(A, A_sparse) == npr.spectral_epsilon(A, A_sparse)


@pytest.mark.parametrize("c", [0.0, 0.4, 1.0, 1.6])
def test_epsilon_of_a_large_scaled_network(network, monkeypatch, c):
    monkeypatch.setattr("noiseprune.spectrum._DENSE_LIMIT", 0)
    for A in (network(30), -np.eye(30)):
        assert npr.spectral_epsilon(A, c * A) == pytest.approx(abs(c - 1), abs=1e-9)


def test_an_unstable_pruned_network_has_epsilon_above_one(network):
    A = network(10, excess=0.01)
    assert npr.spectral_epsilon(A, A - 1.1 * np.linalg.eigvalsh(A)[-1] * np.eye(10)) > 1


@pytest.mark.parametrize(
    ("A", "message"),
    [
        (np.array([[-1.0, 1.0], [1.0, -1.0]]), "positive definite.*singular"),
        (np.array([[-1.0, 1.5], [1.5, -1.0]]), "positive definite.*unstable"),
        (np.zeros((2, 2)), "positive definite"),
    ],
)
def test_epsilon_needs_a_definite_original(A, message):
    with pytest.raises(ValueError, match=message):
        npr.spectral_epsilon(A, -np.eye(2))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (npr.compare_spectra, "A is singular to working precision"),
        (npr.spectral_epsilon, "must be positive definite"),
        (lambda A, _: npr.slowest_modes(A, 1), "A is singular to working precision"),
    ],
)
def test_an_original_is_singular_where_rounding_hides_its_slowest_mode(function, message):
    """The reciprocal condition number here is half the excess leak: 2e-14, and 5e-15."""

    def pair(excess):
        return npr.add_leak([[0, 1.0], [1.0, 0]], excess=excess)

    function(pair(4e-14), -np.eye(2))
    with pytest.raises(ValueError, match=message):
        function(pair(1e-14), -np.eye(2))


@pytest.fixture(scope="module")
def graded(pair):
    """A pair of networks, and the same in units that give the neurons leaks from 1 to 1e15."""
    A, A_sparse = pair(14, keep=0.6)
    own = np.ldexp(1.0, np.round(np.linspace(0, 25, 14)).astype(int))
    scale = own * np.ldexp(1.0, -np.round(np.log2(-A.diagonal()) / 2).astype(int))
    return A, A_sparse.toarray(), scale


@pytest.mark.parametrize("container", [np.array, sparse.csr_array])
def test_epsilon_where_leaks_spread_over_15_decades(graded, container):
    A, A_sparse, scale = graded
    scaled = [container(scale[:, None] * B * scale) for B in (A, A_sparse)]
    assert -scaled[0].diagonal().min() > 1e14 * -scaled[0].diagonal().max()
    expected = npr.spectral_epsilon(A, A_sparse)
    assert npr.spectral_epsilon(*scaled) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("large", [False, True])
def test_slow_modes_where_leaks_spread_over_15_decades(graded, large, monkeypatch):
    """The slowest are the largest of the inverse, which unscaled and scaled back loses nothing."""
    A, A_sparse, scale = graded
    inverse, inverse_sparse = (np.linalg.inv(-B) / np.outer(scale, scale) for B in (A, A_sparse))
    slow, vectors = np.linalg.eigh(inverse)
    slow_sparse = np.linalg.eigvalsh(inverse_sparse)
    B, B_sparse = (scale[:, None] * matrix * scale for matrix in (A, A_sparse))
    if large:
        monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
        B = sparse.csr_array(B)
    values, found = npr.slowest_modes(B, 1 if large else 3)
    assert values == pytest.approx(-1 / slow[-values.size :], rel=1e-9)
    assert np.abs(np.sum(found * vectors[:, -values.size :], axis=0)) == pytest.approx(1, rel=1e-9)
    if not large:
        comparison = npr.compare_spectra(B, B_sparse)
        assert comparison.eigenvalues[-3:] == pytest.approx(-1 / slow[-3:], rel=1e-9)
        error = slow[-3:] / slow_sparse[-3:] - 1
        assert comparison.eigenvalue_error[-3:] == pytest.approx(error, abs=1e-9)


def test_two_neurons_with_leaks_1_and_1e15_have_the_eigenvalues_of_the_closed_form():
    A, A_sparse = ([[-1.0, w], [w, -1e15]] for w in (1e7, 2e7))
    comparison = npr.compare_spectra(A, A_sparse)
    slow, slow_sparse = (-(1e15 - w**2) / (1e15 + 1 + w**2 / 1e15) for w in (1e7, 2e7))
    assert comparison.eigenvalues == pytest.approx([-1e15, slow], rel=1e-13)
    assert comparison.eigenvalue_error[1] == pytest.approx(slow_sparse / slow - 1, abs=1e-13)
    r = 1e7 / 1e15**0.5  # leaks brought to 1: weights r and 2 r, eigenvectors (1, 1) and (1, -1)
    assert npr.spectral_epsilon(A, A_sparse) == pytest.approx(r / (1 - r), rel=1e-13)


def test_measures_need_an_original_without_eigenvalue_zero():
    with pytest.raises(ValueError, match="A is singular"):
        npr.compare_spectra([[-1.0, 1.0], [1.0, -1.0]], -np.eye(2))


@pytest.mark.parametrize("function", [npr.compare_spectra, npr.spectral_epsilon])
@pytest.mark.parametrize(
    ("A", "A_sparse", "error", "message"),
    [
        (
            -np.eye(2),
            -np.eye(3),
            ValueError,
            r"A_sparse must have the shape of A, \(2, 2\), got shape \(3, 3\)",
        ),
        ([[-1, 0.5], [0, -1]], -np.eye(2), ValueError, "A must be symmetric"),
        (-np.eye(2), [[-1, 0.5], [0, -1]], ValueError, "A_sparse must be symmetric"),
        (
            -np.eye(2),
            sparse.csr_array([[-1, 0.5], [0, -1]]),
            ValueError,
            "A_sparse must be symmetric",
        ),
        (-np.ones((2, 3)), -np.eye(2), ValueError, "A must be square"),
        (-np.eye(2), [[-1, np.nan], [np.nan, -1]], ValueError, "A_sparse must be finite"),
        ([[-1, 1j], [-1j, -1]], -np.eye(2), ValueError, "complex"),
        (None, -np.eye(2), TypeError, "A must be an array"),
        (-np.eye(2), "pruned.npy", TypeError, "A_sparse must be an array"),
    ],
)
def test_both_functions_say_what_is_wrong(function, A, A_sparse, error, message):
    with pytest.raises(error, match=message):
        function(A, A_sparse)


@pytest.mark.parametrize(
    ("eigenpairs", "message"),
    [
        ((np.ones(3), np.eye(2)), "must have shapes"),
        ((np.ones(2), np.eye(3)), "must have shapes"),
        ((np.ones((2, 2)), np.eye(2)), "1 dimension"),
        (([-1.0, -2.0], np.eye(2)), "ascending"),
        (([-2.0, -1.0], np.eye(2)), "are not those of A"),
    ],
)
def test_eigenpairs_of_another_matrix_or_in_another_order(eigenpairs, message):
    with pytest.raises(ValueError, match=rf"eigenpairs.*{message}"):
        npr.compare_spectra(-np.eye(2), -np.eye(2), eigenpairs=eigenpairs)
