"""The self-contained HTML report of a result: figures, every number with its unit, error bars, audit, provenance.

Nothing is computed here beyond asking the result for its tensors; the page embeds its figures and style and refers
to no other file.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from solenoidal.report.figures import CURVES, DEFINITIONS
from solenoidal.report.html import document, element, narrow_table, number, provenance_rows, table
from solenoidal.report.text import LIMITS, MEANING
from solenoidal.responses.truncation import INSIDE, TRUNCATION
from solenoidal.results.result import Result
from solenoidal.results.tables import AXES, Conductivity, conductivities, elements, listings, routes
from solenoidal.sampling.energy_grid import EnergyGrid

TENSORS = (("conductivity", r"\sigma", "σ"), ("nernst", r"\alpha", "α"))
PIXELS_PER_INCH = 125
ENDINGS = {INSIDE: ", inside the space", TRUNCATION: ", what leaves it"}
SMALL = 1e-6
"""Tensor elements below this fraction of the largest are counted, not listed."""


@dataclass(frozen=True)
class ReportRequest:
    """What the page shows: ``mu`` (eV, absolute) and ``temperatures`` (K) of the tables, tensor ``components`` as
    three letters (current, field, spin), ``resistivity`` (μΩ cm) for spin Hall angles, ``source`` the input file."""

    title: str
    mu: tuple[float, ...]
    temperatures: tuple[float, ...]
    components: tuple[str, ...] = ("xyz",)
    resistivity: float | None = None
    source: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure with the name of its file and its caption."""

    name: str
    caption: str
    figure: Figure


def report_html(result: Result, request: ReportRequest, pictures: Sequence[Picture]) -> str:
    """One HTML page that needs no other file.

    Raises ``ResultError`` when ``request`` asks for a chemical potential outside the window of the run.
    """
    body = [
        f"<h1>{escape(request.title)}</h1>",
        f"<p class=quiet>{escape(_summary(result))}</p>",
        *_headline(result, request),
        *figures_section(pictures),
        *_all_elements(result, request),
        *_spin_hall_angles(result, request),
        *_scalars(result, request),
        *_convergence(result, request),
        *_audit(result, request),
        *(_limits() if conductivities(result) else ()),
        *_provenance(result, request),
    ]
    return document(request.title, body)


def _summary(result: Result) -> str:
    attrs = result.attrs
    mesh = " × ".join(map(str, attrs["mesh"]))
    replicas = f", {result.replicas} meshes" if result.replicas > 1 else ""
    return (
        f"{attrs['bands']} bands, mesh {mesh}{replicas}, {attrs['k_points_evaluated']} k points evaluated, "
        f"{attrs['symmetry_operations']} symmetry operations, {attrs['wall_time_seconds']:.1f} s, {attrs['created']}"
    )


def _headline(result: Result, request: ReportRequest) -> Iterable[str]:
    """Every definition at the chosen chemical potentials, chief components only."""
    yield "<h2>Result</h2>"
    tensors = conductivities(result)
    if not tensors:
        yield "<p>This run computed no spin conductivity; see the other quantities below.</p>"
        return
    for tensor in tensors:
        yield from _headline_of(result, request, tensor)
    defined = {
        output for tensor in tensors for output in result.spectra[tensor.response].quantities["conductivity"].outputs
    }
    yield (
        "<dl>"
        + "".join(
            f"<dt>{escape(_plain(name))}</dt><dd>{escape(MEANING[name])}</dd>"
            for name in DEFINITIONS
            if name in defined
        )
        + "</dl>"
    )


