"""Physical constants and the factors from internal numbers (ħ = 1, eV, Å) to the units a user sees."""

from __future__ import annotations

import math
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Unit:
    """A printed unit and the factor that turns an internal number into it."""

    label: str
    factor: float


def unit(kind: str, dimension: int) -> Unit:
    """Unit of a quantity of ``kind`` in a system of ``dimension`` periodic directions.

    Kinds: ``spin_conductivity`` and ``spin_nernst`` (operator in units of ħ), ``conductivity`` and ``nernst``
    (charge), ``magnetization`` (of an operator; units of s times eV per Å^(dimension − 2)) and
    ``orbital_magnetization`` (charge), each also with ``_per_kelvin``, ``bohr_magnetons`` (per cell), ``thermal_hall``
    (κ/T), ``spin_quantum_hall``, ``states``
    (per eV and cell), ``per_cell``. Internal conductivities are ∫d^dk/(2π)^d
    of Å² × kernel; kind ``internal`` prints them as they are.
    """
    return _UNITS[kind][dimension]


_TWO_PI = 6.283185307179586
_S = CONDUCTANCE_PER_ANGSTROM
_G = CONDUCTANCE
_UNITS: dict[str, dict[int, Unit]] = {
    "spin_conductivity": {
        1: Unit("|e| Å", 1.0),
        2: Unit("|e|/(2π)", _TWO_PI),
        3: Unit("(ħ/|e|) S/cm", _S),
    },
    "spin_nernst": {
        1: Unit("eV Å/(ħ K)", 1.0),
        2: Unit("(ħ/|e|) A/K", _G),
        3: Unit("(ħ/|e|) A/(cm K)", _S),
    },
    "conductivity": {1: Unit("e²Å/ħ", 1.0), 2: Unit("e²/h", _TWO_PI), 3: Unit("S/cm", _S)},
    "nernst": {1: Unit("|e| eV Å/(ħ K)", 1.0), 2: Unit("A/K", _G), 3: Unit("A/(cm K)", _S)},
    "magnetization": {1: Unit("eV Å", 1.0), 2: Unit("eV", 1.0), 3: Unit("eV/Å", 1.0)},
    "magnetization_per_kelvin": {1: Unit("eV Å/K", 1.0), 2: Unit("eV/K", 1.0), 3: Unit("eV/(Å K)", 1.0)},
    "orbital_magnetization": {
        1: Unit("A Å", CURRENT_PER_ELECTRONVOLT),
        2: Unit("A", CURRENT_PER_ELECTRONVOLT),
        3: Unit("A/m", CURRENT_PER_ELECTRONVOLT / ANGSTROM),
    },
    "orbital_magnetization_per_kelvin": {
        1: Unit("A Å/K", CURRENT_PER_ELECTRONVOLT),
        2: Unit("A/K", CURRENT_PER_ELECTRONVOLT),
        3: Unit("A/(m K)", CURRENT_PER_ELECTRONVOLT / ANGSTROM),
    },
    "bohr_magnetons": dict.fromkeys((1, 2, 3), Unit("μ_B/cell", BOHR_MAGNETONS)),
    "thermal_hall": {
        1: Unit("π²k_B²Å/(3h)", _TWO_PI),
        2: Unit("π²k_B²/(3h)", _TWO_PI),
        3: Unit("W/(K² m)", _TWO_PI * THERMAL_QUANTUM / ANGSTROM),
    },
    "spin_quantum_hall": {
        1: Unit("ħ Å/(8π)", _TWO_PI),
        2: Unit("ħ/(8π)", _TWO_PI),
        3: Unit("ħ/(8π Å)", _TWO_PI),
    },
    "internal": dict.fromkeys((1, 2, 3), Unit("internal (ħ = 1, eV, Å)", 1.0)),
    "states_per_cell": dict.fromkeys((1, 2, 3), Unit("states/(eV cell)", 1.0)),
    "electrons_per_cell": dict.fromkeys((1, 2, 3), Unit("electrons/cell", 1.0)),
    "hbar_per_cell": dict.fromkeys((1, 2, 3), Unit("ħ/cell", 1.0)),
}
