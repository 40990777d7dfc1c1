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
from solenoidal.responses.response import Leg, operator_legs


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

    Odd under time reversal of host and impurities together (spin). ``operator`` names the operator, ``charge`` is the
    carrier charge in units of |e|; ``operator_leg`` and ``operator_time_reversal`` say how the operator turns, with leg
    None for a scalar operator.
    """

    operator: str = "spin"
    charge: float = -1.0
    operator_leg: Leg | None = "axial"
    operator_time_reversal: int = -1
    name: str = "extrinsic_spin_conductivity"

    @property
    def legs(self) -> tuple[Leg, ...]:
        """Kinds of the tensor legs (current, field, spin)."""
        return ("polar", "polar", *operator_legs(self.operator_leg))

    @property
    def time_reversal(self) -> int:
        """Sign of the tensor under time reversal: v and λ are odd, so it is that of the operator."""
        return self.operator_time_reversal

    @property
    def dims(self) -> tuple[str, ...]:
        """Axis names of the tensors."""
        return ("current", "field", *(("spin",) if self.operator_leg else ()))

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
        """Labelled outputs from the moments Σ w θ λ of the two flows, (..., 3, 3, legs)."""
        if self.operator_leg is None:
            conserved, conventional = conserved[..., 0], conventional[..., 0]
        return {
            "conserved": conserved,
            "conventional": conventional,
            "torque_dipole": conserved - conventional,
        }
