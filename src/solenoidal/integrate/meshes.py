"""K meshes: uniform or refined cell by cell, shifted, or reduced by symmetry, handed out in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import IntArray, RealArray
from solenoidal.errors import ConfigError
from solenoidal.symmetry.search import SymmetryGroup

SHIFT_TOLERANCE = 1e-9
SLAB_POINTS = 2**20


@dataclass(frozen=True, eq=False)
class KPoints:
    """Points ``k`` (nk, 3), fractional, with ``weights`` (nk,) of sum 1; equal (k1, k2) stand next to one
    another."""

    k: RealArray
    weights: RealArray

    def __len__(self) -> int:
        return len(self.weights)


@dataclass(frozen=True, eq=False)
class KBlock:
    """A run of consecutive points of a ``KPoints``; ``index`` counts the blocks from 0."""

    index: int
    k: RealArray
    weights: RealArray


@dataclass(frozen=True)
class UniformMesh:
    """Mesh k = (j + shift) / divisions, j = 0 … divisions − 1, in fractional coordinates.

    ``divisions`` three positive integers, 1 along directions that are not periodic; ``shift`` in units of
    one mesh step, taken modulo 1. The equal-weight sum over such a mesh integrates a smooth periodic
    function with an error that falls exponentially with the divisions (trapezoidal rule).

    An unshifted or half-shifted mesh is usually mapped onto itself by the point group, and ``irreducible``
    then sums over one point of each orbit. A generic shift maps the mesh onto |G| different meshes.
    Evaluated in full and symmetrised afterwards, it stands for the mean over all |G| rotated meshes: |G|
    times as many distinct points as were evaluated. Reduction and shift therefore buy the same factor, and
    the shifted sum has no points on symmetry planes.

    Raises ``ConfigError`` for divisions that are not positive integers or a shift that is not finite.
    """

    divisions: tuple[int, int, int]
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        divisions = np.asarray(self.divisions)
        if divisions.shape != (3,) or not np.issubdtype(divisions.dtype, np.integer) or np.any(divisions < 1):
            raise ConfigError(
                f"mesh divisions are {self.divisions!r}; expected three positive integers, for example "
                "(48, 48, 48), with 1 along directions that are not periodic"
            )
        shift = np.asarray(self.shift, dtype=np.float64)
        if shift.shape != (3,) or not np.isfinite(shift).all():
            raise ConfigError(f"mesh shift is {self.shift!r}; expected three finite numbers in units of one mesh step")
        shift = shift - np.floor(shift)
        shift[shift >= 1.0] = 0.0
        object.__setattr__(self, "divisions", tuple(int(n) for n in divisions))
        object.__setattr__(self, "shift", tuple(float(s) for s in shift))

    @property
    def size(self) -> int:
        """Number of points of the full mesh."""
        return int(np.prod(self.divisions, dtype=np.int64))

    def moved(self, shift: Sequence[float]) -> UniformMesh:
        """The same mesh with another shift."""
        return replace(self, shift=(float(shift[0]), float(shift[1]), float(shift[2])))

    def full(self) -> KPoints:
        """Every point with equal weight (32 bytes a point)."""
        return KPoints(self._points(np.arange(self.size)), np.full(self.size, 1.0 / self.size))

    def irreducible(self, group: SymmetryGroup, seed: int | None = None) -> KPoints:
        """One point of each orbit, weighted by the size of the orbit over the size of the mesh.

        Orbits are those of the operations that map the shifted mesh onto itself, decided and followed in
        integers; the others (most of them for a generic shift) are left out. The mean of a function f over
        the mesh equals the weighted sum if f(gk) = f(k); a tensor must be symmetrised by its legs
        afterwards.

        Without ``seed`` the points fill one wedge of the zone. With it each orbit is represented by one of its points
        at random: where f has the symmetry only nearly, as that of a Wannier model, the wedge answers for itself
        whatever the mesh, while the mean over random representatives is unbiased and its noise falls with the mesh.
        """
        maps = self._index_maps(group)
        if len(maps) == 1:
            return self.full()
        orbit = np.zeros(self.size, dtype=_index_type(self.size))
        for smallest in self._slabs(maps):
            np.add.at(orbit, smallest, 1)
        index = np.flatnonzero(orbit)
        weights = orbit[index] / self.size
        if seed is None:
            return KPoints(self._points(index), weights)
        which = np.random.default_rng([seed, *self.divisions]).integers(len(maps), size=len(index))
        chosen = self._images(index, maps, which)
        order = np.argsort(chosen)
        return KPoints(self._points(chosen[order]), weights[order])

    def _images(self, index: IntArray, maps: list[IndexMap], which: IntArray) -> IntArray:
        """Flat index of the image of each point of ``index`` by the map numbered ``which``."""
        j = np.stack(np.unravel_index(index, self.divisions), axis=1)
        T = np.array([T for T, _ in maps])[which]
        t = np.array([t for _, t in maps])[which]
        image = (np.einsum("nab,nb->na", T, j) + t) % np.array(self.divisions)
        return np.asarray(np.ravel_multi_index(tuple(image.T), self.divisions))

    def representatives(self, group: SymmetryGroup) -> IntArray:
        """Number in ``irreducible`` of the point that stands for each point of the full mesh, (size,)."""
        maps = self._index_maps(group)
        if len(maps) == 1:
            return np.arange(self.size)
        smallest = np.concatenate(list(self._slabs(maps)))
        used = np.zeros(self.size, dtype=np.bool_)
        used[smallest] = True
        return np.asarray((np.cumsum(used) - 1)[smallest])

    def _slabs(self, maps: list[IndexMap]) -> Iterator[IntArray]:
        """Smallest flat index of the images of every point, some planes of the mesh at a time."""
        step = max(1, SLAB_POINTS // (self.size // self.divisions[0]))
        for start in range(0, self.divisions[0], step):
            yield _smallest_image(self.divisions, maps, start, min(start + step, self.divisions[0]))

    def _points(self, index: IntArray) -> RealArray:
        k = np.empty((len(index), 3))
        for axis, j in enumerate(np.unravel_index(index, self.divisions)):
            k[:, axis] = (j + self.shift[axis]) / self.divisions[axis]
        return k

    def _index_maps(self, group: SymmetryGroup) -> list[IndexMap]:
        """Distinct maps j' = T j + t of the operations that keep the mesh: T_ab = N_a M_ab / N_b, t = T s −
        s."""
        N = np.array(self.divisions)
        s = np.array(self.shift)
        maps: list[IndexMap] = []
        for M in np.unique(group.k_rotations, axis=0):
            scaled = N[:, None] * M
            if np.any(scaled % N):
                continue
            T = scaled // N
            t = T @ s - s
            if np.all(np.abs(t - np.rint(t)) < SHIFT_TOLERANCE):
                maps.append((T, np.rint(t).astype(np.int64)))
        return maps


@dataclass(frozen=True, eq=False)
class RefinedMesh:
    """Equal cells of the zone, each with its own mesh: k = (c + (j + shift) / p_c) / cells, j = 0 … p_c − 1.

    ``subdivisions`` (M1, M2, M3) holds p_c of every cell, with M = 1 along the directions beyond ``dimension``, which
    are not subdivided. The points of a cell carry the weight of the cell, 1 / (M1 M2 M3 p_c^dimension) each. One shift
    serves all cells, so that cells of equal p_c join to a uniform mesh and keep its cancellation of errors; for shifts
    drawn uniformly the weighted sum is an unbiased estimate of the zone integral, whatever the subdivisions.

    Raises ``ConfigError`` for subdivisions that are not positive integers of that shape or a shift that is not finite.
    """

    subdivisions: IntArray
    dimension: int
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        p = np.array(self.subdivisions)
        if p.ndim != 3 or p.size == 0 or not np.issubdtype(p.dtype, np.integer) or p.min() < 1:
            raise ConfigError(
                f"subdivisions have shape {p.shape} and type {p.dtype}; expected positive integers, one for each cell "
                "of a three-dimensional array, with length 1 along directions that are not periodic"
            )
        if self.dimension not in (1, 2, 3) or p.shape[self.dimension :] != (1,) * (3 - self.dimension):
            raise ConfigError(
                f"subdivisions have shape {p.shape} in dimension {self.dimension}; expected length 1 along directions "
                "that are not periodic"
            )
        if len(self.shift) != 3 or not np.isfinite(self.shift).all():
            raise ConfigError(f"mesh shift is {self.shift!r}; expected three finite numbers in units of one mesh step")
        p.setflags(write=False)
        object.__setattr__(self, "subdivisions", p)

    def __repr__(self) -> str:
        p = self.subdivisions
        return f"RefinedMesh({p.shape} cells, {p.min()} to {p.max()} subdivisions, {self.size} points)"

    @property
    def divisions(self) -> tuple[int, int, int]:
        """Divisions of the uniform mesh that the coarsest cells are part of."""
        p = int(self.subdivisions.min())
        cells = self.subdivisions.shape
        steps = [n * (p if axis < self.dimension else 1) for axis, n in enumerate(cells)]
        return steps[0], steps[1], steps[2]

    @property
    def size(self) -> int:
        """Number of points."""
        return int(np.sum(self.subdivisions.astype(np.int64) ** self.dimension))

    @property
    def refined_share(self) -> float:
        """Share of the points that lie in cells with more than the smallest number of subdivisions."""
        p = self.subdivisions
        coarse = int(np.sum(p == p.min())) * int(p.min()) ** self.dimension
        return float(1 - coarse / self.size)

    def moved(self, shift: Sequence[float]) -> RefinedMesh:
        """The same mesh with another shift."""
        return replace(self, shift=(float(shift[0]), float(shift[1]), float(shift[2])))

    def full(self) -> KPoints:
        """Every point, one level of subdivision after the other, each in the order of its uniform mesh."""
        parts, weights = [], []
        shape, d = np.array(self.subdivisions.shape), self.dimension
        periodic = np.arange(3) < d
        shift = np.where(periodic, self.shift, 0.0)
        for p in np.unique(self.subdivisions):
            step = np.where(periodic, p, 1)
            corner = np.argwhere(self.subdivisions == p) * step
            inner = np.argwhere(np.ones(step, dtype=np.bool_))
            index = (corner[:, None] + inner).reshape(-1, 3)
            index = index[np.lexsort(index.T[::-1])]
            parts.append((index + shift) / (shape * step))
            weights.append(np.full(len(index), 1.0 / (self.subdivisions.size * int(p) ** d)))
        return KPoints(np.concatenate(parts), np.concatenate(weights))

    def irreducible(self, group: SymmetryGroup, seed: int | None = None) -> KPoints:
        """Every point: a shifted mesh is symmetrised after the sum, see ``UniformMesh``."""
        return self.full()


@dataclass(frozen=True)
class SymmetricMeshes:
    """The meshes of one set that symmetry maps onto themselves: divisions n, n, n + 1, n + 1, …, unshifted and shifted
    by half a step in turn.

    Each is reduced by symmetry and resolves |G| times as many points as are evaluated, where a random shift averages
    over |G| meshes of the points it costs. Nothing is drawn at random but the representatives of the orbits; the spread
    of the set stands for its error because what a mesh misses depends on its divisions and shift (tested). Raises
    ``ConfigError`` for divisions that are not positive or a dimension other than 1, 2, 3.
    """

    divisions: int
    dimension: int

    def __post_init__(self) -> None:
        if self.divisions < 1 or self.dimension not in (1, 2, 3):
            raise ConfigError(
                f"symmetric meshes have {self.divisions} divisions in dimension {self.dimension}; expected a positive "
                "number in dimension 1, 2 or 3"
            )

    def members(self, count: int) -> list[UniformMesh]:
        """The first ``count`` meshes."""
        out = []
        for member in range(count):
            n, half = self.divisions + member // 2, 0.5 * (member % 2)
            inside = [axis < self.dimension for axis in range(3)]
            a, b, c = (n if periodic else 1 for periodic in inside)
            x, y, z = (half if periodic else 0.0 for periodic in inside)
            out.append(UniformMesh((a, b, c), (x, y, z)))
        return out


class Mesh(Protocol):
    """What the driver asks of a mesh."""

    @property
    def divisions(self) -> tuple[int, int, int]:
        """Divisions where the mesh is coarsest."""
        ...

    @property
    def size(self) -> int:
        """Number of points of the full mesh."""
        ...

    def moved(self, shift: Sequence[float]) -> Mesh:
        """The same mesh moved by ``shift``, in units of one mesh step."""
        ...

    def irreducible(self, group: SymmetryGroup, seed: int | None = None) -> KPoints:
        """Weighted points whose sum, symmetrised, stands for the full mesh."""
        ...


IndexMap = tuple[IntArray, IntArray]


def _index_type(size: int) -> type[np.signedinteger]:
    return np.int32 if size < 2**31 else np.int64


def _smallest_image(divisions: tuple[int, int, int], maps: list[IndexMap], start: int, stop: int) -> IntArray:
    """Smallest flat index of the images of every point of the planes j1 = start … stop − 1, flattened.

    Each coordinate of an image is a sum of functions of one index, so it is built by broadcasting; the
    reduction modulo N and the multiplication by the stride are one table look-up.
    """
    dtype = _index_type(int(np.prod(divisions, dtype=np.int64)))
    strides = (divisions[1] * divisions[2], divisions[2], 1)
    j = (np.arange(start, stop), np.arange(divisions[1]), np.arange(divisions[2]))
    shape = (stop - start, divisions[1], divisions[2])
    smallest = np.full(shape, np.iinfo(dtype).max, dtype=dtype)
    for T, t in maps:
        image: NDArray[np.signedinteger] = np.zeros((1, 1, 1), dtype=dtype)
        for a, (n, stride) in enumerate(zip(divisions, strides, strict=True)):
            table = (np.arange(4 * n) % n * stride).astype(dtype)
            place: NDArray[np.signedinteger] = np.full((1, 1, 1), t[a] % n, dtype=dtype)
            for b in np.flatnonzero(T[a]):
                axes = tuple(x for x in range(3) if x != b)
                place = place + np.expand_dims((T[a, b] * j[b] % n).astype(dtype), axes)
            image = image + table[place]
        np.minimum(smallest, image, out=smallest)
    return smallest.ravel().astype(np.int64, copy=False)


def blocks(points: KPoints, block_size: int) -> Iterator[KBlock]:
    """Cut ``points`` into blocks of at most ``block_size`` points, in order.

    A block ends where (k1, k2) changes, so that the lines along k3 stay whole for the Fourier transform;
    only a line longer than ``block_size`` is cut. Raises ``ConfigError`` unless ``block_size`` is a
    positive integer.
    """
    if block_size < 1:
        raise ConfigError(f"block_size is {block_size}; expected a positive number of k points")
    total = len(points)
    change = np.any(points.k[1:, :2] != points.k[:-1, :2], axis=1)
    ends = np.append(np.flatnonzero(change) + 1, total)
    start, index = 0, 0
    while start < total:
        last = int(np.searchsorted(ends, start + block_size, side="right")) - 1
        stop = int(ends[last]) if last >= 0 and ends[last] > start else start + block_size
        yield KBlock(index, points.k[start:stop], points.weights[start:stop])
        start, index = stop, index + 1


def random_shifts(replicas: int, seed: int, dimension: int) -> RealArray:
    """Shifts (replicas, 3) for ``UniformMesh``, uniform in the periodic directions and 0 in the others.

    Each is drawn from its own stream (seed, replica): the replicas are independent, which the standard
    error of their mean presupposes (stratified or low-discrepancy shifts are correlated and bias it), and
    asking for more of them keeps the first ones. Each shifted mesh is an unbiased estimate of the zone
    integral. Raises ``ConfigError`` for ``replicas`` below 1 or a ``dimension`` other than 1, 2, 3.
    """
    if replicas < 1:
        raise ConfigError(f"replicas is {replicas}; expected 1 or more")
    if dimension not in (1, 2, 3):
        raise ConfigError(f"dimension is {dimension}; expected 1, 2 or 3")
    shifts = np.zeros((replicas, 3))
    for r in range(replicas):
        shifts[r, :dimension] = np.random.default_rng([seed, r]).random(dimension)
    return shifts
