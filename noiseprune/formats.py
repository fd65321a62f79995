"""Files that hold networks: loaded into the object they stand for, written whole or not at all.

Well-kept readers do the work: NumPy and SciPy for npz, npy, mtx and mat; pandas for csv and tsv,
networkx for graphml and gml (the extra `networks`).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from pathlib import Path

import numpy as np
from scipy import io, sparse

MATRICES = (".npz", ".npy", ".mtx", ".mat")
TABLES = (".csv", ".tsv")
GRAPHS = (".graphml", ".gml")
SUFFIXES = (*MATRICES, *TABLES, *GRAPHS)

NO_EDGE = ("", "nan", "NaN", "NA", "na", "n/a", "null", "none")  # what an empty cell looks like
EDGE_COLUMNS = (("source", "target"), ("pre", "post"), ("from", "to"))
DECIMALS = "decimals need a point"
NAMELESS = (".npy", ".mtx")  # without a place for the names of the neurons
_WITH_NAMES = (".npz", ".mat")  # matrix files with a place for the names of the neurons


def need(module):
    """Import pandas or networkx, or say which extra has it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"this needs {module}: pip install 'noiseprune[networks]'", name=module
        ) from error


def suffix(path):
    """Known suffix of a path, in lower case."""
    ending = Path(path).suffix.lower()
    if ending not in SUFFIXES:
        what = f"the format {ending!r} is unknown" if ending else "no suffix names the format"
        raise ValueError(f"{path}: {what}; known are {', '.join(SUFFIXES)}")
    return ending


