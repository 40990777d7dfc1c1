"""Density, currents and source of an operator in a slowly varying system, Eqs. (4)-(6), from bulk band geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.errors import ConfigError
from solenoidal.integrate.numerics import Numerics
from solenoidal.integrate.solve import solve
from solenoidal.realspace.tables import ChebyshevTable, chebyshev_nodes, derivative
from solenoidal.responses.density import LocalDensity
from solenoidal.sampling.points import FixedPoints

OUTPUTS = ("value", "per_mu", "per_temperature")


@dataclass(frozen=True)
class _Profile:
    """Local values and gradients (3, *grid): kernels see ``level`` = μ − U; the force is eE − ∇μ."""

    level: RealArray
    temperature: RealArray
    level_gradient: RealArray
    temperature_gradient: RealArray
    force: RealArray


def local_densities(
    model: Model,
    operator: str = "spin",
    *,
    coordinates: Sequence[ArrayLike],
    directions: Sequence[ArrayLike] | None = None,
    mu: ArrayLike,
    temperature: ArrayLike,
    potential: ArrayLike = 0.0,
    field: Sequence[float] = (0.0, 0.0, 0.0),
    charge: float = -1.0,
    mesh: tuple[int, int, int],
    periodic: bool = False,
    nodes: int = 40,
    degeneracy_tol: float = 1e-4,
) -> xr.Dataset:
    """Densities of ``operator`` where the chemical potential, temperature and potential vary slowly, Eqs. (4)-(6).

    θ = ∫ f θ_n + ∫ F_l Ω^{lθ} − ∂_l ∫ (f d^{lθ} + g Ω^{lθ}) for θ = s and J^{is,0}, and Eq. (6) for J^{iτ}, with
    F = (eE − ∇μ) f − e_n ∇T. The sum J^{is,0} + J^{iτ} is the conserved current; at equilibrium (F = 0) it is ∇ × M^s.

    Main arguments: ``coordinates`` one or two uniform grids in Å, along x and y or along the Cartesian vectors
    ``directions``, one for each, of any length and angle (rows of ``model.lattice`` for profiles along the lattice):
    a single profile depends on the distance along its direction, two are oblique coordinates. On their grid ``mu`` the
    electrochemical potential (eV), ``temperature`` (K, above zero) and ``potential`` U (eV), an energy added to
    every state (electrostatic for electrons, a Zeeman energy for a superconductor); ``field`` a uniform E (V/Å) of
    carriers with ``charge``. Each may be a number. States are occupied at the local level μ − U; a potential
    at constant μ is equilibrium, a gradient of μ drives transport.

    Other arguments: ``mesh`` of the zone; ``periodic`` profiles are differentiated by Fourier series; ``nodes``
    Chebyshev points in μ − U (half as many in T), the attribute ``table_truncation`` tells whether they suffice.

    Returns a Dataset with dims (x[, y][, current], spin), u and v in place of x and y for given directions, tensor
    components being Cartesian, in internal units (ħ = 1, eV, Å): ``density``,
    ``conventional_current``, ``torque_current`` J^τ and ``conserved_current``, each with its parts ``_equilibrium``,
    ``_magnetization`` and ``_transport``; ``source`` τ = −∇·J^τ; ``divergence`` of the conserved current. Raises
    ``ConfigError`` for shapes that disagree, temperatures that are not positive, or directions that are parallel or
    normal to the crystal.
    """
    grids = [np.asarray(x, dtype=np.float64) for x in coordinates]
    dual = _dual(model, len(grids), directions)
    electric = np.asarray(field, dtype=np.float64)
    profile = _profile(grids, dual, mu, temperature, potential, electric, charge, periodic)
    response = LocalDensity(operator)
    table = _tabulate(model, response, profile, mesh, nodes, degeneracy_tol)
    values = table.at(profile.level, profile.temperature)
    names = ("density", "conventional_current", "torque_current")
    uniform = ("density", "current", "torque_current")
    moments = ("polarisation", "current_moment", "torque_moment")
    driven = ("density_response", "current_response", "torque_response")
    parts: dict[str, RealArray] = {}
    for name, a, b, c in zip(names, uniform, moments, driven, strict=True):
        parts[f"{name}_equilibrium"] = values[f"{a} value"]
        parts[f"{name}_magnetization"] = -_along(profile.level_gradient, values[f"{b} per_mu"]) - _along(
            profile.temperature_gradient, values[f"{b} per_temperature"]
        )
        parts[f"{name}_transport"] = _along(profile.force, values[f"{c} force"]) - _along(
            profile.temperature_gradient, values[f"{c} thermal"]
        )
    for kind in ("equilibrium", "magnetization", "transport"):
        parts[f"conserved_current_{kind}"] = parts[f"conventional_current_{kind}"] + parts[f"torque_current_{kind}"]
    for name in (*names, "conserved_current"):
        pieces = [parts[f"{name}_{kind}"] for kind in ("equilibrium", "magnetization", "transport")]
        parts[name] = np.sum(pieces, axis=0)
    parts["source"] = -_divergence(parts["torque_current"], grids, dual, periodic)
    parts["divergence"] = _divergence(parts["conserved_current"], grids, dual, periodic)
    axes = ("x", "y") if directions is None else ("u", "v")
    found = _dataset(parts, grids, axes[: len(grids)], model.require_operator(operator).dims, table.truncation())
    return found.assign_attrs(operator_unit=model.require_operator(operator).unit)


def _dual(model: Model, count: int, directions: Sequence[ArrayLike] | None) -> RealArray:
    """Vectors g_a (count, 3) with ∇ = Σ_a g_a ∂/∂ξ_a for coordinates ξ_a along unit vectors e_a: g_a·e_b = δ_ab."""
    if directions is None:
        return np.eye(3)[:count]
    vectors = np.array([np.asarray(v, dtype=np.float64) for v in directions])
    if vectors.shape != (count, 3) or not np.isfinite(vectors).all() or not np.all(np.linalg.norm(vectors, axis=1)):
        raise ConfigError(f"directions have shape {vectors.shape}; write {count} Cartesian vectors that are not zero")
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    periodic = model.lattice[: model.dimension]
    inside = unit @ np.linalg.pinv(periodic) @ periodic
    if not np.all(np.linalg.norm(inside, axis=1) > 1e-6):
        raise ConfigError(f"a direction is normal to the {model.dimension} periodic directions of the model; turn it")
    if np.linalg.matrix_rank(inside, tol=1e-6) < count:
        raise ConfigError("the two directions are parallel; give one coordinate array, or another direction")
    return np.asarray(np.linalg.pinv(unit).T)


def _profile(
    grids: list[RealArray],
    dual: RealArray,
    mu: ArrayLike,
    temperature: ArrayLike,
    potential: ArrayLike,
    field: RealArray,
    charge: float,
    periodic: bool,
) -> _Profile:
    shape = tuple(len(x) for x in grids)
    if len(grids) not in (1, 2) or any(x.ndim != 1 for x in grids) or field.shape != (3,):
        raise ConfigError("give one or two coordinate arrays in Å, and a field of three components in V/Å")
    fields = {}
    for name, value in (("mu", mu), ("temperature", temperature), ("potential", potential)):
        array = np.asarray(value, dtype=np.float64)
        if array.shape not in ((), shape):
            raise ConfigError(f"{name} has shape {array.shape}; write a number or an array of shape {shape}")
        fields[name] = np.broadcast_to(array, shape).copy()
    if not np.all(fields["temperature"] > 0):
        raise ConfigError("local densities need a temperature above zero everywhere; write for example 10 K")

    def gradient(values: RealArray) -> RealArray:
        slopes = np.zeros((3, *shape))
        for axis, x in enumerate(grids):
            if np.ptp(values) > 0:
                slopes += np.multiply.outer(dual[axis], derivative(values, x, axis, periodic))
        return slopes

    mu_gradient = gradient(fields["mu"])
    force = charge * field.reshape(3, *(1,) * len(shape)) - mu_gradient
    level_gradient = mu_gradient - gradient(fields["potential"])
    return _Profile(
        fields["mu"] - fields["potential"],
        fields["temperature"],
        level_gradient,
        gradient(fields["temperature"]),
        force,
    )


def _tabulate(
    model: Model, response: LocalDensity, profile: _Profile, mesh: tuple[int, int, int], nodes: int, tolerance: float
) -> ChebyshevTable:
    first = chebyshev_nodes(float(profile.level.min()), float(profile.level.max()), nodes)
    second = chebyshev_nodes(float(profile.temperature.min()), float(profile.temperature.max()), max(8, nodes // 2))
    fixed = FixedPoints(tuple(first), tuple(second))
    result = solve(model, [response], Numerics(mesh=mesh, energies=fixed, degeneracy_tol=tolerance, audit=False))
    values: dict[str, RealArray] = {}
    for name in result.quantities:
        data = result.quantity(name, first, second)
        values.update({f"{name} {output}": array.values for output, array in data.data_vars.items()})
    return ChebyshevTable(first, second, values)


def _along(gradient: RealArray, coefficient: RealArray) -> RealArray:
    """Σ_l gradient_l coefficient^l with the grid axes in front: gradient (3, *grid), coefficient (*grid, 3, …)."""
    dims = gradient.ndim - 1
    weight = np.moveaxis(gradient, 0, -1)
    return np.asarray(
        (weight.reshape(*weight.shape, *(1,) * (coefficient.ndim - dims - 1)) * coefficient).sum(axis=dims)
    )


def _divergence(current: RealArray, grids: list[RealArray], dual: RealArray, periodic: bool) -> RealArray:
    """Σ_i ∂_i J^i of (*grid, 3, …)."""
    dims = len(grids)
    total = np.zeros((*current.shape[:dims], *current.shape[dims + 1 :]))
    for axis, x in enumerate(grids):
        along = np.tensordot(dual[axis], current, axes=(0, dims))
        total += derivative(along, x, axis, periodic)
    return total


def _dataset(
    parts: dict[str, RealArray], grids: list[RealArray], axes: tuple[str, ...], legs: tuple[str, ...], truncation: float
) -> xr.Dataset:
    data: dict[str, Any] = {}
    for name, array in parts.items():
        flow = ("current",) if array.ndim == len(axes) + len(legs) + 1 else ()
        data[name] = ((*axes, *flow, *legs), array, {"units": "internal (ħ = 1, eV, Å)"})
    coords: dict[str, Any] = {axis: (axis, x, {"units": "Å"}) for axis, x in zip(axes, grids, strict=True)}
    coords["current"] = ["x", "y", "z"]
    coords.update({leg: ["x", "y", "z"] for leg in legs})
    return xr.Dataset(data, coords=coords, attrs={"table_truncation": truncation})
