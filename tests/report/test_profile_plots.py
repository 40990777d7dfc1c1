"""Figures of nonuniform systems show the data they are given, with units and residuals."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

from solenoidal.errors import ResultError
from solenoidal.models.library import rashba_square
from solenoidal.realspace import Ribbon, gradient_profiles, local_densities, ribbon_profiles, zeeman_profile
from solenoidal.report.profile_figures import PROFILES, current_arrows, profile_panels
from solenoidal.units import BOLTZMANN

MODEL = rashba_square(alpha=1.0, mass=1.0)
CELLS = 16
TEMPERATURE = 0.2 / BOLTZMANN
MU = -2.5


def potential(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.25 * np.cos(2 * np.pi * x / CELLS + 0.3))


@pytest.fixture(scope="module")
def local() -> xr.Dataset:
    x = np.arange(CELLS, dtype=float)
    return local_densities(
        MODEL,
        coordinates=[x],
        mu=MU,
        temperature=TEMPERATURE,
        potential=potential(x),
        mesh=(24, 24, 1),
        periodic=True,
        nodes=16,
    )


@pytest.fixture(scope="module")
def ribbon() -> Ribbon:
    return Ribbon(MODEL, CELLS, (zeeman_profile(potential),), periodic=True)


@pytest.fixture(scope="module")
def exact(ribbon: Ribbon) -> xr.Dataset:
    return ribbon_profiles(ribbon, mesh=(24,), temperature=TEMPERATURE, mu=MU, twists=2)


@pytest.fixture(scope="module")
def plane() -> xr.Dataset:
    axis = np.linspace(-12, 12, 13)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    well = 1.5 * (1 + np.tanh((np.hypot(x, y) - 7) / 4))
    options = {"mu": MU, "temperature": TEMPERATURE, "potential": well, "mesh": (16, 16, 1), "nodes": 24}
    return local_densities(MODEL, coordinates=[axis, axis], **options)


def lines(figure: Figure, panel: int) -> dict[str, np.ndarray]:
    return {str(line.get_label()): np.asarray(line.get_ydata()) for line in figure.axes[panel].lines}


def test_profiles_and_residuals_are_the_data(local: xr.Dataset, exact: xr.Dataset) -> None:
    figure = profile_panels(local, [("x", "y"), ("y", "z")], exact=exact)
    assert len(figure.axes) == 4
    for panel, (current, spin) in enumerate((("x", "y"), ("y", "z"))):
        drawn = lines(figure, panel)
        for name in ("conventional_current", "torque_current", "conserved_current"):
            expected = local[name].sel(current=current, spin=spin).values
            np.testing.assert_array_equal(drawn[PROFILES[name].label], expected)
        assert np.abs(drawn[PROFILES["conventional_current"].label]).max() > 1e-4
        found = exact.conventional_current.sel(current=current, spin=spin).values
        np.testing.assert_array_equal(drawn["exact"], found)
        residual = np.asarray(figure.axes[panel + 2].lines[0].get_ydata())
        np.testing.assert_array_equal(residual, local.conventional_current.sel(current=current, spin=spin) - found)
        assert 0 < np.abs(residual).max() < 1e-3
        assert figure.axes[panel].get_ylabel() == f"$J_{current}$ of $s_{spin}$  [eV/Å]"
        assert figure.axes[panel + 2].get_xlabel() == "$x$  [Å]"


def test_gradient_profiles_are_compared_with_the_ribbon(ribbon: Ribbon, exact: xr.Dataset) -> None:
    prediction = gradient_profiles(ribbon, mesh=(24, 24, 1), temperature=TEMPERATURE, mu=MU, nodes=8)
    figure = profile_panels(prediction, [("", "y")], exact=exact, variables=("source",))
    assert figure.axes[0].get_ylabel() == r"$\tau$ of $s_y$  [eV/Å$^2$]"
    dots = lines(figure, 0)["exact"]
    assert np.abs(dots).max() > 1e-4
    np.testing.assert_array_equal(dots, exact.source.sel(spin="y"))


def test_exact_profiles_are_drawn_alone(exact: xr.Dataset) -> None:
    figure = profile_panels(exact, [("", "z")], variables=("density",))
    assert figure.axes[0].get_ylabel() == "density of $s_z$  [ħ/Å$^2$]"
    assert np.abs(lines(figure, 0)["density"]).max() > 1e-4


def test_profiles_refuse_what_they_cannot_show(local: xr.Dataset, exact: xr.Dataset, plane: xr.Dataset) -> None:
    with pytest.raises(ResultError, match="different x"):
        profile_panels(local, [("x", "y")], exact=exact.isel(cell=slice(4)))
    with pytest.raises(ResultError, match="no component 'w'"):
        profile_panels(local, [("x", "w")])
    with pytest.raises(ResultError, match="there is none of nothing"):
        profile_panels(local, [("x", "y")], variables=("nothing",))
    with pytest.raises(ResultError, match="different units"):
        profile_panels(local, [("x", "y")], variables=("density", "source"))
    with pytest.raises(ResultError, match="one coordinate"):
        profile_panels(plane, [("x", "y")])


def test_arrows_are_the_circulating_current(plane: xr.Dataset) -> None:
    boundary = np.hypot(*np.meshgrid(plane.x, plane.y, indexing="ij"))
    figure = current_arrows(plane, boundary=boundary, level=7.0)
    names = ("conserved_current_magnetization", "conventional_current_magnetization")
    for axes, name in zip(figure.axes[:2], names, strict=True):
        (arrows,) = (item for item in axes.collections if isinstance(item, Quiver))
        current = plane[name].sel(spin="z")
        assert float(abs(current).max()) > 1e-4
        np.testing.assert_array_equal(np.asarray(arrows.U).ravel(), current.sel(current="x").T.values.ravel())
        np.testing.assert_array_equal(np.asarray(arrows.V).ravel(), current.sel(current="y").T.values.ravel())
        assert any(isinstance(item, ContourSet) for item in axes.collections)
        assert axes.get_title().endswith("eV/Å")
        assert axes.get_xlabel() == "$x$  [Å]"
    circulation = plane.x * plane[names[0]].sel(spin="z", current="y") - plane.y * plane[names[0]].sel(
        spin="z", current="x"
    )
    ring = np.abs(boundary - 7) < 1.5
    signs = np.sign(circulation.transpose("x", "y").values[ring])
    assert abs(signs.sum()) == ring.sum()


def test_arrows_refuse_what_they_cannot_show(plane: xr.Dataset, local: xr.Dataset) -> None:
    with pytest.raises(ResultError, match="part is 'all'"):
        current_arrows(plane, part="all")
    with pytest.raises(ResultError, match="arrows need data on x and y"):
        current_arrows(local)
    with pytest.raises(ResultError, match="boundary has shape"):
        current_arrows(plane, boundary=np.zeros(3))
    with pytest.raises(ResultError, match="no component 'w'"):
        current_arrows(plane, component="w")
