"""CPU time per k point of WannierBerri's spin Hall conductivity alone, over FFT sizes and libraries.

    python time_shc.py --input model.npz --mesh 24 --fft 4 6 8 12 24 --mu 17.8539 --output timing.json

Serial (no Ray), one BLAS thread, no symmetry, one chemical potential, T = 0. Measured is the user + system CPU
time of `wannierberri.run`, divided by the number of k points; building the system is not included, a warm-up run
on one FFT block comes first. `numpy.linalg.eigh` on matrices of the same model is timed before every run, to carry
the numbers to another machine and to show when this one was busy.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits
from wb_model import (
    build_system,
    cpu_seconds,
    environment,
    load_arrays,
    run_serial,
    spin_hall_calculators,
)

EIGH_POINTS = 4096


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, required=True, help="model file (.npz)")
    parser.add_argument("--mesh", type=int, required=True, help="k points per direction")
    parser.add_argument("--fft", type=int, nargs="+", required=True, help="FFT sizes to try; each must divide the mesh")
    parser.add_argument("--fftlib", nargs="+", default=["fftw"], choices=["fftw", "numpy"])
    parser.add_argument("--mu", type=float, required=True, help="chemical potential (eV)")
    parser.add_argument("--levels", type=int, nargs="+", default=[1], help="equidistant Fermi levels, 0.01 eV apart")
    parser.add_argument("--degeneracy-tol", type=float, default=1e-4, help="eV (default 1e-4)")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each setting; the least time counts")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write; must not exist")
    return parser.parse_args()


def random_hamiltonians(arrays: dict[str, np.ndarray], seed: int = 0) -> np.ndarray:
    """H(k) (EIGH_POINTS, n, n) at random k."""
    k = np.random.default_rng(seed).random((EIGH_POINTS, 3))
    phases = np.exp(2j * np.pi * (k @ arrays["R"].T))
    H = np.tensordot(phases, arrays["H"], axes=1)
    return (H + H.swapaxes(1, 2).conj()) / 2


def time_eigh(H: np.ndarray) -> float:
    """CPU µs per matrix of `numpy.linalg.eigh`."""
    start = cpu_seconds()
    np.linalg.eigh(H)
    return 1e6 * (cpu_seconds() - start) / len(H)


def time_setting(
    system: Any, H: np.ndarray, arguments: argparse.Namespace, fft: int, fftlib: str, levels: int
) -> dict[str, Any]:
    """Least CPU time of `repeat` runs of one setting, after a warm-up on one FFT block; `eigh` before each run."""
    energies = arguments.mu + 0.01 * (np.arange(levels) - levels // 2)
    calculators = spin_hall_calculators([arguments.mu], degeneracy_tol=arguments.degeneracy_tol, levels=energies)
    run_serial(system, calculators, mesh=fft, fft=fft, fftlib=fftlib)
    seconds, eigh = [], []
    for _ in range(arguments.repeat):
        eigh.append(time_eigh(H))
        start = cpu_seconds()
        values = run_serial(system, calculators, mesh=arguments.mesh, fft=fft, fftlib=fftlib)
        seconds.append(cpu_seconds() - start)
    best = 1e6 * min(seconds) / arguments.mesh**3
    return {
        "fft": fft,
        "fftlib": fftlib,
        "fermi_levels": levels,
        "cpu_us_per_k": best,
        "eigh_us_per_matrix": min(eigh),
        "ratio_to_eigh": best / min(eigh),
        "cpu_seconds_of_runs": seconds,
        "eigh_us_before_runs": eigh,
        "xyz_at_mu": float(values["mu0"][levels // 2, 0, 1, 2]),
    }


def main() -> int:
    arguments = parse_arguments()
    if arguments.output.exists():
        sys.stderr.write(f"{arguments.output} exists; choose another name\n")
        return 2
    load = os.getloadavg()[0]
    with threadpool_limits(limits=1):
        arrays = load_arrays(arguments.input)
        system = build_system(arrays)
        H = random_hamiltonians(arrays)
        time_eigh(H[:64])
        rows = []
        for fft, fftlib, levels in itertools.product(arguments.fft, arguments.fftlib, arguments.levels):
            row = time_setting(system, H, arguments, fft, fftlib, levels)
            rows.append(row)
            sys.stdout.write(
                f"fft {fft:3d} {fftlib:5s} levels {levels:4d}: {row['cpu_us_per_k']:8.1f} us per k, "
                f"eigh {row['eigh_us_per_matrix']:.1f} us, ratio {row['ratio_to_eigh']:.1f}\n"
            )
            sys.stdout.flush()
        used = environment()
    report = {
        "mesh": arguments.mesh,
        "mu_eV": arguments.mu,
        "bands": int(arrays["H"].shape[1]),
        "lattice_vectors_R": len(arrays["R"]),
        "degeneracy_tol_eV": arguments.degeneracy_tol,
        "load_average_before": load,
        "environment": used,
        "settings": rows,
    }
    with arguments.output.open("x") as file:
        json.dump(report, file, indent=1)
        file.write("\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
