"""Files that hold networks: loaded into the object they stand for, written whole or not at all.

Well-kept readers do the work: NumPy and SciPy for npz, npy, mtx and mat; pandas for csv and tsv,
networkx for graphml and gml (the extra `networks`).
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
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
ENDS = (
    ("source", "target"),
    ("pre", "post"),
    ("from", "to"),
    ("presynaptic", "postsynaptic"),
    ("sender", "receiver"),
)
_BESIDE = {"body", "cell", "id", "index", "label", "name", "neuron", "node", "pt", "root"}
_FEW = 8  # columns up to which a square of numbers may be a list of edges
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


def load(path, key, weight="weight", ending=None):
    """Return what a file holds, the names of its neurons or None, and the key of its matrix.

    Arrays and sparse arrays for matrices, a DataFrame for tables, a networkx graph for graphs. The
    rows of a DataFrame that is a matrix have the names of its columns.
    """
    ending = ending or suffix(path)
    if key is not None and ending not in _WITH_NAMES:
        raise ValueError(f"{path}: key chooses a matrix of an npz or mat file, not of {ending}")
    if ending in TABLES:
        return _load_table(path, ending, weight), None, None
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


def save(path, value, *, neurons=None, names=None, key=None, weight="weight"):
    """Write an array, sparse array, DataFrame or graph: a complete file, or an error and none.

    `names` stand beside a matrix; all `neurons` must read back.
    """
    ending = suffix(path)
    with whole(path) as part:
        if ending in GRAPHS:
            networkx = need("networkx")
            if tuples := {name: str(name) for name in value if isinstance(name, tuple)}:
                value = networkx.relabel_nodes(value, tuples)
            write = networkx.write_graphml if ending == ".graphml" else networkx.write_gml
            try:
                write(value, part)
            except (networkx.NetworkXException, TypeError, ValueError) as error:
                raise ValueError(f"{path}: {ending} cannot hold this graph: {error}") from error
        elif ending in TABLES:
            if names is not None:  # as text: pandas writes tuples on several lines
                value = value.set_axis(list(map(str, value.columns)), axis=1)
                value = value.set_axis(list(map(str, value.index)))
            value.to_csv(
                part,
                sep="," if ending == ".csv" else "\t",
                header=names is not None or not is_counted(value.columns),
                index=names is not None,
            )
        else:
            _save_matrix(part, ending, value, names, key)
        if neurons is not None:
            _refuse_loss(path, part, ending, neurons, weight)


def _refuse_loss(path, part, ending, neurons, weight):
    """Refuse a file from which other neurons would be read: names alike, blanks, separators."""
    meant = sorted(map(str, neurons))
    what = next((a for a, b in itertools.pairwise(meant) if a == b), None)
    if what is None:
        try:
            found = _neurons(part, ending, weight)
            what = next((a for a, b in itertools.zip_longest(meant, found) if a != b), None)
        except ValueError as error:
            what = str(error).removeprefix(f"{part}: ")
    if what is not None:
        raise ValueError(
            f"{path}: {ending} would not give back the names of the neurons ({what!r}); rename "
            "them, or write another format"
        )


def _neurons(path, ending, weight):
    """Names of the neurons in a file, as sorted text."""
    value, names, _ = load(path, None, weight, ending)
    if names is None and ending in TABLES:
        names = list(value.columns)
        if set(value.index) != set(names):
            first, second, _ = ends(names, weight)
            names = {*end_names(value[first]), *end_names(value[second])} - {None}
    return sorted(map(str, value if names is None else names))


@contextlib.contextmanager
def whole(path):
    """Yield the path of a file that becomes the one meant, or vanishes after an error."""
    check_place(path)
    path = Path(path).resolve()  # a link stays one
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


def _load_table(path, ending, weight):
    """Read a matrix, with or without names, or a list of edges, whose index counts the lines."""
    pandas, head = need("pandas"), [""]
    try:
        with open(path, encoding="utf-8-sig") as stream:
            lines = [k for k, line in enumerate(stream, 1) if line.strip()]
        if not lines:
            raise ValueError("the file is empty")
        options = {
            "sep": "\t" if ending == ".tsv" else _separator(path),
            "header": None,
            "skipinitialspace": True,
            "encoding": "utf-8-sig",
            "keep_default_na": False,
        }
        head, *second = (
            [str(cell).strip() for cell in pandas.read_csv(path, **at, **options).iloc[0]]
            for at in (
                {"nrows": 1, "dtype": str, "skiprows": skipped}
                for skipped in (0, lines[0])[: len(lines)]
            )
        )
        for cell in head:
            if re.fullmatch(r"[+-]?\d*,\d+", cell):
                raise ValueError(f"line {lines[0]}: {cell!r} is no number; {DECIMALS}")
        if second and len(second[0]) == len(head) + 1:
            named = second[0][0] == head[0] and all(map(_is_number, second[0][1:]))
            first = _first_column(path, lines[0], options)
            counted = numbers_rows("", first) if lists_edges(head, None) else first.is_unique
            if counted and (named or not any(map(_is_number, head))):
                head.insert(0, "")  # R writes no corner
        if second and len(second[0]) > len(head):
            raise ValueError(f"line {lines[1]}: {len(second[0])} fields, not {len(head)}")
        options["names"] = range(len(head))
        matrix = _matrix_of(path, head, lines, options, weight)
        if matrix is not None:
            return matrix
        edges = pandas.DataFrame(columns=range(len(head)), dtype=str)
        if second:
            edges = pandas.read_csv(path, dtype=str, skiprows=lines[0], **options)
        header = _heads_edges(head, edges)
        if header:
            edges.columns = head
        else:
            edges = pandas.concat([pandas.DataFrame([head]), edges], ignore_index=True)
        if len(edges) == len(lines) - header:
            edges.index = lines[header:]
        if edges.iloc[:, -1].isin(["", None, np.nan]).any():
            _refuse_short_lines(path, options["sep"], lines[0], len(head))
        return edges.fillna("").map(str.strip)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8") from error
    except ValueError as error:  # pandas' own errors are ValueErrors too
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        what = f"line {found[2]}: {found[3]} fields, not {found[1]}" if found else _one_line(error)
        if head[0].startswith("#"):
            what += "; is the first line a comment? Remove it"
        raise ValueError(f"{path}: {what}") from error


def _separator(path):
    with open(path, encoding="utf-8-sig") as stream:
        first = next(line for line in stream if line.strip())
    return next((mark for mark in ";\t," if mark in first), r"\s+")  # a comma may be decimal


def _first_column(path, skipped, options):
    """Cells of the first column, as text, below so many lines."""
    column = need("pandas").read_csv(path, usecols=[0], dtype=str, skiprows=skipped, **options)
    return column.iloc[:, 0].str.strip()


def _matrix_of(path, head, lines, options, weight):
    """Return the matrix that a table is, or None if it is a list of edges."""
    pandas = need("pandas")
    width, count, skipped = len(head), len(lines), lines[0]
    numeric, beside = all(map(_is_number, head)), []
    if count == width > 1:
        beside = _first_column(path, skipped, options).tolist()
    # Names beside the rows: those above the columns once more, or numbers under an empty corner.
    mirrored = len(beside) > 0 and sorted(beside) == sorted(head[1:])
    mirrored &= not (numeric and (head[0] or len(set(beside)) < len(beside)))
    named = int(mirrored or (len(beside) > 0 and not head[0] and numbers_rows("", beside)))
    header = bool(named or not numeric)
    columns = head[named:] if header else list(range(width))
    if numeric and count == width + 1 > 3:
        body = pandas.read_csv(path, dtype=str, skiprows=skipped, **options)
        diagonal = pandas.to_numeric(pandas.Series(body.to_numpy().diagonal()), errors="coerce")
        if not diagonal.fillna(0).any():
            raise ValueError(
                f"line {skipped} may hold the names of {width} neurons: write them beside the "
                "rows, too"
            )
    if count != width + (header and not named) or (not mirrored and lists_edges(columns, weight)):
        return None
    table = pandas.read_csv(
        path,
        skiprows=skipped if header else 0,
        converters={0: str.strip} if named else None,
        na_values={k: NO_EDGE for k in range(named, width)},  # a neuron may be called NA
        low_memory=False,
        **options,
    )
    body = table.iloc[:, named:]
    for k in (k for k, kind in enumerate(body.dtypes) if kind.kind not in "biuf"):
        values = pandas.to_numeric(body.iloc[:, k], errors="coerce")
        bad = np.flatnonzero(values.isna() & body.iloc[:, k].notna())
        if bad.size == len(body) and not mirrored:
            return None  # a column of names
        raise ValueError(
            f"line {lines[header:][bad[0]]}: {body.iloc[bad[0], k]!r} in column {k + 1 + named} is "
            f"no number{decimals(body.iloc[bad[0], k])}"
        )
    if body.iloc[:, -1].isna().any():
        _refuse_short_lines(path, options["sep"], skipped, width)
    body = body.astype(float)
    if numeric and named and np.isnan(body.to_numpy().diagonal()).all():
        counted = any(beside == [str(k + first) for k in range(len(beside))] for first in (0, 1))
        if not counted:
            raise ValueError(
                "the first line and column may be names or weights; write zeros on the diagonal, "
                "or names that are no numbers"
            )
    if not mirrored and not is_matrix(columns, body.to_numpy(), weight):
        return None
    body.columns = columns
    body.index = beside if mirrored else range(len(columns))
    return body


def _refuse_short_lines(path, separator, head, width):
    """A line that ends early is a broken file, not one without edges."""
    with open(path, encoding="utf-8-sig") as stream:
        for k, line in enumerate(stream, 1):
            fields = len(re.split(separator, line.strip("\n")))
            if k > head and line.strip() and fields < width:
                raise ValueError(f"line {k}: {fields} fields, not {width}")


def decimals(text):
    """What to add to an error about a number that has a comma."""
    return f"; {DECIMALS}" if "," in str(text) else ""


def _is_number(cell):
    try:
        float(cell or "nan")
    except ValueError:
        return cell.lower() in NO_EDGE
    return "_" not in cell  # which Python skips


def numbers_rows(name, cells):
    """Whether a column is the rows' numbers, which pandas and R put first, without a name."""
    cells = list(map(str, cells))
    unnamed = name is None or str(name) == "" or str(name).startswith("Unnamed:")
    return unnamed and all(map(str.isdecimal, cells)) and len(set(cells)) == len(cells)


