"""Fourier sums over one component of R after the other, compiled: eight columns at a time in registers.

Columns are taken in chunks, so that what points on a common plane and on a common line share stays in the cache. The
last sum takes ±R_3 together, Σ cos(2π k_3 R_3) (X + X′) + sin(2π k_3 R_3) i (X − X′), whose factors are real.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.lanes.compiled import compiled
from solenoidal.lanes.registers import WIDTH, load, spread, store, store_complex, workspace, zero

STEP = 2 * WIDTH
"""Columns at a time."""

GROUP = 64
"""Points whose sums are done together at least: what they share is read once, and with many columns it is large."""

CHUNK = 128
"""Columns of a chunk: the sums of a line of points stay in the first-level cache, those of a plane in the second."""


class RodSums:
    """Coefficients (nR, columns) on ``R`` (nR, 3), sorted by the last, then the middle component, as the loops want
    them.

    Vectors of equal (R_2, R_3) form a rod, ``rods`` (rods + 1,) being where each starts and ``second`` (rods,) its R_2;
    ``layers`` (1 + reach, 4) holds the first and last + 1 of the rods with R_3 = m and of those with R_3 = −m.
    """

    def __init__(self, R: IntArray, coefficients: ComplexArray) -> None:
        self.R, self.columns = R, coefficients.shape[1]
        self.rods = runs(R[:, 1:])
        self.second = R[self.rods[:-1], 1]
        third = R[self.rods[:-1], 2]
        self.reach = int(np.abs(third).max())
        m = np.arange(1 + self.reach)
        sides = (m, np.where(m > 0, -m, self.reach + 1))  # R_3 = 0 once
        self.layers = np.stack([np.searchsorted(third, x, side) for x in sides for side in ("left", "right")], axis=1)
        self.chunks = -(-self.columns // CHUNK)
        padded = np.pad(coefficients, ((0, 0), (0, CHUNK * self.chunks - self.columns)))
        split = np.stack([padded.real, padded.imag]).reshape(2, len(R), self.chunks, CHUNK)
        self.coefficients = np.ascontiguousarray(split.transpose(2, 1, 0, 3)).ravel()

    def cost(self, k: RealArray) -> int:
        """Complex multiplications for each column at the points ``k`` (nk, 3)."""
        planes, lines = len(runs(k[:, :1])) - 1, len(runs(k[:, :2])) - 1
        return planes * len(self.R) + lines * len(self.second) + len(k) * (self.reach + 1)

    def parts(self, k: RealArray, size: int) -> Iterator[ComplexArray]:
        """X at consecutive runs of ``size`` points of ``k`` (nk, 3), the last shorter; each (points, columns).

        A plane or line that goes on in the next run is not summed again.
        """
        planes, lines = runs(k[:, :1]), runs(k[:, :2])
        first, second = _turns(k[planes[:-1], :1], self.R[:, 0]), _turns(k[lines[:-1], 1:2], self.second)
        third = _turns(k[:, 2:3], np.arange(1, self.reach + 1))
        starts = np.searchsorted(lines, planes)
        work = workspace(2 * CHUNK * self.chunks * (len(self.second) + 1 + 2 * self.reach) + 2 * STEP)
        group = size * max(1, GROUP // size)
        for start in range(0, len(k), group):
            out = np.empty((min(group, len(k) - start), self.columns), dtype=np.complex128)
            _sum(
                self.coefficients,
                self.rods,
                self.layers,
                first,
                second,
                third,
                starts,
                lines,
                start,
                work,
                out.view(np.float64).reshape(-1),
                len(out),
            )
            for first_row in range(0, len(out), size):
                yield out[first_row : first_row + size]


def runs(rows: NDArray[np.generic]) -> IntArray:
    """Start of each run of equal consecutive rows, with the total length appended."""
    changed = np.any(rows[1:] != rows[:-1], axis=1)
    return np.concatenate(([0], np.flatnonzero(changed) + 1, [len(rows)])).astype(np.int64)


def _turns(k: RealArray, R: IntArray) -> RealArray:
    """Cosine and sine of 2π k R, one after the other for every vector of every point, flat."""
    angle = 2 * np.pi * k * R
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).ravel()


@compiled.fast
def _sum(coefficients, rods, layers, first, second, third, planes, lines, begin, work, out, points):  # type: ignore[no-untyped-def]
    """``points`` points from ``begin`` on, chunk by chunk, plane by plane, line by line.

    ``work`` holds the sums of a plane and of a line for each chunk of columns, those of the points before ``begin`` at
    first, and room for one step.
    """
    size, end = 2 * CHUNK, begin + points
    columns = out.size // (2 * points)
    vectors, count, reach = rods[-1], len(rods) - 1, len(layers) - 1
    line_begin = np.searchsorted(lines, begin, "right") - 1
    plane_begin = np.searchsorted(planes, line_begin, "right") - 1
    for chunk in range((columns + CHUNK - 1) // CHUNK):
        start = chunk * CHUNK
        width = min(CHUNK, columns - start)
        plane_sums = size * (count + 1 + 2 * reach) * chunk
        line_sums = plane_sums + size * count
        for plane in range(plane_begin, len(planes) - 1):
            if lines[planes[plane]] >= end:
                break
            if lines[planes[plane]] >= begin:
                for rod in range(count):
                    _gather(coefficients, size * vectors * chunk, first, 2 * vectors * plane, rods[rod], rods[rod + 1],
                            width, work, plane_sums + size * rod)  # fmt: skip
            for line in range(max(planes[plane], line_begin), planes[plane + 1]):
                if lines[line] >= end:
                    break
                if lines[line] >= begin:
                    for m in range(reach + 1):
                        _layer(work, plane_sums, second, 2 * count * line, layers[m], m, reach, width, line_sums)
                for point in range(max(lines[line], begin), min(lines[line + 1], end)):
                    at = 2 * ((point - begin) * columns + start)
                    _point(work, line_sums, third, 2 * reach * point, reach, width, out, at)


@compiled.fast
def _gather(source, start, turns, place, a, b, width, out, at):  # type: ignore[no-untyped-def]
    """Σ e^{2πi k R} X over the vectors or rods ``a`` to ``b``, whose sums stand one after the other from ``start`` on.

    Sums with cosine and sine are kept apart, so that eight of them run side by side.
    """
    for o in range(0, width, STEP):
        cr, ci, sr, si = zero(), zero(), zero(), zero()
        dr, di, tr, ti = zero(), zero(), zero(), zero()
        p, q = start + 2 * CHUNK * a + o, place + 2 * a
        for _ in range(a, b):
            cosine, sine = spread(turns, q), spread(turns, q + 1)
            xr, xi = load(source, p), load(source, p + CHUNK)
            cr, ci, sr, si = cr + cosine * xr, ci + cosine * xi, sr + sine * xr, si + sine * xi
            xr, xi = load(source, p + WIDTH), load(source, p + CHUNK + WIDTH)
            dr, di, tr, ti = dr + cosine * xr, di + cosine * xi, tr + sine * xr, ti + sine * xi
            p += 2 * CHUNK
            q += 2
        store(out, at + o, cr - si)
        store(out, at + o + WIDTH, dr - ti)
        store(out, at + o + CHUNK, ci + sr)
        store(out, at + o + CHUNK + WIDTH, di + tr)


@compiled.inlined
def _layer(work, plane, turns, place, bounds, m, reach, width, at):  # type: ignore[no-untyped-def]
    """Sums over R_2 for R_3 = ±m: what is multiplied by the cosine, and for m > 0 by the sine."""
    even = at + 2 * CHUNK * m
    odd = at + 2 * CHUNK * (reach + m)
    _gather(work, plane, turns, place, bounds[0], bounds[1], width, work, even)
    if m == 0:
        return
    _gather(work, plane, turns, place, bounds[2], bounds[3], width, work, odd)
    for o in range(0, width, WIDTH):
        p, q = even + o, odd + o
        xr, xi = load(work, p), load(work, p + CHUNK)
        yr, yi = load(work, q), load(work, q + CHUNK)
        store(work, p, xr + yr)
        store(work, p + CHUNK, xi + yi)
        store(work, q, yi - xi)
        store(work, q + CHUNK, xr - yr)


@compiled.inlined
def _point(work, sums, turns, place, reach, width, out, at):  # type: ignore[no-untyped-def]
    """The sum over R_3 at one point, written as complex numbers."""
    for o in range(0, width, STEP):
        p = sums + o
        cr, ci, dr, di = load(work, p), load(work, p + CHUNK), load(work, p + WIDTH), load(work, p + CHUNK + WIDTH)
        sr, si, tr, ti = zero(), zero(), zero(), zero()
        q, x = p + 2 * CHUNK * reach, place
        for _ in range(reach):
            p += 2 * CHUNK
            q += 2 * CHUNK
            cosine, sine = spread(turns, x), spread(turns, x + 1)
            x += 2
            cr, ci = cr + cosine * load(work, p), ci + cosine * load(work, p + CHUNK)
            dr, di = dr + cosine * load(work, p + WIDTH), di + cosine * load(work, p + CHUNK + WIDTH)
            sr, si = sr + sine * load(work, q), si + sine * load(work, q + CHUNK)
            tr, ti = tr + sine * load(work, q + WIDTH), ti + sine * load(work, q + CHUNK + WIDTH)
        if o + STEP <= width:
            store_complex(out, at + 2 * o, cr + sr, ci + si)
            store_complex(out, at + 2 * (o + WIDTH), dr + tr, di + ti)
        else:
            room = len(work) - 2 * STEP
            store_complex(work, room, cr + sr, ci + si)
            store_complex(work, room + 2 * WIDTH, dr + tr, di + ti)
            for x in range(2 * (width - o)):
                out[at + 2 * o + x] = work[room + x]
