"""Runs of an experiment over its seeds: here or in worker processes, on from where they stopped."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import threading
import time
from pathlib import Path

from threadpoolctl import threadpool_limits
from tqdm import tqdm

from replication.result import (
    DamagedResult,
    Result,
    fault_of_rows,
    plain,
    provenance,
    read_json,
    versions,
    write_atomically,
)

ROOT = Path(__file__).resolve().parents[1]
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total} seeds [{elapsed}<{remaining}]"

_listeners = []  # who is told that a part of a seed is done: the progress bar, the last one counts


def steps(items):
    """Go through the steps of one seed, and move the progress bar after each.

    Parameters
    ----------
    items : iterable
        The steps, of about the same length.

    Yields
    ------
    object
        Each of them.
    """
    items = list(items)
    for item in items:
        yield item
        _tell(1 / len(items))


def _tell(share):
    for listener in _listeners[-1:]:
        listener(share)


def run_seeds(name, settings, experiment, *, executor=None, progress=True, partial=None):
    """Call ``experiment.one_seed(settings, seed)`` for every seed and gather the rows.

    Parameters
    ----------
    name : str
        Name of the result.
    settings : frozen dataclass
        Settings with a field `seeds`.
    experiment : callable
        A registered experiment, which processes can import.
    executor : concurrent.futures.Executor, optional
        Where to run the seeds: a process pool, Dask's or MPI's executor. Without one, here.
    progress : bool
        Show a progress bar.
    partial : Partial, optional
        Where finished seeds are kept until all are there, and those of an earlier run found.

    Returns
    -------
    Result
        Rows in the order of the seeds, whatever the order in which they were finished.

    Raises
    ------
    ValueError
        If the settings name no seed, or finished rows that are to be kept could not be read again.
    """
    if len(settings.seeds) == 0:
        raise ValueError("settings.seeds must name at least one seed")
    start = time.perf_counter()
    found, before = ({}, 0.0) if partial is None else partial.read(settings.seeds)
    left = [seed for seed in dict.fromkeys(settings.seeds) if seed not in found]
    bar = tqdm(
        total=len(left) + len(found),
        initial=len(found),
        desc=name,
        bar_format=BAR,
        disable=not progress,
    )
    _listeners.append(lambda share: bar.update(min(share, bar.total - bar.n)))  # shares round up
    try:
        with bar:
            for seed, rows in _finished(experiment, settings, left, executor):
                found[seed] = rows
                seconds = before + time.perf_counter() - start
                if partial is not None:
                    _check(name, seed, found)
                    partial.write(seed, rows, seconds)
                bar.update(max(0, len(found) - bar.n))  # where nobody tells of the steps
    finally:
        _listeners.pop()
    seconds = before + time.perf_counter() - start
    rows = [row for seed in settings.seeds for row in found[seed]]
    return Result(name, plain(dataclasses.asdict(settings)), rows, provenance(name, seconds))


def _check(name, seed, found):
    """Refuse the rows of a finished seed if, once stored, `Result.load` would refuse them."""
    fault = fault_of_rows([row for rows in found.values() for row in rows], list(found))
    if fault:
        raise ValueError(f"{name}, seed {seed}: rows cannot be stored ({fault})")
    for row in found[seed]:
        for key, value in row.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name}, seed {seed}: {key} cannot be stored ({error})") from None


def _finished(experiment, settings, seeds, executor):
    """Yield every seed with its rows as soon as it is finished."""
    if executor is None:
        for seed in seeds:
            yield seed, _one_seed(experiment, settings, seed)
        return
    futures = {executor.submit(_one_seed, experiment, settings, seed): seed for seed in seeds}
    try:
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], future.result()
    finally:
        for future in futures:
            future.cancel()


def _one_seed(experiment, settings, seed):
    return [plain(row) for row in experiment.one_seed(settings, seed)]


class Partial:
    """The finished seeds of a run that is not over: a folder beside the result, a file each.

    Seeds count only while settings, versions and code are those that they were made with.

    Parameters
    ----------
    path : path
        Where the whole result is going to be; the folder ends in ``.partial`` instead.
    settings : frozen dataclass
        Settings of the run.

    Raises
    ------
    OSError
        If the folder cannot be made or written to, before anything is computed.
    """

    def __init__(self, path, settings):
        self.folder = self._folder(path)
        made_from = plain(dataclasses.asdict(settings)) | {"versions": versions(), "code": _code()}
        del made_from["seeds"]
        note = self.folder / "made_from.json"
        try:
            same = read_json(note) == made_from
        except (FileNotFoundError, DamagedResult):
            same = False
        if not same and self.folder.exists():
            shutil.rmtree(self.folder)
        write_atomically(note, json.dumps(made_from, indent=1) + "\n")

    def read(self, seeds):
        """Return the rows of those seeds that are finished, and the seconds that they took."""
        found, seconds = {}, 0.0
        for seed in seeds:
            with contextlib.suppress(FileNotFoundError, DamagedResult, KeyError, TypeError):
                stored = read_json(self._file(seed))
                seconds = max(seconds, stored["seconds"])
                if any(row["seed"] == seed for row in stored["rows"]):
                    found[seed] = stored["rows"]
        return found, seconds

    def write(self, seed, rows, seconds):
        """Keep the rows of a finished seed; `seconds` is the time of the run up to here."""
        stored = {"seconds": seconds, "rows": rows}
        write_atomically(self._file(seed), json.dumps(stored, allow_nan=False))

    @classmethod
    def count(cls, path):
        """Return how many seeds are kept of what is going to be that result."""
        return len(list(cls._folder(path).glob("seed_*.json")))

    def remove(self):
        """Forget everything: the result is whole."""
        shutil.rmtree(self.folder)

    @staticmethod
    def _folder(path):
        return Path(path).with_suffix(".partial")

    def _file(self, seed):
        return self.folder / f"seed_{seed}.json"


def _code():
    """Return a digest of the method and the experiments."""
    digest = hashlib.sha256()
    for folder in (ROOT / "noiseprune", ROOT / "replication" / "experiments"):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def workers(count):
    """Yield a pool of processes, one BLAS thread each, none of which outlives this one.

    Ctrl-C is left to this process, which stops them; if it is killed they notice and end.

    Parameters
    ----------
    count : int
        Number of processes.

    Yields
    ------
    concurrent.futures.ProcessPoolExecutor
        The pool; the steps of its seeds move the progress bar here.
    """
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    listener = threading.Thread(target=_pass_on, args=(told,), daemon=True)
    listener.start()
    before = set(multiprocessing.active_children())
    pool = concurrent.futures.ProcessPoolExecutor(
        count, mp_context=context, initializer=_begin_worker, initargs=(told,)
    )
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        told.put(None)
        listener.join(timeout=1)


def _begin_worker(told):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threadpool_limits(1)  # the worker has loaded NumPy and SciPy by now, so that BLAS heeds it
    os.environ["NOISEPRUNE_THREADS"] = "1"
    _listeners.append(told.put)


def _end_with_parent():
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _pass_on(told):
    while (share := told.get()) is not None:
        _tell(share)
