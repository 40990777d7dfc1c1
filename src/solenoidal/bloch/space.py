"""What tells that a model spans only a part of the Hilbert space: fields that vanish for diagonal positions.

Inside a space P the components of PrP do not commute, and an operator that commutes with r leaves something behind.
With the position matrix Ā = τ + r̄, τ the orbital centres, and D_i X = ∂_i X − i[τ_i, X],

    F_il = D_i r̄_l − D_l r̄_i − i[r̄_i, r̄_l]        curvature of the space: transitions that leave P
    K_i  = D_i s − i[r̄_i, s]                        covariant derivative of an operator: zero for [r, s] = 0

The linear parts are Fourier sums over R, made here; the commutators are products at each k. Derivation and
measured laws: docs/theory/wannier_space.md.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.models.hamiltonian import TightBinding, orbital_centres, relative_position
from solenoidal.models.operator import LatticeOperator, Operator

CURL = "\0curl"
"""Name of D_a r̄_b − D_b r̄_a as an axial vector among the matrices of a model."""

NEGLIGIBLE = 1e-10
"""Elements below this (Å, or Å times the unit of the operator) are rounding of centres that are equal."""


def derivative_of(name: str) -> str:
    """Name of D_i of the operator ``name``: legs (i, legs of the operator)."""
    return f"\0derivative of {name}"


@lru_cache(maxsize=4)
def space_fields(model: TightBinding) -> dict[str, LatticeOperator]:
    """The linear parts of F and K that do not vanish, by name; empty where positions are diagonal and every operator is
    local to its site."""
    centres = orbital_centres(model)
    remainder = relative_position(model.position, centres)
    found = {}
    if np.max(np.abs(remainder.matrices)) > 0:
        D = _derivative(remainder, model, centres)  # (R, i, l, n, n)
        curl = np.stack([D[:, a, b] - D[:, b, a] for a, b in ((1, 2), (2, 0), (0, 1))], axis=1)
        found[CURL] = LatticeOperator(remainder.R, curl)
    for name, operator in model.operators.items():
        D = _derivative(operator, model, centres)
        if np.max(np.abs(D)) > NEGLIGIBLE:
            found[derivative_of(name)] = LatticeOperator(operator.R, D)
    return found


def _derivative(operator: LatticeOperator | Operator, model: TightBinding, centres: RealArray) -> ComplexArray:
    """D_i X on the lattice, (R, i, *legs, n, n): i (R + τ_b − τ_a)_i X_R[a, b]."""
    cartesian = operator.R @ model.lattice
    bond = cartesian[:, :, None, None] + (centres.T[:, None, :] - centres.T[:, :, None])[None]
    legs = operator.matrices.ndim - 3
    shape = (*bond.shape[:2], *(1,) * legs, *bond.shape[2:])
    return np.asarray(1j * bond.reshape(shape) * operator.matrices[:, None])
