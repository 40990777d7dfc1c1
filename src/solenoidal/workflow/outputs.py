"""Figures and page of a finished run, as section [output] of its input file asks for them."""

from __future__ import annotations

from solenoidal.models.hamiltonian import TightBinding
from solenoidal.report.curves import conductivity_pictures, convergence_picture, density_picture
from solenoidal.report.page import Picture, ReportRequest, report_html
from solenoidal.report.pictures import band_picture, plane_picture
from solenoidal.report.superconductor import superconductor_pictures
from solenoidal.results.result import Result
from solenoidal.workflow.job import Job
from solenoidal.workflow.session import Session


def report_request(job: Job, source: str, title: str) -> ReportRequest:
    """What the report shows, from section [output]; chemical potentials there are relative to the Fermi energy."""
    output = job.settings.output
    return ReportRequest(title, job.mu, output.temperatures, output.components, output.resistivity, source)


def publish(session: Session, job: Job, result: Result, request: ReportRequest) -> None:
    """Draw every figure that the run allows and write them with the page and the input file."""
    pictures = conductivity_pictures(result, request) + model_pictures(job) + density_picture(result, request)
    pictures += superconductor_pictures(result, request) + convergence_picture(result)
    figures = {picture.name: picture.figure for picture in pictures}
    session.publish(figures, report_html(result, request, pictures))


def model_pictures(job: Job) -> list[Picture]:
    """Bands and maps of a lattice model that has the operator, as far as [output] wants them."""
    named = [r.operator for r in job.settings.response if r.kind == "spin_conductivity"]
    operators = [name for name in named if job.model.require_operator(name).rank < 2]  # a tensor has no picture
    if not isinstance(job.model, TightBinding) or not operators:
        return []
    output, grid = job.settings.output, job.grid
    window = (grid.minimum - grid.reference, grid.maximum - grid.reference)
    tolerance, component = job.settings.run.degeneracy_tol, output.components[0]
    if component[0] == component[1]:
        return []
    pictures = []
    if output.bands:
        picture, _ = band_picture(
            job.model, component, grid.reference, window, operator=operators[0], degeneracy_tol=tolerance
        )
        pictures.append(picture)
    if output.plane and job.model.dimension > 1:
        picture, _ = plane_picture(
            job.model, component, grid.reference, operator=operators[0], degeneracy_tol=tolerance
        )
        pictures.append(picture)
    return pictures
