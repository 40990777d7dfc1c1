"""``solenoidal run``: from an input file to a NetCDF file, figures and one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from solenoidal.bloch.interpolation import Model
from solenoidal.cli.build import build_grid, build_model, build_responses
from solenoidal.cli.cluster import connected
from solenoidal.cli.console import err, out, require_absent
from solenoidal.cli.pictures import band_picture, plane_picture
from solenoidal.cli.series import compute_series, follows_temperature
from solenoidal.config import InputFile, read_input
from solenoidal.errors import ConfigError
from solenoidal.integrate.refine import REPLICAS, Accuracy, converge
from solenoidal.integrate.solve import Progress as RunProgress
from solenoidal.integrate.solve import solve
from solenoidal.io.spin_check import SpinReport
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.responses.response import Response
from solenoidal.results.html import number
from solenoidal.results.listing import listings
from solenoidal.results.plots import CURVES, DEFINITIONS, PRINT_DPI
from solenoidal.results.report import (
    Picture,
    ReportRequest,
    conductivity_pictures,
    convergence_picture,
    density_picture,
    report_html,
)
from solenoidal.results.result import Result
from solenoidal.results.spectral import WINDOW_MARGIN, EnergyGrid
from solenoidal.results.superconductor_report import superconductor_pictures
from solenoidal.units import BOLTZMANN

FORMATS = ("png", "pdf")


@dataclass(frozen=True)
class Places:
    """Where a run writes."""

    directory: Path

    @property
    def result(self) -> Path:
        """The NetCDF file with the spectral densities."""
        return self.directory / "result.nc"

    @property
    def checkpoint(self) -> Path:
        """Finished blocks of a run that has not ended."""
        return self.directory / "run.checkpoint"

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self.directory / "report.html"

    @property
    def input(self) -> Path:
        """The copy of the input file."""
        return self.directory / "input.toml"

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.directory / "figures"

    @property
    def all(self) -> tuple[Path, ...]:
        """Everything that must not exist before a run."""
        return self.result, self.report, self.input, self.figures


@dataclass(frozen=True)
class Job:
    """An input file turned into the library's objects."""

    settings: InputFile
    model: Model
    responses: Sequence[Response]
    grid: EnergyGrid


def places(input_path: Path, settings: InputFile, output: Path | None) -> Places:
    """The output folder: the option, else [output] directory, else a folder named after the input file, beside it."""
    return Places(output or settings.output.directory or input_path.parent / f"{input_path.stem}-output")


def prepare(settings: InputFile) -> Job:
    """Check what can be checked without computing, then read the model.

    Raises ``ConfigError`` when a chemical potential or temperature does not fit the energy window.
    """
    grid = build_grid(settings)
    _check_window(settings, grid)
    model = build_model(settings.model, settings.pairing)
    return Job(settings, model, build_responses(settings, model), grid)


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
    job: Job, checkpoint: Path | None = None, *, resume: bool = False, executor: Executor | None = None
) -> Result:
    """Run the driver with a progress bar on the error stream; finished blocks of a mesh are kept in ``checkpoint``."""
    run = job.settings.run
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=40),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("remaining {task.fields[remaining]}"),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("integrating", total=None, remaining="…")

        def advance(state: RunProgress) -> None:
            bar.update(task, completed=state.done, total=state.total, remaining=duration(state.remaining))

        if follows_temperature(job.settings):
            if resume:
                raise ConfigError("[pairing] gap: a run whose gap follows temperature keeps no blocks; start it anew")
            return compute_series(job.settings, job.responses, executor=executor, progress=advance)
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
                progress=advance,
            )
        return solve(
            job.model,
            job.responses,
            mesh=run.mesh,
            energies=job.grid,
            replicas=run.replicas,
            symmetry="auto" if run.symmetry else None,
            executor=executor,
            threads=run.threads,
            block_size=run.block_size,
            degeneracy_tol=run.degeneracy_tol,
            seed=run.seed,
            checkpoint=checkpoint,
            resume=resume,
            progress=advance,
        )


