"""Experiments of the replication: settings in, rows out; a `Result` that is stored as JSON.

Each file of this folder asks one question. Its function of settings and a seed becomes an
experiment by the decorator `replication.registry.experiment`, and is found here with the class of
its settings; nothing else has to be changed to add one. An experiment is called as
``experiments.spectra(settings)`` with the options ``executor=`` (a pool of `concurrent.futures`,
Dask's or MPI's executor) and ``progress=``; `run` and `load` take the names of stored runs.

``python -m replication --help`` lists and runs the stored ones.
"""

import importlib
import pkgutil

from replication.registry import EXPERIMENTS, RESULTS, STORED, disagreements, load, run
from replication.result import Result, streams

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

_settings = {type(settings).__name__: type(settings) for _, settings in STORED.values()}
globals().update(EXPERIMENTS | _settings)

__all__ = [
    "RESULTS",
    "STORED",
    "Result",
    "disagreements",
    "load",
    "run",
    "streams",
    *sorted(EXPERIMENTS),
    *sorted(_settings),
]
