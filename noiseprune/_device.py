"""Who does the linear algebra: NumPy and SciPy, or PyTorch on a device such as a GPU.

`open` returns one of two. Algorithms are written once, on what `array` returns, with what the
module `xp` (numpy or torch) and the methods of `Host` offer, for large networks those of
`large.gradients.Threads`; `host` brings results back to NumPy.
"""

from __future__ import annotations

import os
import queue
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import linalg, sparse

from noiseprune import _matrix

_SPARSE_FASTER = 0.03  # fraction of nonzeros below which a sparse product is the faster
_USABLE = 0.9  # of the memory that is free
_PAIRS = 2**19  # synapses at a time
_PIECE = 2**23  # bytes of a large array that one thread copies at a time
_COPIERS = 4  # threads that do
_ROWS = 2**18  # rows at a time: of what is multiplied and added no whole block is held


def open(device):
    """Return what computes on `device`: None is NumPy, anything else PyTorch.

    Raises
    ------
    ImportError
        If PyTorch is missing.
    ValueError
        If the device is not there or has no numbers of 64 bits.
    """
    if device is None:
        return HOST
    try:
        import torch
    except ImportError:
        raise ImportError(
            f"device={device!r} needs PyTorch, the extra `torch`: pip install 'noiseprune[torch]'; "
            "or leave device out"
        ) from None
    return Torch(torch, _place(torch, device))


def _place(torch, device):
    """Return the torch.device, which computes in double precision."""
    try:
        place = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device must name one that PyTorch knows, such as 'cpu', 'cuda' or 'cuda:1', got "
            f"{device!r}"
        ) from error
    try:
        (one := torch.ones(1, device=place)).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device {device!r} is not there: {str(error).splitlines()[0]}; PyTorch finds "
            f"{torch.cuda.device_count()} CUDA devices; use one that is there, or leave device out"
        ) from error
    try:
        torch.ones(1, device=place, dtype=torch.float64)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device {device!r} has no double precision (float64), which the results need; leave "
            "device out"
        ) from error
    return one.device


def require_matrices(on, count, n):
    """Ask for the memory of `count` N x N matrices that are held together."""
    on.require(count * 8 * n * n, f"{count} matrices of {n} x {n} numbers")


