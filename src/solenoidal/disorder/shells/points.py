"""Quadrature points proposed by a shell rule, before their states are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import BoolArray, IntArray, RealArray


@dataclass(frozen=True, eq=False)
class Candidates:
    """Points on the curved shell, each with a straight stand-in.

    ``point`` (m, 3) Cartesian, on the shell where ``found``; ``base`` (m, 3) on the chord or flat triangle; ``element``
    (m,) chord or triangle, which is replaced as a whole; ``normal`` (m, 3) direction of the projection. The weight is
    ``measure``/|v·n̂| on the shell and ``straight_weight`` on the stand-in, both without (2π)^−d.
    """

    base: RealArray
    point: RealArray
    found: BoolArray
    group: IntArray
    element: IntArray
    normal: RealArray
    measure: RealArray
    straight_weight: RealArray

    @staticmethod
    def join(parts: list[Candidates]) -> Candidates:
        """All points of ``parts``, whose elements are numbered together."""
        return Candidates(
            np.concatenate([p.base for p in parts]),
            np.concatenate([p.point for p in parts]),
            np.concatenate([p.found for p in parts]),
            np.concatenate([p.group for p in parts]),
            np.concatenate([p.element for p in parts]),
            np.concatenate([p.normal for p in parts]),
            np.concatenate([p.measure for p in parts]),
            np.concatenate([p.straight_weight for p in parts]),
        )

    @staticmethod
    def straight(base: RealArray, group: IntArray, weight: RealArray) -> Candidates:
        """Points of a linear rule, which are not meant to be moved."""
        m = len(group)
        nothing = np.zeros(m)
        return Candidates(
            base, base, np.zeros(m, dtype=np.bool_), group, np.arange(m), np.zeros((m, 3)), nothing, weight
        )
