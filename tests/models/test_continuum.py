"""Continuum models: exact derivatives, the momentum box, refusals."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import ModelError
from solenoidal.models.builder import PAULI
from solenoidal.models.continuum import ContinuumModel, PolynomialHamiltonian
from solenoidal.models.library import luttinger, rashba_continuum
from solenoidal.models.operator import Operator, spin_operator

SX, SY, SZ = PAULI[1:]


def random_polynomial(dimension: int, size: int = 3) -> PolynomialHamiltonian:
    rng = np.random.default_rng(dimension)
    terms = {}
    for _ in range(8):
        power = tuple(int(p) for p in rng.integers(0, 4, 3) * (np.arange(3) < dimension))
        matrix = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
        terms[power] = matrix + matrix.conj().T
    return PolynomialHamiltonian(terms)


def dirac(k: Any) -> Any:
    return np.einsum("ki,iab->kab", k[:, :2], PAULI[1:3]) + 0.3 * SZ


def dirac_derivative(k: Any) -> Any:
    slopes = np.stack([SX, SY, 0 * SZ])
    return np.broadcast_to(slopes, (len(k), 3, 2, 2)).copy()


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_polynomial_derivative_is_exact(dimension: int) -> None:
    H = random_polynomial(dimension)
    k = np.random.default_rng(5).normal(size=(20, 3))
    exact = H.derivative(k)
    assert np.max(np.abs(exact[:, :dimension])) > 1
    h = 1e-3
    for axis in range(3):
        e = h * np.eye(3)[axis]
        # Fourth-order differences are exact for the cubic and lower powers up to rounding.
        slope = (8 * (H(k + e) - H(k - e)) - (H(k + 2 * e) - H(k - 2 * e))) / (12 * h)
        np.testing.assert_allclose(exact[:, axis], slope, atol=1e-9 * np.max(np.abs(exact)))


def test_a_monomial_has_its_textbook_derivative() -> None:
    H = PolynomialHamiltonian({(2, 1, 0): SX, (0, 0, 0): SZ})
    k = np.array([[2.0, 5.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(H(k)[0], 20 * SX + SZ)
    np.testing.assert_allclose(H.derivative(k)[0], [20 * SX, 4 * SX, 0 * SX])
    np.testing.assert_array_equal(H.derivative(k)[1], np.zeros((3, 2, 2)))


def test_the_box_mean_is_the_integral_over_momentum() -> None:
    # Rashba gas with both bands occupied: n = m (μ + m α²)/π.
    m, alpha, mu, T = 0.8, 0.5, 0.6, 0.04
    model = rashba_continuum(m=m, alpha=alpha, cutoff=4.0)
    side = np.arange(200) / 200
    k = np.stack([*np.meshgrid(side, side), np.zeros((200, 200))], axis=-1).reshape(-1, 3)
    energies = np.linalg.eigvalsh(model.evaluate(k)[0])
    occupation = 0.5 * (1 - np.tanh((energies - mu) / (2 * T)))
    density = occupation.sum(axis=1).mean() / model.cell_measure
    np.testing.assert_allclose(density, m * (mu + m * alpha**2) / np.pi, rtol=1e-6)


def test_fractional_points_have_period_one_and_zero_is_the_centre() -> None:
    model = luttinger(gamma1=7, gamma2=2, gamma3=3, cutoff=0.4)
    k = np.random.default_rng(0).uniform(0, 1, (30, 3))
    np.testing.assert_allclose(model.cartesian(k), model.cartesian(k - 1), atol=1e-14)
    assert np.all(np.abs(model.cartesian(k)) <= 0.4)
    np.testing.assert_array_equal(model.cartesian(np.zeros((1, 3))), np.zeros((1, 3)))
    np.testing.assert_allclose(model.cartesian(np.full((1, 3), 0.25)), np.full((1, 3), 0.2))
    np.testing.assert_allclose(model.lattice @ model.reciprocal.T, 2 * np.pi * np.eye(3), atol=1e-12)


def test_the_third_component_is_ignored_in_two_dimensions() -> None:
    model = rashba_continuum(alpha=0.3, cutoff=2.0)
    k = np.array([[0.1, -0.2, 0.0], [0.1, -0.2, 0.37]])
    H, dH = model.evaluate(k)
    np.testing.assert_array_equal(H[0], H[1])
    assert not dH[:, 2].any()


@pytest.mark.parametrize("cutoff", [2.0, (2.0, 3.0)])
def test_occupied_states_are_complete_below_the_lowest_boundary_energy(cutoff: Any) -> None:
    model = rashba_continuum(m=1.0, alpha=0.5, cutoff=cutoff)
    np.testing.assert_allclose(model.valid_below, 2.0**2 / 2 - 0.5 * 2.0, rtol=1e-12)
    lowest, highest = model.boundary_energies.T
    corner = np.hypot(*np.broadcast_to(cutoff, 2))
    np.testing.assert_allclose(highest, corner**2 / 2 + 0.5 * corner * np.array([-1, 1]), rtol=1e-12)
    assert lowest[0] < lowest[1]


def test_three_dimensional_boundaries_are_sampled_on_every_face() -> None:
    polynomial = PolynomialHamiltonian(
        {(2, 0, 0): np.eye(1), (0, 2, 0): np.eye(1), (0, 0, 2): np.eye(1), (0, 0, 1): np.eye(1)}
    )
    model = ContinuumModel(polynomial, 3, (2.0, 2.0, 1.5))
    np.testing.assert_allclose(model.valid_below, 1.5**2 - 1.5, rtol=1e-12)


def test_functions_and_polynomials_describe_the_same_model() -> None:
    polynomial = PolynomialHamiltonian({(1, 0, 0): SX, (0, 1, 0): SY, (0, 0, 0): 0.3 * SZ})
    k = np.random.default_rng(2).uniform(-0.5, 0.5, (10, 3))
    first = ContinuumModel(polynomial, 2, 1.5).evaluate(k)
    second = ContinuumModel(dirac, 2, 1.5, derivative=dirac_derivative).evaluate(k)
    np.testing.assert_allclose(first[0], second[0], atol=1e-15)
    np.testing.assert_allclose(first[1], second[1], atol=1e-15)


@pytest.mark.parametrize("derivative", [None, dirac_derivative])
def test_models_travel_to_other_processes(derivative: Any) -> None:
    source: Any = dirac if derivative else random_polynomial(2, size=2)
    model = ContinuumModel(source, 2, 1.5, {"spin": spin_operator(PAULI[1:] / 2)}, derivative)
    copy = pickle.loads(pickle.dumps(model))
    k = np.random.default_rng(2).uniform(-0.5, 0.5, (4, 3))
    for mine, theirs in zip(model.evaluate(k), copy.evaluate(k), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(copy.require_operator("spin").matrices, model.require_operator("spin").matrices)
    assert copy.require_operator("spin").law == model.require_operator("spin").law


def scalar(matrix: Any) -> Operator:
    return Operator.constant(matrix, (), 1)


def polynomial_case(terms: Any) -> Callable[[], Any]:
    return lambda: PolynomialHamiltonian(terms)


def model_case(*args: Any, **kwargs: Any) -> Callable[[], Any]:
    return lambda: ContinuumModel(*args, **kwargs)


POLYNOMIAL = PolynomialHamiltonian({(1, 0, 0): SX, (0, 1, 0): SY})
REFUSALS: dict[str, tuple[Callable[[], Any], str]] = {
    "no terms": (polynomial_case({}), "no terms"),
    "negative power": (polynomial_case({(-1, 0, 0): SX}), "none negative"),
    "two powers": (polynomial_case({(1, 0): SX}), "expected three integers"),
    "not square": (polynomial_case({(0, 0, 0): np.ones((2, 3))}), "expected a square matrix"),
    "not Hermitian": (polynomial_case({(1, 0, 0): 1j * SX}), "not Hermitian"),
    "sizes": (polynomial_case({(0, 0, 0): np.eye(2), (1, 0, 0): np.eye(3)}), "different shapes"),
    "dimension": (model_case(POLYNOMIAL, 1, 1.0), "expected 2 or 3"),
    "cutoff": (model_case(POLYNOMIAL, 2, -1.0), "positive number"),
    "cutoff length": (model_case(POLYNOMIAL, 2, (1.0, 1.0, 1.0)), "positive number in 1/Å or 2"),
    "kz in 2D": (model_case(PolynomialHamiltonian({(0, 0, 1): SX}), 2, 1.0), "powers of kz"),
    "no derivative": (model_case(dirac, 2, 1.0), "no derivative is given.*PolynomialHamiltonian"),
    "wrong derivative": (
        model_case(dirac, 2, 1.0, derivative=lambda k: 2 * dirac_derivative(k)),
        "derivative along x differs",
    ),
    "axes exchanged": (
        model_case(dirac, 2, 1.0, derivative=lambda k: dirac_derivative(k)[:, [1, 0, 2]]),
        "order of axes",
    ),
    "derivative shape": (
        model_case(dirac, 2, 1.0, derivative=lambda k: dirac_derivative(k)[:, :2]),
        r"expected \(5, 3, 2, 2\)",
    ),
    "slope along z": (
        model_case(dirac, 2, 1.0, derivative=lambda k: dirac_derivative(k) + np.eye(3)[2][:, None, None]),
        "return zeros there",
    ),
    "hamiltonian shape": (model_case(lambda k: dirac(k)[0], 2, 1.0, derivative=dirac_derivative), r"\(5, n, n\)"),
    "hamiltonian not Hermitian": (
        model_case(lambda k: 1j * dirac(k), 2, 1.0, derivative=lambda k: 1j * dirac_derivative(k)),
        "hamiltonian is not Hermitian",
    ),
    "operator shape": (
        model_case(POLYNOMIAL, 2, 1.0, {"s": scalar(np.eye(3))}),
        r"operator 's' has 3 orbitals, the hamiltonian 2",
    ),
    "operator not Hermitian": (model_case(POLYNOMIAL, 2, 1.0, {"s": scalar(1j * SX)}), "operator 's' is not Hermitian"),
    "unknown operator": (
        lambda: ContinuumModel(POLYNOMIAL, 2, 1.0, {"s": scalar(SX)}).require_operator("spin"),
        r"no operator 'spin' \(it has: s\)",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_meant_is_refused_with_a_remedy(case: str) -> None:
    call, message = REFUSALS[case]
    with pytest.raises(ModelError, match=message):
        call()
