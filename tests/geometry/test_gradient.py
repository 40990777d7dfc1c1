"""Divided differences of f, and the exact response of densities to a slowly varying Hamiltonian."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest
import scipy.linalg

from solenoidal.bloch.states import BlochStates
from solenoidal.geometry.gradient import CLOSE, first_difference, gradient_response, second_difference
from solenoidal.models.hamiltonian import TightBinding
from support.bogoliubov import d_plus_id, two_orbitals, without_symmetry
from support.direct import fermi, mesh
from support.reference import RealArray
from support.registry import CASES, PAIRED, Case, states_at
from support.separate.connection import conventional_current


def on_the_simplex(x: float, y: float, z: float) -> float:
    """Hermite–Genocchi: f[x, y, z] = ∫ f'' over convex combinations, at kT = 1, by a product Gauss rule."""
    t, w = np.polynomial.legendre.leggauss(30)
    t, w = (t + 1) / 2, w / 2
    total = 0.0
    for a, wa in zip(t, w, strict=True):
        # (u, v) in the triangle: u = a, v = (1 − a) b, Jacobian 1 − a.
        e = x + a * (y - x) + (1 - a) * t * (z - x)
        f = fermi(e)
        total += wa * (1 - a) * float(np.sum(w * f * (1 - f) * (1 - 2 * f)))
    return total


@pytest.mark.parametrize("spread", [0.0, 1e-9, 1e-5, 0.5 * CLOSE, 2 * CLOSE, 0.1, 1.0, 4.0])
@pytest.mark.parametrize("kT", [1.0, 0.02])
def test_second_difference_is_the_integral_of_the_second_derivative(spread: float, kT: float) -> None:
    rng = np.random.default_rng(4)
    for centre in (-6.0, -0.7, 0.3, 3.0):
        x, y, z = centre + spread * rng.uniform(-0.5, 0.5, 3)
        expected = on_the_simplex(x, y, z) / kT**2
        found = second_difference(*(np.array([t * kT]) for t in (x, y, z)), kT)[0]
        assert abs(expected) > 1e-6 / kT**2
        assert found == pytest.approx(expected, abs=2e-12 / kT**2, rel=1e-9)


def exact_difference(x: Decimal, y: Decimal, z: Decimal) -> Decimal:
    """f[x, y, z] at kT = 1 of three different energies, by its definition."""
    f = [1 / (1 + e.exp()) for e in (x, y, z)]
    return ((f[0] - f[1]) / (x - y) - (f[1] - f[2]) / (y - z)) / (x - z)


@pytest.mark.parametrize("centre", [0.0, 0.4, -1.9])
@pytest.mark.parametrize("shape", [(-2, 1, 1), (-1, 0, 1), (-1, -1, 2)])
def test_second_difference_of_close_energies_agrees_with_sixty_digits(centre: float, shape: tuple[int, ...]) -> None:
    """At μ, where f″ = f⁗ = 0, what is left is the fifth derivative, and zero for a symmetric triple."""
    size = 0.3 * CLOSE
    x, y, z = (np.array([centre + size * s]) for s in shape)
    # Energies that coincide are parted by 1e-25, which changes the difference by as little.
    with localcontext(prec=60):
        parted = [Decimal(float(e[0])) + Decimal(i) * Decimal("1e-25") for i, e in enumerate((x, y, z))]
        expected = float(exact_difference(*parted))
    found = second_difference(x, y, z, 1.0)[0]
    assert centre == 0.0 or abs(expected) > 1e-3
    if centre == 0.0 and shape != (-1, 0, 1):
        assert abs(expected) > 1e-12
        assert found == pytest.approx(expected, rel=1e-4, abs=0)
    else:
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-17)


def test_second_difference_with_one_pair_coinciding_is_a_derivative_of_the_first() -> None:
    x, y = np.array([-0.8]), np.array([1.3])
    step = 1e-5
    slope = (first_difference(x + step, y, 0.4) - first_difference(x - step, y, 0.4)) / (2 * step)
    for args in ((x, x, y), (x, y, x), (y, x, x)):
        np.testing.assert_allclose(second_difference(*args, 0.4), slope, rtol=1e-8)


def test_differences_far_from_the_chemical_potential_neither_overflow_nor_lose_their_limits() -> None:
    low, high = np.array([-1e4]), np.array([1e4])
    assert first_difference(low, high, 1.0)[0] == pytest.approx(-1 / 2e4)
    assert first_difference(low, low, 1.0)[0] == 0.0
    for kT in (1.0, 0.0):
        # (0 − (−1/2e4))/(2e4) with two filled states and one empty one.
        assert abs(second_difference(low, low, high, kT)[0]) == pytest.approx(1 / 4e8)
        assert second_difference(high, high, high, kT)[0] == 0.0


def test_cold_limit_of_differences_across_a_gap_is_that_of_the_step_function() -> None:
    rng = np.random.default_rng(1)
    x, y, z = (rng.choice([-1, 1], 40) * rng.uniform(0.5, 2, 40) for _ in range(3))
    np.testing.assert_allclose(second_difference(x, y, z, 0.01), second_difference(x, y, z, 0.0), atol=1e-12)


def moments(model: TightBinding, k: RealArray, name: str, U: float, kT: float) -> RealArray:
    """N^{lθ} = ∫ (f d^{lθ} + g Ω^{lθ}) of θ = J^{i}, written as Σ_nm with the functions at both energies; ε → ε + U."""
    states = states_at(model, k, 1e-9)
    e = states.energies + U
    v, J = states.velocity, conventional_current(states, name)
    f, g = fermi(e / kT), -kT * np.logaddexp(0, -e / kT)
    w = states.inverse_gap
    d = np.einsum("knm,knlm,kmjn->knlj", w, v, J).imag
    omega = -2 * np.einsum("knm,knlm,kmjn->knlj", w**2, v, J).imag
    return np.asarray(np.einsum("kn,knlj->lj", f, d) + np.einsum("kn,knlj->lj", g, omega)) / len(k)


@pytest.mark.parametrize("case", [c for c in CASES if c.dimension == 2], ids=str)
def test_uniform_coupling_gives_the_gradient_term_of_equation_4(case: Case) -> None:
    """For W = 1, C = −∂N/∂U, degenerate pairs included, at each k mesh separately."""
    model, kT = case.model(), 0.3
    k = mesh(5, 5, shift=0.37)
    states = states_at(model, k, 1e-9)
    theta = conventional_current(states, "spin")
    found = gradient_response(states, np.eye(case.bands)[None], theta, mu=0.0, kT=kT).mean(axis=0)
    weights: Callable[[float], RealArray] = lambda U: moments(model, k, "spin", U, kT)  # noqa: E731
    h = 2e-2
    stencil = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))
    expected = -sum(c * (weights(j * h) - weights(-j * h)) for j, c in stencil) / h
    assert np.abs(expected).max() > 1e-4
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("case", PAIRED, ids=str)
def test_response_of_degenerate_bands_does_not_depend_on_their_basis(case: Case) -> None:
    states = states_at(case.model(), mesh(*(3,) * case.dimension, shift=0.2), 1e-9)
    rng = np.random.default_rng(2)
    vectors = states.vectors.copy()
    for q in range(len(vectors)):
        for n in range(0, case.bands, 2):
            raw = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))
            vectors[q][:, n : n + 2] = vectors[q][:, n : n + 2] @ scipy.linalg.qr(raw)[0]
    turned = BlochStates(states.k, states.weights, states.energies, vectors, states.orbital, states.degeneracy)
    values = []
    for s in (states, turned):
        coupling = s.operator("spin")[:, :, 0, :]
        values.append(gradient_response(s, coupling, conventional_current(s, "spin"), mu=0.1, kT=0.2))
    assert np.abs(values[0]).max() > 1e-4
    np.testing.assert_allclose(values[1], values[0], rtol=0, atol=1e-11)


def response(model: TightBinding, divisions: int, kT: float, *, charge: bool) -> RealArray:
    """C(J_i; ∂_l U·1), or C(J_i; ∂_l μ) with the coupling −τ_z, axes (l, i)."""
    states = states_at(model, mesh(divisions, divisions, shift=0.5), 1e-9)
    coupling = -states.operator("charge")[:, :, 0, :] if charge else np.eye(model.n_orbitals)[None]
    theta = conventional_current(states, "charge")
    return np.asarray(gradient_response(states, coupling, theta, mu=0.0, kT=kT).mean(axis=0))


def test_superconductors_have_the_tabulated_responses() -> None:
    assert response(without_symmetry(), 90, 0.3, charge=False)[0, 1] == pytest.approx(2.24451446e-4, abs=2e-12)
    zeeman = response(two_orbitals(), 90, 0.3, charge=False)
    assert zeeman[0, 1] == pytest.approx(7.032053032747e-3, abs=1e-14)
    assert zeeman[0, 0] == pytest.approx(-3.080783131978e-3, abs=1e-14)
    assert response(two_orbitals(), 90, 0.3, charge=True)[1, 0] == pytest.approx(5.819385841030e-2, abs=1e-13)
    assert response(d_plus_id(), 120, 0.3, charge=True)[0, 1] == pytest.approx(6.9409104636e-2, abs=2e-11)
