"""Matrices by which an operation of the crystal turns the orbitals of a model into one another, found from the model.

g|N, b⟩ = Σ_a |gN + L, a⟩ D_ab: D is block-diagonal but for the permutation of the sites, and unknown, since Wannier
functions are whatever the minimisation of their spread has left. It solves X(R) D = D Y(R) for every operator X of the
model, with Y what the operation makes of X before orbitals are turned, and follows as the smallest singular vector of
these equations, up to a phase.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import BoolArray, ComplexArray, IntArray
from solenoidal.errors import SymmetryError

LARGEST_SYSTEM = 6000
"""Unknowns, Σ n_s² over the sites: the normal matrix of that many takes 0.6 GB."""

AMBIGUITY = 1e-11
"""Second eigenvalue of the normal matrix, relative to the mean one, below which D is not unique."""

REFINEMENTS = 12
"""Largest number of steps towards an exact representation; each squares the error."""

Equation = tuple[ComplexArray, ComplexArray]
Block = tuple[IntArray, IntArray]


@dataclass(frozen=True, eq=False)
class Fit:
    """A unitary ``matrix`` (n, n), the ``isotropy`` of the solution it was made of (smallest singular value over the
    largest, one for a unitary matrix times a number), and whether that solution is ``unique``."""

    matrix: ComplexArray
    isotropy: float
    unique: bool


def fit(equations: Sequence[Equation], blocks: Sequence[Block], n: int) -> Fit:
    """D (n, n) that solves X D = D Y best for all ``equations`` (X, Y), each (m, n, n), made unitary.

    ``blocks`` lists the orbitals of the image and of the site itself, for each site. Raises ``SymmetryError`` when the
    system is too large.
    """
    unknowns = sum(len(source) ** 2 for _, source in blocks)
    if unknowns > LARGEST_SYSTEM:
        raise SymmetryError(
            f"the orbitals need {unknowns} unknowns for one operation (the sum of the squares of the orbitals on each "
            f"site); at most {LARGEST_SYSTEM} are solved, leave symmetrise off for this model"
        )
    normal = normal_matrix(equations, blocks)
    mean = float(np.trace(normal).real) / unknowns
    last = min(1, unknowns - 1)
    import scipy.linalg  # here, since it takes a tenth of the program's start

    values, vectors = scipy.linalg.eigh(normal, subset_by_index=(0, last), overwrite_a=True)
    unique = last == 0 or bool(values[1] > AMBIGUITY * mean)
    matrix, isotropy = _unitary(np.asarray(vectors[:, 0], dtype=np.complex128), blocks, n)
    return Fit(matrix, isotropy, unique)


def normal_matrix(equations: Sequence[Equation], blocks: Sequence[Block]) -> ComplexArray:
    """N of Σ |X D − D Y|² = D† N D, for D as the vector of its blocks one after the other, each row by row."""
    sizes = [len(source) for _, source in blocks]
    start = np.concatenate([[0], np.cumsum(np.square(sizes))]).astype(np.int64)
    part = [slice(int(a), int(b)) for a, b in itertools.pairwise(start)]
    N = np.zeros((int(start[-1]), int(start[-1])), dtype=np.complex128)
    for s, (rows, left) in enumerate(blocks):
        for u, (columns, right) in enumerate(blocks):
            n, m = sizes[s], sizes[u]
            X = np.concatenate([x[:, rows[:, None], columns] for x, _ in equations]).reshape(-1, n, m)
            Y = np.concatenate([y[:, left[:, None], right] for _, y in equations]).reshape(-1, n, m)
            # Rows [a, b] of this pair of sites: Σ_c X_ac D^u_cb − Σ_c D^s_ac Y_cb.
            tall, wide = X.reshape(-1, m), Y.swapaxes(0, 1).reshape(n, -1)
            N[part[u], part[u]] += np.kron(tall.conj().T @ tall, np.eye(m))
            N[part[s], part[s]] += np.kron(np.eye(n), wide.conj() @ wide.T)
            mixed = (X.reshape(-1, n * m).conj().T @ Y.reshape(-1, n * m)).reshape(n, m, n, m)
            cross = mixed.transpose(1, 3, 0, 2).reshape(m * m, n * n)
            N[part[u], part[s]] -= cross
            N[part[s], part[u]] -= cross.conj().T
    return N


def _unitary(vector: ComplexArray, blocks: Sequence[Block], n: int) -> tuple[ComplexArray, float]:
    """Nearest unitary to each block of ``vector``, and the smallest singular value of all over the largest."""
    D = np.zeros((n, n), dtype=np.complex128)
    found: list[float] = []
    start = 0
    for rows, source in blocks:
        size = len(source)
        if not size:
            continue
        left, singular, right = np.linalg.svd(vector[start : start + size**2].reshape(size, size))
        D[rows[:, None], source] = left @ right
        found += [float(singular[0]), float(singular[-1])]
        start += size**2
    return D, min(found) / max(found)


def product(D: ComplexArray, antiunitary: bool, other: ComplexArray) -> ComplexArray:
    """Matrix of the product of two operations, (D K)(D' K') = D D'* K K' where the first is ``antiunitary``."""
    return np.asarray(D @ (other.conj() if antiunitary else other))


def exact_representation(matrices: ComplexArray, antiunitary: BoolArray, table: IntArray) -> ComplexArray:
    """The projective representation nearest to nearly multiplicative unitary ``matrices`` (g, n, n), to rounding.

    D_g becomes the unitary part of Σ_h D_gh D_h⁻¹, the phases of its terms made equal: the error is squared at each
    step (Grove, Karcher & Ruh, Math. Ann. 211, 7 (1974)). ``table`` (g, g) holds the number of the product gh.
    Raises ``SymmetryError`` when this does not converge: the matrices are no representation of the group.
    """
    D = matrices
    n = D.shape[1]
    for _ in range(REFINEMENTS):
        improved = np.empty_like(D)
        inverse = D.conj().swapaxes(-1, -2)
        for g in range(len(D)):
            terms = D[table[g]] @ (inverse.conj() if antiunitary[g] else inverse)
            overlap = np.einsum("hab,ab->h", terms, D[g].conj())
            left, _, right = np.linalg.svd(np.einsum("hab,h->ab", terms, overlap.conj()))
            improved[g] = left @ right
        change = float(np.max(np.abs(improved - D)))
        D = improved
        if change < 1e-14 * n:
            return D
    raise SymmetryError(
        f"the matrices that turn the orbitals into one another do not multiply like the {len(D)} operations of the "
        "group; give a smaller group, or leave symmetrise off for this model"
    )
