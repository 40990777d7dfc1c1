"""Bloch states of a block: eigenstates, groups, matrix elements, and what they do at special points."""

from __future__ import annotations

import numpy as np
import pytest

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import OrbitalMatrices, interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.errors import ModelError
from solenoidal.models.continuum import ContinuumModel
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import luttinger, random_model, rashba_continuum
from solenoidal.models.operator import Operator


def solved(model: TightBinding | ContinuumModel, k: RealArray, degeneracy: Degeneracy | None = None) -> BlochStates:
    return BlochStates.solve(interpolator(model), k, np.full(len(k), 1 / len(k)), degeneracy or Degeneracy())


def scattered(dimension: int, count: int = 11, seed: int = 0) -> RealArray:
    k = np.zeros((count, 3))
    k[:, :dimension] = np.random.default_rng(seed).uniform(-0.5, 0.5, (count, dimension))
    return k


def by_levels(*energies: float) -> RealArray:
    return np.array([energies])


def test_states_are_orthonormal_eigenvectors_in_order_of_energy() -> None:
    states = solved(random_model(5, 3, 1), scattered(3))
    H = states.orbital.hamiltonian
    np.testing.assert_allclose(H @ states.vectors, states.vectors * states.energies[:, None, :], atol=1e-12)
    gram = states.vectors.conj().transpose(0, 2, 1) @ states.vectors
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(5), gram.shape), atol=1e-12)
    assert np.all(np.diff(states.energies, axis=1) > 0)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_diagonal_velocity_is_the_slope_of_the_band(dimension: int) -> None:
    model = random_model(4, dimension, 3)
    k = scattered(dimension, 6)
    states = solved(model, k)
    h = 1e-3
    for i in range(3):
        step = h * np.eye(3)[i] @ np.linalg.inv(model.reciprocal)
        # The lattice is oblique, so bands have slopes along every axis, whatever the number of periods.
        near = [solved(model, k + j * step).energies for j in (1, -1, 2, -2)]
        slope = (8 * (near[0] - near[1]) - (near[2] - near[3])) / (12 * h)
        found = np.einsum("knin->kni", states.velocity)[:, :, i]
        assert np.abs(slope).max() > 1e-3
        np.testing.assert_allclose(found.imag, 0, atol=1e-12)
        np.testing.assert_allclose(found.real, slope, atol=1e-8)


@pytest.mark.parametrize("bands", [2, 3, 4])
def test_matrix_elements_are_hermitian_and_keep_the_trace(bands: int) -> None:
    states = solved(random_model(bands, 2, 5), scattered(2))
    for matrices, orbital in (
        (states.velocity, states.orbital.velocity),
        (states.operator("spin"), states.orbital.operators["spin"]),
    ):
        np.testing.assert_allclose(matrices, matrices.conj().transpose(0, 3, 2, 1), atol=1e-12)
        traces = np.einsum("knin->ki", orbital)
        assert np.abs(traces).max() > 1e-2
        np.testing.assert_allclose(
            np.einsum("knin->ki", matrices), np.broadcast_to(traces, (len(matrices), 3)), atol=1e-11
        )


def test_velocity_of_a_continuum_model_is_its_derivative() -> None:
    model = luttinger(gamma1=6.98, gamma2=2.06, gamma3=2.93)
    k = scattered(3, 5) * 0.4
    states = solved(model, k)
    _, dH = model.evaluate(k)
    U = states.vectors
    expected = np.einsum("kan,kiab,kbm->knim", U.conj(), dH, U)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(states.velocity, expected, atol=1e-11)


@pytest.mark.parametrize(
    ("levels", "tolerance", "kramers", "expected"),
    [
        ((0.0, 0.5, 1.0), 1e-4, False, [0, 1, 2]),
        ((0.0, 5e-5, 1.0), 1e-4, False, [0, 0, 1]),
        ((0.0, 1e-4, 1.0), 1e-4, False, [0, 1, 2]),
        ((0.0, 6e-5, 1.2e-4), 1e-4, False, [0, 0, 0]),
        ((0.0, 0.3, 1.0, 1.5), 1e-4, True, [0, 0, 1, 1]),
        ((0.0, 0.3, 0.30001, 0.8), 1e-4, True, [0, 0, 0, 0]),
        ((0.0, 0.3, 0.30001, 0.8), 1e-4, False, [0, 1, 1, 2]),
    ],
)
def test_bands_closer_than_the_tolerance_or_paired_by_symmetry_form_groups(
    levels: tuple[float, ...], tolerance: float, kramers: bool, expected: list[int]
) -> None:
    assert Degeneracy(tolerance, kramers).labels(by_levels(*levels)).tolist() == [expected]


def test_a_group_is_occupied_at_its_mean_energy() -> None:
    model = random_model(4, 2, 5)
    states = solved(model, scattered(2))
    np.testing.assert_allclose(states.occupation_energies, states.energies, atol=1e-12)
    coarse = solved(model, scattered(2), Degeneracy(10.0))
    mean = coarse.energies.mean(axis=1)[:, None] * np.ones(4)
    assert np.abs(mean).max() > 1e-2
    np.testing.assert_allclose(coarse.occupation_energies, mean, atol=1e-12)
    paired = solved(model, scattered(2), Degeneracy(1e-4, kramers=True))
    pairs = paired.energies.reshape(-1, 2, 2).mean(axis=2).repeat(2, axis=1)
    np.testing.assert_allclose(paired.occupation_energies, pairs, atol=1e-12)


