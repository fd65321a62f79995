"""A network is read from every kind of source with its direction, and given back in kind."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import io, sparse

import noiseprune as npr
from noiseprune import formats

NAMES = ("AVAL", "NA", "x y", "007")  # one that pandas takes for missing, a blank, a number
FROM_ROW = np.array([[0, 1.5, 0, 0], [0, 0.3, -2, 0], [4.25, 0, 0, 0], [0, 0, 0, 0.0]])
TO_ROW = FROM_ROW.T  # the package's own direction
ALL = formats.SUFFIXES


def weights(network):
    """Weights and autapses by name: what must survive every way out and in."""
    full = (network.W + sparse.diags_array(network.diagonal)).toarray()
    order = np.argsort(np.array(list(map(str, network.names))))
    return full[np.ix_(order, order)]


def frame(matrix=FROM_ROW):
    return pd.DataFrame(matrix, index=NAMES, columns=NAMES)


def edges(matrix=FROM_ROW, columns=("a", "b", "weight")):
    i, j = np.nonzero(matrix)
    ends = np.array(NAMES, dtype=object)
    return pd.DataFrame(dict(zip(columns, (ends[i], ends[j], matrix[i, j]), strict=True)))


def graph(kind=nx.DiGraph, matrix=FROM_ROW):
    numbered = nx.from_numpy_array(matrix, create_using=kind)
    result = nx.relabel_nodes(numbered, dict(enumerate(NAMES)))
    result.graph["species"] = "worm"
    result.nodes["AVAL"]["type"] = "inter"
    return result


SOURCES = {
    "array": (FROM_ROW, False),
    "sparse": (sparse.coo_array(FROM_ROW), False),
    "frame": (frame(), True),
    "edges": (edges(), True),
    "graph": (graph(), True),
    "multigraph": (graph(nx.MultiDiGraph), True),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_direction_decides_which_end_sends(kind):
    source, named = SOURCES[kind]
    n = 3 if kind == "edges" else 4  # the isolated neuron has no line
    one = npr.read(source, direction="source-target")
    other = npr.read(source, direction="target-source")
    assert one.W.shape == (n, n)
    assert (weights(one) == weights(other).T).all()
    i, j = (one.names.index(name) for name in (("NA", "AVAL") if named else (1, 0)))
    assert one.W[i, j] == 1.5  # from AVAL, the row, to NA
    assert one.W.diagonal().tolist() == [0] * n
    assert sorted(one.diagonal) == [0] * (n - 1) + [0.3]


@pytest.mark.parametrize("kind", SOURCES)
def test_missing_direction_is_asked_for(kind):
    with pytest.raises(ValueError, match="nothing says which end sends: give direction='source-t"):
        npr.read(SOURCES[kind][0])


def test_columns_that_name_the_ends_are_taken_at_their_word():
    for columns, said in ((("pre", "post"), "source-target"), (("to", "from"), "target-source")):
        table = edges().rename(columns=dict(zip("ab", columns, strict=True)))
        with pytest.raises(
            ValueError, match=f"direction='{said}', as the names of the columns say"
        ):
            npr.read(table)
        assert npr.read(table, direction=said).direction == said


def test_no_direction_is_needed_where_it_makes_no_difference():
    S = FROM_ROW + FROM_ROW.T
    for source in (S, sparse.csr_array(S), frame(S), edges(S), graph(matrix=S), graph(nx.Graph, S)):
        assert (npr.read(source).W != npr.read(source).W.T).nnz == 0


def test_pairs_listed_once_twice_or_in_a_triangle_make_the_same_network():
    S = FROM_ROW + FROM_ROW.T
    expected = weights(npr.read(frame(S)))[1:, 1:]  # without 007, which no line names
    listed = edges(np.triu(S))
    twice = pd.concat([listed, listed.rename(columns={"a": "b", "b": "a"}).query("a != b")])
    for source in (listed, twice):
        assert (weights(npr.read(source, direction="undirected")) == expected).all()
    triangle = npr.read(np.triu(S), direction="undirected")
    assert (triangle.W + sparse.diags_array(triangle.diagonal)).toarray().tolist() == S.tolist()
    listed.loc[len(listed)] = ["NA", "AVAL", 3.0]
    with pytest.raises(ValueError, match="'undirected', but 'AVAL' to 'NA' and back differ"):
        npr.read(listed, direction="undirected")
    with pytest.raises(ValueError, match="but the graph is undirected"):
        npr.read(graph(nx.Graph, S), direction="source-target")


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("direction", ["source-target", "target-source"])
def test_what_goes_in_comes_out_in_kind(kind, direction):
    source, named = SOURCES[kind]
    network = npr.read(source, direction=direction)
    again = network.like(network.W)
    assert type(again) is (sparse.csr_array if kind == "sparse" else type(source))
    back = npr.read(again, direction=direction)
    assert back.names == network.names
    assert named == (network.names != tuple(range(4)))
    assert (weights(back) == weights(network)).all()
    pruned = network.W.multiply(network.W > 0)  # without the synapse from NA to "x y"
    back = npr.read(network.like(pruned), direction=direction)
    assert back.W.nnz == network.W.nnz - 1
    assert back.names == network.names
    assert (back.diagonal == network.diagonal).all()


def test_graph_keeps_attributes_and_the_source_is_not_touched():
    source = graph(nx.MultiDiGraph)
    source.add_edge("AVAL", "NA", weight=0.5, transmitter="GABA")
    nx.set_edge_attributes(source, {("AVAL", "NA", 0): "ACh"}, "transmitter")
    before = source.copy()
    network = npr.read(source, direction="source-target")
    assert "1 parallel edge(s) added up" in network.notes
    again = network.like(2 * network.W)
    assert nx.utils.graphs_equal(source, before)
    assert again.graph == source.graph
    assert again.nodes["AVAL"] == {"type": "inter"}
    assert list(again["AVAL"]["NA"].values()) == [{"weight": 4.0, "transmitter": "ACh"}]


def test_edges_keep_other_columns_lines_and_unnamed_neurons():
    source = edges(columns=("pre", "post", "weight")).assign(kind=["a", "b", "c", "d"])
    source.loc[4] = ["007", None, np.nan, "only named"]
    network = npr.read(source, direction="source-target")
    assert network.names == ("007", "AVAL", "NA", "x y")  # in the order of the names
    assert network.notes[0] == "1 row(s) only name a neuron"
    again = network.like(network.W.multiply(network.W < 0))
    assert again["kind"].tolist()[:2] == ["b", "c"]  # the autapse and the negative synapse
    assert again["pre"].tolist()[2:] == ["007", "AVAL"]  # without synapses, and still there
    assert npr.read(again, direction="source-target").names == network.names


def test_numbered_neurons_of_edges_stand_in_the_order_of_their_numbers():
    source = pd.DataFrame({"from": [10, 9], "to": [9, 2], "w": [1.0, 2.0]})
    network = npr.read(source, direction="source-target")
    assert network.names == (2, 9, 10)
    assert network.like(network.W)["from"].tolist() == [10, 9]
    with pytest.raises(ValueError, match="the first of the columns 'from' and 'to' says 'source-"):
        npr.read(source, direction="target-source")


def test_notes_say_everything_that_was_done():
    matrix = np.where(FROM_ROW == 0, np.nan, FROM_ROW)
    table = frame(matrix).iloc[::-1]
    network = npr.read(table, direction="source-target")
    assert network.notes == (
        "rows put into the order of the columns",
        "12 entry(s) NaN or empty: no edge",
        "1 autapse(s) set aside: they are never pruned",
        "1 neuron(s) without synapses stay",
    )
    assert repr(network).split("\n- ") == [
        "Network: 4 neurons, 3 directed synapses, read as source-target",
        *network.notes,
    ]
    pd.testing.assert_frame_equal(network.like(network.W), table)
    numbered = pd.DataFrame(matrix, columns=NAMES)
    network = npr.read(numbered, direction="source-target")
    assert network.names == NAMES
    pd.testing.assert_frame_equal(network.like(network.W), numbered)
    diagonal = npr.read(FROM_ROW - np.diag([1.0, 1, 0, 0]), direction="source-target")
    assert "(2 negative; a leak would be so at every neuron)" in diagonal.notes[0]
    doubled = pd.concat([edges(), edges()[:1].assign(weight=0.0), edges()[:1]])
    notes = npr.read(doubled, direction="source-target").notes
    assert notes[0] == "columns 'a' and 'b' taken as the ends, 'weight' as the weight"
    assert notes[1:3] == ("1 entry(s) 0: no edge", "1 parallel edge(s) added up")


@pytest.mark.parametrize("kind", [np.asarray, frame])
def test_nan_that_is_no_edge_stays_nan_and_zero_stays_zero(kind):
    source = FROM_ROW.copy()
    np.fill_diagonal(source, np.nan)  # as many matrices of connectivity have it, zeros beside
    network = npr.read(kind(source), direction="source-target")
    pruned = network.W.toarray()
    i, j = (int(k[0]) for k in pruned.nonzero())
    pruned[i, j] = 0
    source[j, i] = 0  # in the orientation of the source
    np.testing.assert_array_equal(np.asarray(network.like(pruned)), source)


def test_weights_that_are_missing_or_have_another_name():
    plain = edges()[["a", "b"]]
    network = npr.read(plain, direction="source-target")
    assert set(network.W.data) == {1.0}
    assert "weight 1" in network.notes[1]
    assert network.like(3 * network.W)["weight"].tolist() == [3.0, 1.0, 3.0, 3.0]  # 1: the autapse
    some = graph()
    some.add_edge("007", "AVAL")
    assert (
        "1 of 5 edges without a weight: weight 1" in npr.read(some, direction="source-target").notes
    )
    other = nx.relabel_nodes(
        nx.from_numpy_array(FROM_ROW, create_using=nx.DiGraph, edge_attr="n"), str
    )
    with pytest.raises(ValueError, match=r"no edge has the attribute 'weight'; .* \['n'\]"):
        npr.read(other, direction="source-target")
    assert npr.read(other, weight="n", direction="source-target").W.sum() == FROM_ROW.sum() - 0.3
    assert set(npr.read(other, weight=None, direction="source-target").W.data) == {1.0}
    wide = edges(columns=("pre", "post", "size")).assign(count=1)
    with pytest.raises(ValueError, match=r"no column 'weight'; .* \['size', 'count'\]"):
        npr.read(wide, direction="source-target")
    assert npr.read(wide, weight="size", direction="source-target").W.sum() == 3.75


def test_a_leak_on_the_diagonal_is_given_back_from_the_pruned_network():
    A = npr.add_leak(FROM_ROW - np.diag(FROM_ROW.diagonal()), excess=1.0)
    network = npr.read(A, direction="target-source")
    assert network.has_leak
    assert "leak" in network.notes[0]
    assert network.like(2 * A).tolist() == (2 * A).tolist()


@pytest.mark.filterwarnings("ignore:.* has no place for the names:UserWarning")
@pytest.mark.parametrize("ending", ALL)
@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("direction", ["source-target", "target-source"])
def test_every_source_goes_to_every_format_and_back(tmp_path, kind, ending, direction):
    network = npr.read(SOURCES[kind][0], direction=direction)
    path = tmp_path / f"network{ending}"
    network.write(path, network.W)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    to_graph = ending in formats.GRAPHS and "graph" not in kind  # such a graph is source to target
    back = npr.read(path, direction="source-target" if to_graph else direction)
    assert back.W.shape == network.W.shape
    if ending in (".npy", ".mtx"):
        assert (back.W != network.W).nnz == 0
        assert back.diagonal.tolist() == network.diagonal.tolist()
    else:
        found, names = list(map(str, back.names)), list(map(str, network.names))
        lines = ending in formats.TABLES and kind not in ("array", "frame")
        assert found == (sorted(names) if lines else names)
        assert (weights(back) == weights(network)).all()
        back.write(path, back.W)  # and in its own kind
        third = npr.read(path, direction=back.direction)
        assert third.names == back.names
        assert (weights(third) == weights(back)).all()


@given(
    n=st.integers(2, 6),
    seed=st.integers(0, 2**32 - 1),
    ending=st.sampled_from([".csv", ".tsv", ".npz", ".mat", ".graphml", ".gml"]),
    kind=st.sampled_from(["frame", "edges", "graph"]),
)
def test_any_network_survives_the_way_through_a_file(tmp_path_factory, n, seed, ending, kind):
    rng = np.random.default_rng(seed)
    M = rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.5)
    M[0, 1] = 1.0
    names = [f"n{k}" for k in rng.permutation(n)]
    source = pd.DataFrame(M, index=names, columns=names)
    if kind != "frame":
        source = nx.from_pandas_adjacency(source, create_using=nx.DiGraph)
    if kind == "edges":
        source = nx.to_pandas_edgelist(source)
    network = npr.read(source, direction="source-target")
    path = tmp_path_factory.mktemp("any") / f"network{ending}"
    network.write(path, network.W + sparse.diags_array(network.diagonal))
    back = npr.read(path, direction="source-target")
    assert sorted(back.names) == sorted(network.names)
    assert (weights(back) == weights(network)).all()


def test_matrix_of_a_file_with_several(tmp_path):
    np.savez(tmp_path / "two.npz", W=FROM_ROW, other=2 * FROM_ROW, t=np.arange(3))
    io.savemat(tmp_path / "two.mat", {"W": FROM_ROW, "other": 2 * FROM_ROW, "label": "x"})
    for path in (tmp_path / "two.npz", tmp_path / "two.mat"):
        with pytest.raises(
            ValueError, match=r"2 square matrices; choose one with key=.*'other' \(4"
        ):
            npr.read(path)
        with pytest.raises(ValueError, match="there is no 'V'; it holds 'W'"):
            npr.read(path, key="V")
        network = npr.read(path, key="other", direction="source-target")
        assert network.W.max() == 8.5
        out = tmp_path / f"out{path.suffix}"
        network.write(out, network.W)
        assert npr.read(out, key="other", direction="source-target").W.max() == 8.5
    with pytest.raises(ValueError, match="key chooses a matrix of an npz or mat file"):
        npr.read(tmp_path / "a.csv", key="W")


def test_scipy_reads_the_sparse_file_that_is_written(tmp_path):
    network = npr.read(sparse.csr_array(FROM_ROW), direction="target-source")
    network.write(tmp_path / "a.npz", network.W)
    assert (sparse.load_npz(tmp_path / "a.npz").toarray() == FROM_ROW).all()


BROKEN = {
    ".csv": {
        "": "the file is empty",
        "hello\n": "neither a square matrix nor a list of edges",
        "source,target,weight\na,b,1\n\nb,c,zz\n": "line 4: 'zz' is no weight",
        "source;target;weight\na;b;1,5\n": "line 2: '1,5' is no weight; decimals need a point",
        "a;b;1,5\nb;c;2\n": "line 1: '1,5' is no number; decimals need a point",
        "0;1,5;2\n1,5;0;3\n2;3;0\n": "line 1: '1,5' is no number; decimals need a point",
        ";a;b\na;0;1\nb;2,5;0\n": "line 3: '2,5' in column 2 is no number; decimals need",
        ",a,b,\na,0,1,\nb,2,0,\n": "two columns have the name ''",
        "source,target,weight,weight\na,b,1,2\n": "two columns have the name 'weight'",
        "source,target,weight\na,b,1e308\na,b,1e308\n": "parallel edges add up to an infinite",
        "source,target,weight\na,b,1\nb,c,inf\n": "line 3: infinite weight",
        "source,target,weight\na,b,1\n,c,2\n": "line 3: the first end is missing",
        "a,b,1\nc,d,1,2\n": "line 2: 4 fields, not 3",
        "source,target,weight\na,b,1,7\na,c,2,5\n": "line 2: 4 fields, not 3",
        "source,target,weight\na,b,1,7\nb,c,2,5\n": "line 2: 4 fields, not 3",
        "# my net\na,b,1\nb,c,2\n": "; is the first line a comment",
        "a,b,1\nc,d\n": "line 2: 2 fields, not 3",
        ",a,b\na,0,1\nb,0,q\n": "line 3: 'q' in column 3 is no number",
        "0,1,2,3\n1,0,2,3\n1,2,0\n1,2,3,0\n": "line 3: 3 fields, not 4",
        "0,1,2,3\n1,0,2,3\n1,2,x,1\n1,2,3,0\n": "line 3: 'x' in column 3 is no number",
        "0,1,2,3\n1,0,inf,3\n1,2,0,1\n1,2,3,0\n": "infinite weight between 1 and 2",
        "1,2,3,4\n3,2,3,4\n": r"there is no column 'weight'; give weight=\.\.\. as one of \[2, 3\]",
        "a,b,c,d\n1,2,3,4\n": "nothing says which of the columns .'a', 'b', 'c', 'd'. hold",
    },
    ".mtx": {"%%MatrixMarket matrix coordinate real general\n2 2 1\n1 x 1\n": "Line 3"},
    ".graphml": {"<graphml><graph>\n<node>\n</graphml>": "line 3"},
    ".gml": {"graph [\n node [\n id 0 label ]]": r"\(4, 1\)"},
    ".npz": {"no archive": "."},
    ".npy": {"no array": "it holds no array of numbers"},
    ".mat": {"no matrix": "."},
}


@pytest.mark.parametrize(
    ("ending", "text", "message"),
    [(ending, text, message) for ending, all in BROKEN.items() for text, message in all.items()],
)
def test_a_broken_file_is_one_clear_line(tmp_path, ending, text, message):
    path = tmp_path / f"broken{ending}"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        npr.read(path, direction="source-target")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_other_sources_are_refused(tmp_path):
    for source, message in (
        (np.ma.masked_invalid(FROM_ROW), "masked array"),
        (3.5j * FROM_ROW, "real"),
        (sparse.csr_array(1j * FROM_ROW), "real"),
        (None, "a file, a DataFrame"),
        ([[0, 1], [2]], "no matrix"),
    ):
        with pytest.raises(TypeError, match=message):
            npr.read(source)
    inf = FROM_ROW.copy()
    inf[0, 1] = np.inf
    bad = graph()
    bad.add_edge("AVAL", "NA", weight="strong")
    for source, message in (
        (FROM_ROW[:3], r"square, got shape \(3, 4\)"),
        (np.zeros((3, 3)), "zero synapses"),
        (inf, "infinite weight between 0 and 1"),
        (bad, r"edge \('AVAL', 'NA'\) has the weight 'strong'"),
        (nx.DiGraph(), "no nodes"),
        (pd.DataFrame({"a": [1]}), "neither a square matrix nor a list"),
        (frame().astype(complex), "the table holds complex128, which is no weight"),
        (
            edges().assign(weight=pd.to_datetime("2020-01-01")),
            r"the column 'weight' holds datetime64\[.*\], which is no weight",
        ),
        (frame().astype(object).map(lambda x: "x" if x == 1.5 else x), "no number"),
        (
            frame().set_axis(["a", "a", "b", "c"], axis=0).set_axis(["a", "a", "b", "c"], axis=1),
            "same name",
        ),
        (tmp_path / "network.xlsx", "'.xlsx' is unknown; known are .npz"),
        (tmp_path, "no suffix names the format; known are .npz"),
    ):
        with pytest.raises(ValueError, match=message):
            npr.read(source, direction="source-target")
    with pytest.raises(ValueError, match="direction must be one of"):
        npr.read(FROM_ROW, direction="row")
    with pytest.raises(OSError, match=r"missing\.csv"):
        npr.read(tmp_path / "missing.csv")


def test_what_cannot_be_given_back_is_refused_and_nothing_is_written(tmp_path, monkeypatch):
    network = npr.read(frame(), direction="source-target")
    path = tmp_path / "a.csv"
    path.write_text("as it was")
    with pytest.raises(ValueError, match="a synapse from '007' to 'AVAL', which the source lacks"):
        network.write(path, np.eye(4)[[3, 1, 2, 0]])
    with pytest.raises(ValueError, match=r"shape \(4, 4\) as the source, got \(2, 2\)"):
        network.like(np.eye(2))
    table = frame(network.W.toarray())
    assert network.like(table).equals(network.like(network.W))
    with pytest.raises(ValueError, match="in the order of the source's `names`"):
        network.like(table.loc[list(NAMES[::-1]), list(NAMES[::-1])])
    with pytest.raises(ValueError, match="unknown"):
        network.write(tmp_path / "a.doc", network.W)
    undirected = npr.read(graph(nx.Graph, FROM_ROW + FROM_ROW.T))
    with pytest.raises(ValueError, match="the source is undirected"):
        undirected.like(sparse.triu(undirected.W))
    with pytest.warns(UserWarning, match="npy has no place for the names"):
        network.write(tmp_path / "a.npy", network.W)
    (tmp_path / "a.npy").unlink()

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OSError, match="no space"):
        network.write(path, network.W)
    assert path.read_text() == "as it was"
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]


def test_a_place_that_takes_no_file_is_named_before_anything_is_made(tmp_path, monkeypatch):
    network = npr.read(frame(), direction="source-target")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.csv is a folder"):
        network.write(tmp_path / "folder.csv", network.W)
    with pytest.raises(FileNotFoundError, match=r"p\.csv: there is no folder '.*missing'"):
        network.write(tmp_path / "missing" / "p.csv", network.W)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(PermissionError, match="nothing may be written in"):
        network.write(tmp_path / "p.csv", network.W)
    assert [file.name for file in tmp_path.iterdir()] == ["folder.csv"]


def test_missing_reader_names_the_extra(tmp_path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(
        ImportError, match=r"this needs pandas: pip install 'noiseprune\[networks\]'"
    ):
        npr.read(tmp_path / "a.csv")


def test_a_large_list_of_edges_never_becomes_dense(tmp_path):
    W = npr.random_graph(100_000, 1, rng=0)  # many neurons without synapses
    network = npr.read(W)
    network.write(tmp_path / "a.tsv", W)
    back = npr.read(tmp_path / "a.tsv")
    order = np.array(back.names, dtype=int)
    assert (order == np.arange(100_000)).all()
    assert (back.W != W).nnz == 0


@pytest.mark.parametrize("first", [0, 1, 720575940])
@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_numbered_neurons_of_a_matrix_are_names_and_no_weights(tmp_path, first, ending):
    """What `DataFrame.to_csv` writes: a line and a column of numbers with an empty corner."""
    ids = range(first, first + 4)
    path = tmp_path / f"a{ending}"
    pd.DataFrame(FROM_ROW, ids, ids).to_csv(path, sep="," if ending == ".csv" else "\t")
    network = npr.read(path, direction="source-target")
    assert network.names == tuple(map(str, ids))
    assert (network.W != npr.read(FROM_ROW, direction="source-target").W).nnz == 0
    network.write(path, network.W)
    again = npr.read(path, direction="source-target")
    assert again.names == network.names
    assert (again.W != network.W).nnz == 0


def test_numbers_around_an_empty_corner_may_be_weights(tmp_path):
    path = tmp_path / "a.csv"
    for text in (",7,9\n7,,3\n9,3,\n", ",0.5,2\n0.5,,3\n2,3,\n", ",-1,-2\n-1,NaN,3\n-2,3,NaN\n"):
        path.write_text(text)  # two numbered neurons, or three without names
        with pytest.raises(ValueError, match="may be names or weights; write zeros on the diag"):
            npr.read(path)
    path.write_text(",0.5,0,0\n0.5,,3,0\n0,3,,1\n0,0,1,\n")  # weights: no names that stand twice
    assert npr.read(path).W.toarray()[0].tolist() == [0, 0.5, 0, 0]


def test_names_of_a_matrix_file_are_one_for_each_neuron(tmp_path):
    path = tmp_path / "a.npz"
    for names in (np.array(NAMES)[:, None], np.array([name.encode() for name in NAMES])):
        np.savez(path, W=FROM_ROW, names=names)
        assert npr.read(path, direction="source-target").names == NAMES
    io.savemat(tmp_path / "a.mat", {"W": FROM_ROW, "names": NAMES})  # characters, filled up
    assert npr.read(tmp_path / "a.mat", direction="source-target").names == NAMES
    np.savez(path, W=FROM_ROW, names=["a", "b", "a", "c"])
    with pytest.raises(ValueError, match="two neurons have the same name"):
        npr.read(path, direction="source-target")


def test_a_sparse_file_adds_up_beyond_its_dtype(tmp_path):
    twice = (np.full(4, 100, dtype=np.int8), ([0, 0, 1, 1], [1, 1, 0, 0]))
    sparse.save_npz(tmp_path / "a.npz", sparse.coo_array(twice, shape=(2, 2)))
    assert npr.read(tmp_path / "a.npz").W.max() == 200
    with pytest.raises(ValueError, match=r"a.npz: it is one sparse matrix.*leave key out"):
        npr.read(tmp_path / "a.npz", key="nonsense")


def test_what_a_format_cannot_hold_is_said_and_what_it_can_is_there(tmp_path):
    np.savez(tmp_path / "a.npz", _W=FROM_ROW)
    network = npr.read(tmp_path / "a.npz", direction="source-target")
    network.write(tmp_path / "a.mat", network.W)  # MATLAB has no names that begin with "_"
    assert (npr.read(tmp_path / "a.mat", direction="source-target").W != network.W).nnz == 0
    named = graph()
    nx.set_node_attributes(named, 1, "soma x")
    network = npr.read(named, direction="source-target")
    with pytest.raises(ValueError, match=r"\.gml cannot hold this graph: 'soma x' is not a valid"):
        network.write(tmp_path / "a.gml", network.W)
    assert not (tmp_path / "a.gml").exists()


def test_a_file_that_may_not_be_written_stays(tmp_path, monkeypatch):
    path = tmp_path / "a.npy"
    path.write_text("as it was")
    monkeypatch.setattr("os.access", lambda place, mode: place != path)  # root may write all
    with pytest.raises(PermissionError, match="is there and may not be written"):
        formats.save(path, FROM_ROW)
    assert path.read_text() == "as it was"


LISTS = {
    "as many lines as columns": "i,j,weight\n0,1,.5\n1,2,.4\n2,0,.3\n",
    "names, not numbers": "i,j,w\nn0,n1,.5\nn1,n2,.4\nn2,n0,.3\n",
    "known ends": "pre_id,post_id,weight,delay\n0,1,.5,1\n1,2,.4,1\n2,0,.3,1\n0,2,,1\n",
    "known ends, no line more": "pre_id,post_id\n0,1\n1,2\n2,0\n",
    "unknown ends": "one,other\n0,1\n1,2\n2,0\n",
    "index of pandas": ",i,j,weight\n0,0,1,.5\n1,1,2,.4\n2,2,0,.3\n",
    "index of a part": ",i,j,weight\n5,0,1,.5\n8,1,2,.4\n13,2,0,.3\n",
    "numbers of edges": "edge_id,preId,postId,weight\n7,0,1,.5\n8,1,2,.4\n9,2,0,.3\n",
    "ends behind": "n,bodyId_pre,bodyId_post\n3,0,1\n4,1,2\n5,2,0\n",
    "R": '"from","to","weight"\n"1",0,1,.5\n"2",1,2,.4\n"3",2,0,.3\n',
    "R, blanks": '"from" "to" "weight"\n"1" 0 1 .5\n"2" 1 2 .4\n"3" 2 0 .3\n',
    "decimals by an empty cell": "pre,post\n0,1.0\n1,2.0\n2,0.0\n2,\n",
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("form", ["file", "frame"])
def test_a_list_of_edges_is_known_by_its_header(tmp_path, kind, form):
    path = tmp_path / "a.csv"
    path.write_text(LISTS[kind])
    source = path
    if form == "frame":
        source = pd.read_csv(path, sep=r"\s+" if "blanks" in kind else ",")
        if kind == "R" or "blanks" in kind:
            source = source.reset_index(drop=True)
    network = npr.read(source, direction="source-target")
    ends = [
        tuple(str(network.names[k])[-1] for k in pair)
        for pair in zip(*network.W.nonzero(), strict=True)
    ]
    assert set(ends) - {("2", "0")} == {("1", "0"), ("2", "1"), ("0", "2")}
    assert len(network.names) == 3
    network.write(path, network.W)
    assert list(map(str, npr.read(path, direction="source-target").names)) == [
        str(name) for name in network.names
    ]


def test_columns_that_were_chosen_are_said_and_unclear_ones_asked_for(tmp_path):
    table = pd.DataFrame({"id": [9, 8], "pre": ["a", "b"], "post": ["b", "c"], "n": [1, 2]})
    with pytest.raises(ValueError, match=r"give weight=\.\.\. as one of \['id', 'n'\]"):
        npr.read(table, direction="source-target")
    network = npr.read(table, direction="source-target", weight="n")
    assert network.notes == ("columns 'pre' and 'post' taken as the ends, 'n' as the weight",)
    unknown = table.rename(columns={"pre": "x", "post": "y"})
    for wrong in (unknown, table.set_index("pre")[["post", "n"]].rename(columns={"n": "weight"})):
        with pytest.raises(ValueError, match=r"nothing says which of the columns .* hold the ends"):
            npr.read(wrong, direction="source-target")
    path = tmp_path / "a.csv"
    path.write_text("a,b,.5,7\nb,c,.25,7\n")  # without a header: the columns are numbers
    for weight in (2, "2"):
        assert npr.read(path, direction="source-target", weight=weight).W.sum() == 0.75


def test_a_small_square_of_numbers_may_be_edges_and_is_asked_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("i,j,w\n0,1,.5\n1,2,.4\n3,,\n")
    with pytest.raises(ValueError, match="3 rows of 3 numbers may be a matrix or a list"):
        npr.read(path, direction="source-target")
    body = "0,1,.5\n1,2,.4\n2,0,.3\n"
    for text, weight in ((body, 2), ("i,j,w\n" + body, "w")):
        path.write_text(text)
        for source in (path, pd.read_csv(path, header=0 if "i" in text else None)):
            with pytest.raises(ValueError, match="3 rows of 3 numbers may be a matrix or a list"):
                npr.read(source, direction="source-target")
            assert npr.read(source, direction="source-target", weight=weight).W.max() == 0.5
            assert npr.read(source, direction="source-target", weight=None).W.sum() == 3
    network = npr.read([[1.0, 2.0], [3.0, 0.0]], direction="source-target")  # written with names
    network.write(path, network.W)
    assert (npr.read(path, direction="source-target").W != network.W).nnz == 0


@pytest.mark.parametrize(
    "text",
    [
        pd.DataFrame(FROM_ROW, columns=NAMES).to_csv(),
        pd.DataFrame(FROM_ROW, range(1, 5), NAMES).to_csv(),
        "\n".join(frame().to_csv().split("\n"))[1:],  # as R: no corner
        "\n".join(frame().to_csv(sep=";").split("\n"))[1:],
        pd.DataFrame(FROM_ROW, columns=NAMES).to_csv(index=False),
        frame().loc[list(NAMES[::-1])].to_csv(),
    ],
)
def test_names_above_the_columns_are_those_of_the_neurons(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    network = npr.read(path, direction="source-target")
    assert network.names == NAMES
    assert (network.W != npr.read(frame(), direction="source-target").W).nnz == 0
    network.write(path, network.W)
    again = npr.read(path, direction="source-target")
    assert again.names == NAMES
    assert (again.W != network.W).nnz == 0


def test_numbers_above_the_columns_alone_may_be_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("101,102,103\n0,2,0\n1,0,3\n0,1,0\n")
    with pytest.raises(ValueError, match="line 1 may hold the names of 3 neurons: write them besi"):
        npr.read(path, direction="source-target")
    path.write_text("1_1,1_2,2_1\n0,2,0\n1,0,3\n0,1,0\n")  # text, though float() reads it
    assert npr.read(path, direction="source-target").names == ("1_1", "1_2", "2_1")
    path.write_text("1,2,.5\n2,3,.5\n3,1,.5\n1,3,.5\n")
    assert npr.read(path, direction="source-target").W.nnz == 4


def test_an_index_that_became_a_column_holds_the_names():
    for table in (frame(), frame()[list(NAMES[::-1])]):
        table = table.rename_axis("Unnamed: 0").reset_index()
        network = npr.read(table, direction="source-target")
        assert (weights(network) == weights(npr.read(frame(), direction="source-target"))).all()
        assert "has the names of the rows" in network.notes[0]


def test_a_square_frame_with_its_numbered_rows_shuffled_is_a_matrix():
    M = np.random.default_rng(0).random((10, 10)).round(2)
    frame = pd.DataFrame(M)
    for shuffled in (frame.sample(frac=1, random_state=1), frame.iloc[::-1]):
        found = npr.read(shuffled, direction="source-target")
        assert np.allclose(found.W.toarray(), M.T - np.diag(M.diagonal()))


def test_columns_are_found_whatever_their_capitals(tmp_path):
    path = tmp_path / "gephi.csv"
    path.write_text("Source,Target,Type,Id,Label,Weight\na,b,Directed,0,,2\nb,c,Directed,1,,3\n")
    found = npr.read(path, direction="source-target")
    assert found.names == ("a", "b", "c")
    assert sorted(found.W.data) == [2, 3]
    path.write_text("sender,receiver\na,b\nb,c\n")
    assert npr.read(path, direction="source-target").names == ("a", "b", "c")


def test_a_link_stays_one_when_its_file_is_written(tmp_path):
    path, link = tmp_path / "there.csv", tmp_path / "link.csv"
    path.write_text("source,target,weight\na,b,1\n")
    link.symlink_to(path)
    network = npr.read(link, direction="source-target")
    network.write(link, 2 * network.W)
    assert link.is_symlink()
    assert sorted(npr.read(path, direction="source-target").W.data) == [2]


@pytest.mark.parametrize("n", [3, 4])
def test_numbers_that_became_text_above_the_columns_are_the_same_names(tmp_path, n):
    """What pandas makes of numbered neurons: numbers in the index, text above the columns."""
    ids = [105, 103, 104, 101][:n]
    pd.DataFrame(FROM_ROW[:n, :n], ids, ids).to_csv(tmp_path / "a.csv")
    expected = npr.read(FROM_ROW[:n, :n], direction="source-target").W
    for column in (0, None):
        table = pd.read_csv(tmp_path / "a.csv", index_col=column)
        network = npr.read(table, direction="source-target")
        assert network.names == tuple(map(str, ids))
        assert (expected != network.W).nnz == 0
        assert npr.read(network.like(network.W), direction="source-target").names == network.names


@pytest.mark.parametrize("names", [(0.5, 1.5, -2.5, 1e20), (-1, 5, 7, 9)])
@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_names_that_are_any_numbers_read_back(tmp_path, names, ending):
    network = npr.read(pd.DataFrame(FROM_ROW, names, names), direction="source-target")
    network.write(tmp_path / f"a{ending}", network.W)
    back = npr.read(tmp_path / f"a{ending}", direction="source-target")
    assert back.names == tuple(map(str, names))
    assert (back.W != network.W).nnz == 0


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".npz", ".mat", ".graphml", ".gml"])
@pytest.mark.parametrize("kind", ["frame", "graph"])
def test_names_of_several_parts_are_written_as_text(tmp_path, kind, ending):
    names = pd.MultiIndex.from_product([("a", "b"), (1, 2)])
    source = pd.DataFrame(FROM_ROW, names, names)
    if kind == "graph":
        source = nx.relabel_nodes(graph(), dict(zip(NAMES, names, strict=True)))
    network = npr.read(source, direction="source-target")
    network.write(tmp_path / f"a{ending}", network.W)
    back = npr.read(tmp_path / f"a{ending}", direction="source-target")
    assert back.names == tuple(map(str, names))
    assert (weights(back) == weights(network)).all()


@pytest.mark.parametrize("kind", ["frame", "edges"])
@pytest.mark.parametrize(
    ("names", "endings"),
    [
        (("a", "a ", "b", "c"), (".csv", ".tsv", ".mat")),
        ((1, "1", 2, 3), (".csv", ".tsv", ".npz", ".mat", ".graphml")),
        (("a;b", "b", "c", "d"), (".csv",)),
        (("a\tb", "b", "c", "d"), (".csv",)),
        (("a\nb", "b", "c", "d"), (".csv", ".tsv")),
    ],
)
def test_names_that_do_not_read_back_are_refused(tmp_path, kind, names, endings):
    source = pd.DataFrame(FROM_ROW, names, names)
    if kind == "edges":
        i, j = np.nonzero(FROM_ROW)
        ends = np.array(names, dtype=object)
        source = pd.DataFrame({"pre": ends[i], "post": ends[j], "weight": FROM_ROW[i, j]})
    if kind == "edges" and names[1] == "1":
        with pytest.raises(ValueError, match="the same neurons by numbers and by text"):
            npr.read(source, direction="source-target")
        return
    network = npr.read(source, direction="source-target")
    for ending in endings:
        path = tmp_path / f"a{ending}"
        if kind == "edges" and len(set("".join(map(str, names))) & set(";\t\n")):
            network.write(path, network.W)  # whose first line holds no names of neurons
            back = npr.read(path, direction="source-target")
            assert (weights(back) == weights(network)).all()
            continue
        with pytest.raises(ValueError, match=r"would not give back the names of the neurons \("):
            network.write(path, network.W)
        assert not path.exists()


def test_rows_in_another_order_than_columns_are_written_with_their_names(tmp_path):
    table = frame().iloc[[2, 0, 3, 1]]
    network = npr.read(table, direction="source-target")
    network.write(tmp_path / "a.csv", network.W)
    back = npr.read(tmp_path / "a.csv", direction="source-target")
    assert (weights(back) == weights(network)).all()


def test_large_numbers_of_neurons_are_not_rounded(tmp_path):
    ids = [720575940623456789, 720575940623456790]
    table = pd.DataFrame({"pre": ids, "post": pd.array([ids[1], None], dtype="Int64")})
    assert npr.read(table, direction="source-target").names == tuple(ids)
    with pytest.raises(ValueError, match="in column 'post' are rounded: an empty cell"):
        npr.read(table.astype({"post": float}), direction="source-target")
    table.astype({"post": float}).to_csv(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="in column 'post' are rounded: an empty cell"):
        npr.read(tmp_path / "a.csv", direction="source-target")
    small = pd.DataFrame({"pre": [1, 2], "post": [2, None]})
    names = npr.read(small, direction="source-target").names
    assert list(map(repr, names)) == ["1", "2"]
    assert list(
        map(repr, npr.read(small[::-1].astype(float), weight=None, direction="source-target").names)
    ) == ["1", "2"]


def test_a_symmetry_that_decimals_took_is_said_and_taken_by_who_says_so(tmp_path):
    S = np.random.default_rng(0).normal(size=(5, 5))
    S = S + S.T + np.diag(np.ones(5))
    S[0, 1] += 1e-6
    np.savetxt(tmp_path / "a.csv", S, fmt="%.6f", delimiter=",")
    with pytest.raises(ValueError, match="differ by 1e-06 at most, as after rounding"):
        npr.read(tmp_path / "a.csv")
    network = npr.read(tmp_path / "a.csv", direction="source-target")
    assert "symmetric but for" in network.notes[0]
    network = npr.read(tmp_path / "a.csv", direction="undirected")
    assert "the mean is taken" in network.notes[0]
    assert (network.W != network.W.T).nnz == 0
    S[0, 1] += 1e-3
    with pytest.raises(ValueError, match="'undirected', but 0 to 1 and back differ"):
        npr.read(S, direction="undirected")
    assert "symmetric" not in str(npr.read(S, direction="source-target").notes)


def test_a_symmetry_that_single_precision_took_needs_no_direction():
    V = np.linalg.qr(np.random.default_rng(0).normal(size=(40, 40)))[0].astype(np.float32)
    A = (V * np.linspace(-3, -1, 40, dtype=np.float32)) @ V.T
    assert not np.array_equal(A, A.T)
    for source in (A, sparse.csr_array(A)):
        assert (npr.read(source).W != npr.read(source).W.T).nnz == 0
