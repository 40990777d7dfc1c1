"""Known conductivities σ^{xy} of spin z: closed results of continuum models and converged numbers of lattice models.

Charge +1, ħ = 1. Each row is computed by the driver as a user would; the slow variant reaches every digit given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.bloch.interpolation import Model
from solenoidal.models.library import cubic_rashba_continuum, k3_model, kane_mele, rashba_continuum, rashba_square
from solenoidal.units import BOLTZMANN
from support.direct import of_states
from support.reference import RealArray
from support.registry import states_at

TWO_PI = 2 * np.pi


@dataclass(frozen=True)
class Row:
    """One line of the table: expected outputs in the unit 1/``per`` and the meshes that reach the two tolerances."""

    name: str
    model: Model
    mu: float
    kT: float
    per: float
    expected: Mapping[str, float]
    tolerance: float
    mesh: int
    quick_mesh: int
    quick_tolerance: float
    occupied: int | None = None
    window: float = 0.5
    step: float = field(default=5e-4)

    def __str__(self) -> str:
        return self.name


EIGHT_PI = 8 * np.pi

ROWS = [
    Row(
        "Rashba gas with both bands occupied",
        rashba_continuum(alpha=0.4, cutoff=2.6),
        mu=0.6,
        kT=0.02,
        per=EIGHT_PI,
        expected={"conventional": 1.0, "torque_dipole": -2.0, "semiclassical": -1.0, "finite_q": -1.0},
        tolerance=2e-6,
        mesh=600,
        quick_mesh=200,
        quick_tolerance=1e-4,
    ),
    Row(
        "Rashba gas with one band occupied (annulus)",
        rashba_continuum(alpha=0.4, cutoff=1.2),
        mu=-0.02,
        kT=0.002,
        per=EIGHT_PI,
        expected={"conventional": 0.8656, "semiclassical": 0.0, "finite_q": -1.7312},
        tolerance=1e-4,
        mesh=800,
        quick_mesh=200,
        quick_tolerance=1e-3,
        window=0.06,
        step=1e-4,
    ),
    Row(
        "lattice Rashba",
        rashba_square(alpha=0.5),
        mu=-3.5,
        kT=0.01,
        per=EIGHT_PI,
        expected={"semiclassical": -1.0, "conventional": 0.9842},
        tolerance=5e-5,
        mesh=600,
        quick_mesh=240,
        quick_tolerance=5e-3,
    ),
    # The mass term of these two rows is m σz with m = 0.5, that is mass/2 σz with mass = 1.
    Row(
        "massive lattice Rashba near the bottom",
        rashba_square(alpha=0.5, mass=1.0),
        mu=-3.5,
        kT=0.02,
        per=1.0,
        expected={"berry_spin": 0.009722, "dipole": -0.009722, "semiclassical": 0.0, "finite_q": -0.013793},
        tolerance=5e-7,
        mesh=600,
        quick_mesh=200,
        quick_tolerance=5e-5,
    ),
    Row(
        "massive lattice Rashba",
        rashba_square(alpha=0.5, mass=1.0),
        mu=-2.0,
        kT=0.02,
        per=1.0,
        expected={"berry_spin": 0.020446, "dipole": -0.020446, "semiclassical": 0.0, "finite_q": -0.021217},
        tolerance=5e-7,
        mesh=600,
        quick_mesh=300,
        quick_tolerance=5e-6,
    ),
    Row(
        "heavy holes (cubic Rashba)",
        cubic_rashba_continuum(alpha=0.005, cutoff=1.6),
        mu=0.5,
        kT=0.02,
        per=EIGHT_PI,
        expected={"conventional": 9.0, "semiclassical": -9.0, "finite_q": -9.0},
        tolerance=5e-3,
        mesh=400,
        quick_mesh=200,
        quick_tolerance=1e-2,
    ),
    Row(
        "k³ model",
        k3_model(alpha=0.05, cutoff=1.6),
        mu=0.5,
        kT=0.01,
        per=EIGHT_PI,
        expected={"conventional": 3.0309, "semiclassical": -3.0, "finite_q": -3.0619},
        tolerance=6e-5,
        mesh=600,
        quick_mesh=240,
        quick_tolerance=2e-3,
    ),
]


def insulator(lambda_r: float, mu: float, expected: Mapping[str, float], tolerance: float) -> Row:
    """Kane–Mele model, half filled, at zero temperature in units of 1/2π."""
    return Row(
        f"Kane–Mele with λ_R = {lambda_r}",
        kane_mele(lambda_so=0.06, lambda_v=0.1, lambda_r=lambda_r),
        mu=mu,
        kT=0.0,
        per=TWO_PI,
        expected=expected,
        tolerance=tolerance,
        mesh=300,
        quick_mesh=90,
        quick_tolerance=1e-3,
        occupied=2,
    )


EVERY_DEFINITION = ("conventional", "finite_q", "projector", "berry_spin", "semiclassical", "semiclassical_sea")
ROWS += [
    insulator(0.0, 0.0, dict.fromkeys(EVERY_DEFINITION, 1.0), 1e-8),
    insulator(
        0.05, -0.04, {"conventional": 1.0218, "finite_q": 0.9744, "projector": 0.9941, "berry_spin": 1.033}, 6e-5
    ),
    insulator(0.1, -0.1, {"conventional": 1.0981, "finite_q": 0.8876, "projector": 0.9752}, 6e-5),
    insulator(0.001, 0.0, {"conventional": 1.00001, "projector": 1.0, "finite_q": 1.0, "berry_spin": 0.7547}, 4e-5),
]


def computed(row: Row, divisions: int) -> dict[str, float]:
    """The row's outputs from a run of the driver."""
    result = sol.solve(
        row.model,
        [sol.SpinConductivity(charge=1.0, occupied_bands=row.occupied)],
        sol.Numerics(
            mesh=(divisions, divisions, 1),
            energies=sol.EnergyGrid(row.mu - row.window, row.mu + row.window, row.step, row.mu),
            degeneracy_tol=1e-6,
            audit=False,
        ),
    )
    data = result.conductivity([row.mu], [row.kT / BOLTZMANN])
    assert all(data[name].attrs["units"] == "|e|/(2π)" for name in row.expected)
    chosen = data.sel(current="x", field="y", spin="z").isel(mu=0, temperature=0)
    return {name: float(chosen[name]) / TWO_PI * row.per for name in row.expected}


