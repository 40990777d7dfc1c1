"""Orbital magnetization of the conserved current of an operator, Eqs. (11)-(13) and (17), and of charge for s → e."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from solenoidal.bloch.interpolation import Model
from solenoidal.geometry.expressions import ONE, Band, Matrix, OperatorSymbols, energy, operator_symbols
from solenoidal.geometry.formulas import (
    berry_spin,
    circulation,
    current_curvature,
    mean_curvature,
    moving_dipole,
    space_berry_spin,
    space_conventional,
    space_curvature,
    space_interband,
)
from solenoidal.geometry.space import Space
from solenoidal.models.operator import Leg
from solenoidal.responses.guards import NOT_ORBITAL, require_electrons
from solenoidal.responses.response import Fallback, Part, Quantity, Term
from solenoidal.responses.truncation import INSIDE, TRUNCATION, with_truncation
from solenoidal.units import Unit, find_unit, operator_unit

Outputs = dict[str, tuple[Part, ...]]

_UNITS = ("magnetization", "spin_conductivity", "magnetization_per_kelvin")
_ELECTRIC_UNITS = ("orbital_magnetization", "conductivity", "orbital_magnetization_per_kelvin")


@dataclass(frozen=True)
class Magnetization:
    """Magnetization M^s whose curl is the equilibrium current of an operator s, Eq. (12), at any μ and T.

    Quantity ``magnetization``, axes (moment, spin):

    * ``magnetization`` = ∫ (f m1 + g K), K = ½(s Ω + Ω^s): Eq. (13) without a total derivative in k, so it converges
      much faster; the value to quote;
    * ``eq13`` = ∫ (f m1 + f m2 + g Ω s), Eq. (13) term by term: ``local_circulation`` (f m1), ``moving_dipole`` (f m2)
      and ``berry`` (g Ω s), the local and global circuits;
    * ``route_difference`` = ``magnetization`` − ``eq13``, which goes to zero with the mesh, in Wannier models owing to
      the terms of their space, unless bands touch at points in two dimensions or along lines in three, where d has a
      vortex and the curl a δ function;
    * ``M0`` = ½(N^{xy} − N^{yx}), N^{li} = ∫ (f d^{lJ_i} + g Ω^{lJ_i}): the magnetization of the conventional current
      alone, the antisymmetric part of the third term of Eq. (4). It vanishes for completely filled bands,
      in a Wannier model ``M0_inside`` does.

    Where positions join orbitals or the operator joins sites (``geometry.space``), the outputs contain what the
    curvature of the space adds; ``<output>_inside`` leaves it out and ``<output>_truncation`` is the difference.

    Quantity ``symmetrised_magnetization``: ``infinite_temperature`` M_inf = ½ Σ_all (m1 + ε K), μ being the zero of
    energy, and ``symmetrised`` = ``magnetization`` − M_inf: what a redundant Nambu basis with weight ½ gives, zero for
    every time-reversal invariant superconductor. Quantity ``filled_curvature``: S = Σ_all K, which Eq. (13) does
    not make vanish for three bands or more: M → −T ln 2 · S at high temperature. Both need every band: an energy
    window that cuts bands off is refused, and the zero of energy must be the chemical potential (BdG).

    Quantity ``streda``: e ∂/∂μ of the same outputs, Eq. (17); in an insulator e ∂M^s/∂μ = −e ∫ Ω s = σ_H^s. The
    derivative moves the level at which unchanged states are occupied: of a superconductor that is the response to a
    Zeeman energy, and ``realspace.magnetization_slopes`` gives the one with μ inside the Hamiltonian beside it.
    Quantity ``entropy_magnetization``: ∂/∂T of ``magnetization``, ``eq13`` and ``M0``. With ``electric`` also
    ``moment_per_cell``, the outputs of ``magnetization`` times the cell in μ_B.

    ``operator`` names the operator; None is the identity, every carrier counting 1. With ``electric`` the operator
    counts carriers and the outputs are those of charge: multiplied by ``charge`` (in units of |e|), in A for two
    dimensions and A/m for three; otherwise in eV or eV/Å times the unit of s.
    ``components`` are the elements wanted, such as ``("zz",)``, all by default.
    See ``orbital_magnetization`` for Bloch electrons and ``bogolon_magnetization`` for superconductors.
    """

    operator: str | None = "spin"
    charge: float = -1.0
    electric: bool = False
    components: tuple[str, ...] | None = None
    name: str = "magnetization"

    @property
    def operators(self) -> tuple[str, ...]:
        """The operator, none for the identity."""
        return () if self.operator is None else (self.operator,)

    def terms(self, model: Model) -> Mapping[str, Term]:
        """Axial vectors, odd under time reversal for a time-even operator.

        Raises ``ModelError`` for a superconductor if the identity stands for its charge.
        """
        if self.operator is None:
            if self.electric:
                require_electrons(model, self.name, NOT_ORBITAL)
            # Every carrier counts 1: J is the velocity, and there is no dipole.
            return _terms(model, (), 1, lambda q: ONE, lambda j, q, space: 0.5 * space_curvature(j, space))
        s = operator_symbols(model.require_operator(self.operator))
        return _terms(model, *s.law, lambda q: s[q], lambda j, q, space: space_interband(j, s, q, space), s)

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        """M^s, its derivatives by kernels (∂f/∂μ = −f′, ∂g/∂μ = −f, ∂f/∂T = −∂e/∂ε, ∂g/∂T = −e), and filled bands."""
        operator = None if self.operator is None else model.require_operator(self.operator)
        dims = ("moment", *(() if operator is None else operator.dims))
        scale = self.charge if self.electric else 1.0
        if self.electric:
            kind, hall, per_kelvin = map(find_unit, _ELECTRIC_UNITS)
        else:
            of = "ħ" if operator is None else operator.unit
            kind, hall, per_kelvin = (operator_unit(name, of) for name in _UNITS)
        curved = Space.of(model).curved(None if operator is None else operator_symbols(operator))
        magnetization = with_truncation(_MAGNETIZATION, _GAINED if curved else {})
        half_fill = tuple(Part(name, "all", scale * 0.5) for name in (("fill", "space_fill") if curved else ("fill",)))
        outputs = _scaled(magnetization, scale)
        slopes = {name: tuple(part.per_mu() for part in parts) for name, parts in magnetization.items()}
        entropy = {
            name: tuple(part.per_temperature() for part in magnetization[name])
            for name in ("magnetization", "eq13", "M0")
        }
        symmetrised = (*outputs["magnetization"], *(part.scaled(-1.0) for part in half_fill))
        means = tuple(Part(name, "all", scale * self.charge) for name in ("mean_curvature", "space_mean")[: 1 + curved])

        def quantity(given: Outputs, unit: Unit | str, *, per_cell: bool = False) -> Quantity:
            lines = "route_difference" in given and model.dimension == 3
            fallback = Fallback("route_difference", _by_eq13(given), _LINES) if lines else None
            return Quantity(given, dims, unit, per_cell, components=self.components, fallback=fallback)

        filled: Outputs = {"filled_curvature": means}
        found = {
            "magnetization": quantity(outputs, kind),
            "symmetrised_magnetization": quantity(
                {"symmetrised": symmetrised, "infinite_temperature": half_fill}, kind
            ),
            "filled_curvature": quantity(filled, hall),
            "streda": quantity(_scaled(slopes, scale * self.charge), hall),
            "entropy_magnetization": quantity(_scaled(entropy, scale), per_kelvin),
        }
        if self.electric:
            found["moment_per_cell"] = quantity(outputs, "bohr_magnetons", per_cell=True)
        return found


def _terms(
    model: Model,
    legs: tuple[Leg, ...],
    time_reversal: int,
    s: Callable[[tuple[int, ...]], Matrix],
    interband: Callable[[int, tuple[int, ...], Space], Band],
    operator: OperatorSymbols | None = None,
) -> Mapping[str, Term]:
    """m1, m2, Ω s, K, ½(Ω^{xJ_y} − Ω^{yJ_x}) and m1 + ε K of the operator s, and what the model's space adds to them;
    ``interband`` is what it adds to ½ Ω^s."""
    space = Space.of(model)

    def mean(j: int, q: tuple[int, ...]) -> Band:
        return 0.5 * space_berry_spin(j, s(q), space) + interband(j, q, space)

    formulas: dict[str, Callable[[int, tuple[int, ...]], Band]] = {
        "circulation": lambda j, q: circulation(j, s(q)),
        "moving_dipole": lambda j, q: moving_dipole(j, s(q)),
        "berry": lambda j, q: berry_spin(j, s(q)),
        "mean_curvature": lambda j, q: mean_curvature(j, s(q)),
        "current_curvature": lambda j, q: current_curvature(j, s(q)),
        "fill": lambda j, q: circulation(j, s(q)) + energy(mean_curvature(j, s(q))),
    }
    if space.curved(operator):
        formulas |= {
            "space_berry": lambda j, q: space_berry_spin(j, s(q), space),
            "space_mean": mean,
            "space_current": lambda j, q: space_conventional(j, s(q), space),
            "space_fill": lambda j, q: energy(mean(j, q)),
        }

    def term(formula: Callable[[int, tuple[int, ...]], Band]) -> Term:
        return Term(("axial", *legs), -time_reversal, lambda j, *q: formula(j, q))

    return {name: term(formula) for name, formula in formulas.items()}


def orbital_magnetization(*, charge: float = -1.0, name: str = "orbital_magnetization") -> Magnetization:
    """Orbital magnetization of Bloch electrons: Eq. (13) for s → e, the modern theory.

    M = e ∫ (f m + g Ω). Source: Xiao, Chang and Niu, Rev. Mod. Phys. 82, 1959 (2010). Needs no operator in the model.
    """
    return Magnetization(None, charge, True, name=name)


def bogolon_magnetization(
    *, operator: str = "charge", charge: float = -1.0, name: str = "bogolon_magnetization"
) -> Magnetization:
    """Orbital magnetization of a superconductor's quasiparticles, Eqs. (20), (21); ``operator`` is the model's τ_z.

    The chemical potential is inside the Hamiltonian: ask the result at μ = 0. The zero of energy being μ,
    ``symmetrised`` applies and is the value to quote.
    """
    return Magnetization(operator, charge, True, name=name)


_CIRCULATION = Part("circulation", "fermi")
_MOVING = Part("moving_dipole", "fermi")
_BERRY = Part("berry", "grand_potential")
_MEAN = Part("mean_curvature", "grand_potential")
_MAGNETIZATION: Outputs = {
    "magnetization": (_CIRCULATION, _MEAN),
    "eq13": (_CIRCULATION, _MOVING, _BERRY),
    "local_circulation": (_CIRCULATION,),
    "moving_dipole": (_MOVING,),
    "berry": (_BERRY,),
    "M0": (_CIRCULATION, Part("current_curvature", "grand_potential")),
    "route_difference": (_MEAN, _MOVING.scaled(-1.0), _BERRY.scaled(-1.0)),
}


def _scaled(outputs: Outputs, scale: float) -> Outputs:
    return {name: tuple(part.scaled(scale) for part in parts) for name, parts in outputs.items()}


_LINES = "by Eq. (13), since its K-form differs: bands touch or nearly touch along lines"


def _by_eq13(outputs: Outputs) -> Outputs:
    """The K-form leaves out the δ function that the curl of the dipole has where bands touch along lines."""
    kinds = ("", INSIDE, TRUNCATION)
    return {f"magnetization{kind}": outputs[f"eq13{kind}"] for kind in kinds if f"magnetization{kind}" in outputs}


_SPACE_BERRY, _SPACE_MEAN = Part("space_berry", "grand_potential"), Part("space_mean", "grand_potential")
_GAINED: Outputs = {
    "magnetization": (_SPACE_MEAN,),
    "eq13": (_SPACE_BERRY,),
    "berry": (_SPACE_BERRY,),
    "M0": (Part("space_current", "grand_potential"),),
    "route_difference": (_SPACE_MEAN, _SPACE_BERRY.scaled(-1.0)),
}
