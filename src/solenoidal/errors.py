"""Errors a user can act on: each message names the file or field, what was found, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike


class SolenoidalError(ValueError):
    """Base class of every error raised on account of user input."""


class ModelError(SolenoidalError):
    """A model's arrays contradict one another or a physical law (shape, Hermiticity, missing operator)."""


class InputFileError(SolenoidalError):
    """A file is missing, truncated, damaged, or belongs to another calculation."""

    def __init__(self, path: str | PathLike[str], message: str) -> None:
        self.path = str(path)
        super().__init__(f"{self.path}: {message}")


class ConfigError(SolenoidalError):
    """A field of the input file or an argument has a value the program cannot use."""


class OutputExistsError(SolenoidalError):
    """An output of this run is there already; nothing is overwritten unless told so."""


class WorkerError(SolenoidalError):
    """A block could not be computed: the process that computed it was killed, or memory was not enough for it."""


class SymmetryError(SolenoidalError):
    """A symmetry operation was asked for that the model does not have."""


class ResultError(SolenoidalError):
    """A result was asked for something it does not contain (chemical potential, temperature, output)."""


class ResponseError(SolenoidalError):
    """A response does not keep the contract: its terms, kernels, units, shapes, or how its band quantities turn."""


def nearest(found: object, valid: Iterable[str]) -> str:
    """What to write instead of ``found``: the nearest of the ``valid`` names, and all of them."""
    import difflib  # here, since only a mistake needs it

    names = list(valid)
    close = difflib.get_close_matches(str(found), names, n=1, cutoff=0.0)
    return f"write {close[0]!r} (known: {', '.join(names)})" if close else "none is known"
