"""Lattice models: matrices on Bravais vectors, with the position matrix and named operators.

A model holds physics only: no mesh, tolerance, temperature or chemical potential. Whatever its dimension, every
vector has three Cartesian components; the first ``dimension`` lattice vectors are the periodic ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ModelError
from solenoidal.models.all_states import AllStates
from solenoidal.models.facts import Nambu, checked_degeneracy, checked_mesh, facts_as_text
from solenoidal.models.operator import LatticeOperator as LatticeOperator
from solenoidal.models.operator import Operator, named_operators

HERMITICITY_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Structure:
    """Crystal used to search for symmetry.

    ``lattice`` rows in Å, fractional ``positions`` (atoms, 3), ``species`` labels; ``moments`` (atoms, 3) are magnetic
    moments in Cartesian axes, if known. Every operation is verified on the Hamiltonian afterwards.
    """

    lattice: RealArray
    positions: RealArray
    species: tuple[str, ...]
    moments: RealArray | None = None


@dataclass(frozen=True, eq=False)
class TightBinding:
    """Lattice model with orbitals, hoppings and position matrix.

    H(k) = Σ_R e^{ik·R} H_R with ⟨0a|H|Rb⟩ in eV. The velocity is v_nm = (∂H)_nm + i ω_nm Ā_nm with
    Ā(k) = Σ_R e^{ik·R} ⟨0|r|R⟩, so orbital positions enter through ``position`` and never through phases.

    ``lattice`` (3, 3) rows in Å; ``dimension`` 1, 2 or 3; ``hamiltonian`` without legs; ``position`` with one leg of
    three (Å, Wannier centres on the home-cell diagonal); ``operators`` named Hermitian operators with their laws, for
    example ``{"spin": spin_operator(matrices)}``. Facts that calculations rely on: ``nambu`` the basis of a
    superconductor, ``spin_degeneracy`` 2 if every band stands for both spins, ``first_principles_mesh`` the divisions
    of the k mesh that a Wannier model was made on; ``all_states`` products of spin, Hamiltonian and position over all
    states of a first-principles run; ``provenance`` is text for people. Raises ``ModelError`` for shapes
    that disagree, a singular lattice, hoppings along a direction that is not periodic, operators that are not
    Hermitian, or facts that contradict one another.
    """

    lattice: RealArray
    dimension: int
    hamiltonian: LatticeOperator
    position: LatticeOperator
    operators: Mapping[str, Operator] = field(default_factory=dict)
    structure: Structure | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    nambu: Nambu | None = None
    spin_degeneracy: int = 1
    first_principles_mesh: tuple[int, int, int] | None = None
    all_states: AllStates | None = None

    def __post_init__(self) -> None:
        lattice = np.array(self.lattice, dtype=np.float64)
        if lattice.shape != (3, 3) or abs(np.linalg.det(lattice)) < 1e-12:
            raise ModelError(f"lattice has shape {lattice.shape}; expected three independent row vectors in Å")
        if self.dimension not in (1, 2, 3):
            raise ModelError(f"dimension is {self.dimension!r}; expected 1, 2 or 3")
        operators = named_operators(self.operators)
        named: dict[str, LatticeOperator | Operator] = {
            "hamiltonian": self.hamiltonian,
            "position": self.position,
            **operators,
        }
        for name, operator in named.items():
            self._check_operator(name, operator)
        if self.hamiltonian.leg_shape != ():
            raise ModelError(f"hamiltonian has legs {self.hamiltonian.leg_shape}; expected one matrix for each R")
        if self.position.leg_shape != (3,):
            raise ModelError(f"position has legs {self.position.leg_shape}; expected (3,), one matrix for x, y and z")
        if self.all_states is not None:
            self.all_states.require_fit(self.hamiltonian.size, self.dimension, "spin" in operators)
        lattice.setflags(write=False)
        object.__setattr__(self, "lattice", lattice)
        object.__setattr__(self, "operators", operators)
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))
        spins = checked_degeneracy(self.spin_degeneracy, spinful="spin" in operators, nambu=self.nambu is not None)
        object.__setattr__(self, "spin_degeneracy", spins)
        object.__setattr__(self, "first_principles_mesh", checked_mesh(self.first_principles_mesh))

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled; rebuilding from plain mappings lets models travel to other processes.
        return TightBinding, (
            self.lattice,
            self.dimension,
            self.hamiltonian,
            self.position,
            dict(self.operators),
            self.structure,
            dict(self.provenance),
            self.nambu,
            self.spin_degeneracy,
            self.first_principles_mesh,
            self.all_states,
        )

    def _check_operator(self, name: str, operator: LatticeOperator | Operator) -> None:
        if operator.size != self.hamiltonian.size:
            raise ModelError(
                f"{name} has {operator.size} orbitals, the hamiltonian {self.hamiltonian.size}; make them equal"
            )
        if np.any(operator.R[:, self.dimension :]):
            raise ModelError(
                f"{name} has hoppings along a direction that is not periodic (dimension = {self.dimension})"
            )
        error = operator.hermiticity_error()
        scale = max(1.0, float(np.max(np.abs(operator.matrices))))
        if error > HERMITICITY_TOLERANCE * scale:
            raise ModelError(
                f"{name} is not Hermitian: max |X(R) - X(-R)†| = {error:.3g}; store every hopping together with its "
                "conjugate"
            )

    @property
    def n_orbitals(self) -> int:
        """Number of orbitals (spin counted) in the cell, equal to the number of bands."""
        return self.hamiltonian.size

    @property
    def reciprocal(self) -> RealArray:
        """Reciprocal lattice (3, 3), rows b_i in 1/Å with a_i·b_j = 2π δ_ij."""
        return np.ascontiguousarray(2 * np.pi * np.linalg.inv(self.lattice).T)

    @property
    def cell_measure(self) -> float:
        """Length, area or volume of the cell in the periodic directions (Å^dimension)."""
        a = self.lattice[: self.dimension]
        return float(np.sqrt(np.linalg.det(a @ a.T)))

    @property
    def nambu_weight(self) -> float | None:
        """Weight of sums over the bands of a superconductor, None for a normal state."""
        return None if self.nambu is None else self.nambu.weight

    @property
    def band_weight(self) -> float:
        """What every sum over bands is multiplied by: the weight of a Nambu basis, or the number of spins of a band."""
        return float(self.spin_degeneracy) if self.nambu is None else self.nambu.weight

    @property
    def matrix_elements(self) -> Literal["all-states", "finite-difference", "wannier-space"]:
        """What products of operators can be taken over: the states of a run, or those of the model alone."""
        if self.all_states is None:
            return "wannier-space"
        return "finite-difference" if self.all_states.finite_difference else "all-states"

    @property
    def valid_range(self) -> tuple[float, float]:
        """Chemical potentials (low, high) in eV for which the model holds every state: all of them on a lattice."""
        return -np.inf, np.inf

    @property
    def facts(self) -> dict[str, Any]:
        """Everything known of the model beside its matrices, as text for logs and reports."""
        told = facts_as_text(self.nambu, self.spin_degeneracy, self.first_principles_mesh, self.provenance)
        if self.first_principles_mesh is not None:
            told["matrix_elements"] = self.matrix_elements
        return told

    def without_all_states(self) -> TightBinding:
        """The model with its own states alone, as after a change of H, r or s that these products do not follow."""
        return self if self.all_states is None else replace(self, all_states=None)

    def require_nambu(self) -> Nambu:
        """The Nambu basis; raises ``ModelError`` for a normal state."""
        if self.nambu is None:
            raise ModelError(
                "the model is not a Bogoliubov-de Gennes model; build it with bdg(normal, pairing, mu=...)"
            )
        return self.nambu

    def require_operator(self, name: str) -> Operator:
        """The named operator; raises ``ModelError`` naming the operators the model has."""
        if name not in self.operators:
            have = ", ".join(sorted(self.operators)) or "none"
            raise ModelError(
                f"the model has no operator {name!r} (it has: {have}); for a Wannier model give a .spn file "
                "or state the spinor ordering of the Wannier functions"
            )
        return self.operators[name]


def orbital_centres(model: TightBinding) -> RealArray:
    """Orbital positions (n, 3) in Å: the home-cell diagonal of the position matrix."""
    home = ~model.position.R.any(axis=1)
    return np.asarray(np.einsum("riaa->ai", model.position.matrices[home]).real)


def relative_position(position: LatticeOperator, origins: RealArray) -> LatticeOperator:
    """The position matrix measured from ``origins`` (n, 3) in Å, one for each orbital."""
    matrices = position.matrices.copy()
    matrices[~position.R.any(axis=1)] -= np.einsum("ai,ab->iab", origins, np.eye(position.size))
    return LatticeOperator(position.R, matrices)
