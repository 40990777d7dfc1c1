"""Runs at zero temperature by the tetrahedron rule: closed forms, independence of how a run is cut, and refusals."""

from __future__ import annotations

import shutil
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import solenoidal as sol
from solenoidal.bloch.interpolation import Model
from solenoidal.bloch.states import BlochStates
from solenoidal.errors import ConfigError, InputFileError, ResultError
from solenoidal.geometry.expressions import ONE, re_diagonal
from solenoidal.integrate import checkpoint, occupations
from solenoidal.integrate.checkpoint import Checkpoint
from solenoidal.integrate.executors import SerialExecutor
from solenoidal.integrate.meshes import RefinedMesh, UniformMesh
from solenoidal.integrate.occupations import BandWorker
from solenoidal.integrate.passes import Pass, remaining
from solenoidal.integrate.worker import Task
from solenoidal.models.continuum import PolynomialHamiltonian
from solenoidal.models.library import kane_mele, random_model, rashba_square
from solenoidal.responses.kernels import KERNELS
from solenoidal.responses.response import Part, Quantity, Response, Term
from solenoidal.sampling.simplices import simplex_weights
from solenoidal.sampling.tetrahedra import Rule
from solenoidal.symmetry.tensors import invariant_part
from support.reference import RealArray
from support.runs import MODEL, StopError, densities, equal, stop_after

MUS = tuple(np.linspace(0.31, 1.11, 17))
EVERYTHING: tuple[Response, ...] = (sol.SpinConductivity(), sol.DensityOfStates(), sol.SpinMoment())
POINTS = sol.TetrahedronPoints((-0.7, 0.3))


def chain() -> sol.TightBinding:
    """ε = −2 cos k."""
    return sol.TightBindingBuilder([[1.0]], [[0.0]]).set_hop(-1.0, 0, 0, [1]).build()


def free(dimension: int) -> sol.ContinuumModel:
    """ε = k²/2 on the box |k_i| ≤ 2, which holds energies below 2."""
    powers = [tuple(2 if axis == i else 0 for axis in range(3)) for i in range(dimension)]
    return sol.ContinuumModel(PolynomialHamiltonian({power: [[0.5]] for power in powers}), dimension, 2.0)


def closed_forms(dimension: int) -> tuple[Model, RealArray, RealArray]:
    """Model, carriers and density of states (1/eV) per cell at ``MUS``."""
    mu = np.array(MUS)
    if dimension == 1:
        return chain(), np.arccos(-mu / 2) / np.pi, 1 / (np.pi * np.sqrt(4 - mu**2))
    kF = np.sqrt(2 * mu)
    if dimension == 2:
        return free(2), np.pi * kF**2 / 4**2, np.full_like(mu, 2 * np.pi / 4**2)
    return free(3), 4 / 3 * np.pi * kF**3 / 4**3, 4 * np.pi * kF / 4**3


def counted(model: Model, divisions: int, energies: Any, **options: Any) -> sol.Result:
    mesh = tuple(divisions if axis < model.dimension else 1 for axis in range(3))
    return sol.solve(
        model, [sol.DensityOfStates()], sol.Numerics(mesh=(mesh[0], mesh[1], mesh[2]), energies=energies, **options)
    )


def carriers(result: sol.Result, mu: Any = MUS) -> RealArray:
    return np.asarray(result.carriers(mu, 0)["carriers"].values[:, 0])


