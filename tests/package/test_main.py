"""The command line as its users meet it: what it says, what it writes, with which exit status."""

import json
import os
import subprocess
import sys
from html.parser import HTMLParser

import networkx as nx
import numpy as np
import pandas as pd
import pytest

import noiseprune as npr
from noiseprune import report
from noiseprune.__main__ import main

DIRECTED = ["--direction", "source-target"]


@pytest.fixture
def csv(tmp_path):
    """A list of edges: 40 neurons, an autapse, a neuron without synapses."""
    W = npr.clustered([20, 20], long_range=60, symmetric=False, rng=0)
    i, j = np.nonzero(W)
    edges = pd.DataFrame({"source": [f"n{k}" for k in j], "target": [f"n{k}" for k in i]})
    edges = edges.assign(weight=W[i, j], transmitter="glutamate")
    extra = [["n0", "n0", 0.125, "autapse"], ["n99", None, np.nan, "alone"]]
    edges = pd.concat([edges, pd.DataFrame(extra, columns=edges.columns)])
    path = tmp_path / "network.csv"
    edges.to_csv(path, index=False)
    return path


def run(capsys, *arguments):
    status = main([str(word) for word in arguments])
    said = capsys.readouterr()
    return status, " ".join(said.out.split()), said.err


def test_prune_writes_what_python_writes(capsys, csv):
    out = csv.with_name("pruned.csv")
    status, text, _ = run(capsys, "prune", csv, "--keep", 0.4, "-o", out, *DIRECTED, "--seed", 3)
    assert status == 0
    network = npr.read(csv, direction="source-target")
    A = npr.add_leak(network.W, excess=0.1 * np.asarray(abs(network.W).sum(axis=1)).mean())
    pruned = npr.noise_prune(A, 0.4, rng=3)
    pd.testing.assert_frame_equal(pd.read_csv(out), network.like(pruned.A), check_dtype=False)
    written = pd.read_csv(out)
    assert written["transmitter"].dropna().isin(["glutamate", "autapse"]).all()
    assert (written.query("source == target")["weight"] == 0.125).all()
    assert "n99" in set(written["source"])
    assert f"kept {pruned.kept.nnz} of {network.W.nnz} synapses" in text
    assert "1 autapse(s) set aside" in text
    assert "the leak is not in the file" in text


@pytest.mark.parametrize("ending", [".graphml", ".gml", ".npz", ".mat", ".tsv"])
def test_formats_go_by_suffix(capsys, csv, ending):
    out = csv.with_name(f"pruned{ending}")
    status, _, _ = run(capsys, "prune", csv, "--keep", 0.4, "-o", out, *DIRECTED)
    assert status == 0
    names = npr.read(out, direction="source-target").names
    assert set(names) == set(npr.read(csv, direction="source-target").names)


@pytest.mark.parametrize(("ending", "what"), [(".npy", "; autapses"), (".tsv", "; names and au")])
def test_what_is_written_says_whether_names_are_in_it(capsys, csv, ending, what):
    out = csv.with_name(f"pruned{ending}")
    status, text, error = run(capsys, "prune", csv, "--keep", 0.4, "-o", out, *DIRECTED)
    assert status == 0
    assert what in text
    assert ("no place for the names" in error) == (ending == ".npy")


def test_controls_and_reports(capsys, csv, monkeypatch):
    words = ["prune", csv, "--keep", 0.4, "-o", csv.with_name("p.csv"), *DIRECTED]
    for ending in (".json", ".html"):
        monkeypatch.setattr("sys.stderr.isatty", lambda ending=ending: ending == ".html")
        page = csv.with_name(f"report{ending}")
        status, text, progress = run(capsys, *words, "--controls", "--seeds", 2, "--report", page)
        assert status == 0
        assert ("rule uniform: draw 2 of 2" in progress) == (ending == ".html")
        assert text.index(" noise 0") < text.index(" leak 0") < text.index(" weight 0")
    about = json.loads(csv.with_name("report.json").read_text())
    assert [row["rule"] for row in about["controls"]] == ["noise", "leak", "weight", "uniform"]
    rows = []
    network = npr.read(csv, direction="source-target")
    A = npr.add_leak(network.W, excess=0.1 * np.asarray(abs(network.W).sum(axis=1)).mean())
    for seed in (0, 1):
        pruned = npr.noise_prune(A, 0.4, rule="weight", rng=seed)
        rows.append(npr.compare(A, pruned.A).trajectory_error)
    assert about["controls"][2]["trajectory_error"] == pytest.approx(np.median(rows))
    html = csv.with_name("report.html").read_text()
    check_tags(html)
    for name in ("noise", "leak", "weight", "uniform"):  # columns: a phone has room for five
        assert f"<th>{name}</th>" in html
    assert "<td>trajectory error</td>" in html
    assert "prefers-color-scheme: dark" in html
    assert html.count("<svg") == 3  # epsilon is not defined for a directed network
    assert "http" not in html
    assert "<script" not in html


