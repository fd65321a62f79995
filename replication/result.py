"""What every experiment shares: a result that serialises to JSON, and the loop over seeds."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import noiseprune

DIGITS = 9  # significant digits stored


@dataclass(frozen=True)
class Result:
    """Outcome of an experiment: one row per seed and condition, with all it was made from.

    Attributes
    ----------
    experiment : str
        Name of the experiment.
    settings : dict
        Parameters, seeds included, as plain JSON values.
    rows : list of dict
        The measurements. Each row names its seed and conditions and holds numbers or lists.
    provenance : dict
        Date, versions, machine, wall time in seconds, and the command that runs it again.

    Examples
    --------
    >>> from replication.experiments import Result
    >>> rows = [{"rule": "noise", "error": 0.1}, {"rule": "noise", "error": 0.3}]
    >>> Result("demo", {}, rows, {}).column("error", rule="noise")
    array([0.1, 0.3])
    """

    experiment: str
    settings: dict
    rows: list
    provenance: dict

    def select(self, **conditions):
        """Rows in which every named value is as given.

        Raises `KeyError` when there is none, with the conditions that exist.
        """
        found = [row for row in self.rows if all(row.get(k) == v for k, v in conditions.items())]
        if not found:
            exist = {k: sorted({str(row.get(k)) for row in self.rows}) for k in conditions}
            raise KeyError(f"{self.experiment} has no row with {conditions}; there are {exist}")
        return found

    def column(self, name, **conditions):
        """Values of one measurement over the selected rows, stacked along the first axis."""
        return np.array([row[name] for row in self.select(**conditions)])

    def save(self, path):
        """Write the result as JSON, whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        rows = fields.pop("rows")
        head = json.dumps(fields, indent=1, allow_nan=False)
        lines = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in rows)
        text = head.removesuffix("\n}") + f',\n "rows": [\n{lines}\n ]\n}}\n'
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        return path

    @classmethod
    def load(cls, path):
        """Read a stored result.

        Raises `FileNotFoundError` or `ValueError` when there is none, or it is damaged.
        """
        try:
            fields = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(**{field.name: fields[field.name] for field in dataclasses.fields(cls)})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is not a stored result ({error}); run the experiment again"
            ) from error


def run_seeds(name, settings, one_seed, *, executor=None, progress=True):
    """Call ``one_seed(settings, seed)`` for every seed of the settings and gather the rows.

    Parameters
    ----------
    name : str
        Name of the experiment.
    settings : frozen dataclass
        Settings with a field `seeds`.
    one_seed : callable
        A function at the top of a module, which gives a list of rows.
    executor : concurrent.futures.Executor, optional
        Where to run the seeds: a process pool, Dask's or MPI's executor. Without one, here.
    progress : bool
        Show a progress bar, one step per seed.

    Returns
    -------
    Result
        Rows in the order of the seeds, whatever the order in which they were finished.
    """
    if len(settings.seeds) == 0:
        raise ValueError("settings.seeds must name at least one seed")
    start = time.perf_counter()
    each = map if executor is None else executor.map
    seeds = list(settings.seeds)
    bar = tqdm(
        each(one_seed, [settings] * len(seeds), seeds),
        total=len(seeds),
        desc=name,
        unit="seed",
        disable=not progress,
    )
    rows = [plain(row) for rows in bar for row in rows]
    seconds = time.perf_counter() - start
    return Result(name, plain(dataclasses.asdict(settings)), rows, provenance(name, seconds))


def provenance(name, seconds):
    """Date, versions, machine and command, to be stored beside the numbers."""
    return {
        "date": datetime.date.today().isoformat(),
        "command": f"python -m replication run {name}",
        "seconds": round(seconds, 1),
        "versions": {
            "noiseprune": noiseprune.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def one_thread():
    """Give a worker process one thread: it has loaded NumPy and SciPy, so that BLAS heeds it."""
    threadpool_limits(1)
    os.environ["NOISEPRUNE_THREADS"] = "1"


def streams(seed, count):
    """Independent seeds for the parts of one run (network, pruning, noise, ...)."""
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(count)]


def plain(value):
    """Return the value as JSON has it, floats rounded to the digits stored."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}")
    return value
