"""The builder: conventions, conjugates, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from solenoidal.errors import ModelError
from solenoidal.models.builder import PAULI, TightBindingBuilder
from solenoidal.models.hamiltonian import TightBinding

HONEYCOMB = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])


def chain(*, spin: bool = False, orbitals: int = 1) -> TightBindingBuilder:
    return TightBindingBuilder([[2.0]], [[0.3 * i] for i in range(orbitals)], spin=spin)


def matrix_of(model: TightBinding, R: tuple[int, int, int]) -> Any:
    index = model.hamiltonian.R.tolist().index(list(R))
    return model.hamiltonian.matrices[index]


def test_a_complex_hopping_gives_its_closed_band(hamiltonian: Any, random_k: Any) -> None:
    model = chain().set_onsite(0.3, 0).set_hop(0.7 * np.exp(0.4j), 0, 0, 1).build()
    energies = hamiltonian(model, random_k)[:, 0, 0]
    np.testing.assert_allclose(energies, 0.3 + 1.4 * np.cos(2 * np.pi * random_k[:, 0] + 0.4), atol=1e-14)


def test_rows_are_home_orbitals_and_columns_lie_in_the_cell_R() -> None:
    builder = TightBindingBuilder(HONEYCOMB, [[0, 0], [1 / 3, 1 / 3]])
    model = builder.set_hop(0.2 + 0.5j, 0, 1, (1, -2)).build()
    np.testing.assert_array_equal(matrix_of(model, (1, -2, 0)), [[0, 0.2 + 0.5j], [0, 0]])
    np.testing.assert_array_equal(matrix_of(model, (-1, 2, 0)), [[0, 0], [0.2 - 0.5j, 0]])


def test_graphene_has_its_textbook_bands(hamiltonian: Any, random_k: Any) -> None:
    builder = TightBindingBuilder(HONEYCOMB, [[0, 0], [1 / 3, 1 / 3]])
    for R in ((0, 0), (-1, 0), (0, -1)):
        builder.set_hop(-2.7, 0, 1, R)
    energies = np.linalg.eigvalsh(hamiltonian(builder.build(), random_k))
    phase = np.exp(-2j * np.pi * random_k[:, :2])
    np.testing.assert_allclose(energies[:, 1], 2.7 * np.abs(1 + phase.sum(axis=1)), atol=1e-13)
    np.testing.assert_allclose(energies.sum(axis=1), 0, atol=1e-13)


def test_spin_doubles_orbitals_with_the_spin_fastest() -> None:
    model = chain(spin=True, orbitals=2).set_onsite([0.0, [0.1, 0.2, 0.3, 0.4]]).build()
    home = matrix_of(model, (0, 0, 0))
    assert model.n_orbitals == 4
    np.testing.assert_allclose(home[2:, 2:], np.einsum("p,pab->ab", [0.1, 0.2, 0.3, 0.4], PAULI))
    assert not home[:2].any()
    spin = model.require_operator("spin").matrices[0]
    np.testing.assert_allclose(spin, [np.kron(np.eye(2), s / 2) for s in PAULI[1:]])
    np.testing.assert_allclose(spin[0] @ spin[1] - spin[1] @ spin[0], 1j * spin[2])


def test_numbers_pauli_coefficients_and_matrices_agree() -> None:
    coefficients = np.array([0.2, 0.1j, -0.3, 0.5 + 0.2j])
    matrix = np.einsum("p,pab->ab", coefficients, PAULI)
    first = chain(spin=True).set_hop(coefficients, 0, 0, 1).build()
    second = chain(spin=True).set_hop(matrix, 0, 0, 1).build()
    np.testing.assert_array_equal(first.hamiltonian.matrices, second.hamiltonian.matrices)
    scalar = chain(spin=True).set_hop(0.4j, 0, 0, 1).build()
    np.testing.assert_array_equal(matrix_of(scalar, (1, 0, 0)), 0.4j * np.eye(2))


def test_a_hopping_added_through_its_conjugate_sums() -> None:
    builder = chain(orbitals=2).set_hop(1 + 1j, 0, 1, 1).set_hop(0.5j, 1, 0, -1, mode="add")
    np.testing.assert_allclose(matrix_of(builder.build(), (1, 0, 0))[0, 1], 1 + 0.5j)
    builder.set_hop(3.0, 0, 1, 1, mode="reset").set_onsite(1.0, 0).set_onsite(0.5, 0, mode="add")
    np.testing.assert_allclose(matrix_of(builder.build(), (1, 0, 0))[0, 1], 3.0)
    np.testing.assert_allclose(matrix_of(builder.build(), (0, 0, 0))[0, 0], 1.5)


def test_a_built_model_does_not_change_with_its_builder() -> None:
    builder = chain().set_hop(1.0, 0, 0, 1)
    model = builder.build()
    builder.set_hop(5.0, 0, 0, 1, mode="reset")
    assert matrix_of(model, (1, 0, 0))[0, 0] == 1.0


def test_the_position_matrix_holds_the_orbital_centres() -> None:
    model = TightBindingBuilder(HONEYCOMB, [[0, 0], [1 / 3, 1 / 3]], spin=True).build()
    assert model.position.R.tolist() == [[0, 0, 0]]
    centres = np.einsum("iaa->ai", model.position.matrices[0]).real
    np.testing.assert_allclose(centres, [[0, 0, 0]] * 2 + [[0.5, np.sqrt(3) / 6, 0]] * 2, atol=1e-15)
    assert np.count_nonzero(model.position.matrices[0]) == 4


@pytest.mark.parametrize(
    ("lattice", "dimension", "measure"),
    [
        ([[2.0]], None, 2.0),
        ([[1.0, 0.0], [0.5, 1.5]], None, 1.5),
        ([[1.0, 0.0, 1.0], [0.0, 2.0, 0.0]], None, 2 * np.sqrt(2)),
        (np.diag([1.0, 2.0, 3.0]), None, 6.0),
        (np.diag([1.0, 2.0, 3.0]), 2, 2.0),
        ([[1.0, 0.0], [0.0, 2.0]], 1, 1.0),
    ],
)
def test_periodic_directions_set_the_cell_and_the_others_are_orthogonal(
    lattice: Any, dimension: int | None, measure: float
) -> None:
    model = TightBindingBuilder(lattice, [[0.0, 0.0, 0.0]], dimension=dimension).build()
    periodic, other = np.split(model.lattice, [model.dimension])
    np.testing.assert_allclose(model.cell_measure, measure)
    if len(np.asarray(lattice)) == model.dimension:
        np.testing.assert_allclose(periodic @ other.T, 0, atol=1e-12)


def test_orbitals_at_one_position_make_one_atom() -> None:
    builder = TightBindingBuilder(np.eye(2), [[0, 0], [0, 0], [0.5, 0.5]])
    structure = builder.build(species=["A", "A", "B"], moments=[[0, 0, 1], [0, 0, 1], [0, 0, -1]]).structure
    assert structure is not None
    assert structure.species == ("A", "B")
    np.testing.assert_array_equal(structure.positions, [[0, 0, 0], [0.5, 0.5, 0]])
    assert structure.moments is not None
    np.testing.assert_array_equal(structure.moments, [[0, 0, 1], [0, 0, -1]])
    assert builder.build().structure is None


def test_a_site_local_operator_may_mix_orbitals_of_one_position() -> None:
    builder = TightBindingBuilder(np.eye(2), [[0.2, 0], [0.2, 0], [0.5, 0.5]])
    orbital_moment = np.zeros((3, 3, 3), dtype=complex)
    orbital_moment[2, 0, 1], orbital_moment[2, 1, 0] = -1j, 1j
    model = builder.set_operator("orbital", orbital_moment, legs=("axial",), time_reversal=-1).build()
    np.testing.assert_array_equal(model.require_operator("orbital").matrices[0], orbital_moment)


def test_an_orbital_operator_acts_equally_on_both_spins() -> None:
    builder = chain(spin=True, orbitals=2)
    model = builder.set_operator("layer", np.diag([1.0, -1.0]), legs=(), time_reversal=1).build()
    np.testing.assert_array_equal(model.require_operator("layer").matrices[0], np.diag([1, 1, -1, -1]))


SCALAR: Any = {"legs": (), "time_reversal": 1}

REFUSALS: dict[str, tuple[Callable[[], Any], str]] = {
    "hopping twice": (lambda: chain().set_hop(1, 0, 0, 1).set_hop(1, 0, 0, 1), r'set already.*mode="add"'),
    "hopping and conjugate": (lambda: chain().set_hop(1, 0, 0, 1).set_hop(1, 0, 0, -1), "conjugate of 0 to 0"),
    "on-site twice": (lambda: chain().set_onsite(1, 0).set_onsite(2, 0), r"on-site term of orbital 0 is set already"),
    "unknown mode": (lambda: chain().set_onsite(1, 0, mode="sum"), "mode is 'sum'"),  # type: ignore[arg-type]
    "self hopping": (lambda: chain().set_hop(1, 0, 0, 0), "use set_onsite"),
    "orbital index": (lambda: chain().set_hop(1, 0, 3, 1), "orbital index 3; expected an integer from 0 to 0"),
    "fractional index": (lambda: chain().set_onsite(1, 0.5), "orbital index 0.5"),  # type: ignore[arg-type]
    "length of R": (lambda: chain().set_hop(1, 0, 0, (1, 0)), "expected 1 integers"),
    "fractional R": (lambda: chain().set_hop(1, 0, 0, (0.5,)), "expected 1 integers"),  # type: ignore[arg-type]
    "R out of the plane": (lambda: chain().set_hop(1, 0, 0, (0, 0, 1)), "leaves the 1 periodic directions"),
    "complex on-site": (lambda: chain().set_onsite(1j, 0), "not Hermitian"),
    "missing list": (lambda: chain(orbitals=2).set_onsite(1.0), "list of 2 terms"),
    "matrix without spin": (lambda: chain().set_hop(np.eye(2), 0, 0, 1), "build with spin=True"),
    "three coefficients": (lambda: chain(spin=True).set_hop([1, 2, 3], 0, 0, 1), "four Pauli coefficients"),
    "not finite": (lambda: chain().set_hop(np.nan, 0, 0, 1), "not finite"),
    "operator between sites": (
        lambda: chain(orbitals=2).set_operator("bond", [[0, 1], [1, 0]], **SCALAR),
        "mixes orbital 0 .* not periodic in k",
    ),
    "operator shape": (
        lambda: chain().set_operator("s", np.eye(3), **SCALAR),
        r"expected \(1, 1\) for a scalar, \(3, 1, 1\) for a vector",
    ),
    "operator not Hermitian": (lambda: chain(spin=True).set_operator("s", [[0, 1], [0, 0]], **SCALAR), "not Hermitian"),
    "spin taken": (lambda: chain(spin=True).set_operator("spin", np.eye(2), **SCALAR), 'has "spin" = σ/2 already'),
    "name taken": (
        lambda: chain().set_operator("q", [[1]], **SCALAR).set_operator("q", [[1]], **SCALAR),
        "operator 'q' is set already",
    ),
    "flat lattice": (lambda: TightBindingBuilder([[1, 0], [2, 0]], [[0, 0]]), "not independent"),
    "lattice shape": (lambda: TightBindingBuilder([1.0, 0.0], [[0, 0]]), "lattice has shape"),
    "dimension": (lambda: TightBindingBuilder(np.eye(2), [[0, 0]], dimension=3), "dimension is 3 with 2"),
    "orbital shape": (lambda: TightBindingBuilder(np.eye(2), [0.0, 0.0]), "orbital positions have shape"),
    "orbital not finite": (lambda: TightBindingBuilder(np.eye(2), [[np.inf, 0]]), "not finite"),
    "species": (lambda: chain(orbitals=2).build(species=["A"]), "do not match the 2 orbitals"),
    "moments alone": (lambda: chain().build(moments=[[0, 0, 1]]), "without species"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_meant_is_refused_with_a_remedy(case: str) -> None:
    call, message = REFUSALS[case]
    with pytest.raises(ModelError, match=message):
        call()
