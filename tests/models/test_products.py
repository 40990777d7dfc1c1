"""The current over all states is that of the full Hilbert space where the columns are frozen states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.linalg import expm

from solenoidal.models.products import SpinProducts, covariance_error

BANDS, FROZEN = 6, 3
STEP = 1e-4
K = np.array([0.3, -0.7, 0.5])
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
SPIN = 0.5 * np.kron(np.eye(BANDS // 2), PAULI)
POSITION = np.array([np.diag(np.repeat(x, 2)) for x in np.random.default_rng(5).normal(size=(3, BANDS // 2))])

CENTRES = np.array([[0.2, -0.5, 0.1], [0.4, 0.3, -0.2], [-0.6, 0.1, 0.3], [0.0, 0.7, -0.4]])

Matrix = Callable[[np.ndarray], np.ndarray]


def _hermitian(rng: np.random.Generator, *shape: int) -> np.ndarray:
    half = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return 0.5 * (half + np.conj(half.swapaxes(-1, -2)))


def _derivative(function: Matrix) -> np.ndarray:
    """∂_i at ``K``, (3, ...), of fourth order."""
    steps = STEP * np.eye(3)
    near = [function(K + e) - function(K - e) for e in steps]
    far = [function(K + 2 * e) - function(K - 2 * e) for e in steps]
    return np.array([(8 * a - b) / (12 * STEP) for a, b in zip(near, far, strict=True)])


def _space(invariant: bool) -> tuple[Matrix, Matrix]:
    """H(k) of six bands, and a space of four (6, 4) that holds three eigenvectors at every k, and the fourth as well
    where it is ``invariant``. The bases of both turn with k."""
    rng = np.random.default_rng(11)
    turn, mix = _hermitian(rng, 3, BANDS, BANDS), 0.5 * _hermitian(rng, 3, 4, 4)
    inner, outer = _hermitian(rng, 4, FROZEN, FROZEN), _hermitian(rng, 4, 3, 3)
    if invariant:
        outer[:, 0, 1:] = outer[:, 1:, 0] = 0

    def hamiltonian(k: np.ndarray) -> np.ndarray:
        F = expm(0.3j * np.tensordot(k, turn, axes=1))
        blocks = np.zeros((BANDS, BANDS), dtype=complex)
        weights = np.array([1.0, *np.cos(k)])
        blocks[:FROZEN, :FROZEN] = np.tensordot(weights, inner, axes=1) - 8 * np.eye(FROZEN)
        blocks[FROZEN:, FROZEN:] = np.tensordot(weights, outer, axes=1) + 8 * np.eye(3)
        return F @ blocks @ F.conj().T

    def basis(k: np.ndarray) -> np.ndarray:
        F = expm(0.3j * np.tensordot(k, turn, axes=1))
        return F[:, :4] @ expm(1j * np.tensordot(k, mix, axes=1))

    return hamiltonian, basis


def _products(hamiltonian: Matrix, basis: Matrix) -> SpinProducts:
    """Every matrix by its definition, r = i∂ + POSITION."""
    u, H = basis(K), hamiltonian(K)
    moved = 1j * _derivative(basis) + POSITION @ u
    dagger = u.conj().T

    def inside(X: np.ndarray) -> Matrix:
        return lambda k: basis(k).conj().T @ X @ basis(k)

    spin_derivative = np.array([_derivative(inside(s)) for s in SPIN]).swapaxes(0, 1)
    return SpinProducts(
        (dagger @ H @ u)[None],
        _derivative(lambda k: basis(k).conj().T @ hamiltonian(k) @ basis(k))[None],
        (dagger @ moved)[None],
        (dagger @ SPIN @ u)[None],
        spin_derivative[None],
        (dagger @ SPIN[None] @ moved[:, None])[None],
        (dagger @ SPIN[None] @ H @ moved[:, None])[None],
        (dagger @ SPIN @ H @ u)[None],
        CENTRES,
    )


def _exact_current(hamiltonian: Matrix, basis: Matrix) -> np.ndarray:
    """½{v, s} of the full Hilbert space in the basis of the space."""
    H, u = hamiltonian(K), basis(K)
    velocity = _derivative(hamiltonian) - 1j * (POSITION @ H - H @ POSITION)
    product = velocity[:, None] @ SPIN[None]
    return u.conj().T @ (0.5 * (product + np.conj(product.swapaxes(-1, -2)))) @ u


def test_covariant_derivative_of_a_local_operator_is_what_leaves_the_space() -> None:
    products = _products(*_space(invariant=False))
    assert np.abs(products.outside()).max() > 0.1
    assert covariance_error(products) < 1e-9
    assert covariance_error(replace(products, spin_derivative=-products.spin_derivative)) > 0.1


def test_current_of_a_space_that_the_hamiltonian_keeps_is_exact() -> None:
    hamiltonian, basis = _space(invariant=True)
    products, exact = _products(hamiltonian, basis), _exact_current(hamiltonian, basis)
    np.testing.assert_allclose(products.conventional_current()[0], exact, atol=1e-8)
    energies, U = np.linalg.eigh(products.hamiltonian)
    of_states = products.conventional_current_of_states(energies, U)[0]
    np.testing.assert_allclose(of_states, U[0].conj().T @ exact @ U[0], atol=1e-8)


def test_current_between_frozen_states_is_exact_where_the_hamiltonian_leaves_the_space() -> None:
    hamiltonian, basis = _space(invariant=False)
    products, exact = _products(hamiltonian, basis), _exact_current(hamiltonian, basis)
    energies, U = np.linalg.eigh(products.hamiltonian)
    rotated = U[0].conj().T @ exact @ U[0]
    frozen = (..., slice(FROZEN), slice(FROZEN))
    of_states = products.conventional_current_of_states(energies, U)[0]
    np.testing.assert_array_equal(of_states, np.conj(of_states.swapaxes(-1, -2)))
    np.testing.assert_allclose(of_states[frozen], rotated[frozen], atol=1e-8)
    # The basis turns the fourth function into frozen ones, which the form of the orbital basis does not follow.
    in_orbitals = U[0].conj().T @ products.conventional_current()[0] @ U[0]
    assert np.abs(in_orbitals[frozen] - rotated[frozen]).max() > 1e-2
    inside = products.velocity()[0][:, None] @ products.spin[0][None]
    inside = U[0].conj().T @ (0.5 * (inside + np.conj(inside.swapaxes(-1, -2)))) @ U[0]
    assert np.abs(inside[frozen] - rotated[frozen]).max() > 1e-2


def test_currents_do_not_depend_on_the_origin() -> None:
    products = _products(*_space(invariant=False))
    energies, U = np.linalg.eigh(products.hamiltonian)
    shift = np.array([0.4, -1.1, 0.7])
    factor = shift[:, None, None]
    moved = replace(
        products,
        position=products.position + factor * np.eye(4),
        spin_position=products.spin_position + factor[..., None] * products.spin[:, None],
        spin_hamiltonian_position=products.spin_hamiltonian_position
        + factor[..., None] * products.spin_hamiltonian[:, None],
        centres=products.centres + shift,
    )
    assert np.abs(products.spin_hamiltonian - products.spin @ products.hamiltonian[:, None]).max() > 0.1
    np.testing.assert_allclose(moved.conventional_current(), products.conventional_current(), atol=1e-12)
    np.testing.assert_allclose(
        moved.conventional_current_of_states(energies, U),
        products.conventional_current_of_states(energies, U),
        atol=1e-12,
    )
