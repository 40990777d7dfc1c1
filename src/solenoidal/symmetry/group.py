"""Magnetic point groups: rotations with and without time reversal, and what they do to vectors and to k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.arrays import BoolArray, IntArray, RealArray
from solenoidal.errors import SymmetryError

ROTATION_TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class SymmetryGroup:
    """Magnetic point group of a model, with its action on vectors and on k.

    A vector transforms as ``rotations[g]`` (Cartesian, orthogonal); k (fractional) as k' =
    ``k_rotations[g]`` @ k, which is R k for a unitary and −R k for an antiunitary operation
    (``time_reversal[g]`` true). Directions that are not periodic carry the identity in ``k_rotations``,
    because k has no component along them.

    Shapes (g, 3, 3), (g, 3, 3) of integers, (g,). Raises ``SymmetryError`` when shapes disagree, a rotation
    is not orthogonal, an operation repeats, or the set is not closed under multiplication.
    """

    rotations: RealArray
    k_rotations: IntArray
    time_reversal: BoolArray

    def __post_init__(self) -> None:
        rotations = np.array(self.rotations, dtype=np.float64)
        k_rotations = np.array(self.k_rotations, dtype=np.int64)
        time_reversal = np.array(self.time_reversal, dtype=np.bool_)
        g = len(time_reversal)
        if rotations.shape != (g, 3, 3) or k_rotations.shape != (g, 3, 3) or g == 0:
            raise SymmetryError(
                f"rotations {rotations.shape}, k_rotations {k_rotations.shape} and time_reversal "
                f"{time_reversal.shape} do not describe one set; expected (g, 3, 3), (g, 3, 3) and (g,)"
            )
        if not np.array_equal(np.asarray(self.k_rotations), k_rotations):
            raise SymmetryError("k_rotations are not integers; operations must keep the reciprocal lattice")
        defect = np.max(np.abs(rotations @ rotations.transpose(0, 2, 1) - np.eye(3)))
        if defect > ROTATION_TOLERANCE:
            raise SymmetryError(f"rotations are not orthogonal (|R Rᵀ - 1| = {defect:.2g}); give Cartesian matrices")
        table = multiplication_table(rotations, time_reversal)
        if len(np.unique(table[0])) != g or np.any(table < 0):
            raise SymmetryError(
                f"the {g} operations are not a group: {int(np.sum(table < 0))} products of two of them are "
                "missing or an operation repeats; complete the set, or keep a subgroup"
            )
        arrays = {"rotations": rotations, "k_rotations": k_rotations, "time_reversal": time_reversal}
        for name, value in arrays.items():
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @staticmethod
    def identity() -> SymmetryGroup:
        """The group of a model without symmetry."""
        return SymmetryGroup(np.eye(3)[None], np.eye(3, dtype=np.int64)[None], np.zeros(1, dtype=np.bool_))

    @staticmethod
    def from_rotations(
        rotations: ArrayLike, time_reversal: ArrayLike, *, lattice: ArrayLike, dimension: int
    ) -> SymmetryGroup:
        """The group of Cartesian ``rotations`` (g, 3, 3) on ``lattice`` (rows, Å), of which the first
        ``dimension`` vectors are periodic; ``time_reversal`` (g,).

        Raises ``SymmetryError`` when a rotation does not map the periodic lattice onto itself.
        """
        R = np.asarray(rotations, dtype=np.float64)
        T = np.asarray(time_reversal, dtype=np.bool_)
        k_rotations = _act_on_k(R, T, np.asarray(lattice, dtype=np.float64), dimension)
        return SymmetryGroup(R, k_rotations, T)

    @property
    def size(self) -> int:
        """Number of operations."""
        return len(self.time_reversal)

    @property
    def has_inversion_times_time_reversal(self) -> bool:
        """Whether spatial inversion times time reversal, which leaves every k fixed, is in the group.

        On states of half-integer spin it squares to −1, so all bands are Kramers pairs. In two dimensions
        C₂ᶻ times time reversal fixes every k too, but squares to (−1)(−1) = +1 and pairs nothing: Rashba
        bands are split.
        """
        inverted = np.max(np.abs(self.rotations + np.eye(3)), axis=(1, 2)) < ROTATION_TOLERANCE
        return bool(np.any(inverted & self.time_reversal))

    def subgroup(self, index: ArrayLike) -> SymmetryGroup:
        """The operations selected by ``index`` (indices or mask); raises ``SymmetryError`` if they are not
        a group."""
        chosen = np.asarray(index)
        return SymmetryGroup(self.rotations[chosen], self.k_rotations[chosen], self.time_reversal[chosen])


def multiplication_table(rotations: RealArray, time_reversal: BoolArray) -> IntArray:
    """Index of the product g·h for every pair, (g, g); −1 where the product is not in the set.

    Orthogonal matrices are equal when tr(AᵀB) = 3; the antiunitary flag enters as a fourth unit.
    """
    g = len(rotations)
    sign = np.where(time_reversal, -1.0, 1.0)
    known = np.concatenate([rotations.reshape(g, 9), sign[:, None]], axis=1)
    product = np.matmul(rotations[:, None], rotations[None]).reshape(g * g, 9)
    product = np.concatenate([product, np.outer(sign, sign).reshape(-1, 1)], axis=1)
    overlap = product @ known.T
    best = np.argmax(overlap, axis=1)
    found = overlap[np.arange(g * g), best] > 4 - ROTATION_TOLERANCE
    return np.where(found, best, -1).reshape(g, g)


def _act_on_k(rotations: RealArray, time_reversal: BoolArray, lattice: RealArray, dimension: int) -> IntArray:
    """Integer action on fractional k: with R a_i = Σ_j C_ij a_j over the periodic vectors, κ' = ±C⁻¹ κ."""
    periodic = lattice[:dimension]
    rotated = np.einsum("gxy,iy->gix", rotations, periodic)
    C = rotated @ np.linalg.pinv(periodic)
    image = np.rint(C)
    length = np.max(np.linalg.norm(lattice, axis=1))
    error = np.max(np.abs(image @ periodic - rotated), axis=(1, 2)) / length
    if np.any(error > 1e-3):
        worst = int(np.argmax(error))
        raise SymmetryError(
            f"operation {describe(rotations[worst], bool(time_reversal[worst]))} does not map the "
            f"{dimension}-dimensional lattice onto itself (relative mismatch {error[worst]:.2g}); leave it out "
            "or correct the lattice vectors"
        )
    k_rotations = np.tile(np.eye(3, dtype=np.int64), (len(rotations), 1, 1))
    sign = np.where(time_reversal, -1, 1)[:, None, None]
    k_rotations[:, :dimension, :dimension] = sign * np.rint(np.linalg.inv(image)).astype(np.int64)
    return k_rotations


def describe(rotation: RealArray, time_reversal: bool) -> str:
    """Short name of an operation: order, Cartesian axis, prime for antiunitary, for example ``-4[001]'``."""
    prime = "'" if time_reversal else ""
    proper = rotation * np.sign(np.linalg.det(rotation))
    improper = np.linalg.det(rotation) < 0
    cosine = np.clip((np.trace(proper) - 1) / 2, -1.0, 1.0)
    if cosine > 1 - 1e-4:
        return ("-1" if improper else "1") + prime
    fold = round(2 * np.pi / float(np.arccos(cosine)))
    if cosine < -1 + 1e-4:
        values, vectors = np.linalg.eigh(proper)
        axis = vectors[:, int(np.argmax(values))]
    else:
        skew = proper - proper.T
        axis = np.array([skew[2, 1], skew[0, 2], skew[1, 0]])
    axis = axis / np.max(np.abs(axis))
    if axis[np.flatnonzero(np.abs(axis) > 1e-4)[0]] < 0 and fold == 2:
        axis = -axis
    name = "m" if improper and fold == 2 else ("-" if improper else "") + str(fold)
    return f"{name}[{','.join(f'{x + 0.0:.3g}' for x in np.round(axis, 3))}]{prime}"
