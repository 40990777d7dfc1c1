"""Finished parts of a run on disk: written atomically, sealed by a checksum, refused when the input has changed.

What is finished is arrays and counters. Of an integral over the zone they are the running sums and the number of blocks
in them: blocks are added in order, so that a resumed run adds the same numbers in the same order and ends with the same
numbers, to rounding. Other runs keep what they have finished in the same way.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import logging
import os
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ConfigError, InputFileError

MAGIC = b"solenoidal checkpoint 4\n"
HEADER = "header"
"""Name of what is not an array."""

INTERVAL = 15.0
"""Seconds between two checkpoints: the most work a killed run can lose, apart from the parts under way."""

logger = logging.getLogger(__name__)


class Stored(NamedTuple):
    """What a checkpoint file holds of a run: ``arrays`` and ``counters`` by name."""

    arrays: dict[str, RealArray]
    counters: dict[str, float]


class Storable(Protocol):
    """What a run has finished so far."""

    def stored(self) -> Stored:
        """Everything that a resumed run needs."""
        ...


@dataclass
class RunningSums:
    """What an integral over the zone has accumulated: ``totals`` (replicas, rows, moments, columns), ``audits``
    (gaps, …), ``band_edges`` (2, bands), counters, ``cells`` (replicas, stars, targets) if cells are tallied,
    ``levels`` (points, bands) if the energies of a first pass are needed. ``done`` counts the blocks of all passes."""

    totals: RealArray
    audits: RealArray
    band_edges: RealArray
    audit_weight: float = 0.0
    done: int = 0
    cells: RealArray = field(default_factory=lambda: np.zeros((0, 0, 0)))
    levels: RealArray = field(default_factory=lambda: np.zeros((0, 0)))

    def stored(self) -> Stored:
        """Sums and counters for a checkpoint."""
        arrays = {name: getattr(self, name) for name in ("totals", "audits", "band_edges", "cells", "levels")}
        return Stored(arrays, {"audit_weight": self.audit_weight, "done": self.done})

    @classmethod
    def restored(cls, stored: Stored) -> Self:
        """The sums in a checkpoint."""
        return cls(**stored.arrays, audit_weight=stored.counters["audit_weight"], done=int(stored.counters["done"]))


@dataclass(frozen=True)
class Stage:
    """The checkpoint of a run in several steps: one file, which holds the step under way.

    ``request`` is what fixes the choice of the steps, and so belongs to the input; ``history`` describes the steps that
    are over. The file of one step is replaced by that of the next in one atomic write.
    """

    path: Path
    request: dict[str, Any] = field(default_factory=dict)
    history: tuple[dict[str, Any], ...] = ()

    def stored(self) -> tuple[dict[str, Any], ...]:
        """The history in the file; raises ``InputFileError`` for a damaged file or one of another request."""
        stored = _read(self.path)
        with stored:
            header = json.loads(str(stored[HEADER]))
        changed = _changes(header["description"], {name: repr(value) for name, value in self.request.items()})
        if changed:
            raise InputFileError(self.path, _another_run(changed))
        return tuple(header["history"])


@dataclass(frozen=True)
class Storage:
    """Where a run keeps its finished blocks, if anywhere, and whether it goes on from those that are there.

    ``claimed`` says that a longer run, which this is one step of, holds the file already.
    """

    stage: Stage | None = None
    resume: bool = False
    claimed: bool = False


NOWHERE = Storage()
"""A run that keeps nothing."""


@dataclass
class Checkpoint:
    """One checkpoint file of one run, identified by ``fingerprint``, a digest of everything that fixes the numbers."""

    path: Path
    fingerprint: str
    description: dict[str, str]
    interval: float = INTERVAL
    history: tuple[dict[str, Any], ...] = ()
    _written: float = field(default_factory=time.monotonic)

    def begin(self, *, resume: bool, replace: bool = False) -> Stored | None:
        """What an earlier run has finished if this one is to ``resume`` it, else None.

        Raises ``ConfigError`` for a file that is there and neither resumed nor to be replaced, and ``InputFileError``
        as ``load`` does.
        """
        if resume:
            return self.load()
        if self.path.exists() and not replace:
            raise ConfigError(f"{self.path} exists: resume from it (resume=True, --resume) or remove it to start anew")
        return None

    def load(self) -> Stored:
        """What an earlier run has finished; raises ``InputFileError`` for a damaged file or one of another input."""
        with _read(self.path) as stored:
            header = json.loads(str(stored[HEADER]))
            if header["fingerprint"] != self.fingerprint:
                changed = _changes(header["description"], self.description)
                raise InputFileError(self.path, _another_run(changed or ["the model's numbers have changed"]))
            return Stored({name: stored[name] for name in stored.files if name != HEADER}, header["counters"])

    def offer(self, found: Storable, *, final: bool = False) -> None:
        """Write what was ``found`` if the interval is over; a full disk is reported and leaves the last file intact."""
        now = time.monotonic()
        if not final and now - self._written < self.interval:
            return
        self._written = now
        try:
            self._write(found.stored())
        except OSError as error:
            logger.warning("checkpoint %s could not be written (%s); the run goes on", self.path, error)

    def _write(self, stored: Stored) -> None:
        header = {
            "fingerprint": self.fingerprint,
            "description": self.description,
            "history": self.history,
            "counters": stored.counters,
        }
        buffer = io.BytesIO()
        contents: dict[str, Any] = {HEADER: np.array(json.dumps(header)), **stored.arrays}
        np.savez(buffer, **contents)
        payload = buffer.getvalue()
        partial = self.path.with_name(self.path.name + ".part")
        try:
            with partial.open("wb") as file:
                file.write(MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.path)
        finally:
            partial.unlink(missing_ok=True)


def _read(path: Path) -> Any:
    """The arrays in the checkpoint at ``path``, once its seal has been verified."""
    try:
        blob = path.read_bytes()
    except FileNotFoundError as error:
        raise InputFileError(path, "no checkpoint to resume from; run without resume first") from error
    header_end = blob.find(b"\n", len(MAGIC))
    if not blob.startswith(MAGIC) or header_end < 0:
        raise InputFileError(path, "not a checkpoint of this version; remove it and start anew")
    digest, payload = blob[len(MAGIC) : header_end].decode("ascii", "replace"), blob[header_end + 1 :]
    if hashlib.sha256(payload).hexdigest() != digest:
        raise InputFileError(path, "damaged: its checksum does not fit; remove it and start anew")
    return np.load(io.BytesIO(payload))


def _changes(stored: dict[str, str], now: dict[str, str]) -> list[str]:
    return [
        f"{name} was {stored.get(name, 'not part of it')}, now {value}"
        for name, value in now.items()
        if stored.get(name) != value
    ]


def _another_run(changed: list[str]) -> str:
    return f"belongs to another run: {'; '.join(changed)}. Restore the input, or remove the checkpoint and start anew"


@contextmanager
def claimed(path: Path | None) -> Iterator[None]:
    """Hold the lock of checkpoint ``path``, so that two runs never write one; raises ``ConfigError`` if it is held."""
    if path is None:
        yield
        return
    refusal = f"{path}: another run is writing this checkpoint; wait for it or choose another output"
    with locked(path.with_name(path.name + ".lock"), refusal):
        yield


@contextmanager
def locked(lock: Path, refusal: str) -> Iterator[None]:
    """Hold the file ``lock`` and remove it at the end; raises ``ConfigError`` with ``refusal`` if another process, or
    this one, holds it. A process that dies lets go of it."""
    while True:
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigError(refusal) from error
            except OSError as error:
                logger.warning("%s: this file system has no locks (%s); start no second run there", lock, error)
            # The holder before may have removed the file after it was opened here: then the next run makes another one.
            if not (lock.exists() and os.path.samestat(os.fstat(file.fileno()), lock.stat())):
                continue
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return


def fingerprint(parts: dict[str, Any]) -> str:
    """Digest of everything that fixes the numbers of a run."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        digest.update(name.encode())
        digest.update(pickle.dumps(parts[name], protocol=4))
    return digest.hexdigest()
