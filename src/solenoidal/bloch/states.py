"""Bloch states of one block of k points: energies, matrix elements, degenerate groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import BoolArray, ComplexArray, RealArray
from solenoidal.bloch.eigen import eigh
from solenoidal.bloch.groups import bands_up_to, group_labels, group_means, inverse_gaps
from solenoidal.bloch.interpolation import Interpolator, OrbitalMatrices
from solenoidal.errors import ModelError


@dataclass(frozen=True)
class Degeneracy:
    """How bands are grouped and which pairs of bands interact.

    Bands whose neighbours in energy lie closer than ``tolerance`` (eV) form one group. With ``kramers`` the bands
    (0, 1), (2, 3), … are paired whatever their numerical splitting, because inversion × time reversal makes them
    degenerate. ``minimum_gap`` (eV) drops matrix elements between groups closer than it: the degeneracy audit uses
    it to measure what such pairs contribute. With ``filled`` the lowest that many bands are one group and the others
    another, whatever their energies: the occupied space of an insulator.
    """

    tolerance: float = 1e-4
    kramers: bool = False
    minimum_gap: float = 0.0
    filled: int | None = None

    def labels(self, energies: RealArray) -> NDArray[np.int64]:
        """Group number of each band, (nk, n), non-decreasing along the bands."""
        if self.filled is not None:
            empty = np.arange(energies.shape[1]) >= self.filled
            return np.ascontiguousarray(np.broadcast_to(empty, energies.shape), dtype=np.int64)
        return group_labels(energies, self.tolerance, self.kramers)


@dataclass
class BlochStates:
    """Everything known about the states at nk points; nothing is computed before it is asked for.

    ``k`` (nk, 3) fractional, ``weights`` (nk,), ``energies`` (nk, n) in eV ascending, ``vectors`` (nk, orbital, n).
    Matrices in the eigenbasis are stored [k, row n, leg, column m]. Nobody asks for bands above ``highest`` (eV): a
    response may leave their quantities zero, though they still take part as intermediate states.
    """

    k: RealArray
    weights: RealArray
    energies: RealArray
    vectors: ComplexArray
    orbital: OrbitalMatrices
    degeneracy: Degeneracy
    highest: float = np.inf
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @staticmethod
    def solve(source: Interpolator, k: RealArray, weights: RealArray, degeneracy: Degeneracy) -> BlochStates:
        """Interpolate and diagonalise at fractional ``k`` (nk, 3)."""
        return BlochStates.diagonalise(source.at(k), k, weights, degeneracy)

    @staticmethod
    def diagonalise(
        orbital: OrbitalMatrices,
        k: RealArray,
        weights: RealArray,
        degeneracy: Degeneracy,
        highest: float = np.inf,
    ) -> BlochStates:
        """States of matrices interpolated at ``k``; raises ``ModelError`` naming the k point of a bad matrix."""
        finite = np.isfinite(orbital.hamiltonian).all(axis=(1, 2))
        if not finite.all():
            raise ModelError(f"the Hamiltonian is not finite at k = {k[np.argmin(finite)].tolist()} (fractional)")
        energies, vectors = eigh(orbital.hamiltonian)
        return BlochStates(k, weights, energies, vectors, orbital, degeneracy, highest)

    def cached(self, key: str, compute: Callable[[], Any]) -> Any:
        """Value stored under ``key``, computed on first use; lets several responses share geometric quantities."""
        if key not in self._cache:
            self._cache[key] = compute()
        return self._cache[key]

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Degenerate group of each band, (nk, n)."""
        return self.degeneracy.labels(self.energies)

    @cached_property
    def active(self) -> NDArray[np.int64]:
        """Number of bands, from the lowest, whose quantities are wanted at each k; never cuts a group; (nk,)."""
        return bands_up_to(self.energies, self.labels, self.highest)

    @cached_property
    def same_group(self) -> BoolArray:
        """Whether bands n and m belong to one degenerate group, (nk, n, m)."""
        return np.asarray(self.labels[:, :, None] == self.labels[:, None, :])

    @cached_property
    def occupation_energies(self) -> RealArray:
        """Mean energy of the group of each band, (nk, n): a group is occupied as a whole."""
        return group_means(self.energies, self.labels)

    @cached_property
    def inverse_gap(self) -> RealArray:
        """1/(ε_n − ε_m) between different groups and zero inside a group, (nk, n, m)."""
        return inverse_gaps(self.energies, self.labels, self.degeneracy.minimum_gap)

    @cached_property
    def velocity(self) -> ComplexArray:
        """⟨n|v^i|m⟩ in eV Å, (nk, n, 3, m)."""
        return self.rotate(self.orbital.velocity)

    def operator(self, name: str) -> ComplexArray:
        """⟨n|O|m⟩ of a named operator, (nk, n, legs, m); raises ``ModelError`` when the model has no such operator."""
        self.require(name)
        result: ComplexArray = self.cached(f"operator {name}", lambda: self.rotate(self.orbital.operators[name]))
        return result

    def matrices(self, name: str) -> ComplexArray:
        """⟨n|X|m⟩ of matrices that are no operator of the model, such as those of ``bloch.space``; (nk, n, legs, m)."""
        result: ComplexArray = self.cached(f"matrices {name}", lambda: self.rotate(self.orbital.matrices(name)))
        return result

    def require(self, name: str) -> None:
        """Raise ``ModelError`` when the model has no operator ``name``."""
        if name not in self.orbital.names:
            have = ", ".join(sorted(self.orbital.names)) or "none"
            raise ModelError(f"the model has no operator {name!r} (it has: {have})")

    def rotate(self, matrices: ComplexArray) -> ComplexArray:
        """U† X U for X (nk or 1, row, leg, column) in the orbital basis."""
        nk, n, legs = len(self.k), matrices.shape[1], matrices.shape[2]
        dagger = self.vectors.conj().transpose(0, 2, 1)
        half = dagger @ matrices.reshape(len(matrices), n, legs * n)
        return (half.reshape(nk, n * legs, n) @ self.vectors).reshape(nk, n, legs, n)

    def grouped(self, filled: int) -> BlochStates:
        """The same states with the lowest ``filled`` bands as one group.

        Where a band below and one above are degenerate within the tolerance, no matrix element joins them.
        """
        given = self.degeneracy
        gap = max(given.minimum_gap, given.tolerance)
        return replace(self, degeneracy=replace(given, minimum_gap=gap, filled=filled), _cache={})

    def subset(self, index: NDArray[np.int64], minimum_gap: float) -> BlochStates:
        """The states at the chosen k points, ignoring pairs of groups closer than ``minimum_gap``."""
        degeneracy = replace(self.degeneracy, minimum_gap=minimum_gap)
        return BlochStates(
            self.k[index],
            self.weights[index],
            self.energies[index],
            self.vectors[index],
            self.orbital.subset(index),
            degeneracy,
            self.highest,
        )
