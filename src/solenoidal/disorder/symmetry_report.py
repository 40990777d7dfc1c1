"""Which components of the disorder-driven spin current symmetry allows, printed beside the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.disorder.symmetry import TOLERANCE, respected_by_scattering, shared_symmetry
from solenoidal.errors import SymmetryError
from solenoidal.symmetry.spin_space import SpinGroup, spin_group

ALLOWED = 1e-9
SHARP = 1e-4
"""Largest tolerance at which the absence of spin-orbit coupling can be recognised."""

AXES = "xyz"
TENSORS = ("conserved", "conventional")


@dataclass(frozen=True, eq=False)
class SymmetryReport:
    """What the symmetry of host and impurities together says about δJ^{is}.

    ``magnetic`` and ``spin``: operations that host and impurities share (the spin group contains the magnetic one and
    is larger only without spin-orbit coupling); ``constants``: independent components under each; ``allowed``: booleans
    ``magnetic_group`` and ``spin_group`` (current, field, spin); ``dropped``: host operations the impurities break;
    ``forbidden``: largest component the spin group forbids relative to the largest of all, per tensor; ``text``: a
    table for the user.
    """

    magnetic: SpinGroup
    spin: SpinGroup
    constants: dict[str, int]
    allowed: xr.Dataset
    dropped: tuple[str, ...]
    forbidden: dict[str, float]
    text: str


def symmetry_report(
    data: xr.Dataset, model: Model, scatterers: Sequence[Scatterer], *, tolerance: float = TOLERANCE
) -> SymmetryReport:
    """Compare the tensors in ``data`` (one μ and T) with what symmetry allows.

    ``tolerance``: relative violation accepted in energies, traces and rates; loosen it (to about 0.05) for a Wannier
    model, whose interpolation breaks the symmetry of its crystal. Above 1e-4 spin-orbit coupling cannot be told from
    noise, and the magnetic group stands for the spin group too. Raises ``SymmetryError`` when ``data`` holds several
    μ or T or has no spin axis.
    """
    if data.sizes.get("mu", 1) != 1 or data.sizes.get("temperature", 1) != 1 or "spin" not in data.dims:
        raise SymmetryError("the data holds several mu or temperatures, or no spin axis; select one with .isel(mu=[0])")
    shared = shared_symmetry(model, scatterers, operators=("spin",), tolerance=tolerance)
    magnetic = SpinGroup.magnetic(shared.group)
    spin = magnetic
    if tolerance <= SHARP:
        larger = spin_group(model, tolerance=tolerance)
        larger = larger.subgroup(respected_by_scattering(model, scatterers, larger, tolerance=tolerance))
        spin = larger if larger.size >= magnetic.size else magnetic
    plane = _plane(model)
    masks, constants = {}, {}
    for name, group in (("magnetic_group", magnetic), ("spin_group", spin)):
        P = group.projector(plane)
        masks[name] = (("current", "field", "spin"), (np.diagonal(P) > ALLOWED).reshape(3, 3, 3))
        constants[name] = round(float(np.trace(P)))
    axes = {name: list(AXES) for name in ("current", "field", "spin")}
    allowed = xr.Dataset(masks, coords=axes)
    values = {name: np.asarray(data[name].squeeze(drop=True)) for name in TENSORS}
    mask = allowed.spin_group.values
    forbidden = {
        name: float(np.max(np.abs(value[~mask]), initial=0.0) / max(float(np.max(np.abs(value))), 1e-300))
        for name, value in values.items()
    }
    errors = {
        name: float(data[f"{name}_error"].squeeze()) / max(float(np.max(np.abs(value))), 1e-300)
        for name, value in values.items()
        if f"{name}_error" in data
    }
    sizes = (magnetic.size, spin.size)
    text = _table(values, allowed, constants, sizes, shared.dropped, forbidden, errors, data.conserved.units)
    return SymmetryReport(magnetic, spin, constants, allowed, shared.dropped, forbidden, text)


def _plane(model: Model) -> RealArray:
    """Projector onto the periodic directions (3, 3)."""
    periodic = model.lattice[: model.dimension]
    return np.asarray(np.linalg.pinv(periodic) @ periodic)


def _table(
    values: dict[str, RealArray],
    allowed: xr.Dataset,
    constants: dict[str, int],
    sizes: tuple[int, int],
    dropped: tuple[str, ...],
    forbidden: dict[str, float],
    errors: dict[str, float],
    unit: str,
) -> str:
    lines = [
        f"host and impurities share {sizes[0]} magnetic operations ({constants['magnetic_group']} independent "
        f"components) and {sizes[1]} spin-space operations ({constants['spin_group']})",
    ]
    if dropped:
        lines.append("broken by the impurities: " + ", ".join(dropped))
    lines.append(f"component  {'conserved':>14}  {'conventional':>14}  [{unit}]  magnetic group  spin group")
    for i, j, a in np.ndindex(3, 3, 3):
        magnetic, spin = bool(allowed.magnetic_group[i, j, a]), bool(allowed.spin_group[i, j, a])
        if magnetic or spin:
            numbers = "  ".join(f"{values[name][i, j, a]:14.6g}" for name in TENSORS)
            verdict = f"{'allowed' if magnetic else 'zero':>14}  {'allowed' if spin else 'zero'}"
            lines.append(f"{AXES[i]}{AXES[j]},{AXES[a]}       {numbers}  {' ' * len(unit)}  {verdict}")
    lines.append(
        "largest forbidden component, relative: " + ", ".join(f"{name} {x:.1e}" for name, x in forbidden.items())
    )
    if errors:
        lines.append("quadrature error, relative: " + ", ".join(f"{name} {x:.1e}" for name, x in errors.items()))
    return "\n".join(lines)
