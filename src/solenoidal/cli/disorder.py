"""``solenoidal disorder``: from an input file to conductivities, figures and a symmetry report."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from rich.table import Table

from solenoidal.cli.console import err, out
from solenoidal.cli.progress import Estimate, RunMonitor
from solenoidal.cli.run import model_lines
from solenoidal.cluster.connection import Connection
from solenoidal.disorder.boltzmann import RelaxationTime, ShellDiagnostics, solve_boltzmann
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.kernel import CollisionKernel
from solenoidal.disorder.shell_map import shell_map
from solenoidal.disorder.shells.shells import NoFermiSurfaceError
from solenoidal.disorder.symmetry_report import symmetry_report
from solenoidal.models.hamiltonian import TightBinding
from solenoidal.replacement import require_absent
from solenoidal.report.extrinsic_figures import against_mu_figure, fermi_surface_figure, relaxation_spectrum_figure
from solenoidal.workflow.disorder_input import DisorderInput, parse_disorder_input
from solenoidal.workflow.grammar import read_source
from solenoidal.workflow.places import Places, output_folder
from solenoidal.workflow.session import open_session

TENSORS = ("conserved", "conventional", "torque_dipole", "spin_hall_angle", "spin_hall_angle_conventional")
CHARGE = ("charge_conductivity", "resistivity")
DIAGNOSTICS = tuple(ShellDiagnostics.__dataclass_fields__)


def disorder_file(input_path: Path, output: Path | None, *, overwrite: bool, resume: bool) -> Places:
    """Everything ``solenoidal disorder`` does; existing outputs are refused before anything is computed.

    Finished shells are kept beside the outputs until the result is written; ``resume`` goes on from them.
    """
    source = read_source(input_path)
    where = Places(output_folder(input_path, output), "symmetry.txt")
    require_absent(where.all, overwrite=overwrite)
    asked = parse_disorder_input(source, input_path)
    facts = {"model": model_lines(asked.model)}
    with (
        _warnings_as_lines(),
        open_session(input_path, source, where, overwrite=overwrite, resume=resume, facts=facts) as session,
    ):
        with RunMonitor(Connection(), Estimate(None, None)) as monitor:
            data = extrinsic_conductivity(
                asked.shells,
                asked.scatterers,
                mu=asked.mu,
                temperature=asked.temperature,
                method=asked.method,
                mean_field=asked.mean_field,
                symmetry="auto" if asked.symmetry else None,
                tolerance=asked.tolerance,
                compare=asked.compare,
                checkpoint=session.checkpoint,
                resume=session.resume,
                progress=monitor.update,
            )
        session.keep(data)
        with err.status("drawing"):
            text = symmetry_text(asked, data)
            session.publish(figures(asked, data), text + "\n")
        show_numbers(asked, data)
        out.print(text, markup=False)
        for label, path in (("result", where.result), ("figures", where.figures), ("symmetry", where.report)):
            out.print(f"{label:<9} {path}")
    return where


def figures(asked: DisorderInput, data: xr.Dataset) -> dict[str, Figure]:
    """Curves against μ if there are several, and the Fermi surface and relaxation spectrum of the middle one."""
    drawn = {}
    if len(asked.mu) > 1:
        t = float(asked.temperature[0])
        drawn["conductivity"] = against_mu_figure(data, component=asked.component, temperature=t)
        drawn["spin_hall_angle"] = against_mu_figure(data, component=asked.component, temperature=t, angle=True)
    middle = float(asked.mu[_middle(asked)])
    try:
        shell = asked.shells.at(middle)
    except NoFermiSurfaceError:
        err.print(f"no figure of the Fermi surface: there is none at mu = {middle:g} eV")
        return drawn
    kernel = CollisionKernel.build(asked.model, asked.scatterers) if asked.scatterers else None
    surface = shell_map(solve_boltzmann(shell, kernel, method=asked.method, mean_field=asked.mean_field))
    drawn["fermi_surface"] = fermi_surface_figure(surface, component=asked.component)
    if surface["spectrum"].size:
        drawn["relaxation"] = relaxation_spectrum_figure(surface)
    return drawn


def symmetry_text(asked: DisorderInput, data: xr.Dataset) -> str:
    """What symmetry allows beside the numbers at the middle μ, or why that cannot be said."""
    if not isinstance(asked.model, TightBinding):
        return "no symmetry report: symmetry is searched for lattice models only"
    if isinstance(asked.method, RelaxationTime):
        return "no symmetry report: a relaxation time says nothing of the impurities"
    chosen = data.isel(mu=[_middle(asked)], temperature=[0])
    return symmetry_report(chosen, asked.model, asked.scatterers, tolerance=asked.tolerance).text


def show_numbers(asked: DisorderInput, data: xr.Dataset) -> None:
    """The drawn element of every tensor at each μ and T, the charge transport along the field, and the diagnostics."""
    current, field, spin = tuple(asked.component)
    columns = {name: data[name].sel(current=current, field=field, spin=spin) for name in TENSORS}
    columns |= {name: data[name].sel(current=field, field=field) for name in CHARGE}
    titles = [f"{name.replace('_', ' ')} [{values.attrs['units']}]" for name, values in columns.items()]
    _table(f"spin element {asked.component}, charge element {field}{field}", titles, list(columns.values()), data)
    shown = [data[name] for name in DIAGNOSTICS]
    _table("diagnostics", [name.replace("_", " ") for name in DIAGNOSTICS], shown, data)


def _table(title: str, names: list[str], columns: list[xr.DataArray], data: xr.Dataset) -> None:
    """One row for each quantity, one column for each μ and T; of a long scan both ends and the middle."""
    chosen = np.unique(np.linspace(0, data.sizes["mu"] - 1, min(data.sizes["mu"], 3)).round().astype(int))
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for m in chosen:
        for t in data["temperature"].values:
            table.add_column(f"{float(data['mu'][m]):g} eV, {t:g} K", justify="right")
    for name, column in zip(names, columns, strict=True):
        values = np.asarray(column.transpose("mu", "temperature"))[chosen].ravel()
        table.add_row(name.replace("[", r"\["), *(f"{float(value):.5g}" for value in values))
    out.print(table)


def _middle(asked: DisorderInput) -> int:
    return len(asked.mu) // 2


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print each distinct warning of the library once on the error stream."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(str(entry.message) for entry in caught):
        err.print(f"warning: {text}", style="yellow", markup=False)
