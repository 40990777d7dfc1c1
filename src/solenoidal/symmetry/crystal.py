"""Point operations of a lattice and of a crystal on it, from spglib, for one, two and three periodic directions."""

from __future__ import annotations

import warnings

import numpy as np
import spglib

from solenoidal.arrays import RealArray
from solenoidal.errors import SymmetryError
from solenoidal.models.hamiltonian import Structure

POSITION_TOLERANCE = 1e-3
"""Distance in Å within which two atoms are taken for symmetry partners."""

VACUUM = 7.3891
"""Length of the axes along non-periodic directions in units of the longest lattice vector: unrelated to the lattice."""


def lattice_operations(lattice: RealArray, dimension: int) -> RealArray:
    """Cartesian rotations (g, 3, 3) of the bare lattice (rows, Å) that do not mix in the non-periodic directions.

    Along those, axes perpendicular to the lattice are assumed: reflections there are included, since they act on spins.
    For a chain they form a square, so the operations about its axis are those of order 1, 2 and 4.
    """
    return _operations(_isolate(lattice, dimension), np.zeros((1, 3)), [1], dimension)


def crystal_operations(structure: Structure, dimension: int) -> RealArray:
    """Cartesian rotation parts (g, 3, 3) of the space group of ``structure``, whatever the translation.

    Raises ``SymmetryError`` when atoms coincide.
    """
    cell = _isolate(structure.lattice, dimension)
    positions = structure.positions @ structure.lattice @ np.linalg.inv(cell)
    labels = sorted(set(structure.species))
    return _operations(cell, positions, [labels.index(name) + 1 for name in structure.species], dimension)


def _operations(cell: RealArray, positions: RealArray, numbers: list[int], dimension: int) -> RealArray:
    failure = getattr(spglib, "SpglibError", ())  # depending on the version, failure is this or None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            found = spglib.get_symmetry((cell.tolist(), positions.tolist(), numbers), symprec=POSITION_TOLERANCE)
    except failure:
        found = None
    if found is None:
        raise SymmetryError(
            f"no symmetry can be found for the crystal of {len(numbers)} atoms; two of them may coincide, "
            "correct the positions or the lattice"
        )
    W = np.unique(np.asarray(found["rotations"], dtype=np.int64), axis=0)
    d = dimension
    W = W[np.all(W[:, d:, :d] == 0, axis=(1, 2)) & np.all(W[:, :d, d:] == 0, axis=(1, 2))]
    # The nearest orthogonal matrices, because lattice vectors are rounded numbers.
    left, _, right = np.linalg.svd(cell.T @ W @ np.linalg.inv(cell.T))
    return np.asarray(left @ right)


def _isolate(lattice: RealArray, dimension: int) -> RealArray:
    """The lattice with axes along non-periodic directions made perpendicular to the others and long."""
    cell = np.array(lattice, dtype=np.float64)
    length = VACUUM * np.max(np.linalg.norm(cell[:dimension], axis=1))
    for axis in range(dimension, 3):
        before = cell[:axis]
        perpendicular = cell[axis] - cell[axis] @ np.linalg.pinv(before) @ before
        cell[axis] = length * perpendicular / np.linalg.norm(perpendicular)
    return cell
