"""``solenoidal bands``, ``geometry`` and ``report``: pictures with their data, and a page from an old result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from solenoidal.cli.console import out
from solenoidal.errors import ConfigError
from solenoidal.replacement import require_absent, write_text
from solenoidal.report.curves import conductivity_pictures, density_picture
from solenoidal.report.disorder_page import DisorderRequest, chosen_points, conductivity_curves, disorder_html
from solenoidal.report.page import Picture, ReportRequest, report_html
from solenoidal.report.pictures import band_picture, plane_picture, require_lattice
from solenoidal.report.superconductor import superconductor_pictures
from solenoidal.results.result import Result
from solenoidal.results.tensors import holds_tensors, load_tensors
from solenoidal.workflow.build import build_model
from solenoidal.workflow.grammar import tensor_component
from solenoidal.workflow.input_file import InputFile, read_input
from solenoidal.workflow.places import write_figure, write_netcdf


def draw_bands(
    input_file: Path, prefix: Path, quantities: str, component: str, points: int, *, overwrite: bool
) -> None:
    """Bands of the model in ``input_file`` coloured by ``quantities``, written under ``prefix``."""
    targets = _targets(prefix, overwrite)
    settings = read_input(input_file)
    energies = settings.energies
    picture, data = band_picture(
        require_lattice(build_model(settings.model, settings.pairing), "bands"),
        _component(component),
        energies.fermi,
        (energies.minimum - energies.fermi, energies.maximum - energies.fermi),
        quantities=_split(quantities),
        operator=_operator(settings),
        points=points,
        degeneracy_tol=settings.run.degeneracy_tol,
    )
    _write(picture, data, targets)


def draw_plane(
    input_file: Path, prefix: Path, quantities: str, component: str, plane: str, points: int, *, overwrite: bool
) -> None:
    """Sums over occupied states on a plane for the model in ``input_file``, written under ``prefix``."""
    targets = _targets(prefix, overwrite)
    settings = read_input(input_file)
    picture, data = plane_picture(
        require_lattice(build_model(settings.model, settings.pairing), "geometry"),
        _component(component),
        settings.energies.fermi,
        axes=plane,
        quantities=_split(quantities),
        operator=_operator(settings),
        points=points,
        degeneracy_tol=settings.run.degeneracy_tol,
    )
    _write(picture, data, targets)


def write_report(
    result_file: Path,
    output: Path,
    temperatures: Sequence[float],
    offsets: Sequence[float],
    components: Sequence[str],
    resistivity: float | None,
) -> None:
    """The HTML page of a saved result; ``offsets`` (eV) are chemical potentials relative to its reference.

    Of a disorder run they are absolute, all that it has if none are given.
    """
    if holds_tensors(result_file):
        _write_disorder_report(result_file, output, temperatures, offsets, components[0])
        return
    result = Result.load(result_file)
    request = ReportRequest(
        title=f"Conserved spin transport: {result_file.stem}",
        mu=tuple(result.reference + offset for offset in offsets or (0.0,)),
        temperatures=tuple(temperatures),
        components=tuple(_component(component) for component in components),
        resistivity=resistivity,
    )
    pictures = conductivity_pictures(result, request) + density_picture(result, request)
    pictures += superconductor_pictures(result, request)
    write_text(report_html(result, request, pictures), output)


def _write_disorder_report(
    result_file: Path, output: Path, temperatures: Sequence[float], mu: Sequence[float], component: str
) -> None:
    data = chosen_points(load_tensors(result_file), mu, temperatures)
    request = DisorderRequest(f"Disorder-driven spin transport: {result_file.stem}", _component(component))
    pictures = conductivity_curves(data, request.component, float(data["temperature"][0]))
    write_text(disorder_html(data, request, pictures), output)


def _component(text: str) -> str:
    try:
        return tensor_component(text)
    except ValueError as error:
        raise ConfigError(f"component is {text!r}: {error}") from None


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _operator(settings: InputFile) -> str:
    named = [response.operator for response in settings.response if response.kind == "spin_conductivity"]
    return named[0] if named else "spin"


def _targets(prefix: Path, overwrite: bool) -> tuple[Path, ...]:
    targets = tuple(prefix.with_name(f"{prefix.name}.{suffix}") for suffix in ("png", "pdf", "nc"))
    require_absent(targets, overwrite=overwrite)
    return targets


def _write(picture: Picture, data: xr.Dataset, targets: tuple[Path, ...]) -> None:
    targets[0].parent.mkdir(parents=True, exist_ok=True)
    for path in targets:
        if path.suffix == ".nc":
            write_netcdf(data, path)
        else:
            write_figure(picture.figure, path)
        out.print(f"written  {path}")
