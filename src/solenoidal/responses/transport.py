"""Thermoelectric response of the conserved current, Eqs. (14)-(16) and (18), beside its rival definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from solenoidal.bloch.interpolation import Model
from solenoidal.geometry.expressions import operator_symbols
from solenoidal.geometry.formulas import (
    berry_spin,
    conventional,
    finite_q,
    interband_spin,
    space_berry_spin,
    space_conventional,
    space_interband,
    velocity_dipole,
)
from solenoidal.geometry.space import Space
from solenoidal.responses.guards import NOT_DRIVEN, require_electrons
from solenoidal.responses.kernels import (
    ENTROPY,
    FERMI,
    MINUS_ENTROPY_DERIVATIVE,
    MINUS_FERMI_DERIVATIVE,
    Kernel,
)
from solenoidal.responses.response import Fallback, Part, Quantity, Term
from solenoidal.responses.truncation import INSIDE, TRUNCATION, with_truncation
from solenoidal.units import operator_unit

# Antisymmetric tensors are kept as axial vectors V_j; the pair (l, i) is recovered by ε_lij V_j.
_CURL = "lij,j{a}->il{a}"
_TRANSPOSE = "li{a}->il{a}"


@dataclass(frozen=True)
class SpinConductivity:
    """Conserved, conventional, torque-dipole and finite-q conductivity of an operator s, with the Nernst partners.

    J^{is} = σ^{ils}(E_l − ∂_l μ/e) − α^{ils} ∂_l T, Eq. (14). Outputs of both tensors, axes (current i, field l, spin):

    * ``semiclassical``: Eq. (15), by the Fermi-surface route in one and two dimensions and by the Fermi-sea route in
      three; ``semiclassical_surface``, ``semiclassical_sea`` and their difference ``route_difference``. Where three or
      more shifted meshes tell that the difference is not zero, bands touch along lines, and the surface route is taken
      in three dimensions as well; the attribute ``route`` of the output says so;
    * ``berry_spin`` (Ω s) and ``dipole`` (∂_l d): the two terms of Eq. (15);
    * ``conventional``: from ½{v, s}; ``torque_dipole``: ``semiclassical`` − ``conventional``;
    * ``finite_q``: the response defined by the continuity equation in a slowly varying field;
    * ``projector``: Eq. (16) with the curvature of the whole occupied space, if ``occupied_bands`` is given; valid for
      an insulator with that many filled bands.

    Where positions of the model join orbitals, or the operator joins sites, as in every model read from Wannier90, the
    outputs contain what the curvature of the space adds (``geometry.space``); ``<output>_inside`` leaves it out, as
    most programs do, and ``<output>_truncation`` is the difference.

    ``operator`` names the operator of the model, whose legs the last axes are (none for a scalar), and ``charge`` is
    the carrier charge in units of |e|. ``components`` are the elements wanted, such as ``("xyz",)``, all by default:
    what symmetry does not mix into them is not computed, and absent from the result. ``name`` tells the responses of a
    run apart, "<operator>_conductivity" by default.
    """

    operator: str = "spin"
    charge: float = -1.0
    occupied_bands: int | None = None
    components: tuple[str, ...] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or f"{self.operator}_conductivity")

    @property
    def operators(self) -> tuple[str, ...]:
        """The operator."""
        return (self.operator,)

    def terms(self, model: Model) -> Mapping[str, Term]:
        """Sea curvatures as axial vectors, the rest as (l, i, spin) tensors; ``ModelError`` for a superconductor."""
        require_electrons(model, self.name, NOT_DRIVEN)
        s, space = operator_symbols(model.require_operator(self.operator)), Space.of(model)
        last, sign = s.law
        vector, tensor = ("axial", *last), ("polar", "polar", *last)
        terms = {
            "berry_spin": Term(vector, -sign, lambda j, *q: berry_spin(j, s[q])),
            "interband_spin": Term(vector, -sign, lambda j, *q: interband_spin(j, s[q])),
            "velocity_dipole": Term(tensor, -sign, lambda l, i, *q: velocity_dipole(l, i, s[q])),
            "conventional": Term(tensor, -sign, lambda l, i, *q: conventional(l, i, s[q])),
            "finite_q": Term(tensor, -sign, lambda l, i, *q: finite_q(l, i, s[q])),
        }
        if space.curved(s):
            terms |= {
                "space_berry_spin": Term(vector, -sign, lambda j, *q: space_berry_spin(j, s[q], space)),
                "space_interband": Term(vector, -sign, lambda j, *q: space_interband(j, s, q, space)),
                "space_conventional": Term(vector, -sign, lambda j, *q: space_conventional(j, s[q], space)),
            }
        if self.occupied_bands is not None:
            # Re tr_P[Ω_P s_P]: the filled bands as one group.
            terms["projector"] = replace(terms["berry_spin"], filled=self.occupied_bands)
            if space.curved(s):
                terms["space_projector"] = replace(terms["space_berry_spin"], filled=self.occupied_bands)
        return terms

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """σ with kernels (f, −f′) and α with kernels (e, −e′), Eq. (15)."""
        operator = model.require_operator(self.operator)
        dims = ("current", "field", *operator.dims)
        curved = Space.of(model).curved(operator_symbols(operator))
        names = ("projector", *(f"projector{kind}" for kind in (INSIDE, TRUNCATION) if curved))
        filled = {} if self.occupied_bands is None else dict.fromkeys(names, self.occupied_bands)
        found = {}
        for name, unit, kernels, c in (
            ("conductivity", "spin_conductivity", (FERMI, MINUS_FERMI_DERIVATIVE), self.charge),
            ("nernst", "spin_nernst", (ENTROPY, MINUS_ENTROPY_DERIVATIVE), 1.0),
        ):
            outputs = self._outputs(*kernels, c, operator.letters, model.dimension, curved)
            found[name] = Quantity(
                outputs,
                dims,
                operator_unit(unit, operator.unit),
                filled_bands=filled,
                components=self.components,
                fallback=_lines(outputs) if model.dimension == 3 else None,
            )
        return found

    def _outputs(
        self, sea: Kernel, surface: Kernel, c: float, legs: str, dimension: int, curved: bool
    ) -> Mapping[str, tuple[Part, ...]]:
        curl, transpose = _CURL.format(a=legs), _TRANSPOSE.format(a=legs)
        berry_spin = (Part("berry_spin", sea, c, curl),)
        dipole = (Part("velocity_dipole", surface, c, transpose),)
        symmetric = (
            Part("velocity_dipole", surface, c / 2, transpose),
            Part("velocity_dipole", surface, c / 2),
        )
        outputs = {
            "semiclassical_surface": berry_spin + dipole,
            "semiclassical_sea": (berry_spin[0].scaled(0.5), Part("interband_spin", sea, c, curl), *symmetric),
            "conventional": (Part("conventional", sea, c, transpose),),
            "berry_spin": berry_spin,
        }
        if self.occupied_bands is not None:
            outputs["projector"] = (Part("projector", sea, c, curl),)
        if curved:
            space = {name: Part(f"space_{name}", sea, c, curl) for name in ("berry_spin", "interband", "conventional")}
            gained: dict[str, tuple[Part, ...]] = {
                "semiclassical_surface": (space["berry_spin"],),
                "semiclassical_sea": (space["berry_spin"].scaled(0.5), space["interband"]),
                "conventional": (space["conventional"],),
                "berry_spin": (space["berry_spin"],),
            }
            if self.occupied_bands is not None:
                gained["projector"] = (Part("space_projector", sea, c, curl),)
            outputs = with_truncation(outputs, gained)
        route = "semiclassical_sea" if dimension == 3 else "semiclassical_surface"
        for kind in ("", INSIDE, TRUNCATION) if curved else ("",):
            outputs[f"semiclassical{kind}"] = outputs[f"{route}{kind}"]
            outputs[f"torque_dipole{kind}"] = outputs[f"semiclassical{kind}"] + _negative(
                outputs[f"conventional{kind}"]
            )
        outputs["finite_q"] = (Part("finite_q", sea, c, transpose), Part("velocity_dipole", surface, c))
        outputs["dipole"] = dipole
        outputs["route_difference"] = outputs["semiclassical_surface"] + _negative(outputs["semiclassical_sea"])
        return outputs


def _lines(outputs: Mapping[str, tuple[Part, ...]]) -> Fallback:
    """In three dimensions the routes differ where bands touch along lines that symmetry protects: there the curl of the
    dipole is a δ function, which the surface route integrates and the sea route does not see. Kramers pairs that noise
    splits have it almost."""
    other = {}
    for kind in ("", INSIDE, TRUNCATION):
        if f"semiclassical{kind}" in outputs:
            surface = outputs[f"semiclassical_surface{kind}"]
            other[f"semiclassical{kind}"] = surface
            other[f"torque_dipole{kind}"] = surface + _negative(outputs[f"conventional{kind}"])
    meaning = "by the Fermi-surface route, since the two routes differ: bands touch or nearly touch along lines"
    return Fallback("route_difference", other, meaning)


def _negative(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(part.scaled(-1.0) for part in parts)
