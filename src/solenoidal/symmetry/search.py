"""Point operations of a model, unitary and antiunitary: candidates from the crystal, verified on the
Hamiltonian.

Only the rotation part of an operation matters here, since energies, velocities and spins of Bloch states do
not see the translation that may accompany it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from solenoidal.arrays import BoolArray, IntArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import SymmetryError
from solenoidal.models.hamiltonian import Structure
from solenoidal.symmetry.crystal import crystal_operations, lattice_operations
from solenoidal.symmetry.fingerprint import Fingerprint, generic_points, mesh_points

ROTATION_TOLERANCE = 1e-5

MODEL_TOLERANCE = 1e-5
"""Violation, relative to the natural scale of each quantity, allowed in a model given by its hoppings."""

MESH_TOLERANCE = 1e-3
"""The same for a Wannier model on the points of its first-principles mesh, where it reproduces the calculation."""

NOISE_FACTOR = 10.0
"""Between mesh points: allowed violation of a trace in units of the violation of the energies by interpolation."""

NOISE_LIMIT = 1.0
"""Between mesh points: violation of the energies above which the model is not accepted at all."""


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

    ``violations`` maps each quantity tested to its relative violation by each candidate (c,), ``limits`` to the
    largest value allowed; ``accepted`` (c,) marks the members of ``group``. ``kramers_pairs``: the group contains
    inversion times time reversal and the bands are pairwise degenerate, ``pair_splitting`` being the largest
    splitting met (eV). ``report`` is a text for the user.
    """

    group: SymmetryGroup
    candidates: SymmetryGroup
    violations: Mapping[str, RealArray]
    limits: Mapping[str, float]
    accepted: BoolArray
    pair_splitting: float
    kramers_pairs: bool
    report: str

    @property
    def rejected(self) -> tuple[tuple[str, str, float], ...]:
        """Operation, quantity and violation for each candidate that is not in the group, the mildest first."""
        score = _score(self.violations, self.limits)
        found = []
        for g in np.argsort(score):
            if not self.accepted[g]:
                worst = max(self.violations, key=lambda key: float(self.violations[key][g] / self.limits[key]))
                name = describe(self.candidates.rotations[g], bool(self.candidates.time_reversal[g]))
                found.append((name, worst, float(self.violations[worst][g])))
        return tuple(found)


def find_symmetry(model: Model, *, tolerance: float | None = None, samples: int = 4, seed: int = 0) -> SymmetrySearch:
    """Find the magnetic point group of ``model`` and verify it on energies, velocities and spins.

    Candidates are the point operations of the lattice (and of ``model.structure``, if there is one and the model is a
    Wannier model), each with and without time reversal. Compared at k and gk are the energies and the traces Tr[w_a
    v_i], Tr[w_a s_j], Tr[w_a v_i w_b s_j], Tr[w_a v_i w_b v_j] (on a mesh, see below, Tr[w_a s_i w_b s_j] in their
    place), where w_a(H) are Gaussian windows in energy. These are independent of the choice of eigenvectors and
    change little when bands nearly cross. A violation is measured in units of the window width for energies and of
    the root mean square of v and s times the number of states for traces.

    A model given by its hoppings is tested at ``samples`` random k (``seed``), with ``tolerance`` 1e-5 by default. A
    Wannier model has the symmetry of the crystal on the points of the first-principles mesh, but between them breaks
    it by the interpolation error, which can exceed 0.1 eV. If ``provenance["mesh"]`` gives that mesh, energies and
    spins are tested on it (``tolerance`` 1e-3 by default); between its points traces may be violated by ten times as
    much as the energies are.

    The operations kept always form a group: if those within tolerance do not, the worst are dropped and the report
    says so. A group too large gives wrong tensors without any other sign, so read the report. The last searches are
    kept, since models never change. Raises ``SymmetryError`` for a tolerance or number of samples that is not positive.
    """
    if tolerance is not None and not tolerance > 0:
        raise SymmetryError(f"tolerance is {tolerance!r}; expected a positive number, or None to choose by the model")
    if samples < 1:
        raise SymmetryError(f"samples is {samples}; expected at least one k point")
    return _search(model, tolerance, samples, seed)


