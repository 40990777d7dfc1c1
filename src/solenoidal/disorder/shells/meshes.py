"""Simplices of a k mesh that an energy shell crosses: triangles in two dimensions, tetrahedra in three."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from solenoidal.arrays import IntArray, RealArray

EDGE_MARGIN = 1e-9
"""Fraction of a momentum box kept clear of its boundary, where coordinates are folded back."""


@dataclass(frozen=True, eq=False)
class SimplexMesh:
    """Uniform mesh of (N_1 + 1) × … vertices cut into simplices.

    ``axes`` (d, 3) Cartesian edge vectors of the cell or box (1/Å); ``lower`` fractional coordinate of the first
    vertex along each axis and ``length`` the extent (1 for a crystal).
    """

    divisions: tuple[int, ...]
    axes: RealArray
    lower: float
    length: float

    @staticmethod
    def build(divisions: tuple[int, ...], axes: RealArray, *, periodic: bool) -> SimplexMesh:
        """Mesh over a primitive cell, or over a box centred at k = 0 if not ``periodic``."""
        if periodic:
            return SimplexMesh(divisions, axes, 0.0, 1.0)
        return SimplexMesh(divisions, axes, -0.5 + EDGE_MARGIN, 1.0 - 2 * EDGE_MARGIN)

    @property
    def shape(self) -> tuple[int, ...]:
        """Vertices along each axis."""
        return tuple(n + 1 for n in self.divisions)

    @property
    def step(self) -> float:
        """Longest edge of a mesh cell (1/Å)."""
        return float(np.max(np.linalg.norm(self.axes, axis=1) / np.array(self.divisions)) * self.length)

    def fractional(self, shape: tuple[int, ...]) -> RealArray:
        """Fractional coordinates (points, 3) of the first ``shape`` vertices along each axis."""
        grids = [self.lower + self.length * np.arange(n) / m for n, m in zip(shape, self.divisions, strict=True)]
        points = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, len(shape))
        k = np.zeros((len(points), 3))
        k[:, : len(shape)] = points
        return k

    def cartesian(self, vertex: IntArray) -> RealArray:
        """Cartesian coordinates (..., 3) of vertices given by their flat index."""
        index = np.stack(np.unravel_index(vertex, self.shape), axis=-1)
        fraction = self.lower + self.length * index / np.array(self.divisions)
        return np.asarray(fraction @ self.axes)

    def simplices(self) -> IntArray:
        """Flat vertex indices of every simplex, (simplices, d + 1)."""
        d = len(self.divisions)
        corner = np.stack(np.meshgrid(*[np.arange(n) for n in self.divisions], indexing="ij"), axis=-1).reshape(-1, d)
        strides = np.array([int(np.prod(self.shape[i + 1 :])) for i in range(d)])
        found = []
        for offsets in self._paths():
            found.append((corner[:, None, :] + offsets[None]) @ strides)
        return np.concatenate(found)

    def _paths(self) -> list[IntArray]:
        """Corners of the simplices of one cell: paths along the edges around its shortest diagonal."""
        d = len(self.divisions)
        edges = self.axes / np.array(self.divisions)[:, None]
        flips = np.stack(np.meshgrid(*[[0, 1]] * (d - 1), indexing="ij"), axis=-1).reshape(-1, d - 1)
        flips = np.concatenate([np.zeros((len(flips), 1), dtype=np.int64), flips], axis=1)
        diagonals = np.linalg.norm((1 - 2 * flips) @ edges, axis=1)
        flip = flips[int(np.argmin(np.round(diagonals, 12)))]
        paths = []
        for order in permutations(range(d)):
            corners = [np.zeros(d, dtype=np.int64)]
            for axis in order:
                corners.append(corners[-1] + np.eye(d, dtype=np.int64)[axis])
            paths.append(np.abs(np.array(corners) - flip))
        return paths


@dataclass(frozen=True, eq=False)
class CrossedSimplices:
    """Simplices with vertices on both sides of the shell.

    ``vertices`` (m, d + 1), those with higher energy first; ``above`` (m,) how many; ``group`` (m,) band group;
    ``values`` (m, d + 1) ε − energy; ``gradient`` (m, 3) of the linear interpolant (eV Å).
    """

    vertices: IntArray
    above: IntArray
    group: IntArray
    values: RealArray
    gradient: RealArray


def crossed_simplices(mesh: SimplexMesh, simplices: IntArray, values: RealArray) -> CrossedSimplices:
    """Those of ``simplices`` on whose vertices ``values`` (vertices, groups) = ε − energy differ in sign."""
    rows, groups = [], []
    for g in range(values.shape[1]):
        side = values[:, g] > 0
        if side.any() and not side.all():
            count = side[simplices].sum(axis=1)
            rows.append(np.flatnonzero((count > 0) & (count < simplices.shape[1])))
            groups.append(np.full(len(rows[-1]), g))
    row = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    group = np.concatenate(groups) if groups else np.zeros(0, dtype=np.int64)
    vertices = simplices[row]
    order = np.argsort(~(values[vertices, group[:, None]] > 0), axis=1, kind="stable")
    vertices = np.take_along_axis(vertices, order, axis=1)
    local = values[vertices, group[:, None]]
    corners = mesh.cartesian(vertices)
    edges = corners[:, 1:] - corners[:, :1]
    # Least-norm solution: the gradient lies in the space spanned by the periodic directions.
    gradient = np.linalg.pinv(edges) @ (local[:, 1:] - local[:, :1])[..., None]
    return CrossedSimplices(vertices, (local > 0).sum(axis=1), group, local, gradient[..., 0])


@dataclass(frozen=True, eq=False)
class Nodes:
    """Distinct mesh edges the shell crosses: ``low``, ``high`` vertex indices, ``group``, and ε − energy there."""

    low: IntArray
    high: IntArray
    group: IntArray
    values: tuple[RealArray, RealArray]

    @staticmethod
    def collect(pairs: IntArray, group: IntArray, values: RealArray) -> tuple[Nodes, IntArray]:
        """Nodes of vertex ``pairs`` (m, 2) of ``group`` (m,), and the node of each pair."""
        swap = pairs[:, 0] > pairs[:, 1]
        ends = np.where(swap[:, None], pairs[:, ::-1], pairs)
        size = len(values)
        key = (group * size + ends[:, 0]) * size + ends[:, 1]
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        low, high, g = ends[first, 0], ends[first, 1], group[first]
        return Nodes(low, high, g, (values[low, g], values[high, g])), inverse.reshape(-1)

    def linear(self, mesh: SimplexMesh) -> RealArray:
        """Crossing points of the linear interpolant, (nodes, 3)."""
        f0, f1 = self.values
        t = f0 / (f0 - f1)
        a = mesh.cartesian(self.low)
        return np.asarray(a + t[:, None] * (mesh.cartesian(self.high) - a))
