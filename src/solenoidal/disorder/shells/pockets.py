"""Pockets of an energy shell that lie between the vertices of a mesh, where marching cannot see them."""

from __future__ import annotations

from itertools import product

import numpy as np

from solenoidal.arrays import IntArray, RealArray
from solenoidal.disorder.shells.bands import BandFields
from solenoidal.disorder.shells.meshes import SimplexMesh

FINE = {2: 17, 3: 9}
"""Points along each axis of the grid laid over the cells around a suspicious vertex."""

MOST = 200
"""Suspicious vertices examined at most."""


def hidden_pockets(mesh: SimplexMesh, bands: BandFields, values: RealArray, *, periodic: bool, energy: float) -> int:
    """Number of extrema of band groups near which a fine grid finds the shell and the mesh does not.

    ``values`` (vertices, groups) are ε − energy. A vertex is suspicious where |ε − energy| is smallest among its
    neighbours, has their sign, and is smaller than the change to some neighbour.
    """
    vertices, groups = _suspicious(mesh, values, periodic)
    d = len(mesh.divisions)
    offsets = np.stack(np.meshgrid(*[np.linspace(-1, 1, FINE[d])] * d, indexing="ij"), axis=-1).reshape(-1, d)
    steps = offsets * mesh.length / np.array(mesh.divisions) @ mesh.axes
    found = 0
    for vertex, group in zip(vertices[:MOST], groups[:MOST], strict=True):
        k = mesh.cartesian(vertex) + steps
        fine = bands.at(k, np.full(len(k), group)) - energy
        found += int(np.any((fine > 0) != (values[vertex, group] > 0)))
    return found


def _suspicious(mesh: SimplexMesh, values: RealArray, periodic: bool) -> tuple[IntArray, IntArray]:
    d = len(mesh.divisions)
    grid = values.reshape(*mesh.shape, -1)
    inner = grid[tuple(slice(0, n) for n in mesh.divisions)] if periodic else grid
    distance, axes = np.abs(inner), tuple(range(d))
    lonely = np.ones(inner.shape, dtype=np.bool_)
    change = np.zeros(inner.shape)
    for offset in product((-1, 0, 1), repeat=d):
        if any(offset):
            neighbour = np.roll(inner, offset, axes)
            lonely &= ((neighbour > 0) == (inner > 0)) & (np.abs(neighbour) >= distance)
            np.maximum(change, np.abs(neighbour - inner), out=change)
    lonely &= distance < change
    if not periodic:
        edge = np.ones(inner.shape[:-1], dtype=np.bool_)
        edge[tuple(slice(1, -1) for _ in axes)] = False
        lonely[edge] = False
    index = np.argwhere(lonely)
    strides = np.array([int(np.prod(mesh.shape[i + 1 :])) for i in range(d)])
    return index[:, :d] @ strides, index[:, d]
