"""Figures that a report shows of a superconductor: its quantised Hall conductivities against temperature."""

from __future__ import annotations

import numpy as np

from solenoidal.results.report import Picture, ReportRequest
from solenoidal.results.result import Result
from solenoidal.results.spectral import WINDOW_MARGIN
from solenoidal.results.superconductor_plots import quantised_hall
from solenoidal.units import BOLTZMANN

LABELS = {
    "thermal_hall": r"$\kappa_{xy}/T$  [$\pi^2k_\mathrm{B}^2/3h$]",
    "spin_quantum_hall": r"$\sigma^s_{xy}$  [$\hbar/8\pi$]",
}
POINTS = 61
QUANTISED = 0.02
"""Distance from a half-integer within which the limit of zero temperature is marked as that number."""


def hall_pictures(result: Result, request: ReportRequest) -> list[Picture]:
    """κ_xy/T and σ^s_xy of a two-dimensional superconductor against T, as far as the run computed them.

    The temperatures end at the highest of ``request``. The pair potential is that of the run at every temperature.
    """
    if "nambu_weight" not in result.attrs.get("model", {}) or result.dimension != 2:
        return []
    grid = result.energy_grid
    reach = min(grid.reference - grid.minimum, grid.maximum - grid.reference) - grid.step
    highest = min(max(request.temperatures), reach / (WINDOW_MARGIN * BOLTZMANN))
    if highest <= 0:
        return []
    temperatures = np.linspace(0.0, highest, POINTS)
    pictures = []
    for name, label in LABELS.items():
        if name not in result.quantities:
            continue
        data = result.quantity(name, grid.reference, temperatures)[name]
        values = data.isel(mu=0).sel(current="x", gradient="y").values
        limit = float(values[0])
        half = round(2 * limit) / 2
        quantum = half if abs(limit - half) < QUANTISED else round(limit, 3)
        figure = quantised_hall(temperatures, [("computed", values)], quantum=quantum, quantity_label=label)
        caption = f"{name.replace('_', ' ').capitalize()} conductivity against temperature at a fixed pair potential; "
        caption += "dashed: its limit at zero temperature."
        pictures.append(Picture(name, caption, figure))
    return pictures
