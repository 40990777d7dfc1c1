"""How a point operation turns the components of a tensor, from the law the tensor states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from solenoidal.arrays import BoolArray, RealArray
from solenoidal.errors import SymmetryError
from solenoidal.models.operator import Leg


def representation(legs: Sequence[Leg], time_reversal: int, rotations: RealArray, antiunitary: BoolArray) -> RealArray:
    """η_g D_g ⊗ D_g ⊗ … on the flattened components of a tensor, (g, 3^legs, 3^legs).

    D_g = R for a polar and det(R) R for an axial leg; η_g = ``time_reversal`` (+1 or −1: the sign of the quantity under
    time reversal) for antiunitary operations, 1 otherwise. A leg "unknown" or a sign 0, those of an operator that does
    not state its law, can be acted on by the identity alone. Raises ``SymmetryError`` for other operations on these,
    and for a leg or sign that is not known.
    """
    stated = all(leg in ("polar", "axial") for leg in legs) and time_reversal in (1, -1)
    if not stated:
        _require_identity(legs, time_reversal, rotations, antiunitary)
    determinant = np.sign(np.linalg.det(rotations))
    product = np.where(antiunitary, float(time_reversal), 1.0)[:, None, None]
    for leg in legs:
        D = rotations * (determinant[:, None, None] if leg == "axial" else 1.0)
        size = product.shape[1]
        product = np.einsum("gab,gcd->gacbd", product, D).reshape(len(rotations), 3 * size, 3 * size)
    return product


def _require_identity(legs: Sequence[Leg], time_reversal: int, rotations: RealArray, antiunitary: BoolArray) -> None:
    for leg in legs:
        if leg not in ("polar", "axial", "unknown"):
            raise SymmetryError(f"tensor leg {leg!r} is not known; write 'polar' or 'axial'")
    if time_reversal not in (1, -1, 0):
        raise SymmetryError(f"time_reversal is {time_reversal!r}; write +1 (even) or -1 (odd)")
    if np.any(antiunitary) or not np.allclose(rotations, np.eye(3)):
        raise SymmetryError(
            "a tensor comes from an operator that does not state how it turns, so no symmetry can act on it; give the "
            "operator legs and time_reversal, or use the full zone (symmetry=None)"
        )
