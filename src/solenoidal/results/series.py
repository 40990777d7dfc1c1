"""One result from runs that differ in temperature and in the model, as superconductors with a gap Δ(T) need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.errors import ResultError
from solenoidal.results.result import Result, Spectrum
from solenoidal.sampling.points import KEPT, FixedPoints


def merge_temperatures(results: Sequence[Result], **attrs: Any) -> Result:
    """The result that answers for the temperature of every entry of ``results`` with the sums of that entry.

    Each entry is a run with ``FixedPoints`` of the same μ and one temperature; the models may differ. Provenance is
    that of the first entry with ``attrs`` added. Raises ``ResultError`` for runs that do not fit together.
    """
    if not results:
        raise ResultError("there are no runs to merge; give at least one")
    first = results[0]
    grids = [result.grid for result in results]
    points = [grid for grid in grids if isinstance(grid, FixedPoints) and len(grid.temperature) == 1]
    temperatures = tuple(t for grid in points for t in grid.temperature)
    if len(points) < len(results) or len({grid.mu for grid in points}) > 1 or len(set(temperatures)) < len(results):
        raise ResultError("each run has to hold FixedPoints of the same mu and of one temperature of its own")
    if any(result.spectra.keys() != first.spectra.keys() or result.replicas != first.replicas for result in results):
        raise ResultError("the runs hold different responses or replicas; solve them alike")
    spectra = {}
    for name, spectrum in first.spectra.items():
        every = [result.spectra[name] for result in results]
        terms = _joined([s.terms for s in every])
        spectra[name] = Spectrum(terms, _joined([s.audit for s in every]), spectrum.quantities)
    edges = np.stack([result.band_edges for result in results])
    outer = np.stack([edges[:, 0].min(axis=0), edges[:, 1].max(axis=0)])
    merged = {**first.attrs, **attrs}
    grid = FixedPoints(points[0].mu, temperatures)
    return replace(first, grid=grid, band_edges=outer, spectra=spectra, attrs=merged)


def _joined(stores: Sequence[Mapping[str, RealArray]]) -> dict[str, RealArray]:
    """Rows of one temperature each, (lead, kernels · μ, …), brought into the order kernel, μ, temperature."""
    joined = {}
    for name, array in stores[0].items():
        lead, rows, *rest = array.shape
        parts = [store[name].reshape(lead, len(KEPT), rows // len(KEPT), *rest) for store in stores]
        joined[name] = np.stack(parts, axis=3).reshape(lead, rows * len(stores), *rest)
    return joined
