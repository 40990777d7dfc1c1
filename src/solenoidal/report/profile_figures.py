"""Figures of nonuniform systems: profiles of densities and currents across a sample, arrows of circulating currents.

Each function returns a ``matplotlib.figure.Figure`` and saves nothing. The data are those of ``local_densities``,
``ribbon_profiles`` and ``gradient_profiles``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from solenoidal.arrays import RealArray
from solenoidal.errors import ResultError
from solenoidal.report.figures import PAGE_WIDTH, Curve, style

PROFILES: dict[str, Curve] = {
    "density": Curve("density", "#0072B2"),
    "source": Curve(r"source $\tau$", "#0072B2"),
    "conventional_current": Curve(r"$J^{s,0}$", "#D55E00", "--"),
    "torque_current": Curve(r"$J^\tau$", "#009E73", "-."),
    "conserved_current": Curve(r"$J^s = J^{s,0} + J^\tau$", "#0072B2", "-", 2.0),
}
"""Variables of a profile, each with its colour and line in every figure."""

CURRENTS = ("conventional_current", "torque_current", "conserved_current")
PARTS = ("total", "equilibrium", "magnetization", "transport")

ARROWS = 21
"""Arrows along each side of a map."""


def profile_panels(
    prediction: xr.Dataset,
    panels: Sequence[tuple[str, str]],
    *,
    exact: xr.Dataset | None = None,
    variables: Sequence[str] = CURRENTS,
    dimension: int = 2,
) -> Figure:
    """J^{s,0}, J^τ and J^s across a sample, one panel for each pair of components, with the residual below.

    ``prediction`` a Dataset along x, as ``local_densities`` on one coordinate or ``gradient_profiles`` returns it (or
    ``ribbon_profiles``, alone); ``panels`` pairs of current direction and operator component, as ``[("x", "y"), ("y",
    "z")]``, with an empty component for a scalar operator and one letter for each leg of a tensor; ``exact`` profiles
    at the same x: its variables are drawn as dots, and the deviation of the prediction from them in a panel below.
    ``variables`` may be ``("density",)`` or ``("source",)``, for which the current direction has no meaning; those the
    data lacks are left out. ``dimension``
    of the model settles the units. Raises ``ResultError`` when a panel would stay empty or mix units, for components
    the data lacks and for x that disagree. Use it to see which part of a current is conserved, and how far the local
    formulas can be trusted.
    """
    x = _coordinate(prediction)
    if exact is not None and (exact["x"].shape != x.shape or not np.allclose(x, _coordinate(exact), atol=1e-9)):
        raise ResultError("prediction and exact profiles lie on different x; compute both at the same cells")
    drawn = [name for name in variables if name in prediction]
    if not drawn:
        raise ResultError(f"there is none of {', '.join(variables)}; the data has {', '.join(map(str, prediction))}")
    rows = 1 if exact is None else 2
    with style():
        size = (0.5 * PAGE_WIDTH * max(len(panels), 1.3), 2.7 if exact is None else 4.0)
        figure = Figure(figsize=size, layout="constrained")
        ratios = [1.0] if exact is None else [1.0, 0.5]
        grid = figure.subplots(rows, len(panels), sharex=True, squeeze=False, height_ratios=ratios)
        for column, (current, component) in zip(grid.T, panels, strict=True):
            _draw_profiles(column[0], prediction, drawn, current, component)
            if exact is not None:
                _draw_exact(column[0], column[1], prediction, exact, drawn, current, component)
            column[0].set_ylabel(_label(prediction, drawn, current, component, dimension))
            column[-1].set_xlabel("$x$  [Å]")
            column[-1].set_xlim(float(x[0]), float(x[-1]))
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _draw_profiles(axes: Axes, data: xr.Dataset, names: Sequence[str], current: str, component: str) -> None:
    x = _coordinate(data)
    for name in names:
        curve = PROFILES.get(name, Curve(name.replace("_", " "), "#555555"))
        values = _component(data, name, current, component)
        axes.plot(x, values, label=curve.label, color=curve.colour, linestyle=curve.line, linewidth=curve.width)
    axes.axhline(0, color="0.6", linewidth=0.6, zorder=0)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)


def _draw_exact(
    axes: Axes,
    below: Axes,
    prediction: xr.Dataset,
    exact: xr.Dataset,
    names: Sequence[str],
    current: str,
    component: str,
) -> None:
    x = _coordinate(exact)
    compared = [name for name in names if name in exact]
    if not compared:
        raise ResultError(f"the exact profiles have none of {', '.join(names)}")
    for index, name in enumerate(compared):
        values = _component(exact, name, current, component)
        label = "exact" if index == 0 else None
        axes.plot(x, values, "o", markersize=2.2, color="k", label=label, zorder=5)
        curve = PROFILES.get(name, Curve(name, "#555555"))
        residual = _component(prediction, name, current, component) - values
        below.plot(x, residual, color=curve.colour, linestyle=curve.line, linewidth=1.0)
    below.axhline(0, color="0.6", linewidth=0.6, zorder=0)
    below.set_ylabel("prediction − exact")
    below.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useMathText=True)


def _coordinate(data: xr.Dataset) -> RealArray:
    if "x" not in data.coords or "y" in data.coords:
        raise ResultError(f"profiles run along one coordinate x; the data has {', '.join(map(str, data.coords))}")
    return np.asarray(data["x"], dtype=np.float64)


def _component(data: xr.Dataset, name: str, current: str, component: str) -> RealArray:
    chosen = _legs(data[name], component)
    if "current" in data[name].dims:
        chosen["current"] = current
    for dim, value in chosen.items():
        have = np.asarray(data[dim]).tolist()
        if value not in have:
            raise ResultError(f"{name} has no component {value!r} along {dim}; it has {have}")
    return np.asarray(data[name].sel(chosen), dtype=np.float64)


def _legs(array: xr.DataArray, component: str) -> dict[Any, str]:
    """The letters of ``component`` along the legs of the operator; raises ``ResultError`` unless there is one each."""
    legs = [dim for dim in array.dims if str(dim).startswith("spin")]
    if legs and len(component) != len(legs):
        raise ResultError(
            f"component is {component!r}; write {len(legs)} letters, one for each of {', '.join(map(str, legs))}"
        )
    return dict(zip(legs, component, strict=False))


def _operator_unit(data: xr.Dataset) -> str:
    return str(data.attrs.get("operator_unit", "ħ" if "spin" in data.dims else "1"))


def _of(component: str) -> str:
    return f" of $s_{component}$" if len(component) == 1 else f" of $s_{{{component}}}$"


def _kind(data: xr.Dataset, name: str) -> str:
    """ "density", "current" or "source"."""
    if "current" in data[name].dims:
        return "current"
    return "source" if name.startswith(("source", "divergence")) else "density"


def _unit(kind: str, of: str, dimension: int) -> str:
    """Unit of an operator in units ``of``, and of its current and source, in a model of ``dimension``."""
    power = dimension - 1 if kind == "current" else dimension
    length = "" if power == 0 else "/Å" if power == 1 else f"/Å$^{power}$"
    if kind == "density":
        return f"{of}{length}"
    rate = {"ħ": "eV", "1": "eV/ħ"}.get(of, f"{of} eV/ħ")
    return f"{rate}{length}"


def _label(data: xr.Dataset, names: Sequence[str], current: str, component: str, dimension: int) -> str:
    kinds = {_kind(data, name) for name in names}
    if len(kinds) > 1:
        raise ResultError(
            f"{', '.join(names)} have different units; draw a figure for each of {', '.join(sorted(kinds))}"
        )
    kind = kinds.pop()
    quantity = {"current": rf"$J_{current}$", "source": r"$\tau$", "density": "density"}[kind]
    of = _of(component) if _legs(data[names[0]], component) else ""
    return f"{quantity}{of}  [{_unit(kind, _operator_unit(data), dimension)}]"


def current_arrows(
    data: xr.Dataset,
    *,
    component: str = "z",
    variables: Sequence[str] = ("conserved_current", "conventional_current"),
    part: str = "magnetization",
    background: str = "density",
    boundary: ArrayLike | None = None,
    level: float = 0.0,
    dimension: int = 2,
) -> Figure:
    """Arrows of currents in a plane over a map of the density, one panel for each variable, on a common scale.

    ``data`` of ``local_densities`` on two coordinates; ``component`` of the operator (ignored for a scalar one);
    ``part`` of the currents: "total", "equilibrium", "magnetization" (what circulates at a soft boundary) or
    "transport"; ``background`` a variable without current direction; ``boundary`` (x, y) with ``level`` draws a line,
    for example μ − U at the band bottom; ``dimension`` of the model settles the units. Raises ``ResultError`` for data
    on one coordinate, an unknown part or a boundary of another shape.
    """
    if part not in PARTS:
        raise ResultError(f"part is {part!r}; expected one of {', '.join(PARTS)}")
    if not {"x", "y"} <= set(data.dims):
        raise ResultError(f"arrows need data on x and y; it has dims {', '.join(map(str, data.dims))}")
    x, y = np.asarray(data["x"], dtype=np.float64), np.asarray(data["y"], dtype=np.float64)
    suffix = "" if part == "total" else f"_{part}"
    fields = [_plane(data, f"{name}{suffix}", component).transpose("x", "y", "current") for name in variables]
    under = np.asarray(_plane(data, background, component).transpose("x", "y"), dtype=np.float64)
    line = None if boundary is None else np.asarray(boundary, dtype=np.float64)
    if line is not None and line.shape != under.shape:
        raise ResultError(f"boundary has shape {line.shape}; expected {under.shape}")
    arrows = [np.stack([np.asarray(f.sel(current=c)) for c in "xy"], axis=-1) for f in fields]
    longest = max(float(np.linalg.norm(a, axis=-1).max()) for a in arrows) or 1.0
    of = _of(component) if _legs(data[background], component) else ""
    unit = _operator_unit(data)
    flow_unit = _unit("current", unit, dimension)
    bar_label = f"{background}{of}  [{_unit(_kind(data, background), unit, dimension)}]"
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.56 * len(arrows) + 0.4, 3.7), layout="constrained")
        panels = figure.subplots(1, len(arrows), sharex=True, sharey=True, squeeze=False)[0]
        # Twice the largest value keeps the map pale under the arrows.
        limit = float(np.abs(under).max()) or 1.0
        for axes, name, values in zip(panels, variables, arrows, strict=True):
            image = axes.pcolormesh(
                x, y, under.T, cmap="RdBu_r", vmin=-2 * limit, vmax=2 * limit, shading="gouraud", rasterized=True
            )
            if line is not None:
                axes.contour(x, y, line.T, levels=[level], colors="0.35", linewidths=0.8)
            _arrows(axes, x, y, values, longest)
            label = PROFILES[name].label if name in PROFILES else name
            largest = float(np.linalg.norm(values, axis=-1).max())
            axes.set_title(f"{label}{of}, {part};  longest {largest:.2g} {flow_unit}", fontsize=9.5)
            axes.set_aspect("equal")
            axes.set_xlabel("$x$  [Å]")
        panels[0].set_ylabel("$y$  [Å]")
        figure.colorbar(image, ax=panels, aspect=28, pad=0.02, label=bar_label).ax.set_ylim(-limit, limit)
    return figure


def _plane(data: xr.Dataset, name: str, component: str) -> xr.DataArray:
    if name not in data:
        raise ResultError(f"the data has no {name!r}; it has {', '.join(map(str, data.data_vars))}")
    array = data[name]
    chosen = _legs(array, component)
    for dim, letter in chosen.items():
        if letter not in array[dim].values:
            raise ResultError(f"{name} has no component {letter!r} along {dim}; it has {array[dim].values.tolist()}")
    return array.sel(chosen)


def _arrows(axes: Axes, x: RealArray, y: RealArray, values: RealArray, longest: float) -> None:
    """A thinned set of arrows; ``longest`` fills the distance of two of them."""
    pick = tuple(np.unique(np.linspace(0, len(a) - 1, min(len(a), ARROWS)).round().astype(int)) for a in (x, y))
    few = values[np.ix_(*pick)]
    step = (x[-1] - x[0]) / max(len(pick[0]) - 1, 1)
    axes.quiver(
        x[pick[0]],
        y[pick[1]],
        few[..., 0].T,
        few[..., 1].T,
        pivot="mid",
        angles="xy",
        scale_units="xy",
        scale=longest / (1.3 * step),
        width=0.004,
        minlength=0,
    )
