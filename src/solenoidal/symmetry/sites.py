"""Sites of a lattice model's orbitals, and how operations of the crystal exchange them.

An operation g = {R|t} takes site s to site s' of another cell, R x_s + t = x_{s'} + L_s with a lattice vector L_s, and
its orbitals with it: g|N, s⟩ = |gN + L_s, s'⟩ times a matrix between the orbitals of s and s'.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from solenoidal.arrays import IntArray, RealArray
from solenoidal.errors import SymmetryError
from solenoidal.models.hamiltonian import TightBinding, orbital_centres
from solenoidal.symmetry.search import SymmetryGroup, describe

SITE_TOLERANCE = 1e-3
"""Distance in Å within which two sites coincide, or an operation takes one to the other."""


@dataclass(frozen=True, eq=False)
class SiteAction:
    """What one operation does to the sites: number ``operation`` of the group, s' = ``permutation[s]`` (sites,) and
    L_s = ``shifts[s]`` (sites, 3), known up to a lattice vector common to all sites, which moves the whole crystal."""

    operation: int
    permutation: IntArray
    shifts: IntArray

    @property
    def key(self) -> tuple[int, ...]:
        """Tells actions apart: operations with one rotation but different translations permute the sites otherwise."""
        return (self.operation, *self.permutation.tolist())


@dataclass(frozen=True, eq=False)
class Sites:
    """Where the orbitals of a model sit.

    ``positions`` (sites, 3) fractional in ``lattice`` (rows, Å); ``labels`` (sites,) are equal for sites that may be
    exchanged. Orbital a sits at x_s + ``cells[a]`` with s = ``site_of[a]``; shapes (n, 3) and (n,).
    """

    lattice: RealArray
    dimension: int
    positions: RealArray
    labels: tuple[tuple[str, int], ...]
    site_of: IntArray
    cells: IntArray

    @staticmethod
    def of(model: TightBinding) -> Sites:
        """Each orbital at the atom of ``model.structure`` nearest to its centre; without a structure the orbitals of
        one centre make a site."""
        centres = orbital_centres(model) @ np.linalg.inv(model.lattice)
        if model.structure is None:
            positions = _distinct(centres, model.lattice, model.dimension)
        else:
            positions = model.structure.positions @ model.structure.lattice @ np.linalg.inv(model.lattice)
        # As in the symmetry search, species count in Wannier models: others have what symmetry their hoppings have.
        known = model.structure is not None and model.first_principles_mesh is not None
        species = model.structure.species if known and model.structure else ("site",) * len(positions)
        site_of = np.zeros(len(centres), dtype=np.int64)
        cells = np.zeros((len(centres), 3), dtype=np.int64)
        for a, centre in enumerate(centres):
            images, distances = _nearest_images(centre - positions, model.lattice, model.dimension)
            site_of[a] = int(np.argmin(distances))
            cells[a] = images[site_of[a]]
        counts = np.bincount(site_of, minlength=len(positions)).tolist()
        labels = tuple(zip(species, counts, strict=True))
        return Sites(np.asarray(model.lattice), model.dimension, positions, labels, site_of, cells)

    @property
    def count(self) -> int:
        """Number of sites, with or without orbitals."""
        return len(self.positions)

    def members(self, site: int) -> IntArray:
        """Orbitals of one site."""
        return np.flatnonzero(self.site_of == site)

    @property
    def orbital_positions(self) -> RealArray:
        """Cartesian position of the site of each orbital (n, 3) in Å."""
        return np.asarray((self.positions[self.site_of] + self.cells) @ self.lattice)

    def actions(self, group: SymmetryGroup) -> list[SiteAction]:
        """What the operations of ``group`` do, one entry for each translation that may accompany a rotation.

        Raises ``SymmetryError`` when an operation has no translation that takes sites to sites.
        """
        found: dict[tuple[int, ...], SiteAction] = {}
        rarest = min(range(self.count), key=lambda s: (self.labels.count(self.labels[s]), s))
        partners = [s for s in range(self.count) if self.labels[s] == self.labels[rarest]]
        for g in range(group.size):
            rotated = self.positions @ fractional_rotation(group.rotations[g], self.lattice)
            candidates = [self._action(g, rotated + (self.positions[s] - rotated[rarest])) for s in partners]
            valid = [action for action in candidates if action is not None]
            if not valid:
                raise SymmetryError(
                    f"operation {describe(group.rotations[g], bool(group.time_reversal[g]))} does not take the "
                    f"{self.count} sites of the orbitals to sites of the same kind within {SITE_TOLERANCE:g} Å: "
                    "(species, number of orbitals) "
                    f"{sorted(set(self.labels))}; correct the positions in the crystal structure, use orbitals centred "
                    "near the atoms, or give a smaller group"
                )
            found |= {action.key: action for action in valid}
        return list(found.values())

    def _action(self, g: int, images: RealArray) -> SiteAction | None:
        """The action that takes site s to ``images[s]``, if a site of its kind is there for each."""
        permutation = np.zeros(self.count, dtype=np.int64)
        shifts = np.zeros((self.count, 3), dtype=np.int64)
        for s, image in enumerate(images):
            cells, distances = _nearest_images(image - self.positions, self.lattice, self.dimension)
            target = int(np.argmin(distances))
            if distances[target] > SITE_TOLERANCE or self.labels[target] != self.labels[s]:
                return None
            permutation[s], shifts[s] = target, cells[target]
        return None if len(set(permutation.tolist())) < self.count else SiteAction(g, permutation, shifts)

    def symmetric(self, group: SymmetryGroup, actions: Sequence[SiteAction]) -> Sites:
        """The same sites at positions that ``actions``, which must be a group, take to one another to rounding."""
        middle = self.positions.mean(axis=0)
        total = np.zeros_like(self.positions)
        for action in actions:
            turn = fractional_rotation(group.rotations[action.operation], self.lattice)
            # Sites relative to their middle: the translation drops out but for the mean of the lattice vectors.
            relative = (self.positions - middle) @ turn + action.shifts.mean(axis=0) - action.shifts
            total[action.permutation] += relative
        return replace(self, positions=middle + total / len(actions))


def fractional_rotation(rotation: RealArray, lattice: RealArray) -> RealArray:
    """The matrix (3, 3) that turns fractional coordinates in rows, f → f C, with R a_i = Σ_j C_ij a_j."""
    return np.asarray(lattice @ rotation.T @ np.linalg.inv(lattice))


def _nearest_images(differences: RealArray, lattice: RealArray, dimension: int) -> tuple[IntArray, RealArray]:
    """Lattice vectors nearest to fractional ``differences`` (m, 3) and the distances left (m,) in Å."""
    near = np.zeros((3**dimension, 3))
    near[:, :dimension] = list(itertools.product((0, -1, 1), repeat=dimension))
    first = np.zeros_like(differences)
    first[:, :dimension] = np.rint(differences[:, :dimension])
    images = first[:, None] + near
    distances = np.linalg.norm((differences[:, None] - images) @ lattice, axis=-1)
    best = np.argmin(distances, axis=1)
    rows = np.arange(len(differences))
    return images[rows, best].astype(np.int64), distances[rows, best]


def _distinct(centres: RealArray, lattice: RealArray, dimension: int) -> RealArray:
    """Fractional ``centres`` of which no two are equal up to a lattice vector."""
    kept: list[RealArray] = []
    for centre in centres:
        if not kept or np.min(_nearest_images(centre - np.array(kept), lattice, dimension)[1]) > SITE_TOLERANCE:
            kept.append(centre)
    return np.array(kept)
