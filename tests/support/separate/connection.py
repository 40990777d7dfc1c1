"""Interband Berry connection and the dipole matrices built from it."""

from __future__ import annotations

from solenoidal.arrays import ComplexArray
from solenoidal.bloch.states import BlochStates
from support.separate.products import adjoint, product


def interband_connection(states: BlochStates) -> ComplexArray:
    """Interband Berry connection A^i_nm = −i v^i_nm/ω_nm in Å, zero inside a degenerate group; (k, n, 3, m)."""

    def compute() -> ComplexArray:
        return -1j * states.velocity * states.inverse_gap[:, :, None, :]

    result: ComplexArray = states.cached("interband connection", compute)
    return result


def connection_times_operator(states: BlochStates, name: str) -> ComplexArray:
    """Products (A^i s^a)_nm; (k, n, 3·legs, m), operator leg fastest."""

    def compute() -> ComplexArray:
        return product(interband_connection(states), states.operator(name))

    result: ComplexArray = states.cached(f"connection times {name}", compute)
    return result


def dipole_matrix(states: BlochStates, name: str) -> ComplexArray:
    """Anticommutator {A^i, s^a}_nm = (A^i s^a + s^a A^i)_nm; (k, n, 3·legs, m).

    Half its diagonal is the dipole moment of Eq. (3); inside a degenerate group half of it is the dipole matrix.
    """

    def compute() -> ComplexArray:
        right = connection_times_operator(states, name)
        return right + adjoint(right)

    result: ComplexArray = states.cached(f"dipole matrix {name}", compute)
    return result


def conventional_current(states: BlochStates, name: str) -> ComplexArray:
    """Conventional current operator J^{ia} = ½{v^i, s^a}, full products; (k, n, 3·legs, m)."""

    def compute() -> ComplexArray:
        right = product(states.velocity, states.operator(name))
        right *= 0.5
        return right + adjoint(right)

    result: ComplexArray = states.cached(f"conventional current {name}", compute)
    return result
