"""Labelled result of a disorder calculation: units, resistivity, spin Hall angles, diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.disorder.boltzmann import ShellDiagnostics
from solenoidal.disorder.thermal import ThermalResponse
from solenoidal.errors import ConfigError
from solenoidal.responses.extrinsic import ExtrinsicSpinConductivity
from solenoidal.units import CONDUCTANCE, CONDUCTANCE_PER_ANGSTROM, PrintedUnit, operator_unit, unit

SINGULAR = 1e12
"""Condition number above which the charge conductivity has no inverse."""

RESISTIVITY = {2: PrintedUnit("Ω", 1 / CONDUCTANCE), 3: PrintedUnit("μΩ cm", 1e6 / CONDUCTANCE_PER_ANGSTROM)}

DIAGNOSTIC_UNITS = {"density_of_states": "1/(eV Å^d)", "mean_rate": "eV"}


def build_dataset(
    entries: Sequence[Sequence[ThermalResponse]],
    mus: RealArray,
    temperatures: RealArray,
    response: ExtrinsicSpinConductivity,
    model: Model,
) -> xr.Dataset:
    """Dataset with dims (mu, temperature, *tensor) from one entry for each μ and T."""
    e, dimension = response.charge, model.dimension
    of = model.require_operator(response.operator).unit
    dims = ("mu", "temperature", *response.dims(model))

    def gathered(name: str) -> RealArray:
        found = np.array([[getattr(entry, name) for entry in row] for row in entries])
        return found if name.startswith("charge") else found.reshape(*found.shape[:2], *(3,) * (len(dims) - 2))

    charge = e**2 * gathered("charge")
    spin = response.tensors(e * gathered("conserved"), e * gathered("conventional"))
    nernst = response.tensors(gathered("conserved_moment"), gathered("conventional_moment"))
    data: dict[str, Any] = {}
    _add(data, spin, dims, operator_unit("spin_conductivity", of).of(dimension))
    named = {f"{name}_nernst": value for name, value in nernst.items()}
    _add(data, named, dims, operator_unit("spin_nernst", of).of(dimension))
    matrix = ("mu", "temperature", "current", "field")
    _add(data, {"charge_conductivity": charge}, matrix, unit("conductivity", dimension))
    _add(data, {"charge_nernst": e * gathered("charge_moment")}, matrix, unit("nernst", dimension))
    resistivity, inverse = _inverses(charge, dimension)
    _add(data, {"resistivity": resistivity}, matrix, RESISTIVITY[dimension])
    angles = {
        f"spin_hall_angle{suffix}": 2 * e * np.einsum("tuim...,tuml->tuil...", spin[name], inverse)
        for name, suffix in (("conserved", ""), ("conventional", "_conventional"))
    }
    _add(data, angles, dims, PrintedUnit("1", 1.0))
    _add_removed(data, entries, e, dimension)
    _add_diagnostics(data, entries)
    axes: dict[str, Any] = {name: (name, ["x", "y", "z"]) for name in dims[2:]}
    axes["mu"] = ("mu", mus, {"units": "eV", "long_name": "chemical potential"})
    axes["temperature"] = ("temperature", temperatures, {"units": "K"})
    return xr.Dataset(data, coords=axes)


def _add(data: dict[str, Any], values: dict[str, RealArray], dims: tuple[str, ...], shown: PrintedUnit) -> None:
    for name, value in values.items():
        data[name] = (dims, shown.factor * value, {"units": shown.label})


def _add_removed(data: dict[str, Any], entries: Sequence[Sequence[ThermalResponse]], e: float, dimension: int) -> None:
    """``<tensor>_error``: largest element that the average over symmetry removed, where there was one."""
    if not entries[0][0].removed:
        return
    kinds = (("conserved", "spin_conductivity", e), ("conventional", "spin_conductivity", e))
    for name, kind, factor in (*kinds, ("charge", "conductivity", e * e)):
        column = np.array([[abs(factor) * entry.removed[name] for entry in row] for row in entries])
        label = "charge_conductivity" if name == "charge" else name
        _add(data, {f"{label}_error": column}, ("mu", "temperature"), unit(kind, dimension))


def add_mesh_difference(data: xr.Dataset, coarse: xr.Dataset) -> xr.Dataset:
    """``data`` with ``<tensor>_error`` raised to the largest element of its difference to ``coarse``, another mesh."""
    found = data.copy()
    for name in ("conserved", "conventional", "charge_conductivity"):
        axes = [dim for dim in data[name].dims if dim not in ("mu", "temperature")]
        difference = abs(data[name] - coarse[name]).max(axes)
        removed = data.get(f"{name}_error", xr.zeros_like(difference))
        error = difference.where(difference > removed, removed)
        found[f"{name}_error"] = error.assign_attrs(units=data[name].attrs["units"])
    return found


def _inverses(charge: RealArray, dimension: int) -> tuple[RealArray, RealArray]:
    """ρ = σ^{-1} in the periodic directions, infinite where σ is singular, and the inverse used for θ, zero there."""
    rho = np.zeros_like(charge)
    inverse = np.zeros_like(charge)
    for index in np.ndindex(charge.shape[:2]):
        sigma = charge[index]
        values, vectors = np.linalg.eigh(0.5 * (sigma + sigma.T))
        used = np.argsort(np.abs(values))[::-1][:dimension]
        if np.abs(values[used[-1]]) * SINGULAR > np.abs(values[used[0]]) > 0:
            # The directions of the currents: the plane of a two-dimensional model may lie anywhere.
            basis = vectors[:, used]
            inverse[index] = basis @ np.linalg.inv(basis.T @ sigma @ basis) @ basis.T
            rho[index] = inverse[index]
        else:
            rho[index][:dimension, :dimension] = np.where(np.eye(dimension) == 1, np.inf, 0.0)
    return rho, inverse


def _add_diagnostics(data: dict[str, Any], entries: Sequence[Sequence[ThermalResponse]]) -> None:
    dims = ("mu", "temperature")
    data["fermi_surface"] = (dims, np.array([[entry.diagnostics is not None for entry in row] for row in entries]))
    for f in fields(ShellDiagnostics):
        default = np.inf if f.name == "gap_over_rate" else 0.0
        column = [
            [default if entry.diagnostics is None else float(getattr(entry.diagnostics, f.name)) for entry in row]
            for row in entries
        ]
        data[f.name] = (dims, np.array(column), {"units": DIAGNOSTIC_UNITS.get(f.name, "1")})


def split_symmetry(tensor: xr.DataArray) -> xr.Dataset:
    """Parts of ``tensor`` (…, current, field, …) symmetric and antisymmetric in current and field.

    For the conserved current the antisymmetric part comes from in-scattering only: it vanishes for every relaxation
    time, whether constant or not.
    """
    exchanged = tensor.rename({"current": "field", "field": "current"}).transpose(*tensor.dims)
    exchanged = exchanged.assign_coords({name: tensor[name] for name in ("current", "field")})
    parts = {"symmetric": 0.5 * (tensor + exchanged), "antisymmetric": 0.5 * (tensor - exchanged)}
    return xr.Dataset({name: part.assign_attrs(tensor.attrs) for name, part in parts.items()})


def as_bulk(tensor: xr.DataArray, spacing: float) -> xr.DataArray:
    """Conductivity of a stack of layers ``spacing`` Å apart, from that of one layer of a two-dimensional model.

    Spin conductivities in (ħ/|e|) S/cm and charge conductivities in S/cm. Raises ``ConfigError`` for a spacing that is
    not positive or a tensor that is not a conductivity of a layer.
    """
    if not spacing > 0:
        raise ConfigError(f"spacing is {spacing!r} Å; write a positive number")
    for kind in ("spin_conductivity", "conductivity"):
        flat, bulk = unit(kind, 2), unit(kind, 3)
        if tensor.attrs.get("units") == flat.label:
            return (tensor * (bulk.factor / flat.factor / spacing)).assign_attrs(units=bulk.label)
    raise ConfigError(f"units are {tensor.attrs.get('units')!r}; expected a conductivity of a two-dimensional model")
