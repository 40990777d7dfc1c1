"""Figures of superconductors: arrows of the charge dipole, parts of the magnetization, quantised Hall curves.

Each function returns a ``matplotlib.figure.Figure`` and saves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from solenoidal.arrays import RealArray
from solenoidal.errors import ResultError
from solenoidal.report.figures import PAGE_WIDTH, Curve, style

ARROWS = 22
"""Arrows along each side of a map."""

CLIP = 0.97
"""Quantile of |d| drawn at full length; longer arrows are cut to it, so that hot spots do not hide the rest."""

TOTALS: dict[str, Curve] = {
    "symmetrised": Curve(r"$M_\mathrm{sym}$", "#0072B2", "-", 2.2),
    "magnetization": Curve("$M$, Eq. (20)", "#D55E00", "--"),
    "M0": Curve("$M_0$", "#7B3294", "-.", 1.2),
    "filled_bands": Curve(r"$-k_\mathrm{B}T\,\ln 2\,S$", "#777777", ":", 1.2),
}
"""Readings of the magnetization, each with its colour and line in every figure."""

CIRCUITS: dict[str, Curve] = {
    "local_circulation": Curve("circulation", "#D55E00", "--"),
    "moving_dipole": Curve("moving dipole", "#E69F00", "-."),
    "berry": Curve(r"global, $g\,\Omega\rho$", "#009E73", "-"),
}
"""Parts of Eq. (20): two local circuits and the global one."""


def dipole_arrows(
    first: ArrayLike,
    second: ArrayLike,
    dipole: ArrayLike,
    background: tuple[str, ArrayLike],
    *,
    axes_labels: tuple[str, str] = ("$k_x$", "$k_y$"),
    energies: ArrayLike | None = None,
) -> Figure:
    """Charge dipole of one band as arrows (in e Å) over a map of another quantity, such as ρ or the Berry curvature.

    ``first`` and ``second`` (n, m): Cartesian coordinates in 1/Å; ``dipole`` (n, m, 2) in Å along the same axes;
    ``background`` a label with unit and values (n, m); ``energies`` (n, m) in eV draws the line where the normal
    state crosses the chemical potential. Raises ``ResultError`` for arrays of different shapes.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    d, (label, values) = np.asarray(dipole, dtype=np.float64), background
    field = np.asarray(values, dtype=np.float64)
    if d.shape != (*x.shape, 2) or field.shape != x.shape or y.shape != x.shape:
        raise ResultError(
            f"coordinates {x.shape} and {y.shape}, dipole {d.shape} and background {field.shape} do not belong "
            "together; expected (n, m), (n, m), (n, m, 2) and (n, m)"
        )
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.62, 3.7), layout="constrained")
        axes = figure.subplots()
        _symmetric_map(figure, axes, x, y, field)
        if energies is not None:
            axes.contour(x, y, np.asarray(energies, dtype=np.float64), levels=[0.0], colors="k", linewidths=0.7)
        longest = _arrows(axes, x, y, d)
        axes.set_title(f"{label};  longest arrow $|d|$ = {longest:.2g} $e$ Å", fontsize=9.5)
        axes.set_xlabel(f"{axes_labels[0]}  [Å$^{{-1}}$]")
        axes.set_ylabel(f"{axes_labels[1]}  [Å$^{{-1}}$]")
    return figure


def _arrows(axes: Axes, x: RealArray, y: RealArray, d: RealArray) -> float:
    """Draw a thinned set of arrows and return the length that the longest stands for."""
    pick = tuple(np.unique(np.linspace(0, n - 1, min(n, ARROWS)).round().astype(int)) for n in x.shape)
    at = np.ix_(*pick)
    u, v = d[..., 0][at], d[..., 1][at]
    length = np.hypot(u, v)
    longest = float(np.quantile(length, CLIP)) or 1.0
    cut = np.minimum(length, longest) / np.where(length > 0, length, 1.0)
    step = (x.max() - x.min()) / (ARROWS - 1)
    axes.quiver(
        x[at], y[at], u * cut, v * cut, pivot="mid", angles="xy", scale_units="xy", scale=longest / step, width=0.004
    )
    return longest


def magnetization_parts(
    variable: ArrayLike,
    parts: Mapping[str, ArrayLike],
    *,
    variable_label: str,
    unit: str,
    mark: tuple[float, str] | None = None,
) -> Figure:
    """Magnetization of a superconductor against μ, T or Δ: the totals above, their local and global circuits below.

    ``variable`` (n,) with ``variable_label`` including its unit; ``parts`` outputs of ``magnetization_table`` with
    values (n,) in ``unit``, of which those in ``TOTALS`` and ``CIRCUITS`` are drawn; ``mark`` a position on the axis
    and its label, such as T_c. Raises ``ResultError`` when a panel would stay empty.
    """
    x = np.asarray(variable, dtype=np.float64)
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.85, 4.6), layout="constrained")
        panels = figure.subplots(2, 1, sharex=True)
        for axes, curves in zip(panels, (TOTALS, CIRCUITS), strict=True):
            drawn = [name for name in curves if name in parts]
            if not drawn:
                raise ResultError(f"there is none of {', '.join(curves)}; the data has {', '.join(parts)}")
            for name in drawn:
                curve = curves[name]
                values = np.asarray(parts[name], dtype=np.float64)
                axes.plot(x, values, label=curve.label, color=curve.colour, linestyle=curve.line, linewidth=curve.width)
            axes.axhline(0, color="0.6", linewidth=0.6, zorder=0)
            if mark is not None:
                axes.axvline(mark[0], color="0.4", linewidth=0.7, linestyle=(0, (4, 3)))
            axes.set_ylabel(f"$M_z$  [{unit}]")
            axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.4)
        if mark is not None:
            panels[0].annotate(
                mark[1], (mark[0], 1.0), (-3, -3), xycoords=("data", "axes fraction"), textcoords="offset points",
                ha="right", va="top",
            )  # fmt: skip
        panels[1].set_xlim(float(x.min()), float(x.max()))
        panels[1].set_xlabel(variable_label)
    return figure


