"""Energy shells in two dimensions: chords across mesh triangles, with quadrature points moved onto the exact curve."""

from __future__ import annotations

import numpy as np

from solenoidal.arrays import IntArray, RealArray
from solenoidal.disorder.shells.bands import BandFields
from solenoidal.disorder.shells.meshes import CrossedSimplices, Nodes, SimplexMesh
from solenoidal.disorder.shells.points import Candidates
from solenoidal.disorder.shells.states import StateSource

SHORTEST = 1e-9
"""Chords shorter than this fraction of a mesh step are corners of the mesh touched by the shell, and are dropped."""


CROSSING_REACH = 1.0
"""Chords are cut into panels where another band is closer than this times |v| times their length."""

PANELS = 8
"""Panels of a chord on which bands may cross: the energy of a sorted band then has a kink somewhere on it."""


def chords(mesh: SimplexMesh, crossed: CrossedSimplices, values: RealArray) -> tuple[Nodes, IntArray]:
    """Distinct crossed edges and the two that each triangle's chord joins, (chords, 2)."""
    lone = np.where(crossed.above == 1, 0, 2)
    others = np.where((crossed.above == 1)[:, None], [[1, 2]], [[0, 1]])
    tip = np.take_along_axis(crossed.vertices, lone[:, None], axis=1)
    ends = np.take_along_axis(crossed.vertices, others, axis=1)
    pairs = np.stack([np.broadcast_to(tip, ends.shape), ends], axis=-1).reshape(-1, 2)
    nodes, which = Nodes.collect(pairs, np.repeat(crossed.group, 2), values)
    return nodes, which.reshape(-1, 2)


def linear_rule(mesh: SimplexMesh, crossed: CrossedSimplices, values: RealArray) -> Candidates:
    """One point at the middle of each straight chord, ∫dl/|∇ε| of the linear interpolant."""
    nodes, ends = chords(mesh, crossed, values)
    points = nodes.linear(mesh)
    a, b = points[ends[:, 0]], points[ends[:, 1]]
    length = np.linalg.norm(b - a, axis=1)
    keep = length > SHORTEST * mesh.step
    weight = length[keep] / np.linalg.norm(crossed.gradient[keep], axis=1)
    return Candidates.straight(0.5 * (a + b)[keep], crossed.group[keep], weight)


def chord_rule(
    mesh: SimplexMesh,
    crossed: CrossedSimplices,
    values: RealArray,
    *,
    bands: BandFields,
    states: StateSource,
    energy: float,
    order: int,
) -> Candidates:
    """Gauss–Legendre points of each chord moved along its normal n̂ onto ε = energy.

    With x = a + s(b − a) + η(s) n̂ on the curve, dl/|v| = ds |b − a|/|v·n̂| exactly, so neighbouring chords neither
    overlap nor leave gaps. The first guess of η is the cubic that has the curve's slopes at both ends.
    """
    nodes, ends = chords(mesh, crossed, values)
    where = bands.crossings(mesh.cartesian(nodes.low), mesh.cartesian(nodes.high), nodes.group, nodes.values, energy)
    a, b = where[ends[:, 0]], where[ends[:, 1]]
    length = np.linalg.norm(b - a, axis=1)
    keep = np.flatnonzero(length > SHORTEST * mesh.step)
    a, b, length, ends, group = a[keep], b[keep], length[keep], ends[keep], crossed.group[keep]
    along = (b - a) / length[:, None]
    axis = np.cross(mesh.axes[0], mesh.axes[1])
    normal = np.cross(axis / np.linalg.norm(axis), along)
    v = states.velocity(bands.fractional(where), nodes.group)
    va, vb = v[ends[:, 0]], v[ends[:, 1]]
    slope_a, slope_b = _slope(va, along, normal), _slope(vb, along, normal)
    near = _near_crossing(bands, where, nodes.group)
    reach_of_crossing = CROSSING_REACH * length * np.maximum(np.linalg.norm(va, axis=1), np.linalg.norm(vb, axis=1))
    kinked = np.minimum(near[ends[:, 0]], near[ends[:, 1]]) < reach_of_crossing
    straight = length / np.linalg.norm(crossed.gradient[keep], axis=1)
    across = np.stack([np.einsum("mi,mi->m", x, normal) for x in (va, vb)], axis=1)
    turned = np.einsum("mi,mi->m", va, vb) <= 0
    parts = []
    for panels, rows in ((1, np.flatnonzero(~kinked)), (PANELS, np.flatnonzero(kinked))):
        s, g = _composite_rule(order, panels)
        count = len(s)
        L, n = length[rows, None], normal[rows]
        guess = L * (slope_a[rows, None] * s * (1 - s) ** 2 - slope_b[rows, None] * s**2 * (1 - s))
        guess = np.where(np.abs(guess) < mesh.step, guess, 0.0)
        slope = across[rows, :1] * (1 - s) + across[rows, 1:] * s
        base = (a[rows, None] + s[:, None] * (b - a)[rows, None]).reshape(-1, 3)
        normals, groups = np.repeat(n, count, axis=0), np.repeat(group[rows], count)
        reach = np.full(len(base), mesh.step)
        eta, found = bands.project(base, normals, groups, energy, guess=guess.ravel(), slope=slope.ravel(), reach=reach)
        parts.append(
            Candidates(
                base=base,
                point=base + eta[:, None] * normals,
                found=found & ~np.repeat(turned[rows], count),
                group=groups,
                element=np.repeat(rows, count),
                normal=normals,
                measure=(L * g).ravel(),
                straight_weight=(straight[rows, None] * g).ravel(),
            )
        )
    return Candidates.join(parts)


def _composite_rule(order: int, panels: int) -> tuple[RealArray, RealArray]:
    """Gauss–Legendre points and weights on each of ``panels`` equal parts of [0, 1]."""
    s, g = np.polynomial.legendre.leggauss(order)
    starts = np.arange(panels)[:, None]
    points = ((starts + 0.5 * (s + 1)) / panels).ravel()
    return np.asarray(points), np.tile(0.5 * g / panels, panels)


def _near_crossing(bands: BandFields, where: RealArray, group: IntArray) -> RealArray:
    """Distance in energy (eV) to the nearest other band at the ends of the chords, (nodes,)."""
    energies = bands.energies(bands.fractional(where))
    distance = np.abs(energies - energies[np.arange(len(group)), group][:, None])
    distance[np.arange(len(group)), group] = np.inf
    return np.asarray(distance.min(axis=1, initial=np.inf))


def _slope(v: RealArray, along: RealArray, normal: RealArray) -> RealArray:
    """dη/dl of the curve ε = const with velocity ``v``, zero where it runs along the normal."""
    across = np.einsum("mi,mi->m", v, normal)
    safe = np.where(np.abs(across) > 1e-12, across, np.inf)
    return np.asarray(-np.einsum("mi,mi->m", v, along) / safe)
