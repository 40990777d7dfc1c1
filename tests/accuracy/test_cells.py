"""Refined meshes and cells: unbiased weights, parts that add up to the result, and fewer points where spikes are."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.accuracy.allocation import FLOOR, Plan, Refinement, best_shape, star_variances
from solenoidal.accuracy.cells import CellRule, CellTally, Target, star_numbers
from solenoidal.errors import ConfigError
from solenoidal.integrate.executors import SerialExecutor
from solenoidal.integrate.meshes import RefinedMesh, SymmetricMeshes, UniformMesh
from solenoidal.integrate.solve import Progress, integrate
from solenoidal.integrate.tolerance import widening_factor
from solenoidal.models.continuum import PolynomialHamiltonian
from solenoidal.models.library import kane_mele, luttinger, random_model
from solenoidal.models.library.topological import haldane
from solenoidal.responses.response import Response
from solenoidal.symmetry.search import SymmetryGroup, find_symmetry

SEMICLASSICAL = ("semiclassical", "conventional")
NARROW = haldane(t2=0.06, mass=0.06 * 3 * 3**0.5 - 0.02)
"""Gap of 0.04 eV at one corner of the zone: the Berry curvature sits on a thousandth of it."""


def uneven(shape: tuple[int, int, int], dimension: int) -> RefinedMesh:
    rng = np.random.default_rng(3)
    return RefinedMesh(rng.choice([1, 2, 3, 4], size=shape), dimension)


@pytest.mark.parametrize(("shape", "dimension"), [((7, 1, 1), 1), ((4, 5, 1), 2), ((3, 2, 4), 3)])
def test_every_cell_holds_its_weight_and_its_points_whatever_the_shift(
    shape: tuple[int, int, int], dimension: int
) -> None:
    mesh = uneven(shape, dimension)
    for seed in range(3):
        shift = np.random.default_rng(seed).random(3)
        points = mesh.moved(shift.tolist()).full()
        assert len(points) == mesh.size
        cell = np.floor(points.k * np.array(shape)).astype(int)
        cell[:, dimension:] = 0
        flat = np.ravel_multi_index(tuple(cell.T), shape)
        np.testing.assert_array_equal(np.bincount(flat), mesh.subdivisions.ravel() ** dimension)
        np.testing.assert_allclose(np.bincount(flat, points.weights), 1 / np.prod(shape), rtol=1e-12)
        assert np.all(points.k[:, dimension:] == 0)


def test_equal_cells_make_the_uniform_mesh() -> None:
    refined = RefinedMesh(np.full((4, 3, 1), 2), 2).moved((0.3, 0.8, 0.0)).full()
    uniform = UniformMesh((8, 6, 1), (0.3, 0.8, 0.0)).full()
    np.testing.assert_allclose(refined.k, uniform.k, rtol=1e-14)
    np.testing.assert_allclose(refined.weights, uniform.weights, rtol=1e-14)


def test_a_refined_mesh_is_unbiased() -> None:
    mesh = uneven((4, 5, 1), 2)
    # The mean over equidistant shifts is the integral over shifts of a function with few Fourier components.
    values = []
    for u in np.arange(24) / 24:
        for v in np.arange(24) / 24:
            points = mesh.moved((u, v, 0.0)).full()
            wave = np.cos(2 * np.pi * (points.k[:, 0] - 2 * points.k[:, 1])) + np.sin(2 * np.pi * points.k[:, 1]) ** 2
            values.append(points.weights @ wave)
    assert np.std(values) > 1e-2
    np.testing.assert_allclose(np.mean(values), 0.5, atol=1e-3)


def tallied(
    model: sol.TightBinding | sol.ContinuumModel,
    energies: sol.EnergyGrid | sol.FixedPoints,
    mesh: RefinedMesh,
    points: tuple[tuple[float, float], ...],
    *,
    block_size: int | None = None,
    executor: Executor | None = None,
) -> tuple[sol.Result, CellTally, SymmetryGroup]:
    responses: list[Response] = [sol.DensityOfStates(), sol.SpinConductivity()]
    group = find_symmetry(model, operators=tuple(model.operators)).group
    target = Target.build(model, responses, group, energies, "conductivity", SEMICLASSICAL, points)
    divisions = mesh.subdivisions.shape
    tally = CellTally(CellRule(divisions, star_numbers(divisions, group), target))
    numerics = sol.Numerics(mesh=mesh, energies=energies, replicas=3, audit=False, threads=1, block_size=block_size)
    result = integrate(model, responses, numerics, executor=executor, tally=tally)
    return result, tally, group


@pytest.mark.parametrize("sampling", ["points", "grid"])
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_the_stars_add_up_to_the_result_of_every_shifted_mesh(dimension: int, sampling: str) -> None:
    model = random_model(3, dimension, 7)
    shape = (4, 4 if dimension > 1 else 1, 4 if dimension > 2 else 1)
    mu, temperature = -0.4, 1500.0
    points = sol.FixedPoints((mu,), (temperature,))
    grid = sol.EnergyGrid(-30.0, 30.0, 0.01, mu)
    energies = points if sampling == "points" else grid
    result, tally, _ = tallied(model, energies, uneven(shape, dimension), ((mu, temperature),))
    values = result.replica_values("conductivity", mu, temperature)
    sums = tally.sums.sum(axis=1)
    # Components are kept in an orthonormal basis, which leaves the norm of every tensor as it is.
    first = 0
    for output, size in zip(SEMICLASSICAL, tally.rule.target.outputs, strict=True):
        expected = np.linalg.norm(values[output].values.reshape(3, -1), axis=1)
        assert expected.min() > 1e-4
        found = np.linalg.norm(sums[:, first : first + size], axis=1)
        np.testing.assert_allclose(found, expected, rtol=1e-10 if sampling == "points" else 2e-3)
        first += size


def test_neither_blocks_nor_executors_change_the_cells() -> None:
    model, points = kane_mele(lambda_so=0.06, lambda_r=0.05, lambda_v=0.1), ((-0.8, 800.0),)
    energies = sol.FixedPoints((-0.8,), (800.0,))
    _, whole, _ = tallied(model, energies, uneven((6, 6, 1), 2), points)
    assert np.abs(whole.sums).max() > 1e-4
    _, cut, _ = tallied(model, energies, uneven((6, 6, 1), 2), points, block_size=7)
    with ProcessPoolExecutor(1) as pool:
        _, sent, _ = tallied(model, energies, uneven((6, 6, 1), 2), points, executor=pool)
    _, serial, _ = tallied(model, energies, uneven((6, 6, 1), 2), points, executor=SerialExecutor())
    for other in (cut, sent, serial):
        np.testing.assert_allclose(other.sums, whole.sums, atol=1e-13)
    assert pickle.loads(pickle.dumps(whole.rule)).divisions == whole.rule.divisions


def test_stars_are_closed_under_the_operations_that_permute_axes() -> None:
    group = find_symmetry(luttinger(gamma1=6.98, gamma2=2.06, gamma3=2.93, cutoff=0.2), operators=("spin",)).group
    stars = star_numbers((6, 6, 6), group)
    assert np.bincount(stars).max() == 48
    field = np.random.default_rng(0).random(int(stars.max()) + 1)[stars].reshape(6, 6, 6)
    np.testing.assert_array_equal(field, field[::-1, ::-1, ::-1])
    np.testing.assert_array_equal(field, field.transpose(1, 2, 0))


def test_the_allocation_minimises_the_variance_and_starves_no_cell() -> None:
    variance = np.random.default_rng(1).pareto(0.5, 400)
    variance /= variance.sum()
    density, fall, d = np.full(400, 10.0), 5.0, 2
    shape = best_shape(variance, density, fall, d)
    np.testing.assert_allclose(np.mean(shape**d), 1.0, rtol=1e-9)
    assert np.min(shape**d) >= FLOOR * (1 - 1e-9)

    def total(h: np.ndarray) -> float:
        return float(np.sum(variance * (density / h) ** fall))

    assert total(shape) < total(np.ones(400)) / 5
    for seed in range(20):
        other = shape * np.exp(0.05 * np.random.default_rng(seed).standard_normal(400))
        other = np.maximum(other / np.sqrt(np.mean(other**d)), FLOOR ** (1 / d))
        assert total(other / np.sqrt(np.mean(other**d))) > total(shape)


def test_a_plan_survives_the_checkpoint() -> None:
    plan = Plan(np.array([[[1], [2]], [[3], [16]]]), 2)
    again = Plan.decode(json.loads(json.dumps(plan.encode())), 2)
    np.testing.assert_array_equal(again.subdivisions, plan.subdivisions)
    assert again.refined
    assert Plan.uniform(130, 2).mesh == (130, 130, 1)
    symmetric = Plan.reduced(13, 3)
    assert Plan.decode(json.loads(json.dumps(symmetric.encode())), 3).mesh == symmetric.mesh == SymmetricMeshes(13, 3)


def test_the_variance_of_a_star_is_the_unbiased_one_of_its_meshes() -> None:
    """Σ (x − x̄)²/(R − 1) in units of the tolerance, and that of the whole zone over the sum of the stars'."""
    group, points = SymmetryGroup.identity(), ((0.0, 60.0),)
    energies = sol.FixedPoints((0.0,), (60.0,))
    responses = [sol.AnomalousHallConductivity()]
    target = Target.build(NARROW, responses, group, energies, "anomalous_hall", ("anomalous_hall",), points)
    tally = CellTally(CellRule((2, 1, 1), np.array([0, 1]), target))
    tally.sums = np.zeros((3, 2, target.size))
    tally.sums[:, :, 0] = [[1.0, 5.0], [4.0, 2.0], [7.0, 5.0]]
    # Means 4 and 4, Σ (x − x̄)² = 18 and 6 over R − 1 = 2; the zone has 6, 6, 12, Σ = 24.
    stars, cancellation = star_variances(tally, np.array([0.5]))
    np.testing.assert_allclose(stars, np.array([9.0, 3.0]) / 0.5**2, rtol=1e-12)
    assert cancellation == pytest.approx(12.0 / (9.0 + 3.0), rel=1e-12)