def bogolon_maps(
    first: ArrayLike,
    second: ArrayLike,
    panels: Sequence[tuple[str, ArrayLike]],
    *,
    axes_labels: tuple[str, str] = ("$k_x$", "$k_y$"),
    energies: ArrayLike | None = None,
) -> Figure:
    """Quantities of one bogolon band on a plane of k space, one panel each, on linear scales symmetric about zero.

    ``first`` and ``second`` (n, m): Cartesian coordinates in 1/Å; ``panels`` pairs of a label with unit and values (n,
    m); ``energies`` (n, m) in eV draws its zero line. The scale ends at the 99.5 percentile of the magnitude.
    """
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.36 * len(panels) + 0.4, 2.7), layout="constrained")
        grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (label, values) in zip(grid, panels, strict=True):
            _symmetric_map(figure, axes, x, y, np.asarray(values, dtype=np.float64))
            if energies is not None:
                axes.contour(x, y, np.asarray(energies, dtype=np.float64), levels=[0.0], colors="k", linewidths=0.6)
            axes.set_title(label, fontsize=10)
            axes.set_xlabel(f"{axes_labels[0]}  [Å$^{{-1}}$]")
        grid[0].set_ylabel(f"{axes_labels[1]}  [Å$^{{-1}}$]")
    return figure


def phase_diagram(
    mu: ArrayLike,
    delta: ArrayLike,
    panels: Sequence[tuple[str, ArrayLike]],
    *,
    axes_labels: tuple[str, str] = (r"$\mu$  [eV]", r"$\Delta$  [eV]"),
    steps: float | None = None,
) -> Figure:
    """Quantities of a superconductor over chemical potential and pair amplitude, one panel each, zero in white.

    ``mu`` (n,) and ``delta`` (m,) ascending; ``panels`` pairs of a label with unit and values (m, n). ``steps`` draws
    lines half way between multiples of itself, the borders between phases of a quantised quantity (1 for κ_xy/T with
    w = 1, ½ for a redundant basis), in panels whose values span more than that. Raises ``ResultError`` for shapes that
    do not belong together.
    """
    x, y = np.asarray(mu, dtype=np.float64), np.asarray(delta, dtype=np.float64)
    for label, values in panels:
        if np.shape(values) != (len(y), len(x)):
            raise ResultError(f"{label} has shape {np.shape(values)}; expected ({len(y)}, {len(x)}): delta, then mu")
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.5 * len(panels), 2.9), layout="constrained")
        grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (label, data) in zip(grid, panels, strict=True):
            values = np.asarray(data, dtype=np.float64)
            limit = float(np.max(np.abs(values))) or 1.0
            image = axes.pcolormesh(x, y, values, cmap="RdBu_r", vmin=-limit, vmax=limit, shading="nearest")
            figure.colorbar(image, ax=axes, pad=0.02, aspect=24).minorticks_off()
            if steps is not None and np.ptp(values) > steps:
                low, high = np.floor(values.min() / steps), np.ceil(values.max() / steps)
                borders = steps * (np.arange(low, high) + 0.5)
                axes.contour(x, y, values, levels=borders, colors="k", linewidths=0.7)
            axes.set_title(label, fontsize=10)
            axes.set_xlabel(axes_labels[0])
        grid[0].set_ylabel(axes_labels[1])
    return figure


def _symmetric_map(figure: Figure, axes: Axes, x: RealArray, y: RealArray, values: RealArray) -> None:
    limit = float(np.quantile(np.abs(values), 0.995)) or 1.0
    image = axes.pcolormesh(x, y, values, cmap="RdBu_r", vmin=-limit, vmax=limit, shading="gouraud", rasterized=True)
    figure.colorbar(image, ax=axes, pad=0.02, aspect=28, extend="both").minorticks_off()
    axes.set_aspect("equal")


def quantised_hall(
    temperature: ArrayLike,
    curves: Sequence[tuple[str, ArrayLike]],
    *,
    quantum: float,
    quantity_label: str = r"$\kappa_{xy}/T$  [$\pi^2k_\mathrm{B}^2/3h$]",
    temperature_label: str = "$T$  [K]",
) -> Figure:
    """Thermal or spin Hall conductivity against temperature, with its quantised value for T → 0 marked.

    ``curves`` pairs of a label and values (n,); ``quantum`` the integer or half-integer −w C they tend to.
    """
    x = np.asarray(temperature, dtype=np.float64)
    colours = ("#0072B2", "#D55E00", "#009E73", "#7B3294")
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.6, 2.9), layout="constrained")
        axes = figure.subplots()
        for index, (label, values) in enumerate(curves):
            axes.plot(x, np.asarray(values, dtype=np.float64), label=label, color=colours[index % len(colours)])
        axes.axhline(quantum, color="0.3", linewidth=0.8, linestyle=(0, (4, 3)), label=f"{quantum:g}")
        axes.axhline(0, color="0.6", linewidth=0.6, zorder=0)
        axes.set_xlim(min(0.0, float(x.min())), float(x.max()))
        axes.set_xlabel(temperature_label)
        axes.set_ylabel(quantity_label)
        axes.legend()
    return figure
