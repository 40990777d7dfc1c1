"""Averages of disorder-driven tensors over the symmetry of host and impurities, and what they remove.

A mesh cut into simplices along one diagonal has less symmetry than the crystal, so quadrature leaves components that
symmetry forbids and tells equivalent ones apart. The average of a tensor over the group is the average over the meshes
turned by it; what it removes, |T − PT|, measures the quadrature error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Model
from solenoidal.disorder.scatterers import Scatterer
from solenoidal.disorder.symmetry import TOLERANCE, SpinGroup, respected_by_scattering
from solenoidal.disorder.thermal import ThermalResponse
from solenoidal.models.operator import Law, Leg
from solenoidal.symmetry.search import SymmetryGroup, find_symmetry
from solenoidal.symmetry.tensors import invariant_part

CHARGE_LEGS: tuple[Leg, ...] = ("polar", "polar")


def shared_group(
    model: Model,
    scatterers: Sequence[Scatterer],
    *,
    operators: Sequence[str] = ("spin",),
    tolerance: float = TOLERANCE,
) -> SymmetryGroup:
    """Operations of the magnetic group of ``model`` with ``operators`` under which the scattering rates are unchanged.

    Without scatterers (a constant lifetime) the whole group. ``tolerance``: relative violation accepted in the rates.
    Raises ``SymmetryError`` when the operations kept are not a group, which a tolerance near the noise can cause.
    """
    host = find_symmetry(model, operators=operators).group
    if not scatterers:
        return host
    return host.subgroup(respected_by_scattering(model, scatterers, SpinGroup.magnetic(host), tolerance=tolerance))


def group_of(
    model: Model,
    scatterers: Sequence[Scatterer],
    symmetry: Literal["auto"] | SymmetryGroup | None,
    operators: Sequence[str],
    tolerance: float = TOLERANCE,
) -> SymmetryGroup:
    """The group to average over: found for "auto", as given, or the identity for None."""
    if isinstance(symmetry, SymmetryGroup):
        return symmetry
    return (
        SymmetryGroup.identity()
        if symmetry is None
        else shared_group(model, scatterers, operators=operators, tolerance=tolerance)
    )


def averaged(entry: ThermalResponse, law: Law, group: SymmetryGroup) -> ThermalResponse:
    """``entry`` with every tensor averaged over ``group``, and the largest element removed from each in ``removed``."""
    if group.size == 1:
        return entry
    legs, time_reversal = law
    found: dict[str, RealArray] = {}
    removed: dict[str, float] = {}
    for name in ("conserved", "conventional", "charge"):
        for suffix in ("", "_moment"):
            tensor = getattr(entry, name + suffix)
            if name == "charge":
                mean = invariant_part(tensor, CHARGE_LEGS, 1, group)
            else:
                whole = tensor.reshape((3,) * len(legs))
                mean = invariant_part(whole, legs, time_reversal, group).reshape(tensor.shape)
            found[name + suffix] = mean
            removed[name + suffix] = float(np.max(np.abs(tensor - mean)))
    return ThermalResponse(**found, diagnostics=entry.diagnostics, removed=removed)
