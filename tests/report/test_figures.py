"""Figures show the numbers they are given, with units, error bands and nothing drawn across a jump of the path."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.figure import Figure

from solenoidal.errors import ResultError
from solenoidal.report.figures import (
    coloured_bands,
    convergence_figure,
    definitions_against_energy,
    density_of_states_figure,
    plane_maps,
)

XYZ = ["x", "y", "z"]
DIMS = ("mu", "temperature", "current", "field", "spin")


def tensor(unit: str, *names: str, error: float | None = None, seed: int = 0) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    mu = np.linspace(4.0, 6.0, 21)
    data = {}
    for name in names:
        data[name] = (DIMS, rng.normal(size=(21, 2, 3, 3, 3)), {"units": unit})
        if error is not None:
            data[f"{name}_error"] = (DIMS, np.full((21, 2, 3, 3, 3), error), {"units": unit})
    coords = {"mu": mu, "temperature": [0.0, 300.0], "current": XYZ, "field": XYZ, "spin": XYZ}
    return xr.Dataset(data, coords=coords)


def test_convergence_tells_the_kinds_of_sets_apart() -> None:
    kinds, points, errors = ["uniform", "symmetric", "symmetric"], [4096, 9121, 22781], [3.9, 1.8, 0.6]
    history = [
        {"kind": kind, "points": n, "error_over_tolerance": error}
        for kind, n, error in zip(kinds, points, errors, strict=True)
    ]
    axes = convergence_figure(history).axes[0]
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert drawn["shifted"] == [[4096, 3.9]]
    assert drawn["symmetric"] == [[9121, 1.8], [22781, 0.6]]
    assert "shifted, refined" not in drawn
    assert "k points" in axes.get_xlabel()


def test_each_definition_is_drawn_once_with_the_numbers_of_the_data() -> None:
    data = tensor("S/cm", "semiclassical", "conventional", "finite_q")
    figure = definitions_against_energy([(r"\sigma", data)], component="yxz", temperature=300.0, reference=5.0)
    lines = {line.get_label(): line for line in figure.axes[0].lines if not str(line.get_label()).startswith("_")}
    assert set(lines) == {"conserved, semiclassical", "conventional", "conserved, finite-$q$"}
    expected = np.asarray(data["conventional"].sel(current="y", field="x", spin="z", temperature=300.0))
    assert np.ptp(expected) > 0
    np.testing.assert_array_equal(lines["conventional"].get_ydata(), expected)
    np.testing.assert_allclose(lines["conventional"].get_xdata(), data["mu"] - 5.0)


def test_an_error_bar_becomes_a_band_of_one_standard_error() -> None:
    data = tensor("S/cm", "semiclassical", error=0.25)
    axes = definitions_against_energy([(r"\sigma", data)], component="xyz", temperature=0.0).axes[0]
    (band,) = axes.collections
    heights = {round(float(x), 6): [] for x in data["mu"]}
    for x, y in band.get_paths()[0].vertices:
        heights[round(float(x), 6)].append(y)
    spans = [max(ys) - min(ys) for ys in heights.values()]
    assert spans == pytest.approx([0.5] * 21)


def test_no_band_is_drawn_without_an_error_bar() -> None:
    data = tensor("S/cm", "semiclassical")
    assert not definitions_against_energy([(r"\sigma", data)], component="xyz", temperature=0.0).axes[0].collections


def test_every_axis_carries_its_unit() -> None:
    sigma, alpha = tensor("(ħ/|e|) S/cm", "semiclassical"), tensor("(ħ/|e|) A/(cm K)", "semiclassical")
    figure = definitions_against_energy([(r"\sigma", sigma), (r"\alpha", alpha)], component="xyz", temperature=0.0)
    upper, lower = figure.axes
    assert "(ħ/$|e|$) S/cm" in upper.get_ylabel()
    assert "(ħ/$|e|$) A/(cm K)" in lower.get_ylabel()
    assert "eV" in lower.get_xlabel()


@pytest.mark.parametrize(("component", "temperature"), [("xyw", 0.0), ("xyz", 77.0)])
def test_what_the_data_lacks_is_named(component: str, temperature: float) -> None:
    with pytest.raises(ResultError, match=r"it has .*temperature.*300"):
        definitions_against_energy(
            [(r"\sigma", tensor("S/cm", "conventional"))], component=component, temperature=temperature
        )


def test_an_unknown_output_is_refused() -> None:
    with pytest.raises(ResultError, match="it has other"):
        definitions_against_energy([(r"\sigma", tensor("S/cm", "other"))], component="xyz", temperature=0.0)


def test_bands_are_coloured_by_the_mean_of_their_ends_and_never_across_a_jump() -> None:
    distance = np.array([0.0, 1.0, 1.0, 2.0])
    energies = np.array([[0.0, 1.0], [0.1, 1.1], [0.5, 1.5], [0.6, 1.6]])
    values = np.array([[1.0, -1.0], [3.0, -3.0], [10.0, -10.0], [20.0, -20.0]])
    figure = coloured_bands(distance, energies, [("q [Å]", values)], ticks=[(0, "A"), (1, "B|C"), (2, "D")])
    (lines,) = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    assert len(lines.get_segments()) == 4
    np.testing.assert_allclose(np.asarray(lines.get_array()), [2.0, 15.0, -2.0, -15.0])
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["A", "B$|$C", "D"]


def test_the_colour_scale_of_bands_is_symmetric_about_zero() -> None:
    values = np.array([[1.0], [5.0], [100.0]])
    figure = coloured_bands([0, 1, 2], [[0.0], [1.0], [2.0]], [("q", values)], ticks=[])
    (lines,) = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    assert lines.norm.vmax is not None
    assert lines.norm.vmax > 0
    assert lines.norm.vmin == -lines.norm.vmax


def test_a_plane_map_shows_its_values_and_the_fermi_line() -> None:
    x, y = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21), indexing="ij")
    energy = (x**2 + y**2)[..., None]
    figure = plane_maps(x, y, [("x y [Å²]", x * y)], axes_labels=("$k_x$", "$k_y$"), energies=energy, level=0.25)
    (mesh,) = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh)]
    np.testing.assert_allclose(np.asarray(mesh.get_array()).reshape(21, 21), x * y)
    (contour,) = [c for c in figure.axes[0].collections if not isinstance(c, QuadMesh)]
    radii = np.linalg.norm(np.concatenate([p.vertices for p in contour.get_paths()]), axis=1)
    np.testing.assert_allclose(radii, 0.5, atol=0.01)


def test_a_vanishing_quantity_can_still_be_drawn() -> None:
    x, y = np.meshgrid(np.arange(3.0), np.arange(3.0), indexing="ij")
    figure = plane_maps(x, y, [("zero", np.zeros((3, 3)))], axes_labels=("a", "b"))
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()


def test_density_of_states_keeps_its_numbers_and_unit() -> None:
    density = xr.DataArray([1.0, 3.0, 2.0], {"energy": [4.0, 5.0, 6.0]}, ("energy",), attrs={"units": "states/eV"})
    axes = density_of_states_figure(density, reference=5.0).axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [1.0, 3.0, 2.0])
    assert "states/eV" in axes.get_ylabel()


def test_drawing_leaves_no_global_state() -> None:
    code = (
        "import sys, solenoidal.report.figures as p, matplotlib as m;"
        "state = lambda: {k: m.rcParams[k] for k in m.rcParams if k != 'backend'}; before = state();"
        "p.coloured_bands([0, 1], [[0.], [1.]], [('q', [[1.], [2.]])], ticks=[]);"
        "sys.exit(before != state() or 'matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
