"""Models whose Boltzmann equation is solved on paper (e = ħ = 1)."""

from __future__ import annotations

import numpy as np
import pytest

from solenoidal.disorder.boltzmann import solve_boltzmann
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.scatterers import impurity
from solenoidal.disorder.shell_map import shell_map
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.disorder.thermal import ShellResponse
from solenoidal.models.continuum import ContinuumModel, PolynomialHamiltonian
from solenoidal.models.library import (
    magnetised_rashba,
    magnetised_rashba_continuum,
    massive_dirac_continuum,
    rashba_continuum,
    weyl,
)
from solenoidal.models.operator import spin_operator
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from solenoidal.units import CONDUCTANCE_PER_ANGSTROM
from support.dense_boltzmann import numbers

UNIT_CHARGE = ExtrinsicSpinConductivity(charge=1.0)


def test_parabolic_band_has_the_drude_conductivity() -> None:
    m, mu, n, W = 0.7, 0.9, 0.1, 1.3
    energy = PolynomialHamiltonian({(2, 0, 0): np.eye(1) / (2 * m), (0, 2, 0): np.eye(1) / (2 * m)})
    model = ContinuumModel(energy, 2, 2.0, {"spin": spin_operator(np.zeros((3, 1, 1)))})
    shells = EnergyShells(model, mesh=(40, 40), order=4)
    data = extrinsic_conductivity(shells, [impurity(model, strength=W, density=n)], mu=mu, response=UNIT_CHARGE)
    tau = 1 / (2 * np.pi * n * W**2 * m / (2 * np.pi))
    density = m * mu / (2 * np.pi)
    np.testing.assert_allclose(numbers(data.charge_conductivity), density * tau / m * np.eye(2), atol=1e-10)


@pytest.mark.parametrize("mu", [0.4, -0.05])
def test_rashba_gas_mean_free_path_above_and_below_the_crossing(mu: float) -> None:
    """λ = τk/m with both bands, λ = ±τ(v²/α²)k/m with the lower band alone, 1/τ = n W² m."""
    m, alpha, n, W = 1.0, 0.6, 0.1, 0.7
    model = rashba_continuum(m=m, alpha=alpha, cutoff=2.5)
    shell = EnergyShells(model, mesh=(60, 60), order=4).at(mu)
    kernel = CollisionKernel.build(model, [impurity(model, strength=W, density=n)])
    found = solve_boltzmann(shell, kernel).values
    tau = 1 / (n * W**2 * m)
    speed = np.sqrt(alpha**2 + 2 * mu / m)
    if mu > 0:
        expected = tau * shell.k / m
    else:
        outward = np.sign(np.einsum("ki,ki->k", shell.velocity, shell.k))
        expected = outward[:, None] * tau * (speed / alpha) ** 2 * shell.k / m
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())


def test_rashba_magnet_with_both_bands_filled() -> None:
    """σ_c = nτ/m with n = m²(v² + α²)/2π, and conventional σ^{il,a} = −δ_il τ M_a/2π."""
    m, alpha, M, n, W, mu = 1.0, 0.6, (0.2, 0.1, 0.3), 0.1, 0.7, 0.8
    model = magnetised_rashba_continuum(m=m, alpha=alpha, magnetisation=M, cutoff=3.0)
    shells = EnergyShells(model, mesh=(96, 96), order=4)
    data = extrinsic_conductivity(shells, [impurity(model, strength=W, density=n)], mu=mu, response=UNIT_CHARGE)
    tau = 1 / (n * W**2 * m)
    density = m**2 * ((alpha**2 + 2 * mu / m) + alpha**2) / (2 * np.pi)
    np.testing.assert_allclose(numbers(data.charge_conductivity), density * tau / m * np.eye(2), atol=1e-9)
    expected = -tau / (2 * np.pi) * np.einsum("il,a->ila", np.eye(2), M)
    np.testing.assert_allclose(numbers(data.conventional), expected, atol=1e-9)
    assert np.abs(numbers(data.conserved) - expected).max() > 0.1