def test_told_of_one_spike_the_bookkeeping_asks_for_more_points_there() -> None:
    model, group = NARROW, SymmetryGroup.identity()
    points = sol.FixedPoints((0.0,), (60.0,))
    target = Target.build(
        model, [sol.AnomalousHallConductivity()], group, points, "anomalous_hall", ("anomalous_hall",), ((0.0, 60.0),)
    )
    refinement = Refinement(2, 8, group)
    plan = refinement.ask()
    tally = CellTally(CellRule(plan.subdivisions.shape, plan.stars(group), target))
    noise = np.random.default_rng(0).standard_normal((8, 22 * 22, target.size))
    tally.sums = 1e-4 * noise
    spike = 22 * 5 + 7
    tally.sums[:, spike] *= 1e4
    variances, _ = star_variances(tally, np.array([0.1]))
    assert variances.argmax() == tally.rule.stars[spike]
    refinement.tell(plan, 40.0, 8 * plan.size, tally, np.array([0.1]))
    following = refinement.ask()
    assert following.refined
    cells = following.cells
    i, j = int(5.5 / 22 * cells), int(7.5 / 22 * cells)
    assert following.subdivisions[i, j, 0] == following.subdivisions.max() >= 4
    assert following.subdivisions.min() == 1
    json.dumps(refinement.history)


