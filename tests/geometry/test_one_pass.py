"""The compiled pass gives what the separate functions give, whatever the groups, legs and dropped pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solenoidal.bloch.states import BlochStates
from solenoidal.geometry.curvature import curvature_times_operator
from solenoidal.geometry.fused import transport_quantities
from solenoidal.geometry.multipoles import velocity_times_dipole
from solenoidal.geometry.transport import current_curvature, finite_q_sea, interband_spin_curvature
from support.registry import CASES, Case, states_at


def check(states: BlochStates, operator: str) -> None:
    one_pass = transport_quantities(states, operator)
    separate = {
        "berry_spin": curvature_times_operator(states, operator),
        "interband_spin": interband_spin_curvature(states, operator),
        "velocity_dipole": velocity_times_dipole(states, operator),
        "conventional": current_curvature(states, operator),
        "finite_q": finite_q_sea(states, operator),
    }
    assert one_pass._fields == tuple(separate)
    for name, expected in separate.items():
        scale = np.abs(expected).max()
        assert scale > 1e-6, name
        np.testing.assert_allclose(getattr(one_pass, name), expected, rtol=0, atol=1e-12 * max(1, scale), err_msg=name)


def middle_gap(case: Case) -> float:
    """Median distance of neighbouring bands over the scattered points, pairs not counted."""
    gaps = np.diff(states_at(case.model(), scattered(case)).energies, axis=1)
    return float(np.median(gaps[gaps > 1e-6]))


def scattered(case: Case, seed: int = 1) -> np.ndarray:
    k = np.zeros((17, 3))
    k[:, : case.dimension] = np.random.default_rng(seed).uniform(-0.5, 0.5, (17, case.dimension))
    return k


@pytest.mark.parametrize("case", CASES, ids=str)
def test_one_pass_equals_the_separate_functions(case: Case) -> None:
    check(states_at(case.model(), scattered(case)), "spin")


@pytest.mark.parametrize("case", CASES[2::3], ids=str)
def test_one_pass_equals_the_separate_functions_for_coarse_groups(case: Case) -> None:
    """Groups of two, three and more bands that are not degenerate at all: the block algebra is the same."""
    k = scattered(case)
    states = states_at(case.model(), k, tolerance=middle_gap(case))
    sizes = {int(size) for labels in states.labels for size in np.bincount(labels)}
    assert max(sizes) > (2 if case.degenerate else 1)
    check(states, "spin")


@pytest.mark.parametrize("case", CASES[3::3], ids=str)
def test_one_pass_equals_the_separate_functions_without_close_pairs(case: Case) -> None:
    states = states_at(case.model(), scattered(case), minimum_gap=middle_gap(case))
    complete = states_at(case.model(), scattered(case))
    assert np.count_nonzero(states.inverse_gap) < np.count_nonzero(complete.inverse_gap)
    check(states, "spin")


def test_one_pass_takes_operators_of_any_number_of_legs() -> None:
    case = CASES[3]
    states = states_at(case.model(), scattered(case))
    one_leg = states.orbital.operators["spin"][:, :, 1:2]
    orbital = type(states.orbital).pack(states.orbital.hamiltonian, states.orbital.velocity, {"scalar": one_leg})
    scalar = BlochStates(states.k, states.weights, states.energies, states.vectors, orbital, states.degeneracy)
    check(scalar, "scalar")
    for whole, part in zip(transport_quantities(states, "spin"), transport_quantities(scalar, "scalar"), strict=True):
        np.testing.assert_allclose(part[..., 0], whole[..., 1], rtol=0, atol=1e-11)


@pytest.mark.parametrize("case", CASES[1::3], ids=str)
def test_bands_above_the_highest_energy_are_left_out_and_the_others_are_unchanged(case: Case) -> None:
    complete = states_at(case.model(), scattered(case))
    highest = float(np.median(complete.energies))
    cut = replace(complete, highest=highest, _cache={})
    # A group is wanted as a whole if its lowest band is.
    lowest = np.array([[e[g == label].min() for label in g] for e, g in zip(cut.energies, cut.labels, strict=True)])
    wanted = lowest <= highest
    assert 0 < wanted.sum() < wanted.size
    np.testing.assert_array_equal(np.arange(case.bands) < cut.active[:, None], wanted)
    for whole, part in zip(transport_quantities(complete, "spin"), transport_quantities(cut, "spin"), strict=True):
        assert np.abs(whole[~wanted]).max() > 1e-6
        np.testing.assert_array_equal(part[~wanted], 0)
        np.testing.assert_allclose(part[wanted], whole[wanted], rtol=0, atol=1e-12 * max(1, np.abs(whole).max()))


@pytest.mark.parametrize("case", CASES[2::3], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_components_left_out_are_zero_and_the_others_unchanged(case: Case, seed: int) -> None:
    states = states_at(case.model(), scattered(case))
    wanted = np.random.default_rng(seed).random((3, 3, 3)) < (0.15, 0.3, 0.5, 0.9)[seed]
    wanted[0, 1, 2] = wanted[1, 0, 2] = True
    whole, part = transport_quantities(states, "spin"), transport_quantities(states, "spin", wanted)
    np.testing.assert_array_equal(part.berry_spin, whole.berry_spin)
    for name in ("velocity_dipole", "conventional", "finite_q"):
        complete, found = getattr(whole, name), getattr(part, name)
        assert np.abs(complete[..., ~wanted]).max() > 1e-6
        np.testing.assert_array_equal(found[..., ~wanted], 0)
        np.testing.assert_allclose(
            found[..., wanted], complete[..., wanted], rtol=0, atol=1e-12 * np.abs(complete).max()
        )
    scale = np.abs(whole.interband_spin).max()
    np.testing.assert_allclose(
        part.interband_spin[..., 2, 2], whole.interband_spin[..., 2, 2], rtol=0, atol=1e-12 * scale
    )
