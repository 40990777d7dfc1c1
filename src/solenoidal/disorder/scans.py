"""Scans of disorder on the same shells, and of model parameters with shells of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from solenoidal.bloch.interpolation import Model
from solenoidal.disorder.boltzmann import Method
from solenoidal.disorder.conductivity import extrinsic_conductivity
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.disorder.shells.shells import EnergyShells
from solenoidal.errors import ConfigError
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity


def scan_disorder(
    shells: EnergyShells,
    species: Mapping[Any, Sequence[Scatterer]],
    *,
    mu: ArrayLike,
    temperature: ArrayLike = 0.0,
    method: Method = "born",
    response: ExtrinsicSpinConductivity | None = None,
    dim: str = "disorder",
) -> xr.Dataset:
    """``extrinsic_conductivity`` for several sets of scatterers, labelled by the keys of ``species`` along ``dim``.

    Shells do not depend on the impurities: they are built for the first set and used for all. Use it for mixtures of
    species (with ``mixture``), strengths, and directions of impurity moments.
    """
    if not species:
        raise ConfigError("no scatterers were given; pass at least one entry {label: scatterers}")
    found = [
        extrinsic_conductivity(shells, s, mu=mu, temperature=temperature, method=method, response=response)
        for s in species.values()
    ]
    return _joined(found, list(species), dim)


def scan_models(
    build: Callable[[float], tuple[Model, Sequence[Scatterer]]],
    values: ArrayLike,
    *,
    mesh: Sequence[int],
    mu: ArrayLike,
    temperature: ArrayLike = 0.0,
    method: Method = "born",
    response: ExtrinsicSpinConductivity | None = None,
    dim: str = "parameter",
) -> xr.Dataset:
    """``extrinsic_conductivity`` of the models and scatterers ``build(value)``: coupling, canting or field angle.

    Every value has its own shells. ``dim`` names the new axis, whose coordinate holds ``values``.
    """
    points = np.atleast_1d(np.asarray(values, dtype=np.float64)).tolist()
    if not points:
        raise ConfigError("no values were given; pass at least one")
    operators = ("spin",) if response is None else (response.operator,)
    found = []
    for value in points:
        model, scatterers = build(value)
        shells = EnergyShells(model, mesh=mesh, operators=operators)
        found.append(
            extrinsic_conductivity(shells, scatterers, mu=mu, temperature=temperature, method=method, response=response)
        )
    return _joined(found, points, dim)


def _joined(found: list[xr.Dataset], labels: list[Any], dim: str) -> xr.Dataset:
    joined = xr.concat(found, dim=dim, combine_attrs="drop_conflicts", join="exact")
    return joined.assign_coords({dim: labels})
