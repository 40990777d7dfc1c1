"""The commands of ``solenoidal``. Exit codes: 0 done, 2 bad input, 3 an output exists, 130 interrupted."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from solenoidal.cli.console import err, exit_codes, out, show_log
from solenoidal.replacement import require_absent

app = typer.Typer(
    name="solenoidal",
    help="Conserved spin transport of models and real materials.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

InputArgument = Annotated[Path, typer.Argument(metavar="INPUT.toml", help="Input file.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the finished parts of a stopped run.")]


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    finally:
        # The system takes the memory back at once; searching a million objects for cycles first takes half a second.
        gc.freeze()


def _show_version(wanted: bool) -> None:
    if wanted:
        from solenoidal.version import __version__

        out.print(f"solenoidal {__version__}")
        raise typer.Exit


@app.callback()
def common(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the library's log.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Conserved spin transport of models and real materials."""
    show_log(verbose)


@app.command()
def run(
    input_file: InputArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only estimate time and memory.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the results.")] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Compute on a Dask cluster: tcp://host:port of its scheduler.")
    ] = None,
    slurm: Annotated[
        Path | None, typer.Option(metavar="CLUSTER.toml", help="Compute in jobs of Slurm, which this file describes.")
    ] = None,
) -> None:
    """Integrate over the Brillouin zone; write NetCDF, figures and an HTML report."""
    from solenoidal.cli.run import run_file

    with exit_codes():
        if dry_run:
            _dry_run(input_file)
        else:
            run_file(input_file, output, overwrite=overwrite, resume=resume, cluster=cluster, slurm=slurm)


@app.command()
def disorder(
    input_file: InputArgument,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the results.")] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
) -> None:
    """Solve the Boltzmann equation of impurities; write NetCDF, figures and a symmetry report."""
    with exit_codes():
        from solenoidal.cli.disorder import disorder_file

        disorder_file(input_file, output, overwrite=overwrite, resume=resume)


def _dry_run(input_file: Path) -> None:
    from solenoidal.cli.estimate import estimate
    from solenoidal.cli.progress import duration
    from solenoidal.workflow.input_file import read_input
    from solenoidal.workflow.job import prepare

    found = estimate(prepare(read_input(input_file)))
    out.print(f"k points    {found.points} of {found.represented} ({found.operations} symmetry operations)")
    out.print(f"time        {duration(found.seconds)} h:mm:ss on {found.threads} threads", end="")
    out.print(f" ({found.microseconds_per_point:.0f} μs for each point, measured)")
    out.print(f"memory      {found.memory / 1e6:.0f} MB")


@app.command()
def bands(
    input_file: InputArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Path and prefix of the files to write.")],
    colour: Annotated[
        str, typer.Option(help="Band quantities, separated by commas; one panel each.")
    ] = "berry_spin,dipole",
    component: Annotated[str, typer.Option(help="Current, field and spin.")] = "xyz",
    points: Annotated[int, typer.Option(min=16, help="Points along the path.")] = 360,
    overwrite: Overwrite = False,
) -> None:
    """Bands along the recommended path, coloured by spin, Ω·s, dipole, …; writes PNG, PDF and NetCDF."""
    with exit_codes():
        from solenoidal.cli.maps import draw_bands

        draw_bands(input_file, output, colour, component, points, overwrite=overwrite)


@app.command()
def geometry(
    input_file: InputArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Path and prefix of the files to write.")],
    quantity: Annotated[
        str, typer.Option(help="Band quantities, separated by commas; one panel each.")
    ] = "berry_spin,conventional",
    component: Annotated[str, typer.Option(help="Current, field and spin.")] = "xyz",
    plane: Annotated[str, typer.Option(help="Plane through Γ: xy, yz, zx, …")] = "xy",
    points: Annotated[int, typer.Option(min=8, help="Points along each side.")] = 81,
    overwrite: Overwrite = False,
) -> None:
    """Maps of band quantities, summed over occupied states, on a plane in k space; writes PNG, PDF and NetCDF."""
    with exit_codes():
        from solenoidal.cli.maps import draw_plane

        draw_plane(input_file, output, quantity, component, plane, points, overwrite=overwrite)


@app.command()
def check(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Input file, model file or Wannier90 prefix.")],
    samples: Annotated[int, typer.Option(min=1, help="Random k points for the identities.")] = 4,
    seed: Annotated[int, typer.Option(help="Seed of the random k points.")] = 0,
) -> None:
    """Read a model, verify identities and symmetry, and print what was found."""
    with exit_codes():
        from solenoidal.cli.check import check_model

        if not check_model(model, samples, seed):
            raise typer.Exit(1)


@app.command()
def convert(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Input file, model file or Wannier90 prefix.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="NAME.npz to keep everything, or the prefix of NAME_tb.dat.")
    ],
    overwrite: Overwrite = False,
) -> None:
    """Write a model in another format: one file with all operators, or Wannier90's _tb.dat and _wsvec.dat."""
    with exit_codes():
        from solenoidal.workflow.build import model_targets, read_model, write_model

        require_absent(model_targets(output), overwrite=overwrite)
        content = read_model(model)
        for path in write_model(content, output):
            out.print(f"written  {path}")


@app.command()
def report(
    result_file: Annotated[Path, typer.Argument(metavar="RESULT.nc", help="File written by a run.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.")],
    temperature: Annotated[list[float], typer.Option("--temperature", "-T", help="Kelvin; may be repeated.")],
    mu: Annotated[
        list[float] | None,
        typer.Option(help="eV relative to the Fermi energy (absolute for disorder); may be repeated."),
    ] = None,
    component: Annotated[list[str] | None, typer.Option(help="Current, field and spin; may be repeated.")] = None,
    resistivity: Annotated[float | None, typer.Option(help="μΩ cm, for the spin Hall angle.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """A new HTML report from an old result, at other temperatures or chemical potentials, without another run."""
    with exit_codes():
        from solenoidal.cli.maps import write_report

        require_absent([output], overwrite=overwrite)
        write_report(result_file, output, temperature, mu or [], component or ["xyz"], resistivity)
        err.print(f"report  {output}")
