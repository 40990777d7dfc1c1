"""The reading of a superconductor's magnetization, its figures, the example that draws them and the tutorial."""

from __future__ import annotations

import doctest
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

import solenoidal as sol
from solenoidal.errors import ResultError
from solenoidal.models import library
from solenoidal.report.superconductor_figures import (
    CIRCUITS,
    TOTALS,
    bogolon_maps,
    dipole_arrows,
    magnetization_parts,
    phase_diagram,
    quantised_hall,
)
from solenoidal.responses.superconductor import superconductor_responses
from solenoidal.results.bogolons import _warning, magnetization_table
from solenoidal.units import BOLTZMANN
from support.nambu import totals

ROOT = Path(__file__).resolve().parents[2]
AMPERE_PER_ELECTRONVOLT = 2.434134806e-4


def table_of(kT: float) -> xr.Dataset:
    model = library.chern_insulator_s_wave()
    kelvin = kT / BOLTZMANN
    result = sol.solve(
        model,
        superconductor_responses(model),
        sol.Numerics(mesh=(24, 24, 1), energies=sol.FixedPoints((0.0,), (kelvin,)), symmetry=None),
    )
    return magnetization_table(result, kelvin)


def test_the_table_holds_every_reading_in_amperes_for_negative_carriers() -> None:
    table = table_of(0.1).isel(temperature=0).sel(moment="z")
    expected = totals(library.chern_insulator_s_wave(), 24, 0.1)
    for name, key in (("magnetization", "M"), ("symmetrised", "M_sym"), ("M0", "M0"), ("berry", "berry")):
        assert abs(expected(key)) > 1e-3
        assert float(table[name]) == pytest.approx(-AMPERE_PER_ELECTRONVOLT * expected(key), rel=1e-8)
    filled = AMPERE_PER_ELECTRONVOLT * 0.1 * np.log(2) * expected("S")
    assert float(table["filled_bands"]) == pytest.approx(filled, rel=1e-8)
    assert {values.attrs["units"] for values in table.data_vars.values()} == {"A"}


def test_the_table_warns_when_filled_bands_take_a_share_of_the_magnetization() -> None:
    assert table_of(0.01).attrs["warning"] == ""
    assert "from 3481.36 K on" in table_of(0.3).attrs["warning"]


@pytest.mark.parametrize(("filled", "said"), [(1e-20, ""), (1e-4, "from 10 K on")])
def test_rounding_of_the_filled_bands_beside_large_parts_that_cancel_is_no_warning(filled: float, said: str) -> None:
    values = {"filled_bands": [0.0, 0.0, filled], "symmetrised": [0.0, 0.0, 0.0], "berry": [0.0, 0.0, 1e-3]}
    dims = ("temperature", "moment")
    table = xr.Dataset({name: (dims, [row]) for name, row in values.items()}, coords={"temperature": [10.0]})
    assert _warning(table)[: len("from 10 K on")] == said


GRID = np.meshgrid(np.linspace(-1, 1, 31), np.linspace(-2, 2, 25), indexing="ij")


def test_arrows_point_along_the_dipole_and_hot_spots_are_cut() -> None:
    x, y = GRID
    dipole = np.stack([-y, x], axis=-1)
    dipole[3, 4] *= 1e6
    figure = dipole_arrows(x, y, dipole, ("ρ  [e]", x * y), energies=x)
    (arrows,) = (c for c in figure.axes[0].collections if isinstance(c, Quiver))
    angle = np.arctan2(arrows.V, arrows.U)
    at = arrows.XY
    np.testing.assert_allclose(np.cos(angle - np.arctan2(at[:, 0], -at[:, 1])), 1.0, atol=1e-9)
    assert np.hypot(arrows.U, arrows.V).max() < 5
    with pytest.raises(ResultError, match="do not belong together"):
        dipole_arrows(x, y, dipole[..., 0], ("ρ", x))


def test_maps_show_their_values_on_a_scale_symmetric_about_zero() -> None:
    x, y = GRID
    figure = bogolon_maps(x, y, [("a", x + 3), ("b", -y)], energies=x)
    for axes, values in zip(figure.axes[:2], (x + 3, -y), strict=True):
        (image,) = (c for c in axes.collections if isinstance(c, QuadMesh))
        np.testing.assert_array_equal(np.asarray(image.get_array()).reshape(x.shape), values)
        low, high = image.get_clim()
        assert low == -high < 0


def test_the_magnetization_is_drawn_above_its_circuits() -> None:
    x = np.linspace(0, 1, 7)
    parts = {name: (i + 1) * x for i, name in enumerate([*TOTALS, *CIRCUITS])}
    figure = magnetization_parts(x, parts, variable_label="$T$", unit="A", mark=(0.5, "$T_c$"))
    for axes, curves in zip(figure.axes, (TOTALS, CIRCUITS), strict=True):
        lines = {line.get_label(): np.asarray(line.get_ydata()) for line in axes.lines}
        for name, curve in curves.items():
            np.testing.assert_array_equal(lines[curve.label], parts[name])
    with pytest.raises(ResultError, match="there is none of local_circulation"):
        magnetization_parts(x, {"M0": x}, variable_label="T", unit="A")


def test_the_quantum_is_marked_beside_the_curves() -> None:
    x = np.linspace(0.1, 1, 5)
    figure = quantised_hall(x, [("p wave", -0.5 * x)], quantum=-0.5)
    levels = [np.asarray(line.get_ydata()) for line in figure.axes[0].lines if line.get_label() == "-0.5"]
    assert [list(level) for level in levels] == [[-0.5, -0.5]]


def test_a_phase_diagram_draws_borders_half_way_between_quantised_values() -> None:
    mu, delta = np.linspace(-3, 3, 13), np.linspace(0.1, 1, 7)
    heat = np.where(mu > 0.2, 2.0, 0.0) * np.ones((7, 1))
    figure = phase_diagram(mu, delta, [("heat", heat), ("moment", 0.1 * heat)], steps=1.0)
    borders = [[c for c in axes.collections if isinstance(c, QuadContourSet)] for axes in figure.axes[:2]]
    assert [len(found) for found in borders] == [1, 0]
    np.testing.assert_array_equal(borders[0][0].levels, [0.5, 1.5])
    (image,) = (c for c in figure.axes[0].collections if isinstance(c, QuadMesh))
    np.testing.assert_array_equal(np.asarray(image.get_array()).reshape(heat.shape), heat)
    with pytest.raises(ResultError, match=r"shape \(7, 13\); expected \(13, 7\)"):
        phase_diagram(delta, mu, [("heat", heat)])


def test_the_example_draws_all_its_figures(tmp_path: Path) -> None:
    path = ROOT / "examples" / "chiral_superconductor" / "chiral_superconductor.py"
    specification = importlib.util.spec_from_file_location("chiral_superconductor_example", path)
    assert specification is not None
    assert specification.loader is not None
    example = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(example)
    figures = example.figures(mesh=8, points=3, side=11)
    assert set(figures) == {
        "dipole",
        "maps",
        "magnetization_temperature",
        "magnetization_gap",
        "magnetization_mu",
        "phase_diagram",
        "thermal_hall",
    }
    for name, figure in figures.items():
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / f"{name}.png", dpi=40)
        assert (tmp_path / f"{name}.png").stat().st_size > 2000


def test_the_tutorial_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = ROOT / "docs" / "tutorials" / "chiral_superconductor.md"
    failed, attempted = doctest.testfile(str(path), module_relative=False, encoding="utf-8")
    assert attempted > 40
    assert failed == 0
    assert (tmp_path / "dipole.png").exists()
