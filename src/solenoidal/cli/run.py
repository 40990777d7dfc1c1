"""``solenoidal run``: from an input file to a NetCDF file, figures and one HTML page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from solenoidal.accuracy.converge import REPLICAS, Accuracy, converge
from solenoidal.bloch.interpolation import Model
from solenoidal.cli.console import err, out, require_absent, whisper
from solenoidal.cli.progress import Estimate, RunMonitor
from solenoidal.cluster.connection import ClusterOptions, connected
from solenoidal.errors import ConfigError
from solenoidal.integrate.checkpoint import locked
from solenoidal.integrate.solve import Progress as RunProgress
from solenoidal.io.spin_check import SpinReport
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.replacement import write_text
from solenoidal.report.curves import conductivity_pictures, convergence_picture, density_picture
from solenoidal.report.figures import CURVES, DEFINITIONS
from solenoidal.report.html import number
from solenoidal.report.page import Picture, ReportRequest, report_html
from solenoidal.report.pictures import band_picture, plane_picture
from solenoidal.report.superconductor import superconductor_pictures
from solenoidal.responses.response import Response
from solenoidal.results.result import Result
from solenoidal.results.tables import listings
from solenoidal.sampling.energy_grid import WINDOW_MARGIN, EnergyGrid
from solenoidal.sampling.tetrahedra import TetrahedronPoints
from solenoidal.units import BOLTZMANN
from solenoidal.workflow.build import build_grid, build_model, build_responses, build_sampling
from solenoidal.workflow.input_file import InputFile, read_input
from solenoidal.workflow.mesh_run import solve_on_mesh
from solenoidal.workflow.places import Places, save_figure, write_netcdf
from solenoidal.workflow.runlog import log_text, run_log, worth_keeping
from solenoidal.workflow.series import compute_series, follows_temperature


@dataclass(frozen=True)
class Job:
    """An input file turned into the library's objects; ``grid`` is the window shown, ``sampling`` what a run keeps."""

    settings: InputFile
    model: Model
    responses: Sequence[Response]
    grid: EnergyGrid
    sampling: EnergyGrid | TetrahedronPoints


def places(input_path: Path, settings: InputFile, output: Path | None) -> Places:
    """The output folder: the option, else [output] directory, else a folder named after the input file, beside it."""
    return Places(output or settings.output.directory or input_path.parent / f"{input_path.stem}-output", "report.html")


def prepare(settings: InputFile) -> Job:
    """Check what can be checked without computing, then read the model.

    Raises ``ConfigError`` when a chemical potential or temperature does not fit the energy window.
    """
    grid = build_grid(settings)
    sampling = build_sampling(settings, grid)
    _check_window(settings, grid)
    model = build_model(settings.model, settings.pairing)
    return Job(settings, model, build_responses(settings, model), grid, sampling)


def _check_window(settings: InputFile, grid: EnergyGrid) -> None:
    hottest = max(settings.output.temperatures)
    margin = WINDOW_MARGIN * BOLTZMANN * hottest + grid.step
    for offset in settings.output.mu or (0.0,):
        mu = grid.reference + offset
        if not grid.minimum + margin < mu < grid.maximum:
            raise ConfigError(
                f"[energies] window: mu = {mu:g} eV at {hottest:g} K needs states from {margin:.3g} eV below it, but "
                f"the window is [{grid.minimum:g}, {grid.maximum:g}] eV; widen it, or change mu or temperatures"
            )


def compute(
    job: Job,
    checkpoint: Path | None = None,
    *,
    resume: bool = False,
    executor: Executor | None = None,
    progress: Callable[[RunProgress], None] | None = None,
) -> Result:
    """Run the driver; finished blocks are kept in ``checkpoint``."""
    run = job.settings.run
    if follows_temperature(job.settings):
        if resume:
            raise ConfigError("[pairing] gap: a run whose gap follows temperature keeps no blocks; start it anew")
        return compute_series(job.settings, job.responses, executor=executor, progress=progress)
    if run.mesh is None:
        return converge(
            job.model,
            job.responses,
            _accuracy(job),
            energies=job.grid,
            replicas=run.replicas if run.replicas > 1 else REPLICAS,
            symmetry="auto" if run.symmetry else None,
            executor=executor,
            threads=run.threads,
            degeneracy_tol=run.degeneracy_tol,
            seed=run.seed,
            checkpoint=checkpoint,
            resume=resume,
            progress=progress,
        )
    return solve_on_mesh(
        run,
        job.model,
        job.responses,
        job.sampling,
        executor=executor,
        progress=progress,
        checkpoint=checkpoint,
        resume=resume,
    )