def _headline_of(result: Result, request: ReportRequest, tensor: Conductivity) -> Iterable[str]:
    if tensor.title:
        yield f"<h3>{escape(tensor.title.capitalize())}</h3>"
    components = tensor.shown(request.components)
    if not components:
        yield "<p>The operator is a tensor: all elements of its conductivity are listed below.</p>"
        return
    for name, _, symbol in TENSORS:
        data = result.quantity(name, request.mu, request.temperatures, response=tensor.response)
        shown = [output for output in DEFINITIONS if output in data]
        for component in components:
            rows = []
            for output in shown:
                cells = [
                    _value(data, output, component, mu, temperature)
                    for mu in range(len(request.mu))
                    for temperature in range(len(request.temperatures))
                ]
                rows.append([_plain(output), *cells])
            columns = [
                f"{_mu(result, mu)}, {temperature:g} K" for mu in request.mu for temperature in request.temperatures
            ]
            unit = data[shown[0]].attrs["units"]
            caption = f"{element(symbol, component)} in {escape(unit)} ({escape(axes_in_words(component))})"
            yield narrow_table(["definition", *columns], rows, caption, chief=0)
        yield from _routes(routes(data, shown))


def _routes(words: Iterable[str]) -> Iterable[str]:
    """By which route numbers came that have two, below their table."""
    for line in words:
        yield f"<p>{escape(line)}.</p>"


def figures_section(pictures: Sequence[Picture]) -> Iterable[str]:
    """All figures with their captions, embedded."""
    if pictures:
        yield "<h2>Figures</h2>"
    for index, picture in enumerate(pictures, start=1):
        buffer = io.BytesIO()
        picture.figure.savefig(buffer, format="svg")
        encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
        caption, width = escape(picture.caption), round(PIXELS_PER_INCH * picture.figure.get_figwidth())
        yield (
            f"<figure><img width={width} alt='{caption}' src='data:image/svg+xml;base64,{encoded}'>"
            f"<figcaption><b>Figure {index}.</b> {caption}</figcaption></figure>"
        )


def _all_elements(result: Result, request: ReportRequest) -> Iterable[str]:
    """All elements of every output; those that vanish are counted."""
    tensors = conductivities(result)
    if tensors:
        yield "<h2>All tensor elements</h2>"
    for tensor in tensors:
        if tensor.title:
            yield f"<h3>{escape(tensor.title.capitalize())}</h3>"
        yield (
            f"<p>Indices in the order {escape(', '.join(tensor.dims).replace('_', ' '))}. A thermal coefficient "
            "vanishes at zero temperature.</p>"
        )
        yield from _elements_of(result, request, tensor)


def _elements_of(result: Result, request: ReportRequest, tensor: Conductivity) -> Iterable[str]:
    for name, _, symbol in TENSORS:
        data = result.quantity(name, request.mu, request.temperatures, response=tensor.response)
        outputs = [str(output) for output in data.data_vars if not str(output).endswith("_error")]
        unit = data[outputs[0]].attrs["units"]
        for m, mu in enumerate(request.mu):
            for t, temperature in enumerate(request.temperatures):
                if name == "nernst" and temperature == 0:
                    continue
                title = f"{symbol} in {unit} at {_mu(result, mu)}, {temperature:g} K"
                for ending, kind in {"": "", **ENDINGS}.items():
                    shown = [output for output in outputs if _ending(output) == ending]
                    if shown:
                        yield _element_table(data.isel(mu=[m], temperature=[t]), shown, title + kind, symbol)


def _ending(output: str) -> str:
    return next((ending for ending in ENDINGS if output.endswith(ending)), "")