class Host:
    """NumPy and LAPACK."""

    xp = np

    def require(self, count, what):
        """The system itself says when memory ends."""

    def array(self, values, dtype=None):
        """Return an array to compute on."""
        return np.asarray(values, dtype=dtype)

    def dense(self, A):
        """Return a matrix, which may be sparse, to compute on."""
        return _matrix.dense(A)

    def host(self, values):
        """Return a NumPy array."""
        return values

    def empty(self, shape, dtype=float):
        """Return an array that is to be filled."""
        return np.empty(shape, dtype)

    def order_by(self, numbers):
        """Stable order of whole numbers that are not negative, by counting."""
        place = np.arange(numbers.size, dtype=np.int32 if numbers.size < 2**31 else np.int64)
        shape = (1, int(numbers.max(initial=0)) + 1)
        row = sparse.csr_array((place, numbers, [0, numbers.size]), shape=shape)
        return row.tocsc().data

    def product(self, A, X):
        """Product with a matrix that may be sparse: above a few per cent dense is faster."""
        return (self.dense(A) if A.size > _SPARSE_FASTER * A.shape[0] ** 2 else A) @ X

    def norm(self, X):
        """Frobenius norm."""
        return linalg.norm(X, check_finite=False)

    def add_to_diagonal(self, X, values):
        """Add to the diagonal, in place."""
        X[np.diag_indices_from(X)] += values

    def mirror(self, C, left=None, right=None):
        """Copy the upper triangle of ``diag(left) C diag(right)`` onto the lower one, in place."""

        def on_tile(tile):
            i, j = tile
            if left is not None:
                C[i, j] *= left[i, None]
                C[i, j] *= right[j]
            if i == j:
                C[i, j] = np.triu(C[i, j]) + np.triu(C[i, j], 1).T
            else:
                C[j, i] = C[i, j].T

        _matrix.in_parallel(on_tile, _matrix.tiles(C.shape[0]))
        return C

    def inverse(self, A):
        """Inverse of a general matrix."""
        return np.linalg.inv(A)

    def condition(self, A):
        """1-norm of A and its reciprocal condition number, 0 if singular."""
        factor, _, info = linalg.lapack.dgetrf(A)
        size = linalg.lapack.dlange("1", A)
        return size, linalg.lapack.dgecon(factor, size)[0] if info == 0 else 0.0

    def cholesky(self, M):
        """Lower factor of the symmetric M (overwritten) and its reciprocal condition number.

        The number is 0 if M is not positive definite.
        """
        M = np.array(M, order="F", copy=None)
        norm = np.abs(M).sum(axis=0).max()
        L, info = linalg.lapack.dpotrf(M, lower=1, overwrite_a=1)
        return L, linalg.lapack.dpocon(L, norm, uplo="L")[0] if info == 0 else 0.0

    def inverse_of_negative(self, B, scale):
        """Upper triangle of the inverse of ``M = -diag(scale) B diag(scale)``, and M's 1-norm.

        The triangle is None if M is not positive definite.
        """
        M, step = np.empty(B.shape), max(1, _matrix.BLOCK // len(B))

        def on_rows(k):
            rows = slice(k, k + step)
            np.multiply(B[rows], -scale, out=M[rows])
            M[rows] *= scale[rows, None]
            return np.abs(M[rows]).sum(axis=1).max()

        norm = max(_matrix.in_parallel(on_rows, range(0, len(B), step)))
        # Fortran order without a copy: M is symmetric.
        L, info = linalg.lapack.dpotrf(M.T, lower=1, clean=0, overwrite_a=1)
        return linalg.lapack.dpotri(L, lower=1, overwrite_c=1)[0].T if info == 0 else None, norm

    def eigh(self, A):
        """Eigenvalues, ascending, and eigenvectors of a symmetric matrix."""
        return np.linalg.eigh(A)

    def eigvalsh(self, A):
        """Eigenvalues of a symmetric matrix, ascending."""
        return np.linalg.eigvalsh(A)

    def whitened_eigenvalues(self, L, M):
        """Eigenvalues of ``L^-1 M L^-T``, ascending."""
        reduced, _ = linalg.lapack.dsygst(
            np.array(_matrix.dense(M), order="F"), L, itype=1, lower=1, overwrite_a=1
        )
        return linalg.eigvalsh(reduced, lower=True, overwrite_a=True, check_finite=False)

    def whitened(self, L, M):
        """Return the function ``x -> L^-1 M L^-T x``."""

        def multiply(x):
            y = linalg.solve_triangular(L, x, lower=True, trans="T", check_finite=False)
            return linalg.solve_triangular(L, M @ y, lower=True, check_finite=False)

        return multiply


HOST = Host()


class Torch:
    """PyTorch on one device, in double precision; single where a dtype says so."""

    chunk = _PAIRS

    def __init__(self, torch, place):
        self.xp, self.place = torch, place

    # Memory

    def free(self):
        """Bytes that may be used."""
        if self.place.type == "cuda":
            self.xp.cuda.empty_cache()
            return int(_USABLE * self.xp.cuda.mem_get_info(self.place)[0])
        return int(_USABLE * os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))

    def require(self, count, what):
        """Raise an error that says what does not fit, before anything is allocated."""
        if count > (free := self.free()):
            raise ValueError(
                f"{what} need {count / 2**30:.3g} GiB on device {str(self.place)!r}, of which "
                f"{free / 2**30:.3g} GiB may be used; use a device with more memory, or leave "
                "device out"
            )

    def columns(self, width, each, fixed, what):
        """Slices of a block's columns so wide that they fit: `each` bytes a column, and `fixed`."""
        self.require(fixed + each, what)
        step = int(min(width, (self.free() - fixed) // each))
        return [slice(k, min(k + step, width)) for k in range(0, width, step)]

    # Dense matrices: the methods of Host

    def array(self, values, dtype=None):
        """Return an array to compute on."""
        kind = None if dtype is None else getattr(self.xp, np.dtype(dtype).name)
        if isinstance(values, self.xp.Tensor):
            return values.to(kind)
        values = np.asarray(values)
        if not values.flags.writeable or any(stride < 0 for stride in values.strides):
            values = values.copy()
        values = self.xp.from_numpy(values)
        if self._by_pieces(values):
            values = self._copy(self.xp.empty_like(values, device=self.place), values)
        return values.to(self.place, kind)

    def sparse(self, A, data=None):
        """Return a csr_array, or other data on its pattern, as a sparse array of the device."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse (CSR|invariant)", UserWarning)
            return self.xp.sparse_csr_tensor(
                self.array(A.indptr),
                self.array(A.indices),
                self.array(A.data) if data is None else data,
                A.shape,
            )

    def dense(self, A):
        """Return a matrix, which may be sparse, to compute on."""
        return self.sparse(A).to_dense() if sparse.issparse(A) else self.array(A)

    def host(self, values):
        """Return a NumPy array."""
        result = self.xp.from_numpy(np.empty(tuple(values.shape), str(values.dtype)[6:]))
        if self._by_pieces(values):
            return self._copy(result, values).numpy()
        return result.copy_(values).numpy()

    def _by_pieces(self, values):
        """Whether an array is so large that `_copy` moves it faster to or from the device."""
        return self.place.type == "cuda" and values.nbytes > 8 * _PIECE and values.is_contiguous()

    def _copy(self, target, source):
        """Copy between processor and device, through pinned memory on threads: 3 times as fast."""
        xp, size, copiers = self.xp, _PIECE // source.itemsize, queue.SimpleQueue()
        xp.cuda.synchronize(self.place)
        for _ in range(_COPIERS):
            buffer = xp.empty(size, dtype=source.dtype, pin_memory=True)
            copiers.put((buffer, xp.cuda.Stream(self.place)))
        pieces = list(zip(target.view(-1).split(size), source.view(-1).split(size), strict=True))

        def copy(piece):
            into, out_of = piece
            buffer, stream = copier = copiers.get()
            buffer = buffer[: len(into)]
            with xp.cuda.stream(stream):
                buffer.copy_(out_of, non_blocking=True)
                stream.synchronize()
                into.copy_(buffer, non_blocking=True)
                stream.synchronize()
            copiers.put(copier)

        with ThreadPoolExecutor(_COPIERS) as pool:
            list(pool.map(copy, pieces))
        return target

    def empty(self, shape, dtype=float):
        """Return an array that is to be filled."""
        kind = getattr(self.xp, np.dtype(dtype).name)
        return self.xp.empty(shape, dtype=kind, device=self.place)

    def product(self, A, X):
        """Product with a matrix that may be sparse."""
        return self.dense(A) @ X

    def norm(self, X):
        """Frobenius norm."""
        return float(self.xp.linalg.vector_norm(X))

    def add_to_diagonal(self, X, values):
        """Add to the diagonal, in place."""
        X.diagonal().add_(values)

    def mirror(self, C, left=None, right=None):
        """Copy the upper triangle of ``diag(left) C diag(right)`` onto the lower one."""
        if left is not None:
            C = left[:, None] * C
            C *= right
        return C.triu() + C.triu(1).T

    def inverse(self, A):
        """Inverse of a general matrix."""
        return self.xp.linalg.inv(A)

    def condition(self, A):
        """1-norm of A and its reciprocal condition number, 0 if singular."""
        size = self._one_norm(A)
        inverse, info = self.xp.linalg.inv_ex(A)
        return size, 0.0 if info.item() else 1 / (size * self._one_norm(inverse))

    def _one_norm(self, A):
        return float(abs(A).sum(0).max())

    def cholesky(self, M):
        """Lower factor of the symmetric M and its reciprocal condition number."""
        L, info = self.xp.linalg.cholesky_ex(M)
        if info.item():
            return L, 0.0
        return L, 1 / (self._one_norm(M) * self._one_norm(self.xp.cholesky_inverse(L)))

    def inverse_of_negative(self, B, scale):
        """Inverse of ``M = -diag(scale) B diag(scale)``, and M's 1-norm.

        The inverse is None if M is not positive definite.
        """
        M = -scale[:, None] * B
        M *= scale
        L, info = self.xp.linalg.cholesky_ex(M)
        return None if info.item() else self.xp.cholesky_inverse(L), self._one_norm(M)

    def eigh(self, A):
        """Eigenvalues (NumPy), ascending, and eigenvectors of a symmetric matrix."""
        values, vectors = self.xp.linalg.eigh(A)
        return self.host(values), vectors

    def eigvalsh(self, A):
        """Eigenvalues (NumPy) of a symmetric matrix, ascending."""
        return self.host(self.xp.linalg.eigvalsh(A))

    def _reduced(self, L, M):
        """``L^-1 M L^-T``: one product with it costs less than two triangular solves."""
        half = self.xp.linalg.solve_triangular(L, self.dense(M), upper=False)
        return self.xp.linalg.solve_triangular(L, half.T, upper=False)

    def whitened_eigenvalues(self, L, M):
        """Eigenvalues of ``L^-1 M L^-T``, ascending."""
        return self.eigvalsh(self._reduced(L, M))

    def whitened(self, L, M):
        """Return the function ``x -> L^-1 M L^-T x`` on NumPy arrays."""
        reduced = self._reduced(L, M)
        return lambda x: self.host(reduced @ self.array(x))

    # Sparse networks

    def order_by(self, numbers):
        """Stable order of whole numbers that are not negative."""
        order = self.xp.sort(numbers, stable=True).indices
        return order.to(self.xp.int32) if len(order) < 2**31 else order

    # Blocks of vectors on a sparse network: the methods of gradients.Threads

    def stream(self, seed):
        """Return a source of random signs."""
        state = int(seed.generate_state(1, np.uint64)[0] >> np.uint64(1))
        return self.xp.Generator(device=self.place).manual_seed(state)

    def signs(self, stream, rows, width, dtype):
        """Random signs."""
        kind = getattr(self.xp, np.dtype(dtype).name)
        size = (rows, width)
        bits = self.xp.randint(0, 2, size, generator=stream, dtype=kind, device=self.place)
        return bits.mul_(2).sub_(1)

    def scaled(self, W, scale):
        """``diag(scale) W diag(scale)`` for a csr_array."""
        data = self.array(W.data, str(scale.dtype)[6:])
        data *= scale.repeat_interleave(self.array(np.diff(W.indptr)))
        data *= scale.index_select(0, self.array(W.indices))
        return self.sparse(W, data)

    def map(self, work, parts):
        """Call ``work(part)`` for every part."""
        for part in parts:
            work(part)

    def pairs(self, ends, coefficients, x):
        """``c_i x_i + c_j x_j`` for every pair of neurons."""
        i, j = ends.T
        result = x.index_select(0, i)
        result *= coefficients[:, :1]
        return result.addcmul_(x.index_select(0, j), coefficients[:, 1:])

    def add_pairs(self, g, ends, coefficients, z):
        """Add ``c_i z`` to row i of g and ``c_j z`` to row j, for every pair of neurons."""
        for neurons, c in zip(ends.T, coefficients.T, strict=True):
            g.index_add_(0, neurons, c[:, None] * z)

    def row_squares(self, x):
        """Sum of squares of every row."""
        return self.xp.linalg.vector_norm(x, dim=1) ** 2

    def iteration(self, W, g):
        """Return the steps of conjugate gradients for ``(I - W) x = g``."""
        return _Iteration(self, W, g)


class _Iteration:
    """Steps of conjugate gradients on a block of vectors, as those of `gradients.Threads`."""

    def __init__(self, device, W, g):
        self.device, self.xp, self.W = device, device.xp, W
        self.x, self.r, self.p, self.q = (
            self.xp.zeros_like(g),
            g.clone(),
            g.clone(),
            self.xp.empty_like(g),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.r = self.p = self.q = None

    def size(self):
        """Squared norm of every residual."""
        return self.device.host(self.xp.linalg.vector_norm(self.r, dim=0) ** 2)

    def curvature(self):
        """Set q to ``(I - W) p`` and return ``p^T q``."""
        self.xp.addmm(self.p, self.W, self.p, alpha=-1, out=self.q)
        parts = zip(self.p.split(_ROWS), self.q.split(_ROWS), strict=True)
        return self.device.host(sum((p * q).sum(0) for p, q in parts))

    def advance(self, step):
        """Go on along p, and return `size`."""
        step = self.device.array(step, str(self.x.dtype)[6:])
        self.x.addcmul_(self.p, step)
        self.r.addcmul_(self.q, -step)
        return self.size()

    def turn(self, ratio):
        """Turn p towards the residual."""
        ratio = self.device.array(ratio, str(self.x.dtype)[6:])
        self.xp.addcmul(self.r, self.p, ratio, out=self.p)
