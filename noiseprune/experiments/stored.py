"""The runs whose results are stored in ``results/``: their names, settings and whereabouts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from noiseprune.experiments.asymmetric import AsymmetricSettings, asymmetric
from noiseprune.experiments.earlier import EarlierSettings, earlier_attempt
from noiseprune.experiments.large import LargeSettings, large_networks
from noiseprune.experiments.largest import TenThousandSettings, ten_thousand
from noiseprune.experiments.listening import ListeningSettings, listening
from noiseprune.experiments.record import Result, plain
from noiseprune.experiments.rectified import RectifiedSettings, rectified
from noiseprune.experiments.spectrum import (
    ImportantSettings,
    LabRecordSettings,
    SpectrumSettings,
    important_synapses,
    lab_record,
    spectrum,
)
from noiseprune.experiments.theorem import (
    FailureSettings,
    PrunedFractionSettings,
    failure_rate,
    pruned_fraction,
)
from noiseprune.experiments.trajectories import TrajectorySettings, trajectories

RESULTS = Path(__file__).resolve().parents[2] / "results"

STORED = {
    "asymmetric": (asymmetric, AsymmetricSettings()),
    "earlier_attempt": (earlier_attempt, EarlierSettings()),
    "failure_rate": (failure_rate, FailureSettings()),
    "important_synapses": (important_synapses, ImportantSettings()),
    "important_synapses_paper": (
        important_synapses,
        ImportantSettings(sizes=(2700, 100, 100, 100)),
    ),
    "lab_record": (lab_record, LabRecordSettings()),
    "large_networks": (large_networks, LargeSettings()),
    "listening": (listening, ListeningSettings()),
    "million": (
        large_networks,
        LargeSettings(
            networks=(("spatial", 1_000_000, 10), ("random", 1_000_000, 10)),
            seeds=(0,),
        ),
    ),
    "pruned_fraction": (pruned_fraction, PrunedFractionSettings()),
    "rectified": (rectified, RectifiedSettings()),
    "spectrum_lab": (spectrum, SpectrumSettings()),
    "spectrum_paper": (
        spectrum,
        SpectrumSettings(sizes=(2700, 100, 100, 100), keep=(0.2, 0.1, 0.05, 0.03)),
    ),
    "ten_thousand": (ten_thousand, TenThousandSettings()),
    "ten_thousand_lab": (
        ten_thousand,
        TenThousandSettings(sizes=(6600, 1000, 1600) + 8 * (100,)),
    ),
    "trajectories_lab": (trajectories, TrajectorySettings()),
}

# What `check --quick` runs one seed of: under ten minutes together.
QUICK = ("failure_rate", "important_synapses", "lab_record", "rectified", "spectrum_lab")


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


def disagreements(stored, again, *, tolerance=1e-6):
    """Return a line for every number in which a rerun differs from the stored rows of its seeds."""
    seeds = {row["seed"] for row in again.rows}
    before = [row for row in stored.rows if row["seed"] in seeds]
    if len(before) != len(again.rows):
        return [f"{stored.experiment}: {len(before)} rows stored, {len(again.rows)} rows rerun"]
    lines = []
    for old, new in zip(before, again.rows, strict=True):
        where = ", ".join(
            f"{k}={v}" for k, v in old.items() if k in ("seed", "keep", "rule", "diagonal")
        )
        lines += [
            f"{stored.experiment} ({where}): {key} stored {old.get(key)}, now {new.get(key)}"
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
