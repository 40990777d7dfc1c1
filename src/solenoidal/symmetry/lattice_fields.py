"""Matrices of a lattice model on lattice vectors that symmetry maps onto one another, and what it makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray
from solenoidal.errors import SymmetryError
from solenoidal.models.all_states import PARTS
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding, relative_position
from solenoidal.models.operator import Law, Operator
from solenoidal.symmetry.laws import representation
from solenoidal.symmetry.search import SymmetryGroup
from solenoidal.symmetry.sites import SiteAction, Sites

HAMILTONIAN, POSITION, ALL_STATES = "hamiltonian", "position", "all_states."
IDENTITY = np.eye(3, dtype=np.int64)

VANISHING = 1e-9
"""Norm (eV, Å, ħ) of matrices that are zero but for rounding."""


@dataclass(frozen=True, eq=False)
class LatticeFields:
    """Matrices ``values`` (nR, legs, n, n) by name on the vectors ``R`` (nR, 3), all cells those of the sites.

    The position is taken relative to the site of each orbital, so that it turns as a vector. ``laws`` says how each
    turns.
    """

    R: IntArray
    values: Mapping[str, ComplexArray]
    laws: Mapping[str, Law]

    @staticmethod
    def of(model: TightBinding, sites: Sites, group: SymmetryGroup, actions: Sequence[SiteAction]) -> LatticeFields:
        """The matrices of ``model`` on the lattice vectors that ``actions`` reach.

        Raises ``SymmetryError`` for an operator that does not state its law.
        """
        laws: dict[str, Law] = {HAMILTONIAN: ((), 1), POSITION: (("polar",), 1)}
        named: dict[str, LatticeOperator | Operator] = {
            HAMILTONIAN: model.hamiltonian,
            POSITION: relative_position(model.position, sites.orbital_positions),
        }
        for name, operator in model.operators.items():
            if not operator.stated:
                raise SymmetryError(
                    f"operator {name!r} does not state how it turns, so it cannot be symmetrised; give it legs and "
                    "time_reversal, leave it out of the model, or leave symmetrise off"
                )
            named[name], laws[name] = operator, operator.law
        if model.all_states is not None:
            products = model.all_states.from_origins(model.operators["spin"], sites.orbital_positions)
            for name, law in PARTS.items():
                named[ALL_STATES + name], laws[ALL_STATES + name] = getattr(products, name), law
        inward = sites.cells[:, None] - sites.cells[None, :]
        fields = {name: _relabelled(operator, inward) for name, operator in named.items()}
        R = np.unique(np.concatenate([operator.R for operator in fields.values()]), axis=0)
        R = _reached(R, [(_on_cells(group, action), _offsets(sites, action)) for action in actions])
        values = {name: _spread(operator, R) for name, operator in fields.items()}
        return LatticeFields(R, values, laws)

    def of_orbitals(self) -> LatticeFields:
        """The Hamiltonian and the operators alone, which say how orbitals turn into one another.

        The position says nothing of it in tight-binding models, and it and the products nothing new in Wannier models.
        """
        said = {name: X for name, X in self.values.items() if name != POSITION and not name.startswith(ALL_STATES)}
        return replace(self, values=said)

    def turned(self, group: SymmetryGroup, sites: Sites, action: SiteAction) -> LatticeFields:
        """What ``action`` makes of the matrices, but for the matrices that turn orbitals into one another.

        Y_i(R)_ab = Σ_j ρ_ij X_j(R')_ab with R' = W⁻¹(R − L_b + L_a), ρ the action on the legs, and X* in place of X
        where the operation is antiunitary; a and b are orbitals before they are turned.
        """
        one = slice(action.operation, action.operation + 1)
        antiunitary = bool(group.time_reversal[action.operation])
        inverse = _on_cells(group, action, inverse=True)
        offsets = -_offsets(sites, action) @ inverse
        values = {}
        for name, X in self.values.items():
            moved = _gathered(X.conj() if antiunitary else X, self.R, inverse, offsets)
            legs = representation(*self.laws[name], group.rotations[one], group.time_reversal[one])[0]
            values[name] = np.einsum("ij,rjab->riab", legs, moved)
        return replace(self, values=values)

    def rotated(self, D: ComplexArray) -> LatticeFields:
        """D X D† for every matrix."""
        return replace(self, values={name: D @ (X @ D.conj().T) for name, X in self.values.items()})

    def distances(self, other: LatticeFields) -> dict[str, float]:
        """√Σ_R |X(R) − X'(R)|² by name, relative to the same norm of X (for H without its mean energy)."""
        scales = self.norms()
        return {name: float(np.linalg.norm(X - other.values[name])) / scales[name] for name, X in self.values.items()}

    def norms(self) -> dict[str, float]:
        """√Σ_R |X(R)|² by name, of the Hamiltonian without its mean energy; one where X vanishes but for rounding."""
        squares = {name: float(np.linalg.norm(X)) ** 2 for name, X in self.values.items()}
        home = self.values[HAMILTONIAN][~self.R.any(axis=1), 0]
        squares[HAMILTONIAN] -= float(np.sum(np.abs(np.trace(home, axis1=1, axis2=2)) ** 2)) / home.shape[-1]
        return {name: square**0.5 if square > VANISHING**2 else 1.0 for name, square in squares.items()}

    def symmetrised(self, model: TightBinding, sites: Sites) -> TightBinding:
        """``model`` with these matrices, in its cells; ``sites`` are where the position is measured from."""
        outward = sites.cells[None, :] - sites.cells[:, None]
        found = {}
        for name, (legs, _) in self.laws.items():
            X = self.values[name]
            operator = _relabelled(LatticeOperator(self.R, X), outward)
            matrices = operator.matrices.reshape(-1, *(3,) * len(legs), *X.shape[-2:])
            found[name] = LatticeOperator(operator.R, matrices)
        position = relative_position(found[POSITION], -sites.orbital_positions)
        operators = {name: X.with_matrices(found[name].R, found[name].matrices) for name, X in model.operators.items()}
        products = model.all_states
        if products is not None:
            SR, SHR, SH = (found[ALL_STATES + name] for name in PARTS)
            relative = replace(products, spin_position=SR, spin_hamiltonian_position=SHR, spin_hamiltonian=SH)
            products = relative.from_origins(operators["spin"], -sites.orbital_positions)
        return replace(
            model, hamiltonian=found[HAMILTONIAN], position=position, operators=operators, all_states=products
        )


def _relabelled(operator: LatticeOperator | Operator, offsets: IntArray) -> LatticeOperator:
    """Orbitals in other home cells, X(R + δ_ab)_ab for ``offsets`` δ (n, n, 3); matrices that are zero are left out."""
    R = _reached(operator.R, [(IDENTITY, -offsets)])
    values = _gathered(_spread(operator, R), R, IDENTITY, offsets)
    kept = values.any(axis=(1, 2, 3)) | ~R.any(axis=1)
    return LatticeOperator(R[kept], values[kept])


def _on_cells(group: SymmetryGroup, action: SiteAction, *, inverse: bool = False) -> IntArray:
    """Integers C with R' = R C for lattice vectors in rows, from the action on k, κ' = ±C⁻¹ κ."""
    sign = -1 if group.time_reversal[action.operation] else 1
    # Along directions that are not periodic R is zero, so that their sign does not matter.
    there = sign * group.k_rotations[action.operation]
    return there if inverse else np.rint(np.linalg.inv(there)).astype(np.int64)


def _offsets(sites: Sites, action: SiteAction) -> IntArray:
    """L_b − L_a for the sites of every two orbitals, (n, n, 3)."""
    shifts = action.shifts[sites.site_of]
    return np.asarray(shifts[None, :] - shifts[:, None])


def _reached(R: IntArray, maps: Sequence[tuple[IntArray, IntArray]]) -> IntArray:
    """``R`` and R C + δ for each of ``maps`` (C, δ) and every δ in it, sorted."""
    images = [R]
    for C, offsets in maps:
        images += [R @ C + offset for offset in np.unique(offsets.reshape(-1, 3), axis=0)]
    return np.unique(np.concatenate(images), axis=0)


def _spread(operator: LatticeOperator | Operator, R: IntArray) -> ComplexArray:
    """Matrices of ``operator`` on the vectors ``R``, legs as one axis, zero where it has none."""
    n = operator.size
    flat = operator.matrices.reshape(len(operator.R), -1, n, n)
    values = np.zeros((len(R), *flat.shape[1:]), dtype=np.complex128)
    values[_find(R, operator.R)] = flat
    return values


def _gathered(values: ComplexArray, R: IntArray, C: IntArray, offsets: IntArray) -> ComplexArray:
    """X(R C + δ_ab)_ab for every R, zero where that vector is not among ``R``; ``offsets`` δ (n, n, 3)."""
    distinct, which = np.unique(offsets.reshape(-1, 3), axis=0, return_inverse=True)
    source = np.stack([_find(R, R @ C + offset) for offset in distinct], axis=1)
    padded = np.concatenate([values, np.zeros_like(values[:1])])  # −1 stands for the last, which is zero
    if len(distinct) == 1:
        return padded[source[:, 0]]
    flat = padded.reshape(*padded.shape[:2], -1)
    return np.take_along_axis(flat, source[:, None, which.reshape(-1)] % len(flat), axis=0).reshape(values.shape)


def _find(R: IntArray, vectors: IntArray) -> IntArray:
    """Index in the sorted list ``R`` of each of ``vectors``, −1 where it is not there."""
    low, high = R.min(axis=0), R.max(axis=0)
    shape = tuple((high - low + 1).tolist())
    inside = np.all((vectors >= low) & (vectors <= high), axis=1)
    numbers = np.ravel_multi_index(tuple((R - low).T), shape)
    wanted = np.ravel_multi_index(tuple(np.where(inside[:, None], vectors - low, 0).T), shape)
    place = np.minimum(np.searchsorted(numbers, wanted), len(R) - 1)
    return np.where(inside & (numbers[place] == wanted), place, -1).astype(np.int64)
