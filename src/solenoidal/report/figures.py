"""Figures of results: each function returns a ``matplotlib.figure.Figure`` and saves nothing.

A figure is built on ``Figure`` directly, so no global state, window or backend is touched. Colours are safe for
colour-blind readers and each definition keeps its colour and line style in every figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import AsinhNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from solenoidal.arrays import RealArray
from solenoidal.errors import ResultError
from solenoidal.results.tables import AXES as AXES

PAGE_WIDTH = 7.0
PRINT_DPI = 300

_STYLE = mpl.RcParams(
    {
        "font.family": ["STIXGeneral", "DejaVu Serif"],
        "mathtext.fontset": "stix",
        "font.size": 10,
        "axes.labelsize": 10.5,
        "legend.fontsize": 9.5,
        "xtick.labelsize": 9.5,
        "ytick.labelsize": 9.5,
        "axes.linewidth": 0.7,
        "lines.linewidth": 1.4,
        "xtick.direction": "in",
        "ytick.direction": "in",
        "xtick.top": True,
        "ytick.right": True,
        "xtick.minor.visible": True,
        "ytick.minor.visible": True,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "legend.frameon": False,
        "figure.dpi": 150,
        "svg.hashsalt": "solenoidal",
        "pdf.fonttype": 42,
    }
)


@dataclass(frozen=True)
class Curve:
    """How one labelled output is drawn."""

    label: str
    colour: str
    line: str = "-"
    width: float = 1.4


CURVES: dict[str, Curve] = {
    "semiclassical": Curve("conserved, semiclassical", "#0072B2", "-", 2.0),
    "conventional": Curve("conventional", "#D55E00", "--"),
    "torque_dipole": Curve("torque dipole", "#009E73", "-."),
    "finite_q": Curve("conserved, finite-$q$", "#7B3294", "-", 1.0),
    "projector": Curve("projector", "#E69F00", ":"),
    "berry_spin": Curve(r"$\Omega s$", "#56B4E9", "--"),
    "dipole": Curve(r"$\partial d$", "#CC79A7", "-."),
    "semiclassical_surface": Curve("Fermi-surface route", "#D55E00", "--"),
    "semiclassical_sea": Curve("Fermi-sea route", "#0072B2", "-"),
    "route_difference": Curve("difference of routes", "#555555", ":"),
}

DEFINITIONS = ("semiclassical", "conventional", "torque_dipole", "finite_q", "projector")
"""Outputs drawn together by default; those a result lacks are left out."""

ROUTES = ("semiclassical_sea", "semiclassical_surface", "berry_spin", "dipole")


@contextmanager
def style() -> Iterator[None]:
    """The fonts, line widths and ticks of every figure, for the length of a ``with`` block."""
    with mpl.rc_context(_STYLE):
        yield


def component_label(symbol: str, component: str) -> str:
    """Mathematical name of a tensor element, such as σ with lower indices xy and upper index z for ``"xyz"``."""
    upper = f"^{{{component[2:]}}}" if len(component) > 2 else ""
    return rf"${symbol}{upper}_{{{component[:2]}}}$"


def definitions_against_energy(
    tensors: Sequence[tuple[str, xr.Dataset]],
    *,
    component: str,
    temperature: float,
    reference: float = 0.0,
    outputs: Sequence[str] = DEFINITIONS,
    window: tuple[float, float] | None = None,
    points: bool = False,
) -> Figure:
    """One panel for each tensor, all definitions against the chemical potential, with error bands.

    ``tensors``: pairs of a mathematical symbol and a dataset of dims (mu, temperature, current, field[, spin]), as
    ``[(r"\\sigma", result.conductivity(...)), (r"\\alpha", result.nernst(...))]``. ``component`` names current, field
    and, of a vector operator, spin; ``temperature`` is in K, ``reference`` (eV) is the zero of the axis. A variable
    ``<output>_error`` is drawn as a band of one standard error. ``points`` marks the values, between which nothing is
    known. Raises ``ResultError`` for an output, component or temperature that the data lacks. Use it as the main figure
    of a calculation.
    """
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.62, 0.5 + 2.15 * len(tensors)), layout="constrained")
        panels = figure.subplots(len(tensors), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (symbol, data) in zip(panels, tensors, strict=True):
            _draw_definitions(axes, data, component, temperature, reference, outputs)
            if points:
                for line in axes.get_lines():
                    line.set(marker="o", markersize=2.5)
            unit = next(iter(data.data_vars.values())).attrs["units"]
            axes.set_ylabel(f"{component_label(symbol, component)}  [{unit.replace('|e|', '$|e|$')}]")
            axes.axhline(0, color="0.6", linewidth=0.6, zorder=0)
            axes.axvline(0, color="0.6", linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
            axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
        mu = np.asarray(tensors[0][1]["mu"]) - reference
        panels[-1].set_xlim(*(window or (float(mu.min()), float(mu.max()))))
        panels[-1].set_xlabel(r"$\mu - E_\mathrm{F}$  [eV]" if reference else r"$\mu$  [eV]")
        handles, labels = panels[0].get_legend_handles_labels()
        title = f"$T$ = {temperature:g} K"
        figure.legend(handles, labels, loc="outside upper center", ncols=2, handlelength=2.6, title=title)
    return figure


def _draw_definitions(
    axes: Axes, data: xr.Dataset, component: str, temperature: float, reference: float, outputs: Sequence[str]
) -> None:
    drawn = [name for name in outputs if name in data]
    if not drawn:
        raise ResultError(f"the data has none of {', '.join(outputs)}; it has {', '.join(map(str, data.data_vars))}")
    selected = _select(data, component, temperature)
    mu = np.asarray(selected["mu"]) - reference
    for name in drawn:
        curve = CURVES[name]
        values = np.asarray(selected[name])
        axes.plot(mu, values, label=curve.label, color=curve.colour, linestyle=curve.line, linewidth=curve.width)
        if f"{name}_error" in selected:
            error = np.asarray(selected[f"{name}_error"])
            axes.fill_between(mu, values - error, values + error, color=curve.colour, alpha=0.25, linewidth=0)


def _select(data: xr.Dataset, component: str, temperature: float) -> xr.Dataset:
    try:
        return data.sel(dict(zip(AXES, component, strict=False)), drop=True).sel(temperature=temperature, drop=True)
    except KeyError as error:
        have = {str(name): np.asarray(values).tolist() for name, values in data.coords.items() if name != "mu"}
        raise ResultError(f"the data has no entry {error} for component {component!r}; it has {have}") from None


def density_of_states_figure(density: xr.DataArray, *, reference: float = 0.0) -> Figure:
    """Density of states (energy,) against energy relative to ``reference`` (eV)."""
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.62, 2.4), layout="constrained")
        axes = figure.subplots()
        energy = np.asarray(density[density.dims[0]]) - reference
        axes.fill_between(energy, np.asarray(density), color="#0072B2", alpha=0.2, linewidth=0)
        axes.plot(energy, np.asarray(density), color="#0072B2", linewidth=1.0)
        axes.axvline(0, color="0.6", linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
        axes.set_xlim(float(energy[0]), float(energy[-1]))
        axes.set_ylim(bottom=0)
        axes.set_xlabel(r"$E - E_\mathrm{F}$  [eV]" if reference else "$E$  [eV]")
        axes.set_ylabel(f"DOS  [{density.attrs['units']}]")
    return figure


_SETS = {"uniform": ("o", "shifted"), "refined": ("s", "shifted, refined"), "symmetric": ("^", "symmetric")}


def convergence_figure(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Estimated error over tolerance against the k points of each set of meshes, the tolerance as a line."""
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.62, 2.4), layout="constrained")
        axes = figure.subplots()
        points = [row["points"] for row in history]
        axes.loglog(points, [row["error_over_tolerance"] for row in history], color="#0072B2", linewidth=1.0)
        for kind, (marker, label) in _SETS.items():
            rows = [row for row in history if row["kind"] == kind]
            if rows:
                x, y = [row["points"] for row in rows], [row["error_over_tolerance"] for row in rows]
                axes.plot(x, y, marker, color="#0072B2", label=label)
        axes.legend(title="meshes", frameon=False)
        axes.axhline(1, color="#D55E00", linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xlabel("k points evaluated")
        axes.set_ylabel("error / tolerance")
    return figure


def coloured_bands(
    distance: ArrayLike,
    energies: ArrayLike,
    panels: Sequence[tuple[str, ArrayLike]],
    *,
    ticks: Sequence[tuple[float, str]],
    reference: float = 0.0,
    window: tuple[float, float] | None = None,
) -> Figure:
    """Bands along a path, one panel for each band quantity, coloured by its value.

    ``distance`` (k,) in 1/Å along the path, equal at both ends of a jump; ``energies`` (k, band) in eV; ``panels``
    pairs of a label with unit and values (k, band); ``ticks`` the named points. The colour scale is linear near zero
    and logarithmic beyond, because band geometry spans orders of magnitude near avoided crossings.
    """
    x = np.asarray(distance, dtype=np.float64)
    y = np.asarray(energies, dtype=np.float64) - reference
    low, high = window if window is not None else (float(y.min()), float(y.max()))
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * (0.62 if len(panels) == 1 else 1.0), 3.4), layout="constrained")
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (label, values) in zip(grid, panels, strict=True):
            coloured = np.asarray(values, dtype=np.float64)
            seen = np.abs(coloured[(y >= low) & (y <= high)])
            lines = LineCollection(
                list(_segments(x, y)), cmap="coolwarm", norm=_signed_norm(seen), linewidths=1.8, capstyle="round"
            )
            lines.set_array(np.concatenate(list(_segment_values(x, coloured))))
            lines.set_rasterized(True)
            axes.add_collection(lines)
            for position, _ in ticks:
                axes.axvline(position, color="0.3", linewidth=0.5)
            axes.axhline(0, color="0.3", linewidth=0.6, linestyle=(0, (4, 3)))
            axes.set_facecolor("0.97")
            axes.set_xticks([position for position, _ in ticks], [name.replace("|", "$|$") for _, name in ticks])
            axes.tick_params(axis="x", which="both", length=0)
            axes.set_xlim(float(x[0]), float(x[-1]))
            axes.set_ylim(low, high)
            _colour_bar(figure, axes, lines, label)
        grid[0].set_ylabel(r"$E - E_\mathrm{F}$  [eV]" if reference else "$E$  [eV]")
    return figure


