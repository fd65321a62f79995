"""Linear algebra by PyTorch, on the processor: the same numbers as by NumPy and SciPy."""

import contextlib

import numpy as np
import pytest
import torch

import noiseprune as npr
from noiseprune import _device
from noiseprune.large import gradients

SAME = {"rtol": 1e-10, "atol": 1e-12}


@pytest.fixture(scope="module")
def dense():
    """A symmetric network and the same pruned."""
    A = npr.add_leak(npr.clustered([400, 100, 60], long_range=800, rng=1))
    return A, npr.noise_prune(A, 0.3, rng=1).A


@pytest.fixture(scope="module")
def large():
    """A sparse network above the limit of dense methods, with both signs."""
    return npr.add_leak(npr.random_graph(5200, 10, negative=0.3, rng=0), excess=0.05)


def general(n=60):
    W = npr.clustered([n // 2, n // 2], long_range=n, symmetric=False, rng=1)
    return npr.add_leak(W, excess=0.05)


def normal(n=40):
    X = np.random.default_rng(0).standard_normal((n, n))
    return X - X.T - np.eye(n)


NETWORKS = {
    "symmetric": npr.add_leak(npr.clustered([30, 20], long_range=40, rng=1)),
    "normal": normal(),
    "general": general(),
    "slow": np.array([[-1e-9, 1.0], [-1.3, -1e-9]]),  # too slow for products of matrices
    "sparse": npr.add_leak(npr.random_graph(50, 6, rng=0), excess=0.1),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_covariance(name):
    A = NETWORKS[name]
    before = A.copy()
    C = npr.stationary_covariance(A, device="cpu")
    assert type(C) is np.ndarray
    assert np.array_equal(C, C.T)
    rounding = 1e-5 if name == "slow" else 1e-10  # a condition number of 1e9 on top
    np.testing.assert_allclose(C, npr.stationary_covariance(A), rtol=rounding, atol=1e-12)
    assert abs(A - before).max() == 0


@pytest.mark.parametrize("name", ["symmetric", "general"])
def test_covariance_with_noise_for_each_neuron(name):
    A = NETWORKS[name]
    sigma = np.linspace(0.5, 2, len(A))
    C = npr.stationary_covariance(A, sigma=sigma, device="cpu")
    np.testing.assert_allclose(C, npr.stationary_covariance(A, sigma=sigma), **SAME)


def test_covariance_in_discrete_time():
    A = general()
    A = A / np.abs(A).sum(axis=1).max()
    C = npr.stationary_covariance(A, time="discrete", device="cpu")
    np.testing.assert_allclose(C, npr.stationary_covariance(A, time="discrete"), **SAME)


@pytest.mark.parametrize(
    ("A", "time", "message"),
    [
        (np.array([[-1.0, 2.0], [2.0, -1.0]]), "continuous", "unstable"),
        (np.array([[-1.0, 1.0], [1.0, -1.0]]), "continuous", "singular"),
        (np.array([[-1.0, 3.0], [1.0, -1.0]]), "continuous", "unstable"),
        (np.array([[1.5]]), "discrete", "discrete time"),
    ],
)
def test_no_covariance(A, time, message):
    with pytest.raises(ValueError, match=message):
        npr.stationary_covariance(A, time=time, device="cpu")


def test_a_large_network_is_not_left_to_the_processor(monkeypatch):
    A = np.array([[-1.0, 3.0], [1.0, -1.0]])
    with pytest.raises(ValueError, match="A is unstable: largest"):
        npr.stationary_covariance(A, structure="general", device="cpu")
    monkeypatch.setattr("noiseprune.covariance._SCHUR", 1)
    with pytest.raises(ValueError, match=r"unstable or nearly so.*leave device out"):
        npr.stationary_covariance(A, structure="general", device="cpu")


@pytest.mark.parametrize("structure", ["symmetric", "normal"])
def test_structure_that_is_not_there(structure):
    with pytest.raises(ValueError, match=f"not {structure}"):
        npr.stationary_covariance(general(), structure=structure, device="cpu")


@pytest.mark.parametrize("excess", [1e-3, 1e-12, 0.0])
@pytest.mark.parametrize("symmetric", [True, False])
def test_the_same_network_is_drawn_also_where_activity_drifts(symmetric, excess):
    W = npr.clustered([30, 30], long_range=50, symmetric=symmetric, rng=1)
    A = npr.add_leak(W, excess=excess)
    here, there = (npr.noise_prune(A, 0.4, rng=2, device=device) for device in (None, "cpu"))
    np.testing.assert_allclose(there.A.toarray(), here.A.toarray(), rtol=1e-6)


@pytest.mark.parametrize("given", [False, True])
def test_spectra(dense, given):
    A, pruned = dense
    pairs = npr.slowest_modes(A, len(A), device="cpu") if given else None
    plain = npr.compare_spectra(A, pruned)
    there = npr.compare_spectra(A, pruned, eigenpairs=pairs, device="cpu")
    for name, values in vars(plain).items():
        np.testing.assert_allclose(getattr(there, name), values, rtol=1e-9, atol=1e-11)


def test_spectra_where_leaks_spread_over_decades():
    A = npr.add_leak(npr.clustered([20, 20], long_range=40, rng=1))
    scale = np.logspace(0, 5, 40)
    A = scale[:, None] * A * scale
    plain = npr.compare_spectra(A, 1.1 * A)
    there = npr.compare_spectra(A, 1.1 * A, device="cpu")
    np.testing.assert_allclose(there.eigenvalues, plain.eigenvalues, rtol=1e-12)
    np.testing.assert_allclose(there.eigenvalue_error, 0.1, rtol=1e-8)


@pytest.mark.parametrize("n", [560, 300])
def test_epsilon(dense, n):
    A, pruned = (M[:n, :n] for M in dense)
    expected = npr.spectral_epsilon(A, pruned)
    assert npr.spectral_epsilon(A, pruned, device="cpu") == pytest.approx(expected, rel=1e-7)
    assert npr.spectral_epsilon(A, A, device="cpu") == pytest.approx(0, abs=1e-12)


def test_epsilon_of_an_unstable_network():
    A = np.array([[-1.0, 2.0], [2.0, -1.0]])
    with pytest.raises(ValueError, match="positive definite"):
        npr.spectral_epsilon(A, A, device="cpu")


def test_epsilon_of_a_sparse_pair_that_is_small():
    A = npr.add_leak(npr.random_graph(600, 4, rng=0), excess=0.1)
    pruned = npr.noise_prune(A, 0.8, rng=0).A
    expected = npr.spectral_epsilon(A, pruned)
    assert npr.spectral_epsilon(A, pruned, device="cpu") == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("k", [1, 5])
def test_slowest_modes(dense, k):
    A, _ = dense
    values, vectors = npr.slowest_modes(A, k, device="cpu")
    np.testing.assert_allclose(values, npr.slowest_modes(A, k)[0], rtol=1e-10)
    np.testing.assert_allclose(A @ vectors, vectors * values, atol=1e-10)


def test_trajectory_error(dense):
    A, pruned = dense
    given = {"x0": np.ones(len(A)), "b": 0.1, "sigma": 0.3}
    times = [0.0, 0.1, 1.0]
    there = npr.trajectory_error(A, pruned, times, **given, device="cpu")
    np.testing.assert_allclose(there, npr.trajectory_error(A, pruned, times, **given), **SAME)


def test_large_networks_stay_sparse_on_the_device(large):
    pruned = npr.noise_prune(large, 0.8, rng=0, device="cpu").A
    expected = npr.spectral_epsilon(large, pruned)
    assert npr.spectral_epsilon(large, pruned, device="cpu") == pytest.approx(expected, rel=1e-6)
    values, _ = npr.slowest_modes(large, 3, device="cpu")
    np.testing.assert_allclose(values, npr.slowest_modes(large, 3)[0], rtol=1e-7)


# ---------------------------------------------------------------- sampled variances


def in_standard_errors(estimate, other):
    """Root mean square of the difference; 1 for two independent estimates."""
    z = (estimate.V - other.V).data / other.standard_error.data / np.sqrt(2)
    return np.sqrt(np.mean(z**2))


def test_sampled_variances_have_the_errors_they_state(large):
    """26,000 pairs, hardly correlated, give the root mean square of z to a few per cent."""
    plain = npr.large.estimate_variances(large, method="sampled", rng=0)
    there = npr.large.estimate_variances(large, rng=0, device="cpu")
    assert there.method == "sampled"
    assert in_standard_errors(there, plain) == pytest.approx(1, abs=0.05)
    assert there.leverage_sum == pytest.approx(there.expected_sum, rel=1e-3)


def test_the_same_seed_gives_the_same_estimate_and_another_one_another(large):
    one, again, other = (
        npr.large.synapse_variances(large, samples=40, rng=rng, device="cpu") for rng in (0, 0, 1)
    )
    assert np.array_equal(one.data, again.data)
    assert not np.array_equal(one.data, other.data)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_the_same_noise_gives_the_same_variances(large, monkeypatch, precision):
    """NumPy's signs in place of the device's: what is left is rounding."""

    def stream(self, seed):
        return np.random.default_rng(seed)

    def signs(self, stream, rows, width, dtype):
        return self.array(gradients.Threads().signs(stream, rows, width, np.dtype(dtype)))

    monkeypatch.setattr(_device.Torch, "stream", stream)
    monkeypatch.setattr(_device.Torch, "signs", signs)
    monkeypatch.setattr(_device.Torch, "chunk", gradients._PAIRS)  # signs come in this order
    options = {"samples": 40, "rng": 0, "method": "sampled", "precision": precision}
    plain = npr.large.estimate_variances(large, **options)
    del options["method"]
    there = npr.large.estimate_variances(large, device="cpu", **options)
    tolerance = {"double": 1e-7, "single": 1e-4}[precision]
    np.testing.assert_allclose(there.V.data, plain.V.data, rtol=tolerance)
    assert there.expected_sum == pytest.approx(plain.expected_sum, rel=tolerance)


def test_single_precision_agrees_to_its_tolerance(large):
    double, single = (
        npr.large.estimate_variances(large, samples=40, rng=0, device="cpu", precision=precision)
        for precision in ("double", "single")
    )
    difference = np.abs(single.V.data / double.V.data - 1)
    assert 0 < difference.max() < 1e-4


def test_memory_changes_the_width_of_a_block_and_no_number(large, monkeypatch):
    def estimate():
        return npr.large.synapse_variances(large, samples=40, rng=0, device="cpu").data

    expected, widths = estimate(), []
    original = _device.Torch.iteration

    def iteration(self, W, g):
        widths.append(g.shape[1])
        return original(self, W, g)

    monkeypatch.setattr(_device.Torch, "iteration", iteration)
    chunks = 4 * _device.Torch.chunk * 32 * 8
    monkeypatch.setattr(_device.Torch, "free", lambda self: chunks + 3_000_000)
    np.testing.assert_allclose(estimate(), expected, rtol=1e-7)
    assert max(widths) < 32
    assert sum(widths) == 40


@pytest.mark.parametrize(
    "call",
    [
        lambda A, dense: npr.stationary_covariance(dense, device="cpu"),
        lambda A, dense: npr.compare_spectra(dense, dense, device="cpu"),
        lambda A, dense: npr.spectral_epsilon(dense, dense, device="cpu"),
        lambda A, dense: npr.slowest_modes(dense, device="cpu"),
        lambda A, dense: npr.noise_prune(dense, 0.5, device="cpu"),
        lambda A, dense: npr.trajectory_error(dense, dense, [1.0], x0=np.ones(560), device="cpu"),
        lambda A, dense: npr.large.synapse_variances(A, device="cpu"),
    ],
)
def test_what_does_not_fit_is_said_before_it_is_tried(call, large, dense, monkeypatch):
    monkeypatch.setattr(_device.Torch, "free", lambda self: 1e6)
    with pytest.raises(ValueError, match=r"need .* GiB on device 'cpu', of which 0.000931 GiB"):
        call(large, dense[0])


# ---------------------------------------------------------------- devices


def test_devices_are_taken_by_name_or_as_such():
    A = NETWORKS["symmetric"]
    one, other = (npr.stationary_covariance(A, device=d) for d in ("cpu", torch.device("cpu")))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("device", ["nonsense", 3.5, "meta"])
def test_a_device_that_is_none(device):
    with pytest.raises(ValueError, match="device"):
        npr.stationary_covariance(NETWORKS["symmetric"], device=device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_a_device_that_is_not_there(device):
    with pytest.raises(ValueError, match=f"device '{device}' is not there"):
        npr.spectral_epsilon(-np.eye(2), -np.eye(2), device=device)


def test_a_device_without_double_precision(monkeypatch):
    """As Apple's: it makes no float64."""
    original = torch.ones

    def ones(*size, dtype=None, **options):
        if dtype is torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64")
        return original(*size, dtype=dtype, **options)

    monkeypatch.setattr(torch, "ones", ones)
    with pytest.raises(ValueError, match="no double precision"):
        npr.stationary_covariance(NETWORKS["symmetric"], device="cpu")


def test_arrays_that_may_not_be_written_or_run_backwards():
    A = NETWORKS["symmetric"][::-1, ::-1]
    expected = npr.stationary_covariance(A.copy())
    A.flags.writeable = False
    np.testing.assert_allclose(npr.stationary_covariance(A, device="cpu"), expected, **SAME)


def test_both_ways_have_the_same_methods():
    """What an algorithm may call, `Host` and `Torch` both have."""

    def public(kind):
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(_device.Host) <= public(_device.Torch) | {"xp"}
    blocks = public(gradients.Threads) - public(_device.Host)
    assert blocks <= public(_device.Torch)


class _Streams:
    """What `_copy` asks of a CUDA device, done at once."""

    Stream = type("Stream", (), {"__init__": lambda *_: None, "synchronize": lambda *_: None})

    def synchronize(self, place):
        """Nothing is under way."""

    def stream(self, stream):
        return contextlib.nullcontext()


class _WithStreams:
    cuda = _Streams()

    def empty(self, size, dtype, pin_memory):
        assert pin_memory
        return torch.empty(size, dtype=dtype)


@pytest.mark.parametrize("dtype", [float, np.float32, np.int32])
@pytest.mark.parametrize("rows", [0, 1, 999, 1000])
def test_a_copy_by_pieces_is_a_copy(monkeypatch, dtype, rows):
    monkeypatch.setattr(_device, "_PIECE", 8000)
    device = _device.Torch(_WithStreams(), torch.device("cpu"))
    values = torch.from_numpy((np.arange(3.0 * rows).reshape(rows, 3) + 0.5).astype(dtype))
    assert torch.equal(device._copy(torch.empty_like(values), values), values)
