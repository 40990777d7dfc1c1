"""Weights of the linear simplex rule at T = 0: segments, triangles or tetrahedra of a periodic mesh.

In a simplex with corner energies ε_0 … ε_d, corner i of which has the barycentric coordinate λ_i(k),

    ⟨λ_i δ(ε(k) − μ)⟩ = B(μ | ε_0 … ε_d, ε_i) / (d + 1),

the B-spline whose knots are the corner energies, ε_i twice (Curry and Schoenberg, J. Anal. Math. 17, 71 (1966)); the
weights of θ(μ − ε) and of min(ε − μ, 0) are its integrals. The recursion of Cox and de Boor sums positive terms only,
so that nothing is lost where corners coincide. For d = 3 these are the weights of Blöchl, Jepsen and Andersen, Phys.
Rev. B 49, 16223 (1994).

The linear interpolant of a curved band lies on one side of it, and so the error falls only as the square of the mesh
step. The fitted rule replaces it by the linear function nearest to the parabola through the corners and the points
beyond them, in the spirit of Kawamura, Gohda and Tsuneyuki, Phys. Rev. B 89, 094515 (2014): with D_ij the second
difference along edge (i, j), the parabola is Σ λ_i ε_i − ½ Σ_{i<j} λ_i λ_j D_ij, and the mean square over the simplex
of its distance to a linear function is least when λ_i λ_j is replaced by N (λ_i + λ_j) − (1 − λ_i − λ_j), over
(N + 1)(N + 2), N = d + 1.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, permutations, product

import numpy as np

from solenoidal.arrays import IntArray, RealArray
from solenoidal.compiled import compiled
from solenoidal.sampling.tetrahedra import Rule

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


def parabola_fit(corners: IntArray) -> tuple[IntArray, RealArray]:
    """Points (simplices, q, 3) of the fitted rule, corners first, and what turns values there into corner values.

    The matrix (d + 1, q) is the same for all simplices. With D_ij = ½ [ε(2i − j) − ε_i − ε_j + ε(2j − i)] the fit is
    exact to third order in the step.
    """
    size = corners.shape[1]
    points = [corners[:, i] for i in range(size)]
    columns = list(np.eye(size))
    for i, j in combinations(range(size), 2):
        points += [2 * corners[:, i] - corners[:, j], 2 * corners[:, j] - corners[:, i]]
        nearest = np.full(size, -1.0)
        nearest[[i, j]] = size
        share = -nearest / (4 * (size + 1) * (size + 2))
        columns += [share, share]
        columns[i] = columns[i] - share
        columns[j] = columns[j] - share
    return np.stack(points, axis=1), np.stack(columns, axis=1)


def simplex_weights(
    energies: RealArray,
    place: IntArray,
    divisions: tuple[int, int, int],
    corners: IntArray,
    mu: RealArray,
    rule: Rule = "linear",
    *,
    pool: ThreadPoolExecutor | None = None,
) -> RealArray:
    """Weights (points, n, 3 μ) of θ(μ − ε), δ(ε − μ) in 1/eV and min(ε − μ, 0) in eV, kernel by kernel.

    ``energies`` (points, n) in eV of the points that stand for the mesh, ``place`` (mesh points,) the number of the one
    that stands for each, whose weight is summed over all it stands for. ``rule`` "blochl" adds to the linear weights of
    θ the curvature correction Σ_j (ε_j − ε_i) D / (2 (d + 1)(d + 2)), D being the density of states of the simplex.
    The threads of ``pool`` share the bands. The result takes 24 bytes for each band and μ at every point, and twice
    that for a moment if ``mu`` does not ascend.
    """
    points, fit = parabola_fit(corners) if rule == "fitted" else (corners, np.eye(corners.shape[1]))
    order = np.argsort(mu, kind="stable")
    levels = np.asarray(mu, dtype=np.float64)[order]
    out = np.zeros((*energies.shape, 3 * len(levels)))
    table = np.ascontiguousarray(energies, dtype=np.float64)
    # Bands that are empty at every corner are left out; a fit leaves the range of its values by this share at most.
    beyond = (np.abs(fit).sum(axis=1).max() - 1) / 2
    occupied = np.flatnonzero(table.min(axis=0) - beyond * np.ptp(table, axis=0) < levels.max() + FLAT)
    bands = int(occupied.max(initial=-1)) + 1
    shares = 1 if pool is None else max(1, min(bands, pool._max_workers))

    def weigh(share: int) -> None:
        mine = np.arange(share, bands, shares)
        _accumulate(table, mine, place, np.array(divisions), points, fit, levels, rule == "blochl", out)

    list(map(weigh, range(shares)) if pool is None else pool.map(weigh, range(shares)))
    _integrate(levels, len(corners) * len(place), out)
    if np.any(np.diff(order) < 0):
        out = out[..., np.concatenate([np.argsort(order) + kernel * len(levels) for kernel in range(3)])]
    return out


@compiled
def _integrate(mu, simplices, out):  # type: ignore[no-untyped-def]
    """Turn increments from one μ to the next of the weights of θ(μ − ε) and ε θ(μ − ε) into weights, per cell."""
    levels = len(mu)
    for p in range(out.shape[0]):
        for n in range(out.shape[1]):
            filled, energy = 0.0, 0.0
            for m in range(levels):
                filled += out[p, n, m] / simplices
                energy += out[p, n, 2 * levels + m] / simplices
                out[p, n, m] = filled
                out[p, n, levels + m] /= simplices
                out[p, n, 2 * levels + m] = energy - mu[m] * filled


@compiled
def _accumulate(energies, bands, place, divisions, steps, fit, mu, corrected, out):  # type: ignore[no-untyped-def]
    """Add the increments of the weights of some ``bands``."""
    size, used = fit.shape
    points = np.empty(used, dtype=np.int64)
    e, values, order = np.empty(size), np.empty((size, len(bands))), np.empty(size, dtype=np.int64)
    filled, back, before = fit.sum(axis=0) / size, np.empty(used), np.empty((2, used))
    space = (order, back, before, np.empty((3, size)), np.empty(2 * size + 3), np.empty(size + 2))
    for j0 in range(divisions[0]):
        for j1 in range(divisions[1]):
            for j2 in range(divisions[2]):
                for s in range(steps.shape[0]):
                    for p in range(used):
                        x = (j0 + steps[s, p, 0]) % divisions[0]
                        y = (j1 + steps[s, p, 1]) % divisions[1]
                        z = (j2 + steps[s, p, 2]) % divisions[2]
                        points[p] = place[(x * divisions[1] + y) * divisions[2] + z]
                    values[:] = 0.0
                    for c in range(size):
                        for p in range(used):
                            if fit[c, p] != 0.0:
                                row = energies[points[p]]
                                for i in range(len(bands)):
                                    values[c, i] += fit[c, p] * row[bands[i]]
                    for i in range(len(bands)):
                        for c in range(size):
                            e[c] = values[c, i]
                        _add_band(points, bands[i], e, fit, filled, mu, corrected, space, out)


@compiled
def _add_band(points, n, e, fit, filled, mu, corrected, space, out):  # type: ignore[no-untyped-def]
    """Add the weights of one band in one simplex at every μ: ``filled`` those of θ in a full one, ``space`` room.

    The weights of θ(μ − ε) and ε θ(μ − ε) do not change once the simplex is full, so that their increments are kept.
    """
    order, back, before, w, knots, b = space
    size, levels = len(e), len(mu)
    _sort(e, order)
    lowest, highest = e[order[0]], e[order[size - 1]]
    before[:] = 0.0
    for m in range(levels):
        if lowest >= mu[m] + FLAT:
            continue
        if highest <= mu[m] - FLAT:
            _full(e, fit, back)
            for p in range(len(points)):
                out[points[p], n, m] += filled[p] - before[0, p]
                out[points[p], n, 2 * levels + m] += back[p] - before[1, p]
            break
        _weights(e, order, mu[m], w, knots, b)
        if corrected:
            density = w[1].sum() / (2 * size * (size + 1))
            for c in range(size):
                w[0, c] += density * (e.sum() - size * e[c])
        for p in range(len(points)):
            here, level, energy = 0.0, 0.0, 0.0
            for c in range(size):
                here += fit[c, p] * w[0, c]
                level += fit[c, p] * w[1, c]
                energy += fit[c, p] * (w[2, c] + mu[m] * w[0, c])
            out[points[p], n, m] += here - before[0, p]
            out[points[p], n, levels + m] += level
            out[points[p], n, 2 * levels + m] += energy - before[1, p]
            before[0, p], before[1, p] = here, energy


@compiled
def _full(e, fit, back):  # type: ignore[no-untyped-def]
    """Weights of ε in a full simplex, ⟨λ_i ε⟩ = (Σ_j ε_j + ε_i) / (d + 1)(d + 2), at the points of the ``fit``."""
    size = len(e)
    total = e.sum()
    for p in range(fit.shape[1]):
        back[p] = 0.0
        for c in range(size):
            back[p] += fit[c, p] * (total + e[c]) / (size * (size + 1))


@compiled
def _sort(e, order):  # type: ignore[no-untyped-def]
    """Corners in the ``order`` of their energies."""
    for c in range(len(e)):
        place = c
        while place > 0 and e[order[place - 1]] > e[c]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = c


@compiled
def _weights(e, order, mu, w, knots, b):  # type: ignore[no-untyped-def]
    """Weights ``w`` (3, corners) of a simplex of unit volume whose lowest corner is not above μ."""
    size = len(e)
    lowest, highest = e[order[0]], e[order[size - 1]]
    if highest - lowest < FLAT:
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
        for rank in range(size):
            # Knots: the energies in order, that of the corner twice, and the highest repeated: nothing lies above it.
            for c in range(size + 1):
                knots[c] = e[order[c if c <= rank else c - 1]]
            knots[size + 1 :] = highest
            corner = order[rank]
            w[1, corner], w[0, corner], w[2, corner] = _spline(knots, size, mu, b)


@compiled
def _spline(t, size, mu, b):  # type: ignore[no-untyped-def]
    """Weights of δ, θ and min(ε − μ, 0) of the corner with knots ``t`` (size + 1, then the highest)."""
    span = 0
    while t[span + 1] <= mu:
        span += 1
    b[:] = 0.0
    b[span] = 1.0
    density, filled, reach, below = 0.0, 0.0, 0.0, 0.0
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
            for j in range(span + 1):
                filled += b[j] / size
    for j in range(span + 1):
        reach += (t[size] - t[j]) / (size + 1)
        below -= b[j] * reach / size
    return density, filled, below
