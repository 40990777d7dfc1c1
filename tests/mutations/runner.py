"""Tests in a throw-away copy of the project, each run in a process forked from one that has the libraries loaded."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mutations.hooks import Chosen, Tracer

LIBRARIES = ["numpy", "scipy.linalg", "scipy.special", "scipy.integrate", "scipy.optimize", "scipy.spatial", "numba"]
LIBRARIES += ["xarray", "h5py", "h5netcdf", "matplotlib.figure", "pydantic", "typer", "rich.console", "spglib"]
LIBRARIES += ["hypothesis", "distributed"]
OPTIONS = (
    *("-q", "-x", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider", "--tb=short", "-m", "not slow"),
    # Hypothesis is loaded before.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
PR_SET_PDEATHSIG = 1
"""Ends a run when the script is ended."""

MEMORY = 24 << 30
"""Address space (bytes) of one run: a wrong shape must not fill the machine."""


def load_libraries() -> None:
    """Import what every test needs except the package itself."""
    for name in LIBRARIES:
        importlib.import_module(name)


@dataclass
class Tree:
    """A copy of ``project`` in ``place``, always under the same path, so that compiled functions are found again."""

    project: Path
    place: Path
    _kept: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    _clock: int = 0

    def refresh(self) -> None:
        """Bring the copy up to date, with the times of the files."""
        command = ["git", "ls-files", "-co", "--exclude-standard"]
        listed = subprocess.run(command, cwd=self.project, check=True, capture_output=True, text=True).stdout
        names = {name for name in listed.splitlines() if (self.project / name).is_file()}
        for name in names:
            source, target = self.project / name, self.place / name
            if not target.is_file() or not _same(source, target):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        for folder in ("src", "tests", "examples"):
            for target in (self.place / folder).rglob("*.py"):
                if str(target.relative_to(self.place)) not in names:
                    target.unlink()

    def write(self, name: str, text: str) -> None:
        """Put a mistake into one file, with a time of its own, so that no cache takes it for another."""
        target = self.place / name
        self._kept[name] = (target.read_bytes(), target.stat().st_mtime_ns)
        target.write_text(text)
        # Byte code is told apart by whole seconds.
        self._clock = max(self._clock + 1, int(time.time()))
        os.utime(target, (self._clock, self._clock))

    def restore(self, name: str) -> None:
        """Undo ``write``."""
        content, modified = self._kept.pop(name)
        (self.place / name).write_bytes(content)
        os.utime(self.place / name, ns=(modified, modified))


def _same(first: Path, second: Path) -> bool:
    a, b = first.stat(), second.stat()
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns)


@dataclass(frozen=True)
class Outcome:
    """``noticed``: the test that failed, "killed after … s", or "" when all passed; ``data`` what the run returned."""

    noticed: str
    seconds: float
    data: Any = None


def in_fork(work: Callable[[], Any], log: Path, *, limit: float, core: int | None) -> Outcome:
    """``work()`` in a forked process on one core, its output in ``log``; killed after ``limit`` seconds of work."""
    answer = log.with_suffix(".json")
    answer.unlink(missing_ok=True)
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _child(work, log, answer, limit, core)
    status = _waited(pid, began, 4 * limit)
    seconds = time.monotonic() - began
    if not answer.is_file():
        return Outcome(f"killed after {seconds:.0f} s (status {status})", seconds)
    data = json.loads(answer.read_text())
    return Outcome(data["noticed"], seconds, data["data"])


def _child(work: Callable[[], Any], log: Path, answer: Path, limit: float, core: int | None) -> None:
    try:
        os.setsid()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if core is not None:
            os.sched_setaffinity(0, {core})
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        noticed, data = work()
        part = answer.with_suffix(".part")
        part.write_text(json.dumps({"noticed": noticed, "data": data}))
        part.rename(answer)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(0)


def _waited(pid: int, began: float, limit: float) -> int:
    """Status of the process, ended with all its children when it is over or its time is up."""
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if not done and time.monotonic() - began < limit:
            time.sleep(0.02)
            continue
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if not done:
            _, status = os.waitpid(pid, 0)
        return status


@dataclass(frozen=True)
class Setting:
    """Where tests run: the copy of the project, and the functions compiled before."""

    tree: Path
    compiled: Path

    def enter(self) -> None:
        """Make this process one that has just started inside the copy."""
        import numba

        os.chdir(self.tree)
        source = str(self.tree / "src")
        sys.path[:] = [source, *(p for p in sys.path if "/solenoidal" not in p and not p.endswith("/src"))]
        os.environ |= {"PYTHONPATH": source, "NUMBA_CACHE_DIR": str(self.compiled), "OPENBLAS_NUM_THREADS": "1"}
        numba.config.CACHE_DIR = str(self.compiled)

    def functions(self) -> int:
        """Number of files of compiled functions."""
        return sum(1 for _ in self.compiled.rglob("*.nbc"))

    def traced(self, test_file: str) -> tuple[str, dict[str, Any]]:
        """Run one file of tests and return what each of them calls."""
        self.enter()
        tracer = Tracer(self.tree / "src" / "solenoidal")
        options = [option for option in OPTIONS if option != "-x"]
        pytest.main([*options, "--rootdir", str(self.tree), test_file], plugins=[tracer])
        return "", tracer.tests

    def chosen(self, nodeids: Sequence[str]) -> tuple[str, None]:
        """Run tests in this order until one fails, and return its name."""
        self.enter()
        chosen = Chosen(nodeids)
        files = list(dict.fromkeys(nodeid.split("::")[0] for nodeid in nodeids))
        code = pytest.main([*OPTIONS, "--rootdir", str(self.tree), *files], plugins=[chosen])
        clean = code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        return chosen.noticed or ("" if clean else f"pytest ended with {code!r}"), None


def digest(*contents: bytes) -> str:
    """Short name of some contents."""
    whole = hashlib.sha256()
    for content in contents:
        whole.update(content)
    return whole.hexdigest()[:16]


def without_entries(compiled: Path, place: Path, stems: Iterable[str]) -> Path:
    """A copy of the compiled functions less those of the modules named ``stems``."""
    shutil.rmtree(place, ignore_errors=True)
    if compiled.is_dir():
        shutil.copytree(compiled, place)
    for stem in stems:
        for entry in place.rglob(f"{stem}.*"):
            entry.unlink()
    return place
