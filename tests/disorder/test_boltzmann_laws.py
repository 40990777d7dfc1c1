"""Laws the solution obeys, and the same solution without the reduction to low rank."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solenoidal.bloch.interpolation import interpolator
from solenoidal.disorder.boltzmann import RelaxationTime, solve_boltzmann
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.dataset import split_symmetry
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.scatterers import (
    Scatterer,
    bond_impurity,
    impurity,
    site_impurities,
    spin_orbit_impurity,
)
from solenoidal.disorder.shells.shells import EnergyShell, EnergyShells
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.library import kagome_antiferromagnet, magnetised_rashba, magnetised_rashba_continuum
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from support.dense_boltzmann import (
    dense_mean_free_path,
    numbers,
    rows,
    scattering_matrix,
    shell_moment,
    transport_rates,
)

UNIT_CHARGE = ExtrinsicSpinConductivity(charge=1.0)
Model = TightBinding | ContinuumModel


def random_hermitian(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    return W + W.conj().T


def case(name: str) -> tuple[Model, float, list[Scatterer]]:
    if name == "rashba lattice, magnetic":
        model: Model = magnetised_rashba(alpha=0.5, magnetisation=(0.3, 0.2, 0.4))
        return model, -2.2, [impurity(model, strength=1, moment=(0.1, -0.2, 0.3), concentration=0.1)]
    if name == "rashba lattice, indefinite kernel":
        model = magnetised_rashba(alpha=0.5, magnetisation=(0.3, 0.2, 0.4))
        return model, -2.2, [impurity(model, moment=(0, 0, 0.7), concentration=0.1)]
    if name == "kagome, random cell":
        model = kagome_antiferromagnet(J=1.7, spin_orbit=0.1, canting=0.2, breathing=0.1)
        return model, 1.0, [Scatterer(random_hermitian(6, 1), 0.02), Scatterer(random_hermitian(6, 2), 0.03)]
    if name == "kagome, bonds and sites":
        model = kagome_antiferromagnet(J=1.7)
        bond = bond_impurity(model, 0, 1, (-1, 0, 0), 0.3 + 0.1j, concentration=0.05)
        return model, 1.0, [bond, *site_impurities(model, concentration=0.02, strength=0.5)]
    if name == "rashba gas, spin-orbit impurity":
        model = magnetised_rashba_continuum(alpha=0.6, magnetisation=(0.2, 0.1, 0.3), cutoff=3.0)
        return model, 0.8, [spin_orbit_impurity(model, strength=0.7, coupling=0.4, density=0.1)]
    raise KeyError(name)


CASES = [
    "rashba lattice, magnetic",
    "rashba lattice, indefinite kernel",
    "kagome, random cell",
    "kagome, bonds and sites",
    "rashba gas, spin-orbit impurity",
]


def small_shell(model: Model, mu: float) -> EnergyShell:
    return EnergyShells(model, mesh=(20, 20), order=2).at(mu)


@pytest.mark.parametrize("name", CASES)
def test_low_rank_equals_the_explicit_scattering_matrix(name: str) -> None:
    model, mu, species = case(name)
    shell = small_shell(model, mu)
    P = scattering_matrix(model, shell, species)
    expected = dense_mean_free_path(P, shell.weights, shell.velocity)
    solution = solve_boltzmann(shell, CollisionKernel.build(model, species))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(solution.points.rates, P @ shell.weights, rtol=1e-12)
    np.testing.assert_allclose(solution.values, expected, atol=1e-10 * np.abs(expected).max())
    assert solution.diagnostics.residual < 1e-12
    assert solution.diagnostics.null_modes == 1


@pytest.mark.parametrize("name", CASES)
def test_momentum_relaxation_rates_equal_the_explicit_sum(name: str) -> None:
    model, mu, species = case(name)
    shell = small_shell(model, mu)
    P = scattering_matrix(model, shell, species)
    found = solve_boltzmann(shell, CollisionKernel.build(model, species), method="mrta").values
    expected = shell.velocity / transport_rates(P, shell.weights, shell.velocity)[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_conjugate_gradients_agree_with_the_low_rank_solution(name: str) -> None:
    model, mu, species = case(name)
    shell, kernel = small_shell(model, mu), CollisionKernel.build(model, species)
    dense = solve_boltzmann(shell, kernel, solver="dense")
    iterative = solve_boltzmann(shell, kernel, solver="iterative")
    np.testing.assert_allclose(iterative.values, dense.values, atol=1e-10 * np.abs(dense.values).max())


def test_the_mean_free_path_sums_to_zero_on_the_shell() -> None:
    model, mu, species = case("kagome, random cell")
    solution = solve_boltzmann(small_shell(model, mu), CollisionKernel.build(model, species))
    total = solution.points.weights @ solution.values
    assert np.abs(total).max() < 1e-12 * (solution.points.weights @ np.abs(solution.values)).max()


def test_a_shell_constant_changes_the_conserved_current_but_not_the_charge(rashba_magnet: TightBinding) -> None:
    """Σ w v s on the shell: the reason why the null vector of the collision operator has to be removed."""
    shell = EnergyShells(rashba_magnet, mesh=(64, 64), order=4).at(-2.2)
    (block,) = shell.blocks
    spin = np.einsum("mgag->ma", block.operators["spin"]).real
    found = np.einsum("k,ki,ka->ai", shell.weights, shell.velocity, spin)[:, :2]
    expected = [[0.00090, 0.02071], [-0.02163, -0.00081], [0.00322, -0.00464]]
    np.testing.assert_allclose(found, expected, atol=6e-6)
    np.testing.assert_allclose(shell.weights @ shell.velocity, 0, atol=1e-12)


def test_the_shell_sum_of_spin_velocity_is_the_sea_sum_of_spin_gradients(rashba_magnet: TightBinding) -> None:
    """Σ_shell w v s = ∫ f ∂_k s: the equilibrium conserved current vanishes only with the term of the sea."""
    shell = EnergyShells(rashba_magnet, mesh=(64, 64), order=4).at(-2.2)
    (block,) = shell.blocks
    spin = np.einsum("mgag->ma", block.operators["spin"]).real
    on_shell = np.einsum("k,k,ka->a", shell.weights, shell.velocity[:, 1], spin)
    n, h, kt = 200, 1e-4, 0.02
    grid = np.stack(np.meshgrid(np.arange(n) / n, np.arange(n) / n, [0.0], indexing="ij"), -1).reshape(-1, 3)
    source = interpolator(rashba_magnet)

    def spins(k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        matrices = source.at(k)
        e, u = np.linalg.eigh(matrices.hamiltonian)
        s = matrices.operators["spin"][0].transpose(1, 0, 2)
        return e, np.einsum("kan,iab,kbn->kni", u.conj(), s, u).real

    energy = spins(grid)[0]
    step = np.array([0, h / (2 * np.pi), 0])
    gradient = (spins(grid + step)[1] - spins(grid - step)[1]) / (2 * h)
    occupied = 1 / (1 + np.exp((energy + 2.2) / kt))
    sea = np.einsum("kn,kna->a", occupied, gradient) / n**2
    assert np.abs(on_shell).max() > 0.01
    np.testing.assert_allclose(sea, on_shell, atol=3e-4)


@pytest.mark.parametrize("method", ["gamma", RelaxationTime(10.0), "born"])
def test_the_conserved_hall_part_comes_from_in_scattering_only(rashba_magnet: TightBinding, method: str) -> None:
    shells = EnergyShells(rashba_magnet, mesh=(64, 64))
    species = [impurity(rashba_magnet, strength=1, moment=(0, 0, 0.3), concentration=0.1)]
    data = extrinsic_conductivity(shells, species, mu=-2.2, method=method, response=UNIT_CHARGE)
    conserved = split_symmetry(data.conserved).antisymmetric
    conventional = split_symmetry(data.conventional).antisymmetric
    if method == "born":
        np.testing.assert_allclose(rows(conserved)[:, 1], [-0.0552, 0.0929, -0.0007], atol=6e-5)
        np.testing.assert_allclose(rows(conventional)[:, 1], [0.0032, 0.0049, -0.0004], atol=6e-5)
    else:
        assert np.abs(numbers(conserved)).max() < 1e-12 * np.abs(numbers(data.conserved)).max()
        assert np.abs(numbers(conventional)).max() > 1e-3
    whole = split_symmetry(data.conserved)
    np.testing.assert_allclose(whole.symmetric + whole.antisymmetric, data.conserved, atol=1e-14)


def test_site_impurities_on_inversion_centres_scatter_nothing_in(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(32, 32))
    for species, equal in (
        (site_impurities(kagome, concentration=0.05, strength=1.0, moment=(0.1, 0.2, 0.3)), True),
        ([impurity(kagome, concentration=0.05, strength=1.0)], False),
    ):
        full, rates = (
            numbers(extrinsic_conductivity(shells, species, mu=1.0, method=m).conserved) for m in ("born", "gamma")
        )
        difference = np.abs(full - rates).max() / np.abs(full).max()
        assert difference < 1e-12 if equal else difference > 0.1


def test_the_torque_dipole_is_the_interband_formula_with_an_explicit_torque(rashba_magnet: TightBinding) -> None:
    """d^{iτ}_n = Im Σ_m v_nm τ_mn/ω_nm with τ = −i[s, H], Eq. (3), against conserved − conventional."""
    species = [impurity(rashba_magnet, strength=1, moment=(0, 0, 0.3), concentration=0.1)]
    shell = EnergyShells(rashba_magnet, mesh=(32, 32)).at(-2.2)
    solution = solve_boltzmann(shell, CollisionKernel.build(rashba_magnet, species))
    matrices = interpolator(rashba_magnet).at(shell.fractional)
    energies, u = np.linalg.eigh(matrices.hamiltonian)
    H = matrices.hamiltonian[:, None]
    s = matrices.operators["spin"][0].transpose(1, 0, 2)[None]
    torque = -1j * (s @ H - H @ s)
    v = np.einsum("kan,kaib,kbm->kinm", u.conj(), matrices.velocity, u)
    tau = np.einsum("kan,kxab,kbm->kxnm", u.conj(), torque, u)
    omega = energies[:, :, None] - energies[:, None, :]
    np.einsum("knn->kn", omega)[:] = np.inf
    dipole = np.einsum("kinm,kamn,knm->knia", v, tau, 1 / omega).imag[np.arange(len(shell)), shell.group]
    expected = shell_moment(shell.weights, dipole, solution.values)
    found = solution.moment(
        solution.points.project(UNIT_CHARGE.conserved_flow) - solution.points.project(UNIT_CHARGE.conventional_flow)
    )
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_reversing_time_in_host_and_impurities_reverses_the_spin_currents() -> None:
    results = []
    for sign in (1, -1):
        model = magnetised_rashba(alpha=0.5, magnetisation=(0.3 * sign, 0.2 * sign, 0.4 * sign))
        shells = EnergyShells(model, mesh=(48, 48))
        species = [impurity(model, strength=1, moment=(0, 0, 0.3 * sign), concentration=0.1)]
        results.append(extrinsic_conductivity(shells, species, mu=-2.2))
    first, second = results
    assert np.abs(numbers(first.conserved)).max() > 1
    np.testing.assert_allclose(numbers(first.conserved), -numbers(second.conserved), atol=1e-9)
    np.testing.assert_allclose(numbers(first.conventional), -numbers(second.conventional), atol=1e-9)
    np.testing.assert_allclose(numbers(first.charge_conductivity), numbers(second.charge_conductivity), atol=1e-9)


def test_a_polarised_impurity_alone_breaks_time_reversal() -> None:
    model = magnetised_rashba(alpha=0.5, magnetisation=(0, 0, 0))
    shells = EnergyShells(model, mesh=(64, 64), order=4)
    in_plane = [impurity(model, strength=1, moment=(0.3, 0, 0), concentration=0.1)]
    found = rows(extrinsic_conductivity(shells, in_plane, mu=-2.2, response=UNIT_CHARGE).conserved)
    np.testing.assert_allclose(found[0, [0, 3]], [-0.752, -1.791], atol=6e-4)
    np.testing.assert_allclose(found[1, [1, 2]], [0.682, 0.750], atol=6e-4)
    out_of_plane = [impurity(model, strength=1, moment=(0, 0, 0.3), concentration=0.1)]
    np.testing.assert_allclose(rows(extrinsic_conductivity(shells, out_of_plane, mu=-2.2).conserved), 0, atol=1e-9)


def test_the_charge_conductivity_is_symmetric_with_any_scatterers() -> None:
    model, mu, species = case("kagome, random cell")
    species = [s.scaled(0.05) for s in species]
    data = extrinsic_conductivity(EnergyShells(model, mesh=(24, 24)), species, mu=mu)
    sigma = numbers(data.charge_conductivity)
    assert abs(sigma[0, 1]) > 1e-4 * sigma[0, 0]
    assert sigma[0, 1] == pytest.approx(sigma[1, 0], rel=1e-9)


def test_the_conserved_current_does_not_depend_on_where_orbitals_sit() -> None:
    """v_n s_n needs band energies and spins only; the conventional current needs the positions."""
    model = kagome_antiferromagnet(J=1.7, breathing=0.2, canting=0.3)
    centres = np.einsum("iaa->ai", model.position.matrices[0]).real.copy()
    centres[:2, :2] += [0.11, -0.07]
    centres[2:4, :2] += [-0.05, 0.13]
    moved = replace(model, position=LatticeOperator.constant([np.diag(centres[:, i]) for i in range(3)]))
    found = []
    for host in (model, moved):
        species = [impurity(host, strength=1, orbitals=(a, a + 1), concentration=0.05) for a in (0, 2, 4)]
        found.append(extrinsic_conductivity(EnergyShells(host, mesh=(32, 32)), species, mu=1.0))
    assert np.abs(numbers(found[0].conserved)).max() > 0.1
    np.testing.assert_allclose(numbers(found[0].conserved), numbers(found[1].conserved), atol=1e-9)
    assert np.abs(numbers(found[0].conventional) - numbers(found[1].conventional)).max() > 1e-3


def test_results_do_not_depend_on_the_concentration_except_for_its_inverse(kagome: TightBinding) -> None:
    shells = EnergyShells(kagome, mesh=(24, 24))
    thin, thick = (
        extrinsic_conductivity(shells, site_impurities(kagome, concentration=c, strength=1.0), mu=1.0)
        for c in (0.01, 0.03)
    )
    np.testing.assert_allclose(numbers(thin.conserved), 3 * numbers(thick.conserved), atol=1e-9)
    np.testing.assert_allclose(thin.spin_hall_angle, thick.spin_hall_angle, atol=1e-12)


@pytest.mark.parametrize(("moment", "rank"), [((0.6, 0.0, 0.8), 1), ((0.3, 0.0, 0.4), 4)])
def test_an_impurity_that_scatters_one_spin_only_has_one_channel(moment: tuple[float, float, float], rank: int) -> None:
    """K(X) = 2πn W X W with W = 1 + m·σ: a projector for |m| = 1, of rank one, and of full rank otherwise."""
    model = magnetised_rashba(alpha=0.5, magnetisation=(0.3, 0.2, 0.4))
    kernel = CollisionKernel.build(model, [impurity(model, strength=1.0, moment=moment, concentration=0.1)])
    values, vectors = kernel.reduced()
    assert len(values) == vectors.shape[1] == rank
    size = float(np.linalg.norm(moment))
    expected = sorted(a * b for a in (1 + size, 1 - size) for b in (1 + size, 1 - size))[-rank:]
    np.testing.assert_allclose(values, 2 * np.pi * 0.1 * model.cell_measure * np.array(expected), rtol=1e-9)
