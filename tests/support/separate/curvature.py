"""Berry curvature and quantum metric, Eq. (2), in k space and between k and the field conjugate to an operator."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.states import BlochStates
from support.separate.connection import interband_connection
from support.separate.products import imaginary_pair_sum, real_pair_sum, within_groups

# Axial vector of an antisymmetric tensor: component j belongs to the pair (first, second).
FIRST = (1, 2, 0)
SECOND = (2, 0, 1)


def axial_vector(tensor: RealArray) -> RealArray:
    """½ ε_jil T^{il} of T (..., 3, 3) in its last two axes; (..., 3)."""
    return 0.5 * (tensor[..., FIRST, SECOND] - tensor[..., SECOND, FIRST])


def berry_curvature(states: BlochStates) -> RealArray:
    """Berry curvature vector Ω_n, Ω^{il}_n = −2 Im Σ_m v^i_nm v^l_mn/ω_nm², Å²; (k, n, 3).

    Summed over a degenerate group it is the trace of the group's curvature matrix.
    """

    def compute() -> RealArray:
        connection = interband_connection(states)
        return axial_vector(-2 * imaginary_pair_sum(connection, connection))

    result: RealArray = states.cached("berry curvature", compute)
    return result


def curvature_times_operator(states: BlochStates, name: str) -> RealArray:
    """Ω_n s_n of Eqs. (13), (15), as Re tr[Ω_D s_D] over a degenerate group; (k, n, 3, legs)."""

    def compute() -> RealArray:
        connection = interband_connection(states)
        operator = within_groups(states.operator(name), states.same_group)
        return antisymmetric_triple(operator, connection)

    result: RealArray = states.cached(f"curvature times {name}", compute)
    return result


def antisymmetric_triple(operator: ComplexArray, connection: ComplexArray) -> RealArray:
    """Axial vector of i(s A^i A^l − s A^l A^i)_nn summed in traces: (k, n, 3, legs) from s (k, n, legs, m)."""
    nk, n, legs, m = operator.shape
    weighted = (operator.reshape(nk, n * legs, m) @ connection.reshape(nk, m, 3 * m)).reshape(nk, n, legs * 3, m)
    triple = -2 * imaginary_pair_sum(weighted, connection).reshape(nk, n, legs, 3, 3)
    return np.ascontiguousarray(np.moveaxis(axial_vector(triple), 2, 3))


def mixed_curvature(states: BlochStates, theta: ComplexArray) -> RealArray:
    """Ω^{iθ}_n = −2 Im Σ_m v^i_nm θ_mn/ω_nm² of Eq. (2) for Hermitian θ (k, n, legs, m); (k, n, 3, legs)."""
    weighted = states.velocity * np.square(states.inverse_gap)[:, :, None, :]
    return -2 * imaginary_pair_sum(weighted, theta)


def mixed_metric(states: BlochStates, theta: ComplexArray) -> RealArray:
    """G^{iθ}_n = Re Σ_m v^i_nm θ_mn/ω_nm² of Eq. (2) for Hermitian θ (k, n, legs, m); (k, n, 3, legs)."""
    weighted = states.velocity * np.square(states.inverse_gap)[:, :, None, :]
    return real_pair_sum(weighted, theta)


def quantum_metric(states: BlochStates) -> RealArray:
    """Quantum metric G^{il}_n = Re Σ_m A^i_nm A^l_mn, Å²; (k, n, 3, 3)."""
    connection = interband_connection(states)
    return real_pair_sum(connection, connection)
