"""The command line called inside the test's process, and the input file most tests of it start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from typer.testing import CliRunner
from typer.testing import Result as Outcome

from solenoidal.cli.app import app
from solenoidal.results.result import Result

RASHBA = """
[model]
library = "rashba_square"
parameters = { alpha = 0.5, mass = 0.2 }
[run]
mesh = [12, 12, 1]
replicas = 2
threads = 1
[energies]
fermi = -3.5
window = [-2.0, 2.0]
step = 0.02
[[response]]
kind = "spin_conductivity"
[[response]]
kind = "density_of_states"
[output]
temperatures = [0, 300]
plane = false
"""

NO_PICTURES = RASHBA.replace("plane = false", "plane = false\nbands = false")
"""The same without the figures that take longer than the run."""


def call(*arguments: str | Path) -> Outcome:
    """``solenoidal`` with ``arguments``."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def density(folder: Path) -> np.ndarray:
    """The conventional spectral density in the output ``folder``."""
    return Result.load(folder / "result.nc").spectra["spin_conductivity"].terms["conventional"]
