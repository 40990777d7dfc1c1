"""What a model stands for beside its matrices, as values that programs may rely on: Nambu basis, spin, mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from solenoidal.errors import ModelError

NAMBU_WEIGHT: Mapping[str, float] = {"sz": 1.0, "symmetrised": 0.5, "general": 0.5, "spinless": 0.5}
"""Weight of a sum over all Bogoliubov bands: ½ where every excitation occurs twice, at ε(k) and at −ε(−k)."""


@dataclass(frozen=True)
class Nambu:
    """The Nambu basis of a superconductor that ``bdg`` has made: see there for the names of ``basis``.

    ``chemical_potential`` (eV) is inside the Hamiltonian; ``pairing_parity`` says how the pair potential
    turns when its electrons change places. Raises
    ``ModelError`` for an unknown basis.
    """

    basis: str
    chemical_potential: float
    pairing_parity: str

    def __post_init__(self) -> None:
        if self.basis not in NAMBU_WEIGHT:
            raise ModelError(f'basis is {self.basis!r}; expected "sz", "symmetrised", "general" or "spinless"')

    @property
    def weight(self) -> float:
        """Weight of a sum over all bands: ½ in a redundant basis, which holds every excitation twice, and 1 in "sz"."""
        return NAMBU_WEIGHT[self.basis]


def checked_degeneracy(found: Any, *, spinful: bool, nambu: bool) -> int:
    """``found`` if bands can stand for that many spin states; raises ``ModelError``."""
    if isinstance(found, bool) or found not in (1, 2):
        raise ModelError(f"spin_degeneracy is {found!r}; write 2 if every band stands for both spins, otherwise 1")
    if found == 2 and (spinful or nambu):
        what = 'has an operator "spin"' if spinful else "is a superconductor, whose basis counts its spins"
        raise ModelError(f"spin_degeneracy is 2 and the model {what}; write spin_degeneracy=1")
    return int(found)


def checked_mesh(found: Any) -> tuple[int, int, int] | None:
    """The divisions ``found`` of a first-principles mesh as integers; raises ``ModelError``."""
    if found is None:
        return None
    mesh = np.asarray(found)
    if mesh.shape != (3,) or not np.issubdtype(mesh.dtype, np.integer) or mesh.min() < 1:
        raise ModelError(f"first_principles_mesh is {found!r}; expected the three divisions of the k mesh")
    return int(mesh[0]), int(mesh[1]), int(mesh[2])


def facts_as_text(
    nambu: Nambu | None, spin_degeneracy: int, mesh: tuple[int, int, int] | None, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """``provenance`` and what is known beside it, for logs and reports."""
    told: dict[str, Any] = dict(provenance)
    if mesh is not None:
        told["mesh"] = list(mesh)
    if nambu is not None:
        told |= {
            "basis": nambu.basis,
            "nambu_weight": nambu.weight,
            "chemical_potential_eV": nambu.chemical_potential,
            "pairing_parity": nambu.pairing_parity,
        }
    if spin_degeneracy != 1:
        told["spin_degeneracy"] = spin_degeneracy
    return told
