"""States on an energy shell: velocities, operators and their currents inside each group of degenerate bands."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from solenoidal.arrays import ComplexArray, IntArray, RealArray
from solenoidal.bloch.eigen import eigh
from solenoidal.bloch.interpolation import Interpolator
from solenoidal.errors import ModelError

CHUNK = 256

TOUCHING = 1e-9
"""Bands closer than this fraction of the range of energies touch."""

GENERIC = np.array([0.7123, 0.5917, 0.3774])
"""A direction without symmetry, along which velocities of crossing bands differ."""


@dataclass(frozen=True, eq=False)
class StateBlock:
    """States of the shell points whose band group has ``g`` members.

    ``index`` (m,) positions among the shell points; ``energies`` (m, g) in eV; ``vectors`` (m, orbital, g) with the
    phases e^{ik·R} of the model, so that a coefficient is the amplitude on an orbital of the home cell; ``velocity``
    (m, g, 3, g) in eV Å; ``operators`` name → (m, g, legs, g), the projected operator; ``currents`` name → (m, g, 3,
    legs, g), the projection of ½{v, s} of the full matrices; ``gap`` (m,) distance to the nearest other band (eV).
    """

    index: IntArray
    energies: RealArray
    vectors: ComplexArray
    velocity: ComplexArray
    operators: Mapping[str, ComplexArray]
    currents: Mapping[str, ComplexArray]
    gap: RealArray

    @property
    def size(self) -> int:
        """Members g of the group."""
        return int(self.energies.shape[1])


@dataclass(frozen=True, eq=False)
class StateSource:
    """Evaluates the members of band groups at given points; ``starts`` (groups + 1,) first band of each group."""

    interpolation: Interpolator
    starts: IntArray
    names: tuple[str, ...]
    pool: Executor | None = None

    def velocity(self, k: RealArray, group: IntArray) -> RealArray:
        """Mean velocity (m, 3) in eV Å of group ``group[j]`` at fractional ``k[j]``."""
        result = np.zeros((len(k), 3))
        for block in self._blocks(k, group, ()):
            diagonal = np.einsum("mnin->mi", block.velocity).real
            result[block.index] = diagonal / block.size
        return result

    def blocks(self, k: RealArray, group: IntArray) -> tuple[StateBlock, ...]:
        """States at fractional ``k`` (m, 3), one block for each size of group."""
        return self._blocks(k, group, self.names)

    def _blocks(self, k: RealArray, group: IntArray, names: tuple[str, ...]) -> tuple[StateBlock, ...]:
        sizes = np.diff(self.starts)[group]
        found = []
        for g in np.unique(sizes):
            index = np.flatnonzero(sizes == g)
            first = self.starts[group[index]]
            jobs = [(index[i : i + CHUNK], first[i : i + CHUNK]) for i in range(0, len(index), CHUNK)]
            run = map if self.pool is None or len(jobs) == 1 else self.pool.map
            parts = list(run(lambda job, g=int(g): self._solve(k, job[0], job[1], g, names), jobs))  # type: ignore[misc]
            found.append(_join(parts))
        return tuple(found)

    def _solve(self, k: RealArray, index: IntArray, first: IntArray, g: int, names: tuple[str, ...]) -> StateBlock:
        matrices = self.interpolation.at(k[index])
        if not np.isfinite(matrices.hamiltonian).all():
            raise ModelError("the Hamiltonian is not finite at some point of the energy shell; correct the model")
        energies, vectors = eigh(matrices.hamiltonian)
        m, n = energies.shape
        bands = first[:, None] + np.arange(g)
        _separate_crossings(energies, vectors, matrices.velocity, first, g)
        own = np.take_along_axis(energies, bands, axis=1)
        C = np.ascontiguousarray(np.take_along_axis(vectors, bands[:, None, :], axis=2))
        vC = (matrices.velocity.reshape(m, n * 3, n) @ C).reshape(m, n, 3, g)
        velocity = np.einsum("mng,mnih->mgih", C.conj(), vC, optimize=True)
        operators, currents = {}, {}
        for name in names:
            if name not in matrices.operators:
                have = ", ".join(sorted(matrices.operators)) or "none"
                raise ModelError(f"the model has no operator {name!r} (it has: {have})")
            s = matrices.operators[name]
            legs = s.shape[2]
            sC = (s.reshape(len(s), n * legs, n) @ C).reshape(m, n, legs, g)
            operators[name] = np.einsum("mng,mnah->mgah", C.conj(), sC, optimize=True)
            half = np.einsum("mnig,mnah->mgiah", vC.conj(), sC, optimize=True)
            currents[name] = 0.5 * (half + half.conj().transpose(0, 4, 2, 3, 1))
        outside = np.abs(energies[:, None, :] - own[:, :, None])
        inside = np.abs(np.arange(n)[None] - first[:, None] - (g - 1) / 2) < g / 2
        outside[np.broadcast_to(inside[:, None, :], outside.shape)] = np.inf
        return StateBlock(index, own, C, velocity, operators, currents, outside.min(axis=(1, 2)))


def _separate_crossings(
    energies: RealArray, vectors: ComplexArray, velocity: ComplexArray, first: IntArray, g: int
) -> None:
    """Where another band touches the group exactly, choose states of definite velocity, in place.

    On two crossing bands the eigenvectors of H alone are an arbitrary mixture of both, which would connect parts of the
    shell that scattering does not (two spins, two mirror parities).
    """
    if energies.shape[1] == g:
        return
    gap = np.diff(energies, axis=1)
    limit = TOUCHING * max(float(np.ptp(energies)), 1e-300)
    rows = np.arange(len(first))
    below = np.where(first > 0, gap[rows, np.maximum(first - 1, 0)], np.inf)
    top = first + g - 1
    above = np.where(top < energies.shape[1] - 1, gap[rows, np.minimum(top, gap.shape[1] - 1)], np.inf)
    for row in np.flatnonzero(np.minimum(below, above) < limit):
        together = np.abs(energies[row] - energies[row, first[row]]) < 2 * limit
        V = vectors[row][:, together]
        along = np.tensordot(velocity[row], GENERIC, axes=(1, 0))
        vectors[row][:, together] = V @ np.linalg.eigh(V.conj().T @ along @ V)[1]


def _join(parts: list[StateBlock]) -> StateBlock:
    first = parts[0]
    if len(parts) == 1:
        return first
    return StateBlock(
        np.concatenate([p.index for p in parts]),
        np.concatenate([p.energies for p in parts]),
        np.concatenate([p.vectors for p in parts]),
        np.concatenate([p.velocity for p in parts]),
        {name: np.concatenate([p.operators[name] for p in parts]) for name in first.operators},
        {name: np.concatenate([p.currents[name] for p in parts]) for name in first.currents},
        np.concatenate([p.gap for p in parts]),
    )
