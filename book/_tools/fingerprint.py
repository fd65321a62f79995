"""What the outputs of a chapter depend on, as hashes: its code, what that imports, what it reads.

Imports are followed through `noiseprune` and `replication`, those inside functions too, by reading
the source. A module counts without its comments and docstrings, and gives the same hash on every
version of Python. A file that nothing imports and no code names changes nothing.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import itertools
import json
import re

from IPython.core.inputtransformer2 import TransformerManager

PACKAGES = ("noiseprune", "replication")
SCORECARD = "replication.scorecard"
# What a module has that imports others by names which it makes up: any of its folder.
BY_NAME = {"import_module", "__import__"}
FROM_FOLDER = {"iter_modules", "walk_packages", "__path__", "__package__", "__name__", "__file__"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_cells(notebook):
    """Code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def inputs(notebook, root):
    """Hash of all that a chapter's outputs depend on: its cells, their modules, their results."""
    cells = [cell.source.rstrip() for cell in code_cells(notebook)]
    used = modules(cells, root)
    digest = hashlib.sha256("\0".join(cells).encode())
    for name, path in sorted(used.items()):
        digest.update(f"\0{name}\0{_parsed(_text(path)).hash}".encode())
    for path in files(cells, used, root):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


def outputs(notebook):
    """Hash of the stored outputs."""
    stored = [cell.outputs for cell in code_cells(notebook)]
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()[:32]


def modules(cells, root):
    """Path by name of each module of the repository that the cells import, directly or not."""
    transform = TransformerManager().transform_cell
    code = "\n".join(transform(cell) for cell in cells)
    found, pending = {}, set(_imports(ast.parse(code), ""))
    for line in code.splitlines():  # a command or a program that names a package: all of it
        if line.lstrip().startswith("get_ipython()"):
            named = [p for p in PACKAGES if re.search(rf"\b{p}\b", line)]
            pending |= {name for p in named for name in _all_below(root / p, root)}
    while pending:
        name = pending.pop()
        path = _path(name, root)
        if name in found or path is None:
            continue
        found[name] = path
        parsed = _parsed(_text(path))
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        pending |= _imports(parsed.tree, package)
        if parsed.by_name:
            pending |= _all_below(path.parent, root)
    return found


def files(cells, used, root):
    """Files of results/ that the code reads, sorted.

    Stored results count where the cells name them, or a module that loads some; all that any
    module names where the cells ask for `STORED` or the scorecard. Files and folders of
    results/data/ count where cells or modules name them.
    """
    parsed = [_parsed(_text(path)) for path in used.values()]
    code, strings = "\n".join(cells), "\n".join(module.strings for module in parsed)
    if re.search(r"\bSTORED\b", code) or SCORECARD in used:
        results = "\n".join([code, strings, *(module.keywords for module in parsed)])
    else:
        results = "\n".join([code, *(module.strings for module in parsed if module.loads)])
    found = [p for p in (root / "results").glob("*.json") if _is_named(p.stem, results)]
    folder = root / "results" / "data"
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = path.name.endswith("~") or any(part.startswith(".") for part in parts)
        words = [*parts[:-1], path.stem]
        if path.is_file() and not hidden and any(_is_named(w, f"{code}\n{strings}") for w in words):
            found.append(path)
    return sorted(found)


def _is_named(word, text):
    """Whether a text has this word."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _text(path):
    return path.read_text(encoding="utf-8")


def _path(name, root):
    """File of a module of the repository; None for any other name."""
    parts = name.split(".")
    if parts[0] not in PACKAGES:
        return None
    path = root.joinpath(*parts)
    candidates = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _all_below(folder, root):
    """Names of all modules in a folder of the repository."""
    names = set()
    for path in folder.rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        names.add(".".join(parts[:-1] if path.name == "__init__.py" else parts))
    return names


def _imports(tree, package):
    """Names of all that a module may import: packages on the way, and names that may be modules."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if node.level else []
            base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            found |= {".".join(parts[: k + 1]) for k in range(len(parts))}
    return found


class _Module:
    """What counts of a module's source: tree and hash, strings and keywords, what it does."""

    def __init__(self, source):
        self.tree = ast.parse(source)
        for node in ast.walk(self.tree):
            if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
                del node.body[0]
        nodes = list(ast.walk(self.tree))
        names = {getattr(n, "id", getattr(n, "attr", "")) for n in nodes}
        self.by_name = bool(names & BY_NAME and names & FROM_FOLDER)
        self.loads = any(
            isinstance(n, ast.Call) and getattr(n.func, "id", getattr(n.func, "attr", "")) == "load"
            for n in nodes
        )
        texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        self.strings = "\n".join(texts)
        self.keywords = "\n".join(n.arg for n in nodes if isinstance(n, ast.keyword) and n.arg)
        self.hash = hashlib.sha256(repr(_plain(self.tree)).encode()).hexdigest()


_parsed = functools.lru_cache(maxsize=None)(_Module)


def _plain(node):
    """Return a syntax tree as lists of text, without what varies with Python's version."""
    if isinstance(node, ast.JoinedStr):  # pieces of text come whole, in parts, or empty
        pieces = [p.value if isinstance(p, ast.Constant) else _plain(p) for p in node.values]
        groups = itertools.groupby(filter(None, pieces), key=lambda piece: isinstance(piece, str))
        return ["JoinedStr", *(ascii("".join(g)) if text else [*g] for text, g in groups)]
    if isinstance(node, ast.AST):  # fields that are empty were not there before
        fields = [(name, _plain(value)) for name, value in ast.iter_fields(node) if name != "kind"]
        return [type(node).__name__, *((n, v) for n, v in fields if v not in ([], "None"))]
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return ascii(node)
