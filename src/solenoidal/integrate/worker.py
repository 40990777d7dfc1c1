"""The computation of one block of k points, as data that can be sent to another thread, process or machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solenoidal.arrays import RealArray
from solenoidal.bloch.interpolation import Interpolator
from solenoidal.bloch.states import BlochStates, Degeneracy
from solenoidal.errors import ModelError
from solenoidal.integrate.columns import ColumnLayout
from solenoidal.integrate.meshes import KBlock
from solenoidal.integrate.tally import PartSums, TallyRule
from solenoidal.responses.response import Response
from solenoidal.sampling.energy_grid import SparseDensity
from solenoidal.sampling.kinds import Sampling

AUDIT_GAPS = (0.001, 0.005, 0.020, 0.050)
"""Gaps (eV) below which pairs of bands are left out, one after the other, by the degeneracy audit."""


@dataclass(frozen=True)
class Task:
    """One block of one replica; ``occupations`` (nk, n, rows) weigh its states where their energies alone do not."""

    replica: int
    block: KBlock
    occupations: RealArray | None = None


@dataclass(frozen=True)
class BlockSum:
    """What a block contributes: all terms side by side, the same without close pairs, the audit's weight, the lowest
    and highest energy of each band (2, n), and what its cells of the zone add to the published numbers."""

    density: SparseDensity
    audit: tuple[SparseDensity, ...]
    audit_weight: float
    band_edges: RealArray
    cells: PartSums | None = None


@dataclass(frozen=True)
class BlockWorker:
    """Computes one block; holds only data, so that it can be sent to another process."""

    source: Interpolator
    responses: tuple[Response, ...]
    columns: ColumnLayout
    degeneracy: Degeneracy
    grid: Sampling
    chunk: int
    audit_stride: int
    tally: TallyRule | None = None

    def __call__(self, task: Task) -> BlockSum:
        """Diagonalise the block chunk by chunk and sort every term into the energy grid."""
        block = task.block
        energies, edges, weights = [], [], []
        values = np.empty(0)
        close: list[list[tuple[RealArray, RealArray, RealArray]]] = [[] for _ in AUDIT_GAPS]
        chosen = np.zeros(len(block.k), dtype=bool)
        if task.replica == 0 and self.audit_stride > 0:
            chosen[block.index % self.audit_stride :: self.audit_stride] = True
        start = 0
        for orbital in self.source.parts(block.k, self.chunk):
            stop = start + len(orbital.hamiltonian)
            states = BlochStates.diagonalise(
                orbital,
                block.k[start:stop],
                block.weights[start:stop],
                self.degeneracy,
                self.grid.top,
            )
            if start == 0:
                values = np.empty((len(block.k), states.energies.shape[1], self.columns.width))
            columns = values[start:stop]
            columns[...] = self.evaluate(states)
            shares = states.weights if task.occupations is None else _group_shares(task.occupations[start:stop], states)
            energies.append(states.occupation_energies)
            weights.append(shares)
            edges.append((states.energies.min(axis=0), states.energies.max(axis=0)))
            self._audit(states, columns, shares, np.flatnonzero(chosen[start:stop]), close)
            start = stop
        all_energies = np.concatenate(energies)
        density = self.grid.collect(all_energies, np.concatenate(weights), values)
        cells = None if self.tally is None else self.tally(block, all_energies, values)
        audit = tuple(self._bin_audit(parts) for parts in close)
        return BlockSum(density, audit, float(block.weights[chosen].sum()), outermost(np.array(edges)), cells)

    def evaluate(self, states: BlochStates) -> RealArray:
        """Every term of every response side by side, (nk, n, columns)."""
        packed = self.columns.quantities(states)
        # One number that is not finite spoils the sum, which costs less than a look at each.
        if not np.isfinite(packed.sum()):
            for slot in self.columns.slots:
                finite = np.isfinite(packed[..., slot.columns]).all(axis=(1, 2))
                if not finite.all():
                    k = states.k[np.argmin(finite)].tolist()
                    raise ModelError(f"{slot.response}: term {slot.name!r} is not finite at k = {k} (fractional)")
        return packed

    def _audit(
        self,
        states: BlochStates,
        columns: RealArray,
        weights: RealArray,
        sample: NDArray[np.int64],
        close: list[list[tuple[RealArray, RealArray, RealArray]]],
    ) -> None:
        """Append what pairs of bands closer than each gap contribute at the sampled points that have such pairs."""
        if not len(sample):
            return
        gaps = np.diff(states.energies[sample], axis=1)
        gaps[np.diff(states.labels[sample], axis=1) == 0] = np.inf
        smallest = gaps.min(axis=1, initial=np.inf)
        for gap, parts in zip(AUDIT_GAPS, close, strict=True):
            index = sample[smallest < gap]
            if len(index):
                without = self.evaluate(states.subset(index, gap))
                parts.append((states.occupation_energies[index], weights[index], columns[index] - without))

    def _bin_audit(self, parts: list[tuple[RealArray, RealArray, RealArray]]) -> SparseDensity:
        if not parts:
            return SparseDensity(np.zeros(0, dtype=np.int64), np.zeros((0, self.grid.moments, self.columns.width)))
        energies, weights, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return self.grid.collect(energies, weights, values)


def _group_shares(occupations: RealArray, states: BlochStates) -> RealArray:
    """Mean of the ``occupations`` (nk, n, rows) over degenerate groups: a group is occupied as a whole."""
    same = states.same_group
    return np.asarray((same / same.sum(axis=2, keepdims=True)) @ occupations)


def outermost(edges: RealArray) -> RealArray:
    """Lowest of the lower and highest of the upper band edges of ``edges`` (parts, 2, n); (2, n)."""
    return np.stack([edges[:, 0].min(axis=0), edges[:, 1].max(axis=0)])
