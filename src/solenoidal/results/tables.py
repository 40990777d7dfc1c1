"""Every quantity of a result that is not the spin conductivity, element by element, for tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from solenoidal.arrays import RealArray
from solenoidal.errors import ResultError
from solenoidal.results.result import Result

CONDUCTIVITIES = ("conductivity", "nernst")
"""Quantities that have tables of their own."""

SMALL = 1e-6
"""Elements below this fraction of the largest of their quantity are counted, not listed."""

AXES = ("current", "field", "spin")
"""Axes of the conductivity of a vector operator."""


@dataclass(frozen=True)
class Conductivity:
    """A response that offers "conductivity" and "nernst": its name and the axes of its tensors.

    ``title`` names it where a run has several, and is empty otherwise; ``computed`` are its elements where not all are.
    """

    response: str
    dims: tuple[str, ...]
    title: str
    computed: tuple[str, ...] | None = None

    def shown(self, components: Sequence[str]) -> tuple[str, ...]:
        """The tensor elements that stand for it among ``components`` (current, field, spin).

        Of a scalar operator current and field; none of a tensor, whose elements three letters do not name. Where the
        run computed none of them, those that it did compute.
        """
        if len(self.dims) > len(AXES):
            return ()
        wanted = tuple(dict.fromkeys(component[: len(self.dims)] for component in components))
        if self.computed is None:
            return wanted
        return tuple(component for component in wanted if component in self.computed) or self.computed


def conductivities(result: Result) -> tuple[Conductivity, ...]:
    """Every conductivity of an operator in ``result``."""
    found = {
        name: spectrum.quantities["conductivity"]
        for name, spectrum in result.spectra.items()
        if "conductivity" in spectrum.quantities
    }
    several = len(found) > 1
    return tuple(
        Conductivity(name, tensor.dims, name.replace("_", " ") if several else "", tensor.components)
        for name, tensor in found.items()
    )


def elements(data: xr.Dataset, output: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and index of every tensor element of ``output`` that was computed, as in "xyz"."""
    variable = data[output]
    dims = [dim for dim in variable.dims if dim not in ("mu", "temperature")]
    letters = [[str(letter) for letter in data[dim].values] for dim in dims]
    computed = str(variable.attrs["components"]).split() if "components" in variable.attrs else None
    for index in itertools.product(*(range(len(axis)) for axis in letters)):
        name = "".join(axis[i] for axis, i in zip(letters, index, strict=True))
        if computed is None or name in computed:
            yield name, index


def routes(data: xr.Dataset, outputs: Iterable[str]) -> tuple[str, ...]:
    """By which of two routes those of ``outputs`` came that have two, in words to stand beside the numbers."""
    found: dict[str, list[str]] = {}
    for output in outputs:
        if "route" in data[output].attrs:
            found.setdefault(str(data[output].attrs["route"]), []).append(output.replace("_", " "))
    return tuple(f"{', '.join(names)}: {route}" for route, names in found.items())


Row = tuple[str, str, RealArray, RealArray | None]
"""Output, component such as "xy" (empty for a scalar), values and errors (mu, temperature)."""


@dataclass(frozen=True)
class Listing:
    """One quantity: ``title`` with its response where several offer it, ``unit``, ``dims`` of its tensor, ``rows``.

    ``vanishing``: how many elements are left out. ``problem`` says why there are no rows, and is empty otherwise;
    ``routes`` as in the function of that name.
    """

    title: str
    unit: str
    dims: tuple[str, ...]
    rows: tuple[Row, ...]
    vanishing: int
    problem: str = ""
    routes: tuple[str, ...] = ()


def listings(result: Result, mu: Sequence[float], temperatures: Sequence[float]) -> Iterator[Listing]:
    """All quantities but the spin conductivity and its thermal partner at ``mu`` (eV) and ``temperatures`` (K).

    A quantity that the energy window does not allow is listed with its reason instead of its numbers.
    """
    tensors = {tensor.response for tensor in conductivities(result)}
    for response, spectrum in result.spectra.items():
        for name in spectrum.quantities:
            if name in CONDUCTIVITIES and response in tensors:
                continue
            title = name.replace("_", " ")
            if result.quantities.count(name) > 1:
                title += f" ({response.replace('_', ' ')})"
            try:
                data = result.quantity(name, list(mu), list(temperatures), response=response)
            except ResultError as error:
                yield Listing(title, "", (), (), 0, str(error))
                continue
            yield _listing(title, data)


def _listing(title: str, data: xr.Dataset) -> Listing:
    outputs = [str(output) for output in data.data_vars if not str(output).endswith("_error")]
    dims = tuple(str(dim) for dim in data[outputs[0]].dims if dim not in ("mu", "temperature"))
    largest = max(float(np.nanmax(np.abs(data[output].values))) for output in outputs)
    rows: list[Row] = []
    vanishing = 0
    for output, (component, index) in itertools.product(outputs, elements(data, outputs[0])):
        place: tuple[Any, ...] = (..., *index)
        values = data[output].values[place]
        if dims and float(np.max(np.abs(values))) <= SMALL * largest:
            vanishing += 1
            continue
        error = data[f"{output}_error"].values[place] if f"{output}_error" in data else None
        rows.append((output, component, values, error))
    return Listing(
        title, str(data[outputs[0]].attrs["units"]), dims, tuple(rows), vanishing, routes=routes(data, outputs)
    )


def conductivity_listing(
    result: Result, tensor: Conductivity, mu: Sequence[float], temperatures: Sequence[float]
) -> Listing:
    """Every element of a conductivity at ``mu`` (eV) and ``temperatures`` (K)."""
    data = result.conductivity(list(mu), list(temperatures), response=tensor.response)
    return _listing(tensor.response.replace("_", " "), data)
