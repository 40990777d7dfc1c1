"""Physical constants and the factors from internal numbers (ħ = 1, eV, Å) to the units a user sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from solenoidal.errors import ResponseError, nearest

ELEMENTARY_CHARGE, BOLTZMANN_SI, PLANCK = 1.602176634e-19, 1.380649e-23, 6.62607015e-34
"""|e| (C), k_B (J/K) and h (J s), exact by definition of the SI units."""

BOHR_MAGNETON, BOHR_RADIUS = 9.2740100657e-24, 5.29177210544e-11
"""J/T and m, CODATA 2022; kept here, since libraries differ in the year of their table."""

ANGSTROM = 1e-10

BOLTZMANN = BOLTZMANN_SI / ELEMENTARY_CHARGE
"""Boltzmann constant in eV/K."""

HBAR = PLANCK / (2 * math.pi)
"""ħ in J s."""

CONDUCTANCE = ELEMENTARY_CHARGE**2 / HBAR
"""e²/ħ in S."""

CONDUCTANCE_PER_ANGSTROM = CONDUCTANCE / ANGSTROM / 100
"""e²/ħ per Å in S/cm: 24341.3."""

CURRENT_PER_ELECTRONVOLT = CONDUCTANCE
"""|e|/ħ times one eV in A: an orbital magnetization of 1 |e| eV/ħ in two dimensions is 2.434e-4 A."""

BOHR_MAGNETONS = CURRENT_PER_ELECTRONVOLT * ANGSTROM**2 / BOHR_MAGNETON
"""|e| eV Å²/ħ in Bohr magnetons: 0.26247."""

THERMAL_QUANTUM = math.pi**2 * BOLTZMANN_SI**2 / (3 * PLANCK)
"""Quantum of thermal conductance over temperature, π²k_B²/3h, in W/K²: 9.464e-13."""

BOHR = BOHR_RADIUS / ANGSTROM
"""Bohr radius in Å."""


class PrintedUnit(NamedTuple):
    """The label of a unit as users see it, and the factor that turns an internal number into it."""

    label: str
    factor: float


@dataclass(frozen=True, repr=False)
class Unit:
    """The unit of a published tensor: label and factor in ``one``, ``two`` and ``three`` periodic directions.

    Factors turn internal numbers (ħ = 1, eV, Å; integrals ∫d^dk/(2π)^d) into printed ones; None says that there is no
    such unit in that dimension. The package's own units are in ``UNITS``; a response may bring another, such as
    ``Unit("valley_hall", two=("e²/h", 2 * math.pi))``. Raises ``ResponseError`` for a wrong label or factor.
    """

    name: str
    one: tuple[str, float] | None = None
    two: tuple[str, float] | None = None
    three: tuple[str, float] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ResponseError(f"the name of a unit is {self.name!r}; write a text such as 'conductivity'")
        if not any((self.one, self.two, self.three)):
            raise ResponseError(
                f"unit {self.name!r} has no label in any dimension; write for example two=('e²/h', 6.28)"
            )
        for place in fields(self)[1:]:
            given = getattr(self, place.name)
            if given is not None:
                object.__setattr__(self, place.name, _printed(self.name, place.name, given))

    @staticmethod
    def same(name: str, label: str, factor: float = 1.0) -> Unit:
        """A unit with one label and factor whatever the dimension."""
        return Unit(name, (label, factor), (label, factor), (label, factor))

    @staticmethod
    def only(name: str, dimension: int, label: str, factor: float) -> Unit:
        """A unit that is known in one dimension, as a stored result knows it."""
        return Unit(name, *((label, factor) if d == dimension else None for d in (1, 2, 3)))

    def __repr__(self) -> str:
        if UNITS.get(self.name) == self:
            return f"Unit({self.name!r})"
        shown = (f"{f.name}={tuple(getattr(self, f.name))}" for f in fields(self)[1:] if getattr(self, f.name))
        return f"Unit({self.name!r}, {', '.join(shown)})"

    def of(self, dimension: int) -> PrintedUnit:
        """Label and factor in ``dimension`` periodic directions; raises ``ResponseError`` where there are none."""
        found = (self.one, self.two, self.three)[dimension - 1]
        if found is None:
            place = ("one", "two", "three")[dimension - 1]
            raise ResponseError(
                f"unit {self.name!r} is not defined for dimension {dimension}; give it {place}=(label, factor)"
            )
        return PrintedUnit(*found)


def _printed(name: str, place: str, given: Any) -> PrintedUnit:
    """``given`` as label and factor."""
    try:
        label, factor = given
        number = float(factor)
    except (TypeError, ValueError):
        label, number = None, math.nan
    if not isinstance(label, str) or not label or not math.isfinite(number) or number == 0:
        raise ResponseError(
            f"unit {name!r} has {place} = {given!r}; write a label and a finite factor other than zero, such as "
            "('e²/h', 6.28)"
        )
    return PrintedUnit(label, number)


def find_unit(name: str) -> Unit:
    """The unit called ``name``; raises ``ResponseError`` with the nearest name if there is none."""
    if name not in UNITS:
        raise ResponseError(f"unit {name!r} is not known; {nearest(name, UNITS)}; or give a Unit of your own")
    return UNITS[name]


def unit(name: str, dimension: int) -> PrintedUnit:
    """Label and factor of the unit called ``name`` in ``dimension`` periodic directions; raises ``ResponseError``."""
    return find_unit(name).of(dimension)


_TWO_PI = 6.283185307179586
_S = CONDUCTANCE_PER_ANGSTROM
_G = CONDUCTANCE
_A = CURRENT_PER_ELECTRONVOLT
UNITS = {
    one.name: one
    for one in (
        # Conductivity and Nernst coefficient of an operator in units of ħ, and those of charge.
        Unit("spin_conductivity", ("|e| Å", 1.0), ("|e|/(2π)", _TWO_PI), ("(ħ/|e|) S/cm", _S)),
        Unit("spin_nernst", ("eV Å/(ħ K)", 1.0), ("(ħ/|e|) A/K", _G), ("(ħ/|e|) A/(cm K)", _S)),
        Unit("conductivity", ("e²Å/ħ", 1.0), ("e²/h", _TWO_PI), ("S/cm", _S)),
        Unit("nernst", ("|e| eV Å/(ħ K)", 1.0), ("A/K", _G), ("A/(cm K)", _S)),
        # Magnetization of an operator, in its unit times eV per Å^(dimension − 2), and that of charge.
        Unit("magnetization", ("eV Å", 1.0), ("eV", 1.0), ("eV/Å", 1.0)),
        Unit("magnetization_per_kelvin", ("eV Å/K", 1.0), ("eV/K", 1.0), ("eV/(Å K)", 1.0)),
        Unit("orbital_magnetization", ("A Å", _A), ("A", _A), ("A/m", _A / ANGSTROM)),
        Unit("orbital_magnetization_per_kelvin", ("A Å/K", _A), ("A/K", _A), ("A/(m K)", _A / ANGSTROM)),
        Unit.same("bohr_magnetons", "μ_B/cell", BOHR_MAGNETONS),
        # κ/T, and the spin current in a gradient of the Zeeman field.
        Unit(
            "thermal_hall",
            ("π²k_B²Å/(3h)", _TWO_PI),
            ("π²k_B²/(3h)", _TWO_PI),
            ("W/(K² m)", _TWO_PI * THERMAL_QUANTUM / ANGSTROM),
        ),
        Unit("spin_quantum_hall", ("ħ Å/(8π)", _TWO_PI), ("ħ/(8π)", _TWO_PI), ("ħ/(8π Å)", _TWO_PI)),
        Unit.same("internal", "internal (ħ = 1, eV, Å)"),
        Unit.same("states_per_cell", "states/(eV cell)"),
        Unit.same("electrons_per_cell", "electrons/cell"),
        Unit.same("hbar_per_cell", "ħ/cell"),
    )
}
"""Every unit of the package by its name."""


def operator_unit(name: str, of: str) -> Unit:
    """The unit called ``name``, which is that of an operator in units of ħ, for an operator in units ``of``.

    The numbers stay what they are. Raises ``ResponseError`` for a unit that no operator enters.
    """
    if of == "ħ":
        return find_unit(name)
    labels = {
        "spin_conductivity": (f"|e| Å ({of})/ħ", f"(|e|/h) ({of})", f"({of})/|e| · S/cm"),
        "spin_nernst": (f"eV Å ({of})/(ħ K)", f"({of})/|e| · A/K", f"({of})/|e| · A/(cm K)"),
        "magnetization": (f"eV Å ({of})/ħ", f"eV ({of})/ħ", f"eV ({of})/(ħ Å)"),
        "magnetization_per_kelvin": (f"eV Å ({of})/(ħ K)", f"eV ({of})/(ħ K)", f"eV ({of})/(ħ Å K)"),
        "hbar_per_cell": (f"({of})/cell",) * 3,
    }
    if name not in labels:
        raise ResponseError(f"unit {name!r} is not that of an operator; write one of {', '.join(labels)}")
    own = find_unit(name)
    factors = [own.of(dimension).factor for dimension in (1, 2, 3)]
    return Unit(f"{name} in {of}", *zip(labels[name], factors, strict=True))
