"""What the package needs, how its modules build on each other, and what is installed of it."""

import ast
import graphlib
import importlib
import subprocess
import sys
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "noiseprune"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# A module of this row imports from the row only what stands to its left.
ROW = (
    "_matrix _checks _device _differences _refit networks formats report reading covariance "
    "homeostasis pruning torch spectrum _parts dynamics theory rectified asymmetric comparison "
    "diagnosis __main__"
)
# Imports inside of a function: what needs an extra.
LAZY = {
    ("large.factor", "large.elimination"),
    ("large.factor", "large.takahashi"),
    ("large.gradients", "large.product"),
}
EXTRAS = {"cvxopt", "numba", "llvmlite", "networkx", "pandas", "torch"}


def name(path):
    """Name of a module within the package; that of the package itself is empty."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name(path): path for path in PACKAGE.rglob("*.py")}


def imports(path):
    """Every absolute name that a file imports, with whether that is inside of a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {inner for function in functions for inner in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name, node in inside) for name in names)


def own_imports(module):
    """Modules of the package that one imports, as pairs with whether that is inside a function."""
    for imported, inside in imports(MODULES[module]):
        parts = imported.split(".")
        if parts.pop(0) != PACKAGE.name:
            continue
        while ".".join(parts) not in MODULES:  # a function of a module
            parts.pop()
        if parts:
            yield ".".join(parts), inside


def test_modules_build_on_each_other_in_the_stated_order():
    row = ROW.split()
    assert set(row) == {module for module in MODULES if module and "." not in module} - {"large"}
    for module in row:
        used = {imported for imported, _ in own_imports(module)} & set(row)
        assert used <= set(row[: row.index(module)]), module


def test_no_module_needs_itself():
    graph = {
        module: {
            needed
            for imported, inside in own_imports(module)
            # Whoever imports a part of a folder imports the folder; its parts are in it.
            for needed in (imported, imported.rpartition(".")[0])
            if needed and not inside and not f"{module}.".startswith(f"{needed}.")
        }
        for module in MODULES
    }
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) >= len(MODULES)


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"", "__main__", "torch"}))
def test_no_function_hides_its_module(module):
    full = f"{PACKAGE.name}.{module}"
    folder, _, last = full.rpartition(".")
    found = importlib.import_module(full)
    assert getattr(importlib.import_module(folder), last) is found


def test_no_dataclass_can_be_changed_and_none_compares_arrays():
    found = {
        node.name: (ast.unparse(decorator), [ast.unparse(f.annotation) for f in fields])
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if "dataclass" in ast.unparse(decorator)
        for fields in [[f for f in node.body if isinstance(f, ast.AnnAssign)]]
    }
    assert len(found) > 10
    assert [name for name, (how, _) in found.items() if "frozen=True" not in how] == []
    with_arrays = {name: how for name, (how, types) in found.items() if "array" in str(types)}
    assert len(with_arrays) > 5
    # == would be ambiguous
    assert [name for name, how in with_arrays.items() if "eq=False" not in how] == []


def test_imports_inside_of_functions_are_those_that_need_an_extra():
    found = {
        (module, imported)
        for module in MODULES
        for imported, inside in own_imports(module)
        if inside
    }
    assert found == LAZY


def test_package_and_its_tests_run_without_the_replication():
    for path in (*MODULES.values(), *Path(__file__).parent.glob("*.py")):
        assert not [n for n, _ in imports(path) if n.split(".")[0] == "replication"], path


def test_package_asks_for_numpy_and_scipy_and_its_extras_alone():
    asked = {n.split(".")[0] for path in MODULES.values() for n, _ in imports(path)}
    assert asked - set(sys.stdlib_module_names) - EXTRAS == {"noiseprune", "numpy", "scipy"}


def test_package_works_where_nothing_but_numpy_and_scipy_is_installed():
    others = {"replication", "matplotlib", "PIL", "ipywidgets", "tqdm", "threadpoolctl"}
    code = f"""
import sys
for name in {sorted(EXTRAS | others)}:
    sys.modules[name] = None  # an import fails
import noiseprune as npr
W = npr.random_graph(60, 4, rng=0)
A = npr.add_leak(W, excess=0.1)
pruned = npr.noise_prune(A, 0.5, rng=1)
npr.large.synapse_variances(A, samples=8, rng=0)
npr.spectral_epsilon(A, pruned.A)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names of the files in the wheel, and its metadata."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "flit_core.wheel", "--outdir", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        (metadata,) = (n for n in file.namelist() if n.endswith(".dist-info/METADATA"))
        return file.namelist(), HeaderParser().parsestr(file.read(metadata).decode())


def test_wheel_holds_the_modules_of_the_package_alone(wheel):
    names, metadata = wheel
    info = f"noiseprune-{metadata['Version']}.dist-info/"
    held = {name for name in names if not name.startswith(info)}
    assert held == {path.relative_to(ROOT).as_posix() for path in MODULES.values()}


def test_wheel_needs_numpy_and_scipy_alone(wheel):
    needed = [Requirement(line) for line in wheel[1].get_all("Requires-Dist")]
    assert {r.name for r in needed if r.marker is None} == {"numpy", "scipy"}
    assert {str(r) for r in needed if r.marker is None} == set(PROJECT["dependencies"])
    assert set(wheel[1].get_all("Provides-Extra")) == {"large", "networks", "torch", "book", "test"}
