"""Numbers that a second, independent calculation gave, to the digits it can be trusted for (e = ħ = 1)."""

from __future__ import annotations

import numpy as np
import pytest

from solenoidal.disorder.boltzmann import HBAR_FS, RelaxationTime
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.scatterers import Scatterer, impurity, site_impurities
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import (
    kagome_antiferromagnet,
    magnetised_rashba,
    massive_dirac_continuum,
)
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from solenoidal.units import BOLTZMANN
from support.dense_boltzmann import numbers, rows

UNIT_CHARGE = ExtrinsicSpinConductivity(charge=1.0)
UNIT_TIME = RelaxationTime(HBAR_FS)
"""τ = 1 in units with ħ = 1 and energies in eV."""


@pytest.fixture(scope="module")
def rashba_shells(rashba_magnet: TightBinding) -> EnergyShells:
    return EnergyShells(rashba_magnet, mesh=(64, 64, 1), order=4)


@pytest.fixture(scope="module")
def rashba_impurity(rashba_magnet: TightBinding) -> list[Scatterer]:
    return [impurity(rashba_magnet, strength=1.0, moment=(0, 0, 0.3), concentration=0.1)]


@pytest.fixture(scope="module")
def kagome_shells(kagome: TightBinding) -> EnergyShells:
    return EnergyShells(kagome, mesh=(64, 64, 1), order=4)


def chi(tensor: np.ndarray) -> float:
    """The one constant of the 120° state, σ^{yy,y} = −σ^{xx,y} = σ^{xy,x} = σ^{yx,x}."""
    return float(tensor[1, 1, 1])


def test_magnetised_rashba_lattice(rashba_shells: EnergyShells, rashba_impurity: list[Scatterer]) -> None:
    data = extrinsic_conductivity(rashba_shells, rashba_impurity, mu=-2.2, response=UNIT_CHARGE)
    expected = [
        [-0.85212924, -0.23045253, -0.12013723, -0.46667320],
        [-0.26874623, -0.23714986, -0.42303604, -0.55374832],
        [-1.59955423, 0.28199875, 0.28335534, -1.71221409],
    ]
    np.testing.assert_allclose(rows(data.conserved), expected, atol=6e-9)
    charge = numbers(data.charge_conductivity)
    np.testing.assert_allclose(charge, [[9.17784367, -0.31977281], [-0.31977281, 9.29393422]], atol=6e-9)
    assert float(data.density_of_states.item()) == pytest.approx(0.209455803914, abs=1e-12)


@pytest.mark.parametrize(("method", "spin", "charge"), [("gamma", -1.158, 8.42), ("mrta", -1.306, 8.79)])
def test_relaxation_rates_are_no_substitute_for_in_scattering(
    rashba_shells: EnergyShells, rashba_impurity: list[Scatterer], method: str, spin: float, charge: float
) -> None:
    data = extrinsic_conductivity(rashba_shells, rashba_impurity, mu=-2.2, response=UNIT_CHARGE, method=method)
    assert numbers(data.conserved)[0, 0, 2] == pytest.approx(spin, abs=6e-4)
    assert numbers(data.charge_conductivity)[0, 0] == pytest.approx(charge, abs=6e-3)


def test_constant_relaxation_time_of_the_rashba_magnet(rashba_shells: EnergyShells) -> None:
    data = extrinsic_conductivity(rashba_shells, (), mu=-2.2, response=UNIT_CHARGE, method=UNIT_TIME)
    expected = [-0.03046319, 0.00471285, 0.00471285, -0.03347527]
    np.testing.assert_allclose(rows(data.conserved)[2], expected, atol=6e-9)