def _element_table(data: xr.Dataset, outputs: Sequence[str], title: str, symbol: str) -> str:
    values = np.array([data[output].values[0, 0] for output in outputs])
    sizes = np.abs(values).max(axis=0)
    rows, vanishing, largest, count = [], 0.0, np.nanmax(sizes), 0
    for component, index in elements(data, outputs[0]):
        size, count = float(sizes[index]), count + 1
        if size > SMALL * largest:
            cells = [_value(data, output, component, 0, 0) for output in outputs]
            rows.append([element(symbol, component), *cells])
        else:
            vanishing = max(vanishing, size)
    left = count - len(rows)
    note = f"{left} elements vanish (largest {vanishing:.1e})" if left else "no element vanishes"
    named = (_plain(output.removesuffix(_ending(output))) for output in outputs)
    content = table(["", *named], rows, f"{escape(title)}; {note}")
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _spin_hall_angles(result: Result, request: ReportRequest) -> Iterable[str]:
    tensors = [tensor for tensor in conductivities(result) if tensor.dims == AXES]
    if request.resistivity is None or not tensors:
        return
    yield "<h2>Spin Hall angle</h2>"
    yield f"<p>θ = 2σρ with the longitudinal resistivity ρ = {request.resistivity:g} μΩ cm given in the input.</p>"
    for tensor in tensors:
        data = result.spin_hall_angle(
            request.mu, request.temperatures, resistivity=request.resistivity, response=tensor.response
        )
        shown = [output for output in DEFINITIONS if output in data]
        rows = [
            [element("θ", component), f"{_mu(result, mu)}, {temperature:g} K"]
            + [_value(data, output, component, m, t) for output in shown]
            for component in tensor.shown(request.components)
            for m, mu in enumerate(request.mu)
            for t, temperature in enumerate(request.temperatures)
        ]
        caption = "; ".join(part for part in (escape(tensor.title), "dimensionless") if part)
        yield table(["", "", *map(_plain, shown)], rows, caption, labels=2)


def _scalars(result: Result, request: ReportRequest) -> Iterable[str]:
    """Quantities other than the spin conductivity tensors, element by element."""
    columns = [f"{_mu(result, mu)}, {t:g} K" for mu in request.mu for t in request.temperatures]
    for index, found in enumerate(listings(result, request.mu, request.temperatures)):
        if index == 0:
            yield "<h2>Other quantities</h2>"
        if found.problem:
            yield f"<p>{escape(found.title)}: {escape(found.problem)}</p>"
            continue
        several = len({output for output, *_ in found.rows}) > 1
        rows = []
        for output, component, values, errors in found.rows:
            spread = [None] * values.size if errors is None else errors.ravel().tolist()
            cells = [number(value, error) for value, error in zip(values.ravel().tolist(), spread, strict=True)]
            words = f"{output.replace('_', ' ')} {component}" if several else component or "value"
            rows.append([words, *cells])
        note = f"; {found.vanishing} elements vanish" if found.vanishing else ""
        caption = f"{escape(found.title)} in {escape(found.unit)}{note}"
        yield narrow_table([" ".join(found.dims), *columns], rows, caption)
        yield from _routes(found.routes)


def _convergence(result: Result, request: ReportRequest) -> Iterable[str]:
    yield "<h2>Convergence and error bars</h2>"
    if result.replicas > 1:
        yield (
            f"<p>Errors are standard errors of the mean over {result.replicas} meshes moved by independent random "
            "shifts. They measure what is left of the mesh; they know nothing of the model behind it.</p>"
        )
    else:
        yield (
            "<p>One unshifted mesh carries no error bar: write <code>replicas = 4</code> for one, or compare with a "
            "finer mesh.</p>"
        )
    shown = ["semiclassical_sea", "semiclassical_surface", "route_difference"]
    for index, (tensor, components) in enumerate(_with_elements(result, request)):
        if index == 0:
            yield f"<p>{escape(MEANING['route_difference'])}</p>"
        data = result.conductivity(request.mu, request.temperatures, response=tensor.response)
        rows = [
            [f"{element('σ', component)}, {_mu(result, mu)}, {temperature:g} K"]
            + [_value(data, output, component, m, t) for output in shown]
            for component in components
            for m, mu in enumerate(request.mu)
            for t, temperature in enumerate(request.temperatures)
        ]
        of = f" ({escape(tensor.title)})" if tensor.title else ""
        unit = escape(data[shown[0]].attrs["units"])
        yield table(["", *map(_plain, shown)], rows, f"the two routes of the semiclassical conductivity{of}, {unit}")


def _with_elements(result: Result, request: ReportRequest) -> list[tuple[Conductivity, tuple[str, ...]]]:
    """Conductivities of which single elements are shown, with these."""
    found = [(tensor, tensor.shown(request.components)) for tensor in conductivities(result)]
    return [(tensor, components) for tensor, components in found if components]


