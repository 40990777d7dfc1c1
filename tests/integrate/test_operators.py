"""Scalar, polar, axial and rank-2 operators: symmetry spares work and changes no number."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.errors import ModelError, SymmetryError
from solenoidal.io.model_file import load_model, save_model
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import kane_mele
from solenoidal.models.operator import Operator
from solenoidal.responses.density import LocalDensity
from solenoidal.responses.response import Response
from solenoidal.symmetry.search import find_symmetry
from support.shells import KINDS, shells, turned

POINTS = sol.FixedPoints((-0.4,), (1200.0,))
MESH = (8, 8, 1)


def responses(operator: str) -> list[Response]:
    return [
        sol.SpinConductivity(operator, name="spin_conductivity"),
        sol.Magnetization(operator),
        sol.SpinMoment(operator),
        LocalDensity(operator),
    ]


def tensors(result: sol.Result) -> dict[str, np.ndarray]:
    """Every output of every quantity."""
    return {
        f"{response} {name} {output}": array.values[0, 0]
        for response, spectrum in result.spectra.items()
        for name in spectrum.quantities
        for output, array in result.quantity(name, POINTS.mu, POINTS.temperature, response=response).items()
    }


def solved(model: TightBinding, operator: str, symmetry: object = "auto") -> sol.Result:
    return sol.solve(
        model, responses(operator), sol.Numerics(mesh=MESH, energies=POINTS, symmetry=symmetry, threads=1, audit=False)
    )


@pytest.mark.parametrize("exchange", [0.0, 0.3])
@pytest.mark.parametrize("kind", KINDS)
def test_the_reduced_zone_gives_what_the_full_zone_gives(kind: str, exchange: float) -> None:
    model = shells(exchange)
    reduced, full = solved(model, kind), solved(model, kind, None)
    # A scalar in a plane does not see which side is up, so that every operation counts twice.
    assert reduced.attrs["symmetry_operations"] == (8 if exchange else 16) * (2 if kind == "occupation" else 1)
    assert reduced.attrs["k_points_evaluated"] < 0.4 * full.attrs["k_points_evaluated"]
    parts, wholes = tensors(reduced), tensors(full)
    seen = set()
    for name, whole in wholes.items():
        scale = max(1.0, float(np.abs(whole).max()))
        np.testing.assert_allclose(parts[name], whole, rtol=0, atol=1e-10 * scale, err_msg=name)
        if np.abs(whole).max() > 1e-4 * scale:
            seen.add(name.split()[0])
    # Without exchange the conductivity of an operator that time reversal keeps vanishes, and the moment of one that it
    # reverses.
    even = model.operators[kind].time_reversal == 1
    expected = {"spin_conductivity", "magnetization", "spin_moment", "local_density"}
    if not exchange:
        expected -= {"spin_conductivity", "magnetization"} if even else {"spin_moment"}
    if kind == "dipole" and not exchange:
        assert np.abs(wholes["spin_moment spin_moment spin_moment"][2]) > 1e-3
    assert expected <= seen


@pytest.mark.parametrize("kind", KINDS)
def test_results_turn_with_the_crystal_as_the_legs_say(kind: str) -> None:
    """The crystal and its operators turned by any rotation: every leg of the result turns, current and field first."""
    model = shells(0.3)
    axis = np.array([0.3, -0.5, 0.8]) / np.linalg.norm([0.3, -0.5, 0.8])
    K = np.cross(np.eye(3), axis)
    R = np.eye(3) + np.sin(0.7) * K + (1 - np.cos(0.7)) * K @ K
    before, after = tensors(solved(model, kind, None)), tensors(solved(turned(model, R), kind, None))
    rank = model.operators[kind].rank
    for name in ("spin_conductivity conductivity finite_q", "spin_conductivity conductivity conventional"):
        assert np.abs(before[name]).max() > 1e-3
        expected = before[name]
        for leg in range(2 + rank):
            expected = np.moveaxis(np.tensordot(R, expected, axes=(1, leg)), 0, leg)
        assert np.abs(expected - before[name]).max() > 0.1 * np.abs(before[name]).max()
        np.testing.assert_allclose(after[name], expected, rtol=0, atol=1e-10 * np.abs(expected).max())


def test_an_operator_that_is_attached_and_not_used_changes_nothing() -> None:
    """A random matrix has no symmetry at all; tested with every other operator it would leave the identity."""
    model = shells(0.0)
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(3, 8, 8)) + 1j * rng.normal(size=(3, 8, 8))
    idle = Operator.constant(noise + noise.conj().swapaxes(-1, -2), ("polar",), 1)
    with_idle = replace(model, operators={**model.operators, "idle": idle})
    assert find_symmetry(with_idle, operators=("idle",)).group.size == 1
    plain, other = solved(model, "spin"), solved(with_idle, "spin")
    assert plain.attrs["symmetry_report"] == other.attrs["symmetry_report"]
    for name, value in tensors(plain).items():
        np.testing.assert_array_equal(tensors(other)[name], value)


def test_kramers_pairs_are_those_of_the_hamiltonian_whatever_operator_is_used() -> None:
    model = kane_mele(lambda_so=0.1)
    uneven = Operator.constant(np.diag([0.0, 1.0, 2.0, 4.0]), (), 1)
    with_uneven = replace(model, operators={**model.operators, "uneven": uneven})
    for operators in ((), ("spin",), ("uneven",)):
        assert find_symmetry(with_uneven, operators=operators).kramers_pairs
    assert find_symmetry(with_uneven, operators=("uneven",)).group.size < find_symmetry(model).group.size


def test_an_operator_that_does_not_turn_as_it_states_costs_symmetry_and_no_number() -> None:
    model = shells(0.3)
    wrong = replace(model.operators["dipole"], legs=("axial",))
    stated = replace(model, operators={"dipole": wrong})
    reduced, full = solved(stated, "dipole"), solved(stated, "dipole", None)
    assert reduced.attrs["symmetry_operations"] < 8
    for name, whole in tensors(full).items():
        np.testing.assert_allclose(tensors(reduced)[name], whole, rtol=0, atol=1e-10 * max(1.0, np.abs(whole).max()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_law_that_is_not_stated_takes_the_full_zone_and_says_so(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    model = shells(0.3)
    silent = replace(model.operators[kind], legs=None, time_reversal=None)
    unknown = replace(model, operators={kind: silent})
    with caplog.at_level(logging.WARNING):
        result = solved(unknown, kind)
    text = f"operator {kind!r} does not state how it turns, so the whole zone is used"
    assert text in caplog.text
    assert text in result.attrs["symmetry_report"]
    assert result.attrs["k_points_evaluated"] == np.prod(MESH)
    stated = tensors(solved(model, kind, None))
    for name, value in tensors(result).items():
        np.testing.assert_allclose(value, stated[name], rtol=0, atol=1e-12 * max(1.0, np.abs(value).max()))
    with pytest.raises(SymmetryError, match=f"operator {kind!r} does not state how it turns, so the"):
        solved(unknown, kind, find_symmetry(model).group)


def test_band_quantities_have_an_axis_for_every_leg() -> None:
    model = shells(0.3)
    for kind, rank in (("occupation", 0), ("dipole", 1), ("quadrupole", 2)):
        data = sol.sample(model, sol.BandGeometry(kind), [[0.1, 0.2, 0.0]])
        assert data["spin"].ndim == 2 + rank
        assert data["conventional"].ndim == 4 + rank
    Q = sol.sample(model, sol.BandGeometry("quadrupole"), [[0.1, 0.2, 0.0]])["spin"].values
    assert np.abs(Q).max() > 0.1
    np.testing.assert_allclose(np.trace(Q, axis1=2, axis2=3), 0, atol=1e-12)


def test_an_operator_that_the_model_has_not_is_named_before_the_run() -> None:
    with pytest.raises(ModelError, match="no operator 'orbital'"):
        solved(shells(0.0), "orbital")


def test_the_law_survives_the_file(tmp_path: object) -> None:
    model = shells(0.3)
    again = load_model(save_model(model, f"{tmp_path}/shells.npz"))
    for name, operator in model.operators.items():
        found = again.operators[name]
        assert (found.law, found.unit, found.name) == (operator.law, operator.unit, name)
        np.testing.assert_array_equal(found.matrices, operator.matrices)


def test_units_of_results_name_the_unit_of_the_operator() -> None:
    model = shells(0.3)
    result = solved(model, "quadrupole")
    assert result.conductivity(*POINTS.mu, *POINTS.temperature)["finite_q"].attrs["units"] == "(|e|/h) (Å²)"
    assert result.spin_moment(*POINTS.mu, *POINTS.temperature)["spin_moment"].attrs["units"] == "(Å²)/cell"
