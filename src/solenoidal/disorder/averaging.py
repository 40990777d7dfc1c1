"""Averages of disorder-driven tensors over the symmetry of host and impurities, and what they remove.

A mesh cut into simplices along one diagonal has less symmetry than the crystal, so quadrature leaves components that
symmetry forbids and tells equivalent ones apart. The average of a tensor over the group is the average over the meshes
turned by it; what it removes, |T − PT|, measures the quadrature error.
"""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import RealArray
from solenoidal.disorder.thermal import ThermalResponse
from solenoidal.models.operator import Law, Leg
from solenoidal.symmetry.group import SymmetryGroup
from solenoidal.symmetry.tensors import invariant_part

CHARGE_LEGS: tuple[Leg, ...] = ("polar", "polar")


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
