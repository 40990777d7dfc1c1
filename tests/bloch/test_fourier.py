"""Both routes of the Fourier sum give the same numbers, wherever the k points lie."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from solenoidal import lanes
from solenoidal.arrays import RealArray
from solenoidal.bloch.fourier import LatticeFourier
from solenoidal.lanes.rods import RodSums, runs


def random_sum(seed: int, extent: tuple[int, int, int] = (3, 2, 4), columns: int = 7) -> LatticeFourier:
    """Random coefficients on a random part of a box that is not centred on the origin."""
    rng = np.random.default_rng(seed)
    box = np.array(list(itertools.product(*(range(-n, n + 2) for n in extent))))
    R = box[np.sort(rng.permutation(len(box))[: max(1, (2 * len(box)) // 3)])]
    shape = (len(R), columns)
    return LatticeFourier.build(R, rng.normal(size=shape) + 1j * rng.normal(size=shape))


def phases(k: RealArray, R: NDArray[np.int64]) -> NDArray[np.complex128]:
    return np.asarray(np.exp(2j * np.pi * (k @ R.T)))


def by_definition(series: LatticeFourier, k: RealArray) -> NDArray[np.complex128]:
    """Σ_R e^{2πi k·R} X_R, one k after the other."""
    out = [
        sum(np.exp(2j * np.pi * (point @ R)) * X for R, X in zip(series.R, series.coefficients, strict=True))
        for point in k
    ]
    return np.array(out)


def by_factors(series: LatticeFourier, k: RealArray) -> NDArray[np.complex128]:
    return next(factorised(series).parts(k[:, series.axes], len(k)))


def factorised(series: LatticeFourier) -> RodSums:
    if not lanes.available:
        pytest.skip("no compiler: the factorised sum exists in lanes only")
    return series._rods


def directly(series: LatticeFourier, k: RealArray) -> NDArray[np.complex128]:
    return series._direct(k[:, series.axes])


def on_lines(rng: np.random.Generator, planes: int, lines: int, points: int) -> RealArray:
    """Random planes, random lines on them, random points on those; as many as asked, in order."""
    k = [
        (a, b, c)
        for a in rng.uniform(-1, 1, planes)
        for b in rng.uniform(-1, 1, lines)
        for c in rng.uniform(-1, 1, points)
    ]
    return np.array(k)


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5))
def test_direct_and_factorised_routes_agree_on_lines_and_planes(
    seed: int, planes: int, lines: int, points: int
) -> None:
    rng = np.random.default_rng(seed)
    series = random_sum(seed)
    k = on_lines(rng, planes, lines, points)
    direct = phases(k, series.R) @ series.coefficients
    assert np.abs(direct).max() > 0.1
    np.testing.assert_allclose(directly(series, k), direct, rtol=0, atol=1e-12 * np.abs(direct).max())
    np.testing.assert_allclose(by_factors(series, k), direct, rtol=0, atol=1e-12 * np.abs(direct).max())


def test_lattice_vectors_need_not_come_in_pairs() -> None:
    rng = np.random.default_rng(1)
    R = np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 2, -1], [-3, 1, 0]])
    series = LatticeFourier.build(R, rng.normal(size=(5, 4)) + 1j * rng.normal(size=(5, 4)))
    k = rng.uniform(size=(6, 3))
    np.testing.assert_allclose(directly(series, k), by_definition(series, k), rtol=0, atol=1e-13)


def test_all_routes_are_the_sum_they_stand_for() -> None:
    series = random_sum(3)
    rng = np.random.default_rng(0)
    k = on_lines(rng, 2, 2, 3)
    expected = by_definition(series, k)
    np.testing.assert_allclose(phases(k, series.R) @ series.coefficients, expected, atol=1e-12)
    np.testing.assert_allclose(by_factors(series, k), expected, atol=1e-12)
    np.testing.assert_allclose(series.at(k), expected, atol=1e-12)


@pytest.mark.parametrize("size", [1, 4, 7, 18, 40])
@pytest.mark.parametrize("ordered", [True, False])
def test_parts_cut_across_lines_and_planes_are_the_whole(size: int, ordered: bool) -> None:
    series = random_sum(4, (2, 2, 2))
    rng = np.random.default_rng(2)
    k = on_lines(rng, 2, 3, 3) if ordered else rng.uniform(size=(18, 3))
    parts = list(series.parts(k, size))
    assert [len(part) for part in parts] == [min(size, 18 - start) for start in range(0, 18, size)]
    np.testing.assert_allclose(np.concatenate(parts), by_definition(series, k), rtol=0, atol=1e-12)


@pytest.mark.parametrize("columns", [1, 7, 8, 13, 128, 129, 300])
@pytest.mark.parametrize("size", [5, 11, 64])
def test_any_number_of_columns_and_any_cut_of_the_points_give_the_same_sums(columns: int, size: int) -> None:
    """Chunks of columns that are full, nearly empty or fewer than one step, lines that go on in the next run."""
    series = random_sum(11, (2, 1, 2), columns)
    k = on_lines(np.random.default_rng(3), 3, 3, 7)
    whole = by_definition(series, k)
    parts = list(factorised(series).parts(k[:, series.axes], size))
    assert [len(part) for part in parts] == [min(size, 63 - start) for start in range(0, 63, size)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=1e-12 * np.abs(whole).max())


@pytest.mark.parametrize("flat", [(0,), (2,), (0, 2), (0, 1), (0, 1, 2)], ids=str)
def test_sums_of_fewer_dimensions_share_lines_along_a_periodic_direction(flat: tuple[int, ...]) -> None:
    rng = np.random.default_rng(6)
    R = np.array(list(itertools.product(*([0] if axis in flat else range(-2, 2) for axis in range(3)))))
    series = LatticeFourier.build(R, rng.normal(size=(len(R), 5)) + 1j * rng.normal(size=(len(R), 5)))
    assert series.axes[: len(flat)] == flat
    mesh = np.array(list(itertools.product(*([0.0] if axis in flat else np.arange(6) / 6 for axis in range(3)))))
    np.testing.assert_allclose(series.at(mesh), by_definition(series, mesh), rtol=0, atol=1e-12)
    np.testing.assert_allclose(by_factors(series, mesh), by_definition(series, mesh), rtol=0, atol=1e-12)


def test_the_choice_of_route_does_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mesh is factorised, the same points in random order are summed directly."""
    series = random_sum(5, (2, 2, 2))
    taken: list[str] = []
    parts = RodSums.parts
    routes = ["factorised"] if lanes.available else []

    def watched(self: RodSums, k: RealArray, size: int) -> Iterator[NDArray[np.complex128]]:
        taken.append("factorised")
        return parts(self, k, size)

    monkeypatch.setattr(RodSums, "parts", watched)
    mesh = np.array(list(itertools.product(*(np.arange(8) / 8 for _ in range(3)))))
    ordered = series.at(mesh)
    assert taken == routes
    order = np.random.default_rng(1).permutation(len(mesh))
    scattered = series.at(mesh[order])
    assert taken == routes
    np.testing.assert_allclose(scattered, ordered[order], rtol=0, atol=1e-12 * np.abs(ordered).max())


def test_a_lattice_vector_added_to_k_changes_nothing() -> None:
    series = random_sum(9)
    k = np.random.default_rng(4).uniform(-0.5, 0.5, (20, 3))
    shifted = k + np.random.default_rng(5).integers(-3, 4, (20, 3))
    np.testing.assert_allclose(series.at(shifted), series.at(k), atol=1e-10)


def test_runs_start_where_a_row_changes() -> None:
    rows = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 2.0], [1.0, 2.0], [1.0, 2.0], [0.0, 1.0]])
    assert runs(rows).tolist() == [0, 2, 3, 5, 6]
    assert runs(rows[:, :1]).tolist() == [0, 3, 5, 6]
