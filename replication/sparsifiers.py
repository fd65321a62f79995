"""Other ways to make a network sparse, to compare with: dependent coins, and a deterministic one.

For networks of up to a thousand neurons: the cycle walk and the barrier method go through synapses
one by one. Book, "Better than independent coins".
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from noiseprune import _checks
from noiseprune._matrix import dense, excess_leak

SETTLED = 1e-12  # so near to 0 or 1 a probability is that number


def pairs(A, P=None):
    """Return neurons i < j, weights and, with P, probabilities of the pairs of a symmetric A."""
    A = dense(_checks.matrix(A))
    i, j = np.nonzero(np.triu(A, 1))
    if P is None:
        return i, j, A[i, j]
    return i, j, A[i, j], dense(_checks.matrix(P, "P"))[i, j]


def with_matched_leak(A, i, j, w):
    """Return a network with these weights of pairs and every excess leak of A."""
    n = A.shape[0]
    total = np.bincount(i, np.abs(w), n) + np.bincount(j, np.abs(w), n)
    leak = excess_leak(A) + total
    off = sparse.coo_array((w, (i, j)), shape=(n, n))
    return sparse.csr_array(off + off.T - sparse.diags_array(leak))


def systematic(A, P, *, rng=None):
    """Sample pairs row by row with equal steps: one random number for each row.

    The probabilities of a row's pairs are laid end to end, and those are kept in which a point of
    the grid u, u + 1, u + 2, ... falls: each pair has its probability, and each row its expected
    number of pairs to less than 1. A pair belongs to the row of its first neuron.

    Parameters
    ----------
    A, P : (N, N) ndarray or sparse array
        Symmetric network and probabilities, as in `noiseprune.sample_synapses`.
    rng : numpy.random.Generator, int or None
        Source of randomness.

    Returns
    -------
    csr_array, shape (N, N)
        Pruned network, the leak matched.

    References
    ----------
    Madow, Ann. Math. Stat. 20, 333 (1949). Book, "Coins that know of each other".

    Examples
    --------
    >>> import noiseprune as npr
    >>> from replication.sparsifiers import systematic
    >>> A = npr.add_leak([[0, 1.0, 2.0], [1.0, 0, 3.0], [2.0, 3.0, 0]], excess=1.0)
    >>> systematic(A, (A > 0) / 2, rng=0).nnz
    5
    """
    i, j, w, p = pairs(A, P)
    end = np.cumsum(p)
    first = np.searchsorted(i, i)  # where the row of each pair starts
    before = end[first] - p[first]
    point = _checks.generator(rng).random(np.shape(A)[0])[i] - before
    kept = np.floor(end + point) > np.floor(end - p + point)
    kept |= p >= 1
    return with_matched_leak(A, i[kept], j[kept], w[kept] / p[kept])


def cycle_walk(A, P, *, rng=None):
    """Round probabilities to 0 or 1 along even cycles, which keeps every neuron's total input.

    Along an even cycle of pairs that are still open, rescaled weights go up and down in turn, by
    the same amount: the total of no neuron changes, and chances make the mean change 0. Each cycle
    settles a pair at least. The last pairs, fewer than there are neurons, are on no such cycle:
    they get independent coins, and the leak is matched for what they change.

    Parameters
    ----------
    A, P : (N, N) ndarray or sparse array
        Symmetric network and probabilities, as in `noiseprune.sample_synapses`.
    rng : numpy.random.Generator, int or None
        Source of randomness.

    Returns
    -------
    csr_array, shape (N, N)
        Pruned network; its mean over draws is A.

    References
    ----------
    Gandhi, Khuller, Parthasarathy & Srinivasan, J. ACM 53, 324 (2006), for bipartite graphs. Book,
    "Coins that know of each other".

    Examples
    --------
    >>> import numpy as np
    >>> import noiseprune as npr
    >>> from replication.sparsifiers import cycle_walk
    >>> A = npr.add_leak(1 - np.eye(60))
    >>> pruned = cycle_walk(A, (A > 0) / 2, rng=0)
    >>> bool(abs(pruned.diagonal() + 59).max() < 59 / 3)
    True
    """
    rng = _checks.generator(rng)
    i, j, w, p = pairs(A, P)
    n = np.shape(A)[0]
    x, unit = p.tolist(), (p / np.abs(w)).tolist()
    ends = list(zip(i.tolist(), j.tolist(), strict=True))
    open_at = [[] for _ in range(n)]  # pairs of each neuron; the settled leave when they are met
    is_open = (p < 1).tolist()
    for e in np.flatnonzero(p < 1).tolist():
        for neuron in ends[e]:
            open_at[neuron].append(e)
    spare = sum(is_open) - n  # while there are more pairs than neurons, there is an even cycle
    draw = _numbers(rng)
    while spare > 0:
        cycle = _even_cycle(int(next(draw) * n), ends, open_at, is_open, draw)
        up = down = np.inf
        for e, sign in cycle.items():
            rise, fall = (1 - x[e]) / unit[e], x[e] / unit[e]
            if sign < 0:
                rise, fall = fall, rise
            up, down = min(up, rise / abs(sign)), min(down, fall / abs(sign))
        move = up if next(draw) * (up + down) < down else -down
        for e, sign in cycle.items():
            x[e] += sign * move * unit[e]
            if not SETTLED < x[e] < 1 - SETTLED:
                is_open[e] = False
                spare -= 1
    kept = rng.random(len(x)) < np.round(x, 12)
    return with_matched_leak(A, i[kept], j[kept], w[kept] / p[kept])


def _numbers(rng):
    while True:
        yield from rng.random(10_000).tolist()


def _even_cycle(start, ends, open_at, is_open, draw):
    """Walk at random until a neuron is met again after an even number of pairs.

    Returns the pairs of that cycle with their signs, which alternate and are added up where a pair
    is met twice; {} if nothing is left of them, or the walk came to a dead end, which it closes.
    """
    seen, path = {(start, 0): 0}, []
    neuron, last = start, None
    while True:
        there = open_at[neuron]
        while there:
            k = int(next(draw) * len(there))
            e = there[k]
            if not is_open[e]:
                there[k] = there[-1]
                there.pop()
            elif e != last:
                break
            elif len(there) == 1:
                is_open[e] = False  # one pair and one neuron less: `spare` stays
                return {}
        else:
            return {}
        path.append(e)
        a, b = ends[e]
        neuron, last = b if a == neuron else a, e
        state = (neuron, len(path) % 2)
        if state in seen:
            break
        seen[state] = len(path)
    cycle = {}
    for k, e in enumerate(path[seen[state] :]):
        cycle[e] = cycle.get(e, 0) + (-1) ** k
    return {e: sign for e, sign in cycle.items() if sign}


def barrier(A, d):
    """Sparsify by the deterministic method of Batson, Spielman & Srivastava.

    Of ``M = -A = sum_e |w_e| u_e u_e^T + diag(s)`` it takes ``d N`` terms one after the other, each
    such that the eigenvalues of the sum, M taken for the unit, stay between two barriers that move
    on by fixed steps. In the end the ratio of the largest to the least is at most
    ``((sqrt(d) + 1) / (sqrt(d) - 1))^2``.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        Symmetric stable network, diagonally dominant.
    d : float
        Terms for each neuron, above 1; the average degree is at most 2 d.

    Returns
    -------
    csr_array, shape (N, N)
        The sparse network, the least and the largest relative eigenvalue as far below 1 as above.

    References
    ----------
    Batson, Spielman & Srivastava, SIAM J. Comput. 41, 1704 (2012), Theorem 3.1 and Lemma 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> import noiseprune as npr
    >>> from replication.sparsifiers import barrier
    >>> A = npr.add_leak(1 - np.eye(20), excess=0.1)
    >>> mu = np.linalg.eigvals(np.linalg.solve(A, barrier(A, 4).toarray())).real
    >>> bool(mu.max() / mu.min() < 9)
    True
    """
    d = _checks.number(d, "d", low=1, low_open=True)
    A = dense(_checks.matrix(A))
    n = len(A)
    i, j, w = pairs(A)
    leak = np.maximum(excess_leak(A), 0)
    sign, size = np.sign(w), np.r_[np.abs(w), leak]
    values, vectors = np.linalg.eigh(-A)
    root = vectors / np.sqrt(values)  # M^-1 = root root^T

    def forms(Y):
        """Forms of all terms: ``|w_e| u_e^T Y u_e``, then ``s_i Y_ii``."""
        own = Y.diagonal()
        return size * np.r_[own[i] + own[j] - 2 * sign * Y[i, j], own]

    top = np.sqrt(d)
    move = (top + 1) / (top - 1)  # of the upper barrier at each step; the lower one moves by 1
    upper, lower = n * (d + top) / (top - 1), -n * top
    total, weights = np.zeros((n, n)), np.zeros(size.size)
    for _ in range(int(np.ceil(d * n))):
        values, vectors = np.linalg.eigh(total)
        above, below = 1 / (upper + move - values), 1 / (values - lower - 1)
        room = np.sum(1 / (upper - values)) - above.sum()
        need = below.sum() - np.sum(1 / (values - lower))
        basis = root @ vectors
        high = forms((basis * (above**2 / room + above)) @ basis.T)
        low = forms((basis * (below**2 / need - below)) @ basis.T)
        e = np.argmax(low - high)  # not negative by the theorem
        t = 2 / (low[e] + high[e])
        weights[e] += t
        v = root[i[e]] - sign[e] * root[j[e]] if e < w.size else root[e - w.size]
        total += t * size[e] * np.outer(v, v)
        upper, lower = upper + move, lower + 1
    values = np.linalg.eigvalsh(total)
    weights *= 2 / (values[0] + values[-1])  # the best common factor
    chosen = np.flatnonzero(weights[: w.size])
    pruned = with_matched_leak(A, i[chosen], j[chosen], (w * weights[: w.size])[chosen])
    return sparse.csr_array(pruned + sparse.diags_array(leak - leak * weights[w.size :]))


def relative_eigenvalues(A, A_sparse):
    """All eigenvalues mu of ``M_sparse v = mu M v``, ascending, for small symmetric networks."""
    L = np.linalg.cholesky(-dense(_checks.matrix(A)))
    half = np.linalg.solve(L, dense(_checks.matrix(A_sparse, "A_sparse")))
    return np.linalg.eigvalsh(-np.linalg.solve(L, half.T))
