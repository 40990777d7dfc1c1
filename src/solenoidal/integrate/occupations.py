"""The first of two passes of a run by the simplex rule: from the energies on a whole mesh to weights of its states.

Blocks are diagonalised for their eigenvalues alone, those of the irreducible points are laid out on the full mesh, and
each block is given the weights of its own states to take along, so that the second pass needs no other block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from solenoidal.bloch.groups import group_means
from solenoidal.bloch.interpolation import Model, hamiltonian_function
from solenoidal.bloch.states import Degeneracy
from solenoidal.bloch.symmetry import SymmetryGroup
from solenoidal.errors import ModelError
from solenoidal.integrate.executors import map_blocks
from solenoidal.integrate.meshes import Mesh, UniformMesh
from solenoidal.integrate.simplices import cell_simplices, simplex_weights
from solenoidal.integrate.worker import Task
from solenoidal.results.sampling import Sampling
from solenoidal.results.tetrahedra import TetrahedronPoints

RealArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


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
        energies = np.asarray(np.linalg.eigvalsh(matrices), dtype=np.float64)
        return group_means(energies, self.degeneracy.labels(energies))


def occupy(
    pool: Executor,
    model: Model,
    degeneracy: Degeneracy,
    sampling: Sampling,
    group: SymmetryGroup,
    meshes: Sequence[Mesh],
    tasks: Sequence[Task],
) -> Sequence[Task]:
    """``tasks`` with the weights of their states, if ``sampling`` is a ``TetrahedronPoints``; otherwise as they are.

    ``meshes`` holds the uniform mesh of each replica. The weights of all tasks are kept at once, 8 bytes for each band
    and row of the sampling at every point evaluated. A model on a momentum box is joined to itself across opposite
    faces, where the simplices are filled or empty for every μ in its valid range.
    """
    if not isinstance(sampling, TetrahedronPoints):
        return tasks
    found = list(map_blocks(pool, BandWorker(hamiltonian_function(model), degeneracy), tasks))
    weighted: list[Task] = []
    for replica, mesh in enumerate(meshes):
        mine = [(task, energies) for task, energies in found if task.replica == replica]
        if not isinstance(mesh, UniformMesh):
            raise TypeError("simplices need a uniform mesh")
        corners = cell_simplices(mesh.divisions, model.reciprocal, model.dimension)
        table = np.concatenate([energies for _, energies in mine])
        place = mesh.representatives(group)
        mu = np.array(sampling.mu)
        weights = simplex_weights(table, place, mesh.divisions, corners, mu, sampling.rule)
        start = 0
        for task, energies in mine:
            kernels = weights[start : start + len(energies)]
            every = np.broadcast_to(task.block.weights[:, None, None], (*energies.shape, 1))
            weighted.append(replace(task, occupations=np.concatenate([kernels, every], axis=2)))
            start += len(energies)
    return weighted