def _segments(x: RealArray, y: RealArray) -> Iterator[RealArray]:
    """Line pieces (2, 2) band by band, without the jumps of the path."""
    keep = np.diff(x) > 1e-12
    for band in y.T:
        points = np.stack([x, band], axis=1)
        yield from np.stack([points[:-1][keep], points[1:][keep]], axis=1)


def _segment_values(x: RealArray, values: RealArray) -> Iterator[RealArray]:
    keep = np.diff(x) > 1e-12
    for band in values.T:
        yield 0.5 * (band[:-1] + band[1:])[keep]


def _signed_norm(magnitude: RealArray) -> Normalize:
    """Symmetric scale, linear below the median magnitude and logarithmic above, cut at the 99.5 percentile."""
    finite = magnitude[np.isfinite(magnitude)]
    top = float(np.quantile(finite, 0.995)) if finite.size else 1.0
    if top <= 0:
        return Normalize(-1.0, 1.0)
    typical = float(np.median(finite[finite > 1e-6 * top]))
    return AsinhNorm(linear_width=min(typical, top), vmin=-top, vmax=top)


def _colour_bar(figure: Figure, axes: Axes, coloured: ScalarMappable, label: str) -> None:
    """A colour bar with zero and at most three decades of either sign."""
    bar = figure.colorbar(coloured, ax=axes, pad=0.02, aspect=28, extend="both", label=label)
    norm = coloured.norm
    if isinstance(norm, AsinhNorm) and norm.vmax is not None:
        last = int(np.floor(np.log10(norm.vmax)))
        first = max(int(np.ceil(np.log10(norm.linear_width))), last - 2)
        decades = [10.0**power for power in range(first, last + 1)]
        marks = decades if len(decades) > 1 else [0.5 * norm.vmax]
        bar.set_ticks([-value for value in reversed(marks)] + [0.0, *marks])
    bar.minorticks_off()


