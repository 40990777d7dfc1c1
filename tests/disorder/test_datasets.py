"""Labels, units and temperature: what a user reads off the result."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import xarray as xr

from solenoidal.bloch.interpolation import interpolator
from solenoidal.disorder.boltzmann import HBAR_FS, RelaxationTime, ShellDiagnostics
from solenoidal.disorder.conductivity import extrinsic_conductivity, tau_from_resistivity
from solenoidal.disorder.dataset import as_bulk
from solenoidal.disorder.scatterers import impurity, site_impurities
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.disorder.thermal import ShellResponse, thermal_response
from solenoidal.errors import ConfigError
from solenoidal.models.continuum import ContinuumModel, PolynomialHamiltonian
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import magnetised_rashba, massive_dirac_continuum, weyl
from solenoidal.models.operator import Operator, spin_operator
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from solenoidal.units import BOLTZMANN
from support.dense_boltzmann import numbers

UNIT_CHARGE = ExtrinsicSpinConductivity(charge=1.0)


@pytest.fixture(scope="module")
def shells(kagome: TightBinding) -> EnergyShells:
    return EnergyShells(kagome, mesh=(32, 32, 1))


@pytest.fixture(scope="module")
def data(kagome: TightBinding, shells: EnergyShells) -> xr.Dataset:
    return extrinsic_conductivity(shells, site_impurities(kagome, concentration=0.05, strength=1.0), mu=[0.8, 1.0])


def test_every_tensor_is_labelled_and_has_a_unit(data: xr.Dataset) -> None:
    tensor = ("mu", "temperature", "current", "field", "spin")
    for name, unit in (("conserved", "|e|/(2π)"), ("conserved_nernst", "(ħ/|e|) A/K"), ("spin_hall_angle", "1")):
        assert data[name].dims == tensor
        assert data[name].attrs["units"] == unit
    assert data.charge_conductivity.attrs["units"] == "e²/h"
    assert data.resistivity.attrs["units"] == "Ω"
    assert data.mu.attrs["units"] == "eV"
    assert data.attrs["mesh"] == "32 32"
    assert "site 0 (0.05 per cell)" in data.attrs["scatterers"]
    assert data.fermi_surface.all()


def test_the_conserved_current_is_the_sum_of_its_parts(data: xr.Dataset) -> None:
    assert np.abs(data.torque_dipole).max() > 0.1
    np.testing.assert_allclose(data.conserved, data.conventional + data.torque_dipole, atol=1e-14)


def test_resistivity_inverts_the_conductivity(data: xr.Dataset) -> None:
    klitzing = 25812.807459
    product = np.einsum("tuil,tulm->tuim", data.charge_conductivity, data.resistivity)[..., :2, :2]
    np.testing.assert_allclose(product, np.broadcast_to(klitzing * np.eye(2), product.shape), rtol=1e-9, atol=1e-6)
    angle = 2 * np.einsum("tuima,tuml->tuila", -data.conserved, data.resistivity) / klitzing
    np.testing.assert_allclose(angle, data.spin_hall_angle, atol=1e-9)


def test_kagome_layers_of_an_example_material(kagome: TightBinding, shells: EnergyShells) -> None:
    """χ = −0.0320 per τt/ħ with τ = 10 fs, t = 1 eV and layers 4.53 Å apart: −2.61·10³ (ħ/e) S/cm."""
    data = extrinsic_conductivity(shells, (), mu=1.0, method=RelaxationTime(10.0), response=UNIT_CHARGE)
    bulk = as_bulk(data.conserved, 4.53)
    assert bulk.attrs["units"] == "(ħ/|e|) S/cm"
    assert bulk.sel(current="y", field="y", spin="y").item() == pytest.approx(-2.61e3, rel=2e-3)
    assert as_bulk(data.charge_conductivity, 4.53).attrs["units"] == "S/cm"
    with pytest.raises(ConfigError, match="positive number"):
        as_bulk(data.conserved, 0.0)
    with pytest.raises(ConfigError, match="two-dimensional"):
        as_bulk(data.spin_hall_angle, 1.0)


def test_a_measured_resistivity_fixes_the_lifetime(shells: EnergyShells) -> None:
    tau = tau_from_resistivity(shells, 300.0, mu=1.0)
    data = extrinsic_conductivity(shells, (), mu=1.0, method=tau)
    assert data.resistivity.sel(current="x", field="x").item() == pytest.approx(300.0, rel=1e-10)
    assert tau.broadening * tau.tau == pytest.approx(HBAR_FS / 2)


def test_units_in_three_dimensions() -> None:
    model = weyl(cutoff=1.5)
    shells = EnergyShells(model, mesh=(8, 8, 8))
    data = extrinsic_conductivity(shells, [impurity(model, strength=0.7, density=0.1)], mu=1.0)
    assert data.conserved.attrs["units"] == "(ħ/|e|) S/cm"
    sigma, rho = data.charge_conductivity.values[0, 0], data.resistivity.values[0, 0]
    np.testing.assert_allclose(sigma @ rho, 1e6 * np.eye(3), atol=1e-3)
    assert data.resistivity.attrs["units"] == "μΩ cm"


def test_a_scalar_operator_has_no_spin_axis() -> None:
    model = massive_dirac_continuum(velocity=1.2, mass=0.5, cutoff=1.5)
    charge_like = ContinuumModel(
        model.hamiltonian, 2, 1.5, {"unit": Operator.constant(np.eye(2), (), 1), "spin": model.operators["spin"]}
    )
    response = ExtrinsicSpinConductivity(operator="unit")
    shells = EnergyShells(charge_like, mesh=(24, 24), operators=("unit",))
    data = extrinsic_conductivity(shells, [impurity(model, strength=0.7, density=0.1)], mu=1.1, response=response)
    assert data.conserved.dims == ("mu", "temperature", "current", "field")
    np.testing.assert_allclose(data.conserved, -data.charge_conductivity, atol=1e-12)
    np.testing.assert_allclose(data.torque_dipole, 0, atol=1e-12)
    assert response.law(charge_like) == (("polar", "polar"), 1)


def test_thermal_sums_are_exact_for_polynomials() -> None:
    """σ(ε) = ε² averages to μ² + π²(kT)²/3, its thermal moment to 2μ π²k²T/3."""
    one = np.ones((3, 3, 3))
    quality = ShellDiagnostics(1, 1.0, 1.0, 0.0, 0.0, 0.0, 1, 1.0, 1.0, 0.0, 0.0, 0.0)

    def at(energy: float) -> ShellResponse:
        return ShellResponse(energy**2 * one, energy**2 * one, energy**2 * one[0], quality)

    mu, temperature = 0.37, 290.0
    kt = BOLTZMANN * temperature
    found = thermal_response(at, mu, temperature, 3)
    np.testing.assert_allclose(found.conserved, mu**2 + np.pi**2 * kt**2 / 3, rtol=1e-9)
    moment = 2 * mu * np.pi**2 * kt * BOLTZMANN / 3
    np.testing.assert_allclose(found.charge_moment, moment, rtol=1e-7)


def test_diagnostics_at_finite_temperature_are_the_worst_of_the_shells_that_matter() -> None:
    """Averages of density of states and rate, the smallest of what should be large, the largest of everything else."""
    zero = np.zeros((3, 3, 3))
    mu, kt = 0.3, 0.02
    smallest, averages = ("slowest", "gap_over_rate", "points"), ("density_of_states", "mean_rate")
    names = [f.name for f in fields(ShellDiagnostics)]
    asked = []

    def at(energy: float) -> ShellResponse:
        x = (energy - mu) / kt
        # Shells whose weight is below 1e-4 of the largest, |x| > 10.6, must not count.
        value = 100.0 + 5 * x if abs(x) < 10.6 else 1e6 * np.sign(x)
        asked.append(value)
        return ShellResponse(zero, zero, zero[0], ShellDiagnostics(*([value] * len(names))))

    found = thermal_response(at, mu, kt / BOLTZMANN, 3).diagnostics
    assert found is not None
    counted = np.array([value for value in asked if abs(value) < 1e5])
    assert len(counted) < len(asked) - 40
    for name in names:
        expected = counted.min() if name in smallest else counted.mean() if name in averages else counted.max()
        assert getattr(found, name) == pytest.approx(expected, abs=1.0 if name in ("points", "null_modes") else 0.5)


def test_temperature_agrees_with_a_sum_over_the_zone_and_with_mott() -> None:
    """Constant lifetime: σ = τ ∫ (−f') v v s over the zone, without any shell."""
    model = magnetised_rashba(alpha=0.5, magnetisation=(0.3, 0.2, 0.4))
    kt, mu, n = 0.05, -2.2, 240
    shells = EnergyShells(model, mesh=(16, 16), threads=1)
    tau = RelaxationTime(HBAR_FS)
    hot = extrinsic_conductivity(shells, (), mu=mu, temperature=kt / BOLTZMANN, method=tau, response=UNIT_CHARGE)
    grid = np.stack(np.meshgrid(np.arange(n) / n, np.arange(n) / n, [0.0], indexing="ij"), -1).reshape(-1, 3)
    matrices = interpolator(model).at(grid)
    energies, u = np.linalg.eigh(matrices.hamiltonian)
    v = np.einsum("kan,kaib,kbn->kni", u.conj(), matrices.velocity, u).real
    s = np.einsum("kan,aib,kbn->kni", u.conj(), matrices.operators["spin"][0], u).real
    x = (energies - mu) / kt
    kernel = 1 / (4 * kt * np.cosh(x / 2) ** 2)
    expected = np.einsum("kn,kni,knl,kna->ila", kernel, v, v, s)[:2, :2] / n**2
    assert np.abs(expected).max() > 0.02
    np.testing.assert_allclose(numbers(hot.conserved), expected, atol=2e-7)
    moment = np.einsum("kn,kn,kni,knl,kna->ila", x, kernel, v, v, s)[:2, :2] / n**2 * BOLTZMANN
    unit = 2.4341348e-4  # e²/ħ in S
    np.testing.assert_allclose(hot.conserved_nernst.values[0, 0][:2, :2] / unit, moment, atol=1e-10)


@pytest.mark.parametrize("charge", [-1.0, 1.0, 2.0])
def test_charges_flow_from_hot_to_cold_with_the_sign_they_carry(charge: float) -> None:
    """Parabolic band, J = σE − α∇T: σ = q²τμ/2π and α = (q/e)(π²/3)k_B²T dσ/dμ/q² exactly, as σ is linear in μ."""
    energy = PolynomialHamiltonian({(2, 0, 0): np.eye(1) / 1.4, (0, 2, 0): np.eye(1) / 1.4})
    model = ContinuumModel(energy, 2, 2.0, {"spin": spin_operator(np.zeros((3, 1, 1)))})
    shells = EnergyShells(model, mesh=(32, 32), order=4, threads=1)
    response = ExtrinsicSpinConductivity(charge=charge)
    mu, temperature, tau = 0.7, 250.0, RelaxationTime(2 * HBAR_FS)
    data = extrinsic_conductivity(shells, (), mu=mu, temperature=temperature, method=tau, response=response)
    sigma = charge**2 * 2 * mu / (2 * np.pi)
    np.testing.assert_allclose(numbers(data.charge_conductivity), sigma * np.eye(2), atol=1e-8)
    alpha = charge * np.pi**2 / 3 * BOLTZMANN**2 * temperature * 2 / (2 * np.pi)
    found = data.charge_nernst.values[0, 0][:2, :2] / 2.4341348e-4  # e²/ħ in S
    np.testing.assert_allclose(found, alpha * np.eye(2), rtol=1e-5, atol=1e-5 * abs(alpha))


@pytest.mark.slow
def test_low_temperature_thermal_response_follows_mott(kagome: TightBinding) -> None:
    """α → (π²/3) k_B² T σ'(μ)/e."""
    shells = EnergyShells(kagome, mesh=(16, 16))
    species = site_impurities(kagome, concentration=0.02, strength=1.0)
    temperature, h = 20.0, 1e-3
    kt = BOLTZMANN * temperature
    cold = extrinsic_conductivity(shells, species, mu=[1.0 - h, 1.0 + h], response=UNIT_CHARGE)
    slope = (cold.conserved.values[1, 0] - cold.conserved.values[0, 0]) / (2 * h) / (2 * np.pi)
    warm = extrinsic_conductivity(shells, species, mu=1.0, temperature=temperature, response=UNIT_CHARGE)
    unit = 2.4341348e-4
    expected = np.pi**2 / 3 * BOLTZMANN * kt * slope[1, 1, 1]
    assert abs(expected) > 1e-9
    assert warm.conserved_nernst.values[0, 0, 1, 1, 1] / unit == pytest.approx(expected, rel=2e-3)


def test_chemical_potentials_share_their_shells_at_finite_temperature(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(8, 8), order=1, threads=1)
    kt = 0.01
    step = kt / 2
    mus = [1.0, 1.0 + step, 1.0 + 2 * step]
    species = site_impurities(kagome, concentration=0.002, strength=1.0)
    data = extrinsic_conductivity(shells, species, mu=mus, temperature=kt / BOLTZMANN)
    assert 97 <= data.attrs["shells_solved"] <= 101
