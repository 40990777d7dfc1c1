"""From matrices on the k mesh to matrices on lattice vectors, each pair of orbitals at its minimal distance.

A mesh of N k points determines X_ab(R) only modulo the supercell. Interpolation is smoothest when every element is put
on the vector R that brings orbital b closest to orbital a (the rule of Wannier90 with ``use_ws_distance``), shared
equally between vectors at the same distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import BoolArray, ComplexArray, IntArray, RealArray
from solenoidal.models.operator import LatticeOperator, adjoints

DISTANCE_TOLERANCE = 1e-5  # Å, the default ws_distance_tol of Wannier90
_CHUNK = 64


@dataclass(frozen=True)
class ImageWeights:
    """Lattice vectors ``R`` (nR, 3) and the share ``weights`` (nR, n, n) of each in the matrix element of its class.

    The weights of all vectors equal modulo the supercell add up to one for every pair of orbitals.
    """

    R: IntArray
    weights: RealArray

    def class_of(self, mesh: IntArray) -> IntArray:
        """Number (nR,) of the class modulo the supercell that each vector belongs to, C order in the mesh."""
        numbers: IntArray = np.ravel_multi_index(tuple((self.R % mesh).T), tuple(mesh)).astype(np.int64)
        return numbers


def minimal_images(
    lattice: RealArray,
    mesh: IntArray,
    centres: RealArray,
    *,
    periodic: tuple[bool, bool, bool] = (True, True, True),
    tolerance: float = DISTANCE_TOLERANCE,
) -> ImageWeights:
    """Vectors R minimising |R + r_b − r_a| in every class modulo the supercell, for every pair of orbitals.

    ``lattice`` (3, 3) rows in Å, ``mesh`` (3,), ``centres`` (n, 3) in Å; no vector leaves the home cell along a
    direction that is not ``periodic``. Vectors within ``tolerance`` (Å) of the shortest share the weight equally.
    """
    n = len(centres)
    supercell = mesh[:, None] * lattice
    along = np.array(periodic)
    pairs = (centres[None, :, :] - centres[:, None, :]).reshape(-1, 3)
    home = np.stack(np.meshgrid(*(np.arange(m) for m in mesh), indexing="ij"), axis=-1).reshape(-1, 3)
    to_fractions = np.linalg.inv(supercell)
    # After rounding, the fraction along a periodic direction is at most one half.
    reach = np.where(along, 0.5, np.abs(pairs @ to_fractions).max(axis=0) + (mesh - 1) / mesh)
    shifts = _translations(supercell, along, reach)
    vectors, columns, shares = [], [], []
    for cell in home:
        start = cell @ lattice + pairs
        first = np.where(along, -np.rint(start @ to_fractions), 0.0).astype(np.int64)
        images = (start + first @ supercell)[:, None, :] + (shifts @ supercell)[None, :, :]
        distance = np.linalg.norm(images, axis=-1)
        pair, shift = np.nonzero(distance < distance.min(axis=1, keepdims=True) + tolerance)
        vectors.append(cell + (first[pair] + shifts[shift]) * mesh)
        columns.append(pair)
        shares.append(1.0 / np.bincount(pair, minlength=n * n)[pair])
    R, inverse = np.unique(np.concatenate(vectors), axis=0, return_inverse=True)
    weights = np.zeros((len(R), n * n))
    weights[inverse.ravel(), np.concatenate(columns)] = np.concatenate(shares)
    return ImageWeights(R.astype(np.int64), weights.reshape(len(R), n, n))


def wigner_seitz_vectors(
    lattice: RealArray, mesh: IntArray, n: int, *, periodic: tuple[bool, bool, bool] = (True, True, True)
) -> ImageWeights:
    """Vectors of the Wigner-Seitz supercell, equal weights on its boundary, for all pairs of ``n`` orbitals alike."""
    cell = minimal_images(lattice, mesh, np.zeros((1, 3)), periodic=periodic)
    return ImageWeights(cell.R, np.broadcast_to(cell.weights, (len(cell.R), n, n)))


def _translations(supercell: RealArray, along: BoolArray, reach: RealArray) -> IntArray:
    """Supercell translations T that can shorten a vector x: |x + T| ≤ |x| requires |T| ≤ 2|x|."""
    bound = 2.0 * float(reach @ np.linalg.norm(supercell, axis=1)) + 1e-6
    # |T·g| ≤ |T||g| bounds every integer component, g the dual vectors of the supercell.
    extent = np.where(along, np.floor(bound * np.linalg.norm(np.linalg.inv(supercell), axis=0)), 0).astype(np.int64)
    steps = np.meshgrid(*(np.arange(-m, m + 1) for m in extent), indexing="ij")
    grid: IntArray = np.stack(steps, axis=-1).reshape(-1, 3).astype(np.int64)
    near: IntArray = grid[np.linalg.norm(grid @ supercell, axis=1) <= bound]
    return near


def to_lattice(matrices: ComplexArray, kpoints: RealArray, images: ImageWeights) -> LatticeOperator:
    """X_ab(R) = w_ab(R) (1/N) Σ_k e^{−ik·R} X_ab(k) from ``matrices`` (nk, *legs, n, n) on the whole mesh."""
    n_k, shape = len(kpoints), matrices.shape[1:]
    flat = matrices.reshape(n_k, -1)
    result = np.empty((len(images.R), flat.shape[1]), dtype=np.complex128)
    for i in range(0, len(images.R), _CHUNK):
        phases = np.exp(-2j * np.pi * (images.R[i : i + _CHUNK] @ kpoints.T))
        result[i : i + _CHUNK] = phases @ flat / n_k
    legs = (1,) * (len(shape) - 2)
    weights = images.weights.reshape(len(images.R), *legs, *shape[-2:])
    return LatticeOperator(images.R, result.reshape(len(images.R), *shape) * weights)


def hermitian_part(operator: LatticeOperator) -> tuple[LatticeOperator, float]:
    """½(X_R + X_{−R}†) and the largest |X_R − X_{−R}†| it removes.

    Vectors without partner in the list get one.
    """
    R = np.unique(np.concatenate([operator.R, -operator.R]), axis=0)
    index = {tuple(r): i for i, r in enumerate(R.tolist())}
    full = np.zeros((len(R), *operator.matrices.shape[1:]), dtype=np.complex128)
    full[[index[tuple(r)] for r in operator.R.tolist()]] = operator.matrices
    partner = adjoints(R, full)
    half = np.asarray(0.5 * (full + partner), dtype=np.complex128)
    return LatticeOperator(R, half), float(np.max(np.abs(full - partner)))
