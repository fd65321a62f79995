"""The experiments, and the runs of theirs whose results are stored in ``results/``."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
from pathlib import Path

import numpy as np

from replication.result import DamagedResult, Result, plain
from replication.runner import Partial, run_seeds

RESULTS = Path(__file__).resolve().parents[1] / "results"

# The modules of `replication.experiments` fill these as they are imported.
EXPERIMENTS = {}  # every experiment by its name
STORED = {}  # name of each stored run: its experiment and settings
QUICK = []  # what `check --quick` runs one seed of: under ten minutes together
_TOLERANCE = 1e-6  # relative difference up to which numbers of a rerun agree


def experiment(*, quick=None, **stored):
    """Make an experiment of a function ``(settings, seed) -> list of rows``, and register it.

    The experiment is called with settings, whose field `seeds` says what to run, and returns a
    `Result` with the rows of all seeds. The function itself is its attribute `one_seed`.

    Parameters
    ----------
    quick : str, optional
        Which of the stored runs ``check --quick`` repeats one seed of.
    **stored : frozen dataclass
        Settings of each run whose result is stored in ``results/``, under its name.

    Returns
    -------
    callable
        The decorator.

    Raises
    ------
    ValueError
        If a name is taken, or the function is called as its module.

    Examples
    --------
    The experiments of this folder are made so:

    >>> from replication import experiments
    >>> small = experiments.LabRecordSettings(sizes=(40, 20), long_range=60, seeds=(0, 1))
    >>> result = experiments.lab_record(small, progress=False)
    >>> len(result.rows)
    4
    """

    def register(one_seed):
        @functools.wraps(one_seed)
        def run_experiment(settings, *, executor=None, progress=True, name=None):
            name = run_experiment.__name__ if name is None else name
            return run_seeds(name, settings, run_experiment, executor=executor, progress=progress)

        run_experiment.__signature__ = inspect.signature(run_experiment, follow_wrapped=False)
        run_experiment.one_seed = one_seed
        name = one_seed.__name__
        if one_seed.__module__.endswith(f".{name}"):
            raise ValueError(f"the experiment {name} must not be called as its module: it hides it")
        if name in EXPERIMENTS and _is_copy(EXPERIMENTS[name].one_seed, one_seed):
            return run_experiment  # as where pytest is given the path of its file
        if taken := ({name} & EXPERIMENTS.keys()) | (stored.keys() & STORED.keys()):
            raise ValueError(f"there is an experiment of that name already: {', '.join(taken)}")
        if quick is not None and quick not in stored:
            raise ValueError(f"quick must name one of the stored runs, got {quick!r}")
        EXPERIMENTS[name] = run_experiment
        STORED.update({run: (run_experiment, settings) for run, settings in stored.items()})
        QUICK.extend([] if quick is None else [quick])
        return run_experiment

    return register


def _is_copy(function, other):
    """Whether two functions stand in one place of one file that was imported twice."""
    place, its_place = (
        (Path(f.__code__.co_filename).resolve(), f.__code__.co_firstlineno)
        for f in (function, other)
    )
    return place == its_place and function.__globals__ is not other.__globals__


def run(name, *, seeds=None, executor=None, progress=True, folder=None, add_to=None):
    """Run a stored experiment again, all its seeds or some.

    Parameters
    ----------
    name : str
        One of `STORED`.
    seeds : sequence of int, optional
        Seeds to run instead of the stored ones.
    executor : concurrent.futures.Executor, optional
        Where to run the seeds: a process pool, Dask's or MPI's executor. Without one, here.
    progress : bool
        Show a progress bar.
    folder : path, optional
        Store the result there. Until it is whole the finished seeds are kept beside it, and a
        run that was interrupted goes on from them. Without it, nothing is stored.
    add_to : Result, optional
        Result that lacks some of the rules, see `missing_rules`: these alone are run, and their
        rows are put beside those of the others, which stay as they are.

    Returns
    -------
    Result
        The new result.

    Raises
    ------
    ValueError
        If no experiment has that name.
    OSError
        If the folder cannot be made or written to: at once, before anything is computed.
    """
    registered, settings = _stored(name)
    if seeds is not None:
        settings = dataclasses.replace(settings, seeds=tuple(seeds))
    if add_to is not None:
        settings = dataclasses.replace(settings, rules=missing_rules(add_to))
    how = {"executor": executor, "progress": progress}
    if folder is None:
        return run_seeds(name, settings, registered, **how)
    path = stored_file(name, folder)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, where the result must be: move it away")
    partial = Partial(path, settings)
    result = run_seeds(name, settings, registered, partial=partial, **how)
    if add_to is not None:
        result = _with_rules(add_to, result)
    result.save(path)
    partial.remove()
    return result


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
    path = stored_file(name, folder)
    result = Result.load(path)
    if result.experiment != name:
        raise DamagedResult(f"{path} is damaged (it is of {result.experiment}): run it again")
    return result


def stored_file(name, folder=RESULTS):
    """Return where the result of that name is stored."""
    return Path(folder) / f"{name}.json"


def is_current(result):
    """Whether a stored result was made with the settings that `STORED` names today."""
    return result.settings == plain(dataclasses.asdict(_stored(result.experiment)[1]))


def missing_rules(result):
    """Rules that today's settings have after those of a stored result, if all else is equal."""
    today = plain(dataclasses.asdict(_stored(result.experiment)[1]))
    known = result.settings.get("rules", [])
    same = {**result.settings, "rules": None} == {**today, "rules": None}
    if not (same and known and today["rules"][: len(known)] == known):
        return ()
    return tuple(today["rules"][len(known) :])


