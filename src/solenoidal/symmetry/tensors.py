"""Projection of response tensors onto the components a symmetry group allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import RealArray
from solenoidal.errors import SymmetryError
from solenoidal.models.operator import Leg
from solenoidal.symmetry.search import SymmetryGroup

ALLOWED_TOLERANCE = 1e-9


def projection_matrix(legs: Sequence[Leg], time_reversal: int, group: SymmetryGroup) -> RealArray:
    """Projector P = (1/|G|) Σ_g η_g D_g ⊗ D_g ⊗ … onto invariant tensors, (3^legs, 3^legs), real and
    symmetric.

    D_g = R for a polar and det(R) R for an axial leg; η_g = ``time_reversal`` (+1 or −1: the sign of the
    quantity under time reversal) for antiunitary operations, 1 otherwise. Raises ``SymmetryError`` for an
    unknown leg or sign.
    """
    for leg in legs:
        if leg not in ("polar", "axial"):
            raise SymmetryError(f"tensor leg {leg!r} is not known; write 'polar' or 'axial'")
    if time_reversal not in (1, -1):
        raise SymmetryError(f"time_reversal is {time_reversal!r}; write +1 (even) or -1 (odd)")
    determinant = np.sign(np.linalg.det(group.rotations))
    factor = np.where(group.time_reversal, float(time_reversal), 1.0)
    product = factor[:, None, None]
    for leg in legs:
        D = group.rotations * (determinant[:, None, None] if leg == "axial" else 1.0)
        size = product.shape[1]
        product = np.einsum("gab,gcd->gacbd", product, D).reshape(group.size, 3 * size, 3 * size)
    return np.asarray(product.mean(axis=0))


def invariant_part(array: NDArray[Any], legs: Sequence[Leg], time_reversal: int, group: SymmetryGroup) -> NDArray[Any]:
    """Project ``array`` (..., 3, 3, …), whose last axes are ``legs``, onto the tensors invariant under
    ``group``.

    Turns a sum over the irreducible part of the zone into the sum over the whole zone. A quantity without
    legs that is odd under time reversal vanishes where the group has an antiunitary operation. Raises
    ``SymmetryError`` when the last axes are not three-dimensional.
    """
    rank = len(legs)
    if array.ndim < rank or array.shape[array.ndim - rank :] != (3,) * rank:
        raise SymmetryError(
            f"array has shape {array.shape}; expected {rank} last axes of length 3 for legs {tuple(legs)}"
        )
    P = projection_matrix(legs, time_reversal, group)
    flat = array.reshape(*array.shape[: array.ndim - rank], 3**rank)
    return np.asarray(flat @ P).reshape(array.shape)


def allowed_components(legs: Sequence[Leg], time_reversal: int, group: SymmetryGroup) -> NDArray[np.bool_]:
    """Components (3, …) an invariant tensor can have: those on which the projector is not zero."""
    P = projection_matrix(legs, time_reversal, group)
    return np.asarray(np.diagonal(P) > ALLOWED_TOLERANCE).reshape((3,) * len(legs))
