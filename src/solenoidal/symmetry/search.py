"""Point operations of a model, unitary and antiunitary: candidates from the crystal, verified on the Hamiltonian and
on the operators that a run uses.

Only the rotation part of an operation matters here, since energies, velocities and operators of Bloch states do
not see the translation that may accompany it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from solenoidal.arrays import BoolArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import SymmetryError
from solenoidal.models.hamiltonian import Structure
from solenoidal.symmetry.crystal import crystal_operations
from solenoidal.symmetry.fingerprint import VELOCITY, Factors, Fingerprint, generic_points, label, mesh_points
from solenoidal.symmetry.group import ROTATION_TOLERANCE
from solenoidal.symmetry.group import SymmetryGroup as SymmetryGroup
from solenoidal.symmetry.group import describe as describe
from solenoidal.symmetry.selection import Selection, identity_of, lattice_candidates, scores, select

logger = logging.getLogger(__name__)

MODEL_TOLERANCE = 1e-5
"""Violation, relative to the natural scale of each quantity, allowed in a model given by its hoppings."""

MESH_TOLERANCE = 1e-3
"""The same for a Wannier model on the points of its first-principles mesh, where it reproduces the calculation."""

NOISE_FACTOR = 10.0
"""Between mesh points: allowed violation of a trace in units of the violation of the energies by interpolation."""

NOISE_LIMIT = 1.0
"""Between mesh points: violation of the energies above which the model is not accepted at all."""

ON_MESH = " on the mesh"


@dataclass(frozen=True, eq=False)
class SymmetrySearch:
    """What ``find_symmetry`` found: the ``group`` to use, and how well each of the ``candidates`` holds.

    ``violations`` maps each quantity tested to its relative violation by each candidate (c,), ``limits`` to the
    largest value allowed; ``accepted`` (c,) marks the members of ``group``. ``operators`` are those it was verified on,
    ``unknown`` those that do not state their law, for which only the identity is a symmetry. ``kramers_pairs``:
    inversion times time reversal is a symmetry of the Hamiltonian, whatever operators are used, and the bands are
    pairwise degenerate, ``pair_splitting`` being the largest splitting met (eV). ``report`` is a text for the user.
    """

    group: SymmetryGroup
    candidates: SymmetryGroup
    violations: Mapping[str, RealArray]
    limits: Mapping[str, float]
    accepted: BoolArray
    operators: tuple[str, ...]
    unknown: tuple[str, ...]
    pair_splitting: float
    kramers_pairs: bool
    report: str

    @property
    def rejected(self) -> tuple[tuple[str, str, float], ...]:
        """Operation, quantity and violation for each candidate that is not in the group, the mildest first."""
        score = scores(self.violations, self.limits)
        found = []
        for g in np.argsort(score):
            if not self.accepted[g]:
                worst = max(self.violations, key=lambda key: float(self.violations[key][g] / self.limits[key]))
                name = describe(self.candidates.rotations[g], bool(self.candidates.time_reversal[g]))
                found.append((name, worst, float(self.violations[worst][g])))
        return tuple(found)


def find_symmetry(
    model: Model,
    *,
    operators: Sequence[str] = (),
    tolerance: float | None = None,
    samples: int = 4,
    seed: int = 0,
) -> SymmetrySearch:
    """Find the magnetic point group of ``model`` and verify it on energies, velocities and the named ``operators``.

    Candidates are the point operations of the lattice (and of ``model.structure``, if there is one and the model is a
    Wannier model), each with and without time reversal. Compared at k and gk are the energies and the traces Tr[w_a
    v_i], Tr[w_a v_i w_b v_j], and for each operator Tr[w_a s_j], Tr[w_a v_i w_b s_j] (on a mesh, see below, Tr[w_a s_i
    w_b s_j] in their place), where w_a(H) are Gaussian windows in energy. These are independent of the choice of
    eigenvectors and change little when bands nearly cross. A violation is measured in units of the window width for
    energies and of the root mean square of v and s times the number of states for traces. Every operator has to turn as
    it states; other operators of the model are not looked at.

    A model given by its hoppings is tested at ``samples`` random k (``seed``), with ``tolerance`` 1e-5 by default. A
    Wannier model has the symmetry of the crystal on the points of the first-principles mesh, but between them breaks
    it by the interpolation error, which can exceed 0.1 eV. If ``first_principles_mesh`` gives that mesh, energies and
    operators are tested on it (``tolerance`` 1e-3 by default); between its points traces may be violated by ten times
    as much as the energies are.

    Time reversal of a model given by its hoppings is judged by energies and velocities, to which the imaginary parts of
    Tr[w_a v_i w_b v_j] belong, the Berry curvature between windows. In a Wannier model that test is as dull as the
    interpolation, and with inversion the energies of a magnet on the mesh are those of a nonmagnet. There the operator
    "spin", an axial vector that time reversal reverses, is consulted as a witness even if no one asks for it.

    The operations kept always form a group: if those within tolerance do not, the worst are dropped and the report
    says so. A group too large gives wrong tensors without any other sign, so read the report. An operator that does not
    state its law leaves the identity alone, with a logged warning. The last searches are kept, since models never
    change. Raises ``SymmetryError`` for a tolerance or number of samples that is not positive, and ``ModelError`` for
    an operator that the model has not.
    """
    if tolerance is not None and not tolerance > 0:
        raise SymmetryError(f"tolerance is {tolerance!r}; expected a positive number, or None to choose by the model")
    if samples < 1:
        raise SymmetryError(f"samples is {samples}; expected at least one k point")
    if isinstance(operators, str):
        raise SymmetryError(f"operators is {operators!r}; write a tuple of names, for example ({operators!r},)")
    for name in operators:
        model.require_operator(name)
    search = _search(model, tuple(sorted(set(operators))), tolerance, samples, seed)
    for name in search.unknown:
        logger.warning("%s", _unknown_text(name))
    return search


@lru_cache(maxsize=8)
def _search(
    model: Model, operators: tuple[str, ...], tolerance: float | None, samples: int, seed: int
) -> SymmetrySearch:
    candidates = lattice_candidates(model)
    unknown = tuple(name for name in operators if not model.operators[name].stated)
    witness = _witness(model)
    tested = tuple(dict.fromkeys((*witness, *(name for name in operators if name not in unknown))))
    evidence = _gather(model, candidates, tested, tolerance, samples, seed)
    of_hamiltonian = _judge(candidates, evidence, (VELOCITY, *witness))
    whole = of_hamiltonian if tested == witness else _judge(candidates, evidence, (VELOCITY, *tested))
    accepted = whole.accepted
    if unknown:
        accepted = np.zeros_like(accepted)
        accepted[identity_of(candidates)] = True
    splitting = evidence.decisive.pair_splitting()
    inverted = candidates.subgroup(of_hamiltonian.accepted).has_inversion_times_time_reversal
    return SymmetrySearch(
        group=candidates.subgroup(accepted),
        candidates=candidates,
        violations=MappingProxyType(whole.violations),
        limits=MappingProxyType(whole.limits),
        accepted=accepted,
        operators=operators,
        unknown=unknown,
        pair_splitting=splitting,
        kramers_pairs=inverted and splitting < evidence.strict * evidence.decisive.windows.width,
        report=_report(whole, accepted, candidates.time_reversal, tested, unknown),
    )


def _witness(model: Model) -> tuple[str, ...]:
    """The spin of a Wannier model, which tells magnets from nonmagnets where velocities are dulled by noise."""
    spin = model.operators.get("spin")
    if spin is None or model.first_principles_mesh is None or spin.law != (("axial",), -1):
        return ()
    return ("spin",)


@dataclass(frozen=True, eq=False)
class _Evidence:
    """Violations by each candidate at random k (``generic``) and on the mesh of a Wannier model (None for another).

    ``strict`` is the limit at the points of ``decisive``, ``allowed`` marks candidates that the atoms allow.
    """

    generic: Mapping[Factors, RealArray]
    on_mesh: Mapping[Factors, RealArray] | None
    strict: float
    allowed: BoolArray
    decisive: Fingerprint


def _gather(
    model: Model,
    candidates: SymmetryGroup,
    operators: tuple[str, ...],
    tolerance: float | None,
    samples: int,
    seed: int,
) -> _Evidence:
    """Compare the model with its images at random k and, for a Wannier model, on the first-principles mesh."""
    operations = (candidates.rotations, candidates.k_rotations, candidates.time_reversal)
    generic = Fingerprint.build(model, generic_points(model.dimension, samples, seed), operators, velocity=True)
    violations = generic.violations(*operations)
    allowed = np.ones(candidates.size, dtype=np.bool_)
    mesh = model.first_principles_mesh
    if mesh is None:
        return _Evidence(violations, None, MODEL_TOLERANCE if tolerance is None else tolerance, allowed, generic)
    points = mesh_points(mesh, candidates.k_rotations, samples, seed)
    decisive = Fingerprint.build(model, points, operators, velocity=False)
    structure: Structure | None = getattr(model, "structure", None)
    if structure is not None:
        allowed = _in_structure(candidates, structure, model.dimension)
    strict = MESH_TOLERANCE if tolerance is None else tolerance
    return _Evidence(violations, decisive.violations(*operations), strict, allowed, decisive)


def _judge(candidates: SymmetryGroup, evidence: _Evidence, names: Sequence[str]) -> Selection:
    """The verdict by the energies and by the traces of the velocity and the operators in ``names`` alone."""

    def chosen(found: Mapping[Factors, RealArray], where: str = "") -> dict[str, RealArray]:
        return {label(x, where): value for x, value in found.items() if set(x) <= set(names)}

    violations = chosen(evidence.generic)
    if evidence.on_mesh is None:
        limits = dict.fromkeys(violations, evidence.strict)
    else:
        on_mesh = chosen(evidence.on_mesh, ON_MESH)
        holds = evidence.allowed & (np.max(list(on_mesh.values()), axis=0) < evidence.strict)
        noise = max(MODEL_TOLERANCE, NOISE_FACTOR * float(np.max(violations["energies"][holds])))
        limits = {
            **dict.fromkeys(violations, noise),
            "energies": NOISE_LIMIT,
            **dict.fromkeys(on_mesh, evidence.strict),
        }
        violations |= on_mesh
    return select(candidates, violations, limits, evidence.allowed)


def _in_structure(candidates: SymmetryGroup, structure: Structure, dimension: int) -> BoolArray:
    """Which candidates map the atoms onto atoms of the same species (with some translation)."""
    R = crystal_operations(structure, dimension)
    overlap = candidates.rotations.reshape(-1, 9) @ R.reshape(-1, 9).T
    return np.asarray(np.max(overlap, axis=1) > 3 - ROTATION_TOLERANCE)


def _unknown_text(name: str) -> str:
    return (
        f"operator {name!r} does not state how it turns, so the whole zone is used; give it legs and time_reversal to "
        "use symmetry"
    )


def _report(
    selection: Selection, accepted: BoolArray, antiunitary: BoolArray, tested: tuple[str, ...], unknown: tuple[str, ...]
) -> str:
    """Text for the user: what was kept, how well it holds, what failed and by how much."""
    unitary, kept = int(np.sum(accepted & ~antiunitary)), int(np.sum(accepted))
    lines = [
        f"symmetry: {kept} of {len(accepted)} candidate operations hold, {unitary} unitary and {kept - unitary} "
        "antiunitary",
        *selection.evidence_lines(accepted),
    ]
    if "spin" not in tested:
        lines.append("no spin operator in use: time reversal was judged by energies and velocities alone")
    if kept == 1 and not unknown:
        lines.append("no symmetry but the identity: the whole zone is used")
    lines += [_unknown_text(name) for name in unknown]
    return "\n".join(lines)
