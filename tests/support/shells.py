"""A square lattice of s and p shells with spin, and operators of every kind on it."""

from __future__ import annotations

import numpy as np

from solenoidal.models.builder import PAULI
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.operator import Operator, spin_operator
from support.reference import RealArray

KINDS = ("occupation", "dipole", "spin", "quadrupole")
"""A scalar, a polar vector, an axial one that time reversal reverses, and a polar tensor of rank 2."""


def shells(exchange: float) -> TightBinding:
    """Orbitals s, px, py, pz, each with both spins, in an electric field along z; ``exchange`` (eV) along z.

    The magnetic point group is 4mm1' without exchange and 4m'm' with it. The dipole is ⟨s|r|p⟩ = 0.5 Å.
    """
    one = np.eye(4)
    hops = {}
    for axis, R in ((0, (1, 0, 0)), (1, (0, 1, 0))):
        t = np.diag([-0.5, 0.15, 0.15, 0.2])
        t[1 + axis, 1 + axis] = 0.7
        t[0, 1 + axis], t[1 + axis, 0] = 0.35, -0.35
        hops[R] = np.kron(t, np.eye(2))
    L = np.zeros((3, 4, 4), dtype=complex)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        L[i, 1 + j, 1 + k], L[i, 1 + k, 1 + j] = -1j, 1j
    r = np.zeros((3, 4, 4))
    for i in range(3):
        r[i, 0, 1 + i] = r[i, 1 + i, 0] = 0.5
    spin = np.array([np.kron(one, s / 2) for s in PAULI[1:]])
    home = np.kron(np.diag([-0.6, 0.3, 0.3, 0.1]), np.eye(2)).astype(complex)
    home += 0.5 * np.einsum("iab,ibc->ac", np.kron(L, np.eye(2)), spin) + 0.4 * np.kron(r[2], np.eye(2))
    home += 2 * exchange * spin[2]
    R = np.array([(0, 0, 0), *hops, *(tuple(-x for x in R) for R in hops)])
    H = np.array([home, *hops.values(), *(t.conj().T for t in hops.values())])
    p = np.diag([0.0, 1.0, 1.0, 1.0])
    Q = np.zeros((3, 3, 4, 4))
    for i in range(3):
        for j in range(3):
            Q[i, j, 1 + i, 1 + j] += 0.5
            Q[i, j, 1 + j, 1 + i] += 0.5
        Q[i, i] -= p / 3
    both = np.eye(2)
    return TightBinding(
        np.diag([1.0, 1.0, 4.0]),
        2,
        LatticeOperator(R, H),
        LatticeOperator.constant(np.zeros((3, 8, 8))),
        {
            "occupation": Operator.constant(np.kron(p, both), (), 1),
            "dipole": Operator.constant(np.kron(r, both), ("polar",), 1, "Å"),
            "spin": spin_operator(spin),
            "quadrupole": Operator.constant(np.kron(Q, both), ("polar", "polar"), 1, "Å²"),
        },
    )


def turned(model: TightBinding, R: RealArray) -> TightBinding:
    """The crystal and its operators turned by the proper rotation ``R``, every orbital with them."""
    operators = {}
    for name, operator in model.operators.items():
        matrices = operator.matrices
        for leg in range(operator.rank):
            matrices = np.moveaxis(np.tensordot(R, matrices, axes=(1, 1 + leg)), 0, 1 + leg)
        operators[name] = operator.with_matrices(operator.R, matrices)
    position = LatticeOperator(model.position.R, np.einsum("ij,rjab->riab", R, model.position.matrices))
    return TightBinding(model.lattice @ R.T, model.dimension, model.hamiltonian, position, operators)
