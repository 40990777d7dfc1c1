"""Degenerate bands: independence of the basis inside a group, and the average potential of the impurities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solenoidal.disorder.boltzmann import solve_boltzmann
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.pseudo_points import operator_matrices, pseudo_points
from solenoidal.disorder.scatterers import impurity, site_impurities
from solenoidal.disorder.shells.shells import EnergyShell, EnergyShells
from solenoidal.disorder.shells.states import StateBlock
from solenoidal.disorder.thermal import ShellResponse
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import magnetised_rashba, pt_antiferromagnet
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from support.dense_boltzmann import numbers

UNIT_CHARGE = ExtrinsicSpinConductivity(charge=1.0)


@pytest.fixture(scope="module")
def antiferromagnet() -> TightBinding:
    return pt_antiferromagnet(t=1.0, t_prime=0.08, spin_orbit=0.4, J=0.6)


def rotated(shell: EnergyShell, seed: int) -> EnergyShell:
    """The same shell with another basis in every group."""
    rng = np.random.default_rng(seed)
    (block,) = shell.blocks
    m, g = block.energies.shape
    U, _ = np.linalg.qr(rng.normal(size=(m, g, g)) + 1j * rng.normal(size=(m, g, g)))

    def turn(X: np.ndarray) -> np.ndarray:
        flat = X.reshape(m, g, -1, g)
        return np.einsum("mab,maxc,mcd->mbxd", U.conj(), flat, U).reshape(X.shape)

    changed = StateBlock(
        block.index,
        block.energies,
        block.vectors @ U,
        turn(block.velocity),
        {name: turn(X) for name, X in block.operators.items()},
        {name: turn(X) for name, X in block.currents.items()},
        block.gap,
    )
    return replace(shell, blocks=(changed,))


@pytest.mark.parametrize("g", [1, 2, 3])
def test_the_operators_of_a_group_are_an_orthonormal_hermitian_basis(g: int) -> None:
    O = operator_matrices(g)
    np.testing.assert_allclose(O, O.conj().transpose(0, 2, 1))
    np.testing.assert_allclose(np.einsum("iab,jba->ij", O, O), np.eye(g * g), atol=1e-15)


@pytest.mark.parametrize("mean_field", [False, True])
def test_nothing_depends_on_the_basis_inside_a_group(antiferromagnet: TightBinding, mean_field: bool) -> None:
    shell = EnergyShells(antiferromagnet, mesh=(24, 24)).at(-1.3)
    species = site_impurities(antiferromagnet, concentration=0.05, strength=1.0, moment=(0.4, 0.1, 0.2))
    kernel = CollisionKernel.build(antiferromagnet, species)
    first, second = (
        ShellResponse.of(solve_boltzmann(s, kernel, mean_field=mean_field), UNIT_CHARGE)
        for s in (shell, rotated(shell, 3))
    )
    assert np.abs(first.conserved).max() > 0.1
    np.testing.assert_allclose(first.conserved, second.conserved, atol=1e-11)
    np.testing.assert_allclose(first.conventional, second.conventional, atol=1e-11)
    np.testing.assert_allclose(first.charge, second.charge, atol=1e-11)


def test_scalar_impurities_in_a_pt_symmetric_magnet_drive_no_spin_current(antiferromagnet: TightBinding) -> None:
    shells = EnergyShells(antiferromagnet, mesh=(32, 32))
    scalar = site_impurities(antiferromagnet, concentration=0.05, strength=1.0)
    data = extrinsic_conductivity(shells, scalar, mu=-1.3)
    assert numbers(data.charge_conductivity)[0, 0] > 1
    np.testing.assert_allclose(numbers(data.conserved), 0, atol=1e-12)
    np.testing.assert_allclose(numbers(data.conventional), 0, atol=1e-12)


def explicit_solution(shell: EnergyShell, kernel: CollisionKernel) -> np.ndarray:
    """λ̂ of every pair of degenerate bands from one large real system for its matrix elements, with i[δH, λ̂]."""
    (block,) = shell.blocks
    phi, w = block.vectors, shell.weights
    m, g = block.energies.shape
    basis = operator_matrices(g)
    shift = kernel.mean_field()
    G = np.einsum("k,kag,kbg->ab", w, phi, phi.conj())
    gamma = np.einsum("kag,ab,kbh->kgh", phi.conj(), kernel.apply(G), phi)
    h = np.einsum("kag,ab,kbh->kgh", phi.conj(), shift, phi)
    size = g * g
    C = np.zeros((m * size, m * size))
    for k in range(m):
        for j, O in enumerate(basis):
            local = 0.5 * (gamma[k] @ O + O @ gamma[k]) + 1j * (h[k] @ O - O @ h[k])
            C[k * size : (k + 1) * size, k * size + j] += np.einsum("iab,ba->i", basis, local).real
            incoming = kernel.apply(w[k] * phi[k] @ O @ phi[k].conj().T)
            block_in = np.einsum("kag,ab,kbh->kgh", phi.conj(), incoming, phi)
            C[:, k * size + j] -= np.einsum("iab,kba->ki", basis, block_in).real.ravel()
    source = np.einsum("iab,kbxa->kix", basis, block.velocity).real.reshape(-1, 3)
    root = np.sqrt(np.repeat(w, size))[:, None]
    solved = np.linalg.pinv(root * C / root.T, rcond=1e-11) @ (root * source) / root
    return np.einsum("kix,iab->kxab", solved.reshape(m, size, 3), basis)


def test_precession_in_the_mean_field_against_an_explicit_system(antiferromagnet: TightBinding) -> None:
    shell = EnergyShells(antiferromagnet, mesh=(12, 12), order=1).at(-1.3)
    species = [
        *site_impurities(antiferromagnet, concentration=0.05, strength=1.0, moment=(0.4, 0.0, 0.0), on=[0]),
        *site_impurities(antiferromagnet, concentration=0.05, strength=0.7, moment=(0.0, 0.3, 0.2), on=[1]),
    ]
    kernel = CollisionKernel.build(antiferromagnet, species)
    matrices = explicit_solution(shell, kernel)
    (block,) = shell.blocks
    flow = UNIT_CHARGE.conserved_flow(block)
    expected = np.einsum("k,kgiah,klhg->ila", shell.weights, flow, matrices).real
    with_field, without = (
        ShellResponse.of(solve_boltzmann(shell, kernel, mean_field=flag), UNIT_CHARGE).conserved
        for flag in (True, False)
    )
    assert np.abs(with_field - without).max() > 0.01 * np.abs(without).max()
    np.testing.assert_allclose(with_field, expected, atol=1e-9 * np.abs(expected).max())


def test_precession_acts_on_every_block_from_its_own_start(antiferromagnet: TightBinding) -> None:
    """The unknowns of a shell twice over: the second copy stands behind the first and has the same local part."""
    shell = EnergyShells(antiferromagnet, mesh=(8, 8)).at(-1.3)
    species = site_impurities(antiferromagnet, concentration=0.05, strength=1.0, moment=(0.4, 0.1, 0.2))
    points = pseudo_points(shell, CollisionKernel.build(antiferromagnet, species), mean_field=True)
    (block,) = points.blocks
    assert block.precession is not None
    twice = replace(
        points, blocks=(block, replace(block, start=block.count)), rates=np.concatenate([points.rates, points.rates])
    )
    x = np.random.default_rng(3).normal(size=(len(points), 2))
    once = points.local(x)
    assert np.abs(once - x * points.rates[:, None]).max() > 1e-3 * np.abs(once).max()
    for act, expected in ((twice.local, once), (twice.relax, points.relax(x))):
        np.testing.assert_allclose(act(np.concatenate([x, -x])), np.concatenate([expected, -expected]), rtol=1e-12)
    np.testing.assert_allclose(points.relax(once), x, rtol=0, atol=1e-9)


def test_the_source_is_the_velocity_in_the_operators_of_the_groups(antiferromagnet: TightBinding) -> None:
    """With a velocity that joins the states of a group, as bands that touch only here would have."""
    shell = EnergyShells(antiferromagnet, mesh=(8, 8)).at(-1.3)
    (block,) = shell.blocks
    rng = np.random.default_rng(8)
    X = rng.normal(size=block.velocity.shape) + 1j * rng.normal(size=block.velocity.shape)
    shell = replace(shell, blocks=(replace(block, velocity=X + X.conj().swapaxes(1, 3)),))
    species = site_impurities(antiferromagnet, concentration=0.05, strength=1.0, moment=(0.4, 0.1, 0.2))
    points = pseudo_points(shell, CollisionKernel.build(antiferromagnet, species))
    (made,) = points.blocks
    turned = np.einsum("mga,mgxh,mhb->mabx", made.rotation.conj(), made.block.velocity, made.rotation, optimize=True)
    expected = np.einsum("jab,mbax->mjx", operator_matrices(2), turned).real
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(points.source.reshape(expected.shape), expected, rtol=0, atol=1e-12)


def test_a_strong_mean_field_splits_the_band_into_two_currents() -> None:
    """Weak impurities polarised along x in a band polarised by others along z: coherences die out."""
    model = magnetised_rashba(alpha=0.0, magnetisation=(0, 0, 0))
    shell = EnergyShells(model, mesh=(24, 24)).at(-1.3)
    species = [
        impurity(model, strength=0.002, moment=(0.001, 0, 0), concentration=0.1),
        impurity(model, strength=1e-7, moment=(0, 0, 0.002), concentration=0.3),
    ]
    kernel = CollisionKernel.build(model, species)
    found = ShellResponse.of(solve_boltzmann(shell, kernel, mean_field=True), UNIT_CHARGE).conserved
    without = ShellResponse.of(solve_boltzmann(shell, kernel), UNIT_CHARGE).conserved
    assert abs(without[0, 0, 0]) > 0.2 * abs(without).max()
    # The mean field along (0.001, 0, 0.006) leaves only the polarisation along itself.
    direction = np.array([0.001, 0.0, 0.006]) / np.hypot(0.001, 0.006)
    along = found[0, 0] @ direction
    np.testing.assert_allclose(found[0, 0], along * direction, atol=0.03 * abs(along))


@pytest.mark.filterwarnings("ignore::solenoidal.disorder.problems.PolarisedBlockWarning")
@pytest.mark.parametrize("concentration", [0.01, 0.04])
def test_the_polarisation_is_the_splitting_over_the_scattering_rate(concentration: float) -> None:
    """|c m n·σ| = √2 c m over Γ = 2πcN(V² + m²), N the density of states of one spin, whatever the concentration."""
    V, m = 1.0, 0.4
    model = magnetised_rashba(alpha=0.0, magnetisation=(0, 0, 0))
    shells = EnergyShells(model, mesh=(24, 24, 1))
    species = [impurity(model, strength=V, moment=(0.6 * m, 0.0, 0.8 * m), concentration=concentration)]
    data = extrinsic_conductivity(shells, species, mu=-1.3)
    N = shells.at(-1.3).density_of_states / 2 * model.cell_measure
    assert data.mean_rate.item() == pytest.approx(2 * np.pi * concentration * N * (V**2 + m**2), rel=1e-6)
    expected = np.sqrt(2) * m / (2 * np.pi * N * (V**2 + m**2))
    assert abs(np.log(expected)) > 0.1
    assert data.polarised.item() == pytest.approx(expected, rel=1e-6)


def test_every_group_brings_one_conserved_constant(antiferromagnet: TightBinding) -> None:
    shell = EnergyShells(antiferromagnet, mesh=(16, 16)).at(-1.3)
    species = site_impurities(antiferromagnet, concentration=0.05, strength=1.0)
    points = pseudo_points(shell, CollisionKernel.build(antiferromagnet, species))
    assert len(points) == 4 * len(shell)
    assert points.weights @ points.unit == pytest.approx(shell.density_of_states)


def test_conjugate_gradients_agree_with_the_low_rank_solution_of_degenerate_bands(
    antiferromagnet: TightBinding,
) -> None:
    shell = EnergyShells(antiferromagnet, mesh=(16, 16)).at(-1.3)
    species = site_impurities(antiferromagnet, concentration=0.05, strength=1.0, moment=(0.4, 0.1, 0.2))
    kernel = CollisionKernel.build(antiferromagnet, species)
    dense, iterative = (solve_boltzmann(shell, kernel, solver=solver) for solver in ("dense", "iterative"))
    assert dense.points.blocks[0].block.size == 2
    assert np.abs(dense.values).max() > 1
    np.testing.assert_allclose(iterative.values, dense.values, rtol=0, atol=1e-8 * np.abs(dense.values).max())
