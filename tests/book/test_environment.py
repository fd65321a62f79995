"""pyproject.toml, environment.yml and requirements.lock describe one environment."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import noiseprune

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()


def requirements(lines):
    """Version bounds by package name."""
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r.specifier for r in parsed}


def declared():
    extras = PROJECT["optional-dependencies"]
    chosen = [*extras["large"], *extras["networks"], *extras["book"], *extras["test"]]
    return requirements([*PROJECT["dependencies"], *chosen])


def test_conda_environment_has_the_names_and_bounds_of_the_project():
    *conda, nested = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert nested["pip"][-1] == "-e ."
    found = requirements([*conda, *nested["pip"][:-1]])
    assert str(found.pop("python")) == PROJECT["requires-python"]
    found.pop("pip")
    assert found == declared()


def test_lock_satisfies_the_project():
    # One package can be locked at two versions, for older and for newer Python.
    for name, bounds in declared().items():
        locked = re.findall(rf"^{re.escape(name)}==([^ \\]+)", LOCK, re.MULTILINE)
        assert locked, f"{name} is not in requirements.lock; `make lock` adds it"
        assert all(version in bounds for version in locked), (name, locked, str(bounds))


def test_lock_is_complete_and_names_no_place():
    pinned = re.findall(r"^(\S.*?==.*)", LOCK, re.MULTILINE)
    assert len(re.findall(r"^\S+==[^\n]*\\\n    --hash=sha256:", LOCK, re.MULTILINE)) == len(pinned)
    assert "://" not in LOCK
    assert "--index" not in LOCK


def test_lock_is_what_is_installed():
    environment = default_environment()
    if not (ROOT / ".venv").exists():
        pytest.skip("the environment was not made from the lock (no .venv)")
    from importlib.metadata import version

    for line in re.findall(r"^(\S[^\\\n]*==[^\\\n]*)", LOCK, re.MULTILINE):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            assert version(requirement.name) in requirement.specifier, line


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert PROJECT["version"] == noiseprune.__version__ == citation["version"]
    assert f"## {PROJECT['version']}" in changelog
