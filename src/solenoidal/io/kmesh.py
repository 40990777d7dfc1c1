"""The finite-difference stencil of Wannier90: neighbours k + b of every k point, in Wannier90's order, with weights.

A checkpoint holds the overlaps M(k, b) without the list of b. The list follows from the lattice and the mesh by the
rules of Wannier90 (shells by distance, inside a shell by reciprocal cell sorted by distance and then by number of
the k point), and is then verified on the overlaps themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.errors import InputFileError

CELLS = 5  # Wannier90 looks for neighbours in reciprocal cells from -5 to 5 along each axis
SEARCH_SHELLS = 36
FIRST_SHELLS = 6
SHELL_TOLERANCE = 1e-6
ROUNDING_TOLERANCE = 1e-5  # k points are printed with eight digits or more
PARALLEL_TOLERANCE = 1e-6
SINGULAR_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Stencil:
    """Neighbours of each k point: ``index`` (nk, nb) of the mesh point, ``steps`` (nk, nb, 3) = b in units of the mesh
    spacing, ``vectors`` (nk, nb, 3) = b in 1/Å, ``weights`` (nb,) in Å² with Σ_b w b_i b_j = δ_ij."""

    index: IntArray
    steps: IntArray
    vectors: RealArray
    weights: RealArray


@dataclass(frozen=True)
class KMesh:
    """Uniform mesh: ``reciprocal`` (3, 3) rows in 1/Å, ``mesh`` (3,), ``kpoints`` (nk, 3) fractional, in file order."""

    path: Path
    reciprocal: RealArray
    mesh: IntArray
    kpoints: RealArray

    def numbers(self) -> IntArray:
        """Position in the file (mesh...,) of each mesh point; raises ``InputFileError`` when it is not uniform."""
        scaled = (self.kpoints - self.kpoints[0]) * self.mesh
        whole = np.rint(scaled).astype(np.int64)
        if np.max(np.abs(scaled - whole)) > ROUNDING_TOLERANCE:
            raise InputFileError(self.path, f"its k points are not a uniform {'x'.join(map(str, self.mesh))} mesh")
        flat = np.ravel_multi_index(tuple((whole % self.mesh).T), tuple(self.mesh))
        if len(np.unique(flat)) != len(flat):
            raise InputFileError(self.path, "its k points repeat a point of the mesh")
        numbers = np.empty(len(flat), dtype=np.int64)
        numbers[flat] = np.arange(len(flat))
        return numbers.reshape(tuple(self.mesh))

    def points(self) -> IntArray:
        """Steps of the mesh (nk, 3) from the first k point to each."""
        points: IntArray = np.rint((self.kpoints - self.kpoints[0]) * self.mesh).astype(np.int64)
        return points

    def exact(self) -> RealArray:
        """The k points (nk, 3) without the rounding of printed digits, which spoils Σ_k e^{ik·R} = 0 at 1e-7."""
        origin = self.kpoints[0] * self.mesh
        on_mesh = np.abs(origin - np.rint(origin)) < ROUNDING_TOLERANCE
        exact: RealArray = (self.points() + np.where(on_mesh, np.rint(origin), origin)) / self.mesh
        return exact

    def shells(self, tolerance: float, count: int) -> list[IntArray]:
        """The first ``count`` shells of mesh steps around a point, each (multiplicity, 3), by increasing length."""
        spacing = self.reciprocal / self.mesh[:, None]
        # Multiples of the shortest step are shells of their own, so `count` shells lie within `count` shortest steps.
        radius = count * float(np.linalg.norm(spacing, axis=1).min())
        extent = np.floor(radius * np.linalg.norm(np.linalg.inv(spacing), axis=0)).astype(np.int64)
        extent = np.minimum(extent, CELLS * self.mesh)
        grid = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in extent), indexing="ij"), axis=-1).reshape(-1, 3)
        length = np.linalg.norm(grid @ spacing, axis=1)
        order = np.argsort(length, kind="stable")
        grid, length = grid[order], length[order]
        ends = np.nonzero(np.diff(length) > tolerance)[0] + 1
        return np.split(grid, ends)[1 : count + 1]  # the first group is the point itself

    def cell_ranks(self) -> IntArray:
        """Rank of each reciprocal cell in the search of Wannier90: by distance, of equal ones the last found first."""
        axis = np.arange(-CELLS, CELLS + 1)
        cells = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
        length = np.linalg.norm(cells @ self.reciprocal, axis=1)
        order = np.argsort(length, kind="stable")
        groups = np.zeros(len(cells), dtype=np.int64)
        groups[order] = np.concatenate([[0], np.cumsum(np.diff(length[order]) > 1e-8)])
        ranks = np.empty(len(cells), dtype=np.int64)
        ranks[np.lexsort((-np.arange(len(cells)), groups))] = np.arange(len(cells))
        return ranks.reshape(len(axis), len(axis), len(axis))


def reconstruct_stencil(
    kmesh: KMesh,
    *,
    shell_list: Sequence[int] | None = None,
    tolerance: float = SHELL_TOLERANCE,
    search_shells: int = SEARCH_SHELLS,
) -> Stencil:
    """The stencil Wannier90 chooses for a lattice and mesh: shells added until Σ_b w b_i b_j = δ_ij.

    ``shell_list`` (from 1), ``tolerance`` (``kmesh_tol``) and ``search_shells`` are the keywords of the ``.win`` file.
    Raises ``InputFileError`` when no set of shells satisfies the condition.
    """
    spacing = kmesh.reciprocal / kmesh.mesh[:, None]
    # A few shells do for most lattices, and the time grows with the third power of their number.
    for count in sorted({min(FIRST_SHELLS, search_shells), search_shells}):
        shells = kmesh.shells(tolerance, count)
        if shell_list is None:
            chosen = _choose(shells, spacing, tolerance)
        elif max(shell_list) <= len(shells):
            chosen = [shells[s - 1] for s in shell_list]
        else:
            continue
        vectors = [shell @ spacing for shell in chosen]
        weights = _weights(vectors)
        if weights is not None and _complete(vectors, weights, tolerance):
            sizes = [len(shell) for shell in chosen]
            return _ordered(
                kmesh, np.concatenate(chosen), np.repeat(np.arange(len(chosen)), sizes), np.repeat(weights, sizes)
            )
    named = "" if shell_list is None else f" (shell_list = {list(shell_list)})"
    raise InputFileError(
        kmesh.path,
        f"no b vectors among the first {search_shells} shells{named} satisfy Σ w b_i b_j = δ_ij; "
        "put the .nnkp file of the calculation beside it (wannier90.x -pp writes it)",
    )


def _choose(shells: list[IntArray], spacing: RealArray, tolerance: float) -> list[IntArray]:
    """Shells in order of length, without those parallel to or dependent on earlier ones, until they suffice."""
    chosen: list[IntArray] = []
    for shell in shells:
        if any(_parallel(shell @ spacing, old @ spacing) for old in chosen):
            continue
        vectors = [s @ spacing for s in [*chosen, shell]]
        weights = _weights(vectors)
        if weights is None:
            continue
        chosen.append(shell)
        if _complete(vectors, weights, tolerance):
            break
    return chosen


def _parallel(a: RealArray, b: RealArray) -> bool:
    """Whether any vector of one shell is parallel to one of the other."""
    cosines = (a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)
    return bool(np.any(np.abs(np.abs(cosines) - 1) < PARALLEL_TOLERANCE))


def _moments(shells: list[RealArray]) -> RealArray:
    """Columns Σ_{b in shell} (b_x², b_y², b_z², b_x b_y, b_y b_z, b_z b_x)."""
    products = [np.einsum("bi,bj->ij", b, b) for b in shells]
    return np.array([[p[0, 0], p[1, 1], p[2, 2], p[0, 1], p[1, 2], p[2, 0]] for p in products]).T


def _weights(shells: list[RealArray]) -> RealArray | None:
    """Weights per shell, Marzari and Vanderbilt, PRB 56, 12847, eq. (B1); ``None`` when shells are dependent."""
    if not shells:
        return None
    moments = _moments(shells)
    if np.linalg.svd(moments, compute_uv=False).min() < SINGULAR_TOLERANCE or moments.shape[1] > 6:
        return None
    weights: RealArray = np.linalg.lstsq(moments, np.array([1.0, 1, 1, 0, 0, 0]), rcond=None)[0]
    return weights


def _complete(shells: list[RealArray], weights: RealArray, tolerance: float) -> bool:
    return bool(np.max(np.abs(_moments(shells) @ weights - [1, 1, 1, 0, 0, 0])) < tolerance)


def _ordered(kmesh: KMesh, steps: IntArray, shell: IntArray, weights: RealArray) -> Stencil:
    numbers, ranks = kmesh.numbers(), kmesh.cell_ranks()
    points = kmesh.points()
    target = points[:, None, :] + steps[None, :, :]
    index = numbers[tuple(np.moveaxis(target % kmesh.mesh, -1, 0))]
    cell = (target - points[index]) // kmesh.mesh
    if np.abs(cell).max() > CELLS:
        raise InputFileError(kmesh.path, "its b vectors reach beyond the cells searched; put the .nnkp file beside it")
    rank = ranks[tuple(np.moveaxis(cell + CELLS, -1, 0))]
    order = np.lexsort((index, rank, np.broadcast_to(shell, index.shape)), axis=-1)
    ordered = steps[order]
    return Stencil(
        np.take_along_axis(index, order, axis=1),
        ordered,
        ordered @ (kmesh.reciprocal / kmesh.mesh[:, None]),
        weights,
    )


def stencil_from_list(kmesh: KMesh, path: Path, index: IntArray, cells: IntArray) -> Stencil:
    """The stencil listed in a ``.nnkp`` file, its weights from Σ_b w b_i b_j = δ_ij with one weight per length."""
    points = kmesh.points()
    steps = points[index] + cells * kmesh.mesh - points[:, None, :]
    vectors = steps @ (kmesh.reciprocal / kmesh.mesh[:, None])
    length = np.linalg.norm(vectors, axis=-1)
    if np.max(np.abs(length - length[0])) > 1e-5:
        raise InputFileError(
            path,
            "its neighbours do not lie in the same shells at every k point of the checkpoint; it is of another run",
        )
    _, group = np.unique(np.round(length[0], 5), return_inverse=True)
    shells = [vectors[0][group == g] for g in range(group.max() + 1)]
    weights = _weights(shells)
    if weights is None or not _complete(shells, weights, 1e-5):
        raise InputFileError(
            path, "its b vectors do not satisfy Σ w b_i b_j = δ_ij on this lattice; it is of another run"
        )
    return Stencil(index, steps, vectors, weights[group])


def pairing_error(stencil: Stencil, overlaps: ComplexArray) -> float:
    """Largest |M(k, b)† − M(k+b, −b)|; of order one when the order of the b vectors is wrong."""
    worst = 0.0
    rows = np.arange(len(overlaps))
    for b in range(overlaps.shape[1]):
        at, step = stencil.index[:, b], stencil.steps[:, b]
        back = np.all(stencil.steps[at] == -step[:, None, :], axis=-1)
        if not back.any(axis=1).all():
            return float("inf")
        partner = overlaps[at, np.argmax(back, axis=1)]
        worst = max(worst, float(np.max(np.abs(np.conj(overlaps[rows, b].swapaxes(-1, -2)) - partner))))
    return worst


def berry_connection(stencil: Stencil, overlaps: ComplexArray, centres: RealArray) -> ComplexArray:
    """Position matrix A(k) (nk, 3, n, n) in Å of the Wannier gauge from overlaps M(k, b).

    Off the diagonal i Σ_b w_b b M_ab(k, b), Wang et al., PRB 74, 195118, eq. (44); on it −Σ_b w_b b Im ln M_aa(k, b),
    Marzari and Vanderbilt, eq. (31), on the branch of the logarithm next to −b·r_a for ``centres`` r (n, 3), as in
    Wannier90 with guiding centres. Its home-cell average is the list of Wannier centres.
    """
    weighted = stencil.weights[None, :, None] * stencil.vectors
    connection: ComplexArray = 1j * np.einsum("kbi,kbmn->kimn", weighted, overlaps, optimize=True)
    guess = stencil.vectors @ centres.T
    diagonal = np.diagonal(overlaps, axis1=-2, axis2=-1)
    angle = np.angle(diagonal * np.exp(1j * guess)) - guess
    n = overlaps.shape[-1]
    connection[:, :, np.arange(n), np.arange(n)] = -np.einsum("kbi,kbn->kin", weighted, angle)
    return connection


def invariant_connection(stencil: Stencil, overlaps: ComplexArray, centres: RealArray) -> ComplexArray:
    """Position matrix A(k) (nk, 3, n, n) in Å that shifts with the origin as a position must.

    A_ab = i Σ_b w_b b M_ab(k, b) e^{ib·r_b}: the overlaps are those of functions moved to their centres r (n, 3), so no
    element depends on where the origin lies. Its home-cell diagonal is then set to the centres. It differs from
    ``berry_connection`` at second order in b.
    """
    phase = np.exp(1j * (stencil.vectors @ centres.T))
    weighted = stencil.weights[None, :, None] * stencil.vectors
    connection: ComplexArray = 1j * np.einsum("kbi,kbmn,kbn->kimn", weighted, overlaps, phase, optimize=True)
    n = overlaps.shape[-1]
    diagonal = connection[:, :, np.arange(n), np.arange(n)]
    connection[:, :, np.arange(n), np.arange(n)] = diagonal - diagonal.mean(axis=0) + centres.T
    return connection
