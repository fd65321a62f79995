"""A result that is stored as JSON: one row per seed and condition, with all it was made from."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy

import noiseprune
from noiseprune.formats import whole

DIGITS = 9  # significant digits stored


class DamagedResult(ValueError):
    """A stored file that is no whole result: truncated, of other types, or without some rows."""


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
        """Write the result as JSON, whole or not at all; return the path."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        rows = fields.pop("rows")
        head = json.dumps(fields, indent=1, allow_nan=False)
        lines = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in rows)
        return write_atomically(
            path, head.removesuffix("\n}") + f',\n "rows": [\n{lines}\n ]\n}}\n'
        )

    @classmethod
    def load(cls, path):
        """Read a stored result.

        Raises
        ------
        FileNotFoundError
            If there is none.
        DamagedResult
            If the file is not a whole result: every seed of the settings must have the same rows.
        """
        try:
            fields = read_json(path)
            result = cls(**{field.name: fields[field.name] for field in dataclasses.fields(cls)})
            fault = _fault(result)
        except KeyError as error:
            fault = f"{error} is missing"
        except TypeError as error:
            fault = str(error)
        if fault:
            raise DamagedResult(f"{path} is damaged ({fault}): run the experiment again")
        return result


def _fault(result):
    """Say what of a result that was read cannot be, or return None."""
    kinds = {"experiment": str, "settings": dict, "rows": list, "provenance": dict}
    for name, kind in kinds.items():
        if not isinstance(getattr(result, name), kind):
            return f"{name} is no {kind.__name__}"
    for name, kind in {"seconds": (int, float), "date": str, "command": str}.items():
        if not isinstance(result.provenance.get(name), kind):
            return f"provenance does not say the {name}"
    seeds = result.settings.get("seeds")
    if not isinstance(seeds, list) or not seeds:
        return "settings name no seeds"
    return fault_of_rows(result.rows, seeds)


def fault_of_rows(rows, seeds):
    """Say why rows are not those of a whole result, or return None.

    Parameters
    ----------
    rows : list
        What an experiment returned for the seeds, one seed after the other.
    seeds : sequence of int
        Seeds, each of which must have the same rows.

    Returns
    -------
    str or None
        The first fault.
    """
    if not all(isinstance(row, dict) for row in rows):
        return "a row is no dict"
    shapes = {seed: [] for seed in seeds}
    kinds = {}
    for row in rows:
        if row.get("seed") not in shapes:
            return f"a row is of seed {row.get('seed')}, which is none of the settings"
        shapes[row["seed"]].append(row.keys())
        for key, value in row.items():
            if value is not None and kinds.setdefault(key, _kind(value)) != _kind(value):
                return f"{key} is {kinds[key]} in some rows and {_kind(value)} in others"
    for seed, shape in shapes.items():
        if not shape:
            return f"no row is of seed {seed}"
        if shape != shapes[seeds[0]]:
            return f"the rows of seed {seed} are not those of seed {seeds[0]}"
    return None


def _kind(value):
    if isinstance(value, bool):
        return "true or false"
    return {str: "a text", list: "a list", dict: "a dict"}.get(type(value), "a number")


def read_json(path):
    """Read a JSON file in which every number is one; raise `DamagedResult` where it is none."""

    def refuse(constant):
        raise ValueError(f"it holds {constant}")

    try:
        text = Path(path).read_text(encoding="utf-8")
        return json.loads(text, parse_constant=refuse)
    except IsADirectoryError as error:
        raise DamagedResult(f"{path} is a folder, not a stored result: move it away") from error
    except (ValueError, RecursionError) as error:
        raise DamagedResult(f"{path} is damaged ({error}): run the experiment again") from error


def write_atomically(path, content):
    """Write a text or bytes to a file, whole or not at all, and make its folder if need be.

    Parameters
    ----------
    path : path
        The file.
    content : str or bytes
        What it shall hold; text is written as UTF-8.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    OSError
        If it cannot be written; a file that was there is still there, and nothing else.
    """
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_bytes(content)
    return path


def provenance(name, seconds):
    """Date, versions, machine and command, to be stored beside the numbers."""
    return {
        "date": datetime.date.today().isoformat(),
        "command": f"python -m replication run {name}",
        "seconds": round(seconds, 1),
        "versions": versions(),
        **({"device": device()} if device() else {}),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def device():
    """Where the heaviest experiments compute (``--device``), or None: NumPy and SciPy."""
    return os.environ.get("NOISEPRUNE_DEVICE") or None


def versions():
    """Versions of what the numbers depend on."""
    return {
        "noiseprune": noiseprune.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


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
