"""Matrix products and interband sums on blocks of k points, in the [k, row, leg, column] layout.

The layout is chosen so that every product of two families of matrices is one BLAS call per k point without copying,
and every sum over intermediate bands is a real matrix product of the interleaved real and imaginary parts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import ComplexArray, RealArray


def product(left: ComplexArray, right: ComplexArray) -> ComplexArray:
    """All products X^p Y^q of left (k, n, P, m) and right (k, n, Q, m): (k, n, P·Q, m), q fastest."""
    nk, n, p, m = left.shape
    q = right.shape[2]
    return (left.reshape(nk, n * p, m) @ right.reshape(nk, m, q * m)).reshape(nk, n, p * q, m)


def adjoint(matrices: ComplexArray) -> ComplexArray:
    """X† for each leg."""
    return matrices.conj().transpose(0, 3, 2, 1)


def real_pair_sum(left: ComplexArray, right: ComplexArray) -> RealArray:
    """Re Σ_m X^p_nm Y^q_mn for Hermitian Y: (k, n, P, Q).

    Both arguments are read along rows, since Y_mn = conj(Y_nm); X need not be Hermitian.
    """
    a = np.ascontiguousarray(left).view(np.float64)
    b = np.ascontiguousarray(right).view(np.float64)
    return a @ b.transpose(0, 1, 3, 2)


def imaginary_pair_sum(left: ComplexArray, right: ComplexArray) -> RealArray:
    """Im Σ_m X^p_nm Y^q_mn for Hermitian Y: (k, n, P, Q)."""
    return real_pair_sum(-1j * left, right)


def diagonal(matrices: ComplexArray) -> RealArray:
    """Real diagonal X_nn of each leg: (k, n, legs)."""
    return np.ascontiguousarray(np.einsum("knpn->knp", matrices).real)


def within_groups(matrices: ComplexArray, same_group: NDArray[np.bool_]) -> ComplexArray:
    """The part of each matrix that acts inside the degenerate groups."""
    return np.where(same_group[:, :, None, :], matrices, 0)
