"""Kernels, units and declarations of a response: one table each, mistakes refused where they are made."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import solenoidal as sol
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ResponseError
from solenoidal.geometry.expressions import ONE, re_diagonal
from solenoidal.models.library import haldane
from solenoidal.responses.kernels import KERNELS, THERMAL_KERNELS, Kernel
from solenoidal.responses.response import Part, Quantity, Term
from solenoidal.units import UNITS, Unit, unit
from support.parallel_transport import slope

ENERGY = np.linspace(-1.0, 1.2, 45)
MU, TEMPERATURE = 0.13, 900.0
PART = Part("states", "fermi")


@pytest.mark.parametrize("kernel", THERMAL_KERNELS, ids=repr)
def test_the_declared_derivatives_of_a_kernel_are_its_derivatives(kernel: Kernel) -> None:
    found = {
        "mu": slope(lambda x: kernel(ENERGY, MU + x, TEMPERATURE), 5e-3),
        "temperature": slope(lambda x: kernel(ENERGY, MU, TEMPERATURE + x), 5.0),
    }
    for name, declared in (("mu", kernel.per_mu), ("temperature", kernel.per_temperature)):
        if declared is not None:
            expected = declared[1] * KERNELS[declared[0]](ENERGY, MU, TEMPERATURE)
            scale = np.abs(expected).max()
            assert scale > 1e-8
            np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-7 * scale)


def test_every_kernel_of_equilibrium_has_its_derivatives() -> None:
    assert all(KERNELS[name].per_mu and KERNELS[name].per_temperature for name in ("fermi", "grand_potential"))


def test_a_thermal_force_replaces_the_filling_by_the_entropy_inside_and_outside_the_derivative() -> None:
    """∂e/∂μ belongs to −∂T as ∂f/∂μ to the force."""
    fermi = Part("x", "fermi", 2.0, "i->i")
    assert fermi.in_thermal_force().per_mu() == fermi.per_mu().in_thermal_force()
    assert fermi.in_thermal_force() == Part("x", "entropy", 2.0, "i->i")


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=repr)
def test_a_kernel_at_low_temperature_tends_to_its_step_its_ramp_and_its_delta_function(kernel: Kernel) -> None:
    away = np.array([-0.5, -0.2, 0.3])
    np.testing.assert_allclose(kernel(away, 0.0, 10.0), kernel(away, 0.0, 0.0), atol=1e-12)
    fine = np.linspace(-0.1, 0.1, 20001)
    difference = kernel(fine, 0.0, 3.0) - kernel(fine, 0.0, 0.0)
    # What is left at μ is the δ function, and terms that vanish with temperature.
    assert np.sum(difference) * (fine[1] - fine[0]) == pytest.approx(kernel.delta, abs=1e-6)
    below = np.array([-0.4])
    assert kernel(below, 0.0, 10.0)[0] == pytest.approx(kernel.step + kernel.ramp * -0.4, abs=1e-12)


def test_kernels_and_units_travel_between_processes_and_name_themselves_briefly() -> None:
    for value in (*KERNELS.values(), *UNITS.values()):
        assert pickle.loads(pickle.dumps(value)) == value
        assert repr(value) == f"{type(value).__name__}({value.name!r})"
    assert len({hash(value) for value in (*KERNELS.values(), *UNITS.values())}) == len(KERNELS) + len(UNITS)
    assert pickle.loads(pickle.dumps(KERNELS["heat"])) is KERNELS["heat"]
    own = Unit("valley", two=("e²/h", 6.28))
    assert pickle.loads(pickle.dumps(own)) == own
    assert repr(own) == "Unit('valley', two=('e²/h', 6.28))"


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "misspelt kernel": (lambda: Part("states", "minus_fermi_deriv"), "'states'.*'minus_fermi_deriv'.*write 'minus_f"),
    "kernel of another type": (lambda: Part("states", None), "kernel is None; write one of fermi"),  # type: ignore[arg-type]
    "kernel of one's own": (lambda: Part("x", Kernel("fermi", np.multiply)), "kernel is Kernel"),
    "empty term": (lambda: Part("", "fermi"), "name of a term is ''"),
    "factor not a number": (lambda: Part("states", "fermi", math.nan), "factor is nan; write a finite"),
    "complex factor": (lambda: Part("states", "fermi", 1j), "factor is 1j"),  # type: ignore[arg-type]
    "no arrow": (lambda: Part("states", "fermi", 1.0, "ij"), "subscripts are 'ij'; write the letters"),
    "axis out of nothing": (lambda: Part("states", "fermi", 1.0, "i->ij"), "'i->ij'"),
    "axis twice": (lambda: Part("states", "fermi", 1.0, "ij->ii"), "'ij->ii'"),
    "short Levi-Civita symbol": (lambda: Part("states", "fermi", 1.0, "ij,j->i"), "'ij,j->i'"),
    "unknown unit": (lambda: Quantity({"a": (PART,)}, (), "conductivty"), "unit 'conductivty'.*write 'conductivity'"),
    "unit of another type": (lambda: Quantity({"a": (PART,)}, (), 3), "unit is 3"),  # type: ignore[arg-type]
    "no outputs": (lambda: Quantity({}, (), "nernst"), "no outputs"),
    "no parts": (lambda: Quantity({"a": ()}, (), "nernst"), "output 'a' has the parts"),
    "a bare part": (lambda: Quantity({"a": PART}, (), "nernst"), r"write a tuple of Part"),  # type: ignore[dict-item]
    "axes as one text": (lambda: Quantity({"a": (PART,)}, "field", "nernst"), "write a tuple of names"),
    "an axis twice": (lambda: Quantity({"a": (PART,)}, ("field", "field"), "nernst"), "write different names"),
    "a reserved axis": (lambda: Quantity({"a": (PART,)}, ("mu",), "nernst"), "none of them mu"),
    "axes that do not fit": (
        lambda: Quantity({"a": (Part("v", "fermi", 1.0, "lij,j->il"),)}, ("current",), "nernst"),
        "'a': the part of term 'v' makes 2 axes .* has 1",
    ),
    "filled bands of nothing": (
        lambda: Quantity({"projector": (PART,)}, (), "nernst", filled_bands={"projektor": 2}),
        "'projektor', which does not exist; write 'projector'",
    ),
    "no filled bands": (
        lambda: Quantity({"a": (PART,)}, (), "nernst", filled_bands={"a": 0}),
        "filled_bands of output 'a' is 0",
    ),
    "a unit without a name": (lambda: Unit("", two=("eV", 1.0)), "name of a unit is ''"),
    "a unit without a label": (lambda: Unit("mine"), "'mine' has no label in any dimension"),
    "a unit without a factor": (lambda: Unit("mine", two=("eV",)), "'mine' has two ="),  # type: ignore[arg-type]
    "a unit of factor zero": (lambda: Unit.same("mine", "eV", 0.0), "finite factor other than zero"),
    "a unit in another dimension": (lambda: Unit("mine", two=("eV", 1.0)).of(3), "not defined for dimension 3"),
    "an unknown unit by name": (lambda: unit("magnetisation", 2), "write 'magnetization'"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_refused_where_it_is_made_with_what_to_write_instead(mistake: str) -> None:
    make, message = WRONG[mistake]
    with pytest.raises(ResponseError, match=message):
        make()


def test_a_kernel_without_a_derivative_says_so() -> None:
    with pytest.raises(ResponseError, match="'heat' has no derivative by mu"):
        Part("states", "heat").per_mu()
    with pytest.raises(ResponseError, match="'heat' has no partner in a thermal force"):
        Part("states", "heat").in_thermal_force()


@dataclass(frozen=True)
class Own:
    """A response with a unit of its own, which is defined in two dimensions."""

    unit: Unit
    name: str = "own"
    operators: tuple[str, ...] = ()

    def terms(self, model: Model) -> Mapping[str, Term]:
        return {"states": Term((), 1, lambda: re_diagonal(ONE))}

    def quantities(self, model: Model) -> Mapping[str, Quantity]:
        return {"dozens": Quantity({"dozens": (PART,)}, (), self.unit, per_cell=True)}


@pytest.mark.parametrize("own", [Unit("dozens", two=("dozen", 1 / 12)), Unit("conductivity", two=("dozen", 1 / 12))])
def test_a_unit_of_ones_own_is_printed_saved_and_loaded(own: Unit, tmp_path: Path) -> None:
    points = sol.FixedPoints((9.0,), (10.0,))
    run = sol.solve(haldane(t2=0.1), [Own(own)], sol.Numerics(mesh=(4, 4, 1), energies=points))
    again = sol.Result.load(run.save(tmp_path / "own.nc"))
    for result in (run, again):
        found = result.quantity("dozens", 9.0, 10.0)["dozens"]
        assert found.attrs["units"] == "dozen"
        assert found.item() == pytest.approx(2 / 12)
    loaded = again.spectra["own"].quantities["dozens"]
    assert (loaded.unit, loaded.outputs) == (own, {"dozens": (PART,)})


def test_a_file_of_the_format_before_is_still_read(tmp_path: Path) -> None:
    """Format 1 stored the name of the unit alone."""
    points = sol.FixedPoints((0.5,), (10.0,))
    run = sol.solve(haldane(t2=0.1), [sol.AnomalousHallConductivity()], sol.Numerics(mesh=(6, 6, 1), energies=points))
    with xr.open_dataset(run.save(tmp_path / "new.nc"), engine="h5netcdf", phony_dims="access") as stored:
        data = stored.load()
    header = json.loads(data.attrs["solenoidal"])
    header["format"] = "solenoidal result 1"
    for quantity in header["quantities"]["anomalous_hall"].values():
        quantity["unit_kind"] = quantity.pop("unit")["name"]
    data.attrs["solenoidal"] = json.dumps(header)
    data.to_netcdf(tmp_path / "old.nc", engine="h5netcdf")
    found, expected = (r.anomalous_hall(0.5, 10.0) for r in (sol.Result.load(tmp_path / "old.nc"), run))
    assert np.abs(expected["anomalous_hall"]).max() > 0.1
    xr.testing.assert_identical(found, expected)
