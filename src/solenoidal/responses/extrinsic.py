"""The disorder-driven conserved current, Eq. (19): flows whose moments with the mean free path are the response.

On one energy shell σ^{il} = e Σ w θ^i λ^l, where θ is the flow carried by a state. All flows share one λ, so the split
of the conserved current into its conventional and torque-dipole parts is exact shell by shell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.models.operator import Law
from solenoidal.responses.guards import NOT_DRIVEN, require_electrons


class GroupStates(Protocol):
    """States of groups of g degenerate bands at m points, as the flows need them.

    ``velocity`` (m, g, 3, g); ``operators`` name → (m, g, legs, g); ``currents`` name → Π½{v, s}Π (m, g, 3, legs, g).
    """

    @property
    def velocity(self) -> ComplexArray:
        """Velocity inside the group, eV Å."""
        ...

    @property
    def operators(self) -> Mapping[str, ComplexArray]:
        """Projected operators."""
        ...

    @property
    def currents(self) -> Mapping[str, ComplexArray]:
        """Projected conventional currents."""
        ...


@dataclass(frozen=True)
class ExtrinsicSpinConductivity:
    """δJ^{is} = ∫ δf_n v^i_n s_n, Eq. (19), beside the conventional current ∫ δf_n ⟨½{v^i, s}⟩_n of the same δf.

    Outputs, axes (current i, field l, spin):

    * ``conserved``: flow ½{v, s} of the velocity and spin matrices inside the group (v_n s_n for a single band);
    * ``conventional``: flow Π½{v, s}Π of the full matrices;
    * ``torque_dipole``: their difference, which is ∫ δf d^{iτ} by Eq. (10).

    Odd under time reversal of host and impurities together (spin). ``operator`` names the operator of the model, whose
    legs the last axes are, ``charge`` is the carrier charge in units of |e|.
    """

    operator: str = "spin"
    charge: float = -1.0
    name: str = "extrinsic_spin_conductivity"

    @property
    def operators(self) -> tuple[str, ...]:
        """The operator."""
        return (self.operator,)

    def law(self, model: Model) -> Law:
        """Legs (current, field, spin) and sign under time reversal: v and λ are odd, so it is that of the operator.

        Raises ``ModelError`` for a superconductor.
        """
        require_electrons(model, self.name, NOT_DRIVEN)
        last, sign = model.require_operator(self.operator).law
        return ("polar", "polar", *last), sign

    def dims(self, model: Model) -> tuple[str, ...]:
        """Axis names of the tensors."""
        return ("current", "field", *model.require_operator(self.operator).dims)

    def conserved_flow(self, states: GroupStates) -> ComplexArray:
        """½{v̂^i, ŝ} of the matrices inside each group, (m, g, 3, legs, g)."""
        product = np.einsum("mgih,mhak->mgiak", states.velocity, states.operators[self.operator], optimize=True)
        return np.asarray(0.5 * (product + product.conj().transpose(0, 4, 2, 3, 1)))

    def conventional_flow(self, states: GroupStates) -> ComplexArray:
        """Π½{v^i, s}Π, (m, g, 3, legs, g)."""
        return states.currents[self.operator]

    def charge_flow(self, states: GroupStates) -> ComplexArray:
        """v̂^i, (m, g, 3, g)."""
        return states.velocity

    def tensors(self, conserved: RealArray, conventional: RealArray) -> dict[str, RealArray]:
        """Labelled outputs from the moments Σ w θ λ of the two flows."""
        return {
            "conserved": conserved,
            "conventional": conventional,
            "torque_dipole": conserved - conventional,
        }
