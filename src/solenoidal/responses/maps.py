"""Band quantities for pictures: bands coloured by spin, Ω·s or dipole, and k-plane maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.states import BlochStates
from solenoidal.geometry.curvature import berry_curvature, curvature_times_operator, quantum_metric
from solenoidal.geometry.multipoles import dipole, orbital_moment, torque_dipole
from solenoidal.geometry.products import diagonal
from solenoidal.geometry.transport import current_curvature
from solenoidal.responses.response import Quantity, Term


@dataclass(frozen=True)
class BandGeometry:
    """Geometry of every band at given k, for ``sample``: it publishes no integral.

    Terms (axes after band): ``spin`` (s), ``berry_curvature`` (3) Å², ``berry_spin`` = Ω·s (3, s), ``dipole`` Eq. (3)
    (3, s), ``torque_dipole`` Eq. (10) (3, s), ``conventional`` Ω^{l,J} (field, current, s), ``orbital_moment``
    Eq. (11) (3, s), ``quantum_metric`` (3, 3).
    """

    operator: str = "spin"
    name: str = "band_geometry"

    @property
    def operators(self) -> tuple[str, ...]:
        """The operator."""
        return (self.operator,)

    def terms(self, model: Model) -> Mapping[str, Term]:
        """How each quantity turns."""
        s, t = model.require_operator(self.operator).law
        return {
            "spin": Term(s, t),
            "berry_curvature": Term(("axial",), -1),
            "berry_spin": Term(("axial", *s), -t),
            "dipole": Term(("polar", *s), t),
            "torque_dipole": Term(("polar", *s), -t),
            "conventional": Term(("polar", "polar", *s), -t),
            "orbital_moment": Term(("axial", *s), -t),
            "quantum_metric": Term(("polar", "polar"), 1),
        }

    def evaluate(self, states: BlochStates) -> Mapping[str, RealArray]:
        """All terms at the states' k points."""
        circulation, moving = orbital_moment(states, self.operator)
        return {
            "spin": diagonal(states.operator(self.operator)),
            "berry_spin": curvature_times_operator(states, self.operator),
            "dipole": dipole(states, self.operator),
            "torque_dipole": torque_dipole(states, self.operator),
            "conventional": current_curvature(states, self.operator),
            "orbital_moment": circulation + moving,
            "berry_curvature": berry_curvature(states),
            "quantum_metric": quantum_metric(states),
        }

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """None: these are quantities of single k points."""
        return {}
