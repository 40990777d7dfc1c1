"""Hofstadter: ∂s/∂B and −∂Ω/∂B of exact spectra in a weak field against Eqs. (13), (16), (17) and finite-q."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.errors import ConfigError, ModelError
from solenoidal.models.builder import TightBindingBuilder
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.library import haldane, kane_mele, random_model
from solenoidal.models.operator import Operator
from solenoidal.realspace import flux_response, with_flux
from solenoidal.responses.magnetization import orbital_magnetization
from solenoidal.units import CURRENT_PER_ELECTRONVOLT
from support.direct import mesh
from support.registry import states_at

COLD = 20.0
INSULATOR = kane_mele(lambda_so=0.15, lambda_r=0.15, lambda_v=0.2)


def bulk(model: TightBinding, response: object, divisions: int, mu: float, temperature: float) -> sol.Result:
    return sol.solve(
        model,
        [response],
        sol.Numerics(
            mesh=(divisions, divisions, 1),
            energies=sol.FixedPoints((mu,), (temperature,)),
            symmetry=None,
            kramers=False,
            audit=False,
        ),
    )


def test_square_lattice_at_flux_one_third_has_the_bands_of_harper() -> None:
    """E³ − 6E − 2 cos 3kx' − 2 cos 3ky' = 0 for nearest hopping 1 (up to the origin of k)."""
    square = TightBindingBuilder(np.eye(2), [[0.0, 0.0]])
    square.set_hop(1.0, 0, 0, (1, 0)).set_hop(1.0, 0, 0, (0, 1))
    energies = states_at(with_flux(square.build(), 1, 3), mesh(12, 36), 1e-9).energies
    right = energies**3 - 6 * energies
    # The three bands share one right-hand side at each k, and it spans [−4, 4].
    np.testing.assert_allclose(right - right[:, :1], 0, atol=1e-10)
    assert right.max() == pytest.approx(4, abs=0.1)
    assert right.min() == pytest.approx(-4, abs=0.1)


@pytest.mark.parametrize("seed", [3, 4])
def test_spectrum_repeats_when_every_loop_holds_whole_quanta_and_reverses_with_the_field(seed: int) -> None:
    """One site in a cell with hoppings to all eight neighbours: the smallest loop is half a cell, the period 2."""
    base = replace(in_plane(random_model(2, 2, seed)), position=LatticeOperator.constant(np.zeros((3, 2, 2))))
    k = mesh(6, 6)
    plain, full = (np.sort(states_at(m, k).energies.ravel()) for m in (base, with_flux(base, 2, 1)))
    np.testing.assert_allclose(full, plain, atol=1e-12)
    half = np.sort(states_at(with_flux(base, 1, 2), mesh(3, 6)).energies.ravel())
    assert np.abs(half - plain).max() > 1e-2
    # Time reversal turns the field round: H* in −B is the conjugate of H in B.
    conjugate = replace(
        base, hamiltonian=LatticeOperator(base.hamiltonian.R, base.hamiltonian.matrices.conj()), operators={}
    )
    one, other = (
        np.sort(states_at(m, mesh(6, 12)).energies.ravel())
        for m in (with_flux(base, 1, 5), with_flux(conjugate, -1, 5))
    )
    np.testing.assert_allclose(one, other, atol=1e-12)
    assert np.abs(one - np.sort(states_at(with_flux(base, -1, 5), mesh(6, 12)).energies.ravel())).max() > 1e-3


def test_gauge_is_periodic_where_orbitals_sit_between_lattice_points() -> None:
    """Moving the whole crystal, orbitals included, leaves every energy as it was."""
    model = in_plane(random_model(4, 2, 5))
    moved = replace(model, position=LatticeOperator.constant(shifted(model, (0.21, 0.37, 0.0))))
    k = mesh(4, 40)
    for p, q in ((1, 5), (2, 7)):
        a, b = (np.sort(states_at(with_flux(m, p, q), k).energies.ravel()) for m in (model, moved))
        # A shift moves k: only sums over the zone can be compared.
        for power in (2, 3, 4):
            assert (a**power).mean() == pytest.approx((b**power).mean(), rel=1e-10)
    hidden = np.sort(
        states_at(
            with_flux(replace(model, position=LatticeOperator.constant(np.zeros((3, 4, 4)))), 1, 5), k
        ).energies.ravel()
    )
    assert abs((hidden**4).mean() - (np.sort(states_at(with_flux(model, 1, 5), k).energies.ravel()) ** 4).mean()) > 1e-4


def in_plane(model: TightBinding) -> TightBinding:
    """The same hoppings on a lattice whose periodic vectors lie in the xy plane."""
    lattice = model.lattice.copy()
    lattice[:2, 2] = 0
    return replace(model, lattice=lattice)


def shifted(model: TightBinding, by: tuple[float, float, float]) -> np.ndarray:
    return np.asarray(model.position.matrices[0] + np.einsum("i,ab->iab", by, np.eye(model.n_orbitals)))


def test_charge_of_a_chern_insulator_follows_streda() -> None:
    """∂n/∂B is exactly C e/h at any flux, with the sign of the Hall conductivity."""
    model = haldane(t2=0.15, phi=0.4 * np.pi, mass=0.2)
    found = flux_response(model, "charge", flux=11, mesh=(2, 12), mu=0.1, temperature=COLD)
    sigma = bulk(model, sol.AnomalousHallConductivity(), 36, 0.1, COLD).anomalous_hall([0.1], [COLD])
    # e ∂n/∂B = σ_H and the charge is −1.
    assert float(found.density_slope) == pytest.approx(-float(sigma.anomalous_hall[0, 0, 0, 1]), abs=1e-6)
    assert abs(float(found.density_slope)) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("mass", "mu"), [(0.2, 0.1), (1.5, -0.2)])
def test_energy_in_a_weak_field_gives_the_orbital_magnetization(mass: float, mu: float) -> None:
    """−∂Ω/∂B of a Chern and of an ordinary insulator; the error falls as the square of the field."""
    model = haldane(t2=0.15, phi=0.4 * np.pi, mass=mass)
    run = bulk(model, orbital_magnetization(), 60, mu, COLD)
    expected = float(run.quantity("magnetization", [mu], [COLD]).magnetization[0, 0, 2])
    errors = []
    for flux in (18, 36):
        found = flux_response(model, "charge", flux=flux, mesh=(2, 24), mu=mu, temperature=COLD)
        errors.append(abs(float(found.magnetization) / expected - 1))
    assert errors[1] < 0.02
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)


def test_spin_response_to_a_field_is_the_finite_q_conductivity_and_not_the_berry_curvature_part() -> None:
    """∂s/∂B at flux 1/31 equals σ_xy by finite-q to one percent; −e∫Ω_n s_n leaves out the change of s_n itself."""
    found = flux_response(INSULATOR, flux=31, mesh=(1, 31), mu=0.0, temperature=COLD)
    exact = float(found.density_slope.sel(spin="z"))
    sigma = bulk(INSULATOR, sol.SpinConductivity(), 96, 0.0, COLD).conductivity([0.0], [COLD])
    hall = sigma.isel(mu=0, temperature=0).sel(current="x", field="y", spin="z")
    assert exact == pytest.approx(float(hall.finite_q), rel=0.01)
    for other in ("berry_spin", "conventional"):
        assert abs(float(hall[other]) / exact - 1) > 0.1


def test_spin_response_to_a_field_is_the_response_of_the_magnetization_to_a_zeeman_field() -> None:
    """Maxwell: ∂s/∂B = −∂M/∂h for H + h s, by the modern theory's M."""
    found = flux_response(INSULATOR, flux=31, mesh=(1, 31), mu=0.0, temperature=COLD)
    spin = INSULATOR.operators["spin"].matrices[0, 2]
    values = []
    for h in (0.02, -0.02):
        matrices = INSULATOR.hamiltonian.matrices.copy()
        matrices[~INSULATOR.hamiltonian.R.any(axis=1)] += h * spin
        tilted = replace(INSULATOR, hamiltonian=LatticeOperator(INSULATOR.hamiltonian.R, matrices), structure=None)
        run = bulk(tilted, orbital_magnetization(), 96, 0.0, COLD)
        values.append(float(run.quantity("magnetization", [0.0], [COLD]).magnetization[0, 0, 2]))
    slope = (values[0] - values[1]) / 0.04 / CURRENT_PER_ELECTRONVOLT * 2 * np.pi
    assert abs(slope) > 0.5
    assert float(found.density_slope.sel(spin="z")) == pytest.approx(-slope, rel=0.01)