def edge_columns(columns):
    """Return the names of the columns that say source and target, or None.

    They differ in that word alone (pre_root_id, post_root_id); of several pairs, the shortest.
    """
    words = {}
    for name in columns:
        split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(name)).lower()
        words.setdefault(tuple(re.findall(r"[a-z]+|\d+", split)), name)
    for ends in ENDS:
        for one in sorted(words, key=len):
            if ends[0] in one and {*one} - {ends[0]} <= _BESIDE:
                other = tuple(ends[1] if word == ends[0] else word for word in one)
                if other in words:
                    return words[one], words[other]
    return None


def lists_edges(columns, weight):
    """Whether names of columns say that they head a list of edges."""
    lower = {str(name).lower() for name in columns}
    return bool(edge_columns(columns) or lower & {"weight", "weights"}) or str(weight) in map(
        str, columns
    )


def ends(columns, weight):
    """Return the columns of a list of edges that hold its ends, and the direction they say."""
    named = edge_columns(columns)
    first, second = sorted(named, key=columns.index) if named else columns[:2]
    unknown = len(columns) > 3 or {"weight", weight} & {first, second}
    if named is None and unknown and not is_counted(columns):
        raise ValueError(
            f"nothing says which of the columns {columns} hold the ends of a synapse; call them "
            "source and target"
        )
    said = named and ("source-target" if first == named[0] else "target-source")
    return first, second, said


