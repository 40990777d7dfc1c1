"""Spin currents at a soft boundary: what flows, what is conserved, and how exact the local formulas are.

A Rashba magnet on the square lattice (t = 1 eV, k_BT = 0.2 eV) is confined by a potential U that varies over several
cells. Run it with an output folder; ``--cells`` sets the length of the system:

    python soft_boundary.py figures --cells 120
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from solenoidal.arrays import RealArray
from solenoidal.models.library import rashba_square
from solenoidal.realspace import Ribbon, local_densities, ribbon_profiles, zeeman_profile
from solenoidal.report.profile_figures import current_arrows, profile_panels
from solenoidal.units import BOLTZMANN

MODEL = rashba_square(alpha=1.0, mass=1.0)
MU = -2.5
TEMPERATURE = 0.2 / BOLTZMANN
BLUE, RED, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"

log = logging.getLogger("soft_boundary")


def wall(distance: RealArray, width: float) -> RealArray:
    """1.5 (1 + tanh) eV: the band bottom passes the chemical potential where ``distance`` is zero."""
    return np.asarray(1.5 * (1 + np.tanh(distance / width)))


def well(x: RealArray, cells: int, width: float = 10.0) -> RealArray:
    """A well that fills the middle half of a torus of ``cells`` cells."""
    return wall(np.abs(x - cells / 2) - cells / 4, width)


def across(cells: int, mesh: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Eqs. (4)-(6) and the exact profiles across the well."""
    x = np.arange(cells, dtype=float)
    flow = local_densities(
        MODEL,
        coordinates=[x],
        mu=MU,
        temperature=TEMPERATURE,
        potential=well(x, cells),
        mesh=(mesh, mesh, 1),
        periodic=True,
        nodes=60,
    )
    ribbon = Ribbon(MODEL, cells, (zeeman_profile(lambda y: well(y, cells)),), periodic=True)
    return flow, ribbon_profiles(ribbon, mesh=(mesh,), temperature=TEMPERATURE, mu=MU)


def errors(lengths: Sequence[int], mesh: int) -> dict[str, RealArray]:
    """Largest deviation from the exact torus for U = ¼ cos(2πx/L), against L."""
    table: dict[str, list[float]] = {"uniform": [], "first order": [], "source": []}
    for cells in lengths:

        def potential(x: RealArray, cells: int = cells) -> RealArray:
            return np.asarray(0.25 * np.cos(2 * np.pi * x / cells + 0.3))

        x = np.arange(cells, dtype=float)
        flow = local_densities(
            MODEL,
            coordinates=[x],
            mu=MU,
            temperature=TEMPERATURE,
            potential=potential(x),
            mesh=(mesh, mesh, 1),
            periodic=True,
        )
        ribbon = Ribbon(MODEL, cells, (zeeman_profile(potential),), periodic=True)
        exact = ribbon_profiles(ribbon, mesh=(mesh,), temperature=TEMPERATURE, mu=MU, twists=2)
        pairs = {
            "uniform": (exact.conventional_current, flow.conventional_current_equilibrium),
            "first order": (exact.conventional_current, flow.conventional_current),
            "source": (exact.source, flow.source),
        }
        for name, (found, expected) in pairs.items():
            table[name].append(float(np.abs(found.values - expected.values).max()))
    return {name: np.array(values) for name, values in table.items()}


def convergence_figure(lengths: Sequence[int], table: dict[str, RealArray]) -> Figure:
    """Errors against length, with the power each must have."""
    figure, axes = plt.subplots(figsize=(4.8, 3.8), layout="constrained")
    L = np.asarray(lengths, dtype=float)
    for (name, values), power, colour in zip(table.items(), (1, 2, 3), (GREY, RED, BLUE), strict=True):
        label = {"uniform": r"$J^{s,0}$ without gradients", "first order": r"$J^{s,0}$, Eq. (4)"}.get(name)
        axes.loglog(L, values, "o", color=colour, label=label or r"$\tau$, Eqs. (5), (6)")
        axes.loglog(L, values[-1] * (L / L[-1]) ** -power, "--", lw=1, color=colour)
        axes.annotate(f"$L^{{-{power}}}$", (L[0], values[0]), xytext=(6, 4), textcoords="offset points", color=colour)
    axes.set_xlabel("period L  [cells]")
    axes.set_ylabel("largest deviation from the exact torus")
    axes.legend(frameon=False, fontsize=8)
    return figure


def circulation(side: int, mesh: int) -> tuple[xr.Dataset, RealArray]:
    """Local densities in a round well on a side × side grid, and the potential."""
    axis = np.linspace(-30, 30, side)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    potential = wall(np.hypot(x, y) - 17, 5.0)
    options = {"mu": MU, "temperature": TEMPERATURE, "potential": potential, "mesh": (mesh, mesh, 1), "nodes": 60}
    return local_densities(MODEL, coordinates=[axis, axis], **options), potential


def figures(cells: int, mesh: int, lengths: Sequence[int], side: int) -> dict[str, Figure]:
    """Every figure of the example by name."""
    flow, exact = across(cells, mesh)
    deviation = np.abs(flow.conventional_current.values - exact.conventional_current.values).max()
    log.info("largest J0 %.2e, deviation from exact %.1e", np.abs(exact.conventional_current).max(), deviation)
    log.info("largest conserved current %.2e", np.abs(flow.conserved_current).max())
    log.info("largest divergence of the conserved current %.1e", np.abs(flow.divergence).max())
    round_well, potential = circulation(side, mesh)
    table = errors(lengths, mesh)
    for name, values in table.items():
        order = -np.polyfit(np.log(lengths[-2:]), np.log(values[-2:]), 1)[0]
        log.info("%s: %s, order %.2f", name, " ".join(f"{v:.1e}" for v in values), order)
    return {
        "profiles": profile_panels(flow, [("x", "y"), ("y", "z")], exact=exact),
        "source": profile_panels(flow, [("", "y")], exact=exact, variables=("source",)),
        "convergence": convergence_figure(lengths, table),
        "circulation": current_arrows(round_well, boundary=MU - potential, level=-4.5),
    }


def main() -> None:
    """Write the figures as PNG files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="folder for the figures")
    parser.add_argument("--cells", type=int, default=120, help="length of the system in cells")
    parser.add_argument("--mesh", type=int, default=64, help="divisions of the zone along each side")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    plt.switch_backend("agg")
    options.output.mkdir(parents=True, exist_ok=True)
    for name, figure in figures(options.cells, options.mesh, (24, 48, 72, 96), side=61).items():
        path = options.output / f"{name}.png"
        figure.savefig(path, dpi=120)
        log.info("%s", path)


if __name__ == "__main__":
    main()
