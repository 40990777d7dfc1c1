"""Where a quantity takes another route, because the difference of its two routes is not zero."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import BoolArray, RealArray
from solenoidal.responses.response import Fallback, Part, Quantity

Combine = Callable[[Sequence[Part]], RealArray]
"""Values (replica, mu, temperature, *axes) of a sum of parts."""

RISK = 1e-3
"""Probability, at one μ and T, that chance in some element is taken for a difference."""

SMALL = 1e-3
"""Differences below this fraction of the largest element are let pass."""


def differs(difference: RealArray, values: RealArray) -> BoolArray:
    """At which μ and T some element of ``difference`` (replica, mu, temperature, *axes) is not zero, (mu, temperature).

    Judged by Student's t of the shifted meshes and beside the size of ``values`` of the same shape; nowhere for fewer
    than three meshes, which know no error.
    """
    replicas, points = len(difference), difference.shape[1:3]
    if replicas < 3:
        return np.zeros(points, dtype=np.bool_)
    from scipy.special import stdtrit  # here, since it takes a tenth of the program's start

    flat, size = (np.nan_to_num(x).reshape(replicas, *points, -1) for x in (difference, values))
    mean, error = flat.mean(axis=0), flat.std(axis=0, ddof=1) / np.sqrt(replicas)
    certain = stdtrit(replicas - 1, 1 - RISK / (2 * flat.shape[3])) * error
    limit = np.maximum(certain, SMALL * np.abs(size).max(axis=(0, 3))[..., None])
    return np.asarray(np.any(np.abs(mean) > limit, axis=2))


@dataclass(frozen=True)
class Choice:
    """``where`` (mu, temperature) a quantity takes its other route; ``meshes`` say so, 0 if nobody can."""

    fallback: Fallback | None
    where: BoolArray
    meshes: int
    combine: Combine

    @staticmethod
    def of(quantity: Quantity, combine: Combine) -> Choice:
        """The choice for ``quantity`` at the μ and T of ``combine``."""
        nowhere = np.zeros((0, 0), dtype=np.bool_)
        if quantity.fallback is None:
            return Choice(None, nowhere, 0, combine)
        compared = (quantity.fallback.deciding, next(iter(quantity.fallback.outputs)))
        difference, values = (combine(quantity.outputs[output]) for output in compared)
        meshes = len(difference) if len(difference) > 2 else 0
        return Choice(quantity.fallback, differs(difference, values), meshes, combine)

    def replaced(self, outputs: Container[str]) -> dict[str, RealArray]:
        """Values by the other route of those of ``outputs`` that have one, if it is taken anywhere."""
        if self.fallback is None or not self.where.any():
            return {}
        return {name: self.combine(parts) for name, parts in self.fallback.outputs.items() if name in outputs}

    @property
    def in_words(self) -> str:
        """Which route the numbers come from."""
        if self.fallback is None:
            return "the only one"
        if not self.meshes:
            return "not tested: an error of the difference of the routes needs three shifted meshes or more"
        if not self.where.any():
            return (
                f"a difference of the two routes is not certain, at {100 * (1 - RISK):g} %, on {self.meshes} shifted "
                "meshes; more of them decide"
            )
        return f"{self.fallback.meaning} (at {int(self.where.sum())} of {self.where.size} pairs of mu and temperature)"
