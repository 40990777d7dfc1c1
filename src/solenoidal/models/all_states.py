"""Products of spin, Hamiltonian and position that a space of bands does not hold, in R space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ModelError
from solenoidal.models.operator import LatticeOperator, Law, Operator

PARTS: Mapping[str, Law] = {
    "spin_position": (("polar", "axial"), -1),
    "spin_hamiltonian_position": (("polar", "axial"), -1),
    "spin_hamiltonian": (("axial",), -1),
}
"""The matrices of ``AllStates`` and how they turn, the position before the spin."""


@dataclass(frozen=True, eq=False)
class AllStates:
    """Matrix elements of operator products over all states of a first-principles run, not only those of the model.

    ``spin_position`` ⟨0a|s_j (r_i − R_i)|Rb⟩ (nR, 3, 3, n, n) in Å ħ, position before spin, measured from the cell on
    the right; ``spin_hamiltonian_position`` ⟨0a|s_j H (r_i − R_i)|Rb⟩ in eV Å ħ; ``spin_hamiltonian`` ⟨0a|s_j H|Rb⟩
    (nR, 3, n, n) in eV ħ. They are no Hermitian operators. In k space, Σ_R e^{ik·R} X(R), they hold the position as the
    matrix Ā of the model does: with P the space of the model, P s (1−P) r P is spin_position − S Ā.

    ``bands`` is the number of bands they were summed over, ``commutation_error`` the relative size of [e^{−ib·r}, s]
    between them, zero for a complete set, ``files`` names the files by kind; ``finite_difference`` says that they were
    not made to fit the position matrix. ``symmetrise`` averages them; a superconductor and a model of some of the
    orbitals go without, since they are products of electrons and of the whole space. Raises ``ModelError`` for shapes
    that disagree.
    """

    spin_position: LatticeOperator
    spin_hamiltonian_position: LatticeOperator
    spin_hamiltonian: LatticeOperator
    bands: int
    commutation_error: float
    files: Mapping[str, str]
    finite_difference: bool = False

    def __post_init__(self) -> None:
        for name, (legs, _) in PARTS.items():
            part: LatticeOperator = getattr(self, name)
            shape = (3,) * len(legs)
            if part.leg_shape != shape or part.size != self.size:
                raise ModelError(
                    f"{name} has legs {part.leg_shape} and {part.size} orbitals; expected legs {shape} and {self.size} "
                    "orbitals in every part of all_states"
                )
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled.
        parts = (getattr(self, name) for name in PARTS)
        return AllStates, (*parts, self.bands, self.commutation_error, dict(self.files), self.finite_difference)

    def from_origins(self, spin: LatticeOperator | Operator, origins: RealArray) -> AllStates:
        """The position measured from ``origins`` (n, 3) in Å, those of the orbitals on the right.

        ``spin`` is that of the model.
        """
        return replace(
            self,
            spin_position=_moved(self.spin_position, spin, origins),
            spin_hamiltonian_position=_moved(self.spin_hamiltonian_position, self.spin_hamiltonian, origins),
        )

    @property
    def size(self) -> int:
        """Number of orbitals n of the model."""
        return self.spin_hamiltonian.size

    def require_fit(self, size: int, dimension: int, spin: bool) -> None:
        """Raise ``ModelError`` unless they belong to a model of so many orbitals and dimensions, with a spin or not."""
        if self.size != size:
            raise ModelError(f"all_states has {self.size} orbitals, the hamiltonian {size}; make them equal")
        if not spin:
            raise ModelError('all_states holds products with the spin; give the model an operator "spin"')
        for name in PARTS:
            if np.any(getattr(self, name).R[:, dimension:]):
                raise ModelError(
                    f"all_states.{name} has hoppings along a direction that is not periodic (dimension = {dimension})"
                )


def _moved(product: LatticeOperator, left: LatticeOperator | Operator, origins: RealArray) -> LatticeOperator:
    """X r − X o from X r = ``product`` and X = ``left``, o the origin of the orbital on the right."""
    R = np.unique(np.concatenate([product.R, left.R]), axis=0)
    index = {tuple(vector): i for i, vector in enumerate(R.tolist())}
    matrices = np.zeros((len(R), *product.matrices.shape[1:]), dtype=np.complex128)
    matrices[[index[tuple(vector)] for vector in product.R.tolist()]] = product.matrices
    shift = left.matrices[:, None] * origins.T[None, :, None, None, :]
    matrices[[index[tuple(vector)] for vector in left.R.tolist()]] -= shift
    return LatticeOperator(R, matrices)
