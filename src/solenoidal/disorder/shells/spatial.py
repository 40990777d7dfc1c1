"""Energy shells in three dimensions: curved triangles across mesh tetrahedra, with points moved onto the shell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import IntArray, RealArray
from solenoidal.disorder.shells.bands import BandFields
from solenoidal.disorder.shells.meshes import CrossedSimplices, Nodes, SimplexMesh
from solenoidal.disorder.shells.points import Candidates
from solenoidal.disorder.shells.states import StateSource

SMALLEST = 1e-14
"""Triangles smaller than this fraction of a squared mesh step are dropped."""

BARYCENTRIC = np.array([[2 / 3, 1 / 6, 1 / 6], [1 / 6, 2 / 3, 1 / 6], [1 / 6, 1 / 6, 2 / 3]])
"""Three-point rule of degree two on a triangle; each point stands for a third of the area."""

SIDES = ((0, 1), (1, 2), (2, 0))


def triangles(crossed: CrossedSimplices, values: RealArray) -> tuple[Nodes, IntArray, IntArray]:
    """Distinct crossed edges, the three that span each triangle (t, 3), and the tetrahedron it lies in (t,)."""
    v = crossed.vertices
    pairs, owner = [], []
    for above, corners in ((1, ((0, 1), (0, 2), (0, 3))), (3, ((3, 0), (3, 1), (3, 2)))):
        rows = np.flatnonzero(crossed.above == above)
        pairs.append(np.stack([v[rows][:, list(c)] for c in corners], axis=1))
        owner.append(rows)
    rows = np.flatnonzero(crossed.above == 2)
    quadrangle = [v[rows][:, list(c)] for c in ((0, 2), (0, 3), (1, 3), (1, 2))]
    for chosen in ((0, 1, 2), (0, 2, 3)):
        pairs.append(np.stack([quadrangle[i] for i in chosen], axis=1))
        owner.append(rows)
    tetrahedron = np.concatenate(owner)
    ends = np.concatenate(pairs)
    group = np.repeat(crossed.group[tetrahedron], 3)
    nodes, which = Nodes.collect(ends.reshape(-1, 2), group, values)
    return nodes, which.reshape(-1, 3), tetrahedron


def linear_rule(mesh: SimplexMesh, crossed: CrossedSimplices, values: RealArray) -> Candidates:
    """One point at the centroid of each flat triangle, ∫dA/|∇ε| of the linear interpolant."""
    nodes, corners, owner = triangles(crossed, values)
    p = nodes.linear(mesh)[corners]
    area = 0.5 * np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1)
    keep = area > SMALLEST * mesh.step**2
    gradient = np.linalg.norm(crossed.gradient[owner[keep]], axis=1)
    return Candidates.straight(p[keep].mean(axis=1), crossed.group[owner[keep]], area[keep] / gradient)


def quadratic_rule(
    mesh: SimplexMesh,
    crossed: CrossedSimplices,
    values: RealArray,
    *,
    bands: BandFields,
    states: StateSource,
    energy: float,
) -> Candidates:
    """Six-node triangles with corners and side midpoints on the shell, and three points moved onto it.

    Midpoints move along the mean normal of their two ends, which both neighbours share, so the surface is closed.
    """
    nodes, corners, owner = triangles(crossed, values)
    where = bands.crossings(mesh.cartesian(nodes.low), mesh.cartesian(nodes.high), nodes.group, nodes.values, energy)
    p = where[corners]
    area = 0.5 * np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1)
    keep = np.flatnonzero(area > SMALLEST * mesh.step**2)
    corners, owner, p, area = corners[keep], owner[keep], p[keep], area[keep]
    group = crossed.group[owner]
    v = states.velocity(bands.fractional(where), nodes.group)
    middle, closed = _midpoints(mesh, bands, where, v, nodes.group, corners, energy)
    base, normal, size = _curved_points(p, middle)
    flat = base.reshape(-1, 3)
    groups = np.repeat(group, 3)
    normals = normal.reshape(-1, 3)
    slope = np.einsum("qa,tai,tqi->tq", BARYCENTRIC, v[corners], normal).ravel()
    eta, found = bands.project(
        flat, normals, groups, energy, guess=np.zeros(len(flat)), slope=slope, reach=np.full(len(flat), mesh.step)
    )
    vc = v[corners]
    turned = np.any([np.einsum("ti,ti->t", vc[:, i], vc[:, j]) <= 0 for i, j in SIDES], axis=0)
    straight = area / np.linalg.norm(crossed.gradient[owner], axis=1) / 3
    return Candidates(
        base=np.einsum("qa,tai->tqi", BARYCENTRIC, p).reshape(-1, 3),
        point=flat + eta[:, None] * normals,
        found=found & np.repeat(closed & ~turned, 3),
        group=groups,
        element=np.repeat(np.arange(len(group)), 3),
        normal=normals,
        measure=(size / 6).ravel(),
        straight_weight=np.repeat(straight, 3),
    )


def _midpoints(
    mesh: SimplexMesh,
    bands: BandFields,
    where: RealArray,
    v: RealArray,
    node_group: IntArray,
    corners: IntArray,
    energy: float,
) -> tuple[RealArray, NDArray[np.bool_]]:
    """Side midpoints (t, 3, 3) on the shell, and whether all three of a triangle were found."""
    sides = np.concatenate([corners[:, list(side)] for side in SIDES])
    ends = np.sort(sides, axis=1)
    _, first, which = np.unique(ends[:, 0] * len(where) + ends[:, 1], return_index=True, return_inverse=True)
    i, j = ends[first, 0], ends[first, 1]
    speed_i, speed_j = np.linalg.norm(v[i], axis=1), np.linalg.norm(v[j], axis=1)
    direction = v[i] / np.maximum(speed_i, 1e-300)[:, None] + v[j] / np.maximum(speed_j, 1e-300)[:, None]
    direction /= np.maximum(np.linalg.norm(direction, axis=1), 1e-300)[:, None]
    base = 0.5 * (where[i] + where[j])
    # A cubic along the side with the surface's slopes at both ends rises by L (η'_i − η'_j)/8 in the middle.
    chord = where[j] - where[i]
    rise = [-np.einsum("mi,mi->m", v[n], chord) / _safe(np.einsum("mi,mi->m", v[n], direction)) for n in (i, j)]
    guess = (rise[0] - rise[1]) / 8
    reach = np.full(len(i), mesh.step)
    guess = np.where(np.abs(guess) < reach, guess, 0.0)
    slope = 0.5 * np.einsum("mi,mi->m", v[i] + v[j], direction)
    eta, found = bands.project(base, direction, node_group[i], energy, guess=guess, slope=slope, reach=reach)
    points = np.where(found[:, None], base + eta[:, None] * direction, base)
    count = len(corners)
    which = which.reshape(3, count).T
    return points[which], np.asarray(np.all(found[which], axis=1))


def _safe(x: RealArray) -> RealArray:
    return np.where(np.abs(x) > 1e-12, x, np.inf)


def _curved_points(p: RealArray, middle: RealArray) -> tuple[RealArray, RealArray, RealArray]:
    """Rule points (t, 3, 3) on the quadratic triangle, unit normals there, and |∂x/∂ξ × ∂x/∂η| (t, 3)."""
    L = BARYCENTRIC
    x = np.einsum("qa,tai->tqi", L * (2 * L - 1), p)
    d_corner = 4 * L - 1
    # Shape functions of the midpoints of sides 01, 12, 20 are 4 L_0 L_1, 4 L_1 L_2, 4 L_2 L_0.
    tangent = np.zeros((2, *x.shape))
    for axis, corner in enumerate((1, 2)):
        tangent[axis] += d_corner[None, :, corner, None] * p[:, None, corner]
        tangent[axis] -= d_corner[None, :, 0, None] * p[:, None, 0]
    for side, (a, b) in enumerate(SIDES):
        m = middle[:, None, side]
        x += 4 * (L[:, a] * L[:, b])[None, :, None] * m
        for axis, corner in enumerate((1, 2)):
            derivative = np.zeros(len(L))
            for own, other in ((a, b), (b, a)):
                derivative += L[:, other] * ((own == corner) * 1.0 - (own == 0) * 1.0)
            tangent[axis] += 4 * derivative[None, :, None] * m
    cross = np.cross(tangent[0], tangent[1])
    size = np.linalg.norm(cross, axis=-1)
    return x, cross / np.maximum(size, 1e-300)[..., None], size
