"""No published number depends on phases, on the basis of a degenerate group, or on the choice of Wannier functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg

from solenoidal.bloch.states import BlochStates
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.responses.response import Response
from support.reference import ComplexArray, RealArray
from support.registry import CASES, LOCAL, NONLOCAL, PAIRED, RESPONSES, SEPARATE, Case, group_sums, points, states_at
from support.values import values as values_of

every_response = pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES.keys())


def rotated(states: BlochStates, seed: int) -> BlochStates:
    """The same states with random phases and random unitary rotations inside the degenerate groups."""
    rng = np.random.default_rng(seed)
    vectors = states.vectors.copy()
    for q, labels in enumerate(states.labels):
        for g in np.unique(labels):
            inside = np.flatnonzero(labels == g)
            size = len(inside)
            raw = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
            vectors[q][:, inside] = vectors[q][:, inside] @ scipy.linalg.qr(raw)[0]
    return BlochStates(states.k, states.weights, states.energies, vectors, states.orbital, states.degeneracy)


def compare(
    response: Response, models: tuple[TightBinding, TightBinding], first: BlochStates, second: BlochStates, limit: float
) -> None:
    """Equal sums over groups, of band quantities that are not zero; a field that only one model has must vanish."""
    a, b = (values_of(response, s, model=m) for m, s in zip(models, (first, second), strict=True))
    assert a.keys() <= b.keys()
    largest = 0.0
    for name in b:
        again = np.concatenate(group_sums(second.labels, b[name]))
        sums = np.concatenate(group_sums(first.labels, a[name])) if name in a else np.zeros_like(again)
        scale = float(np.abs(sums).max())
        largest = max(largest, float(np.abs(b[name]).max()))
        np.testing.assert_allclose(again, sums, rtol=0, atol=limit * max(1.0, scale), err_msg=name)
    assert largest > 1e-3


@every_response
@pytest.mark.parametrize("case", CASES, ids=str)
def test_group_sums_do_not_depend_on_phases_or_on_the_basis_of_a_group(case: Case, response: Response) -> None:
    _, kf, _ = points(case, 4, 0.05)
    model = case.model()
    states = states_at(model, kf)
    compare(response, (model, model), states, rotated(states, 5), 1e-10)


@pytest.mark.parametrize("case", PAIRED, ids=str)
def test_rotating_a_pair_changes_the_bands_it_is_made_of(case: Case) -> None:
    """Otherwise the law above would say nothing about degenerate groups."""
    _, kf, _ = points(case, 4, 0.05)
    states = states_at(case.model(), kf)
    before = values_of(RESPONSES["spin conductivity"], states)
    after = values_of(RESPONSES["spin conductivity"], rotated(states, 5))
    for name in before:
        assert np.abs(after[name] - before[name]).max() > 1e-3 * np.abs(before[name]).max(), name


@pytest.mark.parametrize("case", PAIRED, ids=str)
def test_a_noisy_splitting_below_the_tolerance_changes_nothing_of_first_order(case: Case) -> None:
    """With pairs grouped, noise of 1e-7 eV moves sums by about as much; taken for separate bands it destroys them."""
    model = case.model()
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(case.bands,) * 2) + 1j * rng.normal(size=(case.bands,) * 2)
    matrices = model.hamiltonian.matrices.copy()
    home = np.flatnonzero(~model.hamiltonian.R.any(axis=1))[0]
    matrices[home] += 1e-7 * (noise + noise.conj().T)
    noisy = TightBinding(
        model.lattice,
        model.dimension,
        LatticeOperator(model.hamiltonian.R, matrices),
        model.position,
        model.operators,
    )
    _, kf, _ = points(case, 4)
    response = RESPONSES["spin conductivity"]
    clean = states_at(model, kf, 1e-5)
    compare(response, (model, noisy), clean, states_at(noisy, kf, 1e-5), 1e-5)
    torn = values_of(response, states_at(noisy, kf, 1e-12))["berry_spin"].sum(axis=1)
    whole = values_of(response, clean)["berry_spin"].sum(axis=1)
    assert np.abs(torn - whole).max() > 1e-2 * np.abs(whole).max()


def mixed_wannier_functions(model: TightBinding, seed: int) -> TightBinding:
    """The same crystal in other Wannier functions: W(k) = V₁ diag(e^{ik·R_a}) V₂ mixes them over several cells.

    X'(k) = W† X W for H and s, Ā' = W† Ā W + i W† ∂W for the position matrix.
    """
    rng = np.random.default_rng(seed)
    n = model.n_orbitals
    first, second = (scipy.linalg.qr(rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))[0] for _ in range(2))
    cells = np.zeros((n, 3), dtype=np.int64)
    cells[:, : model.dimension] = rng.integers(-1, 2, (n, model.dimension))

    def transform(operator: Any, extra: ComplexArray | None = None) -> Any:
        sums: dict[tuple[int, ...], ComplexArray] = {}
        for R, matrix in zip(operator.R, operator.matrices, strict=True):
            turned = first.conj().T @ matrix @ first
            for a in range(n):
                for b in range(n):
                    key = tuple((R + cells[b] - cells[a]).tolist())
                    part = sums.setdefault(key, np.zeros_like(matrix))
                    part[..., a, b] += turned[..., a, b]
        if extra is not None:
            sums[(0, 0, 0)] = sums.get((0, 0, 0), np.zeros_like(extra)) + extra
        R = np.array(sorted(sums))
        matrices = np.array([second.conj().T @ sums[tuple(r)] @ second for r in R.tolist()])
        return operator.with_matrices(R, matrices)

    # i e^{−ik·R} ∂ e^{ik·R} = −R.
    shift = np.einsum("ai,ab->iab", -(cells @ model.lattice), np.eye(n)).astype(complex)
    return TightBinding(
        model.lattice,
        model.dimension,
        transform(model.hamiltonian),
        transform(model.position, shift),
        {name: transform(operator) for name, operator in model.operators.items()},
    )


@every_response
@pytest.mark.parametrize("case", [*LOCAL[1:6:2], *NONLOCAL[2:], *PAIRED[1:]], ids=str)
def test_group_sums_do_not_depend_on_the_choice_of_wannier_functions(case: Case, response: Response) -> None:
    """Position matrices between cells and operators that are not local, together with ∂H; F and K turn along."""
    model = case.model()
    mixed = mixed_wannier_functions(model, 7)
    assert len(mixed.position.R) > 1
    assert len(mixed.operators["spin"].R) > 1
    _, kf, _ = points(case, 4, 0.05)
    compare(response, (model, mixed), states_at(model, kf), states_at(mixed, kf), 1e-9)


@pytest.mark.parametrize("case", [SEPARATE[3], PAIRED[1]], ids=str)
def test_without_its_position_matrix_the_mixed_crystal_is_another_one(case: Case) -> None:
    mixed = mixed_wannier_functions(case.model(), 7)
    bare = TightBinding(
        mixed.lattice,
        mixed.dimension,
        mixed.hamiltonian,
        LatticeOperator.constant(np.zeros((3, case.bands, case.bands))),
        mixed.operators,
    )
    _, kf, _ = points(case, 4, 0.05)
    right, wrong = (
        values_of(RESPONSES["spin conductivity"], states_at(m, kf))["conventional"].sum(axis=(0, 2, 3, 4))
        for m in (mixed, bare)
    )
    assert np.abs(right - wrong).max() > 1e-2 * np.abs(right).max()


@pytest.mark.parametrize("case", [LOCAL[4], NONLOCAL[4], PAIRED[2]], ids=str)
def test_a_shift_of_the_origin_changes_nothing(case: Case) -> None:
    model = case.model()
    moved = model.position.matrices.copy()
    moved[~model.position.R.any(axis=1)] += np.einsum("i,ab->iab", [0.3, -1.7, 0.9], np.eye(case.bands))
    shifted = TightBinding(
        model.lattice, model.dimension, model.hamiltonian, LatticeOperator(model.position.R, moved), model.operators
    )
    _, kf, _ = points(case, 4, 0.05)
    response = RESPONSES["spin conductivity"]
    compare(response, (model, shifted), states_at(model, kf), states_at(shifted, kf), 1e-10)


def test_energies_survive_the_change_of_wannier_functions() -> None:
    case = SEPARATE[4]
    k: RealArray = np.random.default_rng(0).uniform(-0.5, 0.5, (6, 3)) * [1, 1, 0]
    model = case.model()
    before, after = (states_at(m, k).energies for m in (model, mixed_wannier_functions(model, 7)))
    np.testing.assert_allclose(after, before, atol=1e-12)
