"""Refit what is kept of a weight matrix, so that every unit's input is as before."""

from __future__ import annotations

import numpy as np

_ROWS = 64  # units whose weights are refit together


def refitted(W, start, mask, gram, strength):
    """Weights on the mask that give the input of W on a recorded activity.

    Row by row, ``min E |h . (w - W_i)|^2 + strength g |w - start_i|^2`` over w that is 0 off the
    mask, with ``gram = E h h^T`` and its mean diagonal g. Every row has a pattern of its own: the
    normal equations of a few rows at a time, with the identity where the mask is 0.
    """
    ridge = max(strength, 1e-10) * (np.trace(gram) / len(gram) or 1.0)
    result, eye = np.empty_like(start), np.eye(len(gram))
    for k in range(0, len(W), _ROWS):
        rows = slice(k, k + _ROWS)
        on = mask[rows, :, None] & mask[rows, None, :]
        gap = ((W[rows] - start[rows]) @ gram) * mask[rows]
        normal = np.where(on, gram + ridge * eye, eye)
        result[rows] = start[rows] + np.linalg.solve(normal, gap[:, :, None])[:, :, 0]
    return result