def _audit(result: Result, request: ReportRequest) -> Iterable[str]:
    """How much of each definition comes from nearly degenerate pairs of bands."""
    tensors = _with_elements(result, request)
    if not tensors or not result.audit_gaps:
        return
    yield "<h2>Degeneracy audit</h2>"
    yield (
        "<p>Share of each number that comes from pairs of bands closer than the gap in the first column, beyond the "
        "groups that are treated as degenerate, estimated on a sample of the k points.</p>"
    )
    for tensor, components in tensors:
        yield from _audit_of(result, request, tensor, components)


def _audit_of(result: Result, request: ReportRequest, tensor: Conductivity, components: Sequence[str]) -> Iterable[str]:
    temperature, mu = max(request.temperatures), request.mu[0]
    full = result.conductivity(mu, temperature, response=tensor.response)
    part = result.degeneracy_audit(mu, temperature, response=tensor.response)
    shown = [output for output in DEFINITIONS if output in full]
    of = f" ({escape(tensor.title)})" if tensor.title else ""
    for component in components:
        selection = dict(zip(tensor.dims, component, strict=True))
        rows = []
        for gap in result.audit_gaps:
            cells = []
            for output in shown:
                share = float(part[output].sel(selection).sel(gap=gap).squeeze())
                whole = float(full[output].sel(selection).squeeze())
                percent = f" ({number(round(100 * share / whole, 1))} %)" if whole else ""
                cells.append(f"{number(round(share, 6))}{percent}")
            rows.append([f"{1000 * gap:g} meV", *cells])
        unit = escape(full[shown[0]].attrs["units"])
        caption = f"{element('σ', component)}{of} in {unit}, {_mu(result, mu)}, {temperature:g} K"
        yield table(["gap below", *map(_plain, shown)], rows, caption)


def _limits() -> Iterable[str]:
    yield "<h2>What these numbers are, and are not</h2>"
    yield "<dl>" + "".join(f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>" for title, text in LIMITS) + "</dl>"


def _provenance(result: Result, request: ReportRequest) -> Iterable[str]:
    yield "<h2>Provenance</h2>"
    rows = provenance_rows(result.attrs)
    if isinstance(result.grid, EnergyGrid):
        edges = result.grid.edges
        rows.append(["energy grid", f"{edges[0]:.4f} to {edges[-1]:.4f} eV, step {result.grid.step:g} eV"])
    else:
        rows.append(["energy sampling", repr(result.grid)])
        rows.append(["temperatures", ", ".join(f"{t:g} K" for t in result.grid.temperature)])
    rows.append(["reference energy", f"{result.reference:g} eV"])
    yield table(["", ""], rows, labels=2)
    source = request.source or str(result.attrs.get("input", ""))
    if source:
        yield f"<details><summary>Input file</summary><pre>{escape(source)}</pre></details>"


def _value(data: xr.Dataset, output: str, component: str, mu: int, temperature: int) -> str:
    """One tensor element with its error; axes are (mu, temperature, then one for each letter of ``component``)."""
    index = (mu, temperature, *dict(elements(data, output))[component])
    error = f"{output}_error"
    return number(float(data[output].values[index]), float(data[error].values[index]) if error in data else None)


def _mu(result: Result, mu: float) -> str:
    offset = mu - result.reference
    return "μ = E_F" if abs(offset) < 1e-9 else f"μ = E_F {'+' if offset > 0 else '−'} {abs(offset):g} eV"


def _plain(output: str) -> str:
    """Name of an output in running text."""
    if ending := _ending(output):
        return _plain(output.removesuffix(ending)) + ENDINGS[ending]
    return CURVES[output].label.replace("$", "").replace(r"\Omega s", "Ω s").replace(r"\partial d", "∂d")


def axes_in_words(component: str) -> str:
    """The letters of ``component`` in running text."""
    words = f"current along {component[0]}, field along {component[1]}"
    return f"{words}, spin component {component[2]}" if len(component) > 2 else words
