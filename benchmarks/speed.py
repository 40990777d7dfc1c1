"""Speed and memory of the transport pass on platinum, as ratios to ``numpy.linalg.eigh`` on the same matrices.

    python speed.py data/platinum_6x6x6.npz results/speed.json [--full-100]

Measured in one process, in turn, so that the ratios hold when the machine's speed drifts: CPU time (user + system) of
``numpy.linalg.eigh`` on H(k) of the mesh, and of ``solve`` with every definition on the full zone, with all 27
components and with those that symmetry allows (two shifted meshes); then wall time with and without symmetry. A
synthetic model of 60 bands follows. Peak memory of a 100³ run is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import solenoidal as sol
from solenoidal.bloch.interpolation import interpolator
from solenoidal.integrate.meshes import UniformMesh, blocks
from solenoidal.models.operator import LatticeOperator, spin_operator
from solenoidal.responses import Response

MU = 17.8539
THREE = (sol.SpinConductivity(), sol.AnomalousHallConductivity(), sol.Magnetization())
GRID = sol.EnergyGrid(MU - 2, MU + 2, 0.002, MU)


def solve(
    model: sol.TightBinding,
    mesh: int,
    *,
    symmetry: str | None,
    replicas: int = 1,
    grid: sol.EnergyGrid = GRID,
    responses: tuple[Response, ...] = (sol.SpinConductivity(),),
) -> tuple[float, float, int]:
    """CPU seconds, wall seconds and k points of one run."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = sol.solve(
        model,
        responses,
        sol.Numerics(
            mesh=(mesh, mesh, mesh),
            energies=grid,
            symmetry=symmetry,
            kramers=None if model.structure else False,
            replicas=replicas,
        ),
    )
    return time.process_time() - cpu, time.perf_counter() - wall, int(result.attrs["k_points_evaluated"])


def eigh(model: sol.TightBinding, mesh: int, points: int = 8192) -> float:
    """CPU seconds for each matrix of ``numpy.linalg.eigh`` on ``points`` of the mesh, on as many threads as ``solve``
    takes: cores that share a cache or a clock slow each other down."""
    source = interpolator(model)
    matrices, count = [], 0
    for block in blocks(UniformMesh((mesh, mesh, mesh)).full(), 512):
        matrices.append(source.at(block.k).hamiltonian)
        count += len(matrices[-1])
        if count >= points:
            break
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        start = time.process_time()
        list(pool.map(np.linalg.eigh, matrices))
        return (time.process_time() - start) / count