def test_inverse_gaps_are_antisymmetric_and_vanish_inside_groups_and_below_the_minimum() -> None:
    model = random_model(4, 2, 5)
    states = solved(model, scattered(2))
    omega = states.energies[:, :, None] - states.energies[:, None, :]
    off = ~np.eye(4, dtype=bool)[None]
    np.testing.assert_allclose((states.inverse_gap * omega)[off.repeat(len(omega), 0)], 1.0, rtol=1e-12)
    np.testing.assert_array_equal(states.inverse_gap, -states.inverse_gap.transpose(0, 2, 1))
    gap = float(np.median(np.abs(omega[omega != 0])))
    dropped = solved(model, scattered(2), Degeneracy(minimum_gap=gap)).inverse_gap
    close = np.abs(omega) < gap
    assert np.count_nonzero(close & off) > 0
    np.testing.assert_array_equal(dropped[close], 0)
    np.testing.assert_array_equal(dropped[~close], states.inverse_gap[~close])
    pairs = solved(random_model(4, 2, 5, degenerate=True), scattered(2))
    np.testing.assert_array_equal(pairs.inverse_gap[pairs.same_group], 0)
    assert np.all(np.isfinite(pairs.inverse_gap))


def test_a_subset_without_close_pairs_equals_solving_there_afresh() -> None:
    model = random_model(4, 3, 2)
    k = scattered(3)
    states = solved(model, k)
    index = np.array([1, 4, 9])
    part, fresh = states.subset(index, 0.3), solved(model, k[index], Degeneracy(minimum_gap=0.3))
    np.testing.assert_allclose(part.energies, fresh.energies, atol=1e-13)
    np.testing.assert_array_equal(part.inverse_gap == 0, fresh.inverse_gap == 0)
    np.testing.assert_allclose(np.abs(part.velocity), np.abs(fresh.velocity), atol=1e-10)
    np.testing.assert_allclose(np.abs(part.operator("spin")), np.abs(fresh.operator("spin")), atol=1e-10)
    np.testing.assert_array_equal(part.weights, states.weights[index])


def test_a_block_does_not_depend_on_how_it_is_cut() -> None:
    model = random_model(3, 2, 4)
    k = scattered(2, 9)
    whole = BlochStates.diagonalise(interpolator(model).at(k), k, np.ones(9), Degeneracy())
    parts = list(interpolator(model).parts(k, 5))
    assert len(parts) == 2
    for orbital, start, stop in zip(parts, (0, 5), (5, 9), strict=True):
        part = BlochStates.diagonalise(orbital, k[start:stop], np.ones(stop - start), Degeneracy())
        np.testing.assert_allclose(part.energies, whole.energies[start:stop], rtol=0, atol=1e-13)
        np.testing.assert_allclose(part.velocity, whole.velocity[start:stop], atol=1e-14)


def test_operators_that_depend_on_k_are_interpolated_like_the_hamiltonian() -> None:
    """An operator equal to H at every R has the energies on its diagonal and nothing beside it."""
    model = random_model(3, 3, 6)
    energy = Operator(model.hamiltonian.R, model.hamiltonian.matrices, legs=(), time_reversal=1, unit="eV")
    doubled = TightBinding(model.lattice, 3, model.hamiltonian, model.position, {**model.operators, "energy": energy})
    states = solved(doubled, scattered(3))
    found = states.operator("energy")
    assert found.shape == (11, 3, 1, 3)
    expected = states.energies[:, :, None] * np.eye(3)
    np.testing.assert_allclose(found[:, :, 0, :], expected, atol=1e-12)


def test_an_operator_the_model_lacks_is_named_with_those_it_has() -> None:
    states = solved(rashba_continuum(alpha=0.3), np.zeros((1, 3)))
    with pytest.raises(ModelError, match=r"no operator 'orbital' \(it has: spin\)"):
        states.operator("orbital")


def test_a_hamiltonian_that_is_not_finite_is_reported_with_its_k_point() -> None:
    orbital = interpolator(random_model(2, 2, 1)).at(scattered(2, 3))
    spoilt = orbital.hamiltonian.copy()
    spoilt[1, 0, 0] = np.nan
    bad = OrbitalMatrices.pack(spoilt, orbital.velocity, orbital.operators)
    k = scattered(2, 3)
    with pytest.raises(ModelError, match=rf"not finite at k = \[{k[1, 0]}"):
        BlochStates.diagonalise(bad, k, np.ones(3), Degeneracy())


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    states = solved(random_model(3, 2, 1), scattered(2))
    assert not states._cache
    assert "velocity" not in vars(states)
    calls: list[int] = []
    for _ in range(3):
        states.cached("answer", lambda: calls.append(1))
    assert calls == [1]


def test_scalar_operators_have_one_leg() -> None:
    model = random_model(4, 2, 1)
    number = Operator.constant(np.diag([1.0, -1.0, 2.0, 0.5]), (), 1)
    states = solved(TightBinding(model.lattice, 2, model.hamiltonian, model.position, {"n": number}), scattered(2))
    assert states.operator("n").shape == (11, 4, 1, 4)
    np.testing.assert_allclose(np.einsum("knin->k", states.operator("n")).real, 2.5, atol=1e-12)
