"""Point operations of a model, unitary and antiunitary: candidates from the crystal, verified on the
Hamiltonian.

Only the rotation part of an operation matters here, since energies, velocities and spins of Bloch states do
not see the translation that may accompany it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import spglib
from numpy.typing import ArrayLike, NDArray

from solenoidal.bloch.fingerprint import Fingerprint
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import SymmetryError
from solenoidal.models.hamiltonian import Structure

RealArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

ComplexArray = NDArray[np.complex128]

ROTATION_TOLERANCE = 1e-5

EXACT_TOLERANCE = 1e-5
"""Violation, relative to the natural scale of each quantity, below which an operation of a noiseless model
holds."""

NOISE_TOLERANCE = 0.05
"""The same for models fitted to first-principles data, whose symmetries hold up to the error of the fit."""

POSITION_TOLERANCE = 1e-3
"""Distance in Å within which two atoms are taken for symmetry partners."""


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


@dataclass(frozen=True, eq=False)
class SymmetrySearch:
    """What ``find_symmetry`` found: the ``group`` to use, and how well each of the ``candidates`` holds.

    ``violations`` maps a quantity to its relative violation by each candidate (c,), ``violation`` (c,) is
    the largest of them, ``accepted`` (c,) marks the members of ``group``. ``kramers_pairs``: the group
    contains inversion times time reversal and the bands are pairwise degenerate, ``pair_splitting`` being
    the largest splitting met (eV). ``report`` is a text for the user.
    """

    group: SymmetryGroup
    candidates: SymmetryGroup
    violations: Mapping[str, RealArray]
    violation: RealArray
    accepted: BoolArray
    tolerance: float
    pair_splitting: float
    kramers_pairs: bool
    report: str

    @property
    def rejected(self) -> tuple[tuple[str, float], ...]:
        """Name and violation of each candidate that is not in the group, the least violated first."""
        order = [int(g) for g in np.argsort(self.violation) if not self.accepted[g]]
        c = self.candidates
        return tuple((describe(c.rotations[g], bool(c.time_reversal[g])), float(self.violation[g])) for g in order)


def find_symmetry(model: Model, *, tolerance: float | None = None, samples: int = 3, seed: int = 0) -> SymmetrySearch:
    """Find the magnetic point group of ``model`` and verify it on energies, velocities and spins.

    Candidates are the point operations of the lattice, each with and without time reversal. Each is tested at
    ``samples`` random k (``seed``) by comparing at k and gk: the energies, Tr[w_a v_i], Tr[w_a s_j],
    Tr[w_a v_i w_b s_j] and Tr[w_a v_i w_b v_j], where w_a(H) are Gaussian windows in energy. These are independent of
    the choice of eigenvectors and change little when bands nearly cross. A violation is measured in units of the
    window width for energies and of the root mean square of v and s times the number of states for traces.

    ``tolerance`` None means 1e-5, unless the model was fitted to first-principles bands (``provenance["fitted"]`` is
    true) and nothing but the identity holds to that accuracy: then 0.05, granted only to operations ``model.structure``
    has. The operations kept always form a group: if those within tolerance do not, the worst are dropped and the
    report says so. A group too large gives wrong tensors without any other sign, so read the report. Raises
    ``SymmetryError`` for a tolerance or number of samples that is not positive.
    """
    if tolerance is not None and not tolerance > 0:
        raise SymmetryError(f"tolerance is {tolerance!r}; expected a positive number, or None to choose by the model")
    if samples < 1:
        raise SymmetryError(f"samples is {samples}; expected at least one k point")
    candidates = _candidates(model)
    fingerprint = Fingerprint.build(model, samples, seed)
    violations = fingerprint.violations(candidates.rotations, candidates.k_rotations, candidates.time_reversal)
    violation = np.max(list(violations.values()), axis=0)
    exact = int(np.sum(violation < EXACT_TOLERANCE)) > 1 or not model.provenance.get("fitted", False)
    if tolerance is None:
        tolerance = EXACT_TOLERANCE if exact else NOISE_TOLERANCE
    within = violation < tolerance
    structure: Structure | None = getattr(model, "structure", None)
    if structure is not None and tolerance > EXACT_TOLERANCE:
        within &= (violation < EXACT_TOLERANCE) | _in_structure(candidates, structure, model.dimension)
    accepted = _closed_subset(candidates, violation, within)
    group = candidates.subgroup(accepted)
    splitting = fingerprint.pair_splitting()
    pairs = group.has_inversion_times_time_reversal and splitting < tolerance * fingerprint.width
    report = _report(candidates, violations, accepted, within, tolerance, fingerprint)
    return SymmetrySearch(
        group, candidates, MappingProxyType(violations), violation, accepted, tolerance, splitting, pairs, report
    )


def _candidates(model: Model) -> SymmetryGroup:
    """Point operations of the lattice that keep its periodic directions, each with and without time reversal."""
    d = model.dimension
    lattice = np.ascontiguousarray(2 * np.pi * np.linalg.inv(model.reciprocal).T)
    R = _point_operations(_isolate(lattice, d), np.zeros((1, 3)), [1], d)
    return SymmetryGroup.from_rotations(
        np.concatenate([R, R]), np.repeat([False, True], len(R)), lattice=lattice, dimension=d
    )


def _in_structure(candidates: SymmetryGroup, structure: Structure, dimension: int) -> BoolArray:
    """Which candidates map the atoms onto atoms of the same species (with some translation)."""
    cell = _isolate(structure.lattice, dimension)
    positions = structure.positions @ structure.lattice @ np.linalg.inv(cell)
    labels = sorted(set(structure.species))
    R = _point_operations(cell, positions, [labels.index(name) + 1 for name in structure.species], dimension)
    overlap = candidates.rotations.reshape(-1, 9) @ R.reshape(-1, 9).T
    return np.asarray(np.max(overlap, axis=1) > 3 - ROTATION_TOLERANCE)


def _point_operations(cell: RealArray, positions: RealArray, numbers: list[int], dimension: int) -> RealArray:
    """Cartesian rotation parts of the space group of a crystal that do not mix in the non-periodic axes."""
    found = spglib.get_symmetry((cell.tolist(), positions.tolist(), numbers), symprec=POSITION_TOLERANCE)
    if found is None:
        raise SymmetryError(
            "no symmetry can be found for the crystal structure; two of its atoms may coincide, correct the positions"
        )
    W = np.unique(np.asarray(found["rotations"], dtype=np.int64), axis=0)
    d = dimension
    W = W[np.all(W[:, d:, :d] == 0, axis=(1, 2)) & np.all(W[:, :d, d:] == 0, axis=(1, 2))]
    # The nearest orthogonal matrices, because lattice vectors are rounded numbers.
    left, _, right = np.linalg.svd(cell.T @ W @ np.linalg.inv(cell.T))
    return np.asarray(left @ right)


def _isolate(lattice: RealArray, dimension: int) -> RealArray:
    """The lattice with axes along non-periodic directions made perpendicular and of incommensurate length."""
    cell = np.array(lattice, dtype=np.float64)
    length = 7.3891 * np.max(np.linalg.norm(cell[:dimension], axis=1))
    for axis in range(dimension, 3):
        before = cell[:axis]
        perpendicular = cell[axis] - cell[axis] @ np.linalg.pinv(before) @ before
        cell[axis] = length * perpendicular / np.linalg.norm(perpendicular)
    return cell


def _closed_subset(candidates: SymmetryGroup, violation: RealArray, within: BoolArray) -> BoolArray:
    """Grow a subgroup from the identity by the best operations, refusing those that generate one out of
    tolerance."""
    table = multiplication_table(candidates.rotations, candidates.time_reversal)
    members = np.zeros(candidates.size, dtype=np.bool_)
    members[int(np.flatnonzero(table[0] == 0)[0])] = True
    for g in np.argsort(violation):
        if not within[g] or members[g]:
            continue
        trial = members.copy()
        trial[g] = True
        size = 0
        while size < np.sum(trial):
            size = int(np.sum(trial))
            trial[table[np.ix_(trial, trial)].ravel()] = True
        if np.all(within[trial]):
            members = trial
    return members


def _report(
    candidates: SymmetryGroup,
    violations: Mapping[str, RealArray],
    accepted: BoolArray,
    within: BoolArray,
    tolerance: float,
    fingerprint: Fingerprint,
) -> str:
    """Text for the user: what was kept, how well it holds, what failed and by how much."""
    violation = np.max(list(violations.values()), axis=0)
    unitary = int(np.sum(accepted & ~candidates.time_reversal))
    kept = int(np.sum(accepted))
    lines = [
        f"symmetry: {kept} of {candidates.size} candidate operations hold ({unitary} unitary, {kept - unitary} "
        f"antiunitary); tolerance {tolerance:.1e}, window width {fingerprint.width:.3g} eV",
        "largest violation of the kept operations: "
        + ", ".join(f"{name} {np.max(value[accepted]):.1e}" for name, value in violations.items()),
    ]
    refused = np.flatnonzero(~accepted)
    if len(refused):
        best = refused[int(np.argmin(violation[refused]))]
        name = describe(candidates.rotations[best], bool(candidates.time_reversal[best]))
        quantity = max(violations, key=lambda key: float(violations[key][best]))
        lines.append(f"least violated of the others: {name}, {violation[best]:.1e} in {quantity}")
    dropped = np.flatnonzero(within & ~accepted)
    if len(dropped):
        names = ", ".join(describe(candidates.rotations[g], bool(candidates.time_reversal[g])) for g in dropped)
        lines.append(f"within tolerance but dropped, because they generate operations that are not: {names}")
    if kept == 1:
        lines.append("no symmetry but the identity: the whole zone is used")
    lines += [f"operator {name!r} was not tested: its behaviour is not known" for name in fingerprint.skipped]
    return "\n".join(lines)