def error(found: RealArray, exact: RealArray) -> float:
    return float(np.sqrt(np.mean((found - exact) ** 2)))


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_carriers_and_density_of_states_converge_to_closed_forms(dimension: int) -> None:
    model, exact, density = closed_forms(dimension)
    errors = []
    for N in (16, 32, 64) if dimension < 3 else (12, 24):
        result = counted(model, N, sol.TetrahedronPoints(MUS, "linear"))
        levels = result.density_of_states(MUS, 0)["density_of_states"].values[:, 0]
        errors.append((error(carriers(result), exact), error(levels, density)))
    first, last = errors[0], errors[-1]
    steps = len(errors) - 1
    assert 4**steps * 0.6 < first[0] / last[0] < 4**steps * 1.7
    # In one dimension the slope of the one segment at the Fermi point is wrong to first order; shells average that.
    assert first[1] / last[1] > (1.7 if dimension == 1 else 2.0) ** steps
    assert last[0] < 2e-3 * exact.mean() * (1 if dimension < 3 else 20)
    assert last[1] < (2e-2 if dimension == 1 else 1e-2) * density.mean()


def test_the_rule_beats_the_plain_sum_on_the_same_mesh() -> None:
    model, exact, _ = closed_forms(2)
    plain = error(carriers(counted(model, 32, sol.FixedPoints(MUS, (0.0,)))), exact)
    rules: tuple[Rule, ...] = ("linear", "fitted")
    linear, fitted = (error(carriers(counted(model, 32, sol.TetrahedronPoints(MUS, rule))), exact) for rule in rules)
    assert linear < plain / 3
    assert fitted < linear / 20


def test_a_fitted_parabola_converges_faster_than_a_straight_line() -> None:
    model, exact, _ = closed_forms(3)
    linear, coarse, fine = (
        error(carriers(counted(model, N, sol.TetrahedronPoints(MUS, rule))), exact)
        for N, rule in ((24, "linear"), (12, "fitted"), (24, "fitted"))
    )
    assert fine < linear / 100
    assert coarse / fine > 5


@pytest.mark.parametrize("rule", ["linear", "blochl", "fitted"])
@pytest.mark.parametrize("options", [{}, {"symmetry": None}, {"replicas": 2}], ids=str)
def test_empty_and_full_bands_are_counted_to_rounding(rule: Rule, options: dict[str, Any]) -> None:
    model = kane_mele(lambda_so=0.06, lambda_r=0.05, lambda_v=0.1)
    result = counted(model, 5, sol.TetrahedronPoints((-9.0, 0.0, 9.0), rule), **options)
    np.testing.assert_allclose(carriers(result, [-9.0, 0.0, 9.0]), [0, 2, 4], rtol=0, atol=1e-13)
    np.testing.assert_array_equal(result.density_of_states([-9.0, 9.0], 0)["density_of_states"], 0)


@pytest.mark.parametrize("rule", ["linear", "blochl", "fitted"])
def test_spin_conductivity_at_zero_temperature_agrees_with_a_far_finer_mesh(rule: Rule) -> None:
    """Massive Rashba electrons with both bands at μ, where the conserved current vanishes exactly."""
    model, mu = rashba_square(alpha=0.5, mass=0.5), -2.0
    responses = [sol.SpinConductivity()]
    fine = sol.solve(
        model, responses, sol.Numerics(mesh=(960, 960, 1), energies=sol.EnergyGrid(-5, 5, 0.01, mu), audit=False)
    )
    coarse = sol.solve(model, responses, sol.Numerics(mesh=(48, 48, 1), energies=sol.TetrahedronPoints((mu,), rule)))
    a, b = (r.conductivity(mu, 0) for r in (fine, coarse))
    for name, tolerance in (("conventional", 5e-4), ("berry_spin", 5e-4), ("dipole", 0.02), ("finite_q", 0.02)):
        reference = a[name].values[0, 0]
        assert np.abs(reference).max() > 0.19
        np.testing.assert_allclose(b[name].values[0, 0], reference, rtol=0, atol=tolerance, err_msg=name)
    assert abs(b["semiclassical"].values[0, 0, 0, 1, 2]) < 3e-4


