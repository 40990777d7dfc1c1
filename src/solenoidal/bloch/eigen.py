"""Eigenvalues and eigenvectors of many small Hermitian matrices: in lanes, or by LAPACK where there are none."""

from __future__ import annotations

import numpy as np

from solenoidal import lanes
from solenoidal.arrays import ComplexArray, RealArray

LARGEST = 128
"""Orbitals up to which matrices are diagonalised in lanes; larger ones leave the cache, and LAPACK's blocks pay."""


def eigh(matrices: ComplexArray) -> tuple[RealArray, ComplexArray]:
    """Eigenvalues (nk, n), ascending, and orthonormal eigenvectors in columns (nk, n, n) of Hermitian ``matrices``
    (nk, n, n), whose upper triangle is used.

    Backward stable as LAPACK's ``zheev``: residuals and overlaps of the order of the rounding of the norm. Matrices too
    large for the lanes, and single ones on which the iteration does not settle or squares overflow, go to LAPACK.
    Raises ``LinAlgError`` where LAPACK does. Use it wherever many matrices are diagonalised at once.
    """
    if matrices.shape[1] > LARGEST or not lanes.available:
        return _by_lapack(matrices)
    from solenoidal.lanes.eigen import diagonalise

    energies, vectors, settled = diagonalise(matrices)
    if not settled.all():
        energies[~settled], vectors[~settled] = _by_lapack(matrices[~settled])
    return energies, vectors


def _by_lapack(matrices: ComplexArray) -> tuple[RealArray, ComplexArray]:
    energies, vectors = np.linalg.eigh(matrices, UPLO="U")
    return energies, vectors
