"""Weights of the linear simplex rule at T = 0: segments, triangles or tetrahedra of a periodic mesh.

In a simplex with corner energies ε_0 … ε_d, corner i of which has the barycentric coordinate λ_i(k),

    ⟨λ_i δ(ε(k) − μ)⟩ = B(μ | ε_0 … ε_d, ε_i) / (d + 1),

the B-spline whose knots are the corner energies, ε_i twice (Curry and Schoenberg, J. Anal. Math. 17, 71 (1966)); the
weights of θ(μ − ε) and of min(ε − μ, 0) are its integrals. The recursion of Cox and de Boor sums positive terms only,
so that nothing is lost where corners coincide. For d = 3 these are the weights of Blöchl, Jepsen and Andersen, Phys.
Rev. B 49, 16223 (1994).
"""

from __future__ import annotations

from itertools import permutations, product

import numba
import numpy as np
from numpy.typing import NDArray

RealArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FLAT = 1e-12
"""Spread of the corner energies (eV) below which a simplex counts as one level, half filled at μ."""


def cell_simplices(divisions: tuple[int, int, int], reciprocal: RealArray, dimension: int) -> IntArray:
    """Corners (d!, d + 1, 3) of the simplices of a mesh cell, in mesh steps from its first corner.

    All of them share the shortest main diagonal of the cell, whose edges are the rows of ``reciprocal`` (1/Å) over
    ``divisions``; of equal diagonals the first is taken.
    """
    edges = reciprocal / np.array(divisions)[:, None]
    signs = [(1, *rest) for rest in product((1, -1), repeat=dimension - 1)]
    lengths = [float(np.linalg.norm(np.array(sign) @ edges[:dimension])) for sign in signs]
    shortest = min(range(len(signs)), key=lambda s: round(lengths[s] / lengths[0], 9))
    sign = np.array(signs[shortest])
    corners = np.zeros((0, dimension + 1, 3), dtype=np.int64)
    for path in permutations(range(dimension)):
        walk = np.zeros((1, dimension + 1, 3), dtype=np.int64)
        walk[0, 0, :dimension] = sign < 0
        for step, axis in enumerate(path):
            walk[0, step + 1] = walk[0, step]
            walk[0, step + 1, axis] += sign[axis]
        corners = np.concatenate([corners, walk])
    return corners


def simplex_weights(
    energies: RealArray,
    place: IntArray,
    divisions: tuple[int, int, int],
    corners: IntArray,
    mu: RealArray,
    *,
    corrected: bool = False,
) -> RealArray:
    """Weights (points, n, 3 μ) of θ(μ − ε), δ(ε − μ) in 1/eV and min(ε − μ, 0) in eV, kernel by kernel.

    ``energies`` (points, n) in eV of the points that stand for the mesh, ``place`` (mesh points,) the number of the one
    that stands for each, whose weight is summed over all it stands for. ``corrected`` adds to θ the curvature
    correction Σ_j (ε_j − ε_i) D / (2 (d + 1)(d + 2)), D being the density of states of the simplex.
    """
    out = np.zeros((*energies.shape, 3 * len(mu)))
    table = np.ascontiguousarray(energies, dtype=np.float64)
    _accumulate(table, place, np.array(divisions), corners, np.asarray(mu, dtype=np.float64), corrected, out)
    out /= len(corners) * len(place)
    return out


@numba.njit(nogil=True, cache=True)
def _accumulate(energies, place, divisions, corners, mu, corrected, out):  # type: ignore[no-untyped-def]
    size = corners.shape[1]
    points = np.empty(size, dtype=np.int64)
    e = np.empty(size)
    w = np.empty((3, size))
    for j0 in range(divisions[0]):
        for j1 in range(divisions[1]):
            for j2 in range(divisions[2]):
                for s in range(corners.shape[0]):
                    for c in range(size):
                        a = (j0 + corners[s, c, 0]) % divisions[0]
                        b = (j1 + corners[s, c, 1]) % divisions[1]
                        z = (j2 + corners[s, c, 2]) % divisions[2]
                        points[c] = place[(a * divisions[1] + b) * divisions[2] + z]
                    for n in range(energies.shape[1]):
                        for c in range(size):
                            e[c] = energies[points[c], n]
                        _add_band(points, n, e, mu, corrected, w, out)


@numba.njit(nogil=True, cache=True)
def _add_band(points, n, e, mu, corrected, w, out):  # type: ignore[no-untyped-def]
    """Add the weights of one band in one simplex at every μ."""
    lowest, highest, size = e.min(), e.max(), len(e)
    for m in range(len(mu)):
        if lowest >= mu[m] + FLAT:
            continue
        _weights(e, lowest, highest, mu[m], w)
        if corrected:
            density = w[1].sum() / (2 * size * (size + 1))
            for c in range(size):
                w[0, c] += density * (e.sum() - size * e[c])
        for c in range(size):
            for kernel in range(3):
                out[points[c], n, kernel * len(mu) + m] += w[kernel, c]


@numba.njit(nogil=True, cache=True)
def _weights(e, lowest, highest, mu, w):  # type: ignore[no-untyped-def]
    """Weights ``w`` (3, corners) of a simplex of unit volume."""
    size = len(e)
    if highest - lowest < FLAT and abs(highest - mu) < FLAT:
        w[0] = 0.5 / size
        w[1:] = 0.0
    elif highest <= mu:
        w[0] = 1.0 / size
        w[1] = 0.0
        for c in range(size):
            w[2, c] = ((e.sum() + e[c]) / (size + 1) - mu) / size
    elif lowest >= mu:
        w[:] = 0.0
    else:
        for c in range(size):
            w[1, c], w[0, c], w[2, c] = _spline(e, c, mu)


@numba.njit(nogil=True, cache=True)
def _spline(e, corner, mu):  # type: ignore[no-untyped-def]
    """Weights of δ, θ and min(ε − μ, 0) of one ``corner`` where μ lies between the corner energies ``e``."""
    size = len(e)
    # Knots: the energies in order, that of the corner twice, and the highest repeated, above which nothing is left.
    t = np.empty(2 * size + 3)
    for c in range(size):
        t[c] = e[c]
    t[size] = e[corner]
    t[: size + 1].sort()
    t[size + 1 :] = t[size]
    span = 0
    while t[span + 1] <= mu:
        span += 1
    b = np.zeros(size + 2)
    b[span] = 1.0
    density, filled, below = 0.0, 0.0, 0.0
    for order in range(2, size + 3):
        for j in range(span + 1):
            value = 0.0
            if t[j + order - 1] > t[j]:
                value += (mu - t[j]) / (t[j + order - 1] - t[j]) * b[j]
            if t[j + order] > t[j + 1]:
                value += (t[j + order] - mu) / (t[j + order] - t[j + 1]) * b[j + 1]
            b[j] = value
        if order == size:
            density = b[0] / (t[size] - t[0])
        elif order == size + 1:
            filled = b[: span + 1].sum() / size
    reach = 0.0
    for j in range(span + 1):
        reach += (t[size] - t[j]) / (size + 1)
        below -= b[j] * reach / size
    return density, filled, below
