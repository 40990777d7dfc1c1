"""Valence bands of cubic semiconductors."""

from __future__ import annotations

import numpy as np
import scipy.constants

from solenoidal.arrays import ComplexArray
from solenoidal.models.continuum import ContinuumModel, PolynomialHamiltonian
from solenoidal.models.operator import spin_operator

FREE_ELECTRON_MASS = float(scipy.constants.m_e * scipy.constants.e * 1e-20 / scipy.constants.hbar**2)
"""m_e/ħ² in 1/(eV Å²)."""


def spin_matrices(j: float) -> ComplexArray:
    """Angular momentum matrices (3, 2j + 1, 2j + 1) in units of ħ, states ordered from m = j down to −j."""
    m = np.arange(j, -j - 1, -1)
    raising = np.diag(np.sqrt(j * (j + 1) - m[1:] * (m[1:] + 1)), k=1)
    return np.stack([(raising + raising.T) / 2, (raising - raising.T) / 2j, np.diag(m)]).astype(np.complex128)


def luttinger(
    *, gamma1: float, gamma2: float, gamma3: float | None = None, m: float = FREE_ELECTRON_MASS, cutoff: float = 0.3
) -> ContinuumModel:
    """Luttinger's four-band model of heavy and light holes with spin 3/2, in three dimensions.

    H = (1/2m) [(γ1 + 5γ2/2) k² − 2γ2 Σ_i k_i² J_i² − 4γ3 Σ_{i<j} k_i k_j ½(J_i J_j + J_j J_i)] in hole
    energies, with bands (γ1 ∓ 2γ2) k²/2m for γ3 = γ2 (taken when ``gamma3`` is omitted), each twofold
    degenerate. ``m`` in 1/(eV Å²), the free-electron mass by default, ``cutoff`` in 1/Å. ``"spin"`` = J in
    units of ħ, ``"electron_spin"`` = J/3 the spin of the electron within the multiplet. Source: J. M.
    Luttinger, Phys. Rev. 102, 1030 (1956); S. Murakami, N. Nagaosa and S.-C. Zhang, Science 301, 1348 (2003).
    """
    J = spin_matrices(1.5)
    mixed = gamma2 if gamma3 is None else gamma3
    terms: dict[tuple[int, int, int], ComplexArray] = {}
    for i in range(3):
        for j in range(i, 3):
            power = [0, 0, 0]
            power[i] += 1
            power[j] += 1
            if i == j:
                matrix = (gamma1 + 2.5 * gamma2) * np.eye(4) - 2 * gamma2 * J[i] @ J[i]
            else:
                matrix = -2 * mixed * (J[i] @ J[j] + J[j] @ J[i])
            terms[(power[0], power[1], power[2])] = matrix / (2 * m)
    return ContinuumModel(
        PolynomialHamiltonian(terms), 3, cutoff, {"spin": spin_operator(J), "electron_spin": spin_operator(J / 3)}
    )