class Balanced(HTMLParser):
    """Every tag that is opened is closed, in order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """<rect/>"""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_tags(html):
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []


def test_diagnose_prints_what_python_prints(capsys, csv):
    page = csv.with_name("d.html")
    status, text, _ = run(capsys, "diagnose", csv, *DIRECTED, "--keep", 0.5, 0.2, "--report", page)
    assert status == 0
    network = npr.read(csv, direction="source-target")
    A = npr.add_leak(network.W, excess=0.1 * np.asarray(abs(network.W).sum(axis=1)).mean())
    expected = str(npr.diagnose(A, keep=[0.5, 0.2], names=network.names))
    assert " ".join(expected.split()) in text
    check_tags(page.read_text())
    assert "polyline" in page.read_text()


def test_weights_come_back_in_the_units_of_the_file(capsys, csv):
    out = csv.with_name("pruned.csv")
    words = ["prune", csv, "--keep", 1, "-o", out, *DIRECTED, "--leak"]
    for leak in ("fixed", "balanced"):
        assert run(capsys, *words, leak)[0] == 0
        before, after = (
            npr.read(path, direction="source-target").W.toarray() for path in (csv, out)
        )
        np.testing.assert_allclose(after, before, rtol=1e-12)
    status, _, error = run(capsys, *words, "given")
    assert status == 2
    assert "--leak given needs a negative diagonal" in error
    A = npr.add_leak(npr.clustered([10, 10], long_range=20, rng=0), excess=0.1)
    np.save(csv.with_name("A.npy"), A)
    out = csv.with_name("A2.npy")
    status, text, _ = run(capsys, "prune", csv.with_name("A.npy"), "--keep", 0.6, "-o", out)
    assert status == 0
    assert "with its leak" in text
    assert (np.load(out) == npr.noise_prune(A, 0.6, rng=0).A.toarray()).all()


def test_an_unstable_result_is_not_written_unless_it_is_asked_for(capsys, tmp_path):
    rng = np.random.default_rng(0)
    W = rng.normal(size=(40, 40)) * (rng.random((40, 40)) < 0.5)
    np.fill_diagonal(W, 0)
    np.save(tmp_path / "w.npy", W)
    out = tmp_path / "out.npy"
    words = ["prune", tmp_path / "w.npy", "--direction", "target-source", "--keep", 0.1, "-o", out]
    words += ["--leak", "fixed", "--gain", 0.99, "--rule", "uniform"]
    status, _, error = run(capsys, *words)
    assert status == 1
    assert "unstable" in error
    assert "not written" in error
    assert not out.exists()
    status, _, error = run(capsys, *words, "--allow-unstable")
    assert status == 0
    assert "unstable" in error
    assert out.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "missing.csv"}, "No such file"),
        ({"file": "network.doc"}, "unknown"),
        ({"--direction": None}, "give --direction source-target"),
        ({"--weight": "size"}, "give --weight NAME as one of ['weight', 'transmitter'], or --unwe"),
        ({"--keep": "1.5"}, "--keep must lie in (0, 1], got 1.5"),
        ({"--excess": "-1"}, "--excess must lie in [0, inf), got -1"),
        ({"--excess": "0"}, "add leak with --leak balanced --excess X"),
        ({"--seed": "-1"}, "--seed must be at least 0, got -1"),
        ({"-o": "network.csv"}, "would replace the network that is read"),
        ({"-o": "missing/out.csv"}, "there is no folder 'missing'"),
        ({"--report": "missing/r.html"}, "there is no folder 'missing'"),
        ({"--keep": "1e-9"}, "this draw kept no synapse"),
        ({"--seeds": "0"}, "--seeds must be at least 1"),
        ({"-o": "out.doc"}, "unknown"),
        ({"-o": "out"}, "no suffix names the format"),
        ({"--gain": "2", "--leak": "fixed"}, "gain must lie in"),
        ({"--report": "r.pdf"}, "a report is a .html or a .json file"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(capsys, csv, monkeypatch, change, message):
    monkeypatch.chdir(csv.parent)
    words = {"--direction": "source-target", "--keep": "0.5", "-o": "out.csv", **change}
    file = words.pop("file", csv.name)
    flat = [word for pair in words.items() if pair[1] is not None for word in pair]
    status, _, error = run(capsys, "prune", file, *flat)
    assert status == 2
    last = error.strip().split("\n")[-1]
    assert last.startswith("noiseprune: error: ")
    assert message in last
    assert not (csv.parent / "out.csv").exists()
    assert [path.name for path in csv.parent.iterdir()] == ["network.csv"]


def test_advice_and_errors_name_options_of_the_command_line(capsys, tmp_path):
    A = npr.add_leak(npr.clustered([80, 80], long_range=800, rng=0), excess=0.2)
    np.save(tmp_path / "a.npy", A)
    page = tmp_path / "a.html"
    status, text, _ = run(capsys, "diagnose", tmp_path / "a.npy", "--report", page)
    assert status == 0
    assert "--diagonal homeostatic needs less" in text
    assert "--diagonal homeostatic needs less" in page.read_text()
    np.save(tmp_path / "a.npy", A + 0.9 * np.diag(-A.diagonal()))
    status, text, _ = run(capsys, "diagnose", tmp_path / "a.npy")
    assert "Give it more leak (--leak balanced or fixed)" in text


def test_weights_may_be_left_out(capsys, csv):
    out = csv.with_name("pruned.csv")
    status, _, _ = run(capsys, "prune", csv, "--keep", 1, "-o", out, *DIRECTED, "--unweighted")
    assert status == 0
    written = pd.read_csv(out).dropna(subset=["target"])
    assert set(written["weight"]) == {1.0}


def test_a_network_that_falls_apart_is_said(capsys, csv):
    words = ["prune", csv, "-o", csv.with_name("p.csv"), *DIRECTED, "--keep"]
    assert "falls into" not in run(capsys, *words, 1)[1]
    text = run(capsys, *words, 0.02)[1]
    assert "connected parts, the original has 2: keep more" in text


def test_a_reader_that_leaves_early_is_no_error(csv):
    command = f"{sys.executable} -m noiseprune diagnose {csv} --direction source-target"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | true"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("words", ["prune --keep 0.5 -o {}", "diagnose --report {}"])
def test_a_reader_that_leaves_early_gets_the_file_all_the_same(csv, words):
    out = csv.with_name("out.csv" if "prune" in words else "out.json")
    command = f"{sys.executable} -m noiseprune {words.format(out)} {csv} --direction source-target"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | true"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (141, "")
    assert out.exists()


def test_it_runs_as_a_module_and_its_help_teaches():
    command = [sys.executable, "-m", "noiseprune"]
    done = subprocess.run([*command, "prune", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: noiseprune prune FILE --keep F -o OUT [options]\n")
    for word in ("--direction", "source-target", "--leak", "example:", "exit status"):
        assert word in done.stdout
    assert subprocess.run(command, capture_output=True).returncode == 2


def test_it_runs_where_nothing_can_be_shown(csv, monkeypatch):
    command = [sys.executable, "-m", "noiseprune", "prune", str(csv), "--keep", "0.5", *DIRECTED]
    csv.write_text(csv.read_text().replace("n0", "ä"))
    ascii = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    folder = csv.parent / "ü"
    folder.mkdir()
    done = subprocess.run([*command, "-o", str(folder / "a.csv")], env=ascii, capture_output=True)
    assert done.returncode == 0
    assert (folder / "a.csv").exists()
    assert b"\\xfc" in done.stdout
    monkeypatch.setattr(sys, "stdout", None)  # closed
    assert main([*command[3:], "-o", str(folder / "b.csv")]) == 0
    assert (folder / "b.csv").exists()


def test_an_iteration_without_an_end_is_one_line(capsys, csv, monkeypatch):
    def endless(*args, **kwargs):
        raise RuntimeError("the 10 slowest modes did not converge")

    monkeypatch.setattr(npr, "compare", endless)
    words = ["prune", csv, "--keep", 0.5, "-o", csv.with_name("p.csv"), *DIRECTED]
    status, _, error = run(capsys, *words)
    assert (status, error) == (2, "noiseprune: error: the 10 slowest modes did not converge\n")


def test_report_is_whole_or_not_there(tmp_path, monkeypatch):
    assert report.number(None) == "-"
    assert report.number(float("inf")) == "inf"
    assert report.plain({"a": (1.0, float("inf"))}) == {"a": [1.0, "inf"]}

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        report.write(tmp_path / "a.json", {"file": "x"})
    assert not list(tmp_path.iterdir())


def test_names_with_markup_are_text(tmp_path, capsys):
    graph = nx.relabel_nodes(nx.complete_graph(5), {0: "<b>&", 1: "1", 2: "2", 3: "3", 4: "4"})
    nx.write_graphml(graph, tmp_path / "a.graphml")
    page = tmp_path / "a.html"
    assert run(capsys, "diagnose", tmp_path / "a.graphml", "--report", page)[0] == 0
    assert "&lt;b&gt;&amp;" in page.read_text()
    assert "<b>" not in page.read_text()
