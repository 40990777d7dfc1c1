"""Figures of disorder-driven spin transport: Fermi lines, angles against μ, relaxation spectrum.

Each function takes a dataset, returns a ``matplotlib.figure.Figure`` and saves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from solenoidal.arrays import RealArray
from solenoidal.errors import ResultError
from solenoidal.report.figures import PAGE_WIDTH, style

QUANTITIES = ("spin", "mean_free_path", "rate", "integrand")
LABELS = {
    "spin": r"$s_{{{}}}$  [ħ]",
    "mean_free_path": r"$|\lambda|$  [Å]",
    "rate": r"$\Gamma$  [eV]",
    "integrand": r"$v^{{{}}} s_{{{}}} \lambda^{{{}}}$  [ħ eV Å$^2$]",
}
SMALLEST_RANGE = 0.02
"""Relative variation below which a quantity is drawn as constant."""

COLOURS = {"conserved": "#0072B2", "conventional": "#D55E00", "torque_dipole": "#009E73"}
LINES = {"conserved": "-", "conventional": "--", "torque_dipole": "-."}


def fermi_surface_figure(shell: xr.Dataset, *, component: str, quantities: Sequence[str] = QUANTITIES) -> Figure:
    """The Fermi line (or the Fermi surface seen along z) coloured by each of ``quantities``.

    ``shell`` from ``shell_map``; ``component`` names current, field and spin, as ``"yyy"``: the spin drawn is its
    last letter. The integrand shows which parts of the line carry the current. Raises ``ResultError`` for an unknown
    quantity or component.
    """
    current, field, spin = _letters(component)
    unknown = [name for name in quantities if name not in QUANTITIES]
    if unknown or not quantities:
        raise ResultError(f"quantities are {list(quantities)}; choose from {', '.join(QUANTITIES)}")
    k = np.asarray(shell["k"])
    order = np.argsort(k[:, 2], kind="stable")
    with style():
        figure = Figure(figsize=(PAGE_WIDTH, 0.5 + 2.6 * ((len(quantities) + 1) // 2)), layout="constrained")
        columns = min(2, len(quantities))
        panels = figure.subplots(-(-len(quantities) // columns), columns, squeeze=False, sharex=True, sharey=True)
        for axes in panels.ravel()[len(quantities) :]:
            axes.set_visible(False)
        for axes, name in zip(panels.ravel(), quantities, strict=False):
            values, label, signed = _values(shell, name, current, field, spin)
            norm = _norm(values, signed)
            drawn = axes.scatter(
                k[order, 0],
                k[order, 1],
                c=values[order],
                s=4.0,
                cmap="coolwarm" if signed else "viridis",
                norm=norm,
                linewidths=0,
                rasterized=True,
            )
            axes.set_aspect("equal")
            axes.set_facecolor("0.97")
            figure.colorbar(drawn, ax=axes, label=label, pad=0.02, aspect=28)
        for axes in panels[-1]:
            axes.set_xlabel(r"$k_x$  [Å$^{-1}$]")
        for axes in panels[:, 0]:
            axes.set_ylabel(r"$k_y$  [Å$^{-1}$]")
    return figure


def _norm(values: RealArray, signed: bool) -> Normalize:
    """Symmetric about zero for signed quantities; otherwise the range met, or from zero if that is hardly a range."""
    top = float(np.max(np.abs(values))) or 1.0
    if signed:
        return Normalize(-top, top)
    low = float(values.min())
    return Normalize(low if top - low > SMALLEST_RANGE * top else 0.0, top)


def _letters(component: str) -> tuple[str, str, str]:
    if len(component) != 3 or any(letter not in "xyz" for letter in component):
        raise ResultError(f"component is {component!r}; write current, field and spin, for example 'xyz'")
    return component[0], component[1], component[2]


def _values(shell: xr.Dataset, name: str, current: str, field: str, spin: str) -> tuple[RealArray, str, bool]:
    if name == "spin":
        return np.asarray(shell["spin"].sel(component=spin)), LABELS[name].format(spin), True
    if name == "integrand":
        values = np.asarray(shell["integrand"].sel(current=current, field=field, component=spin))
        return values, LABELS[name].format(current, spin, field), True
    if name == "rate":
        return np.asarray(shell["rate"]), LABELS[name], False
    return np.linalg.norm(np.asarray(shell["mean_free_path"]), axis=1), LABELS[name], False


def against_mu_figure(
    data: xr.Dataset, *, component: str, temperature: float = 0.0, angle: bool = False, reference: float = 0.0
) -> Figure:
    """One tensor element of each definition against the chemical potential, or its spin Hall angle.

    ``data`` from ``extrinsic_conductivity`` with several μ; ``component`` as ``"yyy"``; ``angle`` draws θ of the
    conserved and conventional currents; ``reference`` (eV) is the zero of the axis. Raises ``ResultError`` for a
    temperature the data lacks.
    """
    current, field, spin = _letters(component)
    if not np.any(np.isclose(data["temperature"], temperature)):
        raise ResultError(
            f"the data has no temperature {temperature:g} K; it has {data['temperature'].values.tolist()}"
        )
    chosen = data.sel(temperature=temperature, method="nearest").sel(current=current, field=field, spin=spin)
    names = {"conserved": "conserved", "conventional": "conventional", "torque_dipole": "torque_dipole"}
    if angle:
        names = {"conserved": "spin_hall_angle", "conventional": "spin_hall_angle_conventional"}
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.62, 2.9), layout="constrained")
        axes = figure.subplots()
        for label, name in names.items():
            x = np.asarray(data["mu"]) - reference
            axes.plot(x, np.asarray(chosen[name]), LINES[label], color=COLOURS[label], label=label.replace("_", " "))
        axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
        axes.set_xlabel(r"$\mu - E_\mathrm{F}$  [eV]" if reference else r"$\mu$  [eV]")
        symbol = rf"\theta^{{{spin}}}" if angle else rf"\sigma^{{{spin}}}"
        unit = "" if angle else f"  [{data['conserved'].attrs['units'].replace('|e|', '$|e|$')}]"
        axes.set_ylabel(rf"$\delta {symbol}_{{{current}{field}}}$" + unit)
        axes.legend()
    return figure


def relaxation_spectrum_figure(shell: xr.Dataset) -> Figure:
    """Eigenvalues of the relaxation matrix: 0 is conserved, 1 decays at the scattering rate, small ones are slow.

    Raises ``ResultError`` where the spectrum was not computed (relaxation times and the iterative solver).
    """
    spectrum = np.asarray(shell["spectrum"])
    if not spectrum.size:
        raise ResultError("the solution has no relaxation spectrum; solve with method='born' and solver='dense'")
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.62, 2.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(np.arange(1, spectrum.size + 1), spectrum, "o", markersize=4, color=COLOURS["conserved"])
        axes.axhline(0.0, color="0.6", linewidth=0.6, zorder=0)
        axes.axhline(1.0, color="0.6", linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
        axes.set_xlabel("mode")
        axes.set_ylabel("relaxation rate / scattering rate")
    return figure
