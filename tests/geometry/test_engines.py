"""Both engines give what the separate NumPy functions give, whatever the groups, legs, sizes and dropped pairs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from solenoidal import lanes
from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.errors import ConfigError, ResponseError
from solenoidal.evaluate import Engine, band_values, compile_plan, evaluate, matrix_elements
from solenoidal.geometry import formulas as f
from solenoidal.geometry.expressions import ONE, Band, energy, group_trace, im_pairs, re_diagonal, re_pairs, symbol
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import random_model
from solenoidal.models.operator import LatticeOperator, Operator
from support.registry import CASES, PAIRED, Case, states_at
from support.separate import connection, curvature, magnetic, multipoles, products, transport

ROOT = Path(__file__).resolve().parents[2]
ENGINES: list[Engine] = ["reference", *(["lanes"] if lanes.available else [])]
Formula = Callable[..., Band]

S = [symbol("spin", q) for q in range(3)]
PER_OPERATOR: list[Formula] = [f.expectation]
VECTORS: list[Formula] = [
    f.berry_spin, f.interband_spin, f.dipole, f.torque_dipole, f.current, f.mixed_curvature, f.mixed_metric,
    f.circulation, f.moving_dipole, f.orbital_moment, f.mean_curvature, f.current_curvature,
]  # fmt: skip
TENSORS: list[Formula] = [f.velocity_dipole, f.conventional, f.finite_q, f.current_dipole, f.torque_quadrupole]


def torque_curvature(i: int, s: object) -> Band:
    return f.mixed_curvature(i, f.torque(s))  # type: ignore[arg-type]


def fill(j: int, s: object) -> Band:
    return f.circulation(j, s) + energy(f.mean_curvature(j, s))  # type: ignore[arg-type]


def asked() -> dict[str, tuple[list[Band], tuple[int, ...]]]:
    """Every formula of the package: its components and their shape."""
    found = {g.__name__: ([g(s) for s in S], (3,)) for g in PER_OPERATOR}
    found |= {g.__name__: ([g(i, s) for i in range(3) for s in S], (3, 3)) for g in (*VECTORS, torque_curvature, fill)}
    found |= {g.__name__: ([g(l, i, s) for l in range(3) for i in range(3) for s in S], (3, 3, 3)) for g in TENSORS}
    found["berry_curvature"] = ([f.berry_curvature(j) for j in range(3)], (3,))
    found["quantum_metric"] = ([f.quantum_metric(i, l) for i in range(3) for l in range(3)], (3, 3))
    return found


def separately(states: BlochStates) -> dict[str, RealArray]:
    """The same by the NumPy functions of ``support.separate``, which know nothing of expressions."""
    name, s = "spin", states.operator("spin")
    nk, n = states.energies.shape
    J = connection.conventional_current(states, name)
    magnetization = magnetic.magnetic_quantities(states, name)._asdict()
    magnetization["berry_spin"] = magnetization.pop("berry")
    circulating = magnetization["circulation"]
    return {
        **magnetization,
        "expectation": products.diagonal(s),
        "interband_spin": transport.interband_spin_curvature(states, name),
        "dipole": multipoles.dipole(states, name),
        "torque_dipole": multipoles.torque_dipole(states, name),
        "current": products.diagonal(J).reshape(nk, n, 3, -1),
        "mixed_curvature": curvature.mixed_curvature(states, s),
        "mixed_metric": curvature.mixed_metric(states, s),
        "torque_curvature": curvature.mixed_curvature(states, multipoles.torque(states, name)),
        "orbital_moment": sum(multipoles.orbital_moment(states, name)),
        "fill": circulating + states.occupation_energies[:, :, None, None] * magnetization["mean_curvature"],
        "velocity_dipole": multipoles.velocity_times_dipole(states, name),
        "conventional": transport.current_curvature(states, name),
        "finite_q": transport.finite_q_sea(states, name),
        "current_dipole": products.real_pair_sum(connection.interband_connection(states), J).reshape(nk, n, 3, 3, -1),
        "torque_quadrupole": magnetic.torque_quadrupole(states, name),
        "berry_curvature": curvature.berry_curvature(states),
        "quantum_metric": curvature.quantum_metric(states),
    }


def by_engine(states: BlochStates, engine: Engine) -> dict[str, RealArray]:
    """All formulas from one plan."""
    wanted = asked()
    values = band_values([band for components, _ in wanted.values() for band in components], states, engine)
    found, start = {}, 0
    for name, (components, shape) in wanted.items():
        found[name] = values[..., start : start + len(components)].reshape(*values.shape[:2], *shape)
        start += len(components)
    return found


def compare(found: Mapping[str, RealArray], expected: Mapping[str, RealArray], tolerance: float = 1e-12) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        scale = np.abs(value).max()
        assert scale > 1e-6, name
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance * max(1, scale), err_msg=name)


def middle_gap(case: Case) -> float:
    """Median distance of neighbouring bands over the scattered points, pairs not counted."""
    gaps = np.diff(states_at(case.model(), scattered(case)).energies, axis=1)
    return float(np.median(gaps[gaps > 1e-6]))


def scattered(case: Case, seed: int = 1) -> np.ndarray:
    k = np.zeros((17, 3))
    k[:, : case.dimension] = np.random.default_rng(seed).uniform(-0.5, 0.5, (17, case.dimension))
    return k


SPATIAL = [case for case in CASES if case.dimension > 1]
"""In one dimension curvatures vanish, and nothing could be compared with them."""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", SPATIAL[1:], ids=str)
def test_every_formula_equals_its_separate_function(case: Case, engine: Engine) -> None:
    states = states_at(case.model(), scattered(case))
    compare(by_engine(states, engine), separately(states))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", SPATIAL[2::2], ids=str)
def test_coarse_groups_have_the_same_algebra(case: Case, engine: Engine) -> None:
    """Groups of two, three and more bands that are not degenerate at all."""
    states = states_at(case.model(), scattered(case), tolerance=middle_gap(case))
    sizes = {int(size) for labels in states.labels for size in np.bincount(labels)}
    assert max(sizes) > (2 if case.degenerate else 1)
    found, expected = by_engine(states, engine), separately(states)
    for name in asked():
        np.testing.assert_allclose(
            found[name], expected[name], rtol=0, atol=1e-12 * max(1, np.abs(expected[name]).max()), err_msg=name
        )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", SPATIAL[3::2], ids=str)
def test_pairs_closer_than_the_smallest_gap_are_left_out(case: Case, engine: Engine) -> None:
    states = states_at(case.model(), scattered(case), minimum_gap=middle_gap(case))
    complete = states_at(case.model(), scattered(case))
    assert np.count_nonzero(states.inverse_gap) < np.count_nonzero(complete.inverse_gap)
    found, expected = by_engine(states, engine), separately(states)
    for name in asked():
        np.testing.assert_allclose(
            found[name], expected[name], rtol=0, atol=1e-12 * max(1, np.abs(expected[name]).max()), err_msg=name
        )


def nonlocal_model(size: int, dimension: int = 3) -> TightBinding:
    """A random model whose position and operator matrices join orbitals and cells."""
    model = random_model(size, dimension, 3)
    rng = np.random.default_rng(size)

    def joined(scale: float, home: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = len(model.hamiltonian.R)
        raw = rng.normal(size=(n, 3, size, size)) + 1j * rng.normal(size=(n, 3, size, size))
        matrices = scale * (raw + raw[::-1].conj().swapaxes(-1, -2)) / 2
        matrices[n // 2] += home
        return model.hamiltonian.R, matrices

    home = ~model.position.R.any(axis=1)
    position = LatticeOperator(*joined(0.05, model.position.matrices[home][0]))
    spin = Operator(*joined(0.1, model.operators["spin"].home), ("axial",), -1, "ħ", "spin")
    return replace(model, position=position, operators={"spin": spin})


@pytest.mark.parametrize("size", [2, 3, 5, 18, 33, 60])
def test_engines_agree_from_two_to_sixty_bands_with_matrices_that_join_cells(size: int) -> None:
    k = np.random.default_rng(0).uniform(-0.5, 0.5, (5, 3))
    states = BlochStates.solve(interpolator(nonlocal_model(size)), k, np.full(5, 0.2), Degeneracy(0.02))
    reference = by_engine(states, "reference")
    compare(reference, separately(states), 1e-11)
    compare(by_engine(states, ENGINES[-1]), reference, 1e-12)


def test_engines_agree_on_panels_of_large_matrices() -> None:
    k = np.random.default_rng(0).uniform(-0.5, 0.5, (3, 3))
    states = BlochStates.solve(interpolator(nonlocal_model(71)), k, np.full(3, 1 / 3), Degeneracy(0.01))
    compare(by_engine(states, ENGINES[-1]), by_engine(states, "reference"), 1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_identity_is_an_operator_like_any_other(engine: Engine) -> None:
    """For s = 1 Eq. (13) becomes that of charge: Ω s is Ω, K too, and no dipole moves."""
    case = CASES[7]
    states = states_at(case.model(), scattered(case), tolerance=middle_gap(case))
    expected = magnetic.magnetic_quantities(states, None)._asdict()
    expected["berry_spin"] = expected.pop("berry")
    for name, value in expected.items():
        found = band_values([getattr(f, name)(j, ONE) for j in range(3)], states, engine)
        np.testing.assert_allclose(found, value[..., 0], rtol=0, atol=1e-12 * max(1, np.abs(value).max()))
    np.testing.assert_array_equal(band_values([re_diagonal(ONE)], states, engine), 1.0)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", SPATIAL[1::3], ids=str)
def test_bands_above_the_highest_energy_are_left_out_and_the_others_are_unchanged(case: Case, engine: Engine) -> None:
    complete = states_at(case.model(), scattered(case))
    cut = replace(complete, highest=float(np.median(complete.energies)), _cache={})
    # A group is wanted as a whole if its lowest band is.
    lowest = np.array([[e[g == label].min() for label in g] for e, g in zip(cut.energies, cut.labels, strict=True)])
    wanted = lowest <= cut.highest
    assert 0 < wanted.sum() < wanted.size
    np.testing.assert_array_equal(np.arange(case.bands) < cut.active[:, None], wanted)
    whole, part = by_engine(complete, engine), by_engine(cut, engine)
    for name, value in whole.items():
        assert np.abs(value[~wanted]).max() > 1e-6
        np.testing.assert_array_equal(part[name][~wanted], 0)
        np.testing.assert_allclose(part[name][wanted], value[wanted], rtol=0, atol=1e-12 * max(1, np.abs(value).max()))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_result_does_not_depend_on_the_neighbours_in_the_block(engine: Engine) -> None:
    case = CASES[7]
    k = scattered(case)
    together = by_engine(states_at(case.model(), k), engine)
    alone = by_engine(states_at(case.model(), k[3:4]), engine)
    for name, value in together.items():
        scale = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(alone[name][0], value[3], rtol=0, atol=1e-13 * scale, err_msg=name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(6))
def test_expressions_mean_what_their_matrices_say(engine: Engine, seed: int) -> None:
    """Random sums, products, adjoints, weights and masks against the matrices themselves."""
    rng = np.random.default_rng(seed)
    case = CASES[7]
    states = states_at(case.model(), scattered(case), tolerance=middle_gap(case))
    pool = [*f.v, *f.A, *S]
    for _ in range(12):
        a, b = rng.integers(len(pool), size=2)
        c = complex(*rng.normal(size=2))
        made = (
            c * pool[a] + pool[b].H, pool[a] @ pool[b], (pool[a] @ pool[b]).H, pool[a].inside, pool[a].outside,
            pool[a].over_gap(), pool[a].over_gap(2), c * pool[a],
        )  # fmt: skip
        pool.append(made[int(rng.integers(len(made)))])
    pool = [x for x in pool if x.terms]
    for _ in range(12):
        x, y = (pool[int(i)] for i in rng.integers(len(pool), size=2))
        X, Y = matrix_elements(x, states), matrix_elements(y, states)
        pairs = np.einsum("knm,kmn->kn", X, Y)
        inside = np.einsum("knm,kmn->kn", np.where(states.same_group, X, 0), Y)
        expected = np.stack([pairs.real, pairs.imag, inside.real, np.einsum("knn->kn", X).real], axis=2)
        formulas = [re_pairs(x, y), im_pairs(x, y), group_trace(x, y), re_diagonal(x)]
        scale = max(1.0, np.abs(X).max() * np.abs(Y).max())
        np.testing.assert_allclose(band_values(formulas, states, engine), expected, rtol=0, atol=1e-11 * scale)


@pytest.mark.parametrize("engine", ENGINES)
def test_unwanted_bands_are_still_intermediate_states(engine: Engine) -> None:
    """Of X Y Z between wanted bands, elements of X Y between two unwanted ones are needed if another factor follows."""
    case = CASES[7]
    complete = states_at(case.model(), scattered(case))
    cut = replace(complete, highest=float(complete.energies[:, 0].max() + 1e-9), _cache={})
    unwanted = np.arange(case.bands) >= cut.active[:, None]
    assert unwanted.sum(axis=1).min() >= 1
    assert unwanted.sum(axis=1).max() >= 2
    long = f.A[0] @ (f.v[1] @ S[2]) @ f.A[2]
    formulas = [re_pairs(long, S[0]), im_pairs(long @ f.v[0], S[1]), re_diagonal(long @ long)]
    whole, part = (band_values(formulas, states, engine) for states in (complete, cut))
    assert np.abs(whole[~unwanted]).max() > 1e-3
    np.testing.assert_allclose(part[~unwanted], whole[~unwanted], rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(part[unwanted], 0)


@pytest.mark.parametrize("powers", [(1,), (2,), (-1,), (1, 1), (2, -1), (1, -1), (0, 1)], ids=str)
def test_powers_of_the_gap_multiply_elements_and_add_up(powers: tuple[int, ...]) -> None:
    """X_nm Π (ε_n − ε_m)^−p between groups, zero inside them, of X as of X†."""
    case = PAIRED[1]
    states = states_at(case.model(), scattered(case))
    gap = states.energies[:, :, None] - states.energies[:, None, :]
    assert states.same_group.sum() > states.energies.size
    weight = np.where(states.same_group, 0, np.where(states.same_group, 1, gap) ** float(-sum(powers)))
    for x in (S[2], f.v[0] @ S[0], (f.v[0] @ S[0]).H, 1j * f.v[1] + f.v[0] @ S[1]):
        weighted = x
        for power in powers:
            weighted = weighted.over_gap(power)
        expected = weight * matrix_elements(x, states)
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(matrix_elements(weighted, states), expected, rtol=1e-11, atol=1e-11)


def test_equal_subexpressions_are_computed_once() -> None:
    alone = [f.conventional(0, 1, S[2]), f.velocity_dipole(0, 1, S[2])]
    one = compile_plan([f.velocity_dipole(l, 1, S[2]) for l in range(3)])
    three = compile_plan([f.velocity_dipole(l, 1, s) for l in range(3) for s in S])
    assert one.products == 1
    assert three.products == 3
    assert compile_plan(alone + alone).products == compile_plan(alone).products == 2


def test_a_plan_for_three_responses_is_hardly_longer_than_for_one() -> None:
    tensors = [g(l, i, s) for g in (f.velocity_dipole, f.conventional, f.finite_q)
               for l in range(3) for i in range(3) for s in S]  # fmt: skip
    spin = tensors + [g(j, s) for g in (f.berry_spin, f.interband_spin) for j in range(3) for s in S]
    others = [g(j, s) for g in (f.circulation, f.mean_curvature, fill) for j in range(3) for s in S]
    others += [f.berry_curvature(j) for j in range(3)]
    assert compile_plan(spin).products == compile_plan(spin + others).products == 30


def test_a_matrix_times_the_gap_without_a_division_is_refused() -> None:
    with pytest.raises(ResponseError, match="division by the gap"):
        compile_plan([re_pairs(S[0].over_gap(-1), S[1])])
    with pytest.raises(ResponseError, match="multiplied by its energy once"):
        energy(energy(f.expectation(S[0])))


def test_an_unknown_engine_is_refused_by_name() -> None:
    states = states_at(CASES[3].model(), scattered(CASES[3]))
    with pytest.raises(ConfigError, match="engine is 'gpu'; write one of lanes, reference"):
        evaluate(compile_plan([re_diagonal(ONE)]), states, "gpu")  # type: ignore[arg-type]


@pytest.mark.skipif(not lanes.available, reason="loops are not compiled here")
@pytest.mark.parametrize("width", ["4", "8"])
def test_another_number_of_lanes_gives_the_same_numbers(width: str, tmp_path: Path) -> None:
    script = (
        "import numpy as np; from solenoidal.lanes.registers import WIDTH; from geometry.test_engines import *;"
        f"assert WIDTH == {width};"
        "k = np.random.default_rng(0).uniform(-0.5, 0.5, (11, 3));"
        "states = BlochStates.solve(interpolator(nonlocal_model(5)), k, np.full(11, 1 / 11), Degeneracy(0.02));"
        "compare(by_engine(states, 'lanes'), by_engine(states, 'reference'), 1e-12)"
    )
    environment = {
        **os.environ,
        "SOLENOIDAL_LANES": width,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT / "tests")]),
    }
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
