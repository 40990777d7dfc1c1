"""``run.log``: everything a bug report needs, in one text file beside the results."""

from __future__ import annotations

import logging
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

from solenoidal.errors import SolenoidalError

PACKAGES = ("solenoidal", "numpy", "scipy", "numba", "xarray", "h5py", "spglib", "dask", "distributed", "dask-jobqueue")
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "SLURM_JOB_ID")
LIBRARIES = ("distributed", "dask_jobqueue")
"""Loggers of others whose warnings belong into the file."""

logger = logging.getLogger(__name__)


@contextmanager
def run_log(path: Path, *, append: bool, cluster: bool = False) -> Iterator[None]:
    """Write the library's log, warnings and the traceback of a failure to ``path`` while the context lasts.

    With ``cluster`` the warnings of Dask go there too.
    """
    if cluster:
        _import_dask()
    handler = logging.FileHandler(path, mode="a" if append else "w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    ours, others = logging.getLogger("solenoidal"), [logging.getLogger(name) for name in LIBRARIES]
    level = ours.level
    handler.setLevel(logging.INFO)
    ours.setLevel(min(level or logging.INFO, logging.INFO))
    ours.addHandler(handler)
    forward = _Forward(handler)
    for source in others:
        source.addHandler(forward)
    try:
        with _warnings_to(handler):
            _begin(handler)
            yield
            _write(handler, "the run is complete")
    except KeyboardInterrupt:
        _write(handler, "interrupted")
        raise
    except BaseException as error:
        _write(handler, f"the run failed: {type(error).__name__}: {error}", sys.exc_info())
        raise
    finally:
        ours.removeHandler(handler)
        for source in others:
            source.removeHandler(forward)
        ours.setLevel(level)
        handler.close()


class _Forward(logging.Handler):
    """Warnings of other libraries; no ``StreamHandler``, because Dask changes the level of those it finds."""

    def __init__(self, target: logging.Handler) -> None:
        super().__init__(logging.WARNING)
        self.target = target

    def emit(self, record: logging.LogRecord) -> None:
        self.target.handle(record)


def _import_dask() -> None:
    """Before handlers are added: its import removes those it finds. Whether it is there is decided elsewhere."""
    with suppress(ImportError):
        import_module("distributed")


def log_text(title: str, lines: Sequence[str]) -> None:
    """A titled paragraph."""
    logger.info("%s\n%s", title, "\n".join(f"    {line}" for line in lines))


def worth_keeping(error: BaseException) -> bool:
    """Whether a log without any results tells more than the error message on the screen."""
    return not isinstance(error, SolenoidalError | KeyboardInterrupt)


def _begin(handler: logging.Handler) -> None:
    _write(handler, f"start: {' '.join(sys.argv)}")
    found = [f"{name} {_version(name)}" for name in PACKAGES]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    machine = f"{platform.platform()}, {os.cpu_count()} processors, {memory:.1f} GB, load {os.getloadavg()[0]:.1f}"
    settings = [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ]
    lines = [f"python {platform.python_version()}", *found, machine, *settings]
    _write(handler, "versions and machine\n" + "\n".join(f"    {line}" for line in lines))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _write(handler: logging.Handler, text: str, failure: Any = None) -> None:
    """To the file only: the console has its own way of saying it."""
    handler.handle(logging.LogRecord(__name__, logging.INFO, __file__, 0, text, None, failure))


@contextmanager
def _warnings_to(handler: logging.Handler) -> Iterator[None]:
    """Warnings of Python go to the file as well as where they went before."""
    before: Callable[..., None] = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        _write(handler, f"{category.__name__}: {message} ({filename}:{lineno})")
        before(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before