def check_place(path):
    """Refuse a path at which no file can be written."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {str(path.parent)!r}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path}: nothing may be written in {str(path.parent)!r}")
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{path} is there and may not be written")


def load(path, key):
    """Return what a file holds, the names of its neurons or None, and the key of its matrix.

    Arrays and sparse arrays for matrices, a DataFrame for tables, a networkx graph for graphs.
    """
    ending = suffix(path)
    if key is not None and ending not in _WITH_NAMES:
        raise ValueError(f"{path}: key chooses a matrix of an npz or mat file, not of {ending}")
    if ending in TABLES:
        return _load_table(path, ending), None, None
    if ending in GRAPHS:
        return _load_graph(path, ending), None, None
    try:
        if ending == ".npy":
            return np.load(path, allow_pickle=False), None, None
        if ending == ".mtx":
            return io.mmread(path, spmatrix=False), None, None
        return _load_npz(path, key) if ending == ".npz" else _load_mat(path, key)
    except OSError:
        raise
    except Exception as error:  # whatever a reader says about a broken file, in one line
        what = _one_line(error)
        if "pickle" in what:  # NumPy, of objects and of what is no npy file at all
            what = "it holds no array of numbers"
        raise ValueError(f"{path}: {what}") from error


def save(path, value, *, names=None, key=None):
    """Write an array, sparse array, DataFrame or graph: a complete file, or an error and none."""
    ending = suffix(path)
    with whole(path) as part:
        if ending in GRAPHS:
            networkx = need("networkx")
            write = networkx.write_graphml if ending == ".graphml" else networkx.write_gml
            try:
                write(value, part)
            except (networkx.NetworkXException, TypeError, ValueError) as error:
                raise ValueError(f"{path}: {ending} cannot hold this graph: {error}") from error
        elif ending in TABLES:
            named = not is_counted(value.columns)
            value.to_csv(
                part,
                sep="," if ending == ".csv" else "\t",
                header=named,
                index=named and value.index.equals(value.columns),
            )
        else:
            _save_matrix(part, ending, value, names, key)


@contextlib.contextmanager
def whole(path):
    """Yield the path of a file that becomes the one meant, or vanishes after an error."""
    check_place(path)
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def is_counted(labels):
    """Whether labels are 0, 1, 2, ...: what stands where there are no names."""
    return list(labels) == list(range(len(labels)))


def _one_line(error):
    return str(error).strip().split("\n")[0] or type(error).__name__


def _load_npz(path, key):
    with np.load(path, allow_pickle=False) as stored:
        names = stored["names"].reshape(-1) if "names" in stored else None
        if names is not None:
            names = tuple((np.char.decode(names) if names.dtype.kind == "S" else names).tolist())
        if {"format", "shape", "data"} <= set(stored.files):
            if key is not None:
                raise ValueError("it is one sparse matrix, which has no key; leave key out")
            return sparse.load_npz(path), names, None
        key = _chosen(key, {name: stored[name].shape for name in stored.files if name != "names"})
        return stored[key], names, key


def _load_mat(path, key):
    try:
        stored = io.loadmat(path, spmatrix=False)
    except NotImplementedError:
        raise ValueError("a MATLAB file of version 7.3; save it with save(..., '-v7')") from None
    shapes = {
        name: value.shape
        for name, value in stored.items()
        if name[:2] != "__" and (sparse.issparse(value) or value.dtype.kind in "biuf")
    }
    key = _chosen(key, shapes)
    names = stored.get("names")
    if names is not None:  # cells, or rows of characters that blanks fill up
        names = tuple(str(np.squeeze(name)).rstrip() for name in names.reshape(-1))
    return stored[key], names, key


def _chosen(key, shapes):
    """Return the matrix that is meant: the key that is given, or the only square one."""
    if key is not None:
        if key not in shapes:
            raise ValueError(f"there is no {key!r}; it holds {_listed(shapes)}")
        return key
    square = [name for name, s in shapes.items() if len(s) == 2 and s[0] == s[1] > 0]
    if len(square) != 1:
        raise ValueError(
            f"{len(square)} square matrices; choose one with key=...; it holds {_listed(shapes)}"
        )
    return square[0]


def _listed(shapes):
    return ", ".join(f"{name!r} {shape}" for name, shape in shapes.items()) or "nothing"


def _save_matrix(part, ending, value, names, key):
    with open(part, "wb") as stream:
        if ending == ".npy":
            np.save(stream, value)
        elif ending == ".mtx":
            io.mmwrite(stream, value)
        elif ending == ".mat":
            extra = {} if names is None else {"names": np.array(names, dtype=object)}
            key = (key or "").lstrip("_") or "W"  # MATLAB has no names that begin with "_"
            io.savemat(stream, {key: value, **extra}, do_compression=True)
        elif sparse.issparse(value):
            value = sparse.csr_array(value)
            extra = {} if names is None else {"names": np.array(names)}
            np.savez_compressed(  # as scipy.sparse.save_npz, with the names beside
                stream,
                format=np.array(b"csr"),
                shape=value.shape,
                data=value.data,
                indices=value.indices,
                indptr=value.indptr,
                _is_array=True,
                **extra,
            )
        else:
            extra = {} if names is None else {"names": np.array(names)}
            np.savez_compressed(stream, **{key or "W": value}, **extra)


def _load_graph(path, ending):
    networkx = need("networkx")
    try:
        if ending == ".graphml":
            return networkx.read_graphml(path)
        try:
            return networkx.read_gml(path)
        except networkx.NetworkXError as error:
            if "label" not in str(error):
                raise
            return networkx.read_gml(path, label="id")  # a graph whose nodes have numbers only
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{path}: {_one_line(error)}") from error


def _load_table(path, ending):
    """Read a matrix, with or without names, or a list of edges, whose index counts the lines."""
    pandas = need("pandas")
    try:
        with open(path, encoding="utf-8-sig") as stream:
            lines = [k for k, line in enumerate(stream, 1) if line.strip()]
        if not lines:
            raise ValueError("the file is empty")
        separator = "\t" if ending == ".tsv" else _separator(path)
        options = {"sep": separator, "skipinitialspace": True, "encoding": "utf-8-sig"}
        head = pandas.read_csv(
            path, header=None, nrows=1, dtype=str, keep_default_na=False, **options
        )
        head = [str(cell).strip() for cell in head.iloc[0]]
        for cell in head:
            if re.fullmatch(r"[+-]?\d*,\d+", cell):
                raise ValueError(f"line {lines[0]}: {cell!r} is no number; {DECIMALS}")
        matrix = _matrix_of(path, head, lines, options, pandas)
        if matrix is not None:
            return matrix
        header = _heads_edges(head)
        edges = pandas.read_csv(
            path, header=0 if header else None, dtype=str, keep_default_na=False, **options
        )
        edges.columns = head if header else range(len(head))
        if len(edges) == len(lines) - header:
            edges.index = lines[header:]
        if (edges.iloc[:, -1] == "").any():
            _refuse_short_lines(path, separator, len(head))
        return edges.map(str.strip)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8") from error
    except ValueError as error:  # pandas' own errors are ValueErrors too
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        what = f"line {found[2]}: {found[3]} fields, not {found[1]}" if found else _one_line(error)
        raise ValueError(f"{path}: {what}") from error


def _separator(path):
    with open(path, encoding="utf-8-sig") as stream:
        first = next(line for line in stream if line.strip())
    return next((mark for mark in ";\t," if mark in first), r"\s+")  # a comma may be decimal


def _matrix_of(path, head, lines, options, pandas):
    """Return the matrix that a table is, or None if its shape is that of a list of edges."""
    width, count = len(head), len(lines)
    numeric = all(map(_is_number, head)) and not _numbers_neurons(
        path, head, lines, options, pandas
    )
    named = count == width > 1 and not numeric
    if edge_columns(head) or not (
        named or (numeric and count == width) or (count == width + 1 and not numeric)
    ):
        return None
    table = pandas.read_csv(
        path,
        header=None,
        skiprows=0 if numeric else lines[0],
        converters={0: str.strip} if named else None,
        keep_default_na=False,
        na_values={k: NO_EDGE for k in range(named, width)},  # a neuron may be called NA
        low_memory=False,
        **options,
    )
    body = table.iloc[:, 1:] if named else table
    rows = table.iloc[:, 0] if named else head
    columns = head[1:] if named else head
    if named and sorted(rows) != sorted(columns):
        return None
    first = lines[0 if numeric else 1 :]
    for k in (k for k, kind in enumerate(body.dtypes) if kind.kind not in "biuf"):
        values = pandas.to_numeric(body.iloc[:, k], errors="coerce")
        bad = np.flatnonzero(values.isna() & body.iloc[:, k].notna())
        raise ValueError(
            f"line {first[bad[0]]}: {body.iloc[bad[0], k]!r} in column {k + 1 + named} is no number"
            + decimals(body.iloc[bad[0], k])
        )
    if body.iloc[:, -1].isna().any():
        _refuse_short_lines(path, options["sep"], width)
    body = body.astype(float)
    body.columns = range(width) if numeric else columns
    body.index = range(width) if numeric else list(rows)
    return body


def _numbers_neurons(path, head, lines, options, pandas):
    """Whether numbers in the first line are names: they stand in the first column once more."""
    labels = head[1:]
    if head[0] or len(lines) != len(head) or not all(map(str.isdecimal, labels)):
        return False
    table = pandas.read_csv(path, header=None, dtype=str, keep_default_na=False, **options)
    table = table.map(str.strip).to_numpy()
    if table[1:, 0].tolist() != labels or len(set(labels)) < len(labels):
        return False
    counted = any(labels == [str(k + first) for k in range(len(labels))] for first in (0, 1))
    if not counted and set(table.diagonal()) <= set(NO_EDGE):
        raise ValueError(
            "the first line and column may be names or weights; write zeros on the diagonal, or "
            "names that are no numbers"
        )
    return bool(labels)


def _refuse_short_lines(path, separator, width):
    """A line that ends early is a broken file, not one without edges."""
    with open(path, encoding="utf-8-sig") as stream:
        for k, line in enumerate(stream, 1):
            fields = len(re.split(separator, line.strip("\n")))
            if line.strip() and fields < width:
                raise ValueError(f"line {k}: {fields} fields, not {width}")


def decimals(text):
    """What to add to an error about a number that has a comma."""
    return f"; {DECIMALS}" if "," in str(text) else ""


def _is_number(cell):
    try:
        float(cell or "nan")
    except ValueError:
        return cell.lower() in NO_EDGE
    return True


def edge_columns(columns):
    """Return the names of the columns that say source and target, or None."""
    lower = {str(name).lower(): name for name in columns}
    for source, target in EDGE_COLUMNS:
        if source in lower and target in lower:
            return lower[source], lower[target]
    return None


def _heads_edges(head):
    """Whether the first line of a list of edges holds the names of its columns."""
    return bool(
        edge_columns(head) or "weight" in head or (len(head) > 2 and not _is_number(head[2]))
    )
