"""Your network, read: from a file, a table, a graph or a matrix, and given back in kind.

Whatever comes in, ``W[i, j]`` is the synapse from neuron j to neuron i afterwards, and
everything that was done on the way is a line in `Network.notes`.
"""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from noiseprune import _checks, _matrix, formats

_DECIMALS = 1e-5  # of the largest weight, by which rounded decimals may break a symmetry
_NO_WEIGHTS = "cmM"  # complex numbers, times and dates, which NumPy would turn into numbers
DIRECTIONS = ("source-target", "target-source", "undirected")


@dataclass(frozen=True, repr=False, eq=False)
class Network:
    """A network that was read, with what is needed to give it back in kind.

    Attributes
    ----------
    W : csr_array, shape (N, N)
        Synaptic weights without a diagonal; ``W[i, j]`` is from neuron j to neuron i.
    names : tuple
        Name of each neuron; 0, 1, 2, ... where the source has none.
    diagonal : ndarray, shape (N,)
        What stood on the diagonal: autapses or, where every entry is negative, minus the leak.
    direction : {"source-target", "target-source", "undirected"} or None
        How the source was read; None where it is symmetric and no direction was needed.
    notes : tuple of str
        What was done to the source.
    """

    W: sparse.csr_array
    names: tuple
    diagonal: np.ndarray
    direction: str | None
    notes: tuple
    _form: _Form

    def __repr__(self):
        lines = [f"Network: {len(self.names)} neurons, {self.W.nnz} directed synapses"]
        if self.direction is not None:
            lines[0] += f", read as {self.direction}"
        return "\n- ".join([*lines, *self.notes])

    @property
    def has_leak(self):
        """Whether the source holds the dynamics A, every diagonal entry negative."""
        return bool((self.diagonal < 0).all())

    def like(self, A):
        """Give a pruned network back in kind: the same kind of object, names and order.

        Parameters
        ----------
        A : (N, N) ndarray or sparse array
            Pruned dynamics matrix or weights, with no synapse that the source lacks.

        Returns
        -------
        ndarray, csr_array, DataFrame or networkx graph
            What was read, or what the file holds that was read, with the weights of A. Synapses
            that A lacks are gone. On the diagonal stand the source's autapses, as they were; or,
            if the source holds the leak, the diagonal of A.

        Raises
        ------
        ValueError
            If A has another size, a synapse that the source lacks, or is not symmetric where the
            source is undirected.

        Examples
        --------
        >>> import noiseprune as npr
        >>> network = npr.read([[0.0, 1.0, 5.0], [1.0, 0.0, 2.0], [5.0, 2.0, 0.0]])
        >>> network.like([[-9.0, 0, 5.0], [0, -9.0, 0], [5.0, 0, -9.0]])
        array([[0., 0., 5.],
               [0., 0., 0.],
               [5., 0., 0.]])
        """
        return self._as(self._form.kind, self._oriented(A))

    def write(self, path, A):
        """Write a pruned network to a file, in the format that its suffix names.

        A matrix has the direction of the source. A list of edges and a graph name source and
        target; one made from a matrix goes from source to target. The file appears complete or not
        at all.

        Parameters
        ----------
        path : str or path
            File with a suffix that `read` knows.
        A : (N, N) ndarray or sparse array
            See `like`.

        Raises
        ------
        ValueError
            As `like`, or if the suffix is unknown, or the names of neurons would not read back.
        OSError
            If the file cannot be written.

        Warns
        -----
        UserWarning
            If the network has names and the format has no place for them (npy, mtx).
        """
        ending = formats.suffix(path)
        M, kind, names = self._oriented(A), self._form.kind, None
        if ending in formats.GRAPHS:
            kind = "graph"
        elif ending in formats.TABLES:
            if kind not in ("frame", "edges"):
                kind = "frame" if kind == "array" else "edges"
        else:
            kind = "array" if kind in ("array", "frame") or ending == ".npy" else "sparse"
        value, named = self._as(kind, M), self._form.named
        if kind == "frame":
            named = named or formats.may_list_edges(value.to_numpy())
            if set(value.index) != set(self.names):
                value = value.set_axis(self.names)
        elif ending in formats.NAMELESS and named:
            warnings.warn(f"{ending} has no place for the names of neurons", stacklevel=2)
            named = False
        if named and kind in ("array", "sparse", "frame"):
            names = tuple(str(name) if isinstance(name, tuple) else name for name in self.names)
        formats.save(
            path,
            value,
            names=names,
            key=self._form.key,
            neurons=self.names if named or kind == "frame" else None,
            weight=self._form.columns[2] if kind == self._form.kind == "edges" else "weight",
        )

    def _oriented(self, A):
        """Weights and diagonal of a checked A in the direction of the source, a csr_array."""
        if _is(A, "pandas", "DataFrame"):
            names = list(self.names)
            if list(A.columns) != names and set(A.columns) == set(names):
                raise ValueError("A must have its neurons in the order of the source's `names`")
        A = _checks.matrix(A)
        if A.shape != self.W.shape:
            raise ValueError(f"A must have shape {self.W.shape} as the source, got {A.shape}")
        W, diagonal = _matrix.synapses(A), A.diagonal()
        new = sparse.coo_array(W - W.multiply(self.W != 0))
        new.eliminate_zeros()
        if new.nnz:
            i, j = (self.names[int(k[0])] for k in new.coords)
            raise ValueError(f"A has a synapse from {j!r} to {i!r}, which the source lacks")
        if self.direction == "undirected" and not _matrix.is_symmetric(W):
            raise ValueError("A must be symmetric: the source is undirected")
        full = W + sparse.diags_array(diagonal if self.has_leak else self.diagonal)
        return sparse.csr_array(full.T if self.direction == "source-target" else full)

    def _as(self, kind, M):
        """Return M as an object: in the source's own form if the kind is the source's."""
        form = self._form
        own = kind == form.kind
        if kind == "sparse":
            return M
        if kind in ("array", "frame"):
            dense = M.toarray()
            if form.nan is not None:
                dense[(dense == 0) & form.nan] = np.nan
            if kind == "array":
                return dense
            frame = formats.need("pandas").DataFrame(dense, index=self.names, columns=self.names)
            if own and set(form.template) == set(self.names):
                return frame.reindex(form.template)
            return frame.set_axis(form.template) if own else frame
        if kind == "edges":
            return self._edges_like(M) if own else self._edges(M)
        return self._graph_like(M) if own else self._graph(M)

    def _edges(self, M):
        """List the edges of M, and the neurons without any as lines without a target."""
        pandas = formats.need("pandas")
        M = M.tocoo()
        names = self._name_array()
        columns = ["source", "target"]
        if self.direction == "target-source":
            columns.reverse()
        edges = pandas.DataFrame({columns[0]: names[M.row], columns[1]: names[M.col]})
        edges["weight"] = M.data
        return self._with_isolated(edges, columns, M)

    def _name_array(self):
        return np.fromiter(self.names, dtype=object, count=len(self.names))  # tuples, too

    def _with_isolated(self, edges, columns, M):
        """Append a line without a target for every neuron that no other line names."""
        pandas = formats.need("pandas")
        alone = np.ones(len(self.names), dtype=bool)
        alone[np.r_[M.row, M.col]] = False
        if not alone.any():
            return edges
        rows = pandas.DataFrame({columns[0]: self._name_array()[alone], columns[1]: np.nan})
        both = {name: edges[name].astype(object) for name in columns}
        joined = pandas.concat([edges.assign(**both), rows], ignore_index=True)
        return joined[list(edges.columns)]

    def _edges_like(self, M):
        form = self._form
        first, second, weight = form.columns
        values = np.asarray(M[form.first, form.second]).reshape(-1)
        stays = form.once & (values != 0)
        edges = form.template.iloc[form.rows[stays]]
        edges = edges.assign(**{"weight": values[stays]}) if weight is None else edges.copy()
        if weight is not None:
            edges[weight] = values[stays]
        return self._with_isolated(edges.reset_index(drop=True), [first, second], M.tocoo())

    def _graph(self, M):
        """Make a graph of M: undirected if M is symmetric, else edges go from source to target."""
        networkx = formats.need("networkx")
        symmetric = self.direction in (None, "undirected")
        graph = networkx.Graph() if symmetric else networkx.DiGraph()
        graph.add_nodes_from(self.names)
        M = sparse.coo_array(sparse.triu(M) if symmetric else M)
        row, col = M.coords if self.direction != "target-source" else M.coords[::-1]
        ends = ([self.names[k] for k in place.tolist()] for place in (row, col))
        graph.add_weighted_edges_from(zip(*ends, M.data.tolist(), strict=True))
        return graph

    def _graph_like(self, M):
        form = self._form
        graph = form.template.copy()
        edges = list(graph.edges(keys=True) if graph.is_multigraph() else graph.edges())
        values = np.asarray(M[form.first, form.second]).reshape(-1)
        stays = form.once & (values != 0)
        graph.remove_edges_from([edge for edge, kept in zip(edges, stays, strict=True) if not kept])
        kept = (edges[k] for k in np.flatnonzero(stays).tolist())
        new = dict(zip(kept, values[stays].tolist(), strict=True))
        formats.need("networkx").set_edge_attributes(graph, new, form.columns)
        return graph


