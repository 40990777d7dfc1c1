"""A short run in many blocks, its undisturbed numbers, and ways to stop it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

import solenoidal as sol
from solenoidal.integrate.executors import SerialExecutor
from solenoidal.models.library import random_model

MODEL = random_model(3, 2, 5)
GRID = sol.EnergyGrid(-6, 6, 0.05, 0.0)
OPTIONS = {"mesh": (24, 24, 1), "energies": GRID, "block_size": 24, "replicas": 2, "seed": 3}
RESPONSES = [sol.SpinConductivity()]


class StopError(RuntimeError):
    """Raised to interrupt a run."""


def stop_after(blocks: int, stage: int = 1) -> Callable[[sol.Progress], None]:
    """A progress function that interrupts the run when ``blocks`` of set number ``stage`` are done."""

    def progress(state: sol.Progress) -> None:
        if (state.stage, state.done) == (stage, blocks):
            raise StopError

    return progress


def densities(result: sol.Result) -> np.ndarray:
    """Every spectral density of the spin conductivity in one row."""
    spectrum = result.spectra["spin_conductivity"]
    return np.concatenate([spectrum.terms[name].ravel() for name in sorted(spectrum.terms)])


def equal(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal to rounding: another process may have compiled the transport pass with other fused operations."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@cache
def undisturbed() -> np.ndarray:
    """The densities of the run in one thread, shown to be non-zero."""
    values = densities(sol.solve(MODEL, RESPONSES, sol.Numerics(**OPTIONS), executor=SerialExecutor()))
    assert np.max(np.abs(values)) > 1e-3
    values.setflags(write=False)
    return values
