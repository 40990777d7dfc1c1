"""Bogoliubov models written directly as hopping matrices, for reference numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.models.builder import PAULI
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.operator import Operator
from support.reference import ComplexArray

X, Y, Z = PAULI[1:]
ONE = PAULI[0]
Pairs = Mapping[tuple[int, int], ArrayLike]


def fourier(
    constant: ArrayLike, cosx: ArrayLike, cosy: ArrayLike, sinsin: ArrayLike
) -> dict[tuple[int, int], ComplexArray]:
    """Hoppings of constant + cosx·cos kx + cosy·cos ky + sinsin·sin kx sin ky, both of ±R."""
    c, x, y, s = (np.asarray(m, dtype=complex) for m in (constant, cosx, cosy, sinsin))
    out = {(0, 0): c}
    for R, m in (((1, 0), x / 2), ((0, 1), y / 2), ((1, 1), -s / 4), ((1, -1), s / 4)):
        out[R] = m
        out[-R[0], -R[1]] = m
    return out


def bogoliubov(up: Pairs, down: Pairs, gap: Pairs, mu: float) -> TightBinding:
    """T_R = [[t↑_R − μ, Δ_R], [Δ_{−R}†, −t↓_R* + μ]] on the square lattice; all of ±R given, ``"charge"`` = τ_z."""
    tables = [{R: np.atleast_2d(np.asarray(m, dtype=complex)) for R, m in t.items()} for t in (up, down, gap)]
    n = len(tables[0][next(iter(tables[0]))])
    zero, unit = np.zeros((n, n)), np.eye(n)
    vectors = sorted({R for t in tables for R in t} | {(0, 0)})
    matrices = []
    for R in vectors:
        shift = mu * unit * (R == (0, 0))
        t, d, pair = (table.get(R, zero) for table in tables)
        back = tables[2].get((-R[0], -R[1]), zero)
        matrices.append(np.block([[t - shift, pair], [back.conj().T, -d.conj() + shift]]))
    hamiltonian = LatticeOperator(np.array([(*R, 0) for R in vectors]), np.array(matrices))
    charge = {"charge": Operator.constant(np.kron(Z, unit), (), 1, "e")}
    return TightBinding(np.eye(3), 2, hamiltonian, LatticeOperator.constant(np.zeros((3, 2 * n, 2 * n))), charge)


def both_ways(half: Pairs) -> dict[tuple[int, int], ComplexArray]:
    """Hoppings of one of each ±R completed by t_{−R} = t_R†."""
    out: dict[tuple[int, int], ComplexArray] = {}
    for R, m in half.items():
        matrix = np.atleast_2d(np.asarray(m, dtype=complex))
        out[R] = matrix
        out[-R[0], -R[1]] = matrix.conj().T
    return out


def without_symmetry() -> TightBinding:
    """One orbital, no symmetry at all, different hoppings for the two spins and a gap with s, d, id′ parts."""
    up = both_ways({(1, 0): -1 + 0.15j, (0, 1): -0.8, (1, 1): -0.2 + 0.1j})
    down = both_ways({(1, 0): -1.1 - 0.05j, (0, 1): -0.9 + 0.1j})
    gap = fourier([[0.15 + 0.1j]], [[0.3 + 0.12]], [[-0.3 + 0.12]], [[0.4j]])
    return bogoliubov(up, down, gap, -0.9)


def partner_without_symmetry() -> TightBinding:
    """The other half of the redundant Nambu basis of ``without_symmetry``: spins exchanged, gap −Δ."""
    up = both_ways({(1, 0): -1 + 0.15j, (0, 1): -0.8, (1, 1): -0.2 + 0.1j})
    down = both_ways({(1, 0): -1.1 - 0.05j, (0, 1): -0.9 + 0.1j})
    gap = fourier([[0.15 + 0.1j]], [[0.3 + 0.12]], [[-0.3 + 0.12]], [[0.4j]])
    return bogoliubov(down, up, {R: -m for R, m in gap.items()}, -0.9)


def two_orbitals() -> TightBinding:
    """Two orbitals at one place, no symmetry, gap mixing s, d and id′ parts with orbital matrices; μ = 0.8."""
    up = both_ways(
        {
            (0, 0): -0.7 * Z,
            (1, 0): 0.8 * X / 2j + 0.5 * Z + 0.1j * np.diag([1, 0.5]),
            (0, 1): 0.8 * Y / 2j + 0.5 * Z + np.array([[-0.3, 0.1j], [0.05, -0.2]]),
            (1, 1): np.array([[0.1, 0.05], [0, 0.15]]),
        }
    )
    down = both_ways(
        {
            (0, 0): -0.5 * Z,
            (1, 0): 0.7 * X / 2j + 0.45 * Z + 0.05j * np.array([[1, 0.2], [0, 0.5]]),
            (0, 1): 0.7 * Y / 2j + 0.45 * Z + np.array([[-0.2, 0.1], [0.1j, -0.1]]),
        }
    )
    gap = fourier(
        0.15 * ONE + 0.25j * Z + 0.1 * X,
        0.3 * ONE + 0.2 * Z + 0.2j * X,
        -0.3 * ONE + 0.2j * X,
        0.4j * ONE - 0.2j * Z,
    )
    return bogoliubov(up, down, gap, 0.8)


def chiral_p_wave(mu: float = -1.0, gap: float = 0.5) -> TightBinding:
    """Spinless p + ip on the square lattice, ξ = −2 (cos kx + cos ky) − μ, Δ = gap (sin kx + i sin ky)."""
    normal = both_ways({(1, 0): -1, (0, 1): -1})
    pair = {(1, 0): gap / 2j, (-1, 0): -gap / 2j, (0, 1): gap / 2, (0, -1): -gap / 2}
    return bogoliubov(normal, normal, pair, mu)


def d_plus_id(mu: float = -1.0) -> TightBinding:
    """d + id on the square lattice, ξ = −2 (cos kx + cos ky) − μ, Δ = ½ (cos kx − cos ky) + ½ i sin kx sin ky."""
    normal = both_ways({(1, 0): -1, (0, 1): -1})
    return bogoliubov(normal, normal, fourier([[0]], [[0.5]], [[-0.5]], [[0.5j]]), mu)
