"""Diagonalisation in lanes against LAPACK, on matrices that are easy and on those that are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solenoidal.arrays import ComplexArray
from solenoidal.bloch.eigen import LARGEST, eigh

ROUNDING = 30 * np.finfo(np.float64).eps


def random_hermitian(rng: np.random.Generator, count: int, n: int) -> ComplexArray:
    X = rng.normal(size=(count, n, n)) + 1j * rng.normal(size=(count, n, n))
    return np.asarray(X + X.conj().swapaxes(1, 2))


def random_unitary(rng: np.random.Generator, count: int, n: int) -> ComplexArray:
    Q, _ = np.linalg.qr(rng.normal(size=(count, n, n)) + 1j * rng.normal(size=(count, n, n)))
    return np.asarray(Q)


def require_diagonalised(H: ComplexArray) -> None:
    """Energies as LAPACK's, ascending; residuals and overlaps to rounding of the norm."""
    energies, U = eigh(H)
    n = H.shape[1]
    norm = np.maximum(np.linalg.norm(H, axis=(1, 2)), 1e-300)[:, None]
    assert np.all(np.diff(energies, axis=1) >= 0)
    assert np.max(np.abs(energies - np.linalg.eigvalsh(H)) / norm) < ROUNDING * n
    residual = np.linalg.norm(H @ U - U * energies[:, None, :], axis=(1, 2))
    assert np.max(residual / norm[:, 0]) < ROUNDING * n
    assert np.max(np.abs(U.conj().swapaxes(1, 2) @ U - np.eye(n))) < ROUNDING * n


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 18, 33, 60, LARGEST, LARGEST + 1])
@pytest.mark.parametrize("count", [1, 6])
def test_random_matrices(n: int, count: int) -> None:
    require_diagonalised(random_hermitian(np.random.default_rng(n), count, n))


@given(st.integers(0, 10**6), st.integers(1, 14), st.integers(1, 4), st.sampled_from([1.0, 1e-12, 1e9]))
def test_groups_of_any_degeneracy(seed: int, n: int, levels: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    energies = scale * rng.integers(-levels, levels + 1, (5, n)).astype(float)
    U = random_unitary(rng, 5, n)
    H = (U * energies[:, None, :]) @ U.conj().swapaxes(1, 2)
    require_diagonalised((H + H.conj().swapaxes(1, 2)) / 2)


def hard_matrices() -> dict[str, ComplexArray]:
    rng = np.random.default_rng(4)
    n = 12
    H = random_hermitian(rng, 1, n)[0]
    blocks = np.zeros((n, n), dtype=complex)
    blocks[:4, :4], blocks[4:9, 4:9] = H[:4, :4], H[4:9, 4:9]
    scattered = rng.permutation(n)
    grades = np.logspace(-10, 6, n)
    A = random_hermitian(rng, 1, n // 2)[0]
    Delta = random_unitary(rng, 1, n // 2)[0]
    Delta = Delta - Delta.T
    time_reversal = np.block([[A, Delta], [-Delta.conj(), A.conj()]])
    return {
        "zero": np.zeros((n, n)),
        "identity": np.eye(n),
        "diagonal": np.diag(rng.normal(size=n)),
        "separate blocks": blocks,
        "scattered blocks": blocks[np.ix_(scattered, scattered)],
        "rank one": np.outer(H[0], H[0].conj()),
        "graded": H * np.sqrt(grades[:, None] * grades[None, :]),
        "graded downwards": (H * np.sqrt(grades[:, None] * grades[None, :]))[::-1, ::-1],
        "Kramers pairs": time_reversal,
        "nearly degenerate": np.eye(n) + 1e-14 * H,
        "real": H.real,
        "imaginary": 1j * (H.real @ np.diag(np.arange(n)) - np.diag(np.arange(n)) @ H.real),
        "Wilkinson": np.diag(np.abs(np.arange(n) - 5.5)) + np.eye(n, k=1) + np.eye(n, k=-1),
        "one coupling": np.diag(np.arange(n)) + 1j * (np.eye(n, k=n - 1) - np.eye(n, k=1 - n)),
        "tiny": 1e-120 * H,
        "large": 1e120 * H,
    }


@pytest.mark.parametrize("name", hard_matrices())
def test_hard_matrices(name: str) -> None:
    require_diagonalised(np.array(hard_matrices()[name], dtype=complex)[None])


def test_a_result_does_not_depend_on_its_neighbours() -> None:
    """Lanes that need few iterations beside lanes that need many, in any order, bit for bit."""
    H = np.array([X for name, X in hard_matrices().items() if name != "large"], dtype=complex)
    energies, vectors = eigh(H)
    order = np.random.default_rng(1).permutation(len(H))
    shuffled = eigh(H[order])
    np.testing.assert_array_equal(shuffled[0], energies[order])
    np.testing.assert_array_equal(shuffled[1], vectors[order])
    for k in range(len(H)):
        alone = eigh(H[k : k + 1])
        np.testing.assert_array_equal(alone[0][0], energies[k])
        np.testing.assert_array_equal(alone[1][0], vectors[k])


def test_squares_that_overflow_go_to_lapack_and_take_no_other_with_them() -> None:
    H = random_hermitian(np.random.default_rng(2), 5, 6)
    alone = eigh(H)[1]
    H[2] *= 1e200
    require_diagonalised(H[2:3] * 1e-200)
    energies, vectors = eigh(H)
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(energies[2], np.linalg.eigvalsh(H[2]), rtol=1e-13)
    np.testing.assert_array_equal(vectors[[0, 1, 3, 4]], alone[[0, 1, 3, 4]])


def test_a_matrix_that_is_not_finite_is_refused_as_lapack_refuses_it() -> None:
    H = random_hermitian(np.random.default_rng(3), 3, 4)
    H[1, 0, 2] = np.nan
    with pytest.raises(np.linalg.LinAlgError):
        eigh(H)


def test_only_the_upper_triangle_counts() -> None:
    H = random_hermitian(np.random.default_rng(5), 4, 5)
    spoiled = H + np.tril(np.ones((5, 5)), -1)
    np.testing.assert_array_equal(eigh(spoiled)[0], eigh(H)[0])


def test_nothing_is_done_for_no_matrices() -> None:
    energies, vectors = eigh(np.zeros((0, 4, 4), dtype=complex))
    assert energies.shape == (0, 4)
    assert vectors.shape == (0, 4, 4)
