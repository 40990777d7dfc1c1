"""``solenoidal disorder``: from an input file to conductivities, figures and a symmetry report."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr
from rich.table import Table

from solenoidal.cli.console import err, out
from solenoidal.cli.progress import Estimate, RunMonitor
from solenoidal.cli.run import model_lines
from solenoidal.cluster.connection import Connection
from solenoidal.disorder.boltzmann import ShellDiagnostics
from solenoidal.replacement import require_absent
from solenoidal.report.disorder_page import DisorderRequest, disorder_html
from solenoidal.workflow.disorder_input import DisorderInput, parse_disorder_input
from solenoidal.workflow.disorder_run import compute_disorder, disorder_pictures, symmetry_text
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
    where = Places(output_folder(input_path, output), "report.html", ("symmetry.txt",))
    require_absent(where.all, overwrite=overwrite)
    asked = parse_disorder_input(source, input_path)
    facts = {"model": model_lines(asked.model)}
    with (
        _warnings_as_lines(),
        open_session(input_path, source, where, overwrite=overwrite, resume=resume, facts=facts) as session,
    ):
        with RunMonitor(Connection(), Estimate(None, None)) as monitor:
            data = compute_disorder(asked, session.checkpoint, resume=session.resume, progress=monitor.update)
        session.keep(data)
        with err.status("drawing"):
            text = symmetry_text(asked, data)
            pictures, missing = disorder_pictures(asked, data)
            request = DisorderRequest(
                f"Disorder-driven spin transport: {input_path.stem}", asked.component, text, source
            )
            figures = {picture.name: picture.figure for picture in pictures}
            session.publish(figures, disorder_html(data, request, pictures), [text + "\n"])
        if missing:
            err.print(missing, markup=False)
        show_numbers(asked, data)
        out.print(text, markup=False)
        places = {"result": where.result, "figures": where.figures, "symmetry": where.texts[0], "report": where.report}
        for label, path in places.items():
            out.print(f"{label:<9} {path}")
    return where


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


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print each distinct warning of the library once on the error stream."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for text in dict.fromkeys(str(entry.message) for entry in caught):
        err.print(f"warning: {text}", style="yellow", markup=False)
