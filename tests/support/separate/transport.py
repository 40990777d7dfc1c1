"""Band quantities of the transport formulas: conventional, Fermi-sea and finite-q, theory of Eqs. (15) and (18)."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.bloch.states import BlochStates
from support.separate.connection import (
    connection_times_operator,
    conventional_current,
    dipole_matrix,
    interband_connection,
)
from support.separate.curvature import axial_vector, mixed_curvature
from support.separate.products import (
    adjoint,
    imaginary_pair_sum,
    product,
    real_pair_sum,
    within_groups,
)


def current_curvature(states: BlochStates, name: str) -> RealArray:
    """Ω^{l,J}_n = −2 Im Σ_m v^l_nm J^{ia}_mn/ω_nm², the conventional response; (k, n, l, i, legs)."""
    current = conventional_current(states, name)
    curvature = mixed_curvature(states, current)
    return curvature.reshape(*curvature.shape[:3], 3, -1)


def interband_spin_curvature(states: BlochStates, name: str) -> RealArray:
    """Axial vector over (l, i) of −Im (A^l s A^i)_nn, the Fermi-sea companion of ½ Ω s; (k, n, 3, legs).

    Source: ∂_l A_i − ∂_i A_l = i[A_l, A_i] and ∂_l s = i[A_l, s] turn the antisymmetric part of Eq. (15) into
    ∫ f {½ Ω^{li} s − Im (A^l s A^i)}, which has neither derivatives in k nor Fermi-surface terms.
    """
    connection = interband_connection(states)
    right = connection_times_operator(states, name)
    nk, n = connection.shape[:2]
    # (s A^i)_mn = conj (A^i s)_nm, so the rows of A s are the right factor already.
    tensor = -imaginary_pair_sum(connection, right).reshape(nk, n, 3, 3, -1)
    return np.ascontiguousarray(np.moveaxis(axial_vector(np.moveaxis(tensor, 4, 2)), 2, 3))


def finite_q_sea(states: BlochStates, name: str) -> RealArray:
    """Fermi-sea part of the finite-q response, one energy argument; (k, n, l, i, legs).

    −Σ_m Im[(v^i s + s v^i)_nm v^l_mn]/ω² + Σ_m Re[{A^i, s}_nm v^l_mn − s_nm {A^i, v^l}_mn]/ω, with v^i inside the
    degenerate groups in the first sum; the two-energy factor (f_n − f_m)/(ε_n − ε_m) is split into one-energy
    terms. Source: q expansion of the Kubo formula with the continuity equation of Shi, Zhang, Xiao and Niu,
    Phys. Rev. Lett. 96, 076604 (2006).
    """
    velocity, spin, connection = states.velocity, states.operator(name), interband_connection(states)
    inverse = states.inverse_gap[:, :, None, :]
    inside = within_groups(velocity, states.same_group)
    drift = product(inside, spin)
    drift = drift + adjoint(drift)
    weighted = dipole_matrix(states, name) * inverse + 1j * drift * np.square(inverse)
    nk, n = weighted.shape[:2]
    first = np.moveaxis(real_pair_sum(weighted, velocity).reshape(nk, n, 3, -1, 3), 4, 2)
    lever = product(connection, velocity)
    lever = lever + adjoint(lever)
    second = real_pair_sum(lever, spin * inverse).reshape(nk, n, 3, 3, -1)
    return first - second.swapaxes(2, 3)


def projector_curvature(states: BlochStates, name: str, occupied: int) -> RealArray:
    """Re tr_P[Ω_P s_P] of the lowest ``occupied`` bands, spread over them; (k, n, 3, legs), zero for empty bands.

    The non-Abelian form of Eq. (16) for an insulator: Ω_P counts only transitions from occupied to empty bands and
    s_P is the operator inside the occupied space.
    """
    connection = interband_connection(states)
    filled = np.arange(connection.shape[1]) < occupied
    connection = connection * (filled[:, None] != filled[None, :])[None, :, None, :]
    operator = np.where(filled[:, None, None] & filled[None, None, :], states.operator(name), 0)
    nk, n, legs, m = operator.shape
    weighted = product(operator, connection)
    triple = -2 * imaginary_pair_sum(weighted, connection).reshape(nk, n, legs, 3, 3)
    return np.ascontiguousarray(np.moveaxis(axial_vector(triple), 2, 3))