@lru_cache(maxsize=4)
def _search(model: Model, tolerance: float | None, samples: int, seed: int) -> SymmetrySearch:
    candidates = _candidates(model)
    evidence = _gather(model, candidates, tolerance, samples, seed)
    score = _score(evidence.violations, evidence.limits)
    within = evidence.allowed & (score < 1)
    accepted = _closed_subset(candidates, score, within)
    group = candidates.subgroup(accepted)
    splitting = evidence.decisive.pair_splitting()
    pairs = group.has_inversion_times_time_reversal and splitting < evidence.pair_limit
    return SymmetrySearch(
        group=group,
        candidates=candidates,
        violations=MappingProxyType(evidence.violations),
        limits=MappingProxyType(evidence.limits),
        accepted=accepted,
        pair_splitting=splitting,
        kramers_pairs=pairs,
        report=_report(candidates, evidence, accepted, within),
    )


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Violations by each candidate and their limits; ``decisive`` is the fingerprint with the strict limits."""

    violations: dict[str, RealArray]
    limits: dict[str, float]
    allowed: BoolArray
    decisive: Fingerprint
    pair_limit: float


def _gather(model: Model, candidates: SymmetryGroup, tolerance: float | None, samples: int, seed: int) -> _Evidence:
    """Compare the model with its images at random k and, for a Wannier model, on the first-principles mesh."""
    operations = (candidates.rotations, candidates.k_rotations, candidates.time_reversal)
    generic = Fingerprint.build(model, generic_points(model.dimension, samples, seed), velocity=True)
    violations = generic.violations(*operations)
    allowed = np.ones(candidates.size, dtype=np.bool_)
    mesh = model.provenance.get("mesh")
    if mesh is None:
        strict = MODEL_TOLERANCE if tolerance is None else tolerance
        return _Evidence(violations, dict.fromkeys(violations, strict), allowed, generic, strict * generic.width)
    strict = MESH_TOLERANCE if tolerance is None else tolerance
    if np.shape(mesh) != (3,):
        raise SymmetryError(f'provenance["mesh"] is {mesh!r}; expected the three divisions of the k mesh')
    points = mesh_points((int(mesh[0]), int(mesh[1]), int(mesh[2])), candidates.k_rotations, samples, seed)
    decisive = Fingerprint.build(model, points, velocity=False)
    on_mesh = {f"{name} on the mesh": value for name, value in decisive.violations(*operations).items()}
    structure: Structure | None = getattr(model, "structure", None)
    if structure is not None:
        allowed = _in_structure(candidates, structure, model.dimension)
    holds = allowed & (np.max(list(on_mesh.values()), axis=0) < strict)
    noise = max(MODEL_TOLERANCE, NOISE_FACTOR * float(np.max(violations["energies"][holds])))
    limits = {**dict.fromkeys(violations, noise), "energies": NOISE_LIMIT, **dict.fromkeys(on_mesh, strict)}
    return _Evidence(violations | on_mesh, limits, allowed, decisive, strict * decisive.width)


def _score(violations: Mapping[str, RealArray], limits: Mapping[str, float]) -> RealArray:
    """Largest ratio of a violation to its limit, for each candidate (c,)."""
    return np.asarray(np.max([value / limits[name] for name, value in violations.items()], axis=0))


def _candidates(model: Model) -> SymmetryGroup:
    """Point operations of the lattice that keep its periodic directions, each with and without time reversal."""
    lattice = np.ascontiguousarray(2 * np.pi * np.linalg.inv(model.reciprocal).T)
    R = lattice_operations(lattice, model.dimension)
    flags = np.repeat([False, True], len(R))
    return SymmetryGroup.from_rotations(np.concatenate([R, R]), flags, lattice=lattice, dimension=model.dimension)


def _in_structure(candidates: SymmetryGroup, structure: Structure, dimension: int) -> BoolArray:
    """Which candidates map the atoms onto atoms of the same species (with some translation)."""
    R = crystal_operations(structure, dimension)
    overlap = candidates.rotations.reshape(-1, 9) @ R.reshape(-1, 9).T
    return np.asarray(np.max(overlap, axis=1) > 3 - ROTATION_TOLERANCE)


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


def _report(candidates: SymmetryGroup, evidence: _Evidence, accepted: BoolArray, within: BoolArray) -> str:
    """Text for the user: what was kept, how well it holds, what failed and by how much."""
    names = [describe(R, bool(T)) for R, T in zip(candidates.rotations, candidates.time_reversal, strict=True)]
    unitary = int(np.sum(accepted & ~candidates.time_reversal))
    kept = int(np.sum(accepted))
    lines = [
        f"symmetry: {kept} of {candidates.size} candidate operations hold, {unitary} unitary and {kept - unitary} "
        "antiunitary",
        "largest violation by these (limit): "
        + ", ".join(
            f"{name} {np.max(value[accepted]):.1e} ({evidence.limits[name]:.0e})"
            for name, value in evidence.violations.items()
        ),
    ]
    refused = np.flatnonzero(~within & evidence.allowed)
    if len(refused):
        best = refused[int(np.argmin(_score(evidence.violations, evidence.limits)[refused]))]
        ratio = {name: value[best] / evidence.limits[name] for name, value in evidence.violations.items()}
        worst = max(ratio, key=lambda name: float(ratio[name]))
        lines.append(f"mildest violation by another: {names[best]}, {worst} {evidence.violations[worst][best]:.1e}")
    dropped = [names[g] for g in np.flatnonzero(within & ~accepted)]
    if dropped:
        listed = ", ".join(dropped)
        lines.append(f"within the limits, but dropped because they generate operations that are not: {listed}")
    if "spin" not in evidence.violations:
        lines.append("no spin operator: time reversal was judged by energies and velocities alone")
    if kept == 1:
        lines.append("no symmetry but the identity: the whole zone is used")
    lines += [f"operator {name!r} was not tested: its behaviour is not known" for name in evidence.decisive.skipped]
    return "\n".join(lines)
