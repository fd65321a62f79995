"""Blocks of work spread over the workers of any `concurrent.futures.Executor`.

What the blocks have in common, a network, is sent once to a worker and not once with a block: it
is written to a file, which a worker maps into memory the first time it is asked. A worker that does
not see the file (another machine without the same disk) says so, and gets it with the next request.
"""

from __future__ import annotations

import dataclasses
import tempfile
import threading
import uuid
import warnings
from pathlib import Path

import numpy as np

_KEPT = {}  # token -> what a worker has prepared for the last system that it saw
_LOCK = threading.Lock()


def run(prepare, system, blocks, executor=None):
    """Yield ``prepare(system)(*block)`` for every block, in order.

    Parameters
    ----------
    prepare : callable
        From the system to the function of a block. It is sent to the workers.
    system : dataclass of ndarray
        What all blocks have in common.
    blocks : list of tuple
        Arguments, one tuple for each block.
    executor : concurrent.futures.Executor, optional
        Who computes; without it, this process does. A block whose worker was lost is computed
        here, with a warning.
    """
    if executor is None:
        work = prepare(system)
        for block in blocks:
            yield work(*block)
        return
    token, lost, here = uuid.uuid4().hex, [], None
    with tempfile.TemporaryDirectory(prefix="noiseprune-", ignore_cleanup_errors=True) as folder:
        _write(system, Path(folder))
        call = _Call(prepare, type(system), token, folder)
        futures = [_submitted(executor, call, block) for block in blocks]
        try:
            for number, block in enumerate(blocks):
                result, futures[number] = _outcome(futures[number]), None
                if isinstance(result, _Missing):
                    again = dataclasses.replace(call, system=system)
                    result = _outcome(_submitted(executor, again, block))
                if isinstance(result, Exception):
                    lost.append(result)
                    here = here or prepare(system)
                    result = here(*block)
                yield result
        finally:
            for future in futures:
                if future is not None and not isinstance(future, Exception):
                    future.cancel()
            _KEPT.pop(token, None)  # if the workers are threads of this process
    if lost:
        warnings.warn(
            f"{len(lost)} of {len(blocks)} blocks were lost with their worker and computed here; "
            f"the first: {type(lost[0]).__name__}: {lost[0]}",
            stacklevel=2,
        )


class _Missing:
    """What a worker answers that has not got the system."""


@dataclasses.dataclass(frozen=True)
class _Call:
    """A block's work, as it is sent: the system itself only to a worker that asked for it."""

    prepare: object
    kind: type
    token: str
    folder: str
    system: object = None

    def __call__(self, *block):
        with _LOCK:
            work = _KEPT.get(self.token)
            if work is None:
                system = self.system
                if system is None:
                    try:
                        system = _read(self.kind, Path(self.folder))
                    except FileNotFoundError:
                        return _Missing()
                _KEPT.clear()
                work = _KEPT[self.token] = self.prepare(system)
        return work(*block)


def _submitted(executor, call, block):
    """Return the future, or the error of an executor that takes no more work."""
    try:
        return executor.submit(call, *block)
    except Exception as error:
        return error


def _outcome(future):
    """Return the result, or the error that the worker met."""
    if isinstance(future, Exception):
        return future
    try:
        return future.result()
    except Exception as error:  # of a library of its own: a killed worker has many names
        return error


def _write(system, folder):
    for field in dataclasses.fields(system):
        np.save(folder / f"{field.name}.npy", getattr(system, field.name))


def _read(kind, folder):
    names = [field.name for field in dataclasses.fields(kind)]
    arrays = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in names)
    return kind(*map(np.asarray, arrays))
