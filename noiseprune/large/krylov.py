"""The slowest modes of a large network: Lanczos' iteration on a block of vectors."""

from __future__ import annotations

import numpy as np
from scipy import linalg

_GUARD = 4  # vectors of a block beyond the modes that are wanted
_BASIS = 48  # vectors kept at least
_TOLERANCE = 1e-8  # relative residual of every mode
_BLOCKS = 2000  # after which the iteration gives up


def largest_of_inverse(solve, n, k):
    """Return the k largest eigenvalues of ``solve``, ascending in -1/value, and their vectors.

    Thick-restarted block Lanczos with full orthogonalisation (Wu & Simon, 2000; Baglama, Calvetti &
    Reichel, 2003): ``M^-1 Q = Q H + F E^T`` with E the last columns of the identity. A random block
    of at least k vectors sees every copy of an eigenvalue that k modes can hold, and all copies
    converge together; a single vector sees one.
    """
    rng = np.random.default_rng(0)  # fixed: the same answer every time
    width = k + _GUARD
    room = max(_BASIS, 3 * width)
    Q, H = np.empty((n, 0)), np.empty((0, 0))
    block = rng.standard_normal((n, width))
    for _ in range(_BLOCKS):
        block = _orthonormal(block, Q)
        if block.shape[1] == 0:  # everything that the blocks reach is found: begin another one
            block = _orthonormal(rng.standard_normal((n, min(width, n - Q.shape[1]))), Q)
        image = solve(block)
        Q = np.hstack([Q, block])
        column = Q.T @ image
        remainder = image - Q @ column
        size, last = Q.shape[1], block.shape[1]
        old = size - last
        H = np.block([[H, column[:old]], [column[:old].T, column[old:]]])
        values, S = linalg.eigh((H + H.T) / 2)
        residual = linalg.norm(remainder @ S[old:, -k:], axis=0)
        if size == n or (size >= width and (residual <= _TOLERANCE * values[-k:]).all()):
            return values[-k:], Q @ S[:, -k:]
        if size + width > room:  # begin again with what is best
            S = S[:, -((room + width) // 2 - width) :]
            Q, H = Q @ S, np.diag(values[-S.shape[1] :])
        block = remainder
    raise RuntimeError(
        f"the {k} slowest modes did not converge: too many others decay at nearly the same rate; "
        "ask for fewer or more modes"
    )


def _orthonormal(block, Q):
    """Orthonormal basis of what of a block lies outside Q, less what is rounding."""
    length = linalg.norm(block, axis=0).max()
    for _ in range(2):
        block = block - Q @ (Q.T @ block)
        block, R, _ = linalg.qr(block, mode="economic", pivoting=True, check_finite=False)
        block = block[:, np.abs(R.diagonal()) > 1e-13 * length]
        length = 1.0
    return block
