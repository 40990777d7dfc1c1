"""Four definitions of the spin conductivity side by side: where they agree, where they differ and why.

Writes one figure for each fact of ``docs/theory/definitions.md`` into a folder:

    python definitions.py figures
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from solenoidal import (
    AnomalousHallConductivity,
    FixedPoints,
    Numerics,
    SpinConductivity,
    TightBinding,
    sample,
    solve,
)
from solenoidal.models.library import kane_mele, random_model, rashba_square
from solenoidal.report.figures import CURVES, PAGE_WIDTH, Curve, style
from solenoidal.units import BOLTZMANN

Mesh = tuple[int, int, int]

CHARGE = 1.0
SPIKY = random_model(4, 3, 3)
"""Three dimensions, with near-crossings of its two lowest bands."""
METAL = random_model(3, 2, 2)
FILLED = {2: 3, 3: 1, 4: 0, 5: 0, 6: 0}
"""Seed of the random two-dimensional model for each number of bands."""
ABOVE_ALL_BANDS = 30.0

log = logging.getLogger("definitions")


def conductivity(
    model: TightBinding, mesh: Mesh, mu: ArrayLike, thermal_energy: float, occupied_bands: int | None = None
) -> xr.Dataset:
    """Every output at ``mu`` (eV), k_BT = ``thermal_energy`` (eV), dims (mu, current, field, spin)."""
    response = SpinConductivity(charge=CHARGE, occupied_bands=occupied_bands)
    levels = tuple(float(x) for x in np.atleast_1d(np.asarray(mu)))
    temperature = thermal_energy / BOLTZMANN
    points = FixedPoints(levels, (temperature,))
    result = solve(model, [response], Numerics(mesh=mesh, energies=points, audit=False))
    return result.conductivity(levels, temperature).isel(temperature=0, drop=True)


def xyz(data: xr.Dataset) -> xr.Dataset:
    """σ^z_xy."""
    return data.sel(current="x", field="y", spin="z", drop=True)


def spike(points: int, half_width: float = 0.02) -> xr.Dataset:
    """Fermi-sea integrands of both routes, summed over two occupied bands, on a line through their near-crossing."""
    response = SpinConductivity()
    centre, width = np.zeros(3), 0.5
    for _ in range(5):
        offsets = np.linspace(-width, width, 13)
        grid = centre + np.stack(np.meshgrid(offsets, offsets, offsets, indexing="ij"), axis=-1).reshape(-1, 3)
        gap = sample(SPIKY, response, grid).energy.diff("band").isel(band=0)
        centre, width = grid[int(gap.values.argmin())], width / 6
    line = np.tile(centre, (points, 1))
    line[:, 0] += np.linspace(-half_width, half_width, points)
    terms = sample(SPIKY, response, line)
    pair = terms.isel(band=slice(0, 2), berry_spin_0=2, berry_spin_1=2, interband_spin_0=2, interband_spin_1=2)
    coords = {"offset": np.linspace(-half_width, half_width, points)}
    return xr.Dataset(
        {
            "semiclassical_surface": ("offset", pair.berry_spin.sum("band").values),
            "semiclassical_sea": ("offset", (pair.berry_spin / 2 + pair.interband_spin).sum("band").values),
            "gap": ("offset", terms.energy.diff("band").isel(band=0).values),
        },
        coords=coords,
    )


def convergence(divisions: Sequence[int]) -> xr.Dataset:
    """σ^z_xy of the model with spikes by both routes against the divisions of the mesh."""
    rows = [xyz(conductivity(SPIKY, (n, n, n), 0.0, 0.05)).isel(mu=0, drop=True) for n in divisions]
    return xr.concat(rows, xr.IndexVariable("divisions", list(divisions)))


def exchange(fields: ArrayLike, mu: Sequence[float], mesh: int = 300) -> xr.Dataset:
    """σ^z_xy of lattice Rashba electrons (t = 1, α = 0.5, k_BT = 0.02 eV) with exchange m σ_z, dims (m, mu)."""
    values = np.atleast_1d(np.asarray(fields, dtype=np.float64))
    rows = [xyz(conductivity(rashba_square(alpha=0.5, mass=2 * m), (mesh, mesh, 1), mu, 0.02)) for m in values]
    return xr.concat(rows, xr.IndexVariable("m", values))


def symmetric_and_antisymmetric(mu: ArrayLike, mesh: int = 160) -> xr.Dataset:
    """σ^z of a random three-band metal, dims (part, mu): ½(σ_xy + σ_yx) and ½(σ_xy − σ_yx)."""
    data = conductivity(METAL, (mesh, mesh, 1), mu, 0.05).sel(spin="z", drop=True)
    xy, yx = data.sel(current="x", field="y", drop=True), data.sel(current="y", field="x", drop=True)
    return xr.concat([(xy + yx) / 2, (xy - yx) / 2], xr.IndexVariable("part", ["symmetric", "antisymmetric"]))


def filled_sets(bands: Sequence[int], mesh: int = 160) -> xr.Dataset:
    """Largest |σ^s_xy| over the spin components with every band filled, against the number of bands."""
    rows = []
    for n in bands:
        model = random_model(n, 2, FILLED[n])
        data = conductivity(model, (mesh, mesh, 1), ABOVE_ALL_BANDS, 0.02).isel(mu=0, drop=True)
        rows.append(abs(data.sel(current="x", field="y", drop=True)).max("spin"))
    return xr.concat(rows, xr.IndexVariable("bands", list(bands)))


def filling(mu: ArrayLike, mesh: int = 160) -> xr.Dataset:
    """σ^z_xy of a random three-band model while it is filled, dims (mu)."""
    return xyz(conductivity(random_model(3, 2, FILLED[3]), (mesh, mesh, 1), mu, 0.05))


def kane_mele_scan(rashba: ArrayLike, mesh: int = 150) -> xr.Dataset:
    """σ^z_xy of the half-filled Kane–Mele model (λ_so = 0.06, λ_v = 0.1) with μ in mid-gap, against λ_R.

    ``berry_spin`` is Eq. (16) band by band, which in the gap is all of ``semiclassical``. Meshes divisible by three
    hold the corners of the zone, where the gap is.
    """
    values = np.atleast_1d(np.asarray(rashba, dtype=np.float64))
    rows = []
    for coupling in values:
        model = kane_mele(lambda_so=0.06, lambda_v=0.1, lambda_r=float(coupling))
        anywhere = FixedPoints((0.0,), (1.0,))
        shape = (mesh, mesh, 1)
        probe = solve(model, [AnomalousHallConductivity()], Numerics(mesh=shape, energies=anywhere, audit=False))
        low, high = probe.gap(2)
        data = xyz(conductivity(model, shape, (low + high) / 2, 2e-4, occupied_bands=2)).isel(mu=0, drop=True)
        rows.append(data.assign(gap=high - low))
    return xr.concat(rows, xr.IndexVariable("lambda_r", values))


def draw(axes: Axes, data: xr.Dataset, names: Sequence[str], **labels: str) -> None:
    """Curves in the colours that the definitions have everywhere."""
    x = np.asarray(data[next(iter(data[names[0]].dims))])
    for name in names:
        curve: Curve = CURVES[name]
        axes.plot(
            x,
            np.asarray(data[name]),
            label=labels.get(name, curve.label),
            color=curve.colour,
            linestyle=curve.line,
            linewidth=curve.width,
        )
    axes.axhline(0, color="0.6", linewidth=0.6, zorder=0)


def routes_figure(line: xr.Dataset, meshes: xr.Dataset, masses: xr.Dataset) -> Figure:
    """Spikes of one route, what they do to convergence, and the δ function at an exact touching in two dimensions."""
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 1.4, 3.1), layout="constrained")
        spikes, convergence_axes, touching = figure.subplots(1, 3)
        names = ("semiclassical_surface", "semiclassical_sea")
        draw(spikes, line, names)
        spikes.set_yscale("symlog", linthresh=10)
        spikes.set_xlabel("distance from the near-crossing  [$k_1/2\\pi$]")
        spikes.set_ylabel("integrand of two filled bands  [Å$^2$]")
        spikes.set_title(f"smallest gap {1e3 * float(line.gap.min()):.1f} meV", fontsize=9.5)
        draw(convergence_axes, meshes, names)
        for name in names:
            convergence_axes.plot(meshes.divisions, meshes[name], "o", markersize=3.5, color=CURVES[name].colour)
        convergence_axes.set_xlabel("divisions of the mesh")
        convergence_axes.set_ylabel(rf"$\sigma^z_{{xy}}$  [{meshes[names[0]].attrs['units'].replace('|e|', '$|e|$')}]")
        convergence_axes.set_title("random 3D metal, 4 bands", fontsize=9.5)
        per_8pi = masses.isel(mu=0) * 4
        draw(touching, per_8pi.isel(m=slice(1, None)), names)
        for name, marker, size in zip(names, "os", (5.5, 4.5), strict=True):
            value = per_8pi[name].isel(m=0)
            touching.plot(value.m, value, marker, markersize=size, color=CURVES[name].colour, clip_on=False, zorder=5)
        touching.annotate("touching bands, $m=0$", (0.012, -0.97), (0.12, -0.9), arrowprops={"arrowstyle": "-"})
        touching.set_xlabel(r"exchange $m$  [eV]")
        touching.set_ylabel(r"$\sigma^z_{xy}$  [$|e|/8\pi$]")
        touching.set_title(r"Rashba, $\mu=-3.5$ eV", fontsize=9.5)
        touching.set_xlim(left=0)
        convergence_axes.legend()
    return figure


def symmetric_figure(data: xr.Dataset) -> Figure:
    """Two panels against μ: the symmetric parts of Eq. (15) and finite-q coincide, the antisymmetric ones do not."""
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 1.2, 3.0), layout="constrained")
        panels = figure.subplots(1, 2)
        for axes, part, sign in zip(panels, ("symmetric", "antisymmetric"), "+-", strict=True):
            draw(axes, data.sel(part=part, drop=True), ("semiclassical", "conventional"))
            finite = data.finite_q.sel(part=part)
            axes.plot(data.mu, finite, "o", markersize=2.6, color=CURVES["finite_q"].colour, label="finite-$q$")
            axes.set_title(part, fontsize=10)
            axes.set_xlabel(r"$\mu$  [eV]")
            axes.set_ylabel(rf"$\frac{{1}}{{2}}(\sigma^z_{{xy}} {sign} \sigma^z_{{yx}})$  [$|e|/2\pi$]")
        panels[0].legend()
    return figure


def filled_figure(curves: xr.Dataset, sets: xr.Dataset) -> Figure:
    """σ while a model is filled, and what remains when it is full, against the number of bands."""
    names = ("semiclassical", "conventional", "finite_q")
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 1.2, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        draw(left, curves, names)
        left.axhline(float(curves.semiclassical[-1]), color=CURVES["semiclassical"].colour, linewidth=0.6, zorder=0)
        left.set_xlabel(r"$\mu$  [eV]")
        left.set_ylabel(r"$\sigma^z_{xy}$  [$|e|/2\pi$]")
        left.set_title("three bands; full at the right end", fontsize=9.5)
        left.legend()
        for name, marker in zip(names, "osd", strict=True):
            value = np.maximum(sets[name], 1e-18)
            right.semilogy(sets.bands, value, marker, color=CURVES[name].colour, label=CURVES[name].label)
        right.set_xticks([int(n) for n in sets.bands])
        right.xaxis.minorticks_off()
        right.set_xlabel("number of bands, all filled")
        right.set_ylabel(r"largest $|\sigma^s_{xy}|$  [$|e|/2\pi$]")
        right.set_title("two bands: zero to the error of the mesh", fontsize=9.5)
    return figure


def exchange_figure(data: xr.Dataset) -> Figure:
    """The two terms of Eq. (15) cancel for any exchange; finite-q and conventional stay."""
    names = ("berry_spin", "dipole", "semiclassical", "conventional", "finite_q")
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 1.2, 3.0), layout="constrained")
        panels = figure.subplots(1, data.sizes["mu"], sharey=True, squeeze=False)[0]
        for axes, level in zip(panels, data.mu.values, strict=True):
            draw(axes, data.sel(mu=level, drop=True) / (2 * np.pi), names, semiclassical="sum, Eq. (15)")
            axes.set_title(rf"$\mu = {level:g}$ eV", fontsize=10)
            axes.set_xlabel(r"exchange $m$  [eV]")
        panels[0].set_ylabel(r"$\sigma^z_{xy}$  [$|e|$]")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center")
    return figure


def kane_mele_figure(data: xr.Dataset) -> Figure:
    """All definitions against λ_R on one pair of axes."""
    with style():
        figure = Figure(figsize=(PAGE_WIDTH * 0.85, 3.5), layout="constrained")
        axes = figure.subplots()
        names = ("semiclassical", "projector", "conventional", "finite_q")
        draw(axes, data, names, semiclassical="Eq. (16) band by band", projector="Eq. (16), occupied space")
        axes.axhline(1, color="0.6", linewidth=0.6, zorder=0)
        axes.set_ylim(0.7, 1.2)
        axes.set_xscale("log")
        axes.set_xlim(float(data.lambda_r.min()), float(data.lambda_r.max()))
        axes.set_xlabel(r"Rashba coupling $\lambda_\mathrm{R}$  [eV]")
        axes.set_ylabel(r"$\sigma^z_{xy}$  [$|e|/2\pi$]")
        axes.legend()
    return figure


def figures() -> Mapping[str, Figure]:
    """Every figure of the example by name."""
    masses = exchange([0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5], (-3.5, -2.0))
    low, high = -2.9, 1.9
    return {
        "routes": routes_figure(spike(401), convergence((6, 8, 10, 12, 16, 20, 24, 28, 32)), masses),
        "symmetric": symmetric_figure(symmetric_and_antisymmetric(np.linspace(low, high, 60))),
        "filled": filled_figure(filling(np.linspace(-3.5, 1.8, 70)), filled_sets(tuple(FILLED))),
        "exchange": exchange_figure(masses.isel(m=slice(1, None))),
        "kane_mele": kane_mele_figure(kane_mele_scan(np.geomspace(0.001, 0.1, 17))),
    }


def main() -> None:
    """Write the figures as PNG files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("output", type=Path, help="folder for the figures")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.output.mkdir(parents=True, exist_ok=True)
    for name, figure in figures().items():
        path = options.output / f"{name}.png"
        figure.savefig(path, dpi=130)
        log.info("%s", path)


if __name__ == "__main__":
    main()
