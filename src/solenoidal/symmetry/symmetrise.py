"""Symmetrisation of a lattice model: the average of all its matrices over the operations of the crystal.

A Wannier model has the symmetry of its crystal on the points of the first-principles mesh and breaks it between them.
The average X'(R) = (1/|G|) Σ_g D_g [g X](R) D_g† restores it everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import SymmetryError
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.symmetry.group import SymmetryGroup, describe, multiplication_table
from solenoidal.symmetry.lattice_fields import HAMILTONIAN, LatticeFields
from solenoidal.symmetry.representation import Fit, exact_representation, fit, product
from solenoidal.symmetry.search import find_symmetry
from solenoidal.symmetry.sites import SiteAction, Sites

TOLERANCE = 0.02
"""Change of a matrix by one operation, relative to its norm over all R, that is taken for noise."""

ISOTROPY = 0.9
"""Smallest ratio of the singular values of the matrix that turns the orbitals, before it is made unitary."""

logger = logging.getLogger(__name__)


def symmetrise(
    model: Model, *, symmetry: Literal["auto"] | SymmetryGroup = "auto", tolerance: float = TOLERANCE
) -> TightBinding:
    """The model with exactly the symmetry of its crystal: Hamiltonian, position matrix and operators averaged over it.

        X'(R) = (1/|G|) Σ_g D_g [g X](R) D_g†

    g acts on lattice vectors, on sites and on the components of X (position as a polar vector that time reversal
    keeps, operators by the laws they state), and conjugates
    where it is antiunitary. D_g, by which orbitals turn into one another, is found from the model itself, so Wannier
    functions of any gauge will do that spans the same space on each atom.

    Parameters
    ----------
    model
        A lattice model. Orbitals belong to the nearest atom of ``structure``, without it to their own centres.
    symmetry
        The group; ``"auto"`` takes that of ``find_symmetry`` for all operators.
    tolerance
        Largest violation of one operation by H, relative to √Σ_R |H(R)|² with tr H(0) = 0, that is taken for noise.

    Returns
    -------
    TightBinding
        Lattice vectors completed to whole stars. ``provenance["symmetrised"]`` holds the number of operations, the
        largest relative violation of each matrix before, under ``"violation"``, and the root mean square change of
        the energies of the hoppings, √(Σ_R |H'(R) − H(R)|²/n), in eV.

    Raises
    ------
    SymmetryError
        The orbitals do not turn into one another within the tolerance, or not in a unique way; the model is a
        continuum model or a superconductor; an operator does not state its law.

    Use it on Wannier models before anything that relies on symmetry: energies and traces then obey it to rounding, and
    Kramers pairs are degenerate. It removes what breaks the symmetry, not the error of interpolation.
    """
    if not isinstance(model, TightBinding):
        raise SymmetryError("a continuum model has no hoppings to symmetrise; leave symmetrise off")
    if not tolerance > 0:
        raise SymmetryError(f"tolerance is {tolerance!r}; expected a positive number such as {TOLERANCE}")
    if model.nambu is not None:
        raise SymmetryError("the model is a superconductor; symmetrise its normal state before pairing is added")
    if symmetry != "auto" and not isinstance(symmetry, SymmetryGroup):
        raise SymmetryError(f'symmetry is {symmetry!r}; expected "auto" or a SymmetryGroup')
    group = symmetry if isinstance(symmetry, SymmetryGroup) else _group_of(model)
    sites = Sites.of(model)
    actions = sites.actions(group)
    fields = LatticeFields.of(model, sites, group, actions)
    kept, matrices = _represent(fields.of_orbitals(), group, sites, actions, tolerance)
    averaged, violation = _average(fields, group, sites, kept, matrices)
    _require_small(group, kept, violation, tolerance)
    change = averaged.values[HAMILTONIAN] - fields.values[HAMILTONIAN]
    record = {
        "operations": len(kept),
        "unitary": int(np.sum(~group.time_reversal[[action.operation for action in kept]])),
        "violation": {name: float(np.max(values)) for name, values in violation.items()},
        "change": float(np.linalg.norm(change)) / model.n_orbitals**0.5,
    }
    logger.info("symmetrised over %(operations)d operations; violation before: %(violation)s", record)
    return _rebuilt(model, averaged, sites.symmetric(group, kept), record)


def _group_of(model: TightBinding) -> SymmetryGroup:
    """The operations under which the Hamiltonian and every operator, all of which are averaged, turn as they should."""
    return find_symmetry(model, operators=tuple(model.operators)).group


@dataclass
class _Known:
    """Operations whose matrices are known, as a group that grows by one generator after another."""

    group: SymmetryGroup
    table: IntArray
    actions: Mapping[tuple[int, ...], SiteAction]
    matrices: dict[tuple[int, ...], ComplexArray]

    def times(self, g: tuple[int, ...], h: tuple[int, ...]) -> tuple[int, ...]:
        """The product of two operations with what they do to the sites."""
        permutation = self.actions[g].permutation[self.actions[h].permutation]
        return (int(self.table[g[0], h[0]]), *permutation.tolist())

    def add(self, generator: tuple[int, ...], matrix: ComplexArray) -> None:
        """Add a generator and all its products."""
        self.matrices[generator] = matrix
        fresh = [generator]
        while fresh:
            g = fresh.pop()
            for h in list(self.matrices):
                for left, right in ((g, h), (h, g)):
                    key = self.times(left, right)
                    if key not in self.actions:
                        raise SymmetryError(
                            "the operations that take sites to sites are not a group, because the positions of the "
                            "sites are only nearly symmetric; give those of the crystal structure to more digits"
                        )
                    if key not in self.matrices:
                        antiunitary = bool(self.group.time_reversal[left[0]])
                        self.matrices[key] = product(self.matrices[left], antiunitary, self.matrices[right])
                        fresh.append(key)


def _represent(
    fields: LatticeFields, group: SymmetryGroup, sites: Sites, actions: Sequence[SiteAction], tolerance: float
) -> tuple[list[SiteAction], ComplexArray]:
    """The operations that are symmetries, all translations considered, and their matrices (g, n, n).

    Matrices are fitted for generators and multiplied for the rest, then made an exact representation.
    """
    table = multiplication_table(group.rotations, group.time_reversal)
    known = _Known(group, table, {action.key: action for action in actions}, {})
    known.matrices[_identity(group, sites)] = np.eye(len(sites.site_of), dtype=np.complex128)
    for g in range(group.size):
        failures: list[tuple[float, Fit]] = []
        # Of the translations that take sites to sites some may be none of the crystal, as in an antiferromagnet.
        for action in actions:
            if action.operation == g and action.key not in known.matrices:
                found, violation = _fitted(fields, group, sites, action)
                if violation < tolerance and found.unique and found.isotropy > ISOTROPY:
                    known.add(action.key, found.matrix)
                else:
                    failures.append((violation, found))
        if all(key[0] != g for key in known.matrices):
            raise _refusal(group, g, *min(failures, key=lambda failure: failure[0]), tolerance)
    keys = list(known.matrices)
    number = {key: i for i, key in enumerate(keys)}
    products = np.array([[number[known.times(g, h)] for h in keys] for g in keys], dtype=np.int64)
    antiunitary = group.time_reversal[[key[0] for key in keys]]
    matrices = exact_representation(np.array([known.matrices[key] for key in keys]), antiunitary, products)
    return [known.actions[key] for key in keys], matrices


def _identity(group: SymmetryGroup, sites: Sites) -> tuple[int, ...]:
    one = np.all(np.abs(group.rotations - np.eye(3)) < 1e-6, axis=(1, 2)) & ~group.time_reversal
    return (int(np.flatnonzero(one)[0]), *range(sites.count))


def _fitted(fields: LatticeFields, group: SymmetryGroup, sites: Sites, action: SiteAction) -> tuple[Fit, float]:
    """The matrix of one operation, and by how much the Hamiltonian violates it."""
    turned = fields.turned(group, sites, action)
    norms = fields.norms()
    n = len(sites.site_of)
    equations = [
        (X.reshape(-1, n, n) / norms[name], turned.values[name].reshape(-1, n, n) / norms[name])
        for name, X in fields.values.items()
    ]
    pairs = [(sites.members(int(action.permutation[s])), sites.members(s)) for s in range(sites.count)]
    found = fit(equations, [pair for pair in pairs if len(pair[1])], n)
    return found, fields.distances(turned.rotated(found.matrix))[HAMILTONIAN]


def _average(
    fields: LatticeFields, group: SymmetryGroup, sites: Sites, actions: Sequence[SiteAction], matrices: ComplexArray
) -> tuple[LatticeFields, dict[str, RealArray]]:
    """The mean of what all operations make of the model, and the violation by each of them (g,) for each matrix."""
    total = {name: np.zeros_like(X) for name, X in fields.values.items()}
    violation: dict[str, list[float]] = {name: [] for name in fields.values}
    for action, D in zip(actions, matrices, strict=True):
        image = fields.turned(group, sites, action).rotated(D)
        for name, distance in fields.distances(image).items():
            violation[name].append(distance)
            total[name] += image.values[name]
    mean = {name: X / len(actions) for name, X in total.items()}
    return replace(fields, values=mean), {name: np.array(values) for name, values in violation.items()}


def _require_small(
    group: SymmetryGroup, actions: Sequence[SiteAction], violation: Mapping[str, RealArray], tolerance: float
) -> None:
    """Products of accepted operations must hold within the tolerance too."""
    worst = int(np.argmax(violation[HAMILTONIAN]))
    if violation[HAMILTONIAN][worst] > tolerance:
        raise _refusal(group, actions[worst].operation, float(violation[HAMILTONIAN][worst]), None, tolerance)


def _refusal(
    group: SymmetryGroup, operation: int, violation: float, found: Fit | None, tolerance: float
) -> SymmetryError:
    name = describe(group.rotations[operation], bool(group.time_reversal[operation]))
    if found is not None and not found.unique:
        return SymmetryError(
            f"the orbitals can be turned by operation {name} in more than one way, because parts of the model do not "
            "couple; give it its spin operator or a spin-orbit coupling, or leave symmetrise off"
        )
    isotropy = ""
    if found is not None:
        isotropy = f", and its singular values go down to {found.isotropy:.2f} of the largest (expected: {ISOTROPY:g})"
    return SymmetryError(
        f"operation {name} does not turn the orbitals into one another: with the best matrix between them it changes "
        f"the hoppings by {100 * violation:.2g} % of their norm, allowed are {100 * tolerance:.2g} %{isotropy}. Take "
        "Wannier functions that keep the symmetry (projections on whole shells of the atoms, num_iter = 0 or "
        "site_symmetry = .true. in Wannier90, a denser k mesh), or leave symmetrise off"
    )


def _rebuilt(model: TightBinding, fields: LatticeFields, sites: Sites, record: Mapping[str, Any]) -> TightBinding:
    """A model of the averaged matrices; atoms move with their sites, everything else is kept."""
    structure = model.structure
    if structure is not None:
        positions = sites.positions @ sites.lattice @ np.linalg.inv(structure.lattice)
        structure = replace(structure, positions=positions)
    provenance = {**model.provenance, "symmetrised": dict(record)}
    return replace(fields.symmetrised(model, sites), structure=structure, provenance=provenance)
