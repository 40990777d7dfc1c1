"""Time reversal of a lattice model with spin, found from its matrices, and the pairing of time-reversed partners.

Wannier functions of a first-principles calculation are rarely exact partners ↑, ↓ of one another, so the matrix that
pairs time-reversed electrons cannot be written down; it follows from the model.
"""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import ComplexArray
from solenoidal.errors import ModelError
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding

LARGEST_CELLS = 12
"""Hopping matrices used, the largest first."""

ROUNDING = 1e-12
"""Squared violation, relative to that of the worst matrix, which counts as none."""


def time_reversal_matrix(model: TightBinding, *, tolerance: float = 0.01) -> ComplexArray:
    """Unitary U (n, n) of time reversal Θ = U K, with U H_R* U† = H_R and U s_R* U† = −s_R for the spin s.

    The smallest singular vector of these equations, made unitary; its phase is arbitrary and Uᵀ = −U. ``tolerance``
    (eV) is the largest violation of a hopping accepted: a few meV for Wannier functions made with symmetry, tenths of
    an eV for a coarse mesh, where pairing of partners has no meaning. Raises ``ModelError`` when the model has no spin
    operator, breaks time reversal by more, or has several such matrices (parts that do not couple).
    """
    n = model.n_orbitals
    spin = model.require_operator("spin")
    order = np.argsort([-np.linalg.norm(X) for X in model.hamiltonian.matrices])[:LARGEST_CELLS]
    scale = float(np.linalg.norm(model.hamiltonian.matrices))
    equations = [(X / scale, 1.0) for X in model.hamiltonian.matrices[order]]
    home = np.flatnonzero(~spin.R.any(axis=1))
    equations += [(s / np.linalg.norm(s), -1.0) for s in spin.matrices[home[0]]]
    one = np.eye(n)
    normal = np.zeros((n * n, n * n), dtype=np.complex128)
    for X, sign in equations:
        # Rows of X U − ± U X*, for U as a vector row by row.
        K = np.kron(X, one) - sign * np.kron(one, X.conj().T)
        normal += K.conj().T @ K
    values, vectors = np.linalg.eigh(normal)
    left, singular, right = np.linalg.svd(vectors[:, 0].reshape(n, n))
    if values[1] < ROUNDING * values[-1]:
        raise ModelError(
            "more than one matrix reverses time, because parts of the model do not couple; give the pairing as a matrix"
        )
    U: ComplexArray = np.asarray(left @ right)
    violation = float(np.max(np.abs(U @ model.hamiltonian.matrices.conj() @ U.conj().T - model.hamiltonian.matrices)))
    if violation > tolerance or singular[-1] < 0.9 * singular[0]:
        raise ModelError(
            f"time reversal is not a symmetry of the model within {tolerance:g} eV (a hopping violates it by "
            f"{violation:.3g} eV); use Wannier functions made with symmetry, or give the pairing as a matrix"
        )
    return U


def time_reversed_pairing(model: TightBinding, delta: complex, *, tolerance: float = 0.01) -> LatticeOperator:
    """Conventional s-wave pairing of time-reversed partners, Δ = δ U inside the home cell, for basis "general".

    For exact partners it is δ iσy on every orbital; each Kramers pair of the normal state at energy ξ then becomes
    ±√(ξ² + |δ|²). Use it for a Wannier model with spin-orbit coupling. Raises as ``time_reversal_matrix`` does.
    """
    U = time_reversal_matrix(model, tolerance=tolerance)
    return LatticeOperator.constant(delta * (U - U.T) / 2)