def test_conserved_spin_makes_every_definition_agree() -> None:
    model = kane_mele(lambda_so=0.15, lambda_v=0.2)
    found = flux_response(model, flux=11, mesh=(2, 12), mu=0.0, temperature=COLD)
    sigma = bulk(model, sol.SpinConductivity(), 48, 0.0, COLD).conductivity([0.0], [COLD])
    hall = sigma.isel(mu=0, temperature=0).sel(current="x", field="y", spin="z")
    assert float(found.density_slope.sel(spin="z")) == pytest.approx(float(hall.semiclassical), abs=1e-6)
    assert abs(float(hall.semiclassical)) == pytest.approx(1, abs=1e-5)


def test_models_and_fluxes_that_cannot_be_treated_are_refused() -> None:
    model = haldane(t2=0.1)
    with pytest.raises(ConfigError, match="common factor"):
        with_flux(model, 2, 4)
    with pytest.raises(ConfigError, match="at least 2"):
        flux_response(model, "charge", flux=1, mesh=(2, 2), mu=0.0, temperature=COLD)
    with pytest.raises(ModelError, match="two-dimensional model"):
        with_flux(random_model(2, 3, 1), 1, 3)
    flat = kane_mele(lambda_so=0.1)
    joined = np.array([flat.position.matrices[0] + 0.1 * np.ones((4, 4))])
    with pytest.raises(ModelError, match="diagonal position matrix; in this model it joins orbitals"):
        with_flux(replace(flat, position=LatticeOperator(flat.position.R, joined)), 1, 3)
    across = {"hop": Operator.constant([[0, 1], [1, 0]], (), 1)}
    with pytest.raises(ModelError, match="'hop' joins orbitals at different places"):
        with_flux(replace(model, operators=across), 1, 3)