def test_surface_terms_of_the_plain_sum_are_far_off_on_that_mesh() -> None:
    """The other half of the comparison above: what the rule is for."""
    grid = sol.EnergyGrid(-5, 5, 0.01, -2.0)
    plain = sol.solve(
        rashba_square(alpha=0.5, mass=0.5),
        [sol.SpinConductivity()],
        sol.Numerics(mesh=(48, 48, 1), energies=grid, audit=False),
    )
    assert abs(plain.conductivity(-2.0, 0)["semiclassical"].values[0, 0, 0, 1, 2]) > 0.02


SYMMETRIC: dict[str, tuple[Model, tuple[int, int, int]]] = {
    "Rashba": (rashba_square(alpha=0.5), (8, 8, 1)),
    "Kane–Mele with pairs": (kane_mele(lambda_so=0.06), (6, 6, 1)),
    "random in three dimensions": (random_model(4, 3, 2), (3, 4, 2)),
    "random with pairs": (random_model(4, 2, 2, degenerate=True), (6, 5, 1)),
}


@pytest.mark.parametrize("rule", ["linear", "fitted"])
@pytest.mark.parametrize("name", SYMMETRIC)
def test_reduced_zone_equals_full_zone(name: str, rule: Rule) -> None:
    """The cut into simplices has less symmetry than the crystal, which the reduced sum restores, as does projection."""
    model, divisions = SYMMETRIC[name]
    points = sol.TetrahedronPoints((-0.7, 0.3), rule)
    reduced, full = (
        sol.solve(model, EVERYTHING, sol.Numerics(mesh=divisions, energies=points, symmetry=s, audit=False))
        for s in ("auto", None)
    )
    assert full.attrs["k_points_evaluated"] == np.prod(divisions)
    if "random" not in name:
        assert reduced.attrs["k_points_evaluated"] < 0.7 * np.prod(divisions)
    group = sol.find_symmetry(model, operators=tuple(model.operators)).group
    for response in EVERYTHING:
        for term, kind in response.terms(model).items():
            whole = invariant_part(full.spectra[response.name].terms[term], kind.legs, kind.time_reversal, group)
            part = reduced.spectra[response.name].terms[term]
            np.testing.assert_allclose(part, whole, rtol=0, atol=1e-9 * max(1.0, np.abs(whole).max()), err_msg=term)
    assert np.abs(carriers(full, points.mu)).max() > 0.3


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.0)])
def test_every_point_of_a_mesh_has_its_representative(shift: tuple[float, float, float]) -> None:
    group = sol.find_symmetry(rashba_square(alpha=0.5), operators=("spin",)).group
    mesh = UniformMesh((6, 6, 1), shift)
    points, place = mesh.irreducible(group), mesh.representatives(group)
    np.testing.assert_allclose(np.bincount(place) / mesh.size, points.weights)
    a, b = np.cos(2 * np.pi * mesh.full().k[:, :2]).prod(axis=1), np.cos(2 * np.pi * points.k[:, :2]).prod(axis=1)
    np.testing.assert_allclose(a, b[place], rtol=0, atol=1e-13)
    assert len(points) < mesh.size / 3


OPTIONS: dict[str, Any] = {"mesh": (24, 24, 1), "energies": POINTS, "replicas": 2, "seed": 3}


def moments(**options: Any) -> np.ndarray:
    """Every sum of a run of ``MODEL``."""
    how = ("executor", "checkpoint", "resume", "progress")
    other = {name: options.pop(name) for name in how if name in options}
    numerics = sol.Numerics(**{**OPTIONS, "block_size": 24, **options})
    return densities(sol.solve(MODEL, [sol.SpinConductivity()], numerics, **other))


@pytest.mark.parametrize("block_size", [1, 31, 1000])
def test_the_size_of_a_block_does_not_matter(block_size: int) -> None:
    expected = moments(executor=SerialExecutor())
    found = moments(executor=SerialExecutor(), block_size=block_size)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_threads_and_processes_give_the_same_numbers() -> None:
    expected = moments(executor=SerialExecutor())
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        equal(moments(executor=threads), expected)
        equal(moments(executor=processes), expected)


