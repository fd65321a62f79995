"""How many entries a Cholesky factor will have, compiled: Liu's elimination tree, row by row."""

import numpy as np
from numba import njit


@njit(cache=True)
def fill(indptr, indices, order, most_entries, most_operations):
    """Entries of the factor and operations to find it; infinite if either are more than allowed.

    Row k of the factor has an entry in column i if i lies on a path up the elimination tree from an
    entry of row k of the matrix.
    """
    n = order.size
    place = np.empty(n, dtype=np.int64)
    for k in range(n):
        place[order[k]] = k
    parent, ancestor = np.full(n, -1), np.full(n, -1)
    seen, height = np.full(n, -1), np.ones(n)
    entries = operations = float(n)  # the sum of all heights, and of their squares
    for k in range(n):
        seen[k] = k
        row = order[k]
        for q in range(indptr[row], indptr[row + 1]):
            i = place[indices[q]]
            while i != -1 and i < k:  # the tree so far, with its paths made shorter
                above = ancestor[i]
                ancestor[i] = k
                if above == -1:
                    parent[i] = k
                i = above
        for q in range(indptr[row], indptr[row + 1]):
            i = place[indices[q]]
            while i < k and seen[i] != k:
                seen[i] = k
                operations += 2 * height[i] + 1
                height[i] += 1
                entries += 1
                i = parent[i]
        if entries > most_entries or operations > most_operations:
            return np.inf, np.inf
    return entries, operations
