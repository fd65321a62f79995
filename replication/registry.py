"""The runs whose results are stored in ``results/``: their names, settings and whereabouts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from replication.result import Result, plain

RESULTS = Path(__file__).resolve().parents[1] / "results"

# Name of each stored run: its experiment and settings. The modules of `replication.experiments`
# fill it as they are imported.
STORED = {}
QUICK = []  # what `check --quick` runs one seed of: under ten minutes together


def stored(*, quick=False, **runs):
    """Register runs of the decorated experiment: names and the settings of each."""

    def register(experiment):
        STORED.update({name: (experiment, settings) for name, settings in runs.items()})
        QUICK.extend(list(runs)[:1] if quick else [])
        return experiment

    return register


def run(name, *, seeds=None, executor=None, progress=True):
    """Run a stored experiment again, all its seeds or some.

    Parameters
    ----------
    name : str
        One of `STORED`.
    seeds : sequence of int, optional
        Seeds to run instead of the stored ones.
    executor : concurrent.futures.Executor, optional
        Where to run the seeds; without one, in this process.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Result
        The new result, not yet saved.

    Raises
    ------
    ValueError
        If no experiment has that name.
    """
    experiment, settings = _stored(name)
    if seeds is not None:
        settings = dataclasses.replace(settings, seeds=tuple(seeds))
    return experiment(settings, executor=executor, progress=progress, name=name)


def load(name, folder=RESULTS):
    """Read a stored result by its name.

    Parameters
    ----------
    name : str
        One of `STORED`.
    folder : path, optional
        Where results are stored; by default ``results/`` of the checkout.

    Returns
    -------
    Result
        The stored result.

    Raises
    ------
    ValueError
        If no experiment has that name, or the file is damaged.
    FileNotFoundError
        If it was never run.
    """
    _stored(name)
    return Result.load(Path(folder) / f"{name}.json")


def is_current(result):
    """Whether a stored result was made with the settings that `STORED` names today."""
    return result.settings == plain(dataclasses.asdict(_stored(result.experiment)[1]))


def disagreements(before, again, *, tolerance=1e-6):
    """Return a line for every number in which a rerun differs from the stored rows of its seeds."""
    seeds = {row["seed"] for row in again.rows}
    rows = [row for row in before.rows if row["seed"] in seeds]
    if len(rows) != len(again.rows):
        return [f"{before.experiment}: {len(rows)} rows stored, {len(again.rows)} rows rerun"]
    lines = []
    for old, new in zip(rows, again.rows, strict=True):
        where = ", ".join(
            f"{k}={v}" for k, v in old.items() if k in ("seed", "keep", "rule", "diagonal")
        )
        lines += [
            f"{before.experiment} ({where}): {key} stored {old.get(key)}, now {new.get(key)}"
            for key in sorted(old.keys() | new.keys())
            if not _agree(old.get(key), new.get(key), tolerance)
        ]
    return lines


def _agree(old, new, tolerance):
    if isinstance(old, str) or isinstance(new, str) or old is None or new is None:
        return old == new
    old, new = np.asarray(old, dtype=float), np.asarray(new, dtype=float)
    if old.shape != new.shape:
        return False
    scale = np.abs(old).max(initial=0.0)
    # An eigenvalue 0 of a network of size 1 is stored as 1e-15: rounding, not a difference.
    return bool(np.all(np.abs(old - new) <= tolerance * max(scale, 1e-6)))


def _stored(name):
    if name not in STORED:
        raise ValueError(f"no stored experiment is called {name!r}; there are {', '.join(STORED)}")
    return STORED[name]