BLOCKS = 48
"""Of each pass: 24 for each of two replicas."""


@pytest.fixture
def diagonalised(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of points of every block whose energies are found."""
    found: list[int] = []
    compute = BandWorker.__call__

    def counting(worker: BandWorker, task: Task) -> RealArray:
        found.append(len(task.block.k))
        return compute(worker, task)

    monkeypatch.setattr(BandWorker, "__call__", counting)
    return found


@pytest.fixture
def at_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0, *Checkpoint.__init__.__defaults__[1:]))


@pytest.mark.parametrize("blocks", [1, 7, BLOCKS, BLOCKS + 1, BLOCKS + 24, BLOCKS + 30, 2 * BLOCKS])
def test_a_resumed_run_ends_with_the_same_numbers(tmp_path: Path, diagonalised: list[int], blocks: int) -> None:
    """Stopped inside either pass, between them, and between two replicas."""
    path = tmp_path / "run.checkpoint"
    with pytest.raises(StopError):
        moments(executor=SerialExecutor(), checkpoint=path, progress=stop_after(blocks))
    diagonalised.clear()
    seen: list[int] = []
    found = moments(checkpoint=path, resume=True, progress=lambda state: seen.append(state.done))
    assert seen == list(range(blocks + 1, 2 * BLOCKS + 1))
    assert len(diagonalised) == max(0, BLOCKS - blocks)
    equal(found, moments())


@pytest.mark.usefixtures("at_every_block")
@pytest.mark.parametrize("blocks", [5, BLOCKS + 5])
def test_a_run_that_is_killed_leaves_what_was_finished(tmp_path: Path, blocks: int) -> None:
    """The file as it is at some moment, without the last write of a run that is interrupted."""
    path, left = tmp_path / "run.checkpoint", tmp_path / "left.checkpoint"

    def watch(state: sol.Progress) -> None:
        if state.done == blocks:
            shutil.copy(path, left)

    expected = moments(checkpoint=path, progress=watch)
    seen: list[int] = []
    equal(moments(checkpoint=left, resume=True, progress=lambda state: seen.append(state.done)), expected)
    assert seen[0] == blocks + 1


@pytest.mark.parametrize("blocks", [5, BLOCKS + 5])
def test_resume_refuses_another_input_in_either_pass(tmp_path: Path, blocks: int) -> None:
    path = tmp_path / "run.checkpoint"
    with pytest.raises(StopError):
        moments(executor=SerialExecutor(), checkpoint=path, progress=stop_after(blocks))
    for change, named in (
        ({"energies": replace(POINTS, mu=(-0.7, 0.4))}, "energies was"),
        ({"energies": replace(POINTS, rule="linear")}, "energies was"),
        ({"mesh": (24, 25, 1)}, "mesh was"),
        ({"seed": 4}, "seed was"),
    ):
        with pytest.raises(InputFileError, match=named):
            moments(checkpoint=path, resume=True, **change)
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(bytes(blob))
    with pytest.raises(InputFileError, match="damaged"):
        moments(checkpoint=path, resume=True)


def test_progress_counts_both_passes_and_names_them() -> None:
    seen: list[sol.Progress] = []
    moments(executor=SerialExecutor(), progress=seen.append)
    assert [state.done for state in seen] == list(range(1, 2 * BLOCKS + 1))
    assert {state.total for state in seen} == {2 * BLOCKS}
    assert [state.doing for state in seen] == ["eigenvalues"] * (BLOCKS - 1) + ["integrating"] * (BLOCKS + 1)
    assert all(state.remaining > 0 for state in seen[:-1])
    assert seen[-1].remaining == 0


def test_the_remaining_time_takes_the_passes_at_their_costs() -> None:
    def some(costs: list[float]) -> Pass:
        return Pass("", len, lambda *_: [], lambda *_: None, np.array(costs))

    passes = [some([1.0, 1.0]), some([7.0, 3.0])]
    assert remaining(passes, 0, 1, 2.0) == pytest.approx(22.0)
    assert remaining(passes, 1, 3, 4.0) == pytest.approx(1.5)
    assert remaining(passes, 0, 4, 5.0) == 0


def test_states_are_weighed_when_their_replica_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Weights of one replica at a time; energies of complete replicas are not kept either."""
    weighed: list[int] = []
    given: list[weakref.ref[RealArray]] = []

    def watched(table: RealArray, *arguments: Any, **options: Any) -> RealArray:
        weighed.append(len(table))
        assert all(weights() is None for weights in given)
        weights = simplex_weights(table, *arguments, **options)
        given.append(weakref.ref(weights))
        return weights

    monkeypatch.setattr(occupations, "simplex_weights", watched)
    when: dict[int, int] = {}
    path = tmp_path / "run.checkpoint"

    def progress(state: sol.Progress) -> None:
        when[state.done] = len(weighed)
        if state.done == BLOCKS + 24:
            raise StopError

    with pytest.raises(StopError):
        moments(executor=SerialExecutor(), progress=progress, checkpoint=path)
    assert weighed == [576, 576]
    assert (when[BLOCKS], when[BLOCKS + 1]) == (0, 1)
    with checkpoint._read(path) as stored:
        assert stored["levels"].shape == (576, 3)


def test_shifted_meshes_agree_within_their_errors() -> None:
    model, exact, _ = closed_forms(2)
    found = counted(model, 24, sol.TetrahedronPoints(MUS, "fitted"), replicas=6).carriers(MUS, 0)
    spread = found["carriers_error"].values[:, 0]
    assert 0 < spread.max() < 1e-3
    np.testing.assert_allclose(found["carriers"].values[:, 0], exact, rtol=0, atol=5 * spread.max())


TOUCHING = {
    "pairs everywhere": (random_model(4, 2, 2, degenerate=True), POINTS),
    # Elsewhere the bands are apart, so the simplices around these points weigh the two states differently.
    "pairs at time-reversal invariant points": (
        rashba_square(alpha=0.5, mass=0.0),
        sol.TetrahedronPoints((-3.6, -0.1)),
    ),
}


@pytest.mark.parametrize("name", TOUCHING)
def test_the_basis_of_a_degenerate_group_does_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group is occupied as a whole: its states share the mean of their weights."""
    (model, points), diagonalise = TOUCHING[name], BlochStates.diagonalise
    arguments: dict[str, Any] = {"mesh": (6, 6, 1), "energies": points, "audit": False}
    arguments |= {"symmetry": None, "kramers": False}

    def sums() -> RealArray:
        result = sol.solve(model, EVERYTHING, sol.Numerics(**arguments), executor=SerialExecutor())
        return np.concatenate([densities(result), result.spectra["spin_moment"].terms["expectation"].ravel()])

    expected = sums()
    rng = np.random.default_rng(1)
    turned = []

    def rotated(*given: Any) -> BlochStates:
        states = diagonalise(*given)
        for q, labels in enumerate(states.labels):
            for group in np.unique(labels):
                inside = np.flatnonzero(labels == group)
                raw = rng.normal(size=(len(inside),) * 2) + 1j * rng.normal(size=(len(inside),) * 2)
                states.vectors[q][:, inside] = states.vectors[q][:, inside] @ scipy.linalg.qr(raw)[0]
                turned.append(len(inside))
        return states

    monkeypatch.setattr(BlochStates, "diagonalise", staticmethod(rotated))
    found = sums()
    assert max(turned) == 2
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


def test_a_result_holds_its_points_and_nothing_else(tmp_path: Path) -> None:
    points = sol.TetrahedronPoints((0.4, 0.6), "fitted")
    result = counted(free(2), 8, points)
    again = sol.Result.load(result.save(tmp_path / "points.nc"))
    assert again.grid == points
    np.testing.assert_array_equal(carriers(again, points.mu), carriers(result, points.mu))
    with pytest.raises(ResultError, match=r"holds zero temperature only.*not \[300.0\] K"):
        result.carriers(0.4, 300)
    with pytest.raises(ResultError, match=r"holds mu = \(0.4, 0.6\) eV only, not \[0.5\]"):
        result.carriers([0.4, 0.5], 0)
    with pytest.raises(ResultError, match="chosen points only"):
        _ = result.energy_grid


@dataclass(frozen=True)
class KernelProbe:
    """One state for each band under every kernel."""

    name: str = "probe"

    operators: tuple[str, ...] = ()

    def terms(self, model: Model) -> dict[str, Term]:
        return {"one": Term((), 1, lambda: re_diagonal(ONE))}

    def quantities(self, model: Model) -> dict[str, Quantity]:
        outputs = {name: (Part("one", name),) for name in KERNELS}
        return {"probe": Quantity(outputs, (), "states_per_cell", per_cell=True)}


@pytest.mark.parametrize("rule", ["linear", "fitted"])
def test_every_kernel_has_its_limit_at_zero_temperature(rule: Rule) -> None:
    mu = np.array([-0.7, -0.6])
    h = 1e-4
    levels = tuple(np.concatenate([mu - h, mu, mu + h]))
    result = sol.solve(
        random_model(3, 2, 5),
        [KernelProbe()],
        sol.Numerics(mesh=(9, 8, 1), energies=sol.TetrahedronPoints(levels, rule)),
    )
    below, here, above = (
        {k: v.values[:, 0] for k, v in result.quantity("probe", m, 0).data_vars.items()} for m in (mu - h, mu, mu + h)
    )
    assert here["minus_fermi_derivative"].min() > 0.05
    slopes = {k: (above[k] - below[k]) / (2 * h) for k in here}
    np.testing.assert_allclose(slopes["fermi"], here["minus_fermi_derivative"], rtol=1e-3)
    np.testing.assert_allclose(slopes["grand_potential"], -here["fermi"], rtol=1e-6)
    np.testing.assert_array_equal(here["heat"], here["fermi"])
    np.testing.assert_allclose(here["all"], 3, rtol=1e-14)
    for name in ("entropy", "minus_entropy_derivative"):
        np.testing.assert_array_equal(here[name], 0)


def test_nernst_coefficients_vanish_at_zero_temperature() -> None:
    result = sol.solve(rashba_square(alpha=0.5), EVERYTHING, sol.Numerics(mesh=(8, 8, 1), energies=POINTS))
    assert np.abs(result.conductivity(POINTS.mu, 0)["conventional"]).max() > 0.1
    for values in result.nernst(POINTS.mu, 0).data_vars.values():
        np.testing.assert_array_equal(values, 0)


@pytest.mark.parametrize(
    ("mu", "rule", "message"),
    [((), "linear", "at least one finite"), ((np.nan,), "linear", "finite mu"), ((0.1,), "cubic", "rule is 'cubic'")],
)
def test_points_that_cannot_be_used_are_refused(mu: tuple[float, ...], rule: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        sol.TetrahedronPoints(mu, rule)


def test_meshes_without_simplices_are_refused() -> None:
    refined = RefinedMesh(np.full((2, 2, 1), 3), 2)
    with pytest.raises(ConfigError, match=r"a refined mesh cannot be integrated with TetrahedronPoints"):
        sol.solve(free(2), EVERYTHING[1:2], sol.Numerics(mesh=refined, energies=POINTS, replicas=2))
    accuracy = sol.Accuracy((0.3,), (0.0,), relative=0.1)
    with pytest.raises(ConfigError, match=r"a run with a stated accuracy cannot"):
        sol.converge(MODEL, [sol.SpinConductivity()], sol.Numerics(accuracy=accuracy, energies=POINTS))