@dataclass(frozen=True, eq=False)
class _Form:
    """What the source looked like.

    Matrices: where NaN stands for no edge. Edges and graphs: the two ends of every entry as
    positions of neurons, whether the entry is the first of its kind, the rows of the template that
    are entries, and the names of the columns.
    """

    kind: str  # "array", "sparse", "frame", "edges" or "graph"
    named: bool = True
    nan: np.ndarray | None = None
    key: str | None = None
    template: Any = None
    columns: Any = None
    first: np.ndarray | None = None
    second: np.ndarray | None = None
    once: np.ndarray | None = None
    rows: np.ndarray | None = None


def read(source, *, direction=None, weight="weight", key=None):
    """Read a network: a file, a DataFrame, a networkx graph, a sparse or a dense matrix.

    Parameters
    ----------
    source : str, path, DataFrame, networkx graph, sparse array, or (N, N) array_like
        Files: npz (SciPy's sparse ones, too), npy, mtx, mat, csv and tsv (a matrix with or without
        names, or a list of edges), graphml, gml. A DataFrame is a matrix or a list of edges.
    direction : {"source-target", "target-source", "undirected"}, optional
        Which end stands first. "source-target": the row of a matrix, the first column of a list of
        edges, and the first node of an edge is the neuron that sends. "target-source": it is the
        neuron that receives, as in this package. "undirected": each entry is a pair. Needed
        wherever the source is not symmetric, for no format says which is meant.
    weight : str, int or None
        Column or edge attribute with the weights; None gives every synapse weight 1.
    key : str, optional
        Which matrix of an npz or mat file, if it holds several.

    Returns
    -------
    Network
        Weights, names and notes; `Network.write` gives a pruned network back in kind.

    Raises
    ------
    ValueError
        If the direction is missing, or the source is no network: the message says where, for a
        text file with the line.
    TypeError
        If the source is something else.
    OSError
        If a file cannot be read.
    ImportError
        If pandas or networkx is needed and missing: the extra `networks` has both.

    Notes
    -----
    Parallel edges are added up. NaN, or an empty cell, is no edge; an edge of a graph without the
    attribute `weight` has weight 1. Autapses are set aside: they are part of the diagonal of A and
    are never pruned. Neurons without synapses stay. The neurons of a list of edges stand in the
    order of their names, for lines have none; a line with an empty target only names a neuron. Its
    ends are the columns source and target, pre and post, from and to (pre_id and post_id, too)
    wherever they stand, else the first two.

    References
    ----------
    Book, "Prune your own network".

    Examples
    --------
    >>> import noiseprune as npr
    >>> network = npr.read([[0.0, 2.0], [0.0, 0.0]], direction="source-target")
    >>> network.W.toarray()
    array([[0., 0.],
           [2., 0.]])
    """
    if direction is not None:
        _checks.choice(direction, "direction", DIRECTIONS)
    if not isinstance(source, (str, os.PathLike)):
        return _interpret(source, direction, weight, names=None, key=key, unit="row")
    value, names, key = formats.load(source, key, weight)
    try:
        return _interpret(value, direction, weight, names=names, key=key, unit="line")
    except ValueError as error:
        raise ValueError(f"{os.fspath(source)}: {error}") from error


