"""Band quantities of the magnetization, Eqs. (11)-(13), its K-form, and the torque quadrupole of Eqs. (7), (10)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.bloch.states import BlochStates
from support.separate.connection import conventional_current, interband_connection
from support.separate.curvature import axial_vector, berry_curvature, curvature_times_operator
from support.separate.multipoles import orbital_moment, velocity_times_dipole
from support.separate.products import real_pair_sum
from support.separate.transport import current_curvature, interband_spin_curvature


class MagneticQuantities(NamedTuple):
    """Axial vectors (k, n, 3, legs), each a trace over a degenerate group.

    ``circulation`` m1 = ½ Re Σ A × J^{s,0}, ``moving_dipole`` m2 = ½ d × v, ``berry`` Ω s, ``mean_curvature``
    K = ½(Ω s + Ω^s), ``current_curvature`` ½(Ω^{xJ_y} − Ω^{yJ_x}) and cyclic.
    """

    circulation: RealArray
    moving_dipole: RealArray
    berry: RealArray
    mean_curvature: RealArray
    current_curvature: RealArray


def magnetic_quantities(states: BlochStates, name: str | None) -> MagneticQuantities:
    """Everything Eq. (13) and its K-form need for the operator ``name``, or for the identity if it is None.

    Ω^s_n = −2 Im (A^x s A^y)_nn with both A leaving the group of n. Since ∇×d = −Ω s + Ω^s, ∫ f m2 + g Ω s and
    ∫ g K differ by a total derivative of k. For the identity J is the velocity, Ω^s = Ω^{lJ} = Ω, and d = 0.
    """
    if name is None:
        return _of_the_identity(states)
    circulation, moving = orbital_moment(states, name)
    berry = curvature_times_operator(states, name)
    between = interband_spin_curvature(states, name)
    current = np.moveaxis(axial_vector(np.moveaxis(current_curvature(states, name), 4, 2)), 2, 3)
    return MagneticQuantities(circulation, moving, berry, 0.5 * berry + between, current)


def _of_the_identity(states: BlochStates) -> MagneticQuantities:
    turning = real_pair_sum(interband_connection(states), states.velocity)
    circulation = axial_vector(turning)[..., None]
    curvature = berry_curvature(states)[..., None]
    return MagneticQuantities(circulation, np.zeros_like(circulation), curvature, curvature, curvature)


def torque_quadrupole(states: BlochStates, name: str) -> RealArray:
    """Torque quadrupole q^{ilτ}_n of Eq. (10), symmetric in (i, l), Å² eV × unit of s; (k, n, i, l, legs).

    −Re Σ_m A^l_nm J^{is,0}_mn + d^{is}_n v^l_n + m^{lis}_n, where the orbital moment m removes what is antisymmetric
    in (i, l), so that the symmetric part of the first two terms is all there is. By Eq. (7) it is the expectation
    value of ½·½{(r − r_c)^i (r − r_c)^l, τ̂}.
    """
    lever = real_pair_sum(interband_connection(states), conventional_current(states, name))
    lever = lever.reshape(*lever.shape[:2], 3, 3, -1)
    bare = velocity_times_dipole(states, name) - lever
    return 0.5 * (bare + bare.swapaxes(2, 3))