def _accuracy(job: Job) -> Accuracy:
    """The tolerance of [run] at the chemical potentials and temperatures of [output]."""
    if not any(r.kind == "spin_conductivity" for r in job.settings.response):
        raise ConfigError("[run] accuracy: is asked of the spin conductivity; add that response, or write mesh = […]")
    mu = tuple(job.grid.reference + offset for offset in job.settings.output.mu or (0.0,))
    return Accuracy(mu, tuple(job.settings.output.temperatures), relative=job.settings.run.accuracy)


def duration(seconds: float) -> str:
    """Seconds as h:mm:ss."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


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
        for suffix in FORMATS:
            picture.figure.savefig(folder / f"{picture.name}.{suffix}", dpi=PRINT_DPI)


def write_result(result: Result, path: Path) -> None:
    """Save under a temporary name first, so that an old file stays whole until the new one is complete."""
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    result.save(partial)
    partial.replace(path)


def run_file(
    input_path: Path, output: Path | None, *, overwrite: bool, resume: bool, cluster: str | None = None
) -> Places:
    """Everything ``solenoidal run`` does; existing outputs are refused before anything is computed.

    Finished blocks are kept beside the outputs until the result is written; ``resume`` goes on from them. ``cluster``
    is the address of a Dask scheduler that computes the blocks.
    """
    settings = read_input(input_path)
    where = places(input_path, settings, output)
    require_absent(where.all, overwrite=overwrite)
    job = prepare(settings)
    describe_model(job.model)
    where.directory.mkdir(parents=True, exist_ok=True)
    if overwrite and not resume:
        where.checkpoint.unlink(missing_ok=True)
    try:
        with connected(cluster) as executor:
            result = compute(job, where.checkpoint, resume=resume, executor=executor)
    finally:
        if not any(where.directory.iterdir()):
            where.directory.rmdir()
    where.directory.mkdir(parents=True, exist_ok=True)
    write_result(result, where.result)
    where.checkpoint.unlink(missing_ok=True)
    source = input_path.read_text(encoding="utf-8")
    request = report_request(settings, job.grid, source, f"Conserved spin transport: {input_path.stem}")
    with err.status("drawing"):
        pictures = conductivity_pictures(result, request) + model_pictures(job) + density_picture(result, request)
        pictures += superconductor_pictures(result, request) + convergence_picture(result)
        save_pictures(pictures, where.figures)
        where.report.write_text(report_html(result, request, pictures), encoding="utf-8")
    where.input.write_text(source, encoding="utf-8")
    show_headline(result, request)
    out.print(f"result   {where.result}")
    out.print(f"figures  {where.figures}")
    out.print(f"report   [bold]{where.report}[/]")
    return where


def describe_model(model: Model) -> None:
    """What was read, in a few lines on the error stream."""
    facts = dict(model.provenance)
    err.print(f"model: {model.n_orbitals} bands, {model.dimension} periodic directions", style="dim")
    for key in ("source", "prefix", "spin"):
        if key in facts:
            err.print(f"  {key}: {facts[key]}", style="dim", markup=False)
    if "spin_report" in facts:
        for line in SpinReport(**facts["spin_report"]).lines():
            err.print(f"  {line}", style="dim", markup=False)


def show_headline(result: Result, request: ReportRequest) -> None:
    """The chief numbers at the Fermi energy on the output stream."""
    if "conductivity" not in result.quantities:
        _show_quantities(result, request)
        return
    data = result.conductivity(request.mu[0], request.temperatures)
    shown = [name for name in DEFINITIONS if name in data]
    current, field, spin = tuple(request.components[0])
    unit = data[shown[0]].attrs["units"]
    table = Table(title=f"σ^{spin}_{current}{field} in {unit}, μ = {request.mu[0]:g} eV", title_justify="left")
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