@pytest.mark.slow
def test_refinement_needs_several_times_fewer_points_for_the_same_true_error_and_its_estimate_covers_it() -> None:
    response, (mu, temperature) = sol.AnomalousHallConductivity(), (0.0, 60.0)
    energies = sol.FixedPoints((mu,), (temperature,))

    def hall(result: sol.Result) -> tuple[float, float]:
        data = result.anomalous_hall(mu, temperature)
        return float(data["anomalous_hall"].values[0, 0, 0, 1]), float(
            data["anomalous_hall_error"].values[0, 0, 0, 1] if result.replicas > 1 else 0.0
        )

    far = sol.solve(NARROW, [response], sol.Numerics(mesh=(1024, 1024, 1), energies=energies, audit=False, threads=1))
    truth, _ = hall(far)
    assert abs(truth) > 0.05
    accuracy = sol.Accuracy(
        (mu,), (temperature,), relative=0.03, quantity="anomalous_hall", outputs=("anomalous_hall",)
    )
    errors, covered, points = [], [], []
    for seed in range(20):
        result = sol.converge(
            NARROW, [response], sol.Numerics(accuracy=accuracy, energies=energies, seed=1000 * seed, threads=1)
        )
        last = result.attrs["convergence"]["history"][-1]
        assert last["largest_subdivision"] >= 4
        assert last["refined_share"] > 0.1
        value, error = hall(result)
        errors.append(value - truth)
        covered.append(abs(value - truth) < 2 * widening_factor(8) * error)
        points.append(last["points"])
    assert np.mean(covered) >= 0.95
    divisions = int(np.ceil(np.sqrt(6 * np.mean(points) / 8)))
    uniform = []
    for seed in range(6):
        mesh = (divisions, divisions, 1)
        shifted = sol.solve(
            NARROW,
            [response],
            sol.Numerics(mesh=mesh, energies=energies, replicas=8, seed=seed, audit=False, threads=1),
        )
        uniform.append(hall(shifted)[0] - truth)
    assert np.sqrt(np.mean(np.square(uniform))) > np.sqrt(np.mean(np.square(errors)))