def check(found: Mapping[str, float], expected: Mapping[str, float], tolerance: float) -> None:
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=0, abs=tolerance), name


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_known_conductivities_on_a_coarse_mesh(row: Row) -> None:
    check(computed(row, row.quick_mesh), row.expected, row.quick_tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_known_conductivities_to_every_digit(row: Row) -> None:
    check(computed(row, row.mesh), row.expected, row.tolerance)


def radial(model: Model, radius: float, mu: float, kT: float, rings: int = 1100) -> dict[str, float]:
    """σ^{xy} of an isotropic continuum model by Gauss–Legendre quadrature in |k|, times 8π; no mesh, no energy grid."""
    x, w = np.polynomial.legendre.leggauss(rings)
    k = (x + 1) / 2 * radius
    angles = np.arange(8) * np.pi / 4 + 0.1
    points: RealArray = np.zeros((rings, 8, 3))
    points[..., 0], points[..., 1] = k[:, None] * np.cos(angles), k[:, None] * np.sin(angles)
    states = states_at(model, points.reshape(-1, 3) @ np.linalg.inv(model.reciprocal))
    area = (w / 2 * radius * k)[:, None] * np.full(8, np.pi / 4) / TWO_PI**2
    states = replace(states, weights=area.ravel() * model.cell_measure)
    outputs = of_states(model, sol.SpinConductivity(charge=1.0), "conductivity", states, mu, kT)
    return {name: float(x[0, 1, 2]) * EIGHT_PI for name, x in outputs.items()}


def test_rashba_gas_is_universal_above_the_crossing() -> None:
    expected = {"conventional": 1.0, "torque_dipole": -2.0, "semiclassical": -1.0, "finite_q": -1.0}
    for alpha, mu in ((0.3, 0.4), (0.7, 0.9)):
        found = radial(rashba_continuum(alpha=alpha, cutoff=3.2), 3.1, mu, 0.01, rings=800)
        check(found, expected, 1e-6)


def test_cubic_coupling_tends_to_nine_as_it_weakens_and_leaves_the_conserved_value_exact() -> None:
    """Conventional 9 + δ, conserved −9, finite-q −(9 + 2δ) in 1/8π, δ falling with the square of the coupling."""
    excess = []
    for alpha in (0.04, 0.02, 0.01):
        found = radial(cubic_rashba_continuum(alpha=alpha, cutoff=2.0), 1.9, 0.5, 0.01, rings=600)
        check(found, {"semiclassical": -9.0}, 1e-6)
        excess.append(found["conventional"] - 9)
        assert found["finite_q"] == pytest.approx(-9 - 2 * excess[-1], abs=1e-3 * excess[-1])
    np.testing.assert_allclose(np.divide(excess[:-1], excess[1:]), 4.0, rtol=0.05)


def test_spin_half_in_the_cubic_model_has_a_third_of_the_current() -> None:
    holes = radial(cubic_rashba_continuum(alpha=0.05, cutoff=2.0), 1.9, 0.5, 0.005)
    electrons = radial(k3_model(alpha=0.05, cutoff=2.0), 1.9, 0.5, 0.005)
    check(electrons, {"conventional": 3.03094, "semiclassical": -3.0, "finite_q": -3.06188}, 1e-5)
    for name in electrons:
        assert holes[name] == pytest.approx(3 * electrons[name], abs=1e-9)


def test_projector_and_finite_q_return_to_one_as_the_square_of_a_weak_rashba_coupling() -> None:
    """The band-by-band sum of Eq. (16) does not: its limit is 0.755, not 1."""
    deviation: dict[str, list[float]] = {"projector": [], "finite_q": []}
    for strength in (0.04, 0.02, 0.01):
        row = insulator(strength, -0.03, dict.fromkeys(EVERY_DEFINITION, 1.0), 0.0)
        found = computed(row, 120)
        for name, values in deviation.items():
            values.append(1 - found[name])
    for name, values in deviation.items():
        assert values[0] > 1e-3, name
        np.testing.assert_allclose(np.divide(values[:-1], values[1:]), 4.0, rtol=0.05, err_msg=name)


def test_massless_rashba_has_its_whole_conserved_current_in_the_band_touchings() -> None:
    """In two dimensions the Fermi-sea route misses the δ-function at a touching: −1/8π by one route, 0 by the other."""
    row = replace(ROWS[0], expected={"semiclassical_surface": -1.0, "semiclassical_sea": 0.0, "route_difference": -1.0})
    check(computed(row, row.quick_mesh), row.expected, 1e-4)


def test_a_mass_removes_the_touching_and_the_routes_agree() -> None:
    row = replace(ROWS[3], expected={"semiclassical_surface": 0.0, "semiclassical_sea": 0.0, "conventional": 0.011758})
    check(computed(row, 300), row.expected, 5e-7)