def speed(model: sol.TightBinding, mesh: int, rounds: int) -> dict[str, float]:
    """Medians over ``rounds`` of runs taken in turn."""
    rows = []
    for _ in range(rounds):
        floor = eigh(model, mesh)
        cpu, wall, points = solve(model, mesh, symmetry=None)
        _, reduced_wall, reduced = solve(model, mesh, symmetry="auto")
        beside = eigh(model, mesh)
        allowed, _, several = solve(model, mesh * 5 // 8, symmetry="auto", replicas=4)
        moment, _, _ = solve(model, mesh, symmetry=None, responses=(sol.Magnetization(),))
        three, _, _ = solve(model, mesh, symmetry=None, responses=THREE)
        rows.append(
            (
                *(1e6 * floor, 1e6 * cpu / points, cpu / points / floor),
                *(1e6 * allowed / several, allowed / several / beside),
                *(wall, reduced_wall, wall / reduced_wall, reduced),
                *(moment / points / beside, three / cpu),
            )
        )
    names = ("eigh_us", "solve_us", "ratio", "allowed_us", "allowed_ratio")
    names += ("wall_full", "wall_symmetry", "wall_ratio", "irreducible_points")
    names += ("magnetization_ratio", "three_over_spin")
    return {"mesh": mesh, **dict(zip(names, np.median(np.array(rows), axis=0).tolist(), strict=True))}


def synthetic(bands: int, seed: int = 0) -> sol.TightBinding:
    """Random hoppings that fall with distance on a simple cubic lattice, 305 lattice vectors, without symmetry."""
    rng = np.random.default_rng(seed)
    steps = np.arange(-4, 5)
    R = np.array(np.meshgrid(steps, steps, steps, indexing="ij")).reshape(3, -1).T
    R = R[np.linalg.norm(R, axis=1) <= 4.2]
    distance = np.linalg.norm(R, axis=1)[:, None, None, None]

    def hermitian(legs: int, scale: float, decay: float) -> np.ndarray:
        shape = (len(R), legs, bands, bands)
        X = scale * np.exp(-decay * distance) * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
        # The list of R is sorted and closed under inversion: reversed it is −R.
        return (X + X[::-1].conj().swapaxes(-1, -2)) / 2

    H = hermitian(1, 1.0, 1.2)[:, 0]
    H[len(R) // 2] += np.diag(np.linspace(-8, 8, bands))
    position, spin = hermitian(3, 0.1, 2.0), hermitian(3, 0.2, 2.0)
    operators = {"spin": spin_operator(LatticeOperator(R, spin))}
    return sol.TightBinding(4 * np.eye(3), 3, LatticeOperator(R, H), LatticeOperator(R, position), operators)


def many_bands(bands: int, mesh: int, rounds: int) -> dict[str, float]:
    """Medians of ``eigh`` and of ``solve`` with all 27 components; the window ends above 62 % of the states, as in
    platinum."""
    model = synthetic(bands)
    energies = np.linalg.eigvalsh(interpolator(model).at(UniformMesh((6, 6, 6)).full().k).hamiltonian)
    middle, top = np.quantile(energies, (0.4, 0.62))
    grid = sol.EnergyGrid(middle - 2, top, 0.002, middle)
    solve(model, 4, symmetry=None, grid=grid)
    rows = []
    for _ in range(rounds):
        floor = eigh(model, mesh, 512)
        cpu, _, points = solve(model, mesh, symmetry=None, grid=grid)
        rows.append((1e6 * floor, 1e6 * cpu / points, cpu / points / floor))
    names = ("eigh_us", "solve_us", "ratio")
    return {"bands": bands, "mesh": mesh, **dict(zip(names, np.median(np.array(rows), axis=0).tolist(), strict=True))}


def memory(path: Path, mesh: int, symmetry: str) -> dict[str, float | str]:
    """Peak resident memory and wall time of one run in its own process."""
    done = subprocess.run(
        [sys.executable, __file__, str(path), "-", "--memory", str(mesh), "--symmetry", symmetry],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--meshes", type=int, nargs="+", default=[24, 48])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--full-100", action="store_true", help="also a 100³ run on the full zone")
    parser.add_argument("--memory", type=int)
    parser.add_argument("--symmetry", default="auto")
    arguments = parser.parse_args()
    model = sol.load_model(arguments.model)
    if arguments.memory:
        _, wall, points = solve(model, arguments.memory, symmetry=None if arguments.symmetry == "none" else "auto")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        report = {"mesh": arguments.memory, "symmetry": arguments.symmetry, "points": points}
        json.dump(report | {"peak_MB": peak, "wall_seconds": wall}, sys.stdout)
        return 0
    # First, because a process inherits the peak memory of the one that starts it.
    runs = [memory(arguments.model, 100, "auto")]
    if arguments.full_100:
        runs.append(memory(arguments.model, 100, "none"))
    solve(model, 4, symmetry="auto")
    rows = [speed(model, mesh, arguments.rounds) for mesh in arguments.meshes]
    rows.append(many_bands(60, 12, arguments.rounds))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"bands": model.n_orbitals, "speed": rows, "memory": runs}, indent=1) + "\n")
    for row in [*rows, *runs]:
        sys.stdout.write(
            "  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()) + "\n"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
