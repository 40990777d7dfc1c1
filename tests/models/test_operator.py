"""An operator states how it turns, and a statement that cannot be true is refused where it is made."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import ModelError
from solenoidal.models.builder import PAULI, TightBindingBuilder
from solenoidal.models.continuum import ContinuumModel, PolynomialHamiltonian
from solenoidal.models.hamiltonian import LatticeOperator, TightBinding
from solenoidal.models.operator import Operator, spin_operator

SPIN = PAULI[1:] / 2
HOME = np.zeros((1, 3), dtype=int)


def test_a_spin_is_an_axial_vector_that_time_reversal_reverses() -> None:
    spin = spin_operator(SPIN)
    assert (spin.legs, spin.time_reversal, spin.unit, spin.name) == (("axial",), -1, "ħ", "spin")
    assert spin.law == (("axial",), -1)
    assert spin.local
    np.testing.assert_array_equal(spin.home, SPIN)


@pytest.mark.parametrize(
    ("rank", "dims"), [(0, ()), (1, ("spin",)), (2, ("spin_1", "spin_2")), (3, ("spin_1", "spin_2", "spin_3"))]
)
def test_axes_of_results_are_named_by_the_rank(rank: int, dims: tuple[str, ...]) -> None:
    operator = Operator.constant(np.zeros((3,) * rank + (2, 2)), ("polar",) * rank, 1)
    assert operator.rank == rank
    assert operator.dims == dims
    assert len(set(operator.letters)) == rank


def test_a_law_that_is_not_stated_is_not_guessed() -> None:
    operator = Operator.constant(SPIN, None, None)
    assert not operator.stated
    assert operator.law == (("unknown",), 0)
    assert operator.dims == ("spin",)


def test_a_model_gives_its_operators_their_names() -> None:
    model = TightBinding(
        np.eye(3),
        1,
        LatticeOperator.constant(np.eye(2)),
        LatticeOperator.constant(np.zeros((3, 2, 2))),
        {"isospin": spin_operator(SPIN)},
    )
    assert model.operators["isospin"].name == "isospin"
    again = pickle.loads(pickle.dumps(model)).operators["isospin"]
    assert (again.law, again.unit, again.name) == ((("axial",), -1), "ħ", "isospin")


def test_other_matrices_keep_the_law() -> None:
    turned = spin_operator(SPIN).with_matrices(HOME, -SPIN[None])
    assert turned.law == (("axial",), -1)
    np.testing.assert_array_equal(turned.home, -SPIN)


REFUSALS: dict[str, tuple[Callable[[], Any], str]] = {
    "legs too few": (lambda: Operator.constant(SPIN, (), 1), r"shape \(3, 2, 2\) and legs \(\); expected \(2, 2\)"),
    "legs too many": (lambda: Operator.constant(SPIN[0], ("polar",), 1), r"legs \('polar',\); expected \(3, 2, 2\)"),
    "unknown leg": (lambda: Operator.constant(SPIN, ("pseudo",), 1), "leg 'pseudo'; expected 'polar' or 'axial'"),  # type: ignore[arg-type]
    "a word for the legs": (lambda: Operator.constant(SPIN, "axial", -1), r'legs=\("axial",\)'),
    "the leg of no law": (lambda: Operator.constant(SPIN, ("unknown",), 1), "leg 'unknown'"),
    "sign": (lambda: Operator.constant(SPIN, ("axial",), 0), r"time_reversal 0; expected \+1 .* or -1"),
    "half a law": (lambda: Operator.constant(SPIN, ("axial",), None), "state both, or None for both"),
    "other half": (lambda: Operator.constant(SPIN, None, -1), "state both, or None for both"),
    "five components": (lambda: Operator.constant(np.zeros((5, 2, 2)), None, None), "three Cartesian components"),
    "array for an operator": (
        lambda: ContinuumModel(
            PolynomialHamiltonian({(2, 0, 0): np.eye(2)}),
            2,
            1.0,
            {"spin": SPIN},  # type: ignore[dict-item]
        ),
        r"'spin' is given as ndarray, which does not say how it turns; write spin_operator\(matrices\)",
    ),
    "matrices for an operator": (
        lambda: TightBinding(
            np.eye(3),
            1,
            LatticeOperator.constant(np.eye(2)),
            LatticeOperator.constant(np.zeros((3, 2, 2))),
            {"spin": LatticeOperator.constant(SPIN)},  # type: ignore[dict-item]
        ),
        "'spin' is given as LatticeOperator",
    ),
    "continuum operator between cells": (
        lambda: ContinuumModel(
            PolynomialHamiltonian({(2, 0, 0): np.eye(2)}),
            2,
            1.0,
            {"s": Operator(np.array([[1, 0, 0], [-1, 0, 0]]), np.array([SPIN[0], SPIN[0]]), (), 1)},
        ),
        "'s' reaches to other cells",
    ),
    "builder": (
        lambda: TightBindingBuilder([[1.0]], [[0.0]]).set_operator("s", [[1.0]], legs=("polar",), time_reversal=1),
        "operator 's' has matrices of shape",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_wrong_statement_says_what_to_write_instead(case: str) -> None:
    call, message = REFUSALS[case]
    with pytest.raises(ModelError, match=message):
        call()


def test_a_vector_without_its_opposite_is_compared_with_zero_and_pairs_with_their_adjoint() -> None:
    R = np.array([[0, 0, 0], [1, 0, 0]])
    one_way = LatticeOperator(R, np.array([np.eye(2), 0.3 * np.eye(2)]))
    assert one_way.hermiticity_error() == pytest.approx(0.3)
    hop = np.array([[0.1, 0.2j], [0.4, 0.0]])
    both = LatticeOperator(np.array([[1, 0, 0], [-1, 0, 0]]), np.array([hop, hop.conj().T]))
    assert both.hermiticity_error() == 0
    transposed = LatticeOperator(both.R, np.array([hop, hop.T]))
    assert transposed.hermiticity_error() == pytest.approx(0.4)


@pytest.mark.parametrize("legs", [(), (3,)])
def test_the_matrix_at_k_is_the_sum_over_r_with_the_phase_of_each(legs: tuple[int, ...]) -> None:
    rng = np.random.default_rng(4)
    R = np.array([[0, 0, 0], [1, -2, 0], [0, 3, 1]])
    matrices = rng.normal(size=(3, *legs, 2, 2)) + 1j * rng.normal(size=(3, *legs, 2, 2))
    k = rng.uniform(size=(4, 3))
    expected = [sum(np.exp(2j * np.pi * (q @ r)) * x for r, x in zip(R, matrices, strict=True)) for q in k]
    for operator in (LatticeOperator(R, matrices), Operator(R, matrices, ("axial",) * len(legs), -1)):
        np.testing.assert_allclose(operator.at(k), expected, rtol=0, atol=1e-13)
