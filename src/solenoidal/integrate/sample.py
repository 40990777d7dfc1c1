"""Band-resolved terms at chosen k points: bands along a path, maps on a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solenoidal.bloch.interpolation import Model, interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.errors import ConfigError
from solenoidal.responses.evaluation import band_quantities
from solenoidal.responses.response import Response
from solenoidal.symmetry.search import find_symmetry

if TYPE_CHECKING:
    import xarray as xr

CHUNK = 256


def sample(
    model: Model, response: Response, k: ArrayLike, *, degeneracy_tol: float = 1e-4, kramers: bool | None = None
) -> xr.Dataset:
    """Energies and every term of ``response`` at fractional ``k`` (nk, 3), dims (k, band, *legs).

    Terms of a degenerate group are averaged over it, since only the group's trace has a meaning. ``kramers`` pairs
    bands by construction; by default where the model has inversion × time reversal. Raises ``ConfigError`` for k of
    wrong shape.
    """
    import xarray as xr  # here, since it takes a third of the program's start

    points = np.atleast_2d(np.asarray(k, dtype=np.float64))
    if points.ndim != 2 or points.shape[1] != 3:
        raise ConfigError(f"k has shape {points.shape}; write fractional coordinates of shape (number of points, 3)")
    pairs = find_symmetry(model).kramers_pairs if kramers is None else kramers
    degeneracy = Degeneracy(degeneracy_tol, pairs)
    source = interpolator(model)
    energies: list[NDArray[np.float64]] = []
    terms = response.terms(model)
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in terms}
    for start in range(0, len(points), CHUNK):
        part = points[start : start + CHUNK]
        states = BlochStates.solve(source, part, np.full(len(part), 1 / len(points)), degeneracy)
        energies.append(states.energies)
        share = states.same_group / states.same_group.sum(axis=2, keepdims=True)
        for name, tensor in band_quantities(terms, states).items():
            values[name].append(np.einsum("knm,km...->kn...", share, tensor))
    data: dict[str, Any] = {"energy": (("k", "band"), np.concatenate(energies), {"units": "eV"})}
    for name, term in terms.items():
        legs = tuple(f"{name}_{axis}" for axis in range(len(term.legs)))
        data[name] = (("k", "band", *legs), np.concatenate(values[name]))
    coords: dict[str, Any] = {"k_fractional": (("k", "axis"), points)}
    coords["k_cartesian"] = (("k", "axis"), points @ model.reciprocal, {"units": "1/Å"})
    return xr.Dataset(data, coords=coords)
