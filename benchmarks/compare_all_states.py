"""Conventional spin Hall conductivity over all states beside WannierBerri's ``qiao`` and ``ryoo`` from the same files.

    python compare_all_states.py files/Fe fe.json

``fe.json`` is written by ``wannierberri/run_all_states.py``. Both programs take the finite difference as it stands. The
home-cell diagonal that WannierBerri leaves in its position matrix is added to this one, and what it multiplies with
S H − S·H; prints the largest relative difference over the 27 components.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import constants

import solenoidal as sol
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding, orbital_centres
from solenoidal.models.products import spin_products

CHUNK = 512
DEGENERACY = 1e-7  # eV, WannierBerri's
LIMIT = 1e-7
UNIT = constants.e**2 / constants.hbar * 1e10  # S/m


def main() -> int:
    report = json.loads(Path(sys.argv[2]).read_text())
    model = sol.read_wannier90(sys.argv[1], matrix_elements="finite-difference")
    centres = orbital_centres(model)
    found = conductivity(with_diagonal(model, np.array(report["home_diagonal_angstrom"])), centres, report)
    worst = 0.0
    for form, ours in found.items():
        theirs = np.array(report["tensors"][form])
        difference = float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))
        worst = max(worst, difference)
        sys.stdout.write(
            f"{form:8s} xyz: {ours[0, 1, 2]:.5f} here, {theirs[0, 1, 2]:.5f} there (hbar/e) S/m, "
            f"largest relative difference {difference:.1e}\n"
        )
    return 0 if worst < LIMIT else 1


def with_diagonal(model: TightBinding, diagonal: np.ndarray) -> TightBinding:
    """The position matrix with ``diagonal`` (n, 3) in Å added at home."""
    matrices = model.position.matrices.copy()
    home, n = ~model.position.R.any(axis=1), np.arange(model.n_orbitals)
    matrices[np.ix_(home, range(3))] += np.einsum("ai,ab->iab", diagonal, np.eye(len(n)))
    return replace(model, position=LatticeOperator(model.position.R, matrices))


def conductivity(model: TightBinding, centres: np.ndarray, report: dict) -> dict[str, np.ndarray]:
    """σ (3, 3, 3), current, field, spin, of each form of the current at T = 0 over the full zone."""
    N = report["mesh"]
    points = np.stack(np.meshgrid(*(np.arange(N),) * 3, indexing="ij"), axis=-1).reshape(-1, 3) / N
    total = {form: np.zeros((3, 3, 3)) for form in ("simple", "qiao", "ryoo")}
    for start in range(0, len(points), CHUNK):
        products = replace(spin_products(model, points[start : start + CHUNK]), centres=centres)
        energies, U = np.linalg.eigh(products.hamiltonian)
        dagger = np.conj(U.swapaxes(-1, -2))
        v = dagger[:, None] @ products.velocity() @ U[:, None]
        simple = v[:, :, None] @ (dagger[:, None] @ products.spin @ U[:, None])[:, None]
        gap = energies[:, None, :] - energies[:, :, None]
        close = np.abs(gap) <= DEGENERACY
        outside = products.spin_hamiltonian - products.spin @ products.hamiltonian[:, None]
        relative = products.position - np.einsum("ai,ab->iab", centres, np.eye(model.n_orbitals))
        left = (dagger[:, None] @ outside @ U[:, None])[:, None]
        kept = 1j * left @ ((dagger[:, None] @ relative @ U[:, None]) * close[:, None])[:, :, None]
        currents = {
            "simple": _hermitian(simple),
            "qiao": products.conventional_current_of_states(energies, U, degeneracy=DEGENERACY) + _hermitian(kept),
            "ryoo": dagger[:, None, None] @ products.conventional_current() @ U[:, None, None],
        }
        occupied = energies < report["mu_eV"]
        pairs = occupied[:, :, None] & ~occupied[:, None, :]
        weight = np.where(pairs, 1 / np.where(pairs, gap, 1.0) ** 2, 0.0)
        for form, J in currents.items():
            sums = np.einsum("kisnm,klmn,knm->ils", J, v, weight, optimize=True)
            total[form] += -2 * sums.imag
    factor = UNIT / len(points) / model.cell_measure
    return {form: factor * values for form, values in total.items()}


def _hermitian(matrices: np.ndarray) -> np.ndarray:
    return 0.5 * (matrices + np.conj(matrices.swapaxes(-1, -2)))


if __name__ == "__main__":
    raise SystemExit(main())
