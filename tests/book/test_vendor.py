"""Files of others: each comes from a package of npm whose version and checksum are pinned."""

import importlib.util
import json
from pathlib import Path

from test_environment import ROOT

FOLDER = ROOT / "book" / "_vendor"
OWN = {"make.py", "package.json", "package-lock.json"}


def test_every_file_has_its_original_in_a_pinned_package():
    lock = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    packages = {name.removeprefix("node_modules/") for name in lock if name}
    spec = importlib.util.spec_from_file_location("make_vendor", FOLDER / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    known = make.sources(Path("installed"))
    files = {p for p in FOLDER.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert {path.relative_to(FOLDER).as_posix() for path in files - known.keys()} == OWN
    assert {source.parts[1] for source in known.values()} == packages


def test_versions_are_pinned_with_checksums_and_told_to_the_reader():
    lock = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    told = (ROOT / "book" / "licences.md").read_text()
    for name, package in lock.items():
        if name:
            assert package["integrity"].startswith("sha512-")
            assert f"| {package['version']} |" in told
    assert "http" not in (FOLDER / "package-lock.json").read_text()


def test_the_copyleft_library_of_an_extra_is_named():
    told = (ROOT / "book" / "licences.md").read_text().splitlines()
    (row,) = [line for line in told if line.startswith("| CVXOPT")]
    assert "GPL 3" in row
