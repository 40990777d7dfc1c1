"""Response tensors: rearranged axes, and the components a symmetry group allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import RealArray
from solenoidal.errors import SymmetryError
from solenoidal.models.operator import Leg
from solenoidal.symmetry.laws import representation
from solenoidal.symmetry.search import SymmetryGroup

ALLOWED_TOLERANCE = 1e-9

LEVI_CIVITA = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    LEVI_CIVITA[_i, _j, _k], LEVI_CIVITA[_i, _k, _j] = 1.0, -1.0


def rearrange(subscripts: str | None, array: RealArray) -> RealArray:
    """Tensor axes of ``array`` (..., *legs) in another order or contracted with ε_ijk, in einsum notation.

    A first operand of three letters before a comma stands for the Levi-Civita symbol, as in ``"lij,ja->ila"``; None
    leaves the axes as they are.
    """
    if subscripts is None:
        return array
    left, right = subscripts.split("->")
    operands = left.split(",")
    if len(operands) == 2:
        return np.asarray(np.einsum(f"{operands[0]},...{operands[1]}->...{right}", LEVI_CIVITA, array))
    return np.asarray(np.einsum(f"...{left}->...{right}", array))


def projection_matrix(legs: Sequence[Leg], time_reversal: int, group: SymmetryGroup) -> RealArray:
    """Projector P = (1/|G|) Σ_g η_g D_g ⊗ D_g ⊗ … onto invariant tensors, (3^legs, 3^legs), real and
    symmetric.

    The action η_g D_g ⊗ … is that of ``solenoidal.symmetry.laws``, whose ``SymmetryError`` it raises.
    """
    return np.asarray(representation(legs, time_reversal, group.rotations, group.time_reversal).mean(axis=0))


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
