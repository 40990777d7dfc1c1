"""``solenoidal run``: from an input file to a NetCDF file, figures and one HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table

from solenoidal.bloch.interpolation import Model
from solenoidal.cli.console import err, out, whisper
from solenoidal.cli.progress import Estimate, RunMonitor
from solenoidal.cluster.connection import ClusterOptions, connected
from solenoidal.integrate.tolerance import Accuracy
from solenoidal.io.spin_check import SpinReport
from solenoidal.replacement import require_absent
from solenoidal.report.figures import CURVES, DEFINITIONS
from solenoidal.report.html import number
from solenoidal.report.page import ReportRequest
from solenoidal.results.result import Result
from solenoidal.results.tables import Conductivity, Listing, conductivities, conductivity_listing, listings, routes
from solenoidal.workflow.grammar import read_source
from solenoidal.workflow.input_file import InputFile, parse_input
from solenoidal.workflow.job import Job, compute, prepare
from solenoidal.workflow.outputs import publish, report_request
from solenoidal.workflow.places import Places, output_folder
from solenoidal.workflow.session import Session, open_session


def run_file(
    input_path: Path,
    output: Path | None,
    *,
    overwrite: bool,
    resume: bool,
    cluster: str | None = None,
    slurm: Path | None = None,
) -> Places:
    """Everything ``solenoidal run`` does; existing outputs are refused before anything is computed.

    Finished blocks are kept beside the outputs until the result is written; ``resume`` goes on from them. ``cluster``
    is the address of a Dask scheduler that computes the blocks, ``slurm`` a file that describes batch jobs which do.
    """
    source = read_source(input_path)
    settings = parse_input(source, input_path)
    where = places(input_path, settings, output)
    require_absent(where.all, overwrite=overwrite)
    options = ClusterOptions(cluster, slurm, where.jobs)
    options.check()
    job = prepare(settings)
    describe_model(job.model)
    facts = {"model": model_lines(job.model)}
    if slurm is not None:
        facts[f"cluster {slurm}"] = slurm.read_text(encoding="utf-8").splitlines()
    with open_session(
        input_path, source, where, overwrite=overwrite, resume=resume, facts=facts, cluster=options.given
    ) as session:
        result = _integrate(job, session, options)
        session.keep(result)
        request = report_request(job, source, f"Conserved spin transport: {input_path.stem}")
        with err.status("drawing"):
            publish(session, job, result, request)
        show_headline(result, request)
        out.print(f"result   {where.result}")
        out.print(f"figures  {where.figures}")
        out.print(f"report   [bold]{where.report}[/]")
    return where


def places(input_path: Path, settings: InputFile, output: Path | None) -> Places:
    """The output folder: the option, else [output] directory, else a folder named after the input file, beside it."""
    return Places(output_folder(input_path, output or settings.output.directory), "report.html")


def _integrate(job: Job, session: Session, options: ClusterOptions) -> Result:
    with connected(options, whisper) as connection, RunMonitor(connection, _estimate(job)) as monitor:
        return compute(
            job, session.checkpoint, resume=session.resume, executor=connection.executor, progress=monitor.update
        )


def _estimate(job: Job) -> Estimate:
    """What is known of the error while the run goes on, if it has a spin conductivity."""
    if job.judged is None:
        return Estimate(None, None)
    wanted = Accuracy(job.mu, tuple(job.settings.output.temperatures), relative=1.0, response=job.judged)
    return Estimate(wanted, job.settings.run.accuracy)


def describe_model(model: Model) -> None:
    """What was read, in a few lines on the error stream."""
    for line in model_lines(model):
        whisper(line)


def model_lines(model: Model) -> list[str]:
    """What was read, in a few lines."""
    facts = model.facts
    lines = [f"model: {model.n_orbitals} bands, {model.dimension} periodic directions"]
    lines += [f"  {key}: {facts[key]}" for key in ("source", "prefix", "spin") if key in facts]
    if "spin_report" in facts:
        lines += [f"  {line}" for line in SpinReport(**facts["spin_report"]).lines()]
    return lines


def show_headline(result: Result, request: ReportRequest) -> None:
    """The chief numbers at the chemical potential nearest to the Fermi energy on the output stream."""
    tensors = conductivities(result)
    if not tensors:
        _show_quantities(listings(result, request.mu[:1], request.temperatures), request.mu[0], request.temperatures)
    mu = min(request.mu, key=lambda value: abs(value - result.reference))
    for tensor in tensors:
        components = tensor.shown(request.components)
        if components:
            _show_element(result, tensor, components[0], mu, request.temperatures)
        else:
            found = conductivity_listing(result, tensor, [mu], request.temperatures)
            _show_quantities([found], mu, request.temperatures)


def _show_element(
    result: Result, tensor: Conductivity, component: str, mu: float, temperatures: Sequence[float]
) -> None:
    """One tensor element in every definition."""
    data = result.conductivity(mu, temperatures, response=tensor.response)
    shown = [name for name in DEFINITIONS if name in data]
    element = dict(zip(tensor.dims, component, strict=True))
    unit = data[shown[0]].attrs["units"]
    symbol = "σ" + (f"^{component[2:]}" if len(component) > 2 else "") + f"_{component[:2]}"
    of = f" ({tensor.title})" if tensor.title else ""
    table = Table(title=f"{symbol}{of} in {unit}, μ = {mu:g} eV", title_justify="left")
    table.add_column("definition")
    for temperature in temperatures:
        table.add_column(f"{temperature:g} K", justify="right")
    for name in shown:
        values = data[name].isel(mu=0).sel(element)
        known = f"{name}_error" in data
        errors = data[f"{name}_error"].isel(mu=0).sel(element) if known else [None] * len(values)
        cells = [
            number(float(value), None if error is None else float(error))
            for value, error in zip(values, errors, strict=True)
        ]
        table.add_row(CURVES[name].label.replace("$", ""), *cells)
    _show_table(table, routes(data, shown))


def _show_quantities(listed: Iterable[Listing], mu: float, temperatures: Sequence[float]) -> None:
    """Every element of every quantity at ``mu``, for a run without spin conductivity or with that of a tensor."""
    for found in listed:
        if found.problem:
            err.print(f"{found.title}: {found.problem}", style="yellow", markup=False)
            continue
        table = Table(title=f"{found.title} in {found.unit}, μ = {mu:g} eV", title_justify="left")
        table.add_column(" ".join(found.dims), no_wrap=True)
        for temperature in temperatures:
            table.add_column(f"{temperature:g} K", justify="right")
        for output, component, values, errors in found.rows:
            spread = [None] * values.shape[1] if errors is None else errors[0].tolist()
            cells = [number(value, error) for value, error in zip(values[0].tolist(), spread, strict=True)]
            table.add_row(f"{output.replace('_', ' ')} {component}", *cells)
        _show_table(table, found.routes)


def _show_table(table: Table, notes: Iterable[str]) -> None:
    """A table, and below it by which route its numbers came."""
    out.print(table)
    for note in notes:
        out.print(note, markup=False)