def _interpret(source, direction, weight, *, names, key, unit):
    """Find out what kind of object the source is, and read it."""
    if _is(source, "pandas", "DataFrame"):
        source, notes = _with_index(source)
        if _is_square(source, weight):
            return _from_frame(source, direction, notes)
        return _from_edges(source, direction, weight, unit, notes)
    if _is(source, "networkx", "Graph"):
        return _from_graph(source, direction, weight)
    return _from_matrix(source, direction, names, key)


def _is(value, module, name):
    """Whether the value is an instance of a class of a module that may not be there."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name))


def _from_matrix(source, direction, names, key):
    kind = "sparse" if sparse.issparse(source) else "array"
    if isinstance(source, np.ma.MaskedArray):
        raise TypeError("the source is a masked array; fill it, with NaN where there is no edge")
    if kind == "array":
        try:
            dense = np.asarray(source)
        except (TypeError, ValueError) as error:
            raise TypeError(f"the source is no matrix: {error}") from error
        if dense.dtype.kind not in "biuf":
            raise TypeError(
                f"the source must be a file, a DataFrame, a networkx graph or a matrix of real "
                f"numbers, got {type(source).__name__} with dtype {dense.dtype}"
            )
        source = dense
    if source.ndim != 2 or source.shape[0] != source.shape[1] or source.shape[0] == 0:
        raise ValueError(f"the matrix must be square, got shape {source.shape}")
    if names is not None and len(names) != source.shape[0]:
        raise ValueError(f"{len(names)} names for {source.shape[0]} neurons")
    if names is not None and len(set(names)) < len(names):
        raise ValueError("two neurons have the same name")
    form = {"kind": kind, "named": names is not None, "key": key}
    names = tuple(range(source.shape[0])) if names is None else names
    return _from_entries(source, names, direction, [], form)


def _from_entries(source, names, direction, notes, form):
    """Read a dense or sparse matrix whose names are known."""
    if sparse.issparse(source):
        if source.dtype.kind not in "biuf":
            raise TypeError(f"the matrix must hold real numbers, got dtype {source.dtype}")
        M = sparse.coo_array(source, dtype=float)
        first, second, values = *M.coords, M.data
    else:
        first, second = np.nonzero(source)  # NaN is not 0
        values = source[first, second].astype(float)
        if np.isnan(values).any():
            zero = source == 0
            np.fill_diagonal(zero, False)
            form["nan"] = np.isnan(source) | (not zero.any())  # where nothing else says "no edge"
    M, _ = _collect(first, second, values, names, notes)
    if source.dtype == np.float32:
        M = _matrix.restored(M, np.finfo(np.float32).eps)
    return _network(M, names, direction, notes, form, "the matrix")


def _with_index(frame):
    """Return a DataFrame with the index that files put first, or made text above the columns."""
    columns, notes = list(frame.columns), []
    first = columns[0] if columns else None
    if len(columns) > 1 and columns.count(first) == 1:
        if str(first).startswith("Unnamed:") and _same(frame[first], columns[1:]):
            frame, notes = frame.set_index(first), [f"column {first!r} has the names of the rows"]
        elif formats.numbers_rows(first, frame[first]):
            frame = frame.drop(columns=first)
            notes = [f"column {first!r} numbers the rows: left out"]
    rows, columns = list(frame.index), list(frame.columns)
    if set(rows) != set(columns) and _same(rows, columns) and not formats.is_counted(rows):
        name = {str(column): column for column in columns}
        frame = frame.set_axis([name[str(row)] for row in rows])
    return frame, notes


def _same(rows, columns):
    return set(map(str, rows)) == set(map(str, columns))


def _is_square(frame, weight):
    """Whether a DataFrame is a matrix."""
    rows, columns = list(frame.index), list(frame.columns)
    if len(rows) != len(columns):
        return False
    if set(rows) == set(columns) and not (formats.is_counted(columns) and rows == columns):
        return True
    numbered = formats.is_counted(rows) or rows == list(range(1, len(rows) + 1))
    if len(rows) == 1 or not numbered:
        return False
    if any(kind.kind in _NO_WEIGHTS for kind in frame.dtypes):
        return False
    try:
        M = frame.to_numpy(dtype=float)
    except (TypeError, ValueError):
        return False
    return formats.is_matrix(columns, M, weight)


def _from_frame(frame, direction, notes):
    names = list(frame.columns)
    if len(set(names)) < len(names):
        raise ValueError("two columns of the matrix have the same name")
    index = list(frame.index)
    if set(index) != set(names):
        notes.append("rows have no names: they are those of the columns, in their order")
        frame = frame.set_axis(names)
    elif index != names:
        notes.append("rows put into the order of the columns")
        frame = frame.reindex(names)
    for kind in frame.dtypes:
        if kind.kind in _NO_WEIGHTS:
            raise ValueError(f"the table holds {kind}, which is no weight")
    try:
        dense = frame.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the table holds something that is no number: {error}") from error
    form = {"kind": "frame", "named": not formats.is_counted(names), "template": index}
    return _from_entries(dense, tuple(names), direction, notes, form)


def _from_edges(frame, direction, weight, unit, notes):
    """Read a list of edges: two columns with the ends, and perhaps one with weights."""
    pandas = formats.need("pandas")
    columns = list(frame.columns)
    if len(columns) < 2:
        raise ValueError(
            f"neither a square matrix nor a list of edges: {frame.shape[0]} rows and "
            f"{len(columns)} column(s)"
        )
    if columns.count(columns[0]) > 1:
        raise ValueError(f"two columns have the name {columns[0]!r}")
    first, second, said = formats.ends(columns, weight)
    if said and direction not in (None, said, "undirected"):
        raise ValueError(
            f"direction={direction!r}, but the first of the columns {first!r} and {second!r} "
            f"says {said!r}"
        )
    weight = _weight_column(columns, first, second, weight)
    for name in (first, second, weight):
        if columns.count(name) > 1:
            raise ValueError(f"two columns have the name {name!r}")
    if not said or columns[:2] != [first, second] or weight not in ("weight", None):
        what = f"columns {first!r} and {second!r} taken as the ends"
        notes.append(what if weight is None else f"{what}, {weight!r} as the weight")
    ends = pandas.concat(
        [formats.end_names(frame[name]) for name in (first, second)], ignore_index=True
    )
    codes, found = pandas.factorize(ends)
    if len(set(map(str, found))) < len(found):
        raise ValueError(
            f"columns {first!r} and {second!r} name the same neurons by numbers and by text; make "
            "both one, as with astype(str)"
        )
    order = sorted(range(len(found)), key=_name_key(found))
    place = np.empty(len(found), dtype=np.int64)
    place[order] = np.arange(len(found))
    codes = np.where(codes < 0, -1, place[codes] if len(found) else codes)
    a, b = codes[: len(frame)], codes[len(frame) :]
    if (a < 0).any():
        raise ValueError(f"{unit} {frame.index[np.argmax(a < 0)]}: the first end is missing")
    names = tuple(found[k] for k in order)

    rows = np.flatnonzero(b >= 0)
    if rows.size < len(frame):
        notes.append(f"{len(frame) - rows.size} {unit}(s) only name a neuron")
    if weight is None:
        values = np.ones(rows.size)
        notes.append("no column of weights: every synapse has weight 1")
    else:
        given = frame[weight].iloc[rows]
        if given.dtype.kind in _NO_WEIGHTS:
            raise ValueError(f"the column {weight!r} holds {given.dtype}, which is no weight")
        if given.dtype == object or given.dtype.kind not in "biuf":
            given = given.where(~given.isin(formats.NO_EDGE))
        try:
            values = given.to_numpy(dtype=float)
        except (TypeError, ValueError) as error:
            bad = pandas.to_numeric(given, errors="coerce").isna() & given.notna()
            what = given[bad.idxmax()]
            hint = formats.decimals(what)
            raise ValueError(f"{unit} {bad.idxmax()}: {what!r} is no weight{hint}") from error
        if np.isinf(values).any():
            raise ValueError(f"{unit} {given.index[np.argmax(np.isinf(values))]}: infinite weight")
    M, once = _collect(a[rows], b[rows], values, names, notes)
    form = {
        "kind": "edges",
        "template": frame.copy(),
        "columns": (first, second, weight),
        "first": a[rows],
        "second": b[rows],
        "once": once,
        "rows": rows,
    }
    what = f"the list of edges (columns {first!r}, {second!r})"
    return _network(M, names, direction, notes, form, what, said)


def _weight_column(columns, first, second, weight):
    if weight is None or len(columns) == 2:
        return None
    for change in (str, lambda name: str(name).lower()):
        for name in columns:
            if change(name) == change(weight):
                return name
    others = [name for name in columns if name not in (first, second)]
    if weight == "weight" and len(others) == 1:
        return others[0]
    raise ValueError(
        f"there is no column {weight!r}; give weight=... as one of {others}, or None for weight 1 "
        "everywhere"
    )


def _name_key(found):
    """Return the order of names: by number if all are numbers, else by letter."""
    try:
        numbers = [float(name) for name in found]
    except (TypeError, ValueError):
        return lambda k: str(found[k])
    return lambda k: (numbers[k], str(found[k]))


def _from_graph(graph, direction, weight):
    if not graph.number_of_nodes():
        raise ValueError("the graph has no nodes")
    names, notes = tuple(graph), []
    place = {name: k for k, name in enumerate(names)}
    edges = list(graph.edges(data=weight, default=None) if weight is not None else graph.edges)
    count = len(edges)
    first = np.fromiter((place[edge[0]] for edge in edges), dtype=np.int64, count=count)
    second = np.fromiter((place[edge[1]] for edge in edges), dtype=np.int64, count=count)
    given = [edge[2] if weight is not None else None for edge in edges]
    missing = sum(value is None for value in given)
    if weight is not None and missing == count > 0:
        others = sorted({str(name) for *_, data in graph.edges(data=True) for name in data})
        if others:
            raise ValueError(
                f"no edge has the attribute {weight!r}; give weight=... as one of {others}, or "
                "None for weight 1 everywhere"
            )
    if missing:
        notes.append(f"{missing} of {count} edges without a weight: weight 1")
    values = np.empty(count)
    for k, value in enumerate(given):
        try:
            values[k] = 1.0 if value is None else value
        except (TypeError, ValueError):
            raise ValueError(
                f"the edge {edges[k][:2]} has the weight {value!r}, which is no number"
            ) from None
    if not graph.is_directed():
        if direction not in (None, "undirected"):
            raise ValueError(f"direction={direction!r}, but the graph is undirected")
        direction = "undirected"
    M, once = _collect(first, second, values, names, notes)
    form = {
        "kind": "graph",
        "template": graph.copy(),
        "columns": "weight" if weight is None else weight,
        "first": first,
        "second": second,
        "once": once,
    }
    return _network(M, names, direction, notes, form, "the graph")


def _collect(first, second, values, names, notes):
    """Return the matrix of all entries, and which entries are the first of their kind.

    NaN and 0 are no edge; parallel ones are added up.
    """
    n = len(names)
    infinite = np.isinf(values)
    if infinite.any():
        k = int(np.argmax(infinite))
        raise ValueError(
            f"infinite weight between {names[int(first[k])]!r} and {names[int(second[k])]!r}"
        )
    edge = ~np.isnan(values) & (values != 0)
    dropped = np.isnan(values).sum()
    if dropped:
        notes.append(f"{dropped} entry(s) NaN or empty: no edge")
    if (~edge).sum() > dropped:
        notes.append(f"{(~edge).sum() - dropped} entry(s) 0: no edge")
    which = np.flatnonzero(edge)
    _, unique = np.unique(first[which].astype(np.int64) * n + second[which], return_index=True)
    once = np.zeros(values.size, dtype=bool)
    once[which[unique]] = True
    if unique.size < which.size:
        notes.append(f"{which.size - unique.size} parallel edge(s) added up")
    entries = values[edge], (first[edge], second[edge])
    M = sparse.coo_array(entries, shape=(n, n)).tocsr()
    if not np.isfinite(M.data).all():
        raise ValueError("parallel edges add up to an infinite weight")
    return M, once


def _network(M, names, direction, notes, form, what, said=None):
    """Orient the matrix, set the diagonal aside, and say what was found."""
    M.eliminate_zeros()
    if direction == "undirected":
        M = _mirrored(M, names, notes)
    elif not _matrix.is_symmetric(M):
        gap = sparse.coo_array(M - M.T)
        k = int(np.argmax(np.abs(gap.data)))
        uneven = abs(gap.data[k]) / np.abs(M.data).max()
        rounded = uneven <= _DECIMALS
        if rounded:
            notes.append(
                f"symmetric but for {uneven:.1g} of the largest weight, as after rounding: "
                "direction='undirected' takes the mean"
            )
        if direction is None:
            _refuse_without_direction(what, names, gap, k, rounded, said)
    if direction == "source-target":
        M = sparse.csr_array(M.T)
    W, diagonal = _matrix.synapses(M), M.diagonal()
    if W.nnz == 0:
        raise ValueError(f"{what} has zero synapses")
    if (diagonal < 0).all():
        notes.append("every diagonal entry is negative: taken as the leak of the dynamics A")
    elif diagonal.any():
        negative = np.count_nonzero(diagonal < 0)
        notes.append(
            f"{np.count_nonzero(diagonal)} autapse(s) set aside: they are never pruned"
            + (f" ({negative} negative; a leak would be so at every neuron)" if negative else "")
        )
    alone = len(names) - np.unique(np.r_[W.indices, np.flatnonzero(np.diff(W.indptr))]).size
    if alone:
        notes.append(f"{alone} neuron(s) without synapses stay")
    return Network(W, names, diagonal, direction, tuple(notes), _Form(**form))


def _refuse_without_direction(what, names, gap, k, rounded, said):
    """Say where a source is not symmetric, and that its direction is needed."""
    i, j = (names[int(place[k])] for place in gap.coords)
    how = (
        "and nothing says which end sends: give direction='source-target' if the row, or the "
        "first end, does; direction='target-source' if it receives"
        if said is None
        else f"and lines may be pairs or go one way: give direction={said!r}, as the names of "
        "the columns say"
    )
    raise ValueError(
        f"{what} is not symmetric ({i!r} to {j!r} and back differ by {abs(gap.data[k]):.4g}"
        f"{' at most, as after rounding' if rounded else ''}), {how}; direction='undirected' if an "
        "entry is a pair"
    )


def _mirrored(M, names, notes):
    """Return pairs that may be listed in one or in both orders as a symmetric matrix."""
    T = sparse.csr_array(M.T)
    twice = (M != 0).multiply(T != 0)
    gap = sparse.coo_array(abs((M - T).multiply(twice)))
    uneven = gap.data.max() / np.abs(M.data).max() if gap.nnz else 0.0
    if uneven > _DECIMALS:
        k = int(np.argmax(gap.data))
        i, j = (names[int(place[k])] for place in gap.coords)
        raise ValueError(f"direction='undirected', but {i!r} to {j!r} and back differ")
    if uneven > 1e-12:
        notes.append(f"pairs differ by {uneven:.1g} of the largest weight: the mean is taken")
    return sparse.csr_array((M - M.multiply(twice) / 2) + (T - T.multiply(twice) / 2))
