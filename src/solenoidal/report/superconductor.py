"""Figures that a report shows of a superconductor: quantised Hall conductivities and magnetization against T."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.report.page import Picture, ReportRequest
from solenoidal.report.superconductor_figures import magnetization_parts, quantised_hall
from solenoidal.results.bogolons import magnetization_table
from solenoidal.results.result import Result
from solenoidal.sampling.energy_grid import WINDOW_MARGIN, EnergyGrid
from solenoidal.units import BOLTZMANN

LABELS = {
    "thermal_hall": r"$\kappa_{xy}/T$  [$\pi^2k_\mathrm{B}^2/3h$]",
    "spin_quantum_hall": r"$\sigma^s_{xy}$  [$\hbar/8\pi$]",
}
POINTS = 61
QUANTISED = 0.02
"""Distance from a half-integer within which the limit of zero temperature is marked as that number."""


def superconductor_pictures(result: Result, request: ReportRequest) -> list[Picture]:
    """κ_xy/T, σ^s_xy and the parts of M of a two-dimensional superconductor against T, as far as the run has them.

    A run at a fixed pair potential is shown up to the highest temperature of ``request``; one whose gap follows
    temperature at its own temperatures, from two of them on.
    """
    if result.nambu_weight is None or result.dimension != 2:
        return []
    temperatures = _temperatures(result, request)
    if len(temperatures) < 2:
        return []
    potential = "a fixed pair potential" if _fixed(result) else "a pair potential that follows temperature"
    return _hall(result, temperatures, potential) + _magnetization(result, temperatures, potential)


def _fixed(result: Result) -> bool:
    return isinstance(result.grid, EnergyGrid)


def _temperatures(result: Result, request: ReportRequest) -> RealArray:
    """Temperatures (K) on the axis, ascending; empty where the energy window allows none."""
    if not isinstance(result.grid, EnergyGrid):
        return np.sort(np.array(result.grid.temperature))
    grid = result.grid
    reach = min(grid.reference - grid.minimum, grid.maximum - grid.reference) - grid.step
    highest = min(max(request.temperatures), reach / (WINDOW_MARGIN * BOLTZMANN))
    return np.linspace(0.0, highest, POINTS) if highest > 0 else np.zeros(0)


def _hall(result: Result, temperatures: RealArray, potential: str) -> list[Picture]:
    pictures = []
    for name, label in LABELS.items():
        if name not in result.quantities:
            continue
        data = result.quantity(name, result.reference, temperatures)[name]
        values = data.isel(mu=0).sel(current="x", gradient="y").values
        limit = float(values[0])
        half = round(2 * limit) / 2
        quantum = half if abs(limit - half) < QUANTISED else round(limit, 3)
        figure = quantised_hall(temperatures, [("computed", values)], quantum=quantum, quantity_label=label)
        caption = f"{name.replace('_', ' ').capitalize()} conductivity against temperature at {potential}; dashed: "
        caption += "its limit at zero temperature." if temperatures[0] == 0 else f"its value at {temperatures[0]:g} K."
        pictures.append(Picture(name, caption, figure))
    return pictures


def _magnetization(result: Result, temperatures: RealArray, potential: str) -> list[Picture]:
    name = "bogolon_magnetization"
    if name not in result.spectra or result.highest >= result.grid.top:
        return []
    table = magnetization_table(result, temperatures).sel(moment="z")
    parts = {str(part): values.values for part, values in table.data_vars.items()}
    figure = magnetization_parts(temperatures, parts, variable_label="$T$  [K]", unit="A")
    caption = f"Orbital magnetization against temperature at {potential}: readings above, parts of Eq. (20) below."
    return [Picture(name, caption, figure)]