def test_magnetised_rashba_gas(rashba_gas: ContinuumModel) -> None:
    shells = EnergyShells(rashba_gas, mesh=(64, 64), order=4)
    species = [impurity(rashba_gas, strength=0.7, density=0.1)]
    data = extrinsic_conductivity(shells, species, mu=0.8, response=UNIT_CHARGE)
    expected = [
        [-0.49077971, -0.07914037, 0.05980983, -0.45119936],
        [-0.2253239, 0.11906809, -0.1588323, -0.24566564],
        [-0.55947713, 0.00381941, 0.00381941, -0.56520625],
    ]
    np.testing.assert_allclose(rows(data.conserved), expected, atol=6e-9)
    np.testing.assert_allclose(np.diag(numbers(data.charge_conductivity)), 7.53549935, atol=6e-9)


def test_massive_dirac_fermion() -> None:
    model = massive_dirac_continuum(velocity=1.2, mass=0.5, cutoff=1.5)
    shells = EnergyShells(model, mesh=(64, 64), order=4)
    species = [impurity(model, strength=0.7, density=0.1)]
    data = extrinsic_conductivity(shells, species, mu=1.1, response=UNIT_CHARGE)
    assert numbers(data.conserved)[0, 0, 2] == pytest.approx(1.041307567539, abs=1e-11)
    assert numbers(data.charge_conductivity)[0, 0] == pytest.approx(4.581753297173, abs=1e-10)
    np.testing.assert_allclose(rows(data.conventional), 0, atol=1e-11)


@pytest.mark.parametrize(
    ("mu", "conserved", "conventional", "charge", "angles", "tolerance"),
    [
        (1.0, -0.78731586, -1.9621269, 5.1244419, (-0.307, -0.766), 1e-8),
        (-2.2, -0.12031371, 0.00063260, 1.2481746, (-0.193, 0.001), 6e-8),
    ],
)
@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.QuasiDegenerateWarning")
def test_kagome_with_site_impurities(
    kagome: TightBinding,
    kagome_shells: EnergyShells,
    mu: float,
    conserved: float,
    conventional: float,
    charge: float,
    angles: tuple[float, float],
    tolerance: float,
) -> None:
    species = site_impurities(kagome, concentration=0.05, strength=1.0)
    data = extrinsic_conductivity(kagome_shells, species, mu=mu, response=UNIT_CHARGE)
    assert chi(numbers(data.conserved)) == pytest.approx(conserved, abs=tolerance)
    assert chi(numbers(data.conventional)) == pytest.approx(conventional, abs=2 * tolerance + 4e-8)
    assert numbers(data.charge_conductivity)[0, 0] == pytest.approx(charge, abs=tolerance + 5e-8)
    assert data.spin_hall_angle.values[0, 0, 1, 1, 1] == pytest.approx(angles[0], abs=6e-4)
    assert data.spin_hall_angle_conventional.values[0, 0, 1, 1, 1] == pytest.approx(angles[1], abs=6e-4)


@pytest.mark.parametrize(
    ("mu", "conserved", "conventional"), [(1.0, -0.03200577, -0.07978257), (-2.2, -0.01694016, 0.00015214)]
)
def test_kagome_with_one_relaxation_time(
    kagome_shells: EnergyShells, mu: float, conserved: float, conventional: float
) -> None:
    data = extrinsic_conductivity(kagome_shells, (), mu=mu, response=UNIT_CHARGE, method=UNIT_TIME)
    assert chi(numbers(data.conserved)) == pytest.approx(conserved, abs=1e-8)
    assert chi(numbers(data.conventional)) == pytest.approx(conventional, abs=1e-8)


def test_kagome_with_scatterers_that_cover_the_cell(kagome: TightBinding, kagome_shells: EnergyShells) -> None:
    species = [impurity(kagome, strength=1.0, concentration=0.05)]
    data = extrinsic_conductivity(kagome_shells, species, mu=1.0, response=UNIT_CHARGE)
    assert chi(numbers(data.conserved)) == pytest.approx(-1.15534521, abs=6e-9)
    assert chi(numbers(data.conventional)) == pytest.approx(-2.89482906, abs=6e-9)
    assert numbers(data.charge_conductivity)[0, 0] == pytest.approx(7.53857503, abs=6e-9)
    data = extrinsic_conductivity(kagome_shells, species, mu=1.0, response=UNIT_CHARGE, method="gamma")
    assert chi(numbers(data.conserved)) == pytest.approx(-0.55593172, abs=6e-9)
    assert numbers(data.charge_conductivity)[0, 0] == pytest.approx(3.61438625, abs=6e-9)


