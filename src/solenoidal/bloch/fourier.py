"""Fourier sums X(k) = Σ_R e^{ik·R} X_R for many columns at once.

Three routes give the same numbers; which is cheapest depends on how the k points lie:

* direct: one phase matrix against all R, for scattered points;
* factorised: the sums over R_1, R_2 and R_3 one after the other, shared by points on common planes and lines, for
  meshes and for their irreducible parts;
* FFT on a shifted sub-grid, for complete grids of models whose R box is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

ComplexArray = NDArray[np.complex128]
RealArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Intermediate arrays of the factorised route stay below this many complex numbers (64 MB).
WORKSPACE = 4_000_000


def phases(k: RealArray, R: RealArray | IntArray) -> ComplexArray:
    """e^{2πi k·R} for fractional ``k`` (nk, d) and integer ``R`` (nR, d); shape (nk, nR)."""
    return np.asarray(np.exp(2j * np.pi * (k @ np.asarray(R, dtype=np.float64).T)))


@dataclass(frozen=True)
class LatticeFourier:
    """Coefficients on a dense box of lattice vectors, ready for all three routes.

    ``R`` (nR, 3) integers and ``coefficients`` (nR, columns); ``box`` (n1, n2, n3, columns) holds the same
    coefficients on the enclosing box whose first corner is ``origin``.
    """

    R: IntArray
    coefficients: ComplexArray
    origin: IntArray
    box: ComplexArray

    @staticmethod
    def build(R: IntArray, coefficients: ComplexArray) -> LatticeFourier:
        """Arrange ``coefficients`` (nR, columns) given on ``R`` (nR, 3)."""
        origin = R.min(axis=0)
        shape = R.max(axis=0) - origin + 1
        box = np.zeros((*shape, coefficients.shape[1]), dtype=np.complex128)
        index = R - origin
        box[index[:, 0], index[:, 1], index[:, 2]] = coefficients
        return LatticeFourier(R, np.ascontiguousarray(coefficients), origin, box)

    def __reduce__(self) -> tuple[Callable[..., LatticeFourier], tuple[IntArray, ComplexArray]]:
        """To another process the numbers go once; the box, most of the memory, is arranged again there."""
        return LatticeFourier.build, (self.R, self.coefficients)

    def at(self, k: RealArray) -> ComplexArray:
        """X(k) at fractional ``k`` (nk, 3); returns (nk, columns); see ``parts``."""
        return next(self.parts(k, len(k))) if len(k) else np.zeros((0, self.coefficients.shape[1]), np.complex128)

    def parts(self, k: RealArray, size: int) -> Iterator[ComplexArray]:
        """X at consecutive runs of ``size`` points of ``k`` (nk, 3), the last shorter; each (points, columns).

        The cheaper of the direct and the factorised route is taken; points with equal (k_1, k_2) should be
        consecutive for the latter to pay.
        """
        planes = _runs(k[:, :1])
        lines = _runs(k[:, :2])
        n1, n2, n3 = self.box.shape[:3]
        # Planes and lines are short sums over long rows: bound by memory, four and two times as dear as their count.
        factorised = 4 * (len(planes) - 1) * n1 * n2 * n3 + 2 * (len(lines) - 1) * n2 * n3 + len(k) * n3
        # The direct sum takes ±R together.
        if 2 * factorised < len(k) * len(self.R):
            yield from self._factorised(k, planes, lines, size)
        else:
            for start in range(0, len(k), size):
                yield self._direct(k[start : start + size])

    def _direct(self, k: RealArray) -> ComplexArray:
        """The sum over all R, ±R together: Σ cos(2π k·R) (X_R + X_−R) + sin(2π k·R) i (X_R − X_−R), whose factors are
        real, which halves the work."""
        half, paired = self._pairs
        angle = 2 * np.pi * (k @ half.T)
        weights = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
        return np.asarray((weights @ paired).view(np.complex128))

    @cached_property
    def _pairs(self) -> tuple[RealArray, RealArray]:
        """One lattice vector of each pair ±R, (pairs, 3), and the real factors of its cosine and sine, (2 pairs, 2
        columns): real and imaginary parts side by side."""
        stored = {tuple(r): X for r, X in zip(self.R.tolist(), self.coefficients, strict=True)}
        half = [r for r in stored if r >= (0, 0, 0) or tuple(-x for x in r) not in stored]
        zero = np.zeros(self.coefficients.shape[1], dtype=np.complex128)
        even, odd = [], []
        for r in half:
            X, Y = stored[r], stored.get(tuple(-x for x in r), zero) if any(r) else zero
            even.append(X + Y)
            odd.append(1j * (X - Y))
        return np.array(half, dtype=np.float64), np.array(even + odd).view(np.float64)

    def _factorised(self, k: RealArray, planes: IntArray, lines: IntArray, size: int) -> Iterator[ComplexArray]:
        n3, columns = self.box.shape[2:]
        p3 = phases(k[:, 2:3], self.origin[2] + np.arange(n3)[:, None])
        base, out = 0, np.empty((min(size, len(k)), columns), dtype=np.complex128)
        for line, rod in enumerate(self._rods(k, planes, lines)):
            start, stop = lines[line], lines[line + 1]
            while start < stop:
                end = min(stop, base + len(out))
                np.matmul(p3[start:end], rod, out=out[start - base : end - base])
                start = end
                if end == base + len(out):
                    yield out
                    base, out = end, np.empty((min(size, len(k) - end), columns), dtype=np.complex128)

    def _rods(self, k: RealArray, planes: IntArray, lines: IntArray) -> Iterator[ComplexArray]:
        """The sums over R_1 and R_2 of each line of points, (n3, columns)."""
        n1, n2, n3, columns = self.box.shape
        p1 = phases(k[planes[:-1], :1], self.origin[0] + np.arange(n1)[:, None])
        p2 = phases(k[lines[:-1], 1:2], self.origin[1] + np.arange(n2)[:, None])
        line_starts = np.searchsorted(lines, planes)
        batch = max(1, WORKSPACE // (n2 * n3 * columns))
        few = max(1, WORKSPACE // (4 * n3 * columns))
        flat = self.box.reshape(n1, -1)
        for first in range(0, len(planes) - 1, batch):
            last = min(first + batch, len(planes) - 1)
            slabs = (p1[first:last] @ flat).reshape(last - first, n2, n3 * columns)
            for plane, slab in zip(range(first, last), slabs, strict=True):
                for line in range(line_starts[plane], line_starts[plane + 1], few):
                    stop = min(line + few, line_starts[plane + 1])
                    yield from (p2[line:stop] @ slab).reshape(stop - line, n3, columns)

    def on_grid(self, divisions: tuple[int, int, int], shift: RealArray) -> ComplexArray:
        """X on the complete grid k = (j + shift)/divisions by FFT; returns (n1·n2·n3, columns), last axis of j fastest.

        Lattice vectors beyond the grid are folded back, which is exact at the grid's points for any grid size.
        """
        n = np.asarray(divisions)
        shifted = self.coefficients * phases((np.asarray(shift) / n)[None], self.R)[0][:, None]
        folded = np.zeros((*divisions, self.coefficients.shape[1]), dtype=np.complex128)
        index = self.R % n
        np.add.at(folded, (index[:, 0], index[:, 1], index[:, 2]), shifted)
        values = np.fft.ifftn(folded, axes=(0, 1, 2), norm="forward")
        return np.asarray(values).reshape(int(n.prod()), -1)


def _runs(rows: RealArray) -> IntArray:
    """Start of each run of equal consecutive rows, with the total length appended."""
    changed = np.any(rows[1:] != rows[:-1], axis=1)
    return np.concatenate(([0], np.flatnonzero(changed) + 1, [len(rows)])).astype(np.int64)
