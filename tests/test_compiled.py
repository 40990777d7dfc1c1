"""Compiled loops without a folder for their code, and without a compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.models.library import random_model
from solenoidal.sampling.energy_grid import EnergyGrid
from support.commands import NO_PICTURES

PACKAGE = Path(__file__).parents[1] / "src" / "solenoidal"
NOWHERE = "/dev/null/nowhere"
"""A folder that nobody can make, whatever his rights."""
WARNING = "no folder for compiled code can be written"

GROUPS = """
import numpy as np
from solenoidal.bloch.groups import group_labels, group_means
from solenoidal.bloch.packing import pack_hermitian, unpack_hermitian
energies = np.array([[0.0, 1e-6, 0.5, 1.0]])
labels = group_labels(energies, 1e-4, False)
print(*labels[0], group_means(energies, labels)[0, 0] * 2e6)
X = np.array([[[[1.0, 2j], [-2j, 3.0]]]])
print(np.array_equal(unpack_hermitian(pack_hermitian(X), 2)[:, :, 0], X[0]))
"""


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A copy of the package beside whose modules no code can be kept: __pycache__ is taken by a file."""
    copy = tmp_path / "src" / "solenoidal"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        (folder / "__pycache__").touch()
    return copy.parent


def fresh(
    source: Path, *command: str | Path, home: str = NOWHERE, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A new Python process that imports the package from ``source``, with ``home`` and its caches there."""
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")},
        "HOME": home,
        "XDG_CACHE_HOME": f"{home}/.cache",
        "PYTHONPATH": str(source),
        "COLUMNS": "400",
        **variables,
    }
    return subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=True)


def test_without_a_folder_for_compiled_code_loops_run_and_one_line_says_what_it_costs(sealed: Path) -> None:
    run = fresh(sealed, "-c", GROUPS)
    assert run.stdout.split() == ["0", "0", "1", "2", "1.0", "True"]
    assert run.stderr.count("\n") == 1, run.stderr
    assert WARNING in run.stderr
    assert "takes some" in run.stderr
    assert "NUMBA_CACHE_DIR" in run.stderr


@pytest.mark.parametrize("where", ["home", "variable"])
def test_what_the_line_advises_keeps_the_code_and_silences_it(sealed: Path, tmp_path: Path, where: str) -> None:
    folder = tmp_path / where
    folder.mkdir()
    variables = {"NUMBA_CACHE_DIR": str(folder)} if where == "variable" else {}
    run = fresh(sealed, "-c", GROUPS, home=str(folder) if where == "home" else NOWHERE, **variables)
    assert run.stderr == ""
    assert any("group" in path.name for path in folder.rglob("*.nbi"))


@pytest.mark.slow
def test_a_whole_run_works_without_a_folder_for_compiled_code(sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "rashba.toml").write_text(NO_PICTURES, encoding="utf-8")
    start = "import sys; from solenoidal.cli import main; sys.argv[0] = 'solenoidal'; main()"
    arguments = ("-c", start, "run", tmp_path / "rashba.toml", "--output", tmp_path / "out")
    run = fresh(sealed, *arguments, MPLCONFIGDIR=str(tmp_path))
    assert (tmp_path / "out" / "result.nc").exists()
    assert run.stderr.count(WARNING) == 1, run.stderr


STATES = """
import sys
import numpy as np
from solenoidal import lanes
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.models.library import random_model
from solenoidal.sampling.energy_grid import EnergyGrid
k = np.load(sys.argv[1])
states = BlochStates.solve(interpolator(random_model(5, 3, 2)), k, np.ones(len(k)), Degeneracy(0.05))
velocity = np.abs(states.velocity)
density = EnergyGrid(-1.0, 2.0, 0.01, 0.0).collect(states.energies, k[:, 0], np.moveaxis(velocity, 2, -1)[:, :, 0])
np.savez(sys.argv[2], states.energies, velocity, states.labels, states.inverse_gap, density.rows, density.moments)
print(lanes.available, [name for name in sys.modules if name.startswith("solenoidal.lanes.")])
"""


def test_without_a_compiler_states_are_the_same_and_the_lanes_are_left_alone(tmp_path: Path) -> None:
    mesh: RealArray = np.array([(a, b, c) for a in range(4) for b in range(4) for c in range(4)]) / 4 + 0.03
    np.save(tmp_path / "k.npy", mesh)
    run = fresh(PACKAGE.parent, "-c", STATES, tmp_path / "k.npy", tmp_path / "states.npz", NUMBA_DISABLE_JIT="1")
    assert run.stdout.strip() == "False []"
    states = BlochStates.solve(interpolator(random_model(5, 3, 2)), mesh, np.ones(64), Degeneracy(0.05))
    velocity = np.abs(states.velocity)
    density = EnergyGrid(-1.0, 2.0, 0.01, 0.0).collect(
        states.energies, mesh[:, 0], np.moveaxis(velocity, 2, -1)[:, :, 0]
    )
    expected = (states.energies, velocity, states.labels, states.inverse_gap, density.rows, density.moments)
    assert states.labels.max() > 0
    assert density.rows.min() == 0
    assert len(density.rows) > 100
    with np.load(tmp_path / "states.npz") as found:
        for array, other in zip(found.values(), expected, strict=True):
            np.testing.assert_allclose(array, other, rtol=1e-9, atol=1e-10)


def test_every_module_can_be_imported_without_a_compiler(tmp_path: Path) -> None:
    names = [path.relative_to(PACKAGE.parent).with_suffix("").parts for path in sorted(PACKAGE.rglob("*.py"))]
    modules = ", ".join(".".join(parts).removesuffix(".__init__") for parts in names)
    fresh(PACKAGE.parent, "-W", "error", "-c", f"import {modules}", NUMBA_DISABLE_JIT="1", MPLCONFIGDIR=str(tmp_path))