@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.PolarisedBlockWarning")
def test_spin_degenerate_band_with_polarised_impurities(spin_degenerate: TightBinding) -> None:
    shells = EnergyShells(spin_degenerate, mesh=(64, 64, 1), order=4)
    species = [impurity(spin_degenerate, strength=1.0, moment=(0.4, 0, 0), concentration=0.07)]
    data = extrinsic_conductivity(shells, species, mu=-1.3, response=UNIT_CHARGE)
    assert numbers(data.conserved)[0, 0, 0] == pytest.approx(-6.78500621, abs=6e-9)
    assert numbers(data.charge_conductivity)[0, 0] == pytest.approx(19.676518, abs=1e-6)
    assert int(data.null_modes.item()) == 2


def test_two_spin_currents_in_a_split_band() -> None:
    model = magnetised_rashba(alpha=0.0, magnetisation=(0.0, 0.0, 0.6))
    shells = EnergyShells(model, mesh=(64, 64, 1), order=4)
    species = [impurity(model, strength=1.0, moment=(0, 0, 0.4), concentration=0.07)]
    data = extrinsic_conductivity(shells, species, mu=-1.3, response=UNIT_CHARGE)
    assert numbers(data.conserved)[0, 0, 2] == pytest.approx(-6.11167902, abs=6e-9)
    assert numbers(data.conventional)[0, 0, 2] == pytest.approx(-6.11167902, abs=6e-9)
    assert numbers(data.charge_conductivity)[0, 0] == pytest.approx(18.109117, abs=6e-7)


def test_strong_exchange_on_the_kagome_lattice() -> None:
    """Spins then follow the local moments; the conventional current counts each bond spin twice, σ^{yy,y} → σ_c/2."""
    ratios = []
    for J in (80.0, 320.0):
        model = kagome_antiferromagnet(J=J)
        shells = EnergyShells(model, mesh=(32, 32, 1))
        species = site_impurities(model, concentration=0.01, strength=1.0)
        for mu in (-J - 0.3, -J + 0.6):
            data = extrinsic_conductivity(shells, species, mu=mu, response=UNIT_CHARGE)
            ratios.append(abs(chi(numbers(data.conventional)) / numbers(data.charge_conductivity)[0, 0]))
    near, far = np.array(ratios).reshape(2, 2)
    np.testing.assert_allclose(near, 0.5, atol=0.02)
    np.testing.assert_allclose((4 * far - near) / 3, 0.5, atol=5e-4)


def test_finite_temperature_with_one_relaxation_time(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(20, 20, 1), threads=1)
    data = extrinsic_conductivity(
        shells, (), mu=1.0, temperature=0.02 / BOLTZMANN, response=UNIT_CHARGE, method=UNIT_TIME
    )
    assert chi(numbers(data.conserved)) == pytest.approx(-0.0319944969, abs=3e-9)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.ExtrinsicWarning")
@pytest.mark.parametrize(("kt", "value", "tolerance"), [(0.02, -0.7867448972, 2e-9), (0.05, -0.7837119, 5e-7)])
def test_finite_temperature_with_impurities(kagome: TightBinding, kt: float, value: float, tolerance: float) -> None:
    shells = EnergyShells(kagome, mesh=(64, 64, 1))
    species = site_impurities(kagome, concentration=0.05, strength=1.0)
    data = extrinsic_conductivity(shells, species, mu=1.0, temperature=kt / BOLTZMANN, response=UNIT_CHARGE)
    assert chi(numbers(data.conserved)) == pytest.approx(value, abs=tolerance)
    if kt == 0.02:
        moment = data.conserved_nernst.values[0, 0, 1, 1, 1] / (BOLTZMANN * 2.4341348e-4)
        assert moment == pytest.approx(-0.0414622894, rel=1e-7)
