"""Reduced meshes integrate like full ones, count orbits as known, and hand out whole lines of k points."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from solenoidal.errors import ConfigError
from solenoidal.integrate.meshes import KPoints, RefinedMesh, SymmetricMeshes, UniformMesh, blocks, random_shifts
from solenoidal.symmetry.search import SymmetryGroup

SC = np.eye(3)
FCC = 2.0 * np.array([[-1.0, 0, 1], [0, 1, 1], [-1, 1, 0]])
BCC = np.array([[1.0, 1, 1], [-1, 1, 1], [-1, -1, 1]])


def cubic_rotations() -> NDArray[np.float64]:
    """The 48 signed permutation matrices."""
    rows = [np.eye(3)[list(p)] for p in itertools.permutations(range(3))]
    return np.array([row * np.array(s)[:, None] for row in rows for s in itertools.product([1, -1], repeat=3)])


def cubic(lattice: NDArray[np.float64], *, time_reversal: bool = True) -> SymmetryGroup:
    R = cubic_rotations()
    if not time_reversal:
        return SymmetryGroup.from_rotations(R, np.zeros(48, dtype=bool), lattice=lattice, dimension=3)
    flags = np.repeat([False, True], 48)
    return SymmetryGroup.from_rotations(np.concatenate([R, R]), flags, lattice=lattice, dimension=3)


def magnetic(lattice: NDArray[np.float64]) -> SymmetryGroup:
    """4/mm'm', magnetisation along z: operations that keep the axial vector z, or reverse it together with time."""
    R = cubic_rotations()
    turned = np.linalg.det(R) * R[:, 2, 2]
    keeps = np.abs(turned) > 0.5
    return SymmetryGroup.from_rotations(R[keeps], turned[keeps] < 0, lattice=lattice, dimension=3)


def symmetric_function(k: NDArray[np.float64], group: SymmetryGroup) -> NDArray[np.float64]:
    """A random trigonometric polynomial summed over the group, (nk,)."""
    rng = np.random.default_rng(11)
    R = rng.integers(-4, 5, (6, 3))
    a, b = rng.normal(size=(2, 6))
    total = np.zeros(len(k))
    for M in group.k_rotations:
        phase = 2 * np.pi * (k @ M.T) @ R.T
        total += np.cos(phase) @ a + np.sin(phase) @ b
    return total / group.size


def orbits_by_search(mesh: UniformMesh, group: SymmetryGroup) -> list[int]:
    """Orbit sizes found by following every point through the group with a dictionary."""
    N, s = np.array(mesh.divisions), np.array(mesh.shift)
    left = set(itertools.product(*(range(n) for n in mesh.divisions)))
    sizes = []
    while left:
        k = (np.array(min(left)) + s) / N
        star = {tuple(int(x) for x in np.rint((M @ k) * N - s) % N) for M in group.k_rotations}
        left -= star
        sizes.append(len(star))
    return sorted(sizes)


@pytest.mark.parametrize(
    ("lattice", "n", "shift", "count"),
    [
        (SC, 4, 0.0, 10),
        (SC, 6, 0.0, 20),
        (SC, 4, 0.5, 4),
        (SC, 8, 0.5, 20),
        (FCC, 4, 0.0, 8),
        (FCC, 6, 0.0, 16),
        (FCC, 8, 0.0, 29),
    ],
)
def test_number_of_irreducible_points_is_the_known_one(
    lattice: NDArray[np.float64], n: int, shift: float, count: int
) -> None:
    points = UniformMesh((n, n, n), (shift,) * 3).irreducible(cubic(lattice))
    assert len(points) == count
    assert points.weights.sum() == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("n", [4, 7])
@pytest.mark.parametrize("lattice", [FCC, BCC], ids=["fcc", "bcc"])
def test_orbits_equal_those_of_a_direct_search(lattice: NDArray[np.float64], n: int) -> None:
    for group in (cubic(lattice), magnetic(lattice)):
        mesh = UniformMesh((n, n, n))
        found = np.sort(np.rint(mesh.irreducible(group).weights * n**3).astype(int))
        assert found.tolist() == orbits_by_search(mesh, group)


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.0, 0.0, 0.5), (0.5, 0.0, 0.0)])
@pytest.mark.parametrize("lattice", [SC, FCC, BCC], ids=["sc", "fcc", "bcc"])
@pytest.mark.parametrize("divisions", [(4, 4, 4), (5, 5, 5), (4, 4, 6)])
def test_reduced_mean_of_a_symmetric_function_equals_the_full_mean(
    divisions: tuple[int, int, int], lattice: NDArray[np.float64], shift: tuple[float, float, float]
) -> None:
    for group in (cubic(lattice), cubic(lattice, time_reversal=False), magnetic(lattice)):
        mesh = UniformMesh(divisions, shift)
        full, reduced = mesh.full(), mesh.irreducible(group)
        assert len(reduced) < len(full)
        values = symmetric_function(full.k, group) ** 3
        assert np.std(values) > 1e-3
        scale = full.weights @ np.abs(values)
        expected = full.weights @ values
        assert abs(expected) > 1e-4 * scale
        of_orbits = symmetric_function(reduced.k, group) ** 3
        if np.ptp(reduced.weights) > 0:
            assert abs(expected - np.mean(of_orbits)) > 1e-4 * scale
        found = reduced.weights @ of_orbits
        assert abs(found - expected) < 1e-13 * scale


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5)])
@pytest.mark.parametrize("lattice", [SC, FCC, BCC], ids=["sc", "fcc", "bcc"])
def test_random_representatives_stand_for_the_same_orbits(
    lattice: NDArray[np.float64], shift: tuple[float, float, float]
) -> None:
    for group in (cubic(lattice), magnetic(lattice)):
        mesh = UniformMesh((5, 5, 5), shift)
        wedge, scattered = mesh.irreducible(group), mesh.irreducible(group, seed=3)
        assert not np.array_equal(np.sort(wedge.k, axis=0), np.sort(scattered.k, axis=0))
        np.testing.assert_array_equal(np.sort(scattered.weights), np.sort(wedge.weights))
        values = symmetric_function(wedge.k, group)
        np.testing.assert_allclose(
            scattered.weights @ symmetric_function(scattered.k, group) ** 3, wedge.weights @ values**3, atol=1e-13
        )
        assert {tuple(k) for k in scattered.k.round(12)} <= {tuple(k) for k in mesh.full().k.round(12)}
        again = mesh.irreducible(group, seed=3)
        np.testing.assert_array_equal(again.k, scattered.k)


def test_random_representatives_are_unbiased_where_the_symmetry_is_only_near() -> None:
    """The mean over seeds approaches the mean over the full mesh, from which the wedge stays away."""
    mesh, group = UniformMesh((6, 6, 6)), cubic(FCC)
    full, wedge = mesh.full(), mesh.irreducible(group)

    def lopsided(k: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.sin(2 * np.pi * k[:, 0]) + np.cos(2 * np.pi * (k[:, 0] + 2 * k[:, 1])))

    expected = full.weights @ lopsided(full.k)
    means = np.array([p.weights @ lopsided(p.k) for p in (mesh.irreducible(group, seed) for seed in range(400))])
    error = means.std(ddof=1) / np.sqrt(len(means))
    assert abs(means.mean() - expected) < 4 * error
    assert abs(wedge.weights @ lopsided(wedge.k) - expected) > 8 * error


def test_unequal_divisions_keep_only_the_operations_that_map_the_mesh() -> None:
    tetragonal = UniformMesh((4, 4, 6)).irreducible(cubic(SC))
    assert len(tetragonal) == 6 * 4
    assert tetragonal.weights.sum() == pytest.approx(1.0, abs=1e-14)


@given(st.tuples(*[st.floats(0.01, 0.49)] * 3).filter(lambda s: len({round(x, 3) for x in s}) == 3))
def test_a_generic_shift_leaves_nothing_to_reduce(shift: tuple[float, float, float]) -> None:
    mesh = UniformMesh((4, 4, 4), shift)
    assert len(mesh.irreducible(cubic(SC))) == 64


def test_a_shift_of_a_whole_step_changes_nothing() -> None:
    np.testing.assert_array_equal(UniformMesh((3, 4, 5), (1.0, -2.0, 7.25)).full().k[0], [0, 0, 0.05])
    assert UniformMesh((3, 4, 5), (-1e-18, 0.0, 0.0)).shift == (0.0, 0.0, 0.0)


def test_full_mesh_covers_the_zone_once() -> None:
    k = UniformMesh((3, 4, 5), (0.2, 0.0, 0.5)).full().k
    assert np.all((k >= 0) & (k < 1))
    assert len(np.unique(np.round(k, 9), axis=0)) == 60


def test_points_of_one_line_are_consecutive() -> None:
    k = UniformMesh((8, 8, 8)).irreducible(cubic(FCC)).k
    lines = [tuple(x) for x in k[:, :2]]
    runs = 1 + sum(a != b for a, b in itertools.pairwise(lines))
    assert runs == len(set(lines)) < len(lines)


@pytest.mark.parametrize("block_size", [1, 3, 7, 8, 20, 1000])
def test_blocks_hold_every_point_once_and_cut_only_lines_that_do_not_fit(block_size: int) -> None:
    points = UniformMesh((6, 6, 6)).irreducible(magnetic(FCC))
    found = list(blocks(points, block_size))
    assert [block.index for block in found] == list(range(len(found)))
    np.testing.assert_array_equal(np.concatenate([block.k for block in found]), points.k)
    np.testing.assert_array_equal(np.concatenate([block.weights for block in found]), points.weights)
    assert max(len(block.k) for block in found) <= block_size
    for before, after in itertools.pairwise(found):
        if tuple(before.k[-1, :2]) == tuple(after.k[0, :2]):
            line = np.sum(np.all(points.k[:, :2] == after.k[0, :2], axis=1))
            assert line > block_size


def test_blocks_are_filled_with_as_many_whole_lines_as_fit() -> None:
    points = UniformMesh((4, 4, 5)).full()
    assert [len(block.k) for block in blocks(points, 17)] == [15] * 5 + [5]


def test_an_empty_set_of_points_has_no_blocks() -> None:
    assert list(blocks(KPoints(np.zeros((0, 3)), np.zeros(0)), 4)) == []


def test_shifts_are_reproducible_extendable_and_confined_to_periodic_directions() -> None:
    few, many = random_shifts(3, 7, 2), random_shifts(50, 7, 2)
    np.testing.assert_array_equal(few, many[:3])
    assert not np.any(many[:, 2])
    assert len(np.unique(many[:, 0])) == 50
    assert not np.allclose(many, random_shifts(50, 8, 2))


def test_standard_error_of_shifted_meshes_covers_the_true_integral() -> None:
    # ∫ exp(3 cos 2πx) dx = I0(3) on a mesh too coarse for it: the error bar must be right on average.
    true, n, replicas = float(np.i0(3.0)), 3, 4
    deviation, estimate = [], []
    for seed in range(300):
        means = [
            np.mean(np.exp(3 * np.cos(2 * np.pi * UniformMesh((n, 1, 1), tuple(s)).full().k[:, 0])))
            for s in random_shifts(replicas, seed, 1)
        ]
        deviation.append(np.mean(means) - true)
        estimate.append(np.var(means, ddof=1) / replicas)
    assert np.mean(np.square(deviation)) > 1e-4
    assert np.mean(estimate) == pytest.approx(np.mean(np.square(deviation)), rel=0.25)


@pytest.mark.parametrize("divisions", [(0, 4, 4), (4, 4), (4.0, 4.0, 4.0), (4, 4, -1)])
def test_divisions_that_are_not_positive_integers_are_refused(divisions: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigError, match="mesh divisions"):
        UniformMesh(divisions)


def test_other_bad_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match="mesh shift"):
        UniformMesh((2, 2, 2), (0.0, float("nan"), 0.0))
    with pytest.raises(ConfigError, match="block_size"):
        list(blocks(UniformMesh((2, 2, 2)).full(), 0))
    with pytest.raises(ConfigError, match="replicas"):
        random_shifts(0, 1, 3)
    with pytest.raises(ConfigError, match="dimension"):
        random_shifts(2, 1, 4)


def test_symmetric_meshes_come_in_pairs_of_growing_divisions_unshifted_and_shifted_by_half_a_step() -> None:
    expected = [((7, 7, 1), 0.0), ((7, 7, 1), 0.5), ((8, 8, 1), 0.0), ((8, 8, 1), 0.5), ((9, 9, 1), 0.0)]
    members = SymmetricMeshes(7, 2).members(5)
    assert members == [UniformMesh(divisions, (half, half, 0.0)) for divisions, half in expected]
    for arguments in ((0, 2), (7, 0), (7, 4)):
        with pytest.raises(ConfigError, match="symmetric meshes have"):
            SymmetricMeshes(*arguments)


def test_a_refined_mesh_counts_its_points_and_knows_the_mesh_of_its_coarsest_cells() -> None:
    subdivisions = np.full((4, 3, 1), 2)
    subdivisions[1, 2, 0] = 6
    mesh = RefinedMesh(subdivisions, 2)
    assert mesh.divisions == (8, 6, 1)
    assert mesh.size == 11 * 4 + 36 == len(mesh.full().k)
    assert mesh.refined_share == pytest.approx(36 / 80)
    assert RefinedMesh(np.full((2, 3, 4), 5), 3).divisions == (10, 15, 20)


@pytest.mark.parametrize(
    ("subdivisions", "dimension", "shift", "message"),
    [
        ((2, 2, 1), 2, (np.nan, 0.1, 0.0), "mesh shift is"),
        ((2, 2, 1), 2, (0.1, np.inf, 0.0), "mesh shift is"),
        ((2, 2, 1), 2, (0.1, 0.1), "mesh shift is"),
        ((2, 2, 2), 2, (0.0, 0.0, 0.0), "expected length 1 along"),
        ((2, 1, 1), 4, (0.0, 0.0, 0.0), "expected length 1 along"),
    ],
)
def test_refined_meshes_that_cannot_be_are_refused(
    subdivisions: tuple[int, ...], dimension: int, shift: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        RefinedMesh(np.full(subdivisions, 3), dimension, shift)  # type: ignore[arg-type]
