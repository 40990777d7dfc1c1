"""Energy shells: exact points, exact measure, orders of convergence, fallbacks and degenerate bands."""

from __future__ import annotations

import numpy as np
import pytest

from solenoidal.bloch.interpolation import interpolator
from solenoidal.disorder.shells.shells import EnergyShell, EnergyShells, NoFermiSurfaceError
from solenoidal.errors import ConfigError, ModelError
from solenoidal.models.continuum import ContinuumModel, PolynomialHamiltonian
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import (
    altermagnet_d_wave,
    kagome_antiferromagnet,
    kane_mele,
    magnetised_rashba,
    massive_dirac_continuum,
    pt_antiferromagnet,
    random_model,
    weyl,
)


def parabola(dimension: int, masses: tuple[float, ...]) -> ContinuumModel:
    """Anisotropic band Σ k_i²/2m_i without operators."""
    terms = {}
    for axis, m in enumerate(masses):
        power = [0, 0, 0]
        power[axis] = 2
        terms[(power[0], power[1], power[2])] = np.eye(1) / (2 * m)
    return ContinuumModel(PolynomialHamiltonian(terms), dimension, 3.0)


def energies_on(shell: EnergyShell, model: TightBinding | ContinuumModel) -> np.ndarray:
    bands = np.linalg.eigvalsh(interpolator(model).at(shell.fractional).hamiltonian)
    return bands[np.arange(len(shell)), shell.group]


@pytest.mark.parametrize("dimension", [2, 3])
def test_every_point_of_the_curved_rule_lies_on_the_shell(dimension: int) -> None:
    model = random_model(3, dimension, 4)
    energy = float(np.mean(np.linalg.eigvalsh(interpolator(model).at(np.zeros((1, 3))).hamiltonian)))
    shell = EnergyShells(model, mesh=(14,) * dimension, operators=()).at(energy)
    curved = ~shell.fallback
    assert curved.sum() > 50
    np.testing.assert_allclose(energies_on(shell, model)[curved], energy, atol=1e-10)


@pytest.mark.parametrize(("mesh", "order"), [((48, 48), 3), ((32, 24), 4)])
def test_density_of_states_of_an_ellipse(mesh: tuple[int, int], order: int) -> None:
    shells = EnergyShells(parabola(2, (0.5, 1.5)), mesh=mesh, order=order, operators=())
    assert shells.at(0.7).density_of_states == pytest.approx(np.sqrt(0.5 * 1.5) / (2 * np.pi), rel=1e-9)


def test_density_of_states_of_an_ellipsoid() -> None:
    masses = (0.5, 1.5, 0.8)
    exact = np.sqrt(2 * 0.9 * np.prod(masses)) / (2 * np.pi**2)
    errors = {}
    for rule in ("curved", "linear"):
        for n in (8, 16):
            shell = EnergyShells(parabola(3, masses), mesh=(n, n, n), rule=rule, operators=()).at(0.9)  # type: ignore[arg-type]
            errors[rule, n] = abs(shell.density_of_states / exact - 1)
    assert errors["curved", 16] < errors["curved", 8] / 8
    assert errors["curved", 16] < 1e-4
    assert 1e-3 < errors["linear", 16] < errors["linear", 8]


@pytest.mark.parametrize(("order", "gain"), [(1, 3), (2, 10), (3, 30)])
def test_the_chord_rule_gains_two_powers_of_the_mesh_for_each_point(order: int, gain: float) -> None:
    model = magnetised_rashba(alpha=0.5, magnetisation=(0.3, 0.2, 0.4))
    exact = 0.209455803914
    coarse, fine = (
        abs(EnergyShells(model, mesh=(n, n), order=order).at(-2.2).density_of_states - exact) for n in (32, 64)
    )
    assert coarse > 1e-10
    assert fine < coarse / gain


def test_the_linear_rule_is_of_second_order_on_average() -> None:
    model = magnetised_rashba(alpha=0.5, magnetisation=(0.3, 0.2, 0.4))
    errors = [
        abs(EnergyShells(model, mesh=(n, n), rule="linear").at(-2.2).density_of_states / 0.209455803914 - 1)
        for n in (32, 128)
    ]
    assert 1e-5 < errors[0] < 3e-3
    assert errors[1] < errors[0] / 4
    assert EnergyShells(model, mesh=(32, 32), rule="linear").at(-2.2).fallback_fraction == 0


