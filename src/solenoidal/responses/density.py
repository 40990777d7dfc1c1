"""Local densities of a slowly varying system, Eqs. (4)-(6), as functions of the local μ and T."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from solenoidal.bloch.interpolation import Model
from solenoidal.geometry.expressions import operator_symbols
from solenoidal.geometry.formulas import (
    berry_spin,
    current,
    current_dipole,
    dipole,
    expectation,
    mixed_curvature,
    space_berry_spin,
    torque_curvature,
    torque_dipole,
    torque_quadrupole,
    velocity_dipole,
    whole_conventional,
)
from solenoidal.geometry.space import Space
from solenoidal.responses.response import Part, Quantity, Term


@dataclass(frozen=True)
class LocalDensity:
    """Functions of (μ, T) from which Eqs. (4)-(6) give the density, the currents and the source of an operator.

    Quantities, each with outputs ``value``, ``per_mu`` and ``per_temperature``:

    * ``density`` ∫ f s, ``current`` ∫ f J^{is,0} and ``torque_current`` ∫ (f d^{iτ} + g Ω^{iτ}): uniform equilibrium;
    * ``polarisation`` N^l = ∫ (f d^{ls} + g Ω^{ls}), ``current_moment`` N^{li} = ∫ (f d^{lJ_i} + g Ω^{lJ_i}) and
      ``torque_moment`` Q^{il} = ∫ (f q^{ilτ} − g χ^{ilτ}), axes (gradient l, current i): minus their divergence is the
      magnetization part. χ of Eq. (10) contains −∂_l d^{is}, integrated by parts to −∫ f v^l d^{is}.

    Transport coefficients of the force (eE − ∇μ)_l and of −∂_lT, outputs ``force`` and ``thermal``:
    ``density_response`` ∫ F_l Ω^{ls}, ``current_response`` ∫ F_l Ω^{lJ_i}, ``torque_response`` −∫ F_l χ^{ilτ}.

    All numbers are internal (ħ = 1, eV, Å, per Å^dimension). ``realspace.local_densities`` puts them together for
    given profiles.
    """

    operator: str = "spin"
    name: str = "local_density"

    @property
    def operators(self) -> tuple[str, ...]:
        """The operator."""
        return (self.operator,)

    def terms(self, model: Model) -> Mapping[str, Term]:
        """Band quantities, tensors with axes (gradient l, current i); the density's are odd where the operator is."""
        s, space = operator_symbols(model.require_operator(self.operator)), Space.of(model)
        legs, t = s.law
        vector, tensor = ("polar", *legs), ("polar", "polar", *legs)
        return {
            "expectation": Term(legs, t, lambda *q: expectation(s[q])),
            "dipole": Term(vector, t, lambda l, *q: dipole(l, s[q])),
            "curvature": Term(vector, t, lambda l, *q: mixed_curvature(l, s[q])),
            "current": Term(vector, -t, lambda i, *q: current(i, s[q])),
            "torque_dipole": Term(vector, -t, lambda i, *q: torque_dipole(i, s[q])),
            "torque_curvature": Term(vector, -t, lambda i, *q: torque_curvature(i, s, q, space)),
            "berry_spin": Term(
                ("axial", *legs), -t, lambda j, *q: berry_spin(j, s[q]) + space_berry_spin(j, s[q], space)
            ),
            "current_dipole": Term(tensor, -t, lambda l, i, *q: current_dipole(l, i, s[q])),
            "current_curvature": Term(tensor, -t, lambda l, i, *q: whole_conventional(l, i, s[q], space)),
            "velocity_dipole": Term(tensor, -t, lambda l, i, *q: velocity_dipole(l, i, s[q])),
            "quadrupole": Term(tensor, -t, lambda l, i, *q: torque_quadrupole(l, i, s[q])),
        }

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """State functions with both derivatives, and transport coefficients."""
        operator = model.require_operator(self.operator)
        a, spin = operator.letters, operator.dims
        same, tensor = f"i{a}->i{a}", f"li{a}->li{a}"
        # Ω^{il} s from the axial vector of Ω: ε_ilj.
        curl = f"ilj,j{a}->li{a}"
        scalar = f"{a}->{a}"
        chi = (
            Part("current_curvature", "fermi", 1.0, tensor),
            Part("berry_spin", "fermi", 1.0, curl),
            Part("velocity_dipole", "minus_fermi_derivative", -1.0, tensor),
        )
        moment = (
            Part("quadrupole", "fermi", 1.0, tensor),
            Part("velocity_dipole", "fermi", -1.0, tensor),
            Part("current_curvature", "grand_potential", -1.0, tensor),
            Part("berry_spin", "grand_potential", -1.0, curl),
        )
        functions: dict[str, tuple[tuple[Part, ...], tuple[str, ...]]] = {
            "density": ((Part("expectation", "fermi", 1.0, scalar),), ()),
            "current": ((Part("current", "fermi", 1.0, same),), ("current",)),
            "torque_current": (_with_curvature("torque_dipole", "torque_curvature", same), ("current",)),
            "polarisation": (_with_curvature("dipole", "curvature", same), ("gradient",)),
            "current_moment": (_with_curvature("current_dipole", "current_curvature", tensor), ("gradient", "current")),
            "torque_moment": (moment, ("gradient", "current")),
        }
        responses: dict[str, tuple[tuple[Part, ...], tuple[str, ...]]] = {
            "density_response": ((Part("curvature", "fermi", 1.0, same),), ("gradient",)),
            "current_response": ((chi[0],), ("gradient", "current")),
            "torque_response": (tuple(part.scaled(-1.0) for part in chi), ("gradient", "current")),
        }
        return {
            **{name: Quantity(_function(p), (*dims, *spin), "internal") for name, (p, dims) in functions.items()},
            **{name: Quantity(_response(p), (*dims, *spin), "internal") for name, (p, dims) in responses.items()},
        }


def _with_curvature(dipole_term: str, curvature_term: str, subscripts: str) -> tuple[Part, ...]:
    return (
        Part(dipole_term, "fermi", 1.0, subscripts),
        Part(curvature_term, "grand_potential", 1.0, subscripts),
    )


def _function(parts: tuple[Part, ...]) -> dict[str, tuple[Part, ...]]:
    return {
        "value": parts,
        "per_mu": tuple(part.per_mu() for part in parts),
        "per_temperature": tuple(part.per_temperature() for part in parts),
    }


def _response(parts: tuple[Part, ...]) -> dict[str, tuple[Part, ...]]:
    return {"force": parts, "thermal": tuple(part.in_thermal_force() for part in parts)}