def plane_maps(
    first: ArrayLike,
    second: ArrayLike,
    panels: Sequence[tuple[str, ArrayLike]],
    *,
    axes_labels: tuple[str, str],
    energies: ArrayLike | None = None,
    level: float = 0.0,
) -> Figure:
    """Band quantities on a plane in k space, one panel each, with the lines where a band crosses ``level``.

    ``first`` (n, m) and ``second`` (n, m): Cartesian coordinates in the plane in 1/Å; ``panels``: pairs of a label
    with unit and values (n, m); ``energies`` (n, m, band) in eV draws the Fermi lines.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * (0.55 if len(panels) == 1 else 1.0), 3.1), layout="compressed")
        grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (label, values) in zip(grid, panels, strict=True):
            array = np.asarray(values, dtype=np.float64)
            image = axes.pcolormesh(
                x, y, array, cmap="RdBu_r", norm=_signed_norm(np.abs(array)), shading="gouraud", rasterized=True
            )
            if energies is not None:
                for band in np.moveaxis(np.asarray(energies, dtype=np.float64), -1, 0):
                    if band.min() < level < band.max():
                        axes.contour(x, y, band, levels=[level], colors="k", linewidths=0.5)
            axes.set_aspect("equal")
            axes.set_xlabel(f"{axes_labels[0]}  [Å$^{{-1}}$]")
            _colour_bar(figure, axes, image, label)
        grid[0].set_ylabel(f"{axes_labels[1]}  [Å$^{{-1}}$]")
    return figure