def test_smooth_models_keep_their_uniform_meshes() -> None:
    mu, temperature = -0.4, 1500.0
    accuracy = sol.Accuracy((mu,), (temperature,), relative=1e-3)
    energies = sol.FixedPoints((mu,), (temperature,))
    result = sol.converge(
        random_model(3, 2, 7), [sol.SpinConductivity()], sol.Numerics(accuracy=accuracy, energies=energies, threads=1)
    )
    history = result.attrs["convergence"]["history"]
    assert len(history) > 1
    assert all(row["largest_subdivision"] == 1 for row in history)


def test_a_continuum_model_is_refined_where_its_gap_is() -> None:
    sx, sy, sz = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])
    dirac = PolynomialHamiltonian({(1, 0, 0): sx, (0, 1, 0): sy, (0, 0, 0): 0.02 * sz})
    model = sol.ContinuumModel(dirac, 2, 1.0)
    accuracy = sol.Accuracy((0.0,), (30.0,), relative=0.05, quantity="anomalous_hall", outputs=("anomalous_hall",))
    energies = sol.FixedPoints((0.0,), (30.0,))
    result = sol.converge(
        model, [sol.AnomalousHallConductivity()], sol.Numerics(accuracy=accuracy, energies=energies, threads=1)
    )
    convergence = result.attrs["convergence"]
    assert convergence["state"] == "CONVERGED"
    assert convergence["history"][-1]["largest_subdivision"] > 1
    # ½ e²/h from k < ∞, of which the box leaves out the part m/k of the states beyond it.
    value = float(abs(result.anomalous_hall(0.0, 30.0)["anomalous_hall"].values[0, 0, 0, 1]))
    missing = 0.02 / np.pi * 2 * np.sqrt(2) / 2
    assert value == pytest.approx(0.5 - missing, abs=0.03)


class StoppedError(Exception):
    """Raised from a progress callback, as a user's interrupt would."""


def test_a_run_stopped_inside_a_refined_set_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
    accuracy = sol.Accuracy((0.0,), (60.0,), relative=0.1, quantity="anomalous_hall", outputs=("anomalous_hall",))
    energies, path = sol.FixedPoints((0.0,), (60.0,)), tmp_path / "run.checkpoint"

    def run(checkpoint: Path | None, *, resume: bool = False, stop: bool = False) -> sol.Result:
        def interrupt(state: Progress) -> None:
            if stop and state.stage == 2 and state.done > state.total // 2:
                raise StoppedError

        return sol.converge(
            NARROW,
            [sol.AnomalousHallConductivity()],
            sol.Numerics(accuracy=accuracy, energies=energies, threads=1),
            checkpoint=checkpoint,
            resume=resume,
            progress=interrupt,
        )

    whole = run(None)
    assert whole.attrs["convergence"]["history"][1]["largest_subdivision"] > 1
    with pytest.raises(StoppedError):
        run(path, stop=True)
    resumed = run(path, resume=True)
    assert resumed.attrs["convergence"] == whole.attrs["convergence"]
    expected = whole.anomalous_hall(0.0, 60.0)["anomalous_hall"].values
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(resumed.anomalous_hall(0.0, 60.0)["anomalous_hall"].values, expected, rtol=1e-12)


def test_what_cannot_be_used_is_said() -> None:
    with pytest.raises(ConfigError, match="expected positive integers"):
        RefinedMesh(np.zeros((2, 2, 1), dtype=int), 2)
    with pytest.raises(ConfigError, match="length 1 along directions"):
        RefinedMesh(np.ones((2, 2, 2), dtype=int), 2)
    model, energies = random_model(3, 2, 7), sol.FixedPoints((0.0,), (300.0,))
    with pytest.raises(ConfigError, match="come in sets; write replicas=2"):
        sol.solve(model, [sol.DensityOfStates()], sol.Numerics(mesh=uneven((2, 2, 1), 2), energies=energies))
    with pytest.raises(ConfigError, match="the mesh has dimension 1, the model 2"):
        sol.solve(
            model, [sol.DensityOfStates()], sol.Numerics(mesh=uneven((2, 1, 1), 1), energies=energies, replicas=2)
        )
    group = SymmetryGroup.identity()
    with pytest.raises(ConfigError, match="no response offers"):
        Target.build(model, [sol.DensityOfStates()], group, energies, "conductivity", SEMICLASSICAL, ((0.0, 300.0),))
