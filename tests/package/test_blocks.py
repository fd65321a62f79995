"""Blocks of samples over the workers of an executor: the result is that of one process."""

import os
import signal
import warnings
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

import noiseprune as npr
from noiseprune.large import blocks, gradients

SAMPLES = 100  # four blocks


@pytest.fixture(scope="module")
def network():
    return npr.add_leak(npr.random_graph(1500, 10, negative=0.2, rng=0), excess=0.05)


def estimate(A, executor=None, **options):
    options = {"samples": SAMPLES, "method": "sampled", "rng": 0} | options
    return npr.large.estimate_variances(A, executor=executor, **options)


def equal(one, other):
    return np.array_equal(one.V.data, other.V.data) and one.expected_sum == other.expected_sum


class Serial:
    """An executor that works at once, and says what it was sent."""

    def __init__(self):
        self.sent = []

    def submit(self, call, *block):
        self.sent.append(call)
        future = Future()
        try:
            future.set_result(call(*block))
        except Exception as error:
            future.set_exception(error)
        return future


def spawned(count):
    return ProcessPoolExecutor(count, get_context("spawn"))


@pytest.mark.parametrize("count", [1, 2])
def test_processes_give_what_this_process_gives(network, count):
    with spawned(count) as pool:
        assert equal(estimate(network, pool), estimate(network))


def test_threads_give_what_this_process_gives_and_keep_nothing(network):
    with ThreadPoolExecutor(3) as pool:
        assert equal(estimate(network, pool), estimate(network))
    assert not blocks._KEPT


def test_dask_gives_what_this_process_gives(network):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert equal(estimate(network, client.get_executor()), estimate(network))


def test_a_generator_goes_on(network):
    rng = np.random.default_rng(0)
    first, second = (estimate(network, rng=rng) for _ in range(2))
    assert equal(first, estimate(network))
    assert not equal(first, second)


def test_the_network_is_read_once_by_a_worker_and_sent_with_no_block(network, monkeypatch):
    read, original = [], blocks._read
    monkeypatch.setattr(blocks, "_read", lambda *where: read.append(where) or original(*where))
    executor = Serial()
    estimate(network, executor)
    assert len(executor.sent) == 4
    assert all(call.system is None for call in executor.sent)
    assert len(read) == 1


@pytest.mark.parametrize(("workers", "threads"), [(None, 1), (3, 3)])
def test_a_worker_uses_one_thread_unless_told_otherwise(network, workers, threads):
    pool = Serial()
    estimate(network, pool, workers=workers)
    assert {call.prepare.__self__.workers for call in pool.sent} == {threads}


def test_a_worker_that_does_not_see_the_file_gets_the_network_once(network, monkeypatch):
    def unseen(*_):
        raise FileNotFoundError

    monkeypatch.setattr(blocks, "_read", unseen)
    executor = Serial()
    assert equal(estimate(network, executor), estimate(network))
    assert sum(call.system is not None for call in executor.sent) >= 1


class Killer:
    """Kills the worker process that is asked for one block, the first time."""

    def __init__(self, way, seed, mark):
        self.way, self.seed, self.mark = way, seed, mark

    def __call__(self, system):
        work = self.way.sampler(system)

        def block(width, seed):
            if seed.spawn_key == self.seed and not self.mark.exists():
                self.mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return work(width, seed)

        return block


def test_a_block_whose_worker_was_killed_is_computed_again(network, tmp_path, monkeypatch):
    original, mark = blocks.run, tmp_path / "killed"

    def run(prepare, system, parts, executor=None):
        if executor is not None:
            prepare = Killer(prepare.__self__, (1,), mark)
        return original(prepare, system, parts, executor)

    monkeypatch.setattr(blocks, "run", run)
    with spawned(2) as pool, pytest.warns(UserWarning, match=r"of 4 blocks were lost .*here"):
        result = estimate(network, pool)
    assert mark.exists()
    assert equal(result, estimate(network))


def test_an_error_of_the_work_itself_is_raised(network, monkeypatch):
    def fail(*_):
        raise RuntimeError("no convergence")

    monkeypatch.setattr(gradients, "conjugate_gradients", fail)
    with warnings.catch_warnings(), pytest.raises(RuntimeError, match="no convergence"):
        estimate(network, Serial())


def test_an_executor_that_takes_no_work(network):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.warns(UserWarning, match="4 of 4 blocks were lost .* RuntimeError"):
        result = estimate(network, pool)
    assert equal(result, estimate(network))


def test_files_are_gone_afterwards(network):
    executor = Serial()
    estimate(network, executor)
    assert not Path(executor.sent[0].folder).exists()


def test_what_is_no_executor(network):
    with pytest.raises(TypeError, match=r"executor must be a concurrent\.futures\.Executor"):
        estimate(network, 4)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_single_precision(network, precision):
    """Half the digits, and the same noise: 1e-6 of residual times a condition number of 50."""
    assert estimate(network, precision=precision).V.dtype == float
    exact = estimate(network, tolerance=1e-12)
    difference = np.abs(estimate(network, precision=precision).V.data / exact.V.data - 1).max()
    assert difference < {"double": 1e-7, "single": 1e-4}[precision]
    assert difference > {"double": 0, "single": 1e-9}[precision]


@pytest.mark.parametrize(("share", "residual"), [(1e-3, 1e-8), (1e-7, 1e-8), (1e-13, 3.162e-9)])
def test_what_hardly_decays_is_solved_to_a_smaller_residual(share, residual, monkeypatch):
    """Eight neurons of leak 54 in all; a negative pair holds their common activity by 4 w."""
    seen, solve = [], gradients.conjugate_gradients

    def watched(W, g, tolerance, on):
        seen.append(tolerance)
        return solve(W, g, tolerance, on)

    monkeypatch.setattr(gradients, "conjugate_gradients", watched)
    W = np.ones((8, 8)) - np.eye(8)
    W[0, 1] = W[1, 0] = -13.5 * share
    estimate(npr.add_leak(sparse.csr_array(W)))
    assert seen
    assert seen == pytest.approx([residual] * len(seen), rel=0.01)


def test_single_precision_does_not_reach_what_hardly_decays():
    A = npr.add_leak(npr.random_graph(300, 6, rng=0), excess=1e-9)
    with pytest.raises(ValueError, match="precision='single' does not reach"):
        estimate(A, precision="single")


def test_what_does_not_go_together(network):
    with pytest.raises(ValueError, match="precision must be one of"):
        estimate(network, precision="half")
    with pytest.raises(ValueError, match="has no use for a device"):
        estimate(network, method="exact", device="cpu")


def test_a_device_without_pytorch_is_an_error_that_says_what_to_install(network, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(ImportError, match=r"noiseprune\[torch\]"):
        npr.large.synapse_variances(network, device="cuda")
    with pytest.raises(ImportError, match=r"noiseprune\[torch\]"):
        npr.stationary_covariance(-np.eye(2), device="cuda")
    monkeypatch.setattr("noiseprune.large.network.LIMIT", 0)
    with pytest.raises(ImportError, match="extra `torch`"):  # though it stays with SciPy
        npr.trajectory_error(network, network, [1.0], x0=np.ones(1500), device="nonsense")
