"""Dipole moment, Eq. (3), torque and the closed forms of Eq. (10) for the torque's own geometry."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.states import BlochStates
from support.separate.connection import conventional_current, dipole_matrix, interband_connection
from support.separate.products import diagonal, real_pair_sum, within_groups


def dipole(states: BlochStates, name: str) -> RealArray:
    """Dipole moment d^{ia}_n = Re Σ_m A^i_nm s^a_mn of Eq. (3), Å × unit of s; (k, n, 3, legs)."""
    matrix = dipole_matrix(states, name)
    return 0.5 * diagonal(matrix).reshape(*matrix.shape[:2], 3, -1)


def velocity_times_dipole(states: BlochStates, name: str) -> RealArray:
    """v^l_n d^{ia}_n as tr[½{v_D, d_D}] over a degenerate group; (k, n, l, i, legs).

    With the kernel −∂f/∂ε it is ∫ f ∂_l d of Eq. (15) after integration by parts over the closed Brillouin zone.
    """
    matrix = dipole_matrix(states, name)
    inside = within_groups(states.velocity, states.same_group)
    nk, n = matrix.shape[:2]
    return 0.5 * real_pair_sum(inside, matrix).reshape(nk, n, 3, 3, -1)


def torque(states: BlochStates, name: str) -> ComplexArray:
    """Torque matrix τ_nm = i ω_nm s_nm, τ̂ = −i[ŝ, H]; (k, n, legs, m)."""
    omega = states.energies[:, :, None, None] - states.energies[:, None, None, :]
    return 1j * omega * states.operator(name)


def torque_dipole(states: BlochStates, name: str) -> RealArray:
    """d^{iτ}_n = −J^{is,0}_n + v^i_n s_n of Eq. (10), products as traces inside a group; (k, n, 3, legs)."""
    current = diagonal(conventional_current(states, name))
    inside = within_groups(states.velocity, states.same_group)
    transported = real_pair_sum(inside, states.operator(name))
    return transported - current.reshape(transported.shape)


def orbital_moment(states: BlochStates, name: str) -> tuple[RealArray, RealArray]:
    """The two parts of m^s_n, Eq. (11): circulation of J^{s,0} and the moving dipole; each (k, n, 3, legs).

    m1 = ½ Re Σ_m A_nm × J_mn and m2 = ½ d_n × v_n (products as traces inside a degenerate group).
    """
    connection = interband_connection(states)
    current = conventional_current(states, name)
    nk, n = current.shape[:2]
    circulation = 0.5 * real_pair_sum(connection, current).reshape(nk, n, 3, 3, -1)
    moving = 0.5 * velocity_times_dipole(states, name).swapaxes(2, 3)
    return _cross(circulation), _cross(moving)


def _cross(tensor: RealArray) -> RealArray:
    """ε_jil T^{il} over axes 2 and 3: (k, n, 3, legs)."""
    first, second = [1, 2, 0], [2, 0, 1]
    return np.ascontiguousarray(tensor[:, :, first, second] - tensor[:, :, second, first])