def _with_rules(before, added):
    """Stored rows with those of further rules behind them, condition by condition.

    What a row names before its rule are the conditions that it shares with those of other rules.
    """

    def conditions(row):
        return tuple(row.items())[: list(row).index("rule")]

    rules = added.settings["rules"]
    further = {}
    for row in added.rows:
        if row["rule"] in rules:
            further.setdefault(conditions(row), []).append(row)
    rows = []
    for key, group in itertools.groupby(before.rows, conditions):
        rows += [*group, *further.pop(key, [])]
    if further:
        raise ValueError(f"{before.experiment} has no stored rows with {next(iter(further))}")
    seconds = before.provenance["seconds"] + added.provenance["seconds"]
    provenance = {**before.provenance, "seconds": round(seconds, 1)}
    provenance["added"] = [
        *before.provenance.get("added", []),
        {"rules": rules, **added.provenance},
    ]
    settings = {**before.settings, "rules": [*before.settings["rules"], *rules]}
    return Result(before.experiment, settings, rows, provenance)


def disagreements(before, again):
    """Return a line for everything in which a rerun differs from the stored rows of its seeds.

    Parameters
    ----------
    before : Result
        What is stored.
    again : Result
        The rerun, with the same settings, of all seeds or some.

    Returns
    -------
    list of str
        Empty if all agree; a comparison of nothing is a disagreement.
    """
    name = before.experiment
    lines = [
        f"{name}: setting {key} stored {before.settings.get(key)}, now {again.settings.get(key)}"
        for key in sorted((before.settings.keys() | again.settings.keys()) - {"seeds"})
        if before.settings.get(key) != again.settings.get(key)
    ]
    seeds = again.settings.get("seeds", [])
    if not seeds:
        lines.append(f"{name}: nothing was compared, the rerun has no seeds")
    for seed in seeds:
        old, new = ([row for row in r.rows if row.get("seed") == seed] for r in (before, again))
        if len(old) != len(new) or not new:
            lines.append(f"{name} (seed={seed}): {len(old)} rows stored, {len(new)} rows rerun")
            continue
        for a, b in zip(old, new, strict=True):
            lines += _differences(name, a, b)
    return lines


def _differences(name, old, new):
    where = ", ".join(
        f"{k}={v}" for k, v in old.items() if k in ("seed", "keep", "rule", "diagonal")
    )
    return [
        f"{name} ({where}): {key} stored {old.get(key)}, now {new.get(key)}"
        for key in sorted(old.keys() | new.keys())
        if not _agree(old.get(key), new.get(key))
    ]


def _agree(old, new):
    if isinstance(old, str) or isinstance(new, str) or old is None or new is None:
        return old == new
    try:
        old, new = np.asarray(old, dtype=float), np.asarray(new, dtype=float)
    except (TypeError, ValueError):  # lists of texts, or of different lengths
        return old == new
    if old.shape != new.shape:
        return False
    missing = np.isnan(old) & np.isnan(new)  # None in a list
    scale = np.abs(old).max(initial=0.0, where=~np.isnan(old))
    # An eigenvalue 0 of a network of size 1 is stored as 1e-15: rounding, not a difference.
    return bool(np.all(missing | (np.abs(old - new) <= _TOLERANCE * max(scale, 1e-6))))


def _stored(name):
    if name not in STORED:
        raise ValueError(f"no stored experiment is called {name!r}; there are {', '.join(STORED)}")
    return STORED[name]
