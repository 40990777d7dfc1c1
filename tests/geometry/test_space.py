"""Laws of the full Hilbert space hold inside the space of the orbitals once its curvature F and K are counted."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from geometry.test_engines import ENGINES
from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.evaluate import Engine, band_values
from solenoidal.geometry import formulas as f
from solenoidal.geometry.expressions import Band, operator_symbols
from solenoidal.geometry.space import Space
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import random_model
from solenoidal.models.operator import Operator

STEP = 2e-4
"""Step of the central differences in k, 1/Å, with Richardson extrapolation."""


CASES = {
    "1D, 3 bands": (3, 1, False),
    "2D, 1 band": (1, 2, False),
    "2D, 3 bands": (3, 2, False),
    "2D, 6 bands in pairs": (6, 2, True),
    "3D, 2 bands": (2, 3, False),
    "3D, 4 bands": (4, 3, False),
    "3D, 6 bands in pairs": (6, 3, True),
}


def model_of(case: str) -> TightBinding:
    size, dimension, degenerate = CASES[case]
    return random_model(size, dimension, 3, degenerate=degenerate, nonlocal_matrices=True)


def states(model: TightBinding, k: RealArray) -> BlochStates:
    return BlochStates.solve(interpolator(model), k, np.full(len(k), 1 / len(k)), Degeneracy(1e-6))


def scattered(dimension: int, points: int = 4) -> RealArray:
    k = np.zeros((points, 3))
    k[:, :dimension] = np.random.default_rng(7).uniform(-0.5, 0.5, (points, dimension))
    return k


def group_sums(at: BlochStates, values: RealArray) -> RealArray:
    return np.einsum("knm,km...->kn...", at.same_group.astype(float), values)


def slope(model: TightBinding, k: RealArray, axis: int, formulas: list[Band]) -> RealArray:
    """∂_axis of group sums by central differences, the error of second order removed."""

    def difference(h: float) -> RealArray:
        shift = h * np.eye(3)[axis] @ model.lattice.T / (2 * np.pi)
        sides = [states(model, k + sign * shift) for sign in (1, -1)]
        plus, minus = (group_sums(s, band_values(formulas, s)) for s in sides)
        return (plus - minus) / (2 * h)

    return (4 * difference(STEP) - difference(2 * STEP)) / 3


def worst(found: RealArray, expected: RealArray) -> float:
    assert np.abs(expected).max() > 1e-3
    return float(np.abs(found - expected).max())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_the_curvature_of_the_torque_is_the_slope_of_the_operator(case: str, engine: Engine) -> None:
    model = model_of(case)
    s, space = operator_symbols(model.operators["spin"]), Space.of(model)
    k, axes = scattered(model.dimension), range(model.dimension)
    at = states(model, k)
    expected = [slope(model, k, i, [f.expectation(s[q,]) for q in range(3)]) for i in axes]
    whole = band_values([f.torque_curvature(i, s, (q,), space) for i in axes for q in range(3)], at, engine)
    inside = band_values([f.mixed_curvature(i, f.torque(s[q,])) for i in axes for q in range(3)], at, engine)
    stacked = np.concatenate(expected, axis=2)
    assert worst(group_sums(at, whole), stacked) < 1e-8
    assert worst(group_sums(at, inside), stacked) > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("1D") and "1 band" not in case])
def test_the_curl_of_the_dipole_is_the_difference_of_the_curvatures(case: str, engine: Engine) -> None:
    """∂_a d_b − ∂_b d_a = −Ω^int s + Ω^s + X: what lets (15) and (13) be written in two ways."""
    model = model_of(case)
    s, space = operator_symbols(model.operators["spin"]), Space.of(model)
    k = scattered(model.dimension)
    at = states(model, k)
    for j in range(3) if model.dimension == 3 else (2,):
        a, b = (j + 1) % 3, (j + 2) % 3
        curl = slope(model, k, a, [f.dipole(b, s[q,]) for q in range(3)])
        curl = curl - slope(model, k, b, [f.dipole(a, s[q,]) for q in range(3)])
        inner = [2 * f.interband_spin(j, s[q,]) - f.berry_spin(j, s[q,]) for q in range(3)]
        outer = [2 * f.space_interband(j, s, (q,), space) - f.space_berry_spin(j, s[q,], space) for q in range(3)]
        found = band_values([x + y for x, y in zip(inner, outer, strict=True)], at, engine)
        assert worst(group_sums(at, found), curl) < 1e-7
        assert worst(group_sums(at, band_values(inner, at, engine)), curl) > 1e-3


def zone(model: TightBinding, divisions: int) -> RealArray:
    steps = [(np.arange(divisions) + 0.5) / divisions if i < model.dimension else np.zeros(1) for i in range(3)]
    return np.array(list(itertools.product(*steps)))


def test_the_conserved_current_vanishes_in_uniform_equilibrium() -> None:
    """J^s = ∫ (f v s + g Ω^{iτ}), which for [r, s] ≠ 0 is a sixth of J^{s,0} without K."""
    model = model_of("2D, 3 bands")
    s, space = operator_symbols(model.operators["spin"]), Space.of(model)
    at = states(model, zone(model, 80))
    x = (at.energies - 0.2) / 0.15
    fermi, grand = 1 / (1 + np.exp(x)), -0.15 * np.logaddexp(0, -x)
    pairs = [(i, (q,)) for i in range(2) for q in range(3)]

    def mean(weight: RealArray, formulas: list[Band]) -> RealArray:
        return np.einsum("kn,knp->p", weight, band_values(formulas, at)) / len(at.k)

    moved = mean(fermi, [f.current(i, s[q]) + f.torque_dipole(i, s[q]) for i, q in pairs])
    conventional = mean(fermi, [f.current(i, s[q]) for i, q in pairs])
    whole = moved + mean(grand, [f.torque_curvature(i, s, q, space) for i, q in pairs])
    inside = moved + mean(grand, [f.mixed_curvature(i, f.torque(s[q])) for i, q in pairs])
    assert np.abs(conventional).max() > 0.05
    assert np.abs(whole).max() < 1e-8
    assert np.abs(inside).max() > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
def test_all_bands_together_have_the_curvature_of_the_space(engine: Engine) -> None:
    """Σ_n Ω_n = tr F: the curvature inside P cancels in the sum."""
    model = model_of("3D, 4 bands")
    space = Space.of(model)
    at = states(model, scattered(3))
    inside = band_values([f.berry_curvature(j) for j in range(3)], at, engine).sum(axis=1)
    outside = band_values([f.space_curvature(j, space) for j in range(3)], at, engine).sum(axis=1)
    assert np.abs(inside).max() < 1e-10
    assert np.abs(outside).max() > 1e-3


def test_models_with_diagonal_positions_and_local_operators_have_no_such_fields() -> None:
    model = random_model(4, 3, 1)
    space = Space.of(model)
    s = operator_symbols(model.operators["spin"])
    assert not space.fields
    assert not f.space_interband(2, s, (1,), space).terms
    assert not f.space_curvature(0, space).terms
    assert interpolator(model).at(scattered(3)).columns.shape[1] == 4 * 10


def test_operators_between_orbitals_at_different_places_have_a_derivative_even_in_one_cell() -> None:
    """A constant matrix that joins two centres: D_i s is constant as well."""
    model = random_model(4, 2, 1)
    matrix = model.operators["spin"].home.copy()
    matrix[:, 0, 3] += 0.3
    matrix[:, 3, 0] += 0.3
    joined = replace(model, operators={"spin": Operator.constant(matrix, ("axial",), -1, "ħ")})
    s, space = operator_symbols(joined.operators["spin"]), Space.of(joined)
    assert space.curved(s)
    assert not space.curved()
    k = scattered(2)
    at = states(joined, k)
    expected = slope(joined, k, 0, [f.expectation(s[q,]) for q in range(3)])
    whole = band_values([f.torque_curvature(0, s, (q,), space) for q in range(3)], at)
    assert worst(group_sums(at, whole), expected) < 1e-8


def test_the_sum_over_pairs_with_k_is_that_with_its_matrix() -> None:
    """K_i = D_i s − i[r̄_i, s] put together in full."""
    from solenoidal.evaluate import matrix_elements

    model = model_of("3D, 4 bands")
    s, space = operator_symbols(model.operators["spin"]), Space.of(model)
    at = states(model, scattered(3))
    for i, l, q in itertools.product(range(3), range(3), range(3)):
        r, S = matrix_elements(space.position(i), at), matrix_elements(s[q,], at)
        K = matrix_elements(space.D(i, s, (q,)), at) - 1j * (r @ S - S @ r)
        np.testing.assert_allclose(K, K.conj().swapaxes(1, 2), atol=1e-12)
        expected = np.einsum("knm,kmn->kn", matrix_elements(f.A[l], at), K).real
        found = band_values([space.K_pairs(f.A[l], i, s, (q,)), space.K_diagonal(i, s, (q,))], at)
        np.testing.assert_allclose(found[..., 0], expected, atol=1e-11)
        np.testing.assert_allclose(found[..., 1], np.einsum("knn->kn", K).real, atol=1e-11)