def end_names(column):
    """Names in a column of ends, None where there is none; whole numbers have no decimals."""
    cells = column.astype(object)
    cells = cells.where(cells.notna() & (cells != ""), None)
    given = cells.dropna()
    decimal = column.dtype.kind == "f"
    long = given if decimal else given[given.map(_is_power).astype(bool)].astype(float)
    if (long.abs() >= 2**53).any():
        raise ValueError(
            f"the numbers of neurons in column {column.name!r} are rounded: an empty cell made "
            "decimals of them; keep the column as whole numbers, as with dtype='Int64' in pandas"
        )
    if decimal:
        if (given % 1 == 0).all():
            cells[given.index] = given.astype(int).astype(object)
    elif all(isinstance(name, str) and re.fullmatch(r"\d+(\.0)?", name) for name in given):
        cells[given.index] = given.astype(object).map(lambda name: name.removesuffix(".0"))
    return cells


def _is_power(name):
    return isinstance(name, str) and re.fullmatch(r"\d\.\d+[eE]\+?\d+", name) is not None


def is_matrix(columns, M, weight):
    """Whether N columns over N rows of numbers are a matrix, not N edges; refused if unclear."""
    if lists_edges(columns, weight) or (weight is None and may_list_edges(M)):
        return False
    if may_list_edges(M):
        which = f"give weight=... as one of {columns[2:]}, or " if len(M) > 2 else "give "
        raise ValueError(
            f"{len(M)} rows of {len(M)} numbers may be a matrix or a list of edges; for a matrix, "
            "name the neurons above the columns and beside the rows; for a list, call its columns "
            f"source, target and weight, or {which}None for weight 1 everywhere"
        )
    return True


def may_list_edges(M):
    """Whether a small matrix looks like edges: whole numbers first, and no empty diagonal."""
    M = np.nan_to_num(np.asarray(M, dtype=float))  # a line without a target names a neuron
    ends, diagonal = M[:, :2], M.diagonal()
    return (
        2 <= len(M) <= _FEW
        and bool((ends >= 0).all() and (ends % 1 == 0).all() and (diagonal > 0).any())
        and (len(M) == 2 or not np.array_equal(M, M.T))
    )


def _heads_edges(head, edges):
    """Whether the first line of a list of edges holds the names of its columns."""
    return bool(
        lists_edges(head, None)
        or (len(head) > 2 and not _is_number(head[2]))
        or (
            not any(map(_is_number, head[:2]))
            and len(edges)
            and all(_is_number(cell) for cell in edges.iloc[:, :2].to_numpy().ravel())
        )
    )
