"""The run that an input file of ``solenoidal disorder`` asks for: numbers with their origin, figures, symmetry."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import xarray as xr

from solenoidal.disorder.boltzmann import RelaxationTime, solve_boltzmann
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.shell_map import shell_map
from solenoidal.disorder.shells.shells import NoFermiSurfaceError
from solenoidal.disorder.symmetry import symmetry_for_average
from solenoidal.disorder.symmetry_report import symmetry_report
from solenoidal.integrate.provenance import run_facts
from solenoidal.integrate.solve import Progress
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.report.disorder_page import conductivity_curves
from solenoidal.report.extrinsic_figures import fermi_surface_figure, relaxation_spectrum_figure
from solenoidal.report.page import Picture, axes_in_words
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from solenoidal.workflow.disorder_input import DisorderInput


def compute_disorder(
    asked: DisorderInput,
    checkpoint: Path | None = None,
    *,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> xr.Dataset:
    """``extrinsic_conductivity`` of what was ``asked`` for; the attributes say also where the numbers come from.

    Finished shells are kept in ``checkpoint``. The seed is that of the points at which symmetry is verified, the only
    random numbers.
    """
    started = time.perf_counter()
    response = ExtrinsicSpinConductivity()
    shared = symmetry_for_average(
        asked.model, asked.scatterers, "auto" if asked.symmetry else None, response.operators, asked.tolerance
    )
    data = extrinsic_conductivity(
        asked.shells,
        asked.scatterers,
        mu=asked.mu,
        temperature=asked.temperature,
        method=asked.method,
        response=response,
        mean_field=asked.mean_field,
        symmetry=shared.group,
        compare=asked.compare,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
    )
    return data.assign_attrs(
        run_facts(asked.model),
        responses=[repr(response)],
        seed=0,
        symmetry_report=shared.report,
        symmetry_tolerance=asked.tolerance,
        wall_time_seconds=time.perf_counter() - started,
    )


def disorder_pictures(asked: DisorderInput, data: xr.Dataset) -> tuple[list[Picture], str]:
    """Curves against μ if there are several, the Fermi surface and the relaxation spectrum of the middle one.

    With them what to say of a figure that is missing, empty otherwise.
    """
    pictures = conductivity_curves(data, asked.component, float(asked.temperature[0]))
    middle = float(asked.mu[len(asked.mu) // 2])
    try:
        shell = asked.shells.at(middle)
    except NoFermiSurfaceError:
        return pictures, f"no figure of the Fermi surface: there is none at mu = {middle:g} eV"
    kernel = CollisionKernel.build(asked.model, asked.scatterers) if asked.scatterers else None
    surface = shell_map(solve_boltzmann(shell, kernel, method=asked.method, mean_field=asked.mean_field))
    figure = fermi_surface_figure(surface, component=asked.component)
    caption = f"The shell of {middle:g} eV: spin, rate, mean free path and integrand, {axes_in_words(asked.component)}."
    pictures.append(Picture("fermi_surface", caption, figure))
    if surface["spectrum"].size:
        caption = f"Rates at which the modes of the shell of {middle:g} eV relax."
        pictures.append(Picture("relaxation", caption, relaxation_spectrum_figure(surface)))
    return pictures, ""


def symmetry_text(asked: DisorderInput, data: xr.Dataset) -> str:
    """What symmetry allows beside the numbers at the middle μ, or why that cannot be said."""
    if not isinstance(asked.model, TightBinding):
        return "no symmetry report: symmetry is searched for lattice models only"
    if isinstance(asked.method, RelaxationTime):
        return "no symmetry report: a relaxation time says nothing of the impurities"
    chosen = data.isel(mu=[len(asked.mu) // 2], temperature=[0])
    return symmetry_report(chosen, asked.model, asked.scatterers, tolerance=asked.tolerance).text