def _accuracy(job: Job) -> Accuracy:
    """The tolerance of [run] at the chemical potentials and temperatures of [output]."""
    if not any(r.kind == "spin_conductivity" for r in job.settings.response):
        raise ConfigError("[run] accuracy: is asked of the spin conductivity; add that response, or write mesh = […]")
    mu = tuple(job.grid.reference + offset for offset in job.settings.output.mu or (0.0,))
    return Accuracy(mu, tuple(job.settings.output.temperatures), relative=job.settings.run.accuracy)


def _estimate(job: Job) -> Estimate:
    """What is known of the error while the run goes on, if it has a spin conductivity."""
    run, output = job.settings.run, job.settings.output
    if not any(r.kind == "spin_conductivity" for r in job.settings.response):
        return Estimate(None, None)
    mu = tuple(job.grid.reference + offset for offset in output.mu or (0.0,))
    return Estimate(Accuracy(mu, tuple(output.temperatures), relative=1.0), run.accuracy)


def report_request(settings: InputFile, grid: EnergyGrid, source: str, title: str) -> ReportRequest:
    """What the report shows, from section [output]; chemical potentials there are relative to the Fermi energy."""
    output = settings.output
    mu = tuple(grid.reference + offset for offset in output.mu or (0.0,))
    return ReportRequest(title, mu, output.temperatures, output.components, output.resistivity, source)


def model_pictures(job: Job) -> list[Picture]:
    """Bands and maps of a lattice model that has the operator, as far as [output] wants them."""
    operators = [r.operator for r in job.settings.response if r.kind == "spin_conductivity"]
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


def save_pictures(pictures: Sequence[Picture], folder: Path) -> None:
    """Each picture as PNG and PDF."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        save_figure(picture.figure, folder, picture.name)


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
    A log for bug reports stays in the folder.
    """
    settings = read_input(input_path)
    where = places(input_path, settings, output)
    require_absent(where.all, overwrite=overwrite)
    options = ClusterOptions(cluster, slurm, where.jobs)
    options.check()
    job = prepare(settings)
    describe_model(job.model)
    where.directory.mkdir(parents=True, exist_ok=True)
    source = input_path.read_text(encoding="utf-8")
    with _alone(where):
        # Another run may have ended in the meantime.
        require_absent(where.all, overwrite=overwrite)
        if overwrite and not resume:
            where.checkpoint.unlink(missing_ok=True)
        with run_log(where.log, append=where.checkpoint.exists(), cluster=options.given):
            log_text(f"input {input_path}", source.splitlines())
            log_text("model", model_lines(job.model))
            if slurm is not None:
                log_text(f"cluster {slurm}", slurm.read_text(encoding="utf-8").splitlines())
            result = _integrate(job, where, options, resume=resume)
            _write_outputs(job, where, result, source, input_path.stem)
    return where


@contextmanager
def _alone(where: Places) -> Iterator[None]:
    """Keep other runs out of the folder; one that failed before it had anything to keep leaves no folder behind.

    Raises ``ConfigError`` when another run is writing there.
    """
    refusal = f"{where.directory}: another run is writing there; wait for it or choose another --output"
    try:
        with locked(where.lock, refusal):
            try:
                yield
            except BaseException as error:
                _remove_bare_log(where, error)
                raise
    finally:
        with suppress(OSError):
            where.directory.rmdir()


def _integrate(job: Job, where: Places, options: ClusterOptions, *, resume: bool) -> Result:
    with connected(options, whisper) as connection, RunMonitor(connection, _estimate(job)) as monitor:
        return compute(job, where.checkpoint, resume=resume, executor=connection.executor, progress=monitor.update)


