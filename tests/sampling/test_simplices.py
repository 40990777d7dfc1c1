"""Weights of one simplex: the published formulas for tetrahedra, laws in every dimension, and how cells are cut."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.optimize import brentq

from solenoidal.sampling.simplices import cell_simplices, parabola_fit, simplex_weights
from solenoidal.sampling.tetrahedra import Rule
from support.reference import RealArray

RULES: tuple[Rule, ...] = ("linear", "blochl", "fitted")

CORNERS = {
    "segment": [0.3, -0.4],
    "triangle": [0.2, 0.9, -0.5],
    "triangle with an edge on a level": [0.2, 0.9, 0.2],
    "tetrahedron": [0.5, -0.3, 1.1, 0.1],
    "tetrahedron with a level edge": [0.1, -0.3, 1.1, 0.1],
    "tetrahedron with a level face": [0.1, 0.1, 1.1, 0.1],
    "tetrahedron with two level edges": [0.1, 0.8, 0.8, 0.1],
}


def weights(corners: RealArray, mu: RealArray, rule: Rule = "linear") -> RealArray:
    """Weights (3, mu, corner) of θ, δ and min(ε − μ, 0) of one simplex of unit volume."""
    size = len(corners)
    # A ring of as many points as corners: the simplex of every cell of the ring has the same corners.
    ring = np.zeros((1, size, 3), dtype=np.int64)
    ring[0, :, 0] = np.arange(size)
    found = simplex_weights(corners[:, None], np.arange(size), (size, 1, 1), ring, mu, rule)
    return found.reshape(size, 3, len(mu)).transpose(1, 2, 0)


def published(e: RealArray, mu: float) -> RealArray:
    """Weights of θ by Blöchl, Jepsen and Andersen, appendix B, for ascending energies ``e``."""
    d, x = e[:, None] - e[None, :], mu - e
    if mu <= e[1]:
        C = x[0] ** 3 / (4 * d[1, 0] * d[2, 0] * d[3, 0])
        return np.array([C * (4 - np.sum(x[0] / d[1:, 0])), *(C * x[0] / d[1:, 0])])
    if mu <= e[2]:
        C1 = x[0] ** 2 / (4 * d[3, 0] * d[2, 0])
        C2 = -x[0] * x[1] * x[2] / (4 * d[3, 0] * d[2, 1] * d[2, 0])
        C3 = -(x[1] ** 2) * x[3] / (4 * d[3, 1] * d[2, 1] * d[3, 0])
        return np.array(
            [
                C1 - (C1 + C2) * x[2] / d[2, 0] - (C1 + C2 + C3) * x[3] / d[3, 0],
                C1 + C2 + C3 - (C2 + C3) * x[2] / d[2, 1] - C3 * x[3] / d[3, 1],
                (C1 + C2) * x[0] / d[2, 0] + (C2 + C3) * x[1] / d[2, 1],
                (C1 + C2 + C3) * x[0] / d[3, 0] + C3 * x[1] / d[3, 1],
            ]
        )
    C = -(x[3] ** 3) / (4 * d[3, 0] * d[3, 1] * d[3, 2])
    return np.array([*(0.25 + C * x[3] / d[3, :3]), 0.25 - C * (4 + np.sum(x[3] / d[3, :3]))])


def test_tetrahedra_have_the_published_weights() -> None:
    energies = np.array([-0.3, 0.1, 0.5, 1.1])
    mu = np.array([-0.1, 0.09, 0.2, 0.45, 0.6, 1.05])
    np.testing.assert_allclose(weights(energies, mu)[0], [published(energies, m) for m in mu], rtol=0, atol=1e-15)


def test_the_curvature_correction_is_the_published_one() -> None:
    energies, mu = np.array([-0.3, 0.1, 0.5, 1.1]), np.array([0.2, 0.6, 2.0])
    plain, repaired = weights(energies, mu), weights(energies, mu, "blochl")
    correction = plain[1].sum(axis=1)[:, None] * (energies.sum() - 4 * energies) / 40
    assert np.abs(correction[:2]).min() > 1e-4
    np.testing.assert_allclose(repaired[0] - plain[0], correction, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(repaired[1], plain[1])
    np.testing.assert_allclose(repaired[2], plain[2], rtol=0, atol=1e-15)


@pytest.mark.parametrize("rule", RULES)
def test_the_order_and_number_of_levels_do_not_matter(rule: Rule) -> None:
    """Sums over levels are taken from the lowest to the highest, whatever the order asked for."""
    corners = np.array(CORNERS["tetrahedron"])
    mu = np.array([0.6, -0.1, 3.0, 0.2, -1.0, 0.45])
    together, alone = weights(corners, mu, rule), [weights(corners, mu[[m]], rule)[:, 0] for m in range(len(mu))]
    assert np.abs(together).max(axis=(1, 2)).min() > 0.2
    np.testing.assert_allclose(together, np.stack(alone, axis=1), rtol=0, atol=2e-15)


@pytest.mark.parametrize("rule", RULES)
def test_threads_that_share_the_bands_give_the_same_weights(rule: Rule) -> None:
    rng = np.random.default_rng(3)
    energies, divisions = np.sort(rng.normal(size=(60, 5)), axis=1), (3, 4, 5)
    arguments = (energies, np.arange(60), divisions, cell_simplices(divisions, np.eye(3), 3), np.array([1.3, -0.2]))
    expected = simplex_weights(*arguments, rule)
    for threads in (1, 2, 7):
        with ThreadPoolExecutor(threads) as pool:
            np.testing.assert_array_equal(simplex_weights(*arguments, rule, pool=pool), expected)
    assert (np.abs(expected).max(axis=(0, 2)) > 1e-3).all(), "every band must count"


@pytest.mark.parametrize("name", CORNERS)
def test_each_kernel_is_the_derivative_of_the_next(name: str) -> None:
    """∂f/∂μ = δ and ∂g/∂μ = −f, corner by corner."""
    corners, h = np.array(CORNERS[name]), 1e-5
    mu = np.linspace(corners.min() - 0.2, corners.max() + 0.2, 38)
    up, down, here = (weights(corners, mu + s) for s in (h, -h, 0.0))
    slope = (up - down) / (2 * h)
    assert np.abs(here).max(axis=(1, 2)).min() > 0.1
    np.testing.assert_allclose(slope[0], here[1], rtol=0, atol=1e-8)
    np.testing.assert_allclose(slope[2], -here[0], rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", CORNERS)
def test_corners_are_averages_over_the_simplex(name: str) -> None:
    """⟨λ_i κ(Σ λ_j ε_j)⟩ by sampling the simplex."""
    corners = np.array(CORNERS[name])
    samples = np.random.default_rng(4).dirichlet(np.ones(len(corners)), size=400_000)
    energies, mu = samples @ corners, 0.25
    found = weights(corners, np.array([mu]))[:, 0]
    # At least five times the spread of the sample means, 1 / sqrt(400 000) of values below 1 at most.
    np.testing.assert_allclose(found[0], (samples * (energies < mu)[:, None]).mean(axis=0), rtol=0, atol=8e-3)
    low = np.minimum(energies - mu, 0.0)
    np.testing.assert_allclose(found[2], (samples * low[:, None]).mean(axis=0), rtol=0, atol=8e-3)


@pytest.mark.parametrize("name", CORNERS)
def test_a_simplex_is_empty_below_its_corners_and_full_above(name: str) -> None:
    corners = np.array(CORNERS[name])
    empty, full = weights(corners, np.array([corners.min() - 0.1, corners.max() + 0.1])).transpose(1, 0, 2)
    assert np.all(empty == 0)
    np.testing.assert_allclose(full[0], 1 / len(corners), rtol=1e-14)
    assert np.all(full[1] == 0)
    np.testing.assert_allclose(full[2].sum(), corners.mean() - corners.max() - 0.1, rtol=1e-13)


def test_a_simplex_on_one_level_is_half_full_there() -> None:
    found = weights(np.array([0.2, 0.2, 0.2 + 1e-15, 0.2]), np.array([0.1, 0.2, 0.3]))
    np.testing.assert_allclose(found[0].sum(axis=1), [0.0, 0.5, 1.0], rtol=1e-14)
    assert np.all(found[1] == 0)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_simplices_fill_the_cell_and_share_its_shortest_diagonal(dimension: int) -> None:
    rng = np.random.default_rng(dimension)
    for _ in range(5):
        reciprocal, divisions = np.eye(3), (4, 5, 6)
        reciprocal[:dimension, :dimension] = rng.normal(size=(dimension, dimension))
        corners = cell_simplices(divisions, reciprocal, dimension)[:, :, :dimension]
        steps = (reciprocal / np.array(divisions)[:, None])[:dimension, :dimension]
        volumes = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1]))
        np.testing.assert_allclose(volumes, 1.0)
        assert len(volumes) == len({tuple(sorted(map(tuple, s.tolist()))) for s in corners}) == [1, 2, 6][dimension - 1]
        assert corners.min() == 0
        assert corners.max() == 1
        shared = (corners[:, -1] - corners[:, 0]) @ steps
        signs = [1 - 2 * np.array([0, *s]) for s in np.ndindex(*[2] * (dimension - 1))]
        shortest = min(float(np.linalg.norm(sign @ steps)) for sign in signs)
        np.testing.assert_allclose(np.linalg.norm(shared, axis=1), shortest)


def test_the_curvature_correction_improves_the_energy_of_a_given_number_of_electrons() -> None:
    """Σ f ε of ε = −Σ_i cos k_i with 0.4 electrons per cell; the plain rule finds it at second order only."""

    def energy(N: int, rule: Rule) -> float:
        k = 2 * np.pi * np.arange(N) / N
        band = -np.add.outer(np.add.outer(np.cos(k), np.cos(k)), np.cos(k)).reshape(-1, 1)
        place, corners = np.arange(N**3), cell_simplices((N, N, N), np.eye(3), 3)

        def filled(mu: float) -> RealArray:
            return simplex_weights(band, place, (N, N, N), corners, np.array([mu]), rule)[:, 0, 0]

        mu = brentq(lambda m: filled(m).sum() - 0.4, -1.5, 0.5, xtol=1e-12)
        return float(filled(mu) @ band[:, 0])

    exact = energy(40, "fitted")
    linear, corrected, fitted = (abs(energy(12, rule) - exact) for rule in RULES)
    assert corrected < linear / 10
    assert fitted < linear / 10


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_fit_is_the_best_linear_function_for_a_parabola(dimension: int) -> None:
    """Its distance to the parabola is orthogonal to every linear function on the simplex."""
    rng = np.random.default_rng(dimension)
    corners = cell_simplices((1, 1, 1), np.eye(3), dimension)
    points, fit = parabola_fit(corners)
    hessian = rng.normal(size=(3, 3))

    def parabola(x: RealArray) -> RealArray:
        return 0.3 + x @ np.array([0.2, -0.7, 0.4]) + np.einsum("...i,ij,...j->...", x, hessian, x)

    samples = rng.dirichlet(np.ones(dimension + 1), size=200_000)
    for used, corner in zip(points, corners, strict=True):
        distance = parabola(samples @ corner) - samples @ (fit @ parabola(used.astype(float)))
        assert np.abs(distance).max() > 0.05
        np.testing.assert_allclose((samples * distance[:, None]).mean(axis=0), 0.0, atol=3e-3)
    np.testing.assert_allclose(fit.sum(axis=1), 1.0)
