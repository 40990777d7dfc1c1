"""Energy shells in two dimensions: chords across mesh triangles, with quadrature points moved onto the exact curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from solenoidal.integrate.shell_bands import BandFields
from solenoidal.integrate.shell_meshes import CrossedSimplices, Nodes, SimplexMesh
from solenoidal.integrate.shell_points import Candidates
from solenoidal.integrate.shell_states import StateSource

RealArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SHORTEST = 1e-9
"""Chords shorter than this fraction of a mesh step are corners of the mesh touched by the shell, and are dropped."""


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
    s, g = np.polynomial.legendre.leggauss(order)
    s, g = 0.5 * (s + 1), 0.5 * g
    guess = length[:, None] * (slope_a[:, None] * s * (1 - s) ** 2 - slope_b[:, None] * s**2 * (1 - s))
    reach = np.full(guess.shape, mesh.step)
    guess = np.where(np.abs(guess) < reach, guess, 0.0)
    na, nb = np.einsum("mi,mi->m", va, normal), np.einsum("mi,mi->m", vb, normal)
    slope = na[:, None] * (1 - s) + nb[:, None] * s
    base = (a[:, None] + s[:, None] * (b - a)[:, None]).reshape(-1, 3)
    normals = np.repeat(normal, order, axis=0)
    groups = np.repeat(group, order)
    eta, found = bands.project(
        base, normals, groups, energy, guess=guess.ravel(), slope=slope.ravel(), reach=reach.ravel()
    )
    straight = length / np.linalg.norm(crossed.gradient[keep], axis=1)
    turned = np.repeat(np.einsum("mi,mi->m", va, vb) <= 0, order)
    return Candidates(
        base=base,
        point=base + eta[:, None] * normals,
        found=found & ~turned,
        group=groups,
        element=np.repeat(np.arange(len(group)), order),
        normal=normals,
        measure=(length[:, None] * g).ravel(),
        straight_weight=(straight[:, None] * g).ravel(),
    )


def _slope(v: RealArray, along: RealArray, normal: RealArray) -> RealArray:
    """dη/dl of the curve ε = const with velocity ``v``, zero where it runs along the normal."""
    across = np.einsum("mi,mi->m", v, normal)
    safe = np.where(np.abs(across) > 1e-12, across, np.inf)
    return np.asarray(-np.einsum("mi,mi->m", v, along) / safe)
