"""Band quantities for pictures: bands coloured by spin, Ω·s or dipole, and k-plane maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from solenoidal.bloch.interpolation import Model
from solenoidal.geometry.expressions import operator_symbols
from solenoidal.geometry.formulas import (
    berry_curvature,
    berry_spin,
    dipole,
    expectation,
    orbital_moment,
    quantum_metric,
    space_berry_spin,
    space_curvature,
    torque_dipole,
    whole_conventional,
)
from solenoidal.geometry.space import Space
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
        s, space = operator_symbols(model.require_operator(self.operator)), Space.of(model)
        legs, t = s.law
        axial, polar = ("axial", *legs), ("polar", *legs)
        return {
            "spin": Term(legs, t, lambda *q: expectation(s[q])),
            "berry_curvature": Term(("axial",), -1, lambda j: berry_curvature(j) + space_curvature(j, space)),
            "berry_spin": Term(axial, -t, lambda j, *q: berry_spin(j, s[q]) + space_berry_spin(j, s[q], space)),
            "dipole": Term(polar, t, lambda i, *q: dipole(i, s[q])),
            "torque_dipole": Term(polar, -t, lambda i, *q: torque_dipole(i, s[q])),
            "conventional": Term(("polar", *polar), -t, lambda l, i, *q: whole_conventional(l, i, s[q], space)),
            "orbital_moment": Term(axial, -t, lambda j, *q: orbital_moment(j, s[q])),
            "quantum_metric": Term(("polar", "polar"), 1, quantum_metric),
        }

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """None: these are quantities of single k points."""
        return {}
