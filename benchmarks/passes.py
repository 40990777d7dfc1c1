"""The pass from interpolated matrices to band quantities, as ratios to ``numpy.linalg.eigh`` and to one another.

    python passes.py [--bands 8 18 60 100 128 160] [--rounds 5]

One process, one thread: CPU time for each k point of plans for the spin conductivity (all 27 components, then xyz
alone), the anomalous Hall conductivity, the magnetization, and the three responses together, on random matrices with
position and spin matrices that depend on k. Minima of the rounds.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import solenoidal as sol
from solenoidal.bloch import BlochStates, Degeneracy, OrbitalMatrices
from solenoidal.bloch.interpolation import DERIVATIVE, POSITION
from solenoidal.integrate.columns import ColumnLayout
from solenoidal.lanes.registers import WIDTH
from solenoidal.models.library import random_model
from solenoidal.responses import Response
from solenoidal.symmetry import SymmetryGroup

SPIN, HALL, MAGNETIZATION = sol.SpinConductivity(), sol.AnomalousHallConductivity(), sol.Magnetization()
PLANS: dict[str, list[Response]] = {
    "27": [SPIN],
    "xyz": [sol.SpinConductivity(components=("xyz",))],
    "hall": [HALL],
    "magnetization": [MAGNETIZATION],
    "three": [SPIN, HALL, MAGNETIZATION],
}


def states(bands: int, points: int) -> BlochStates:
    """Random Hermitian matrices, all of which depend on k."""
    rng = np.random.default_rng(bands)
    triangle = bands * (bands + 1) // 2
    diagonal = np.array([a * bands - a * (a - 1) // 2 for a in range(bands)])
    columns = rng.normal(size=(points, 9 * triangle)) + 1j * rng.normal(size=(points, 9 * triangle))
    for leg in range(9):
        columns[:, leg * triangle + diagonal] = columns[:, leg * triangle + diagonal].real
    H = rng.normal(size=(points, bands, bands)) + 1j * rng.normal(size=(points, bands, bands))
    H = H + H.conj().swapaxes(1, 2)
    places = {DERIVATIVE: (0, 3), POSITION: (3 * triangle, 3), "spin": (6 * triangle, 3)}
    orbital = OrbitalMatrices(H, columns, places, {})
    return BlochStates.diagonalise(orbital, np.zeros((points, 3)), np.full(points, 1 / points), Degeneracy(1e-9))


def least(run: Callable[[], object], rounds: int) -> float:
    """Least CPU seconds of one call."""
    run()
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bands", type=int, nargs="+", default=[8, 18, 60, 100, 128, 160])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    model = random_model(4, 3, 1)
    layouts = {name: ColumnLayout.build(model, asked, SymmetryGroup.identity()) for name, asked in PLANS.items()}
    sys.stdout.write(f"{WIDTH} lanes; microseconds for each k point\n")
    for bands in arguments.bands:
        points = max(8, int(4e6 / (bands**3 + 2000)) // 8 * 8)
        block = states(bands, points)
        block.active, block.occupation_energies, block.labels  # noqa: B018
        few = block.orbital.hamiltonian[: max(8, points // 4)]
        floor = least(lambda few=few: np.linalg.eigh(few), 3) / len(few)
        found = {
            name: least(lambda q=layout.quantities, b=block: q(b), arguments.rounds) / points
            for name, layout in layouts.items()
        }
        row = "  ".join(f"{name} {1e6 * value:.4g} ({value / floor:.2f})" for name, value in found.items())
        shares = f"xyz/27 {found['xyz'] / found['27']:.3f}  three/27 {found['three'] / found['27']:.3f}"
        sys.stdout.write(f"{bands:4d} bands  eigh {1e6 * floor:.4g}  {row}  {shares}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