def test_the_density_of_states_integrates_to_the_number_of_bands() -> None:
    model = kagome_antiferromagnet(J=6.0)
    shells = EnergyShells(model, mesh=(12, 12), operators=())
    low, high = shells.vertex_energies[:, 0].min(), shells.vertex_energies[:, 2].max()
    x = np.linspace(low - 0.05, high + 0.05, 121)
    density = []
    for energy in x:
        try:
            density.append(shells.at(energy).density_of_states * model.cell_measure)
        except ValueError:
            density.append(0.0)
    assert np.trapezoid(density, x) == pytest.approx(3.0, abs=0.03)


def test_velocities_sum_to_zero_on_a_closed_shell() -> None:
    model = kagome_antiferromagnet(J=1.7, spin_orbit=0.1, canting=0.3)
    shell = EnergyShells(model, mesh=(48, 48), order=4).at(1.0)
    total = shell.weights @ np.abs(shell.velocity)
    assert total[0] > 0.1
    np.testing.assert_allclose(shell.weights @ shell.velocity / total[0], 0, atol=1e-9)


def test_velocities_are_gradients_of_the_energy() -> None:
    model = random_model(3, 2, 7)
    shells = EnergyShells(model, mesh=(20, 20), operators=())
    shell = shells.at(float(np.median(shells.vertex_energies)))
    source, h = interpolator(model), 1e-5
    basis = np.linalg.inv(model.reciprocal)
    for axis in range(2):
        step = h * basis[axis]
        upper, lower = (
            np.linalg.eigvalsh(source.at(shell.fractional + s * step).hamiltonian)[np.arange(len(shell)), shell.group]
            for s in (1, -1)
        )
        np.testing.assert_allclose(shell.velocity[:, axis], (upper - lower) / (2 * h), atol=1e-4)


def test_threads_and_repetition_change_nothing() -> None:
    model = kagome_antiferromagnet(J=1.7)
    one, two = (EnergyShells(model, mesh=(40, 40), threads=t) for t in (1, 2))
    np.testing.assert_array_equal(one.at(1.0).k, two.at(1.0).k)
    np.testing.assert_array_equal(one.at(1.0).weights, two.at(1.0).weights)
    assert one.at(1.0) is one.at(1.0)


def test_only_as_many_shells_are_kept_as_asked_for() -> None:
    shells = EnergyShells(kagome_antiferromagnet(J=1.7), mesh=(12, 12), keep=2, operators=())
    first = shells.at(1.0)
    shells.at(0.9)
    shells.at(0.8)
    assert shells.at(1.0) is not first


def test_degenerate_bands_are_one_contour_of_groups() -> None:
    model = pt_antiferromagnet(t=1.0, t_prime=0.08, spin_orbit=0.3, J=0.6)
    shells = EnergyShells(model, mesh=(24, 24))
    assert np.diff(shells.starts).tolist() == [2, 2]
    shell = shells.at(-1.3)
    (block,) = shell.blocks
    assert block.size == 2
    assert shell.density_of_states == pytest.approx(2 * shell.weights.sum())
    np.testing.assert_allclose(np.ptp(block.energies, axis=1), 0, atol=1e-12)
    scalar = np.einsum("mgih->migh", block.velocity)
    np.testing.assert_allclose(scalar, shell.velocity[:, :, None, None] * np.eye(2), atol=1e-9)


def test_an_isolated_touching_point_is_no_group() -> None:
    model = kane_mele(lambda_so=0.0, lambda_v=0.0, lambda_r=0.3)
    shells = EnergyShells(model, mesh=(12, 12), operators=())
    assert np.diff(shells.starts).tolist() == [1, 1, 1, 1]


