"""Band quantities for pictures: bands coloured by spin, Ω·s or dipole, and k-plane maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from solenoidal.bloch.interpolation import Model
from solenoidal.geometry.expressions import operator_symbols
from solenoidal.geometry.formulas import (
    berry_curvature,
    berry_spin,
    conventional,
    dipole,
    expectation,
    orbital_moment,
    quantum_metric,
    torque_dipole,
)
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
        s = operator_symbols(model.require_operator(self.operator))
        legs, t = s.law
        axial, polar = ("axial", *legs), ("polar", *legs)
        return {
            "spin": Term(legs, t, lambda *q: expectation(s[q])),
            "berry_curvature": Term(("axial",), -1, berry_curvature),
            "berry_spin": Term(axial, -t, lambda j, *q: berry_spin(j, s[q])),
            "dipole": Term(polar, t, lambda i, *q: dipole(i, s[q])),
            "torque_dipole": Term(polar, -t, lambda i, *q: torque_dipole(i, s[q])),
            "conventional": Term(("polar", *polar), -t, lambda l, i, *q: conventional(l, i, s[q])),
            "orbital_moment": Term(axial, -t, lambda j, *q: orbital_moment(j, s[q])),
            "quantum_metric": Term(("polar", "polar"), 1, quantum_metric),
        }

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """None: these are quantities of single k points."""
        return {}
