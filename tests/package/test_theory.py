"""The facts behind the rule, the theorem, and what it says about the dynamics.

Numbers in headings are those of the book: leverage l_ij = |w_ij| u_ij^T M^-1 u_ij with M = -A.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, sparse

import noiseprune as npr
from noiseprune import theory

# ---------------------------------------------------------------- constants


def test_sampling_rate_is_three_log_2n_over_delta_over_epsilon_squared():
    assert theory.sampling_rate(1, 1.0, 0.5) == pytest.approx(3 * np.log(4))
    assert theory.sampling_rate(3000, 0.5, 0.01) == pytest.approx(12 * np.log(600_000))


def test_failure_probability_adds_both_tails_and_never_exceeds_one():
    n, eps, kappa = 50, 0.8, 30.0
    expected = 50 * np.exp(-0.64 * 10) + 50 * np.exp(-0.64 * 15)
    assert theory.failure_probability(n, eps, kappa) == pytest.approx(expected)
    assert theory.failure_probability(n, eps, 1e-6) == 1.0


@given(st.integers(1, 10**6), st.floats(0.01, 1.0), st.floats(1e-9, 0.999))
def test_the_sampling_rate_suffices(n, epsilon, delta):
    kappa = theory.sampling_rate(n, epsilon, delta)
    assert theory.failure_probability(n, epsilon, kappa) <= delta
    assert theory.sampling_rate(n + 1, epsilon, delta) > kappa
    assert theory.sampling_rate(n, epsilon, delta / 2) > kappa


def test_expected_pairs_and_the_pruned_fraction_that_tends_to_one():
    assert theory.expected_pairs(100, 7.5) == 750
    kept = [
        theory.expected_pairs(n, theory.sampling_rate(n, 0.5, 0.01)) / (n * (n - 1) / 2)
        for n in (10**3, 10**4, 10**5, 10**6)
    ]
    assert all(b < a / 8 for a, b in itertools.pairwise(kept))


def test_relaxation_bound():
    assert theory.relaxation_bound(0.0) == 0
    assert theory.relaxation_bound(0.75) == pytest.approx(0.75)
    assert theory.relaxation_bound(0.19) == pytest.approx(0.19 / 1.8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: theory.sampling_rate(0, 0.5, 0.1), ValueError, "n must be at least 1"),
        (lambda: theory.sampling_rate(10.5, 0.5, 0.1), TypeError, "n must be a whole number"),
        (lambda: theory.sampling_rate(None, 0.5, 0.1), TypeError, "n must be a whole number"),
        (lambda: theory.sampling_rate(10, 0.0, 0.1), ValueError, "epsilon must lie in"),
        (lambda: theory.sampling_rate(10, 1.1, 0.1), ValueError, "epsilon must lie in"),
        (lambda: theory.sampling_rate(10, np.nan, 0.1), ValueError, "epsilon must lie in"),
        (lambda: theory.sampling_rate(10, "small", 0.1), TypeError, "epsilon must be a number"),
        (lambda: theory.sampling_rate(10, 1j, 0.1), (ValueError, TypeError), "epsilon"),
        (lambda: theory.sampling_rate(10, 0.5, 0.0), ValueError, "delta must lie in"),
        (lambda: theory.sampling_rate(10, 0.5, 1.0), ValueError, "delta must lie in"),
        (lambda: theory.failure_probability(0, 0.5, 1.0), ValueError, "n must be at least 1"),
        (lambda: theory.failure_probability(10, 1.5, 1.0), ValueError, "epsilon must lie in"),
        (lambda: theory.failure_probability(10, 0.5, 0.0), ValueError, "kappa must lie in"),
        (lambda: theory.failure_probability(10, 0.5, -1.0), ValueError, "kappa must lie in"),
        (lambda: theory.expected_pairs(0, 1.0), ValueError, "n must be at least 1"),
        (lambda: theory.expected_pairs(10, 0.0), ValueError, "kappa must lie in"),
        (lambda: theory.relaxation_bound(-0.1), ValueError, "epsilon must lie in"),
        (lambda: theory.relaxation_bound(1.0), ValueError, "epsilon must lie in"),
        (lambda: theory.relaxation_bound(None), TypeError, "epsilon must be a number"),
    ],
)
def test_arguments_out_of_range(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- facts about the leverage


def leverage_of_pairs(A):
    """Leverages of the pairs i < j by the package, kappa = 1: K sigma^2 = 2."""
    return 2 * sparse.triu(npr.synapse_scores(A), 1).tocoo()


@given(st.integers(2, 10), st.integers(0, 2**32 - 1), st.floats(0, 2), st.floats(0.2, 1))
def test_leverages_lie_between_0_and_1_and_add_up_as_foster_says(network, n, seed, excess, density):
    """0 < l <= 1 and sum l = N - sum_i s_i (M^-1)_ii <= N, with signs and leak."""
    A = network(n, seed=seed, density=density, excess=0.0)
    s = np.random.default_rng(seed).uniform(1e-3, 1.0, n) * (1 + excess)
    A -= np.diag(s)
    if not np.triu(A, 1).any():
        return
    leverage = leverage_of_pairs(A)
    assert leverage.data.min() > 0
    assert leverage.data.max() <= 1 + 1e-10
    foster = n - s @ np.linalg.inv(-A).diagonal()
    assert leverage.sum() == pytest.approx(foster, rel=1e-9)
    assert leverage.sum() < n


@pytest.mark.parametrize("seed", range(3))
def test_without_excess_leak_the_leverages_add_up_to_the_number_of_neurons(network, seed):
    A = network(15, seed=seed, excess=0.0)  # unbalanced signs: regular without excess leak
    assert leverage_of_pairs(A).sum() == pytest.approx(15, rel=1e-9)
    kappa = 0.7
    P = npr.keep_probabilities(npr.synapse_scores(A), K=2 * kappa)
    assert P.sum() / 2 <= theory.expected_pairs(15, kappa) * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("density", [0.3, 0.6])
def test_one_minus_leverage_says_how_singular_the_network_is_without_the_synapse(
    network, seed, density
):
    """det(M without the synapse's term) = (1 - l) det M: l = 1 iff the synapse is irreplaceable."""
    A = network(8, seed=seed, density=density)
    leverage = leverage_of_pairs(A)
    for i, j, value in zip(leverage.row, leverage.col, leverage.data, strict=True):
        assert 1 - value == pytest.approx(
            np.linalg.det(without(A, i, j)) / np.linalg.det(-A), abs=1e-9
        )


def without(A, i, j):
    """M less the term |w_ij| u u^T of one synapse pair."""
    u = np.zeros(len(A))
    u[i], u[j] = 1.0, -np.sign(A[i, j])
    return -A - abs(A[i, j]) * np.outer(u, u)


def two_parts(bridge, balanced):
    """A part with excess leak and, behind one synapse, a part of three neurons without any."""
    W = np.zeros((7, 7))
    W[:4, :4] = 1.0
    far = np.array([[0, 2.0, -1.0], [2.0, 0, -0.5], [-1.0, -0.5, 0]])  # balanced: parts {4, 5}, {6}
    if not balanced:
        far[0, 2] = far[2, 0] = 1.0
    W[4:, 4:] = far
    W[3, 4] = W[4, 3] = bridge
    np.fill_diagonal(W, 0)
    return npr.add_leak(W, excess=[0.5, 0.5, 0.5, 0.5, 0, 0, 0])


@pytest.mark.parametrize("bridge", [0.01, -0.01, 3.0])
@pytest.mark.parametrize("keep", [0.25, 0.5])
def test_a_bridge_to_a_balanced_part_without_leak_is_never_pruned(bridge, keep):
    """However weak it is, and whatever the sign: behind it nothing else makes activity decay."""
    A = two_parts(bridge, balanced=True)
    S = npr.synapse_scores(A)
    assert 2 * S[3, 4] == pytest.approx(1.0, abs=1e-10)
    P = npr.keep_probabilities(S, keep=keep)
    assert P[3, 4] == P.max()
    P = npr.keep_probabilities(
        S, K=2.0 * (1 + 1e-9)
    )  # kappa = 1: only irreplaceable ones are certain
    for seed in range(50):
        assert npr.sample_synapses(A, P, rng=seed)[3, 4] == pytest.approx(bridge, rel=1e-9)


def test_a_bridge_to_a_part_with_conflicting_signs_can_be_spared():
    """That part decays on its own: no relabelling of neurons makes all of its synapses positive."""
    A = two_parts(0.01, balanced=False)
    assert np.linalg.eigvalsh(-A[4:, 4:] - np.diag([0.01, 0, 0]))[0] > 0.1
    assert 2 * npr.synapse_scores(A)[3, 4] < 0.1


@pytest.mark.parametrize(("excess", "expected"), [(1e-2, 0.9), (1e-4, 0.999), (1e-6, 0.99999)])
def test_a_bridge_tends_to_leverage_one_as_the_leak_vanishes(excess, expected):
    """Every edge of a tree is a bridge."""
    W = np.diag(np.ones(5), 1)
    A = npr.add_leak(W + W.T, excess=excess)
    assert expected < leverage_of_pairs(A).data.min() < 1


@pytest.mark.parametrize("n", [3, 4, 7])
def test_every_synapse_of_a_frustrated_ring_is_irreplaceable(n):
    """A ring with one inhibitory synapse: without any one of its synapses the rest is balanced."""
    W = np.roll(np.eye(n), 1, axis=0) + np.roll(np.eye(n), -1, axis=0)
    W[0, 1] = W[1, 0] = -0.3
    leverage = leverage_of_pairs(npr.add_leak(W))
    assert np.allclose(leverage.data, 1.0, rtol=1e-10)
    i, j = leverage.row[0], leverage.col[0]
    assert np.linalg.eigvalsh(without(npr.add_leak(W), i, j))[0] == pytest.approx(0.0, abs=1e-12)


# ---------------------------------------------------------------- order and stability


@given(
    st.integers(2, 10),
    st.integers(0, 2**32 - 1),
    st.floats(0.05, 1),
    st.sampled_from(["noise", "leak", "weight", "uniform"]),
)
def test_matched_diagonal_keeps_dominance_order_and_stability(
    network, excess_leak, n, seed, keep, rule
):
    A = network(n, seed=seed, density=1.0)
    M_sparse = -npr.noise_prune(A, keep, rule=rule, rng=seed).A.toarray()
    scale = np.abs(M_sparse).max()
    assert np.all(excess_leak(-M_sparse) >= 0.1 - 1e-12 * scale)
    assert np.linalg.eigvalsh((M_sparse + M_sparse.T) / 2)[0] >= 0.1 - 1e-12 * scale


def test_matched_diagonal_keeps_asymmetric_networks_stable(network):
    for seed in range(20):
        A = network(15, seed=seed, symmetric=False, excess=0.05)
        A_sparse = npr.noise_prune(A, 0.3, rng=seed).A.toarray()
        assert np.linalg.eigvals(A_sparse).real.max() < -0.05 + 1e-9


@pytest.mark.filterwarnings("ignore:the pruned network is unstable")
def test_original_diagonal_can_destabilise_and_under_weight_sampling_does():
    A = npr.add_leak(npr.clustered([60, 20, 20], long_range=100, rng=0))
    largest = {
        (rule, diagonal): [
            np.linalg.eigvalsh(
                npr.noise_prune(A, 0.1, rule=rule, diagonal=diagonal, rng=seed).A.toarray()
            )[-1]
            for seed in range(10)
        ]
        for rule in ("noise", "weight")
        for diagonal in ("matched", "original")
    }
    assert max(largest["noise", "matched"] + largest["weight", "matched"]) < 1e-12
    assert min(largest["weight", "original"]) > 0.1


# ---------------------------------------------------------------- which scheme is best at what


def errors_of_scheme(A, p):
    """Expected whitened and unwhitened squared error of keeping the pairs with probabilities p."""
    leverage = leverage_of_pairs(A)
    w = np.abs(A[leverage.row, leverage.col])
    return (leverage.data**2 * (1 / p - 1)).sum(), (4 * w**2 * (1 / p - 1)).sum()


def test_expected_errors_by_enumeration_of_every_outcome(network):
    A = network(4, seed=1, density=1.0)
    M = -A
    root = linalg.inv(linalg.sqrtm(M)).real
    pairs = np.transpose(np.triu_indices(4, 1))
    p = np.array([0.3, 0.5, 0.7, 0.45, 0.9, 0.6])
    whitened = unwhitened = 0.0
    for kept in itertools.product([0, 1], repeat=6):
        error = np.zeros((4, 4))
        for (i, j), chi, chance in zip(pairs, kept, p, strict=True):
            error += (chi / chance - 1) * (M - without(A, i, j))
        weight = np.prod(np.where(kept, p, 1 - p))
        whitened += weight * (np.linalg.norm(root @ error @ root) ** 2)
        unwhitened += weight * np.linalg.norm(error) ** 2
    assert errors_of_scheme(A, p) == pytest.approx((whitened, unwhitened), rel=1e-9)


@pytest.mark.parametrize("keep", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_noise_prune_minimises_relative_and_weight_absolute_error(network, keep, seed):
    """Also where probabilities are clipped at 1: min(1, K q) is the optimum under p <= 1."""
    A = network(12, seed=seed)

    def probabilities(S):
        return sparse.triu(npr.keep_probabilities(S, keep=keep), 1).tocoo().data

    noise = errors_of_scheme(A, probabilities(npr.synapse_scores(A)))
    weight = errors_of_scheme(A, probabilities(npr.synapse_scores(A, rule="weight")))
    assert noise[0] < weight[0]
    assert weight[1] < noise[1]
    rng = np.random.default_rng(seed)
    for power in (0.01, 0.1, 0.5, 1.0, 2.0):
        for rule, best, which in (("noise", noise, 0), ("weight", weight, 1)):
            other = npr.synapse_scores(A, rule=rule)
            factor = np.triu(rng.lognormal(0.0, power, A.shape), 1)
            other = other.multiply(factor + factor.T).tocsr()
            assert errors_of_scheme(A, probabilities(other))[which] > best[which]


# ---------------------------------------------------------------- theorem


def test_theorem_holds_in_every_draw():
    """At the theorem's kappa every draw is within epsilon, with a small part of the synapses.

    delta = 1e-4 for each of 10 draws: false-alarm rate below 1e-3 if the theorem is just true.
    """
    n, epsilon, delta = 300, 1.0, 1e-4
    A = npr.add_leak(npr.clustered([n], density=1.0, long_range=0, rng=1))
    kappa = theory.sampling_rate(n, epsilon, delta)
    P = npr.keep_probabilities(npr.synapse_scores(A), K=2 * kappa)
    assert P.sum() / 2 <= theory.expected_pairs(n, kappa)
    assert P.sum() < 0.4 * P.nnz
    for seed in range(10):
        assert npr.spectral_epsilon(A, npr.sample_synapses(A, P, rng=seed)) <= epsilon


@pytest.mark.parametrize("kappa", [1.0, 2.0, 4.0])
def test_matrix_chernoff_bounds_the_failures(network, kappa):
    """Where the bound says something, no more than its share of 200 draws fails.

    Allowed: the bound plus 5 binomial standard deviations, false-alarm rate below 1e-6.
    """
    A = network(6, seed=2, density=1.0)
    P = npr.keep_probabilities(npr.synapse_scores(A), K=2 * kappa)
    eps = np.array(
        [npr.spectral_epsilon(A, npr.sample_synapses(A, P, rng=seed)) for seed in range(200)]
    )
    for epsilon in (0.25, 0.5, 1.0):
        bound = theory.failure_probability(6, epsilon, kappa)
        assert np.mean(eps > epsilon) <= bound + 5 * np.sqrt(bound * (1 - bound) / 200)


# ---------------------------------------------------------------- from matrices to dynamics


@pytest.fixture(scope="module", params=range(4))
def pruned_pair(request, network):
    """A network, what pruning made of it, and the measured epsilon below 1."""
    A = network(40, seed=request.param, excess=0.5)
    A_sparse = npr.noise_prune(A, 0.6, rng=request.param).A.toarray()
    A_sparse = (A_sparse + A_sparse.T) / 2
    eps = npr.spectral_epsilon(A, A_sparse)
    assert 0.05 < eps < 1
    return A, A_sparse, eps


def positive(matrix, scale):
    return np.linalg.eigvalsh((matrix + matrix.T) / 2)[0] >= -1e-9 * scale


def test_every_eigenvalue_is_within_epsilon(pruned_pair):
    A, A_sparse, eps = pruned_pair
    comparison = npr.compare_spectra(A, A_sparse)
    assert np.abs(comparison.eigenvalue_error).max() <= eps + 1e-12
    assert np.abs(comparison.quadratic_form_error).max() <= eps + 1e-12


def test_covariances_are_within_epsilon(pruned_pair):
    A, A_sparse, eps = pruned_pair
    C, C_sparse = npr.stationary_covariance(A), npr.stationary_covariance(A_sparse)
    assert positive(C_sparse - C / (1 + eps), 1.0)
    assert positive(C / (1 - eps) - C_sparse, 1.0)


def test_fixed_points_are_within_epsilon(pruned_pair):
    A, A_sparse, eps = pruned_pair

    def norm(x):
        return np.sqrt(x @ -A @ x)

    for b in np.random.default_rng(0).normal(size=(20, len(A))):
        x, x_sparse = -np.linalg.solve(A, b), -np.linalg.solve(A_sparse, b)
        assert norm(x_sparse - x) <= eps / (1 - eps) * norm(x)


def test_relaxation_is_within_its_bound_at_all_times(pruned_pair):
    A, A_sparse, eps = pruned_pair
    times = np.concatenate([[0], np.geomspace(1e-3, 1e2, 30)])
    identity = np.eye(len(A))
    difference = npr.relax(A_sparse, identity, times) - npr.relax(A, identity, times)
    assert np.linalg.norm(difference, 2, axis=(1, 2)).max() <= theory.relaxation_bound(eps)


def test_eigenvectors_turn_by_no_more_than_the_relative_gap_allows(pruned_pair):
    """Davis-Kahan, relative: |v_i^T u_j| |mu_j - lambda_i| <= eps sqrt(lambda_i mu_j / (1 - eps)).

    Because (mu_j - lambda_i) v_i^T u_j = v_i^T (M_sparse - M) u_j, and the Loewner order bounds it
    by eps |M^1/2 v_i| |M^1/2 u_j|.
    """
    A, A_sparse, eps = pruned_pair
    lam, V = np.linalg.eigh(-A)
    mu, U = np.linalg.eigh(-A_sparse)
    gap = np.abs(lam[:, None] - mu[None, :])
    overlap = np.abs(V.T @ U)
    assert np.all(overlap * gap <= eps * np.sqrt(lam[:, None] * mu[None, :] / (1 - eps)) + 1e-10)


def test_every_set_of_active_neurons_is_within_the_same_epsilon(pruned_pair):
    """Rectified networks: each regime is a principal submatrix, none worse than the whole."""
    A, A_sparse, eps = pruned_pair
    rng = np.random.default_rng(0)
    for size in (1, 2, 5, 20, 39):
        for _ in range(10):
            S = np.ix_(*2 * (rng.choice(len(A), size, replace=False),))
            assert npr.spectral_epsilon(A[S], A_sparse[S]) <= eps + 1e-12