def test_crossing_bands_keep_their_spin_and_their_measure() -> None:
    """The two spins of an altermagnet cross on nodal lines; each spin's own shell is that of a one-spin model."""
    model = altermagnet_d_wave(t2=0.3, delta=0.5, J=0.8)
    coarse, fine = (EnergyShells(model, mesh=(n, n)).at(-1.5) for n in (24, 96))
    for shell in (coarse, fine):
        (block,) = shell.blocks
        spin = np.einsum("mgag->ma", block.operators["spin"]).real
        np.testing.assert_allclose(np.abs(spin[:, 2]), 0.5, atol=1e-9)
        np.testing.assert_allclose(shell.weights @ spin[:, 2], 0, atol=1e-7)
        np.testing.assert_allclose((shell.weights * spin[:, 2]) @ shell.velocity, 0, atol=1e-7)
    stiffness = [np.einsum("k,ki,kj,k->ij", s.weights, s.velocity, s.velocity, _spin_z(s)) for s in (coarse, fine)]
    assert abs(stiffness[0][0, 0]) > 0.01
    np.testing.assert_allclose(stiffness[0], stiffness[1], atol=1e-6)


def _spin_z(shell: EnergyShell) -> np.ndarray:
    (block,) = shell.blocks
    return np.einsum("mgg->m", block.operators["spin"][:, :, 2]).real


def test_the_gap_is_the_distance_to_the_nearest_other_band() -> None:
    shell = EnergyShells(massive_dirac_continuum(velocity=1.2, mass=0.5, cutoff=1.5), mesh=(24, 24)).at(1.1)
    np.testing.assert_allclose(shell.gap, 2.2, atol=1e-9)


def test_where_the_curve_turns_inside_a_cell_the_whole_chord_becomes_straight() -> None:
    """Close to a van Hove point the weights of the linear rule take over, and stay near those of a fine mesh."""
    model = kagome_antiferromagnet(J=1.7)
    coarse, fine = (EnergyShells(model, mesh=(n, n), operators=()).at(1.69) for n in (24, 192))
    assert 0 < coarse.fallback_fraction < 1
    per_chord = np.bincount(coarse.element, weights=coarse.fallback) / np.bincount(coarse.element)
    assert set(per_chord.tolist()) == {0.0, 1.0}
    assert fine.fallback_fraction == 0
    assert coarse.density_of_states == pytest.approx(fine.density_of_states, rel=0.35)


def test_pockets_between_the_vertices_are_counted() -> None:
    """At 1.75 eV the kagome magnet has Dirac pockets at the zone corners, where a mesh of 32 has no vertex."""
    model = kagome_antiferromagnet(J=1.7)
    with pytest.raises(NoFermiSurfaceError, match="found") as caught:
        EnergyShells(model, mesh=(32, 32), operators=()).at(1.75)
    assert caught.value.hidden_pockets >= 2
    with pytest.raises(NoFermiSurfaceError) as caught:
        EnergyShells(model, mesh=(32, 32), operators=()).at(20.0)
    assert caught.value.hidden_pockets == 0
    assert EnergyShells(model, mesh=(32, 32), operators=()).at(1.0).hidden_pockets == 0
    weyl_shell = EnergyShells(weyl(cutoff=4.0), mesh=(9, 9, 9), operators=())
    with pytest.raises(NoFermiSurfaceError) as caught:
        weyl_shell.at(0.3)
    assert caught.value.hidden_pockets >= 1


def test_a_shell_that_leaves_the_momentum_box_is_refused() -> None:
    with pytest.raises(ConfigError, match="reaches the edge of the momentum box"):
        EnergyShells(parabola(2, (1.0, 1.0)), mesh=(20, 20), operators=()).at(5.0)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"mesh": (16,)}, "write 2 divisions"),
        ({"mesh": (16, 16, 2)}, "not periodic"),
        ({"mesh": (16, 1)}, "2 or more"),
        ({"mesh": (16, 16), "rule": "smeared"}, "'curved' or 'linear'"),
        ({"mesh": (16, 16), "order": 0}, "order from 1 to 8"),
    ],
)
def test_meshes_and_rules_that_cannot_be_used(kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EnergyShells(kagome_antiferromagnet(J=1.7), **kwargs)  # type: ignore[arg-type]


def test_an_operator_the_model_lacks_is_named() -> None:
    shells = EnergyShells(kagome_antiferromagnet(J=1.7), mesh=(16, 16), operators=("orbital",))
    with pytest.raises(ModelError, match="no operator 'orbital'"):
        shells.at(1.0)
