"""The plain way: what the package computes, written straight from the formulas.

Eigenvalues come from the full decomposition of a general matrix, the covariance from it and a
double loop, spectra one mode after the other, simulations one at a time with dense matrices, as
the lab code of the paper is on record to do or as a textbook would. Every function gives the
numbers of the package up to rounding; tests/test_benchmarks.py holds them to it.
"""

import numpy as np
from scipy import linalg


def clustered(sizes, *, density=0.6, long_range=5000, seed=0):
    """The symmetric network of `noiseprune.clustered` from the same random numbers."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    W = np.zeros((n, n))
    start = 0
    for size in sizes:
        j, i = np.tril_indices(size, -1)
        chosen = rng.choice(i.size, round(density * i.size), replace=False, shuffle=False)
        W[start + i[chosen], start + j[chosen]] = rng.normal(1.0, 1.0, chosen.size)
        start += size
    j, i = np.tril_indices(n, -1)
    chosen = rng.choice(i.size, long_range // 2, replace=False, shuffle=False)
    W[i[chosen], j[chosen]] += rng.uniform(0.0, 1.0, chosen.size)
    W = W + W.T
    return W / (1.1 * np.linalg.eigvals(W).real.max())


def covariance(A):
    """Solve ``A C + C A^T + I = 0`` in the eigenvectors of A, one entry after the other."""
    values, V = np.linalg.eig(A)
    inverse = np.linalg.inv(V)
    Q = inverse @ inverse.T
    for i in range(len(A)):
        for j in range(len(A)):
            Q[i, j] /= -(values[i] + values[j])
    return (V @ Q @ V.T).real


def probabilities(A, C, keep, rule="noise"):
    """Keep probabilities of all pairs, their common factor found by bisection."""
    W = A - np.diag(np.diag(A))
    variance = np.diag(C)
    if rule == "noise":
        scores = abs(W) * (variance[:, None] + variance[None, :] - 2 * np.sign(W) * C)
    else:
        scores = abs(W) if rule == "weight" else (W != 0).astype(float)
    target = keep * np.count_nonzero(W)
    low, high = 0.0, 1 / scores[W != 0].min()
    for _ in range(100):
        middle = (low + high) / 2
        if np.minimum(middle * scores, 1).sum() < target:
            low = middle
        else:
            high = middle
    return np.minimum(low * scores, 1)


def prune(A, P, *, seed):
    """Draw every pair once, in the order and from the numbers that the package uses."""
    rng = np.random.default_rng(seed)
    n = len(A)
    rows, columns = np.nonzero(np.triu(A, 1))
    keep = rng.random(rows.size) < P[rows, columns]
    W = np.zeros((n, n))
    for i, j in zip(rows[keep], columns[keep], strict=True):
        W[i, j] = W[j, i] = A[i, j] / P[i, j]
    leak = np.diag(A) + abs(A - np.diag(np.diag(A))).sum(axis=1)
    return W + np.diag(leak - abs(W).sum(axis=1))


def compare_spectra(A, A_sparse):
    """Errors of eigenvalues and quadratic forms, and alignment, mode by mode."""
    values, V = np.linalg.eig(A)
    order = np.argsort(values)
    values, V = values[order], V[:, order]
    values_sparse = np.sort(np.linalg.eig(A_sparse)[0])
    form, alignment = np.empty(len(A)), np.empty(len(A))
    for i in range(len(A)):
        v = V[:, i]
        image = A_sparse @ v
        form[i] = v @ image / values[i] - 1
        alignment[i] = abs(v @ image) / np.linalg.norm(image)
    return values_sparse / values - 1, form, alignment


def spectral_epsilon(A, A_sparse):
    """Worst relative error over all directions, from all generalised eigenvalues."""
    return np.abs(linalg.eigvalsh(-A_sparse, -A) - 1).max()


def spectrum_experiment(sizes, keep, rules, seeds, *, long_range=5000):
    """Chapter 8 for one seed: medians of the measures and the worst case for every rule."""
    network_seed, pruning_seed = seeds
    W = clustered(sizes, long_range=long_range, seed=network_seed)
    A = W - np.diag(abs(W).sum(axis=1))
    C = covariance(A)
    rows = []
    for rule in rules:
        A_sparse = prune(A, probabilities(A, C, keep, rule), seed=pruning_seed)
        measures = compare_spectra(A, A_sparse)
        rows.append([*(np.median(np.abs(m)) for m in measures), spectral_epsilon(A, A_sparse)])
    return np.array(rows)


def simulate(A, x0, noise, *, dt, b, sigma, every):
    """One simulation by Euler's scheme, one product of matrix and vector for each step."""
    x, recorded = x0, [x0]
    for step, xi in enumerate(noise, start=1):
        x = x + dt * (A @ x + b) + sigma * np.sqrt(dt) * xi
        if step % every == 0:
            recorded.append(x)
    return np.array(recorded)
