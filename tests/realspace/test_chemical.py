"""Slopes of bogolon magnetization: with μ inside the Hamiltonian, and with the occupation moved."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import solenoidal as sol
from solenoidal.errors import ConfigError, ModelError
from solenoidal.models import library
from solenoidal.models.bdg import shift_chemical_potential
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.realspace import magnetization_slopes
from solenoidal.responses.magnetization import Magnetization
from solenoidal.units import BOLTZMANN
from support.nambu import totals

MESH = (60, 60, 1)


def kelvin(kT: float) -> float:
    return kT / BOLTZMANN


def internal(value: float) -> float:
    """From e²/h to units of e²/ħ, carriers counted positive; e ∂M/∂μ carries e twice."""
    return value / (2 * np.pi)


@pytest.mark.parametrize(
    ("build", "expected"),
    [(library.chern_insulator_s_wave, 0.09009), (library.chern_insulator_chiral_d, 0.07119)],
    ids=["s wave", "chiral d wave"],
)
def test_with_mu_inside_the_hamiltonian_the_slope_has_the_reference_number(
    build: Callable[[], TightBinding], expected: float
) -> None:
    slopes = magnetization_slopes(build(), temperature=kelvin(0.01), mesh=(80, 80, 1)).sel(moment="z")
    found = internal(float(slopes.magnetization.sel(slope="hamiltonian")))
    assert found == pytest.approx(expected, abs=2e-5)
    other = internal(float(slopes.magnetization.sel(slope="occupation")))
    assert abs(other - found) > 0.02


def test_a_shifted_model_is_the_model_built_at_the_other_chemical_potential() -> None:
    moved = shift_chemical_potential(library.chern_insulator_s_wave(mu=1.4), 0.2)
    built = library.chern_insulator_s_wave(mu=1.6)
    assert moved.nambu.chemical_potential == pytest.approx(1.6)
    assert totals(moved, 12, 0.2)("M") == pytest.approx(totals(built, 12, 0.2)("M"), rel=1e-12)
    with pytest.raises(ModelError, match="not a Bogoliubov-de Gennes model"):
        shift_chemical_potential(library.qwz(mass=-1.0), 0.1)


def test_without_pairing_the_slope_with_mu_inside_is_that_of_the_metal_and_the_other_is_not() -> None:
    """Two equal Chern insulators in a metallic state: electrons and holes move apart when only the occupation does."""
    T = kelvin(0.1)
    slopes = magnetization_slopes(library.chern_insulator_s_wave(delta=0.0), temperature=T, mesh=MESH).sel(moment="z")
    single = sol.solve(
        library.qwz(mass=-1.0),
        [Magnetization(None, -1.0, electric=True)],
        sol.Numerics(mesh=MESH, energies=sol.FixedPoints((1.6,), (T,)), symmetry=None, audit=False),
    )
    metal = 2 * float(single.quantity("streda", 1.6, T)["magnetization"].squeeze()[2])
    assert abs(metal) > 0.1
    for name in ("magnetization", "M0"):
        assert float(slopes[name].sel(slope="hamiltonian")) == pytest.approx(metal, abs=1e-6)
        assert abs(float(slopes[name].sel(slope="occupation")) - metal) > 0.1
    assert np.isnan(float(slopes.symmetrised.sel(slope="occupation")))
    assert slopes.magnetization.attrs["units"] == "e²/h"


def test_the_occupation_slope_is_the_derivative_of_the_magnetization_with_its_level() -> None:
    model, T = library.two_orbitals_without_symmetry(), kelvin(0.3)
    slopes = magnetization_slopes(model, temperature=T, mesh=(16, 16, 1)).sel(moment="z")
    response = Magnetization("charge", -1.0, electric=True)
    h = 1e-3
    run = sol.solve(
        model,
        [response],
        sol.Numerics(mesh=(16, 16, 1), energies=sol.FixedPoints((-h, h), (T,)), symmetry=None, audit=False),
    )
    M = run.quantity("magnetization", [-h, h], T)["magnetization"].squeeze().values[:, 2]
    per_volt = (M[1] - M[0]) / (2 * h) / 3.8740459e-5  # e ∂M/∂μ in e²/h; e = −1
    assert abs(per_volt) > 0.01
    assert float(slopes.magnetization.sel(slope="occupation")) == pytest.approx(-per_volt, rel=1e-5)


@pytest.mark.parametrize("change", [{"temperature": 0.0}, {"temperature": 100.0, "step": 0.0}])
def test_zero_temperature_and_zero_steps_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="write positive numbers"):
        magnetization_slopes(library.chern_insulator_s_wave(), mesh=(4, 4, 1), **change)  # type: ignore[arg-type]
