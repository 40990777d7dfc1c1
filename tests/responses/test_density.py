"""Eqs. (4)-(6) and (9), (12): local densities in slowly varying systems, and the laws of the conserved current."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import constants

import solenoidal as sol
from solenoidal.errors import ConfigError
from solenoidal.evaluate import band_values
from solenoidal.geometry.expressions import operator_symbols, re_pairs
from solenoidal.geometry.gradient import gradient_response
from solenoidal.geometry.space import Space
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.library import altermagnet_d_wave, kagome_antiferromagnet, random_model, rashba_square
from solenoidal.models.operator import Operator
from solenoidal.realspace import local_densities
from solenoidal.responses.density import LocalDensity
from solenoidal.responses.magnetization import Magnetization
from solenoidal.units import BOLTZMANN
from support.direct import fermi, mesh, tensors
from support.parallel_transport import slope
from support.registry import CASES, Case, points, states_at
from support.separate.connection import conventional_current
from support.separate.multipoles import torque
from support.values import values as values_of

KT = 0.2
TEMPERATURE = KT / BOLTZMANN
MODEL = random_model(3, 2, 39)
NONLOCAL = random_model(3, 2, 39, nonlocal_matrices=True)
X = np.arange(48) * 1.5
PERIOD = 48 * 1.5
MESH = (40, 40, 1)


def wave(amplitude: float, phase: float = 0.3) -> np.ndarray:
    return np.asarray(amplitude * np.cos(2 * np.pi * X / PERIOD + phase))


def soft_boundary(model: TightBinding = MODEL, divisions: int = 40) -> xr.Dataset:
    return local_densities(
        model,
        coordinates=[X],
        mu=0.1,
        temperature=TEMPERATURE,
        potential=wave(0.3),
        mesh=(divisions, divisions, 1),
        periodic=True,
    )


@pytest.mark.parametrize("model", [MODEL, NONLOCAL], ids=["local", "nonlocal"])
def test_uniform_equilibrium_carries_a_conventional_current_and_no_conserved_one(model: TightBinding) -> None:
    flow = local_densities(model, coordinates=[X], mu=0.1, temperature=TEMPERATURE, mesh=MESH)
    assert float(np.abs(flow.conventional_current).max()) > 1e-2
    assert float(np.abs(flow.conserved_current).max()) < 1e-12
    # The torque has no density in a uniform system: the source vanishes although the torque dipole does not.
    assert float(np.abs(flow.torque_current).max()) > 1e-2
    assert float(np.abs(flow.source).max()) < 1e-12


@pytest.mark.parametrize("model", [MODEL, NONLOCAL], ids=["local", "nonlocal"])
def test_equilibrium_current_is_the_curl_of_the_magnetization(model: TightBinding) -> None:
    """Eq. (12): J_x = 0 and J_y = −∂_x M_z for U(x) though neither piece by itself has that form."""
    flow = soft_boundary(model)
    run = sol.solve(
        model,
        [Magnetization()],
        sol.Numerics(
            mesh=MESH,
            energies=sol.FixedPoints(tuple(0.1 - wave(0.3)), (TEMPERATURE,)),
            symmetry=None,
            kramers=False,
            audit=False,
        ),
    )
    M = run.quantity("magnetization", 0.1 - wave(0.3), [TEMPERATURE]).eq13.isel(temperature=0, moment=2).values
    q = 2j * np.pi * np.fft.rfftfreq(len(X), 1.5)
    expected = -np.fft.irfft(np.fft.rfft(M, axis=0) * q[:, None], n=len(X), axis=0)
    J = flow.conserved_current.values
    scale = np.abs(expected).max()
    assert scale > 1e-5
    np.testing.assert_allclose(J[:, 1], expected, rtol=0, atol=1e-7 * scale)
    np.testing.assert_allclose(J[:, 0], 0, atol=1e-7 * scale)
    for piece in ("conventional_current_magnetization", "torque_current_magnetization"):
        assert np.abs(flow[piece].values[:, 0]).max() > 0.1 * scale


@pytest.mark.parametrize("model", [MODEL, NONLOCAL], ids=["local", "nonlocal"])
def test_conserved_current_has_no_divergence_at_equilibrium_and_the_others_do(model: TightBinding) -> None:
    flow = soft_boundary(model)
    parts = flow.conventional_current.sel(current="x").differentiate("x")
    assert float(np.abs(parts).max()) > 1e-4
    assert float(np.abs(flow.source).max()) > 1e-4
    assert float(np.abs(flow.divergence).max()) < 1e-12


def test_two_dimensional_soft_boundary_circulates_without_divergence() -> None:
    axis = np.arange(28) * 80 / 28
    x, y = np.meshgrid(axis, axis, indexing="ij")
    q = 2 * np.pi / 80
    potential = 0.2 * np.cos(q * x + 0.3) + 0.15 * np.cos(q * y) * np.sin(q * x)
    options = {"coordinates": [axis, axis], "temperature": TEMPERATURE, "mesh": MESH, "periodic": True}
    flow = local_densities(MODEL, mu=0.1, potential=potential, **options)
    J = flow.conserved_current
    assert J.dims == ("x", "y", "current", "spin")
    inside = J.sel(current=["x", "y"])
    scale = float(np.abs(inside).max())
    assert scale > 1e-6
    assert float(np.abs(flow.divergence).max()) < 1e-8 * scale
    assert float(np.abs(inside.sum(["x", "y"])).max()) < 1e-7 * scale
    conventional = flow.conventional_current_magnetization.sel(current=["x", "y"])
    assert float(np.abs(conventional.sum("y")).max()) > 0.1 * scale


def turned(model: TightBinding, R: np.ndarray) -> TightBinding:
    """The crystal turned by R, its spins left alone."""
    position = LatticeOperator(model.position.R, np.einsum("ij,rjab->riab", R, model.position.matrices))
    return TightBinding(model.lattice @ R.T, 2, model.hamiltonian, position, model.operators)


PLANE = np.linalg.qr(np.concatenate([MODEL.lattice[:2], np.cross(*MODEL.lattice[:2])[None]]).T)[0].T
"""Orthonormal rows, two in the plane of the model."""


def test_a_profile_along_any_direction_is_that_of_the_turned_crystal_along_x() -> None:
    angle = 0.7
    R = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]) @ PLANE
    field = np.array([1e-3, 2e-3, 0.0])
    options = {"mu": 0.1, "temperature": TEMPERATURE, "mesh": (24, 24, 1), "periodic": True, "coordinates": [X]}
    slanted = local_densities(MODEL, directions=[3.0 * R[0]], potential=wave(0.3), field=field @ R, **options)
    straight = local_densities(turned(MODEL, R), potential=wave(0.3), field=field, **options)
    assert slanted.density.dims == ("u", "spin")
    seen = 0
    for name in straight.data_vars:
        expected, found = straight[name].values, slanted[name].values
        if "current" in straight[name].dims:
            found = np.einsum("ij,xjs->xis", R, found)
        scale = np.abs(expected).max()
        seen += scale > 1e-6
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * max(scale, 1e-3), err_msg=str(name))
    assert seen > 12
    plain = local_densities(MODEL, directions=[PLANE[0]], potential=wave(0.3), field=field, **options)
    change = plain.conventional_current_magnetization.values - slanted.conventional_current_magnetization.values
    assert np.abs(change).max() > 1e-4


def test_oblique_coordinates_along_the_lattice_keep_the_conserved_current_free_of_divergence() -> None:
    axis = np.arange(24) * 80 / 24
    q = 2 * np.pi / 80
    u, v = np.meshgrid(axis, axis, indexing="ij")
    slanted = (MODEL.lattice[0], PLANE[0] + 0.6 * PLANE[1])
    flow = local_densities(
        MODEL,
        coordinates=[axis, axis],
        directions=slanted,
        mu=0.1,
        temperature=TEMPERATURE,
        potential=0.2 * np.cos(q * u + 0.3) + 0.15 * np.cos(q * v) * np.sin(q * u),
        mesh=(24, 24, 1),
        periodic=True,
        nodes=28,
    )
    assert flow.source.dims == ("u", "v", "spin")
    assert float(np.abs(flow.source).max()) > 1e-5
    assert float(np.abs(flow.divergence).max()) < 1e-7 * float(np.abs(flow.source).max())


@pytest.mark.parametrize("case", [c for c in CASES if c.dimension == 2], ids=str)
def test_closed_forms_are_the_exact_gradient_response_for_a_uniform_coupling(case: Case) -> None:
    """Eq. (4) for s and J, first line of Eq. (6) for τ: −∂_l of the closed forms is C^{lθ} ∂_l U, on any mesh.

    Where positions do not commute, current and torque depend on a gradient of U themselves: v_i by F_li ∂_lU, τ by
    K_l ∂_lU.
    """
    model, mu = case.model(), 0.2
    response = LocalDensity()
    fixed = sol.FixedPoints((mu,), (TEMPERATURE,))
    options = {"mesh": (6, 6, 1), "energies": fixed, "symmetry": None, "kramers": False, "audit": False}
    run = sol.solve(model, [response], sol.Numerics(degeneracy_tol=1e-9, **options))
    states = states_at(model, mesh(6, 6), 1e-9)
    theta = {
        "polarisation": states.operator("spin"),
        "current_moment": conventional_current(states, "spin"),
        "torque_current": torque(states, "spin"),
    }
    s, space = operator_symbols(model.operators["spin"]), Space.of(model)
    tensors_of = [(l, i, (q,)) for l in range(3) for i in range(3) for q in range(3)]
    moved = {
        "current_moment": [re_pairs(space.F(l, i), s[q]) for l, i, q in tensors_of],
        "torque_current": [space.K_diagonal(i, s, (q,)) for i in range(3) for q in range(3)],
    }
    f = fermi((states.energies - mu) / KT)
    for name, operator in theta.items():
        # U lowers the level, so ∂/∂U = −∂/∂μ and the density is −∂_l N^l = +∂_μ N^l ∂_l U.
        closed = run.quantity(name, [mu], [TEMPERATURE]).per_mu.values[0, 0]
        exact = gradient_response(states, np.eye(case.bands)[None], operator, mu=mu, kT=KT).mean(axis=0)
        assert np.abs(exact).max() > 1e-3, name
        if name in moved:
            exact = exact - np.einsum("kn,knp->p", f, band_values(moved[name], states)).reshape(exact.shape) / len(f)
        np.testing.assert_allclose(
            closed, exact.reshape(closed.shape) / model.cell_measure, rtol=0, atol=1e-10, err_msg=name
        )


def test_slopes_in_mu_and_temperature_are_derivatives() -> None:
    response = LocalDensity()

    def values(mu: float, temperature: float) -> sol.Result:
        fixed = sol.FixedPoints((mu,), (temperature,))
        return sol.solve(
            MODEL, [response], sol.Numerics(mesh=(8, 8, 1), energies=fixed, symmetry=None, kramers=False, audit=False)
        )

    run = values(0.1, TEMPERATURE)
    for name in ("density", "current", "torque_current", "polarisation", "current_moment", "torque_moment"):
        data = run.quantity(name, [0.1], [TEMPERATURE])
        by_mu = slope(lambda x, n=name: values(0.1 + x, TEMPERATURE).quantity(n, [0.1 + x], [TEMPERATURE]).value.values)
        by_t = slope(
            lambda x, n=name: values(0.1, TEMPERATURE + x).quantity(n, [0.1], [TEMPERATURE + x]).value.values, 10.0
        )
        for found, expected in ((data.per_mu, by_mu), (data.per_temperature, by_t)):
            scale = np.abs(expected).max()
            assert scale > 0, name
            np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-7 * scale, err_msg=name)


def test_field_drives_the_current_of_equation_15_and_a_gradient_of_mu_does_the_same() -> None:
    """Einstein: eE and −∇μ are one force, and the transport part of the conserved current is σ of Eq. (14)."""
    run = sol.solve(
        MODEL,
        [sol.SpinConductivity()],
        sol.Numerics(
            mesh=MESH, energies=sol.FixedPoints((0.1,), (TEMPERATURE,)), symmetry=None, kramers=False, audit=False
        ),
    )
    sigma = run.conductivity([0.1], [TEMPERATURE]).isel(mu=0, temperature=0)
    options = {"temperature": TEMPERATURE, "mesh": MESH}
    driven = local_densities(MODEL, coordinates=[X], mu=0.1, field=(2e-3, 0, 0), **options)
    for name, conductivity in (
        ("conserved_current", sigma.semiclassical),
        ("conventional_current", sigma.conventional),
        ("torque_current", sigma.torque_dipole),
    ):
        expected = conductivity.sel(field="x").values * 2e-3 / (2 * np.pi)
        assert np.abs(expected).max() > 1e-8
        np.testing.assert_allclose(driven[f"{name}_transport"].values[0], expected, rtol=0, atol=1e-12)
    # The same force −∇μ = eE: look where the local μ is 0.1.
    sloped = local_densities(MODEL, coordinates=[X], mu=0.1 + 2e-3 * (X - X[24]), **options)
    np.testing.assert_allclose(
        sloped.conserved_current_transport.values[24], driven.conserved_current_transport.values[24], atol=1e-12
    )
    # A potential that balances the gradient of μ is equilibrium: no transport part is left.
    still = local_densities(MODEL, coordinates=[X], mu=0.1, potential=2e-3 * (X - X[24]), **options)
    assert float(np.abs(still.conserved_current_transport).max()) == 0.0
    assert float(np.abs(still.conserved_current_magnetization).max()) > 1e-8


def test_temperature_gradient_drives_the_nernst_current_and_magnetization_follows_it() -> None:
    run = sol.solve(
        MODEL,
        [sol.SpinConductivity(), Magnetization()],
        sol.Numerics(
            mesh=MESH, energies=sol.FixedPoints((0.1,), (TEMPERATURE,)), symmetry=None, kramers=False, audit=False
        ),
    )
    alpha = run.nernst([0.1], [TEMPERATURE]).isel(mu=0, temperature=0)
    entropy = run.quantity("entropy_magnetization", [0.1], [TEMPERATURE]).isel(mu=0, temperature=0)
    gradient = 4.0
    T = TEMPERATURE + gradient * (X - X[24])
    flow = local_densities(MODEL, coordinates=[X], mu=0.1, temperature=T, mesh=MESH)
    per_kelvin = alpha.semiclassical.sel(field="x").values / (constants.e**2 / constants.hbar)
    expected = -gradient * per_kelvin
    assert np.abs(expected).max() > 1e-7
    np.testing.assert_allclose(flow.conserved_current_transport.values[24], expected, rtol=1e-6, atol=1e-13)
    curl = -gradient * entropy.eq13.sel(moment="z").values
    found = flow.conserved_current_magnetization.values[24, 1]
    assert np.abs(curl).max() > 1e-8
    np.testing.assert_allclose(found, curl, rtol=0, atol=1e-5 * np.abs(curl).max())


def test_terms_of_scalar_operators_lose_the_last_axis() -> None:
    case = Case(3, 2, 4)
    _, kf, _ = points(case, 2)
    vector = values_of(LocalDensity(), states_at(case.model(), kf))
    spin = case.model().operators["spin"]
    component = Operator(spin.R, spin.matrices[:, 0], (), -1)
    model = replace(case.model(), operators={"component": component})
    scalar = tensors(model, LocalDensity("component"), states_at(model, kf))
    for name, term in LocalDensity("component").terms(model).items():
        assert scalar[name].ndim == 2 + len(term.legs)
        np.testing.assert_allclose(scalar[name], vector[name][..., 0], rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "temperature above zero"),
        ({"potential": np.zeros(3)}, r"potential has shape \(3,\)"),
        ({"coordinates": [X**2], "potential": wave(0.1)}, "not a uniform ascending grid"),
        ({"coordinates": [X, X, X]}, "one or two coordinate arrays"),
        ({"directions": [np.cross(*MODEL.lattice[:2])]}, "normal to the 2 periodic directions"),
        ({"directions": [[0.0, 0.0, 0.0]]}, "vectors that are not zero"),
        ({"coordinates": [X, X], "directions": [MODEL.lattice[0], -2 * MODEL.lattice[0]]}, "are parallel"),
    ],
)
def test_profiles_that_contradict_one_another_are_refused(change: dict, message: str) -> None:
    options = {"coordinates": [X], "mu": 0.0, "temperature": 300.0, "mesh": (4, 4, 1), **change}
    with pytest.raises(ConfigError, match=message):
        local_densities(MODEL, **options)


@pytest.mark.parametrize(
    "model",
    [
        kagome_antiferromagnet(J=1.0, spin_orbit=0.2),
        rashba_square(alpha=0.7, mass=0.4),
        altermagnet_d_wave(t2=0.3, delta=0.4, J=0.6, rashba=0.2),
    ],
    ids=["kagome", "Rashba magnet", "altermagnet"],
)
def test_declared_symmetry_of_every_term_reduces_the_mesh_without_changing_the_densities(model: TightBinding) -> None:
    """Legs and time-reversal signs: sums over the irreducible mesh equal those over the whole one."""
    fixed = sol.FixedPoints((-0.7,), (1800.0,))
    full, reduced = (
        sol.solve(
            model,
            [LocalDensity()],
            sol.Numerics(mesh=(12, 12, 1), energies=fixed, symmetry=s, kramers=False, audit=False),
        )
        for s in (None, "auto")  # type: ignore[arg-type]
    )
    assert reduced.attrs["symmetry_operations"] > 1
    seen = 0
    for name in full.quantities:
        data, again = (r.quantity(name, [-0.7], [1800.0]) for r in (full, reduced))
        for output in data.data_vars:
            scale = float(np.abs(data[output]).max())
            seen += scale > 1e-9
            np.testing.assert_allclose(
                again[output].values, data[output].values, rtol=0, atol=1e-9 * max(scale, 1e-3), err_msg=name
            )
    assert seen >= 9
