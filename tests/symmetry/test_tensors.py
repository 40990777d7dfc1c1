"""Symmetrised tensors are invariant, keep what is allowed, and turn a reduced mesh into the full one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from solenoidal.bloch.interpolation import interpolator
from solenoidal.errors import SymmetryError
from solenoidal.integrate.meshes import UniformMesh
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library.rashba import magnetised_rashba, rashba_square
from solenoidal.models.library.topological import haldane, kane_mele
from solenoidal.symmetry.search import SymmetryGroup, find_symmetry
from solenoidal.symmetry.tensors import Leg, allowed_components, invariant_part, projection_matrix

SPIN_HALL: tuple[Leg, ...] = ("polar", "polar", "axial")


def cubic_group(*, magnetic: bool) -> SymmetryGroup:
    """m-3m with time reversal, or its subgroup 4/mm'm' that keeps a magnetisation along z."""
    rows = [np.eye(3)[list(p)] for p in itertools.permutations(range(3))]
    R = np.array([row * np.array(s)[:, None] for row in rows for s in itertools.product([1, -1], repeat=3)])
    if magnetic:
        turned = np.linalg.det(R) * R[:, 2, 2]
        keeps = np.abs(turned) > 0.5
        R, T = R[keeps], turned[keeps] < 0
    else:
        R, T = np.concatenate([R, R]), np.repeat([False, True], 48)
    return SymmetryGroup.from_rotations(R, T, lattice=np.eye(3), dimension=3)


def hexagonal_group() -> SymmetryGroup:
    c, s = 0.5, np.sqrt(0.75)
    lattice = np.array([[1.0, 0, 0], [-c, s, 0], [0, 0, 1.7]])
    sixth = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    turns = [np.linalg.matrix_power(sixth, p) for p in range(6)]
    R = np.array([t @ m for t in turns for m in (np.eye(3), np.diag([1.0, -1.0, 1.0]))])
    return SymmetryGroup.from_rotations(R, np.zeros(12, dtype=bool), lattice=lattice, dimension=3)


GROUPS = {
    "identity": SymmetryGroup.identity(),
    "m-3m1'": cubic_group(magnetic=False),
    "4/mm'm'": cubic_group(magnetic=True),
    "6mm": hexagonal_group(),
}


@pytest.mark.parametrize("time_reversal", [1, -1])
@pytest.mark.parametrize("legs", [(), ("polar",), ("axial",), ("polar", "axial"), SPIN_HALL])
@pytest.mark.parametrize("name", GROUPS)
def test_the_projection_is_an_orthogonal_projector_onto_invariant_tensors(
    name: str, legs: tuple[Leg, ...], time_reversal: int
) -> None:
    group = GROUPS[name]
    P = projection_matrix(legs, time_reversal, group)
    np.testing.assert_allclose(P @ P, P, atol=1e-12)
    np.testing.assert_allclose(P, P.T, atol=1e-12)
    t = invariant_part(np.random.default_rng(1).normal(size=(2,) + (3,) * len(legs)), legs, time_reversal, group)
    for R, antiunitary in zip(group.rotations, group.time_reversal, strict=True):
        turned = t * (time_reversal if antiunitary else 1)
        for axis, leg in enumerate(legs):
            D = R * (np.linalg.det(R) if leg == "axial" else 1.0)
            turned = np.moveaxis(np.tensordot(D, turned, axes=(1, axis + 1)), 0, axis + 1)
        np.testing.assert_allclose(turned, t, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "legs", "time_reversal", "independent"),
    [
        ("identity", SPIN_HALL, 1, 27),
        ("m-3m1'", ("polar", "polar"), 1, 1),
        ("m-3m1'", ("polar", "polar"), -1, 0),
        ("m-3m1'", SPIN_HALL, 1, 1),
        ("m-3m1'", ("axial",), -1, 0),
        ("4/mm'm'", ("axial",), -1, 1),
        ("4/mm'm'", ("polar", "polar"), -1, 1),
        ("4/mm'm'", ("polar", "polar"), 1, 2),
        ("6mm", ("polar",), 1, 1),
        ("6mm", ("axial",), 1, 0),
        ("6mm", ("polar", "axial"), 1, 1),
    ],
)
def test_number_of_independent_components_is_the_one_of_group_theory(
    name: str, legs: tuple[Leg, ...], time_reversal: int, independent: int
) -> None:
    assert np.trace(projection_matrix(legs, time_reversal, GROUPS[name])) == pytest.approx(independent, abs=1e-12)


def test_cubic_spin_hall_tensor_is_the_antisymmetric_one() -> None:
    allowed = allowed_components(SPIN_HALL, 1, GROUPS["m-3m1'"])
    expected = {p for p in itertools.product(range(3), repeat=3) if len(set(p)) == 3}
    assert {tuple(int(x) for x in p) for p in np.argwhere(allowed)} == expected
    t = np.random.default_rng(4).normal(size=(3, 3, 3))
    projected = invariant_part(t, SPIN_HALL, 1, GROUPS["m-3m1'"])
    mean = sum((1 if p in [(0, 1, 2), (1, 2, 0), (2, 0, 1)] else -1) * t[p] for p in expected) / 6
    assert abs(mean) > 0.01
    assert projected[0, 1, 2] == pytest.approx(mean, abs=1e-12)
    assert projected[1, 0, 2] == pytest.approx(-mean, abs=1e-12)


def test_magnetisation_along_z_allows_the_anomalous_hall_component_xy_alone() -> None:
    allowed = allowed_components(("polar", "polar"), -1, GROUPS["4/mm'm'"])
    assert {tuple(int(x) for x in p) for p in np.argwhere(allowed)} == {(0, 1), (1, 0)}


def test_scalars_odd_under_time_reversal_vanish_only_with_an_antiunitary_operation() -> None:
    values = np.array([1.0, -2.0])
    np.testing.assert_array_equal(invariant_part(values, (), 1, GROUPS["m-3m1'"]), values)
    np.testing.assert_allclose(invariant_part(values, (), -1, GROUPS["m-3m1'"]), 0.0, atol=1e-15)
    np.testing.assert_array_equal(invariant_part(values, (), -1, GROUPS["6mm"]), values)


def responses_on(model: TightBinding, mesh: UniformMesh, group: SymmetryGroup | None) -> dict[str, NDArray[np.float64]]:
    """Weighted sums of windowed traces over the mesh: the full one, or reduced by ``group`` (not yet symmetrised)."""
    points = mesh.full() if group is None else mesh.irreducible(group)
    matrices = interpolator(model).at(points.k)
    energies, V = np.linalg.eigh(matrices.hamiltonian)
    low, high = np.exp(-((energies + 1.0) ** 2)), np.exp(-((energies - 0.7) ** 2) / 2)

    def rotate(X: NDArray[np.complex128]) -> NDArray[np.complex128]:
        X = np.broadcast_to(X, (len(points), *X.shape[1:]))
        return np.einsum("kan,kaib,kbm->kinm", V.conj(), X, V, optimize=True)

    v = rotate(matrices.velocity)
    vv = np.einsum("k,kn,kinm,km,kjmn->ij", points.weights, low, v, high, v, optimize=True)
    sums = {"even": vv.real, "odd": vv.imag}
    if "spin" in model.operators:
        s = rotate(matrices.operators["spin"])
        current = 0.5 * (np.einsum("kiab,kjbc->kijac", v, s) + np.einsum("kjab,kibc->kijac", s, v))
        hall = np.einsum("k,kn,kijnm,km,klmn->ilj", points.weights, low, current, high, v, optimize=True)
        sums |= {"spin hall": hall.imag, "spin": np.einsum("k,kn,kinn->i", points.weights, low, s).real}
    return sums


LEGS: dict[str, tuple[tuple[Leg, ...], int]] = {
    "even": (("polar", "polar"), 1),
    "odd": (("polar", "polar"), -1),
    "spin hall": (SPIN_HALL, 1),
    "spin": (("axial",), -1),
}


@pytest.mark.parametrize(
    ("model", "operations", "present"),
    [
        (rashba_square(alpha=0.5), 16, {"even", "spin hall"}),
        (rashba_square(alpha=0.5, mass=0.6), 8, {"even", "odd", "spin hall", "spin"}),
        (magnetised_rashba(alpha=0.5, magnetisation=(0.4, 0.0, 0.0)), 4, {"even", "spin hall", "spin"}),
        (haldane(t2=0.2, mass=0.3), 12, {"even", "odd"}),
        (kane_mele(lambda_so=0.1, lambda_r=0.15), 24, {"even", "spin hall"}),
    ],
    ids=["Rashba", "massive Rashba", "magnetised Rashba", "Haldane", "Kane-Mele"],
)
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_reduced_and_symmetrised_sum_equals_the_sum_over_the_full_mesh(
    model: TightBinding, operations: int, present: set[str], shift: float
) -> None:
    group = find_symmetry(model, operators=tuple(model.operators)).group
    assert group.size == operations
    mesh = UniformMesh((9, 9, 1), (shift, shift, 0.0))
    full, reduced = responses_on(model, mesh, None), responses_on(model, mesh, group)
    assert len(mesh.irreducible(group)) < mesh.size
    for name, value in full.items():
        assert (np.max(np.abs(value)) > 1e-3) == (name in present), name
        legs, time_reversal = LEGS[name]
        # A shifted mesh need not be symmetric itself, so both sides are projected.
        expected = invariant_part(value, legs, time_reversal, group)
        if shift == 0:
            np.testing.assert_allclose(value, expected, atol=1e-12)
        np.testing.assert_allclose(invariant_part(reduced[name], legs, time_reversal, group), expected, atol=1e-12)
    assert np.max(np.abs(reduced["even"] - full["even"])) > 1e-6


def test_unknown_legs_signs_and_shapes_are_refused() -> None:
    group = SymmetryGroup.identity()
    with pytest.raises(SymmetryError, match="write 'polar' or 'axial'"):
        projection_matrix(("polar", "pseudo"), 1, group)  # type: ignore[arg-type]
    with pytest.raises(SymmetryError, match="time_reversal is 2"):
        projection_matrix(("polar",), 2, group)
    with pytest.raises(SymmetryError, match="last axes of length 3"):
        invariant_part(np.zeros((3, 2)), ("polar", "polar"), 1, group)


@pytest.mark.parametrize(("legs", "sign"), [(("polar", "unknown"), 0), (("axial",), 0), ((), 0), (("unknown",), 1)])
def test_a_law_that_is_not_stated_leaves_only_the_identity(legs: tuple[Leg, ...], sign: int) -> None:
    np.testing.assert_array_equal(projection_matrix(legs, sign, SymmetryGroup.identity()), np.eye(3 ** len(legs)))
    inversion = SymmetryGroup(np.array([np.eye(3), -np.eye(3)]), np.array([np.eye(3), -np.eye(3)]), [False, False])
    with pytest.raises(SymmetryError, match="does not state how it turns"):
        projection_matrix(legs, sign, inversion)
