"""Bands that touch along lines in three dimensions: the routes differ by a δ function, and the right one is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.models.library import random_model, rashba_square
from solenoidal.results.fallback import differs

E_8PI = 1 / (8 * np.pi)


def stack(alpha: float = 0.5, mass: float = 0.0) -> TightBinding:
    """Rashba layers of unit distance that do not see one another: the Dirac point of each is a line of touching."""
    layer = rashba_square(alpha=alpha, mass=mass)
    lattice = layer.lattice.copy()
    lattice[2] = (0.0, 0.0, 1.0)
    return TightBinding(lattice, 3, layer.hamiltonian, layer.position, layer.operators)


def run(model: TightBinding, response: object, replicas: int = 4, divisions: int = 128) -> sol.Result:
    points = sol.FixedPoints((-3.5,), (116.0,))
    numerics = sol.Numerics(mesh=(divisions, divisions, 2), energies=points, replicas=replicas)
    return sol.solve(model, [response], numerics)  # type: ignore[list-item]


def layer_value(result: sol.Result, output: str) -> float:
    """σ^z_xy of one layer in e/8π."""
    found = result.element("conductivity", "xyz", -3.5, 116.0)[output].item()
    factor = result.spectra["spin_conductivity"].quantities["conductivity"].unit.of(3).factor
    return found / factor / E_8PI


def test_a_stack_of_rashba_layers_has_the_value_of_its_layers(tmp_path: Path) -> None:
    result = run(stack(), sol.SpinConductivity())
    assert abs(layer_value(result, "semiclassical_surface")) == pytest.approx(1.0, abs=0.03)
    assert abs(layer_value(result, "semiclassical_sea")) < 0.02
    result.save(tmp_path / "stack.nc")
    for found in (result, sol.Result.load(tmp_path / "stack.nc")):
        data = found.conductivity(-3.5, 116.0)
        assert "two routes differ: bands touch or nearly touch along lines" in data["semiclassical"].attrs["route"]
        assert abs(layer_value(found, "semiclassical")) == pytest.approx(1.0, abs=0.03)
        assert layer_value(found, "torque_dipole") == pytest.approx(
            layer_value(found, "semiclassical") - layer_value(found, "conventional")
        )


def test_both_forms_of_the_magnetization_agree_on_a_stack() -> None:
    result = run(stack(mass=0.0), sol.Magnetization())
    data = result.quantity("magnetization", -3.5, 116.0)
    place = {"moment": "z", "spin": "z"}
    whole, eq13 = (data[name].sel(place).item() for name in ("magnetization", "eq13"))
    assert abs(eq13) > 1e-3
    assert abs(data["route_difference"].sel(place).item()) > 1e-3
    assert whole == eq13
    assert "bands touch or nearly touch along lines" in data["magnetization"].attrs["route"]


def test_without_lines_the_sea_route_stays() -> None:
    for model in (stack(mass=0.5), random_model(4, 3, 12)):
        result = run(model, sol.SpinConductivity(), divisions=24)
        data = result.conductivity(-3.5, 116.0)
        assert (
            data["semiclassical"]
            .attrs["route"]
            .startswith("a difference of the two routes is not certain, at 99.9 %, on 4")
        )
        np.testing.assert_array_equal(data["semiclassical"], data["semiclassical_sea"])


def test_one_mesh_cannot_tell_and_says_so() -> None:
    result = run(stack(), sol.SpinConductivity(), replicas=1, divisions=24)
    assert "needs three shifted meshes" in result.conductivity(-3.5, 116.0)["semiclassical"].attrs["route"]


def test_chance_and_rounding_are_not_taken_for_a_difference() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(4, 300, 1, 3, 3))
    assert not differs(noise, noise).any()
    shifted = noise * 1e-4 + 1.0
    assert differs(shifted, shifted).all()
    assert not differs(1e-6 * shifted, shifted).any()
    assert not differs(shifted[:2], shifted[:2]).any()