@pytest.mark.parametrize(("scalar", "magnetic"), [(0.7, 0.0), (0.0, 0.5), (0.7, 0.3)])
def test_massive_dirac_fermion(scalar: float, magnetic: float) -> None:
    """1/τ = 2πnN(A² + B² − AB) with A = (V + m)cos²(θ/2), B = (V − m)sin²(θ/2); σ^{xx,z} = N v_F² τ cos θ/4."""
    v, gap, n, mu = 1.2, 0.5, 0.1, 1.1
    model = massive_dirac_continuum(velocity=v, mass=gap, cutoff=1.5)
    shells = EnergyShells(model, mesh=(64, 64), order=4)
    species = [impurity(model, strength=scalar, moment=(0, 0, magnetic), density=n)]
    data = extrinsic_conductivity(shells, species, mu=mu, response=UNIT_CHARGE)
    cos = gap / mu
    A, B = (scalar + magnetic) * (1 + cos) / 2, (scalar - magnetic) * (1 - cos) / 2
    N = mu / (2 * np.pi * v**2)
    tau = 1 / (2 * np.pi * n * N * (A**2 + B**2 - A * B))
    fermi_velocity = v * np.sqrt(1 - cos**2)
    conserved = N * fermi_velocity**2 * tau * cos / 4
    np.testing.assert_allclose(numbers(data.conserved)[:, :, 2], conserved * np.eye(2), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(
        numbers(data.charge_conductivity), N * fermi_velocity**2 * tau / 2 * np.eye(2), rtol=1e-10, atol=1e-10
    )
    np.testing.assert_allclose(numbers(data.conventional), 0, atol=1e-10)


@pytest.mark.parametrize(("strength", "moment", "ratio"), [(0.7, 0.0, (1.5, 1.5, 1.5)), (0.0, 0.7, (0.75, 0.75, 1.5))])
def test_weyl_fermion_transport_lifetimes(strength: float, moment: float, ratio: tuple[float, ...]) -> None:
    """Lifetimes in units of that of scalar impurities of equal strength, σ_ii = N v² τ_i/3."""
    n, mu = 0.1, 1.0
    model = weyl(cutoff=1.5)
    shells = EnergyShells(model, mesh=(20, 20, 20))
    species = [impurity(model, strength=strength, moment=(0, 0, moment), density=n)]
    data = extrinsic_conductivity(shells, species, mu=mu, response=UNIT_CHARGE)
    N = mu**2 / (2 * np.pi**2)
    single = 1 / (np.pi * n * 0.7**2 * N)
    found = data.charge_conductivity.values[0, 0] / CONDUCTANCE_PER_ANGSTROM / (N * single / 3)
    np.testing.assert_allclose(found, np.diag(ratio), atol=1e-6)


@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.PolarisedBlockWarning")
@pytest.mark.parametrize("direction", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.6, 0.0, 0.8), (0.48, 0.64, 0.6)])
def test_a_spin_degenerate_band_carries_two_independent_currents(direction: tuple[float, float, float]) -> None:
    """Along the polarisation n of the impurities V + m n·σ spins relax with Γ± = 2πcN(V ± m)²."""
    V, m, c = 1.0, 0.4, 0.07
    model = magnetised_rashba(alpha=0.0, magnetisation=(0, 0, 0))
    shells = EnergyShells(model, mesh=(64, 64, 1), order=4)
    shell = shells.at(-1.3)
    N = shell.density_of_states / 2
    stiffness = np.einsum("k,ki,kl->il", shell.weights, shell.velocity, shell.velocity)[:2, :2]
    up, down = (1 / (2 * np.pi * c * N * (V + s * m) ** 2) for s in (1, -1))
    moment = (m * direction[0], m * direction[1], m * direction[2])
    species = [impurity(model, strength=V, moment=moment, concentration=c)]
    data = extrinsic_conductivity(shells, species, mu=-1.3, response=UNIT_CHARGE)
    np.testing.assert_allclose(numbers(data.charge_conductivity), stiffness * (up + down), atol=1e-9)
    expected = np.einsum("il,a->ila", stiffness * (up - down) / 2, direction)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(numbers(data.conserved), expected, atol=1e-9)
    np.testing.assert_allclose(numbers(data.conventional), expected, atol=1e-9)


def test_moments_of_a_shell_do_not_carry_the_charge(rashba_gas: ContinuumModel) -> None:
    shells = EnergyShells(rashba_gas, mesh=(32, 32))
    species = [impurity(rashba_gas, strength=0.7, density=0.1)]
    kernel = CollisionKernel.build(rashba_gas, species)
    moments = ShellResponse.of(solve_boltzmann(shells.at(0.8), kernel), UNIT_CHARGE)
    electron = extrinsic_conductivity(shells, species, mu=0.8)
    unit = extrinsic_conductivity(shells, species, mu=0.8, response=UNIT_CHARGE)
    assert np.abs(moments.conserved).max() > 0.1
    np.testing.assert_allclose(numbers(unit.conserved), moments.conserved[:2, :2], rtol=1e-12)
    np.testing.assert_allclose(electron.conserved, -unit.conserved, rtol=1e-12)
    np.testing.assert_allclose(electron.charge_conductivity, unit.charge_conductivity, rtol=1e-12)
    np.testing.assert_allclose(electron.spin_hall_angle, unit.spin_hall_angle, rtol=1e-12)


def test_spins_on_the_map_of_a_rashba_gas_turn_with_the_momentum() -> None:
    """s = ±(ky, −kx, 0)/2k in the bands k²/2m ± αk, and the integrand sums to the conserved tensor."""
    m, alpha, mu = 1.0, 0.6, 0.4
    model = rashba_continuum(m=m, alpha=alpha, cutoff=2.5)
    solution = solve_boltzmann(
        EnergyShells(model, mesh=(40, 40), order=4).at(mu),
        CollisionKernel.build(model, [impurity(model, strength=0.7, moment=(0, 0.2, 0), density=0.1)]),
    )
    found = shell_map(solution)
    k = found.k.values
    length = np.linalg.norm(k, axis=1)
    band = np.sign(mu - length**2 / (2 * m))
    assert set(band) == {-1.0, 1.0}
    expected = 0.5 * (band / length)[:, None] * np.stack([k[:, 1], -k[:, 0], 0 * length], axis=1)
    np.testing.assert_allclose(found.spin, expected, atol=1e-9)
    conserved = ShellResponse.of(solution, UNIT_CHARGE).conserved
    assert np.abs(conserved).max() > 1e-3
    total = np.einsum("k,kila->ila", found.weight, found.integrand)
    np.testing.assert_allclose(total, conserved, atol=1e-10 * np.abs(conserved).max())
