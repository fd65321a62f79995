"""Networks: the clustered random networks of the paper, and the leak that makes them stable.

Throughout the package ``W[i, j]`` is the synapse from neuron j to neuron i, and
``A = W - diag(leak)`` is the linear dynamics ``dx/dt = A x + b + sigma xi``.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from noiseprune import _checks, _matrix


def clustered(sizes, *, density=0.6, long_range=5000, symmetric=True, rng=None):
    """Draw the clustered network of the paper: dense clusters, a few long-range synapses.

    Inside each cluster the given fraction of pairs is connected with weights N(1, 1).
    `long_range` synapses with weights U(0, 1) are drawn over all pairs, inside clusters too, and
    added to what is there. The matrix is then divided by 1.1 times the largest real part of its
    eigenvalues.

    Parameters
    ----------
    sizes : sequence of int
        Number of neurons in each cluster, at least 1 each; their sum is N.
    density : float in (0, 1]
        Fraction of the pairs inside a cluster that are connected, rounded to whole pairs.
    long_range : int
        Number of long-range nonzeros of W. A symmetric network has ``long_range // 2`` pairs.
    symmetric : bool
        Draw each pair once (True) or each direction on its own (False).
    rng : numpy.random.Generator, int or None
        Source of randomness.

    Returns
    -------
    ndarray, shape (N, N)
        Synaptic weights W, in model units, with a zero diagonal.

    Raises
    ------
    ValueError
        If the sizes or densities make no network, or no eigenvalue has a positive real part.

    References
    ----------
    Settings of the paper and of the lab notebook: book, "The networks".

    Examples
    --------
    >>> import noiseprune as npr
    >>> W = npr.clustered([60, 20, 20], long_range=100, rng=1)
    >>> W.shape, bool((W == W.T).all())
    ((100, 100), True)
    """
    if isinstance(sizes, (str, bytes)) or not np.iterable(sizes):
        raise TypeError(f"sizes must be a sequence of cluster sizes, got {type(sizes).__name__}")
    sizes = [_checks.integer(size, f"sizes[{k}]", low=1) for k, size in enumerate(sizes)]
    n = sum(sizes)
    if n < 2:
        raise ValueError(f"sizes must make at least 2 neurons, got {sizes}")
    density = _checks.number(density, "density", low=0, high=1, low_open=True)
    long_range = _checks.integer(long_range, "long_range", low=0)
    rng = _checks.generator(rng)

    wanted = long_range // 2 if symmetric else long_range
    if wanted > _pair_count(n, symmetric):
        raise ValueError(
            f"long_range={long_range} is more than the {n * (n - 1)} synapses that "
            f"{n} neurons can have"
        )
    W = np.zeros((n, n))
    start = 0
    for size in sizes:
        pairs = _pair_count(size, symmetric)
        i, j = _draw_pairs(size, round(density * pairs), symmetric, rng)
        W[start + i, start + j] = rng.normal(1.0, 1.0, i.size)
        start += size
    i, j = _draw_pairs(n, wanted, symmetric, rng)
    W[i, j] += rng.uniform(0.0, 1.0, i.size)
    if symmetric:
        for rows, columns in _matrix.tiles(n):  # only the upper triangle was filled
            if rows == columns:
                W[rows, rows] += W[rows, rows].T.copy()
            else:
                W[columns, rows] = W[rows, columns].T
    if not W.any():
        raise ValueError(
            f"sizes={sizes}, density={density}, long_range={long_range} make no synapse"
        )
    W /= 1.1 * _leading_real_part(W)
    return W


def add_leak(W, *, excess=0.0):
    """Give every neuron the leak that balances its input, plus an excess: ``A = W - diag(...)``.

    Neuron i gets the leak ``sum_j |W_ij| + excess_i``, so its excess leak is ``s_i = excess_i``
    and A is diagonally dominant.

    Parameters
    ----------
    W : (N, N) ndarray or sparse array
        Synaptic weights with a zero diagonal.
    excess : float or (N,) array_like
        Excess leak s, not negative, in the units of W. The paper's networks have 0.

    Returns
    -------
    (N, N) ndarray, or csr_array if W is sparse
        The dynamics matrix A.

    Raises
    ------
    ValueError
        If W has a diagonal, or `excess` is negative or of the wrong length.

    References
    ----------
    Book, "Leak and excess leak".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.add_leak([[0.0, -2.0], [-2.0, 0.0]], excess=0.5)
    array([[-2.5, -2. ],
           [-2. , -2.5]])
    """
    W = _weights(W)
    n = W.shape[0]
    excess = _checks.array(excess, "excess", ndim=(0, 1), nonnegative=True)
    if excess.ndim == 1 and excess.size != n:
        raise ValueError(
            f"excess must be a number or have one entry for each of the {n} neurons, "
            f"got {excess.size}"
        )
    return _with_leak(W, np.asarray(abs(W).sum(axis=1)) + excess)


def fixed_leak(W, *, gain=0.9):
    """Give every neuron the leak 1 and scale the synapses: ``A = gain W / alpha(W) - I``.

    alpha is the spectral abscissa, the largest real part of an eigenvalue, so the slowest mode
    decays at the rate ``1 - gain``. A neuron's leak does not follow its input here, and A is in
    general not diagonally dominant.

    Parameters
    ----------
    W : (N, N) ndarray or sparse array
        Synaptic weights with a zero diagonal.
    gain : float in (0, 1)
        Largest real part of an eigenvalue that the scaled weights get.

    Returns
    -------
    (N, N) ndarray, or csr_array if W is sparse
        The dynamics matrix A, in units of the leak.

    Raises
    ------
    ValueError
        If W has a diagonal, or no eigenvalue with a positive real part (nothing to scale by).

    References
    ----------
    Book, "Leak and excess leak".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.fixed_leak([[0.0, 4.0], [1.0, 0.0]], gain=0.8)
    array([[-1. ,  1.6],
           [ 0.4, -1. ]])
    """
    W = _weights(W)
    gain = _checks.number(gain, "gain", low=0, high=1, low_open=True, high_open=True)
    largest = abs(W).max()
    alpha = _matrix.abscissa(W / largest) if largest > 0 else 0.0  # of any scale
    if alpha <= 1e-12:
        raise ValueError(
            f"W cannot be scaled to a gain: the largest real part of its eigenvalues is "
            f"{alpha * largest:.3g}, which must be positive; use stabilise, which adds a leak"
        )
    return _with_leak(W / largest * (gain / alpha), 1.0)


def stabilise(W, *, leak=1.0, margin=0.05):
    """Give every neuron the same leak, as small as stability allows: ``A = W - l I``.

    Parameters
    ----------
    W : (N, N) ndarray or sparse array
        Synaptic weights with a zero diagonal.
    leak : float
        Least leak, positive, in the units of W.
    margin : float
        Least rate at which the slowest mode decays, positive: l is `leak`, or more where the
        spectral abscissa of A would be above ``-margin``.

    Returns
    -------
    (N, N) ndarray, or csr_array if W is sparse
        The dynamics matrix A.

    Raises
    ------
    ValueError
        If W has a diagonal, or `leak` or `margin` is not positive.

    References
    ----------
    Book, "Leak and excess leak".

    Examples
    --------
    >>> import noiseprune as npr
    >>> npr.stabilise([[0.0, 4.0], [1.0, 0.0]], margin=0.5)
    array([[-2.5,  4. ],
           [ 1. , -2.5]])
    """
    W = _weights(W)
    leak = _checks.number(leak, "leak", low=0, low_open=True)
    margin = _checks.number(margin, "margin", low=0, low_open=True)
    return _with_leak(W, max(leak, _matrix.abscissa(W) + margin))


def _weights(W):
    """Checked weights, with a zero diagonal."""
    W = _checks.matrix(W, "W")
    diagonal = W.diagonal()
    if diagonal.any():
        k = int(np.flatnonzero(diagonal)[0])
        raise ValueError(
            f"W must have a zero diagonal, got W[{k}, {k}] = {diagonal[k]:.6g}; "
            "the leak is what this function adds"
        )
    return W


def _with_leak(W, leak):
    """``W - diag(leak)`` in the kind of W."""
    leak = np.broadcast_to(leak, W.shape[:1])
    if sparse.issparse(W):
        return sparse.csr_array(W - sparse.diags_array(leak))
    return W - np.diag(leak)


def _pair_count(n, symmetric):
    """Return the number of pairs i < j, or of ordered pairs i != j."""
    return n * (n - 1) // 2 if symmetric else n * (n - 1)


def _draw_pairs(n, count, symmetric, rng):
    """Draw `count` different pairs (i, j) of n neurons: i < j if symmetric, else i != j."""
    k = rng.choice(_pair_count(n, symmetric), size=count, replace=False, shuffle=False)
    if not symmetric:
        i, j = np.divmod(k, max(n - 1, 1))
        return i, j + (j >= i)
    # Pair k in the order (0,1), (0,2), (1,2), (0,3), ...: column j starts at j (j - 1) / 2.
    j = ((1 + np.sqrt(1 + 8 * k)) / 2).astype(np.int64)
    j -= j * (j - 1) // 2 > k  # one step back where the square root was rounded up
    j += (j + 1) * j // 2 <= k
    return k - j * (j - 1) // 2, j


def _leading_real_part(W):
    """Return the largest real part of an eigenvalue of W, which must be positive."""
    leading = _matrix.abscissa(W, start=np.ones(len(W)), dense_up_to=19)
    if leading <= 1e-12 * max(W.max(), -W.min()):
        raise ValueError(
            f"the network cannot be scaled: the largest real part of its eigenvalues is "
            f"{leading:.3g}; raise density or long_range"
        )
    return leading


def spatial(n, degree, *, negative=0.0, rng=None):
    """Draw a sparse network in the plane: neurons at random places, linked to their nearest.

    The pairs are those at the smallest distances below a radius common to all neurons, so many that
    a neuron has `degree` neighbours on average. Weights are U(0, 1).

    Parameters
    ----------
    n : int
        Number of neurons, at least 2, uniform in the unit square.
    degree : float
        Mean number of neighbours of a neuron.
    negative : float in [0, 1]
        Fraction of the pairs whose weight is negative.
    rng : numpy.random.Generator, int or None
        Source of randomness.

    Returns
    -------
    csr_array, shape (N, N)
        Symmetric weights W, in model units, without a diagonal; ``add_leak(W, excess=...)`` makes
        the network. Neurons are numbered at random.

    Raises
    ------
    ValueError
        If so many neighbours are not to be had, or `negative` is no fraction.

    References
    ----------
    Book, "What does not fit".

    Examples
    --------
    >>> import noiseprune as npr
    >>> W = npr.spatial(1000, 10, rng=0)
    >>> W.nnz
    10000
    """
    n, count, negative, rng = _sparse_arguments(n, degree, negative, rng)
    places = rng.random((n, 2))
    # Seldom too small; when it is, the next radius holds twice as many pairs.
    radius = np.sqrt(1.1 * degree / (np.pi * n)) + 1 / n
    tree = cKDTree(places)
    while (pairs := tree.query_pairs(radius, output_type="ndarray")).shape[0] < count:
        radius *= np.sqrt(2)
    distance = np.sum((places[pairs[:, 0]] - places[pairs[:, 1]]) ** 2, axis=1)
    nearest = np.sort(np.argpartition(distance, count - 1)[:count])
    i, j = pairs[nearest].T
    return _sparse_weights(n, i, j, negative, rng)


def random_graph(n, degree, *, negative=0.0, rng=None):
    """Draw a sparse network without geometry: any two neurons may be linked (Erdos-Renyi).

    ``round(n * degree / 2)`` different pairs are drawn, every choice alike. Weights are U(0, 1).

    Parameters
    ----------
    n : int
        Number of neurons, at least 2.
    degree : float
        Mean number of neighbours of a neuron.
    negative : float in [0, 1]
        Fraction of the pairs whose weight is negative.
    rng : numpy.random.Generator, int or None
        Source of randomness.

    Returns
    -------
    csr_array, shape (N, N)
        Symmetric weights W, in model units, without a diagonal; ``add_leak(W, excess=...)`` makes
        the network.

    Raises
    ------
    ValueError
        If so many neighbours are not to be had, or `negative` is no fraction.

    References
    ----------
    Book, "What does not fit".

    Examples
    --------
    >>> import noiseprune as npr
    >>> W = npr.random_graph(1000, 10, rng=0)
    >>> W.nnz
    10000
    """
    n, count, negative, rng = _sparse_arguments(n, degree, negative, rng)
    i, j = _draw_pairs(n, count, True, rng)
    return _sparse_weights(n, i, j, negative, rng)


def _sparse_arguments(n, degree, negative, rng):
    """Checked arguments of a sparse network, its number of pairs in place of the degree."""
    n = _checks.integer(n, "n", low=2)
    degree = _checks.number(degree, "degree", low=0, low_open=True)
    count = round(n * degree / 2)
    if not 1 <= count <= _pair_count(n, True):
        raise ValueError(
            f"degree must give between 1 and {_pair_count(n, True)} pairs of {n} neurons, got "
            f"degree={degree:g}, which gives {count}"
        )
    return n, count, _checks.number(negative, "negative", low=0, high=1), _checks.generator(rng)


def _sparse_weights(n, i, j, negative, rng):
    """Symmetric weights U(0, 1) on the pairs, a fraction of them negative."""
    w = 1 - rng.random(i.size)  # in (0, 1]: no pair is lost to a 0
    w[rng.choice(i.size, size=round(negative * i.size), replace=False)] *= -1
    rows, cols = np.r_[i, j].astype(np.int32), np.r_[j, i].astype(np.int32)
    return sparse.coo_array((np.r_[w, w], (rows, cols)), shape=(n, n)).tocsr()
