"""The self-contained HTML report of disorder-driven conductivities: every number of the file, symmetry, provenance."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import xarray as xr

from solenoidal.errors import ResultError
from solenoidal.report.extrinsic_figures import against_mu_figure
from solenoidal.report.html import document, element, narrow_table, number, provenance_rows, table
from solenoidal.report.page import Picture, axes_in_words, figures_section

TENSORS = ("conserved", "conventional", "torque_dipole")
ANGLES = ("spin_hall_angle", "spin_hall_angle_conventional")
CHARGE = ("charge_conductivity", "resistivity")
SMALL = 1e-6
"""Tensor elements below this fraction of the largest are counted, not listed."""

ROUNDING = 1e-12
"""Errors below this fraction of their number are those of arithmetic and not shown."""

MEANING = {
    "conserved": "δJ of Eq. (19): velocity times spin of each state, which the continuity equation conserves.",
    "conventional": "The response of ½{v, s} to the same change of the distribution.",
    "torque_dipole": "What the spin torque adds: conserved minus conventional.",
    "spin_hall_angle": "θ = (2e/ħ) Σ σρ of the conserved current: independent of the overall strength of the disorder.",
}

LIMITS = (
    "The order 1/n in the density n of impurities: no side jump, no skew scattering, no intrinsic part. Bands closer "
    "than the scattering rate are outside the Boltzmann equation; the diagnostics say whether there are any. Errors "
    "are those of quadrature, and a lower bound unless two meshes were compared."
)


@dataclass(frozen=True)
class DisorderRequest:
    """What the page shows: tensor ``component`` as three letters (current, field, spin), ``symmetry`` a table of what
    symmetry allows, ``source`` the input file."""

    title: str
    component: str = "xyz"
    symmetry: str = ""
    source: str = ""


def chosen_points(data: xr.Dataset, mu: Sequence[float], temperatures: Sequence[float]) -> xr.Dataset:
    """``data`` at some of its chemical potentials (eV, all if none are named) and temperatures (K).

    Raises ``ResultError`` for a value that the data has not: nothing can be computed anew.
    """
    for name, wanted in (("mu", mu), ("temperature", temperatures)):
        there = np.asarray(data[name].values)
        missing = [value for value in wanted if not np.isclose(there, value).any()]
        if missing:
            raise ResultError(
                f"the file has no {name} {missing[0]:g}; tensors of disorder are final, at {name} = "
                f"{', '.join(f'{value:g}' for value in there)}: choose among these, or run `solenoidal disorder` again"
            )
        if wanted:
            data = data.isel({name: [int(np.argmin(np.abs(there - value))) for value in wanted]})
    return data


def conductivity_curves(data: xr.Dataset, component: str, temperature: float) -> list[Picture]:
    """The conductivity and the spin Hall angle against μ, if there are several μ."""
    if data.sizes["mu"] < 2:
        return []
    words = f"{axes_in_words(component)}, at {temperature:g} K"
    return [
        Picture(
            "conductivity",
            f"Disorder-driven conductivity against the chemical potential, {words}.",
            against_mu_figure(data, component=component, temperature=temperature),
        ),
        Picture(
            "spin_hall_angle",
            f"Spin Hall angle against the chemical potential, {words}.",
            against_mu_figure(data, component=component, temperature=temperature, angle=True),
        ),
    ]


def disorder_html(data: xr.Dataset, request: DisorderRequest, pictures: Sequence[Picture]) -> str:
    """One HTML page that needs no other file, from the dataset of a disorder run."""
    body = [
        f"<h1>{escape(request.title)}</h1>",
        f"<p class=quiet>{escape(_summary(data))}</p>",
        *_headline(data, request.component),
        *figures_section(pictures),
        *_all_elements(data),
        *_symmetry(request.symmetry),
        *_diagnostics(data),
        "<h2>What these numbers are, and are not</h2>",
        f"<p>{escape(LIMITS)}</p>",
        *_provenance(data, request.source),
    ]
    return document(request.title, body)


def _summary(data: xr.Dataset) -> str:
    attrs = data.attrs
    facts = [
        f"{attrs['bands']} bands" if "bands" in attrs else "",
        f"mesh {attrs['mesh'].replace(' ', ' × ')}",
        f"{attrs['shells_solved']} energy shells",
        f"{attrs['symmetry_operations']} symmetry operations",
        f"scatterers: {attrs['scatterers']}" if attrs["scatterers"] else attrs["method"],
        str(attrs.get("created", "")),
    ]
    return ", ".join(fact for fact in facts if fact)


def _columns(data: xr.Dataset) -> list[str]:
    return [f"μ = {mu:g} eV, {t:g} K" for mu in data["mu"].values for t in data["temperature"].values]


def _cells(data: xr.Dataset, name: str, component: str) -> list[str]:
    """One element at every μ and T, with its quadrature error where it is known."""
    axes = data[name].dims[2:]
    values = data[name].sel(dict(zip(axes, component, strict=True))).values.ravel().tolist()
    errors = data[f"{name}_error"].values.ravel().tolist() if f"{name}_error" in data else [0.0] * len(values)
    return [number(v, e if e > ROUNDING * abs(v) else None) for v, e in zip(values, errors, strict=True)]


def _headline(data: xr.Dataset, component: str) -> Iterable[str]:
    shown = component[: data["conserved"].ndim - 2]
    yield "<h2>Result</h2>"
    for names, symbol in ((TENSORS, "δσ"), (ANGLES, "θ")):
        rows = [[name.replace("_", " "), *_cells(data, name, shown)] for name in names]
        unit = escape(data[names[0]].attrs["units"])
        caption = f"{element(symbol, shown)} in {unit} ({escape(axes_in_words(shown))})"
        yield narrow_table(["definition", *_columns(data)], rows, caption, chief=0)
    terms = "".join(f"<dt>{escape(n.replace('_', ' '))}</dt><dd>{escape(text)}</dd>" for n, text in MEANING.items())
    yield f"<dl>{terms}</dl>"
    for name in CHARGE:
        rows = [[two, *_cells(data, name, two)] for two in _present(data, (name,))]
        caption = f"{name.replace('_', ' ')} in {escape(data[name].attrs['units'])}"
        yield narrow_table(["current, field", *_columns(data)], rows, caption)


def _present(data: xr.Dataset, names: Sequence[str]) -> list[str]:
    """Elements of the tensors ``names`` that do not vanish everywhere."""
    values = np.stack([np.abs(data[name].values) for name in names]).max(axis=(0, 1, 2))
    limit = SMALL * np.max(values[np.isfinite(values)], initial=0.0)
    letters = ("".join(one) for one in itertools.product("xyz", repeat=values.ndim))
    return [one for one, value in zip(letters, values.ravel().tolist(), strict=True) if value > limit]


def _all_elements(data: xr.Dataset) -> Iterable[str]:
    yield "<h2>All tensor elements</h2>"
    yield "<p>Indices in the order current, field, spin; elements that vanish are left out.</p>"
    sets = ((TENSORS, "δσ"), (tuple(f"{name}_nernst" for name in TENSORS), "δα"))
    for (names, symbol), (m, t) in itertools.product(sets, np.ndindex(data.sizes["mu"], data.sizes["temperature"])):
        one = data.isel(mu=[m], temperature=[t])
        if symbol == "δα" and one["temperature"].item() == 0:
            continue
        rows = [
            [element(symbol, letters), *(_cells(one, name, letters)[0] for name in names)]
            for letters in _present(one, names)
        ]
        title = f"{symbol} in {one[names[0]].attrs['units']} at {_columns(one)[0]}"
        content = table(["", *(name.replace("_", " ") for name in names)], rows) if rows else "<p>All vanish.</p>"
        yield f"<details><summary>{escape(title)}</summary>{content}</details>"


def _symmetry(text: str) -> Iterable[str]:
    if text:
        yield "<h2>Symmetry of host and impurities</h2>"
        yield f"<pre>{escape(text)}</pre>"


def _diagnostics(data: xr.Dataset) -> Iterable[str]:
    """Everything that is one number at each μ and T and no error of a tensor."""
    yield "<h2>Diagnostics</h2>"
    names = [str(n) for n, v in data.data_vars.items() if v.ndim == 2 and not str(n).endswith("_error")]
    rows = [
        [
            f"{name.replace('_', ' ')} [{data[name].attrs.get('units', '1')}]",
            *(number(float(value)) for value in data[name].values.ravel()),
        ]
        for name in names
    ]
    yield narrow_table(["", *_columns(data)], rows)


def _provenance(data: xr.Dataset, source: str) -> Iterable[str]:
    yield "<h2>Provenance</h2>"
    yield table(["", ""], provenance_rows(data.attrs), labels=2)
    source = source or str(data.attrs.get("input", ""))
    if source:
        yield f"<details><summary>Input file</summary><pre>{escape(source)}</pre></details>"
