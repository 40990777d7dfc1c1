"""Figures of a report that are drawn from the result alone: curves against the chemical potential, and convergence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ResultError
from solenoidal.report.figures import (
    ROUTES,
    convergence_figure,
    definitions_against_energy,
    density_of_states_figure,
)
from solenoidal.report.page import Picture, ReportRequest, axes_in_words
from solenoidal.results.result import Result
from solenoidal.results.tables import Conductivity, conductivities
from solenoidal.sampling.energy_grid import WINDOW_MARGIN, EnergyGrid
from solenoidal.units import BOLTZMANN

LEAST_POINTS = 3
"""Chemical potentials below which a run at chosen points is listed and not drawn."""


def energy_axis(result: Result, temperature: float, count: int = 401) -> RealArray:
    """Chemical potentials (eV) of a curve at ``temperature`` (K): bin edges, at most ``count`` of them, that the result
    can answer for; of a run at chosen points those points.

    Raises ``ResultError`` when the energy window leaves less than two.
    """
    if not isinstance(result.grid, EnergyGrid):
        return np.unique(result.grid.mu)
    edges = result.energy_grid.edges
    margin = max(WINDOW_MARGIN * BOLTZMANN * temperature, result.energy_grid.step) * (1 + 1e-9)
    inside = edges[(edges >= edges[0] + margin) & (edges <= edges[-1] - margin)]
    if len(inside) < 2:
        raise ResultError(
            f"the energy window [{edges[0]:g}, {edges[-1]:g}] eV is too narrow for {temperature:g} K, whose Fermi "
            f"function reaches {margin:.3g} eV from each end; widen the window or lower the temperature"
        )
    return np.asarray(inside[:: -(-len(inside) // count)])


def conductivity_pictures(result: Result, request: ReportRequest) -> list[Picture]:
    """σ and α against the chemical potential, one figure for each component and temperature, and one of the routes.

    Of scalar and vector operators; three letters do not name the elements of a tensor, which is listed only.
    Of a run at chosen points, points joined by lines, if there are at least three.
    """
    if not _has_curves(result):
        return []
    drawn = [(tensor, tensor.shown(request.components)) for tensor in conductivities(result)]
    return [
        picture
        for tensor, components in drawn
        if components
        for picture in _conductivity_pictures(result, request, tensor, components)
    ]


def _conductivity_pictures(
    result: Result, request: ReportRequest, tensor: Conductivity, components: Sequence[str]
) -> list[Picture]:
    pictures = []
    reference, points = result.reference, not isinstance(result.grid, EnergyGrid)
    response = tensor.response
    name = f"{response}_" if tensor.title else ""
    of = f" ({tensor.title})" if tensor.title else ""
    for temperature in request.temperatures:
        mu = energy_axis(result, temperature)
        panels = [(r"\sigma", result.conductivity(mu, temperature, response=response))]
        if temperature > 0:
            panels.append((r"\alpha", result.nernst(mu, temperature, response=response)))
        for component in components:
            figure = definitions_against_energy(
                panels, component=component, temperature=temperature, reference=reference, points=points
            )
            caption = (
                f"Conductivity{of}{' and its thermal partner' if temperature > 0 else ''}, {axes_in_words(component)}"
            )
            caption += f", against the chemical potential at {temperature:g} K. {_band_words(result)}"
            pictures.append(Picture(f"{name}conductivity_{component}_{temperature:g}K", caption, figure))
    component, temperature = components[0], max(request.temperatures)
    sigma = result.conductivity(energy_axis(result, temperature), temperature, response=response)
    figure = definitions_against_energy(
        [(r"\sigma", sigma)],
        component=component,
        temperature=temperature,
        reference=reference,
        outputs=ROUTES,
        points=points,
    )
    caption = f"The semiclassical conductivity{of} by its two routes and the two terms of Eq. (15), "
    caption += f"{axes_in_words(component)}."
    pictures.append(Picture(f"{name}routes_{component}_{temperature:g}K", caption, figure))
    return pictures


def density_picture(result: Result, request: ReportRequest) -> list[Picture]:
    """The density of states at the highest temperature asked for, if the run computed it."""
    if "density_of_states" not in result.quantities or not _has_curves(result):
        return []
    temperature = max(request.temperatures)
    density = result.density_of_states(energy_axis(result, temperature), temperature)["density_of_states"]
    figure = density_of_states_figure(density.isel(temperature=0, drop=True), reference=result.reference)
    width = f"broadened by {temperature:g} K" if temperature > 0 else "at zero temperature"
    return [Picture("density_of_states", f"Density of states, {width}.", figure)]


def _has_curves(result: Result) -> bool:
    return isinstance(result.grid, EnergyGrid) or len(set(result.grid.mu)) >= LEAST_POINTS


def convergence_picture(result: Result) -> list[Picture]:
    """How the error fell, if the run was given an accuracy rather than a mesh."""
    convergence = result.attrs.get("convergence")
    if convergence is None:
        return []
    caption = f"Convergence: {convergence['meaning']}. Every point is a set of {result.replicas} meshes."
    return [Picture("convergence", caption, convergence_figure(convergence["history"]))]


def _band_words(result: Result) -> str:
    return "Bands: one standard error over the meshes of the set." if result.replicas > 1 else ""
