"""Constants kept in the package beside those of SciPy."""

import pytest
from scipy import constants

from solenoidal import units


def test_defining_constants_are_those_of_the_si() -> None:
    assert (constants.e, constants.k, constants.h) == (units.ELEMENTARY_CHARGE, units.BOLTZMANN_SI, units.PLANCK)
    assert pytest.approx(constants.hbar, rel=1e-15) == units.HBAR


def test_measured_constants_agree_with_a_table_of_any_year() -> None:
    # The adjustments of 2014 to 2022 differ by less than 1e-8.
    assert pytest.approx(constants.physical_constants["Bohr magneton"][0], rel=1e-8) == units.BOHR_MAGNETON
    assert pytest.approx(constants.physical_constants["Bohr radius"][0], rel=1e-8) == units.BOHR_RADIUS


def test_conductance_per_angstrom() -> None:
    assert pytest.approx(24341.3, rel=1e-5) == units.CONDUCTANCE_PER_ANGSTROM
