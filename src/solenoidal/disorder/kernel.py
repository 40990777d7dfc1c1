"""The Born collision operator as a low-rank matrix.

In-scattering is Tr ρ_k K(X) with K(X) = 2π Σ_a n_a W_a X W_a, which sees only elements of X between orbitals one
scatterer touches. In an orthonormal basis B_j of Hermitian matrices on those pairs, K is a real symmetric matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.disorder.scatterers import FormFactor, Scatterer, form_factor_values
from solenoidal.models.continuum import ContinuumModel

RANK_TOLERANCE = 1e-12
"""Eigenvalues of K below this fraction of the largest are dropped."""

ROOT_TWO = np.sqrt(2.0)


@dataclass(frozen=True, eq=False)
class CollisionKernel:
    """Scatterers of one model on its extended orbital space φ_p(k) ⊗ u (dimension D = P n).

    ``matrices`` (D', D') of each species on its own ``supports``; ``strengths`` 2π n_a; ``pairs`` (p, 2) index pairs
    α ≤ β of the extended space inside some support.
    """

    model: Model
    form_factors: tuple[FormFactor, ...]
    matrices: tuple[ComplexArray, ...]
    supports: tuple[IntArray, ...]
    strengths: tuple[float, ...]
    densities: tuple[float, ...]
    pairs: IntArray

    @staticmethod
    def build(model: Model, scatterers: Sequence[Scatterer]) -> CollisionKernel:
        """Arrange ``scatterers``; raises ``ScattererError`` when one does not fit the model."""
        n = model.n_orbitals
        densities = tuple(s.density_for(model) for s in scatterers)
        factors = tuple(dict.fromkeys(p for s in scatterers for p in s.form_factors))
        matrices, supports = [], []
        for s in scatterers:
            place = np.concatenate([factors.index(p) * n + np.arange(n) for p in s.form_factors])
            touched = np.flatnonzero(np.max(np.abs(s.matrix), axis=1) > 0)
            touched = touched[np.argsort(place[touched])]
            matrices.append(s.matrix[np.ix_(touched, touched)])
            supports.append(place[touched])
        D = n * len(factors)
        mask = np.zeros((D, D), dtype=np.bool_)
        for support in supports:
            mask[np.ix_(support, support)] = True
        pairs = np.argwhere(np.triu(mask))
        strengths = tuple(2 * np.pi * x for x in densities)
        return CollisionKernel(model, factors, tuple(matrices), tuple(supports), strengths, densities, pairs)

    @property
    def size(self) -> int:
        """Dimension D of the extended space."""
        return self.model.n_orbitals * len(self.form_factors)

    @property
    def rank_bound(self) -> int:
        """Number of real coordinates of a Hermitian matrix on the pairs."""
        diagonal = int(np.sum(self.pairs[:, 0] == self.pairs[:, 1]))
        return 2 * len(self.pairs) - diagonal

    def extend(self, fractional: RealArray, vectors: ComplexArray) -> ComplexArray:
        """Φ = φ_p(k) ⊗ u for ``vectors`` (m, n, g), shape (m, D, g)."""
        if len(self.form_factors) == 1 and not any(self.form_factors[0]):
            return vectors
        phi = form_factor_values(self.model, self.form_factors, fractional)
        m, n, g = vectors.shape
        return np.asarray((phi[:, :, None, None] * vectors[:, None]).reshape(m, -1, g))

    def apply(self, X: ComplexArray) -> ComplexArray:
        """K(X) = 2π Σ_a n_a W_a X W_a for X (..., D, D)."""
        result = np.zeros_like(X)
        for W, support, strength in zip(self.matrices, self.supports, self.strengths, strict=True):
            rows, columns = np.ix_(support, support)
            result[..., rows, columns] += strength * (W @ X[..., rows, columns] @ W)
        return result

    def mean_field(self) -> ComplexArray:
        """Virtual-crystal shift Σ_a n_a W_a on the extended space (D, D) in eV."""
        result = np.zeros((self.size, self.size), dtype=np.complex128)
        # On a lattice the stored density is c V_cell, and the mean field is c W.
        scale = 1.0 if isinstance(self.model, ContinuumModel) else 1.0 / self.model.cell_measure
        for W, support, density in zip(self.matrices, self.supports, self.densities, strict=True):
            result[np.ix_(support, support)] += density * scale * W
        return result

    def coordinates(self, X: ComplexArray) -> RealArray:
        """Tr B_j X of Hermitian X (..., D, D): diagonal elements, then √2 Re and √2 Im of the pairs α < β."""
        a, b = self.pairs.T
        off = a != b
        diagonal = X[..., a[~off], a[~off]].real
        upper = ROOT_TWO * X[..., a[off], b[off]]
        return np.concatenate([diagonal, upper.real, upper.imag], axis=-1)

    def outer_coordinates(self, left: ComplexArray, right: ComplexArray) -> RealArray:
        """Coordinates of the Hermitian part of |left⟩⟨right|, vectors (m, D); shape (m, coordinates)."""
        a, b = self.pairs.T
        off = a != b
        diagonal = (left[:, a[~off]] * right[:, a[~off]].conj()).real
        upper = left[:, a[off]] * right[:, b[off]].conj() + right[:, a[off]] * left[:, b[off]].conj()
        upper /= ROOT_TWO
        return np.concatenate([diagonal, upper.real, upper.imag], axis=-1)

    def reduced(self) -> tuple[RealArray, RealArray]:
        """Eigenvalues κ (m,) of K on the coordinates and their eigenvectors Q (coordinates, m)."""
        place = {(int(a), int(b)): i for i, (a, b) in enumerate(self._ordered_pairs())}
        total = np.zeros((self.rank_bound, self.rank_bound))
        for W, support, strength in zip(self.matrices, self.supports, self.strengths, strict=True):
            index = self._positions(support, place)
            total[np.ix_(index, index)] += strength * _superoperator(W)
        kappa, Q = np.linalg.eigh(total)
        keep = np.abs(kappa) > RANK_TOLERANCE * np.max(np.abs(kappa))
        return kappa[keep], Q[:, keep]

    def _ordered_pairs(self) -> IntArray:
        off = self.pairs[:, 0] != self.pairs[:, 1]
        return np.concatenate([self.pairs[~off], self.pairs[off]])

    def _positions(self, support: IntArray, place: dict[tuple[int, int], int]) -> IntArray:
        """Positions in the global coordinates of those of one support, in the order of ``_hermitian_basis``
        (supports are ascending)."""
        offset = self.rank_bound - int(np.sum(self.pairs[:, 0] == self.pairs[:, 1]))
        diagonal = [place[(int(a), int(a))] for a in support]
        upper = []
        for i in range(len(support)):
            for j in range(i + 1, len(support)):
                upper.append(place[int(support[i]), int(support[j])])
        return np.array(diagonal + upper + [u + offset // 2 for u in upper], dtype=np.int64)


def _superoperator(W: ComplexArray) -> RealArray:
    """Tr B_i W B_j W in the basis of diagonal units and normalised real and imaginary pairs, (s², s²)."""
    T = _hermitian_basis(len(W))
    return np.asarray((T.conj().T @ np.kron(W, W.T) @ T).real)


def _hermitian_basis(s: int) -> ComplexArray:
    """Columns vec(B_j), row-major: |a⟩⟨a|, (|a⟩⟨b| + h.c.)/√2, (i|a⟩⟨b| + h.c.)/√2 for a < b."""
    first, second = np.triu_indices(s, 1)
    T = np.zeros((s * s, s * s), dtype=np.complex128)
    T[np.arange(s) * (s + 1), np.arange(s)] = 1
    count = len(first)
    columns = s + np.arange(count)
    T[first * s + second, columns] = T[second * s + first, columns] = 1 / ROOT_TWO
    T[first * s + second, columns + count] = 1j / ROOT_TWO
    T[second * s + first, columns + count] = -1j / ROOT_TWO
    return T
