"""Accuracy on request: the estimate is honest, the mesh follows the tolerance, the outcome is part of the result."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.errors import ConfigError
from solenoidal.integrate.meshes import SymmetricMeshes
from solenoidal.integrate.tolerance import widening_factor
from solenoidal.models.library import kagome_antiferromagnet, kane_mele, random_model, rashba_square

CASES = {
    "Rashba": (rashba_square(t=1.0, alpha=0.5, mass=0.4), -2.2, 1200.0),
    "Kane-Mele": (kane_mele(t=1.0, lambda_so=0.06, lambda_r=0.05, lambda_v=0.1), -0.8, 800.0),
    "random": (random_model(3, 2, 7), -0.4, 1500.0),
}


def solved(name: str, divisions: int, replicas: int, seed: int) -> sol.Result:
    model, mu, temperature = CASES[name]
    return sol.solve(
        model,
        [sol.SpinConductivity()],
        sol.Numerics(
            mesh=(divisions, divisions, 1),
            energies=sol.FixedPoints((mu,), (temperature,)),
            replicas=replicas,
            seed=seed,
            audit=False,
            threads=1,
        ),
    )


@pytest.mark.parametrize("name", CASES)
def test_twice_the_estimate_covers_the_true_error_in_95_percent_of_cases(name: str) -> None:
    _, mu, temperature = CASES[name]
    far = solved(name, 160, 2, 99).conductivity(mu, temperature)
    covered = []
    for divisions in (6, 9, 14):
        for seed in range(12):
            data = solved(name, divisions, 8, seed).conductivity(mu, temperature)
            for output in ("conventional", "finite_q"):
                truth = far[output].values
                assert np.abs(truth).max() > 1e-3
                component = np.unravel_index(np.argmax(np.abs(truth)), truth.shape)
                estimate = data[f"{output}_error"].values[component] * widening_factor(8)
                covered.append(abs(data[output].values[component] - truth[component]) < 2 * estimate)
    assert len(covered) == 72
    assert np.mean(covered) >= 0.95


SYMMETRIC = {
    **{name: case for name, case in CASES.items() if name != "random"},
    "Rashba, massless and cold": (rashba_square(t=1.0, alpha=0.5), -3.5, 300.0),
    "Kane-Mele, in the gap": (CASES["Kane-Mele"][0], 0.0, 300.0),
    "kagome antiferromagnet": (kagome_antiferromagnet(J=1.7), 1.0, 800.0),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_twice_the_estimate_of_symmetric_sets_covers_the_true_error_in_95_percent_of_cases(name: str) -> None:
    model, mu, temperature = SYMMETRIC[name]
    points, responses = sol.FixedPoints((mu,), (temperature,)), [sol.SpinConductivity()]
    far = sol.solve(
        model, responses, sol.Numerics(mesh=(240, 240, 1), energies=points, replicas=2, seed=9, audit=False, threads=1)
    )
    reference = far.conductivity(mu, temperature)
    covered = []
    for divisions in (6, 8, 11, 14, 18, 23, 29):
        mesh = SymmetricMeshes(divisions, 2)
        result = sol.solve(
            model, responses, sol.Numerics(mesh=mesh, energies=points, replicas=8, audit=False, threads=1)
        )
        assert result.attrs["k_points_evaluated"] < result.attrs["k_points_represented"] / 2
        data = result.conductivity(mu, temperature)
        for output in ("conventional", "semiclassical", "finite_q"):
            truth = reference[output].values
            component = np.unravel_index(np.argmax(np.abs(truth)), truth.shape)
            if abs(truth[component]) < 1e-9:
                continue
            estimate = data[f"{output}_error"].values[component] * widening_factor(8)
            left = 2 * reference[f"{output}_error"].values[component]
            covered.append(abs(data[output].values[component] - truth[component]) < 2 * estimate + left)
    assert len(covered) >= 14
    assert np.mean(covered) >= 0.95


def test_symmetric_crystals_are_integrated_on_symmetric_sets_to_the_error_asked_for() -> None:
    model, mu, temperature = SYMMETRIC["Kane-Mele"]
    accuracy = sol.Accuracy((mu,), (temperature,), relative=0.003)
    points = sol.FixedPoints((mu,), (temperature,))
    result = sol.converge(model, [sol.SpinConductivity()], sol.Numerics(accuracy=accuracy, energies=points))
    history = result.attrs["convergence"]["history"]
    assert history[0]["kind"] == "uniform"
    assert {row["kind"] for row in history[1:]} == {"symmetric"}
    far = sol.solve(
        model, [sol.SpinConductivity()], sol.Numerics(mesh=(400, 400, 1), energies=points, replicas=2, audit=False)
    )
    truth, data = far.conductivity(mu, temperature), result.conductivity(mu, temperature)
    for output in accuracy.outputs:
        scale = np.abs(truth[output]).max()
        assert scale > 1e-3
        assert np.abs(data[output] - truth[output]).max() < 2 * 0.003 * scale


@pytest.mark.parametrize("tolerance", [0.1, 0.01])
def test_the_error_asked_for_is_reached(tolerance: float) -> None:
    model, mu, temperature = CASES["random"]
    accuracy = sol.Accuracy((mu,), (temperature,), relative=tolerance)
    points = sol.FixedPoints((mu,), (temperature,))
    result = sol.converge(model, [sol.SpinConductivity()], sol.Numerics(accuracy=accuracy, energies=points))
    convergence = result.attrs["convergence"]
    assert convergence["state"] == sol.Convergence.CONVERGED.name
    assert convergence["history"][-1]["error_over_tolerance"] <= 1
    far = solved("random", 160, 2, 99).conductivity(mu, temperature)
    data = result.conductivity(mu, temperature)
    for output in accuracy.outputs:
        scale = np.abs(far[output]).max()
        assert scale > 1e-3
        assert np.abs(data[output] - far[output]).max() < 2 * tolerance * scale


def test_one_of_several_conductivities_is_chosen_for_the_accuracy() -> None:
    model = rashba_square(t=1.0, alpha=0.5, mass=0.4)
    responses = [sol.SpinConductivity(), sol.SpinConductivity(charge=2.0, name="doubly")]
    points = sol.FixedPoints((-2.2,), (1200.0,))

    def run(responses: list[sol.SpinConductivity], **wanted: float | str) -> sol.Result:
        accuracy = sol.Accuracy(mu=(-2.2,), temperature=(1200.0,), **wanted)
        return sol.converge(model, responses, sol.Numerics(accuracy=accuracy, energies=points, threads=1))

    with pytest.raises(ConfigError, match=r"offered by spin_conductivity, doubly; choose one, .*response='spin_cond"):
        run(responses, relative=0.05)
    with pytest.raises(ConfigError, match="no response offers the quantity 'conductivity' of response 'third'"):
        run(responses, relative=0.05, response="third")
    absolute = 1e-3
    both = [
        run(responses, absolute=absolute, response=name).attrs["convergence"]
        for name in ("doubly", "spin_conductivity")
    ]
    alone = run([sol.SpinConductivity(charge=2.0)], absolute=absolute).attrs["convergence"]
    first = [found["history"][0]["error_over_tolerance"] for found in (*both, alone)]
    assert first[0] == pytest.approx(first[2], rel=1e-9)
    assert first[0] == pytest.approx(2 * first[1], rel=1e-9)


def test_a_tighter_tolerance_takes_more_points() -> None:
    model, mu, temperature = CASES["random"]
    points = sol.FixedPoints((mu,), (temperature,))
    spent = [
        sol.converge(
            model,
            [sol.SpinConductivity()],
            sol.Numerics(accuracy=sol.Accuracy((mu,), (temperature,), relative=x), energies=points),
        ).attrs["k_points_evaluated"]
        for x in (0.3, 1e-6)
    ]
    assert spent[1] > spent[0]


def test_the_point_limit_is_said_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    model, mu, temperature = CASES["random"]
    with caplog.at_level(logging.WARNING):
        result = sol.converge(
            model,
            [sol.SpinConductivity()],
            sol.Numerics(
                accuracy=sol.Accuracy((mu,), (temperature,), absolute=1e-13),
                energies=sol.FixedPoints((mu,), (temperature,)),
                maximum_points=6000,
            ),
        )
    assert result.attrs["convergence"]["state"] == sol.Convergence.POINT_LIMIT.name
    assert "accuracy not reached" in caplog.text


def test_a_tolerance_has_no_default_and_the_error_says_what_to_write() -> None:
    with pytest.raises(ConfigError, match=r"write for example relative=0\.01"):
        sol.Accuracy((0.0,), (300.0,))
    with pytest.raises(ConfigError, match="at least 3 shifted meshes"):
        sol.converge(
            CASES["random"][0],
            [sol.SpinConductivity()],
            sol.Numerics(
                accuracy=sol.Accuracy((0.0,), (300.0,), relative=0.1),
                energies=sol.FixedPoints((0.0,), (300.0,)),
                replicas=2,
            ),
        )


def test_an_output_undefined_in_a_metal_does_not_hide_the_error_of_the_others() -> None:
    model = kane_mele(t=1.0, lambda_so=0.06, lambda_r=0.05, lambda_v=0.1)
    points = sol.FixedPoints((-0.8,), (800.0,))
    result = sol.solve(
        model,
        [sol.SpinConductivity(occupied_bands=2)],
        sol.Numerics(mesh=(12, 12, 1), energies=points, replicas=4, audit=False),
    )
    alone = sol.Accuracy((-0.8,), (800.0,), relative=0.01, outputs=("conventional",))
    both = sol.Accuracy((-0.8,), (800.0,), relative=0.01, outputs=("conventional", "projector"))
    assert np.isnan(result.conductivity(-0.8, 800.0)["projector"]).all()
    assert alone.shortfall(result) > 0.1
    assert both.shortfall(result) == alone.shortfall(result)
