"""Checks at the public edge: what was wrong, where, and what to do about it."""

from __future__ import annotations

import dataclasses
import numbers
import os

import numpy as np
from scipy import sparse

from noiseprune import _matrix


def array(value, name, *, ndim=None, nonnegative=False, repair="fill or leave out such entries"):
    """Real, finite float64 array with one of the given numbers of dimensions.

    `repair` says what to do about an entry that is not.
    """
    _refuse_containers(value, name)
    try:
        result = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # the last from a torch.Tensor
        raise TypeError(f"{name} must be an array of numbers: {error}") from error
    if result.dtype == object or result.dtype.kind not in "biufc":
        raise TypeError(f"{name} must hold numbers, got dtype {result.dtype}")
    if result.dtype.kind == "c":
        raise ValueError(f"{name} must be real, got complex dtype {result.dtype}")
    if ndim is not None and result.ndim not in np.atleast_1d(ndim):
        wanted = " or ".join(str(d) for d in np.atleast_1d(ndim))
        raise ValueError(f"{name} must have {wanted} dimension(s), got shape {result.shape}")
    result = result.astype(float, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        total = result.sum()  # finite only if every entry is: no second array in the usual case
    if not np.isfinite(total) and not (finite := np.isfinite(result)).all():
        raise ValueError(f"{name} must be finite, got {_first(result, ~finite)}; {repair}")
    if nonnegative and result.size and result.min() < 0:
        raise ValueError(f"{name} must not be negative, got {_first(result, result < 0)}")
    return result


def _first(values, which):
    """Say the first of the entries, and where it stands unless it is the only one."""
    where = tuple(int(k) for k in np.argwhere(which)[0])
    return f"{values[where]:.6g}" + (f" at index {where}" if where else "")


def _refuse_containers(value, name):
    """Say what to do with what holds arrays or numbers but is none, or must not be read as one."""
    kind = type(value).__name__
    if value is None:
        raise TypeError(f"{name} must be an array, got None")
    if isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(
            f"{name} must be an array, got the {kind} {value!r}; read the file first, as with "
            "numpy.load, numpy.loadtxt or scipy.io.mmread"
        )
    if sparse.issparse(value):
        raise TypeError(f"{name} must be a dense array, got a sparse {kind}; use {name}.toarray()")
    if isinstance(value, np.lib.npyio.NpzFile):
        raise TypeError(
            f"{name} must be an array, got an NpzFile of several: {', '.join(value.files)}; take "
            f"one, as in file[{value.files[0] if value.files else 'name'!r}]"
        )
    if any(map(_is_masked, value if isinstance(value, (list, tuple)) else [value])):
        raise ValueError(
            f"{name} must not be a masked array: what the mask hides would be read; fill it, as "
            f"with {name}.filled(0) for synapses that are absent, or leave those rows out"
        )
    if callable(getattr(value, "named_parameters", None)):
        raise TypeError(
            f"{name} must be an array, got the module {kind}; take a weight of it, as in "
            "module.weight_hh_l0.detach().numpy()"
        )
    if callable(getattr(value, "adjacency", None)) and hasattr(value, "nodes"):
        raise TypeError(
            f"{name} must be an array, got the graph {kind}; use networkx.to_scipy_sparse_array, "
            "transposed if the graph is directed: row = target, column = source"
        )
    for field in ("A", "W") if dataclasses.is_dataclass(value) else ():
        if hasattr(value, field):
            raise TypeError(f"{name} must be an array, got a {kind}; use its .{field}")
    if _is_table(value):
        rows, columns = list(value.index), list(value.columns)
        if rows != columns and set(rows) == set(columns):
            raise ValueError(
                f"{name} must have its neurons in one order, but rows and columns of this {kind} "
                f"name them in two; use {name}.loc[{name}.columns]"
            )


def _is_masked(value):
    return isinstance(value, np.ma.MaskedArray)


def matrix(A, name="A"):
    """Square, real, finite: a float64 ndarray, or a canonical float64 csr_array if A is sparse.

    A symmetry, or a balance of leak and input, that only single precision took is there again.
    """
    if sparse.issparse(A):
        if A.dtype.kind == "c":
            raise ValueError(f"{name} must be real, got complex dtype {A.dtype}")
        if A.ndim != 2:
            raise ValueError(f"{name} must have 2 dimension(s), got shape {A.shape}")
        # Floats before entries that stand twice are added up: integers of 8 bits would overflow.
        result = sparse.csr_array(A.astype(float, copy=False))  # shares the data: never change it
        if not result.has_canonical_format:
            result = result.copy()
            result.sum_duplicates()
        if isinstance(getattr(A, "data", None), np.ma.MaskedArray):
            array(A.data, f"{name}.data")
        array(result.data, f"{name}.data")
        if result.data.size and not result.data.all():
            result = result.copy()
            result.eliminate_zeros()
    else:
        result = array(A, name, ndim=2)
    if result.shape[0] != result.shape[1]:
        raise ValueError(f"{name} must be square, got shape {result.shape}")
    if result.shape[0] == 0:
        raise ValueError(f"{name} must have at least one neuron, got shape (0, 0)")
    dtype = A.dtype if sparse.issparse(A) else np.asarray(A).dtype
    return _matrix.restored(result, np.finfo(dtype).eps) if dtype == np.float32 else result


def same_order(A, B, name_a, name_b):
    """Refuse two tables that name the same neurons in two orders: their places count alone."""
    first, second = (list(table.columns) if _is_table(table) else None for table in (A, B))
    if first and second and first != second and set(first) == set(second):
        raise ValueError(
            f"{name_b} must have its neurons in the order of {name_a}, but the columns name them "
            f"in another; use {name_b}.loc[{name_a}.columns, {name_a}.columns]"
        )


def _is_table(value):
    return hasattr(value, "columns") and hasattr(value, "index")


def matrices(A, B, name_a, name_b):
    """Two matrices of the same network, checked as `matrix` does."""
    same_order(A, B, name_a, name_b)
    A, B = matrix(A, name_a), matrix(B, name_b)
    if A.shape != B.shape:
        raise ValueError(
            f"{name_b} must have the shape of {name_a}, {A.shape}, got shape {B.shape}"
        )
    return A, B


def eigenpairs(given, A):
    """Check eigenvalues and eigenvectors that were given for a checked symmetric A."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise TypeError(
            f"eigenpairs must be a pair (values, vectors), got {type(given).__name__}; "
            "numpy.linalg.eigh returns one"
        )
    values = array(given[0], "eigenpairs[0]", ndim=1)
    vectors = array(given[1], "eigenpairs[1]", ndim=2)
    if values.shape != A.shape[:1] or vectors.shape != A.shape:
        raise ValueError(
            f"eigenpairs must have shapes {A.shape[:1]} and {A.shape}, "
            f"got {values.shape} and {vectors.shape}"
        )
    if (np.diff(values) < 0).any():
        raise ValueError("eigenpairs[0] must be ascending, as numpy.linalg.eigh returns it")
    probe = np.random.default_rng(0).standard_normal(values.size)
    image = A @ probe
    off = np.abs(vectors @ (values * (vectors.T @ probe)) - image).max(initial=0.0)
    if not off <= 1e-6 * np.abs(image).max(initial=0.0):
        raise ValueError("eigenpairs are not those of A; numpy.linalg.eigh(A) returns them")
    return values, vectors


def number(value, name, *, low=None, high=None, low_open=False, high_open=False):
    """Return a real number inside the interval, as a float."""
    if isinstance(value, bool) or not isinstance(value, (numbers.Real, np.number)):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")
    if isinstance(value, (complex, np.complexfloating)):
        raise ValueError(f"{name} must be real, got {value}")
    value = float(value)
    inside = (
        np.isfinite(value)
        and (low is None or value > low or (value == low and not low_open))
        and (high is None or value < high or (value == high and not high_open))
    )
    if not inside:
        left = "(-inf" if low is None else f"{'(' if low_open else '['}{low:g}"
        right = "inf)" if high is None else f"{high:g}{')' if high_open else ']'}"
        raise ValueError(f"{name} must lie in {left}, {right}, got {value:g}")
    return value


def integer(value, name, *, low):
    """Return a whole number not below `low`."""
    if isinstance(value, bool) or not isinstance(value, (numbers.Integral, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value}")
    return int(value)


def choice(value, name, options):
    """One of the named options."""
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(repr(o) for o in options)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}")
    return value


def generator(rng):
    """Return a Generator from any that SPEC 7 names: a Generator is used as it is."""
    if rng is None or isinstance(
        rng, (np.random.Generator, np.random.SeedSequence, np.random.BitGenerator)
    ):
        return np.random.default_rng(rng)
    if isinstance(rng, bool) or not isinstance(rng, (numbers.Integral, np.integer)):
        raise TypeError(
            "rng must be a numpy Generator, a BitGenerator, a SeedSequence, an integer seed or "
            f"None, got {type(rng).__name__}"
        )
    if rng < 0:
        raise ValueError(f"rng as a seed must not be negative, got {rng}")
    return np.random.default_rng(rng)
