"""The two passes of a run by the simplex rule: from the energies on a whole mesh to weights of its states.

The first diagonalises blocks for their eigenvalues alone. Those of the irreducible points are laid out on the full
mesh, and each block of the second is given the weights of its own states to take along, so that it needs no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, groupby
from typing import Any

import numpy as np

from solenoidal.arrays import ComplexArray, RealArray
from solenoidal.bloch.eigen import eigh
from solenoidal.bloch.groups import group_means
from solenoidal.bloch.interpolation import Model, hamiltonian_function
from solenoidal.bloch.states import Degeneracy
from solenoidal.errors import ModelError
from solenoidal.integrate.checkpoint import RunningSums
from solenoidal.integrate.meshes import Mesh, UniformMesh
from solenoidal.integrate.passes import Pass
from solenoidal.integrate.worker import Task
from solenoidal.sampling.simplices import cell_simplices, simplex_weights
from solenoidal.sampling.tetrahedra import TetrahedronPoints
from solenoidal.symmetry.search import SymmetryGroup

EIGENVALUE_COST, MESH_COST, LEVEL_COST = 0.2, 0.2, 0.01
"""Processor time of the eigenvalues of a point, and for each point of a full mesh that of the simplices around it and
of every μ; over that of a point in the second pass. Measured on platinum with all definitions; used only to
estimate the remaining time."""


@dataclass(frozen=True)
class BandWorker:
    """Energies (nk, n) of one block as they decide occupations: means over degenerate groups."""

    hamiltonian: Callable[[RealArray], ComplexArray]
    degeneracy: Degeneracy

    def __call__(self, task: Task) -> RealArray:
        """Eigenvalues of H(k); raises ``ModelError`` naming the k point of a matrix that is not finite."""
        matrices = self.hamiltonian(task.block.k)
        finite = np.isfinite(matrices).all(axis=(1, 2))
        if not finite.all():
            k = task.block.k[np.argmin(finite)].tolist()
            raise ModelError(f"the Hamiltonian is not finite at k = {k} (fractional)")
        energies = eigh(matrices)[0]
        return group_means(energies, self.degeneracy.labels(energies))


def simplex_cost(sampling: TetrahedronPoints, size: int) -> float:
    """Time of the weights on a full mesh of ``size`` points over that of one point in the second pass."""
    return size * (MESH_COST + LEVEL_COST * len(sampling.mu))


@dataclass(frozen=True)
class Occupations:
    """Energies of all ``tasks`` of a run, and from them the weights of its states, one replica after the other.

    ``meshes`` holds the uniform mesh of each replica. The energies of every replica that is not complete are kept, 8
    bytes for each band at every point evaluated; they are part of the checkpoint. The weights of one replica are kept,
    8 bytes for each band and row of the ``sampling`` at every point it evaluates, and those of the blocks under way. A
    model on a momentum box is joined to itself across opposite faces, where the simplices are filled or empty for every
    μ in its valid range.
    """

    model: Model
    degeneracy: Degeneracy
    sampling: TetrahedronPoints
    group: SymmetryGroup
    meshes: Sequence[Mesh]
    tasks: Sequence[Task]

    def passes(self, main: Pass) -> list[Pass]:
        """The pass over the eigenvalues, and ``main`` with weighted states."""
        blocks = len(self.tasks)
        worker = BandWorker(hamiltonian_function(self.model), self.degeneracy)
        points = np.diff(self._begin).astype(np.float64)
        costs = points.copy()
        for replica, numbers in self._replicas():
            costs[numbers[0]] += simplex_cost(self.sampling, self.meshes[replica].size)
        first = Pass("eigenvalues", worker, lambda _, done, __: self.tasks[done:], self._keep, EIGENVALUE_COST * points)

        def add(sums: RunningSums, task: Task, part: Any) -> None:
            main.add(sums, task, part)
            self._let_go(sums, sums.done - blocks)

        return [first, replace(main, tasks=self.weighted, add=add, costs=costs)]

    def empty(self) -> RealArray:
        """Room for the energies (points, n) of every block in turn."""
        return np.zeros((self._begin[-1], self.model.n_orbitals))

    def weighted(self, sums: RunningSums, first: int, pool: Executor) -> Iterator[Task]:
        """The tasks from number ``first`` on with the weights of their states, found when a replica begins.

        They are computed in the threads of ``pool``, by the calling one alone if it has none here.
        """
        levels = sums.levels
        for replica, mine in self._replicas():
            if mine[-1] < first:
                continue
            begin, end = self._begin[mine[0]], self._begin[mine[-1] + 1]
            # The rows of complete replicas are gone, so they are counted from the end.
            table = levels[len(levels) - self._begin[-1] + begin :][: end - begin]
            weights = self._weights(table, self.meshes[replica], pool)
            for number in mine:
                if number >= first:
                    rows = slice(self._begin[number] - begin, self._begin[number + 1] - begin)
                    yield _with_occupations(self.tasks[number], weights[rows])
            del weights

    def _replicas(self) -> Iterator[tuple[int, list[int]]]:
        """Each replica and the numbers of its tasks."""
        for replica, numbers in groupby(range(len(self.tasks)), lambda number: self.tasks[number].replica):
            yield replica, list(numbers)

    @cached_property
    def _begin(self) -> list[int]:
        """First row of each task, and the number of rows."""
        return [0, *accumulate(len(task.block.k) for task in self.tasks)]

    def _keep(self, sums: RunningSums, task: Task, energies: RealArray) -> None:
        sums.levels[self._begin[sums.done] : self._begin[sums.done + 1]] = energies

    def _let_go(self, sums: RunningSums, number: int) -> None:
        """Drop the energies of the replica that block ``number`` completes."""
        last = number + 1 == len(self.tasks)
        if last or self.tasks[number + 1].replica != self.tasks[number].replica:
            left = self._begin[-1] - self._begin[number + 1]
            sums.levels = sums.levels[len(sums.levels) - left :]

    def _weights(self, table: RealArray, mesh: Mesh, pool: Executor) -> RealArray:
        if not isinstance(mesh, UniformMesh):
            raise TypeError("simplices need a uniform mesh")
        corners = cell_simplices(mesh.divisions, self.model.reciprocal, self.model.dimension)
        place, mu = mesh.representatives(self.group), np.array(self.sampling.mu)
        threads = pool if isinstance(pool, ThreadPoolExecutor) else None
        return simplex_weights(table, place, mesh.divisions, corners, mu, self.sampling.rule, pool=threads)


def _with_occupations(task: Task, kernels: RealArray) -> Task:
    """``task`` with the weights ``kernels`` (nk, n, 3 μ) of its states and the row that counts each of them."""
    every = np.broadcast_to(task.block.weights[:, None, None], (*kernels.shape[:2], 1))
    return replace(task, occupations=np.concatenate([kernels, every], axis=2))
