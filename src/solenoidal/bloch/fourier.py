"""Fourier sums X(k) = Σ_R e^{ik·R} X_R for many columns at once.

Two routes give the same numbers; which is cheaper depends on how the k points lie:

* direct: one phase matrix against all R, for scattered points;
* factorised: the sums over one component of R after the other, shared by points on common planes and lines, for meshes
  and for their irreducible parts (``lanes.rods``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from solenoidal import lanes
from solenoidal.arrays import ComplexArray, IntArray, RealArray

if TYPE_CHECKING:
    from solenoidal.lanes.rods import RodSums


@dataclass(frozen=True)
class LatticeFourier:
    """Coefficients on lattice vectors, sorted for both routes.

    ``R`` (nR, 3) integers and ``coefficients`` (nR, columns). ``axes`` is the order in which the components of R are
    summed, those that are zero throughout first; vectors are sorted by the last of them, then by the one before it.
    """

    R: IntArray
    coefficients: ComplexArray
    axes: tuple[int, int, int]

    @staticmethod
    def build(R: IntArray, coefficients: ComplexArray) -> LatticeFourier:
        """Arrange ``coefficients`` (nR, columns) given on ``R`` (nR, 3)."""
        a, b, c = sorted(range(3), key=lambda axis: bool(R[:, axis].any()))
        order = np.lexsort((R[:, a], R[:, b], R[:, c]))
        return LatticeFourier(R[order], np.ascontiguousarray(coefficients[order]), (a, b, c))

    def __reduce__(self) -> tuple[Callable[..., LatticeFourier], tuple[IntArray, ComplexArray]]:
        """To another process the numbers go once, without what is derived from them."""
        return LatticeFourier.build, (self.R, self.coefficients)

    def at(self, k: RealArray) -> ComplexArray:
        """X(k) at fractional ``k`` (nk, 3); returns (nk, columns); see ``parts``."""
        return next(self.parts(k, len(k))) if len(k) else np.zeros((0, self.coefficients.shape[1]), np.complex128)

    def parts(self, k: RealArray, size: int) -> Iterator[ComplexArray]:
        """X at consecutive runs of ``size`` points of ``k`` (nk, 3), the last shorter; each (points, columns).

        The cheaper of the direct and the factorised route is taken; points with equal (k_1, k_2) should be
        consecutive for the latter to pay.
        """
        k = k[:, self.axes]
        # Both routes take ±R together, the factorised one in its last sum.
        if lanes.available and self._rods.cost(k) < len(k) * len(self.R) / 2:
            yield from self._rods.parts(k, size)
        else:
            for start in range(0, len(k), size):
                yield self._direct(k[start : start + size])

    def _direct(self, k: RealArray) -> ComplexArray:
        """The sum over all R, ±R together: Σ cos(2π k·R) (X_R + X_−R) + sin(2π k·R) i (X_R − X_−R), whose factors are
        real, which halves the work; ``k`` in the order of ``axes``."""
        half, paired = self._pairs
        angle = 2 * np.pi * (k @ half.T)
        weights = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        return np.asarray((weights @ paired).view(np.complex128))

    @cached_property
    def _rods(self) -> RodSums:
        from solenoidal.lanes.rods import RodSums

        return RodSums(self.R[:, self.axes], self.coefficients)

    @cached_property
    def _pairs(self) -> tuple[RealArray, RealArray]:
        """One lattice vector of each pair ±R, (pairs, 3), and the real factors of its cosine and sine, (2 pairs, 2
        columns): real and imaginary parts side by side."""
        stored = {tuple(r): X for r, X in zip(self.R[:, self.axes].tolist(), self.coefficients, strict=True)}
        half = [r for r in stored if r >= (0, 0, 0) or tuple(-x for x in r) not in stored]
        zero = np.zeros(self.coefficients.shape[1], dtype=np.complex128)
        even, odd = [], []
        for r in half:
            X, Y = stored[r], stored.get(tuple(-x for x in r), zero) if any(r) else zero
            even.append(X + Y)
            odd.append(1j * (X - Y))
        return np.array(half, dtype=np.float64), np.array(even + odd).view(np.float64)