def _write_outputs(job: Job, where: Places, result: Result, source: str, name: str) -> None:
    """The result first; only then are the finished blocks given up."""
    where.directory.mkdir(parents=True, exist_ok=True)
    write_netcdf(result, where.result)
    where.checkpoint.unlink(missing_ok=True)
    request = report_request(job.settings, job.grid, source, f"Conserved spin transport: {name}")
    with err.status("drawing"):
        pictures = conductivity_pictures(result, request) + model_pictures(job) + density_picture(result, request)
        pictures += superconductor_pictures(result, request) + convergence_picture(result)
        save_pictures(pictures, where.figures)
        write_text(report_html(result, request, pictures), where.report)
    write_text(source, where.input)
    show_headline(result, request)
    out.print(f"result   {where.result}")
    out.print(f"figures  {where.figures}")
    out.print(f"report   [bold]{where.report}[/]")


def _remove_bare_log(where: Places, error: BaseException) -> None:
    """A log without blocks, jobs or results says no more than the message of a plain ``error``."""
    if not worth_keeping(error) and set(where.directory.iterdir()) == {where.log, where.lock}:
        where.log.unlink()


def describe_model(model: Model) -> None:
    """What was read, in a few lines on the error stream."""
    for line in model_lines(model):
        whisper(line)


def model_lines(model: Model) -> list[str]:
    """What was read, in a few lines."""
    facts = dict(model.provenance)
    lines = [f"model: {model.n_orbitals} bands, {model.dimension} periodic directions"]
    lines += [f"  {key}: {facts[key]}" for key in ("source", "prefix", "spin") if key in facts]
    if "spin_report" in facts:
        lines += [f"  {line}" for line in SpinReport(**facts["spin_report"]).lines()]
    return lines


def show_headline(result: Result, request: ReportRequest) -> None:
    """The chief numbers at the chemical potential nearest to the Fermi energy on the output stream."""
    if "conductivity" not in result.quantities:
        _show_quantities(result, request)
        return
    mu = min(request.mu, key=lambda value: abs(value - result.reference))
    data = result.conductivity(mu, request.temperatures)
    shown = [name for name in DEFINITIONS if name in data]
    current, field, spin = tuple(request.components[0])
    unit = data[shown[0]].attrs["units"]
    table = Table(title=f"σ^{spin}_{current}{field} in {unit}, μ = {mu:g} eV", title_justify="left")
    table.add_column("definition")
    for temperature in request.temperatures:
        table.add_column(f"{temperature:g} K", justify="right")
    for name in shown:
        values = data[name].isel(mu=0).sel(current=current, field=field, spin=spin)
        cells = [f"{float(value):.5g}" for value in values]
        if f"{name}_error" in data:
            errors = data[f"{name}_error"].isel(mu=0).sel(current=current, field=field, spin=spin)
            cells = [f"{c} ± {float(e):.2g}" for c, e in zip(cells, errors, strict=True)]
        table.add_row(CURVES[name].label.replace("$", ""), *cells)
    out.print(table)


def _show_quantities(result: Result, request: ReportRequest) -> None:
    """Every element of every quantity at the Fermi energy, for a run without spin conductivity."""
    for found in listings(result, request.mu[:1], request.temperatures):
        if found.problem:
            err.print(f"{found.title}: {found.problem}", style="yellow", markup=False)
            continue
        table = Table(title=f"{found.title} in {found.unit}, μ = {request.mu[0]:g} eV", title_justify="left")
        table.add_column(" ".join(found.dims), no_wrap=True)
        for temperature in request.temperatures:
            table.add_column(f"{temperature:g} K", justify="right")
        for output, component, values, errors in found.rows:
            spread = [None] * values.shape[1] if errors is None else errors[0].tolist()
            cells = [number(value, error) for value, error in zip(values[0].tolist(), spread, strict=True)]
            table.add_row(f"{output.replace('_', ' ')} {component}", *cells)
        out.print(table)
