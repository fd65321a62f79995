"""Variances on the synapses of a large sparse network, without any N x N matrix."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from noiseprune import _checks, _device
from noiseprune.covariance import unstable
from noiseprune.large import factor
from noiseprune.large.gradients import Way, sampled_variances
from noiseprune.large.ground import SINGULAR, ground
from noiseprune.large.network import Pairs

METHODS = ("auto", "exact", "sampled")
SAMPLES = 200


@dataclass(frozen=True, eq=False)
class VarianceEstimate:
    """Variances on the synapses, and how far to trust them.

    Attributes
    ----------
    V : csr_array, shape (N, N)
        ``Var(x_i - sign(w_ij) x_j)`` at sigma = 1 on every synapse, with the pattern of W.
    standard_error : csr_array, shape (N, N)
        Standard error of every entry of V; 0 if exact.
    method : {"exact", "sampled"}
        The method that was used.
    samples : int
        Number of noise samples; 0 if exact.
    error_bound : float
        What the relative standard error cannot exceed, ``sqrt(2 / samples)``; 0 if exact.
    leverage_sum : float
        Sum of the leverages ``2 |w_ij| V_ij`` over all pairs: the probabilities at kappa = 1.
    expected_sum : float
        What that sum must be, ``N - sum_i s_i (M^-1)_ii``.
    """

    V: sparse.csr_array
    standard_error: sparse.csr_array
    method: str
    samples: int
    error_bound: float
    leverage_sum: float
    expected_sum: float


def synapse_variances(
    A,
    *,
    samples=SAMPLES,
    method="auto",
    tolerance=1e-8,
    workers=None,
    progress=False,
    rng=None,
    device=None,
    precision="double",
):
    """Var(x_i - sign(w_ij) x_j) on the synapses of a sparse network, without its covariance.

    `noiseprune.synapse_variances` reads the same numbers off a covariance; this one needs none,
    which is why it takes the network alone. The noise that drives the network has amplitude
    sigma = 1. Time and memory are of the order of the number of synapses.

    Parameters
    ----------
    A : (N, N) sparse array
        Symmetric, diagonally dominant dynamics matrix, diagonal included (units 1/time). Weights
        may have both signs.
    samples : int
        Number of noise samples for method "sampled".
    method : {"auto", "exact", "sampled"}
        "exact": selected inversion through a sparse Cholesky factor; needs the extra `large`
        (``pip install 'noiseprune[large]'``). "sampled": conjugate gradients on many noise
        samples at once; SciPy alone, about twice as fast with the extra. "auto": exact where the
        factor stays sparse, as for a network in the plane, else sampled.
    tolerance : float
        Relative residual of the conjugate gradients.
    workers : int, optional
        Threads for method "sampled", by default as many as processors, or NOISEPRUNE_THREADS. The
        result does not depend on it.
    progress : bool
        Show on stderr how many samples are done.
    rng : numpy.random.Generator, int or None
        Source of the noise samples.
    device : str or torch.device, optional
        Where PyTorch samples, such as "cuda" (extra `torch`): then "auto" is "sampled", and the
        noise is the device's own, the same for the same `rng`.
    precision : {"double", "single"}
        Numbers of method "sampled". "single" moves half the memory; the relative residual is then
        at least 1e-6.

    Returns
    -------
    csr_array, shape (N, N)
        The variances V with the pattern of W.

    Raises
    ------
    TypeError
        If A is not sparse.
    ValueError
        If A is not symmetric and diagonally dominant, or is singular. If the device is not there,
        too small, or asked for method "exact". If single precision does not reach a network that
        has next to no excess leak.
    ImportError
        If method "exact" is asked for and the extra `large` is missing, or a device and PyTorch is.

    Warns
    -----
    UserWarning
        If the exact method fits but the extra `large` is missing, so that "auto" samples.

    See Also
    --------
    estimate_variances : The same with errors.
    noiseprune.synapse_variances : From a covariance.

    References
    ----------
    Spielman & Srivastava (2011); Takahashi, Fagan & Chin (1973); Book,
    "Two ways to solve".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.random_graph(2000, 10, rng=0), excess=0.01)
    >>> V = npr.large.synapse_variances(A, method="sampled", rng=0)
    >>> exact = npr.synapse_variances(A, npr.stationary_covariance(A))
    >>> bool(abs(V - exact).sum() < 0.02 * exact.sum())
    True
    """
    return estimate_variances(
        A,
        samples=samples,
        method=method,
        tolerance=tolerance,
        workers=workers,
        progress=progress,
        rng=rng,
        device=device,
        precision=precision,
    ).V


def estimate_variances(
    A,
    *,
    samples=SAMPLES,
    method="auto",
    tolerance=1e-8,
    workers=None,
    progress=False,
    rng=None,
    executor=None,
    device=None,
    precision="double",
):
    """`synapse_variances` with the error of every entry and the sum that must come out.

    Method "sampled" splits a variance by the law of total variance: what the two neurons of a
    synapse do given all others is a 2 x 2 inverse, known exactly; only the variance of their
    conditional mean, in a network with d neighbours about 1/d of the whole, is sampled, with a
    relative error of at most ``sqrt(2 / samples)``.

    Parameters
    ----------
    A : (N, N) sparse array
        Symmetric, diagonally dominant dynamics matrix.
    samples, method, tolerance, workers, progress, rng, device, precision
        As in `synapse_variances`. With an executor, the device is that of every worker.
    executor : concurrent.futures.Executor, optional
        Who computes blocks of samples for method "sampled": a process pool, Dask's
        ``client.get_executor()``, MPI's ``MPIPoolExecutor``. The network is sent once to a worker.
        The result is that of this process alone, whoever computes; a block whose worker is lost is
        computed here. Each worker uses one thread unless `workers` says otherwise.

    Returns
    -------
    VarianceEstimate
        The variances, their standard errors, and the sum of the leverages beside its known value.

    Raises
    ------
    TypeError, ValueError, ImportError
        As `synapse_variances`.

    References
    ----------
    Book, "Sample only what is not known".

    Examples
    --------
    >>> import noiseprune as npr
    >>> A = npr.add_leak(npr.random_graph(2000, 10, rng=0), excess=0.01)
    >>> estimate = npr.large.estimate_variances(A, method="sampled", samples=50, rng=0)
    >>> estimate.method, estimate.error_bound
    ('sampled', 0.2)
    >>> bool(abs(estimate.leverage_sum / estimate.expected_sum - 1) < 0.005)
    True
    """
    samples = _checks.integer(samples, "samples", low=1)
    _checks.choice(method, "method", METHODS)
    tolerance = _checks.number(tolerance, "tolerance", low=0, high=1, low_open=True, high_open=True)
    if workers is not None:
        workers = _checks.integer(workers, "workers", low=1)
    elif executor is not None:
        workers = 1
    _checks.choice(precision, "precision", ("double", "single"))
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise TypeError(
            "executor must be a concurrent.futures.Executor, which has a method submit, got "
            f"{type(executor).__name__}"
        )
    if device is not None and method == "exact":
        raise ValueError("method='exact' has no use for a device; leave one of the two out")
    on = _device.open(None if executor is not None else device)  # else the workers must have it
    return estimated(
        Pairs(A, on=on),
        Way(tolerance, precision, workers, device),
        samples=samples,
        method=method,
        progress=progress,
        rng=_checks.generator(rng),
        executor=executor,
    )


def estimated(pairs, way, *, rng, samples=SAMPLES, method="auto", progress=False, executor=None):
    """`estimate_variances` of a checked network: on a device, "auto" is "sampled"."""
    if pairs.W.nnz == 0:
        raise ValueError("A has zero synapses: every off-diagonal entry is 0; nothing to prune")
    grounded = ground(pairs.A, pairs.i, pairs.j, pairs.w, pairs.leak, pairs.excess)
    if way.device is None:
        method, order = _chosen(method, pairs.W)
    else:
        method = "sampled"
    if method == "exact":
        total, expected = _exact(pairs, grounded, order)
        rest, samples, bound = np.zeros_like(total), 0, 0.0
    else:
        known, rest, expected = sampled_variances(
            pairs,
            grounded,
            way,
            samples=samples,
            progress=progress,
            rng=rng,
            executor=executor,
        )
        total, bound = known + rest, float(np.sqrt(2 / samples))
    return VarianceEstimate(  # C = M^-1 / 2
        V=pairs.on_synapses(total / 2),
        standard_error=pairs.on_synapses(bound * rest / 2),
        method=method,
        samples=samples,
        error_bound=bound,
        leverage_sum=float(np.abs(pairs.w) @ total),
        expected_sum=expected,
    )


def _exact(pairs, grounded, order):
    """``u^T M^-1 u`` of every pair, and what the leverages add up to, by selected inversion."""
    n, neurons = pairs.leak.size, np.arange(pairs.leak.size)
    inverse = factor.Factor(pairs, more_leak=grounded.more_leak(), order=order)
    g, left = grounded.response(inverse.solve)
    entries = inverse.inverse_entries(np.r_[pairs.i, neurons], np.r_[pairs.j, neurons])
    diagonal = entries[pairs.i.size :]
    if not pairs.leak @ diagonal < 1 / SINGULAR:  # singular in another way than without leak
        raise unstable(pairs.A, 0.0)
    sign = np.sign(pairs.w)
    total = diagonal[pairs.i] + diagonal[pairs.j]
    total -= 2 * sign * entries[: pairs.i.size]
    total += grounded.correction(pairs.i, g[pairs.i] - sign * g[pairs.j], left)
    diagonal += grounded.correction(neurons, g, left)
    # Without any excess leak, the limit of s_i (M^-1)_ii summed over a part is 1.
    return total, float(n - pairs.excess @ diagonal - np.count_nonzero(left == 0))


def _chosen(method, W):
    """Exact or sampled, and the order of elimination if it is known."""
    if method == "auto":
        order = factor.ordering(W)
        if order is None:
            return "sampled", None
        if not factor.installed():
            warnings.warn(
                "this network suits the exact method, which needs the extra `large` "
                "(pip install 'noiseprune[large]'); sampling instead",
                stacklevel=4,
            )
            return "sampled", None
        return "exact", order
    if method == "exact" and not factor.installed():
        raise ImportError(
            "method='exact' needs the extra `large`: pip install 'noiseprune[large]'; or use "
            "method='sampled'"
        )
    return method, None
