"""Parts of a network with next to no excess leak: their differences to full accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from noiseprune import _matrix
from noiseprune.covariance import unstable

SINGULAR = 1e-14  # of the total leak: a part that decays by less than this does not decay
_BARE = 1e-6  # of the total leak: with less excess than this, differences lose digits to the sum


@dataclass(frozen=True, eq=False)
class Ground:
    """One neuron of each part with next to no excess leak, through which the part is grounded.

    There, activity along one pattern of signs hardly decays: the variance of each neuron is huge,
    that of a difference is not, and subtraction loses it. With a leak c more on neuron k,
    ``M_g = M + c e_k e_k^T`` is far from singular, and for ``g = M_g^-1 e_k``

        ``u^T M^-1 u = u^T M_g^-1 u + c (u^T g)^2 / (1 - c g_k)``.

    The signs sigma give ``M sigma = rest`` without a subtraction, hence ``1 - c g_k = rest^T g``
    and ``g = sigma / c + h`` with ``M_g h = -rest / c``, both to full accuracy. Where `rest` is 0,
    M is singular and the limit of the last term is 0.

    Attributes
    ----------
    neurons : ndarray, shape (parts,)
        The grounded neuron k of each part.
    leak : ndarray, shape (parts,)
        Its leak more, c.
    part : ndarray, shape (N,)
        Part of each neuron, -1 for neurons in none.
    sign : ndarray, shape (N,)
        sigma: 1 or -1, 0 for neurons in no part; 1 for the grounded ones.
    rest : ndarray, shape (N,)
        M sigma.
    share : ndarray, shape (parts,)
        ``sigma^T M sigma`` as a fraction of the part's total leak: what little of it decays.
    balanced : ndarray of bool, shape (parts,)
        Whether sigma makes every weight positive.
    """

    neurons: np.ndarray
    leak: np.ndarray
    part: np.ndarray
    sign: np.ndarray
    rest: np.ndarray
    share: np.ndarray
    balanced: np.ndarray

    def more_leak(self):
        """Leak to be added to every neuron."""
        more = np.zeros(self.part.size)
        more[self.neurons] = self.leak
        return more

    def response(self, solve):
        """Return g of all parts, and ``1 - c g_k`` of each, from ``solve(x) = M_g^-1 x``."""
        if self.neurons.size == 0:
            return np.zeros(self.part.size), np.zeros(0)
        grounded = self.part >= 0
        scale = np.where(grounded, 1 / self.leak[self.part], 0.0)
        g = scale * self.sign + solve(-scale * self.rest)
        weights = (self.rest * g)[grounded]
        return g, np.bincount(self.part[grounded], weights, self.neurons.size)

    def correction(self, neurons, along, left):
        """``c along^2 / left`` for numbers that belong to the given neurons."""
        part = self.part[neurons]
        factor = np.divide(self.leak, left, out=np.zeros_like(left), where=left > 0)
        return np.where(part >= 0, np.append(factor, 0.0)[part], 0.0) * along**2


def ground(A, i, j, w, leak, excess):
    """Find the parts of a network that have next to no excess leak, and ground them.

    Parameters
    ----------
    A : (N, N) ndarray or sparse array
        The network, for the message of an error.
    i, j, w : ndarray, shape (pairs,)
        Its pairs.
    leak, excess : ndarray, shape (N,)
        As those of `Pairs`.

    Returns
    -------
    Ground
        The parts.

    Raises
    ------
    ValueError
        If a part that is not balanced (no signs of its neurons make every weight positive) is
        singular to working precision: variances then exist in no limit.
    """
    n = leak.size
    if (excess > _BARE * leak).all():  # the usual case: no part has
        none = np.zeros(0)
        return Ground(
            np.zeros(0, dtype=np.int64),
            none,
            np.full(n, -1),
            np.zeros(n),
            np.zeros(n),
            none,
            np.zeros(0, dtype=bool),
        )
    links = sparse.coo_array((np.abs(w), (i, j)), shape=(n, n)).tocsr()
    count, part = csgraph.connected_components(links, directed=False)
    size = np.bincount(part, leak, count)
    bare = np.bincount(part, excess, count) <= _BARE * size
    part = np.where(bare, np.cumsum(bare) - 1, -1)[part]
    size = size[bare]
    inside = part >= 0
    sign = inside.astype(float)
    here = inside[i]
    i, j, w = i[here], j[here], w[here]
    # The grounded neuron of a part is one of largest leak.
    order = np.flatnonzero(inside)[np.argsort(leak[inside], kind="stable")]
    neurons = np.empty(size.size, dtype=np.int64)
    neurons[part[order]] = order
    rest = np.where(inside, excess, 0.0)
    tension = np.zeros(size.size)
    if (w < 0).any():
        links = sparse.coo_array((w, (i, j)), shape=(n, n)).tocsr()
        sign[inside] = _matrix.balance(links)[1][inside]
        sign *= np.append(sign[neurons], 1.0)[part]
        frustrated = sign[i] * sign[j] * w < 0
        ends, twice = np.r_[i[frustrated], j[frustrated]], 2 * np.abs(w[frustrated])
        rest += np.bincount(ends, np.r_[twice, twice], n)
        tension = np.bincount(part[i[frustrated]], minlength=size.size)
    share = np.bincount(part[inside], rest[inside], size.size) / size
    if np.any((tension > 0) & (share <= SINGULAR)):
        raise unstable(A, 0.0)
    return Ground(neurons, leak[neurons], part, sign, sign * rest, share, tension == 0)
